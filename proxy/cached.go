package proxy

import (
	"context"
	"encoding/binary"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/keys"
	"github.com/reprise-cache/reprise/proxy/internal/prices"
	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// settleWait is how long a client waits for an answer that another one has just been given to be stored, so that the
// repeat is the hit that it looks like.
const settleWait = time.Second

// cached serves the endpoints whose answers are cached.
func (s *Server) cached(ctx *fasthttp.RequestCtx, x *exchange, m *questions) {
	if x.accept(ctx, keys.Call) {
		x.answer(ctx, m)
	}
}

// answer answers a request that was accepted, from the cache or from the provider.
func (x *exchange) answer(ctx *fasthttp.RequestCtx, m *questions) {
	if !x.key(ctx, m) {
		return
	}
	if x.question != nil && x.question.NoCache == "" && x.s.cfg.Cache != nil {
		x.lookUp(ctx)
		x.lookAgain(ctx)
		if x.hit() && x.sendHit(ctx, m.dialect) {
			x.shadowCheck(ctx, m.dialect, x.s.ask)
			return
		}
	}
	if x.d.onlyIfCached {
		x.fail(ctx, notCached())
		return
	}
	x.load(ctx, m.dialect)
}

// accept reads the request's headers, finds who asks, and decides where the request may go. It reports whether to go on.
func (x *exchange) accept(ctx *fasthttp.RequestCtx, need keys.Scopes) bool {
	err := x.open(ctx, need)
	if err == nil {
		err = x.understand(ctx)
	}
	if err != nil {
		x.refuse(ctx, err)
		return false
	}
	return true
}

// understand reads what the headers say of routing and of the cache, once it is known who asks.
func (x *exchange) understand(ctx *fasthttp.RequestCtx) *apiError {
	err := x.choose(ctx.PostBody())
	if err == nil {
		err = x.d.parse()
	}
	if err == nil {
		err = x.place()
	}
	if err == nil {
		err = x.settle(ctx)
	}
	return err
}

// open reads what of the headers says who asks, and whether he may.
func (x *exchange) open(ctx *fasthttp.RequestCtx, need keys.Scopes) *apiError {
	if err := x.d.open(&ctx.Request.Header); err != nil {
		return err
	}
	if err := x.fromPage(ctx); err != nil {
		return err
	}
	return x.allowed(need)
}

// refuse answers a request that was not understood, of which there is nothing to say but that.
func (x *exchange) refuse(ctx *fasthttp.RequestCtx, err *apiError) {
	x.plan = nil
	x.fail(ctx, err)
}

// settle applies what the plan says of the body. Where there is but one target the question is what that target is asked;
// where there are several, each is asked in its own way and the question is what the client sent.
func (x *exchange) settle(ctx *fasthttp.RequestCtx) *apiError {
	x.d.encoded = x.d.isEncoded()
	over := false
	for _, t := range x.plan.Leaves {
		over = over || len(t.Override) > 0
	}
	if !over {
		return nil
	}
	if x.d.encoded {
		return badRequest("invalid_body", "override_params", "override_params cannot be put over a body that is compressed")
	}
	if !x.plan.mixed && x.plan.First.Same(x.plan.Leaves[0]) {
		x.merged = x.plan.First.Body(x.body(ctx))
	}
	return nil
}

// key reads the question. It reports whether to go on.
func (x *exchange) key(ctx *fasthttp.RequestCtx, m *questions) bool {
	if x.d.encoded {
		x.note, x.length = "the body is compressed", len(ctx.PostBody())
		return true
	}
	q, err := m.read(x.body(ctx))
	if err != nil {
		x.fail(ctx, bodyError(err))
		return false
	}
	x.question, x.note, x.length = q, q.NoCache, q.Length
	if x.sent != nil {
		x.keepAsked(x.sent.body)
	} else {
		x.keepAsked(ctx.PostBody())
	}
	return true
}

// lookUp asks the cache.
func (x *exchange) lookUp(ctx *fasthttp.RequestCtx) {
	query := x.query(ctx)
	x.written = x.s.filler.written.Load() // before the look-up: see again
	x.keyTime = time.Since(x.start)
	lctx := x.s.ctx
	if x.d.timeout > 0 {
		var cancel context.CancelFunc
		lctx, cancel = context.WithDeadline(lctx, x.start.Add(x.d.timeout))
		defer cancel()
	}
	x.lookup = x.s.cfg.Cache.Lookup(lctx, query)
	x.keyTime += x.lookup.Timing.Key
}

func (x *exchange) query(ctx *fasthttp.RequestCtx) cache.Query {
	d := &x.d
	q := cache.Query{
		Namespace: d.namespace, Messages: x.question.Messages, Mode: d.mode, Threshold: d.threshold, MaxError: d.maxError,
		MaxAge: d.maxAge, TTL: d.ttl, ForceRefresh: d.refreshes(), NoStore: d.noStore,
		Conversation: d.conversation, IgnoreSystem: d.ignoreSystem,
	}
	x.s.restrict(&q)
	d.ignoreSystem = q.IgnoreSystem // what is in force
	if x.question.ExactOnly {
		q.Mode = x.exactMode(&q)
	}
	owner := x.owner()
	q.TraceID, q.Source = d.trace, x.source(owner)
	x.caller = q.Source
	f := &d.fields
	scope := x.plan.scope(x.merged != nil)
	vary, forwarded := d.variation(&ctx.Request.Header), x.plan.forwardedScope(&ctx.Request.Header)
	q.Scope = cache.Hash(x.question.Scope[:], scope[:], vary[:], forwarded[:], ctx.URI().QueryString(), owner[:],
		f.std[stdOrganization], f.std[stdProject], f.std[stdBeta], f.std[stdAnthropicVersion], f.std[stdAnthropicBeta])
	return q
}

// exactMode is the mode of a question that only an equal one may share. Where nothing may be served, nothing is looked for.
func (x *exchange) exactMode(q *cache.Query) cache.Mode {
	mode := q.Mode
	if mode == cache.ModeDefault {
		mode = x.s.cfg.Cache.Namespace(q.Namespace).Mode
	}
	if mode == cache.ModeOff || mode == cache.ModeShadow {
		return cache.ModeOff
	}
	return cache.ModeSimple
}

// sendHit sends the stored answer. It reports false if the entry turns out not to be one, which only a file that
// another program wrote to can bring about.
func (x *exchange) sendHit(ctx *fasthttp.RequestCtx, d *wire.Dialect) bool {
	e := x.lookup.Entry
	lay, err := x.s.places.of(d, e)
	if err != nil {
		x.disabled, x.note = true, "the stored entry is not an answer"
		return false
	}
	x.credit(lay)
	x.status = fasthttp.StatusOK
	if x.question.Stream {
		body, err := d.Replay(nil, x.fresh(nil, e.Value.Body, lay), x.question.IncludeUsage)
		if err != nil {
			x.disabled, x.note = true, "the stored entry cannot be streamed"
			return false
		}
		ctx.SetContentType("text/event-stream; charset=utf-8")
		ctx.Response.Header.Set("Cache-Control", "no-cache")
		ctx.Response.SetBodyRaw(body)
	} else {
		ctx.SetContentType("application/json")
		x.appendFresh(ctx, e.Value.Body, lay)
	}
	x.writeHeaders(&ctx.Response.Header)
	if lay.NoUsage != (wire.Span{}) && x.s.cfg.Usage != ZeroUsage && (!x.question.Stream || x.question.IncludeUsage) {
		ctx.Response.Header.SetCanonical(hUsage, vEstimated)
	}
	if x.s.cfg.RequestLog.Bodies {
		x.keepAnswered(ctx.Response.Body())
	}
	x.log()
	return true
}

// appendFresh writes the body into the response's own, pooled buffer.
func (x *exchange) appendFresh(ctx *fasthttp.RequestCtx, body []byte, lay *layout) {
	var buf [96]byte
	at := 0
	for _, c := range lay.cuts {
		ctx.Response.AppendBody(body[at:c.Start])
		ctx.Response.AppendBody(x.appendCut(buf[:0], body, lay, c))
		at = c.End
	}
	ctx.Response.AppendBody(body[at:])
}

func (x *exchange) fresh(dst, body []byte, lay *layout) []byte {
	at := 0
	for _, c := range lay.cuts {
		dst = append(dst, body[at:c.Start]...)
		dst = x.appendCut(dst, body, lay, c)
		at = c.End
	}
	return append(dst, body[at:]...)
}

func (x *exchange) appendCut(dst, body []byte, lay *layout, c cut) []byte {
	switch c.what {
	case cutID:
		if x.question.KeepID {
			return append(dst, body[c.Start:c.End]...)
		}
		return appendFreshID(dst, lay.IDPrefix)
	case cutCreated, cutCompleted:
		return appendUnix(dst, x.start)
	case cutEcho:
		if c.name == wire.Instructions && !x.d.ignoreSystem { // in the key, so that what the provider said holds for all who share
			return append(dst, body[c.Start:c.End]...)
		}
		return append(dst, x.question.Echo[c.name]...)
	case cutNoUsage:
		t := x.bill.saved
		if x.s.cfg.Usage == ZeroUsage {
			t = prices.Tokens{}
		}
		return wire.AppendUsage(dst, t.Prompt(), t.Output)
	}
	if x.s.cfg.Usage == ZeroUsage {
		return append(dst, wire.ZeroUsage(body[c.Start:c.End])...)
	}
	return append(dst, body[c.Start:c.End]...)
}

// load has a provider answer, sharing its call with equal requests where that is allowed.
func (x *exchange) load(ctx *fasthttp.RequestCtx, d *wire.Dialect) {
	s := x.s
	c, apiErr := x.call(ctx, d)
	if apiErr != nil {
		x.fail(ctx, apiErr)
		return
	}
	// The cache keeps answers as they are, so it asks for them as they are; and its directives end here.
	delete(c.header, "Accept-Encoding")
	delete(c.header, "Cache-Control")
	x.called = true
	if x.lookup == nil || x.lookup.Status != cache.Miss || x.disabled {
		var key flightKey
		if x.lookup != nil && x.lookup.Status == cache.Refresh {
			key = flightKey{exact: x.lookup.Key(), credential: x.credential(), refresh: true}
		}
		f := newFlight(s.ctx, key, s.cfg.MaxAnswerBytes)
		if key.refresh {
			s.flights.add(f)
		}
		l := f.join()
		s.start(&runner{s: s, f: f, call: c, dialect: d, lookup: x.lookup, trace: x.d.trace})
		x.deliver(ctx, d, l)
		return
	}
	key := x.flightKey()
	key.stream, key.includeUsage = x.question.Stream, x.question.IncludeUsage
	l, made := s.flights.join(key, []*cache.Lookup{x.lookup}, func() *flight { return newFlight(s.ctx, key, s.cfg.MaxAnswerBytes) })
	if made {
		if key.conduct != (cache.Digest{}) { // those who ask in another way are to find it when it is over
			s.flights.bring(l.f, []cache.Digest{key.exact}, key.credential)
		}
		s.start(&runner{s: s, f: l.f, call: c, dialect: d, lookup: x.lookup, trace: x.d.trace, again: x.again(ctx)})
		x.deliver(ctx, d, l)
		return
	}
	x.shared = true
	s.shared.Add(1)
	x.deliver(ctx, d, l)
}

// flightKey is that of a call for the question, but for the form of its answer.
func (x *exchange) flightKey() flightKey {
	return flightKey{exact: x.lookup.Key(), credential: x.credential(), conduct: x.conduct()}
}

// conduct digests what else two calls of one exact key may differ in so that the one client must not have what the other is
// given: what their configs say of going on after a failure, until when they may try again, and what their answers repeat of the
// request. It is zero for most, but never for those of [wire.Responses], whose answers repeat some of it always.
func (x *exchange) conduct() cache.Digest {
	conduct := x.plan.Conduct()
	var parts [][]byte
	if x.d.timeout > 0 && x.plan.Retries() { // which the first client's deadline ends
		parts = append(parts, binary.BigEndian.AppendUint64(nil, uint64(x.d.timeout)))
	}
	for _, name := range slices.Sorted(maps.Keys(x.question.Echo)) {
		parts = append(parts, []byte(name), x.question.Echo[name])
	}
	if len(parts) == 0 {
		return conduct
	}
	return cache.Hash(append(parts, []byte("reprise/proxy/conduct/1"), conduct[:])...)
}

// lookAgain lets a client that asks right after an answer was given find it: where such an answer is on its way to the
// cache, it waits for it to get there. If anything was written since the look-up began, it looks once more. An answer
// that takes too long, or is not stored after all, leaves the first look-up as it was. A refresh only waits: writes are
// not in order, and the answer that it replaces must not be the last.
func (x *exchange) lookAgain(ctx *fasthttp.RequestCtx) {
	var f *flight
	switch x.lookup.Status {
	case cache.Miss:
		f = x.s.flights.ending(x.flightKey())
	case cache.HitExact:
		f = x.s.flights.refreshed(x.lookup.Key(), x.credential())
	case cache.Refresh:
		if f = x.s.flights.ending(x.flightKey()); f == nil {
			f = x.s.flights.refreshed(x.lookup.Key(), x.credential())
		}
	default:
		return
	}
	if f != nil && !f.awaitSettled(x.patience()) {
		return
	}
	if x.lookup.Status == cache.Refresh {
		return
	}
	if again := x.again(ctx); again != nil {
		x.written = x.s.filler.written.Load()
		if l := again(); l.Status.Hit() {
			x.lookup = l
		}
	}
}

// patience is how long the client waits for another's answer to be stored: no longer than its own deadline allows.
func (x *exchange) patience() time.Duration {
	if x.d.timeout == 0 {
		return settleWait
	}
	return min(settleWait, time.Until(x.start.Add(x.d.timeout)))
}

// awaitSettled waits until the flight's answer is stored, or will not be; false: that takes too long.
func (f *flight) awaitSettled(patience time.Duration) bool {
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-f.settled:
		return true
	case <-t.C:
		return false
	}
}

// again returns the look-up that the winner of a flight makes before it calls; nil if none is needed. It is, if an answer
// was written after this request's look-up began: the one that wrote it may have left the flights before this request
// came to join them. The exact tier is enough, since only an equal request could have been joined.
func (x *exchange) again(ctx *fasthttp.RequestCtx) func() *cache.Lookup {
	if x.written == x.s.filler.written.Load() {
		return nil
	}
	if x.lookup.Mode == cache.ModeShadow {
		return nil // which serves nothing
	}
	s, q := x.s, x.query(ctx)
	q.Mode = cache.ModeSimple
	return func() *cache.Lookup { return s.cfg.Cache.Lookup(s.ctx, q) }
}

// useHit sends what a second look-up found, which may have been another's. It reports false if that is nothing: the
// request then calls for itself.
func (x *exchange) useHit(ctx *fasthttp.RequestCtx, d *wire.Dialect, l *cache.Lookup) bool {
	if !l.Status.Hit() {
		return false
	}
	first := x.lookup
	if x.shared {
		first.FilledBy(l)
	}
	x.lookup, x.called, x.shared, x.bill = l, false, false, bill{}
	if x.sendHit(ctx, d) {
		return true
	}
	x.lookup, x.shared, x.bill = first, false, bill{}
	return false
}

// body is the question that the client asks, as far as it is known before a target is chosen. It may die with the ctx.
func (x *exchange) body(ctx *fasthttp.RequestCtx) []byte {
	switch {
	case x.merged != nil:
		return x.merged
	case x.sent != nil:
		return x.sent.body
	}
	return ctx.PostBody()
}

// call copies the request, because the ctx dies before the call does.
func (x *exchange) call(ctx *fasthttp.RequestCtx, d *wire.Dialect) (*call, *apiError) {
	c := &call{
		plan: x.plan, dialect: d,
		method: string(ctx.Method()),
		query:  string(ctx.URI().QueryString()),
		header: x.clientHeaders(&ctx.Request.Header),
		key:    x.who.key,
		length: x.length,
	}
	switch c.method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		c.repeats = true
	}
	if x.question != nil {
		c.model = x.question.Model
		c.repeats = x.question.NoCache == "" // else a provider may keep something of it, or go on with it in the background
	}
	x.d.span.apply(c.header)
	if x.d.timeout > 0 {
		c.deadline = x.start.Add(x.d.timeout)
	}
	if x.sent != nil {
		c.first, c.path, c.body = true, x.sent.path, x.sent.body
		return c, nil
	}
	var err *apiError
	if c.path, err = upstreamPath(ctx.URI().PathOriginal()); err != nil {
		return nil, err
	}
	c.body = append([]byte(nil), ctx.PostBody()...)
	return c, nil
}
