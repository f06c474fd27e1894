package proxy

import (
	"time"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/keys"
	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// inputs is a request for embeddings: each of its inputs is a question of its own, of which only an equal one can share
// the answer.
type inputs struct {
	*wire.Inputs
	lookups []*cache.Lookup // of each input
	missing []int           // the first of each that is not known, to be asked for
	place   map[cache.Digest]int
}

// vectorsLimit is how large an answer may be whatever the limit of one that is kept: it is many answers in one, and
// one that is to be put together with others cannot pass through.
const vectorsLimit = 64 << 20

// embeddings serves POST /v1/embeddings: what is known comes from the cache, the rest in one call from the provider.
func (s *Server) embeddings(ctx *fasthttp.RequestCtx, x *exchange) {
	if !x.accept(ctx, keys.Call) {
		return
	}
	in, ok := x.readInputs(ctx)
	if !ok {
		return
	}
	if in == nil {
		if x.d.onlyIfCached {
			x.fail(ctx, notCached())
			return
		}
		x.load(ctx, wire.Embeddings)
		return
	}
	x.lookUpInputs(ctx, in)
	if len(in.missing) > 0 {
		x.awaitInputs(ctx, in)
	}
	if len(in.missing) == 0 && x.sendVectors(ctx, in) {
		return
	}
	if x.d.onlyIfCached {
		x.fail(ctx, notCached())
		return
	}
	x.loadVectors(ctx, in)
}

// readInputs reads the question; nil if it is not to be cached. It reports whether to go on.
func (x *exchange) readInputs(ctx *fasthttp.RequestCtx) (*inputs, bool) {
	if x.d.encoded {
		x.note, x.length = "the body is compressed", len(ctx.PostBody())
		return nil, true
	}
	q, err := wire.ReadInputs(append([]byte(nil), x.body(ctx)...))
	if err != nil {
		x.fail(ctx, bodyError(err))
		return nil, false
	}
	x.question, x.note, x.length = &wire.Question{Model: q.Model, NoCache: q.NoCache}, q.NoCache, q.Length
	x.keepAsked(ctx.PostBody())
	if x.plan.mixed { // their targets do not stand in for each other: no two models' vectors can be compared
		x.note = "several targets may embed"
		return nil, true
	}
	if q.NoCache != "" || x.s.cfg.Cache == nil {
		return nil, true
	}
	return &inputs{Inputs: q}, true
}

// lookUpInputs asks the cache for each input. The exchange's own look-up, which the headers tell of, is the first that
// is missing, or the first of all.
func (x *exchange) lookUpInputs(ctx *fasthttp.RequestCtx, in *inputs) {
	x.question.Scope, x.question.ExactOnly = in.Scope, true
	x.written = x.s.filler.written.Load()
	in.lookups = make([]*cache.Lookup, len(in.Texts))
	in.missing, in.place = nil, map[cache.Digest]int{}
	for i := range in.Texts {
		x.question.Messages = in.Texts[i : i+1]
		l := x.s.cfg.Cache.Lookup(x.s.ctx, x.query(ctx))
		in.lookups[i] = l
		if _, asked := in.place[l.Key()]; !l.Status.Hit() && (!asked || l.Key() == (cache.Digest{})) {
			in.place[l.Key()] = len(in.missing)
			in.missing = append(in.missing, i)
		}
	}
	x.keyTime = time.Since(x.start)
	x.lookup = in.lookups[0]
	if len(in.missing) > 0 {
		x.lookup = in.lookups[in.missing[0]]
	}
}

// key is that of the call for what is missing.
func (in *inputs) key(x *exchange) flightKey {
	parts := make([][]byte, 0, len(in.missing))
	for _, i := range in.missing {
		k := in.lookups[i].Key()
		if k == (cache.Digest{}) {
			return flightKey{}
		}
		parts = append(parts, k[:])
	}
	return flightKey{exact: cache.Hash(parts...), credential: x.credential(), conduct: x.conduct()}
}

// awaitInputs lets a client that asks for the same again right after it was answered find the answer: see lookAgain.
func (x *exchange) awaitInputs(ctx *fasthttp.RequestCtx, in *inputs) {
	if x.lookup.Status != cache.Miss {
		return
	}
	credential := x.credential()
	for _, i := range in.missing {
		if f := x.s.flights.bringing(in.lookups[i].Key(), credential); f != nil && !f.awaitSettled(x.patience()) {
			return
		}
	}
	if x.written != x.s.filler.written.Load() {
		x.lookUpInputs(ctx, in)
	}
}

// sendVectors answers from the cache alone. It reports false if an entry turns out not to be an answer.
func (x *exchange) sendVectors(ctx *fasthttp.RequestCtx, in *inputs) bool {
	body, model, err := x.joinVectors(in, nil)
	if err != nil {
		x.disabled, x.note = true, "a stored entry is not an answer"
		in.missing, in.place = nil, map[cache.Digest]int{}
		for i, l := range in.lookups {
			in.place[l.Key()] = len(in.missing)
			in.missing = append(in.missing, i)
		}
		return false
	}
	x.status = fasthttp.StatusOK
	ctx.SetContentType("application/json")
	ctx.Response.SetBodyRaw(body)
	x.bill = bill{saved: tokensOf(in.usage()), model: model}
	x.keepAnswered(body)
	x.writeHeaders(&ctx.Response.Header)
	x.log()
	return true
}

// usage is what the inputs that are known cost when they were asked for.
func (in *inputs) usage() (sum wire.Usage) {
	for _, l := range in.lookups {
		if _, missing := in.place[l.Key()]; missing || l.Entry == nil {
			continue
		}
		if p, err := wire.Embeddings.Locate(l.Entry.Value.Body); err == nil {
			sum.Input += p.Cost.Input + p.Cost.Cached
		}
	}
	return sum
}

// joinVectors puts what is known and what was brought, in the order of in.missing, together. Where providers name and date such
// answers, as vLLM does, this one has a name and a date of its own.
func (x *exchange) joinVectors(in *inputs, brought [][]byte) (body []byte, model string, err error) {
	parts := make([][]byte, len(in.lookups))
	for i, l := range in.lookups {
		if n, ok := in.place[l.Key()]; ok && brought != nil {
			parts[i] = brought[n]
			continue
		}
		parts[i] = l.Entry.Value.Body
		if x.s.cfg.Usage == ZeroUsage {
			parts[i] = wire.FreeVectors(parts[i])
		}
	}
	if body, err = wire.JoinVectors(parts); err != nil {
		return nil, "", err
	}
	p, err := wire.Embeddings.Locate(body)
	if err == nil && p.ID.End+p.Created.End > 0 {
		body = x.fresh(nil, body, newLayout(wire.Places{ID: p.ID, IDPrefix: p.IDPrefix, Created: p.Created}))
	}
	return body, p.Model, err
}

// loadVectors has the provider answer what is missing, and puts that into its place.
func (x *exchange) loadVectors(ctx *fasthttp.RequestCtx, in *inputs) {
	x.length = 0
	for _, i := range in.missing {
		x.length += in.Weights[i]
	}
	c, apiErr := x.call(ctx, wire.Embeddings)
	if apiErr != nil {
		x.fail(ctx, apiErr)
		return
	}
	delete(c.header, "Accept-Encoding")
	delete(c.header, "Cache-Control")
	c.body = in.Ask(in.missing)
	x.called = true
	weights := make([]int, len(in.missing))
	lookups := make([]*cache.Lookup, len(in.missing))
	for n, i := range in.missing {
		weights[n], lookups[n] = in.Weights[i], in.lookups[i]
	}
	if len(in.missing) < len(in.lookups) {
		x.merge = func(body []byte) ([]byte, error) {
			brought, err := wire.SplitVectors(body, weights)
			if err != nil {
				return nil, err
			}
			x.chargeBody(wire.Embeddings, body)
			x.bill.saved.Input += in.usage().Input
			body, _, err = x.joinVectors(in, brought)
			return body, err
		}
	}
	run := func(f *flight) *runner {
		return &runner{s: x.s, f: f, call: c, dialect: wire.Embeddings, trace: x.d.trace, split: func(body []byte) []stored {
			parts, err := wire.SplitVectors(body, weights)
			if err != nil {
				return nil
			}
			out := make([]stored, 0, len(parts))
			for n, p := range parts {
				if lookups[n].Status != cache.Bypass {
					out = append(out, stored{lookup: lookups[n], body: p})
				}
			}
			return out
		}}
	}
	limit := max(x.s.cfg.MaxAnswerBytes, vectorsLimit)
	key := in.key(x)
	if x.lookup.Status != cache.Miss || key == (flightKey{}) {
		f := newFlight(x.s.ctx, flightKey{}, limit)
		l := f.join()
		x.s.start(run(f))
		x.deliver(ctx, wire.Embeddings, l)
		return
	}
	l, made := x.s.flights.join(key, lookups, func() *flight { return newFlight(x.s.ctx, key, limit) })
	if made {
		keys := make([]cache.Digest, len(lookups))
		for n, lookup := range lookups {
			keys[n] = lookup.Key()
		}
		x.s.flights.bring(l.f, keys, x.credential())
		x.s.start(run(l.f))
	} else {
		x.shared = true
		x.s.shared.Add(1)
	}
	x.deliver(ctx, wire.Embeddings, l)
}
