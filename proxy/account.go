package proxy

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/prices"
	"github.com/reprise-cache/reprise/proxy/internal/requestlog"
	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// bill is what a request cost, or would have: the tokens of the call that it made, and of those that it did not have to.
type bill struct {
	spent, saved prices.Tokens
	model        string // that answered, as the answer says
}

// charge notes what a provider's answer cost. Whose request shared another's call has saved it.
func (x *exchange) charge(t prices.Tokens, model string) {
	x.bill.model = model
	if x.shared {
		x.bill.saved = t
		return
	}
	x.bill.spent = t
}

// chargeBody notes what a whole answer cost.
func (x *exchange) chargeBody(d *wire.Dialect, body []byte) {
	x.charge(taken(d, body, x.estimate))
}

// chargeStream notes what a stream cost, which most clients do not ask it to say.
func (x *exchange) chargeStream(m *wire.Meter) {
	if m.Events > 0 {
		x.charge(streamed(m, x.estimate), m.Model)
	}
}

// credit notes what the call would have cost that a stored answer made unnecessary.
func (x *exchange) credit(lay *layout) {
	x.bill.model = lay.Model
	if lay.Cost.Known {
		x.bill.saved = tokensOf(lay.Cost)
		return
	}
	x.bill.saved = x.estimate(tokens(lay.said))
}

// estimate is for answers that do not say what they cost.
func (x *exchange) estimate(output int) prices.Tokens {
	return estimated(x.length, output)
}

// said is the length of what an answer says.
func said(body []byte) int {
	a, ok := wire.ReadAnswer(body)
	if !ok {
		return 0
	}
	return len(a.Text) + len(a.Data)
}

// price finds what the model costs that was used; nil: nobody knows. A host of the caller's own choice may ask anything.
func (s *Server) price(v via, models ...string) *prices.Price {
	if v.custom {
		return nil
	}
	now := time.Now()
	for _, m := range models {
		if m == "" {
			continue
		}
		if p := s.prices.Find(v.provider, m, now); p != nil {
			return p
		}
		if p := s.prices.Find(v.row, m, now); p != nil && v.row != v.provider {
			return p
		}
		if s.cfg.priced == "" {
			continue
		}
		if p := s.prices.Find(s.cfg.priced, m, now); p != nil {
			return p
		}
	}
	return nil
}

// account counts the request, and has it written to the request log.
func (x *exchange) account(took time.Duration) {
	if x.accounted {
		return
	}
	x.accounted = true
	s := x.s
	keep := s.requests != nil && (strings.HasPrefix(x.path, "/v1/") || x.audited())
	var r *requestlog.Record
	if keep {
		r = new(requestlog.Record)
		x.describe(r)
	} else { // one for the counters only; reusing them keeps a hit cheap
		r = scratchRecords.Get().(*requestlog.Record)
		defer func() {
			*r = requestlog.Record{}
			scratchRecords.Put(r)
		}()
	}
	x.outcome(r, took)
	s.metrics.count(endpointOfPath(x.path), r)
	s.metrics.charge(&x.bill)
	if keep {
		s.requests.Add(r)
	}
}

var scratchRecords = sync.Pool{New: func() any { return new(requestlog.Record) }}

// maxPath is how much of a path is kept.
const maxPath = 256

// outcome fills in what became of the request: what is counted, and what it cost.
func (x *exchange) outcome(r *requestlog.Record, took time.Duration) {
	r.Status, r.Latency, r.Stages.Upstream = x.status, ms(took), ms(x.upstream)
	if q := x.question; q != nil {
		r.Model, r.Stream = q.Model, q.Stream
	}
	if x.plan != nil {
		r.CacheStatus = x.cacheStatus()
		v := x.answeredBy()
		r.Provider, r.Target = v.provider, v.place
		if x.called && !x.shared {
			r.Attempts = v.calls
		}
		x.price(r, v)
	}
}

// describe fills in what else is kept of the request: no header, no credential, no config, and no word of the question or the
// answer unless bodies are asked for.
func (x *exchange) describe(r *requestlog.Record) {
	d := &x.d
	*r = requestlog.Record{
		Time: time.Now(), TraceID: d.trace, SpanID: d.span.id, ParentSpan: d.span.parent,
		Key: x.who.id, Namespace: d.namespace, User: d.metadata["_user"], Metadata: d.metadata,
		Method: x.method, Path: x.path[:min(len(x.path), maxPath)], Error: x.err, Change: x.change, NotCached: x.note,
		Shared: x.shared, Request: x.asked, Answer: strings.ToValidUTF8(string(x.answered), "\uFFFD"), Cut: x.cut,
	}
	if d.span.trace != d.trace {
		r.W3CTraceID = d.span.trace
	}
	if x.s.requests != nil {
		r.Caller = x.s.requests.CallerOf(x.caller)
	}
	if l := x.lookup; l != nil {
		r.Similarity, r.Reason = float64(l.Similarity), string(l.Reason)
		if l.Status == cache.HitSemantic || l.Status == cache.Miss {
			r.Confidence = l.Probability
		}
		if l.Entry != nil {
			r.Entry = l.Entry.ID.String()
		}
		if l.Conversation > cache.ConversationStrict {
			r.Conversation = l.Conversation.String()
		}
		t := l.Timing
		r.Stages = requestlog.Stages{Embed: ms(t.Embed), Search: ms(t.Search), Verify: ms(t.Decide + t.Verify), Opinion: ms(t.Opinion), Load: ms(t.Load)}
	}
	r.Stages.Key = ms(x.keyTime)
}

// price puts what the request cost on its record.
func (x *exchange) price(r *requestlog.Record, v via) {
	b := &x.bill
	if b.spent.Zero() && b.saved.Zero() {
		// What passes through may cost as well.
		r.NoPrice = x.called && !x.shared && x.question == nil && x.method == http.MethodPost && x.status/100 == 2
		return
	}
	b.settle(r, x.s.price(v, b.model, r.Model))
}

// settle puts the bill on a record; p nil: nobody knows the price.
func (b *bill) settle(r *requestlog.Record, p *prices.Price) {
	if b.model != r.Model {
		r.Answered = b.model
	}
	for _, t := range [...]prices.Tokens{b.spent, b.saved} {
		r.Prompt += t.Prompt()
		r.Cached += t.Cached
		r.Written += t.Written + t.WrittenH
		r.Completion += t.Output
		r.Estimated = r.Estimated || t.Estimated
	}
	if r.NoPrice = p == nil; r.NoPrice {
		return
	}
	if !b.spent.Zero() {
		m := p.Cost(b.spent)
		r.Cost = &m
	}
	if !b.saved.Zero() {
		m := p.Cost(b.saved)
		r.Saved = &m
	}
}

func ms(d time.Duration) float64 { return float64(d/time.Microsecond) / 1000 }

// keepAsked keeps the request's body for the log, if that is to have it. The first SDK's has its config, and with it keys,
// taken out.
func (x *exchange) keepAsked(body []byte) {
	if x.s.cfg.RequestLog.Bodies && x.s.requests != nil {
		x.asked, x.cut = clipBody(body, x.cut)
	}
}

// keepAnswered keeps the next bytes of the answer.
func (x *exchange) keepAnswered(p []byte) {
	if !x.s.cfg.RequestLog.Bodies || x.s.requests == nil {
		return
	}
	if n := maxLoggedBody - len(x.answered); n < len(p) {
		p, x.cut = p[:n], true
	}
	x.answered = append(x.answered, p...)
}

// maxLoggedBody is how much of a body is kept.
const maxLoggedBody = 64 << 10

func clipBody(body []byte, cut bool) (string, bool) {
	if len(body) > maxLoggedBody {
		return strings.ToValidUTF8(string(body[:maxLoggedBody]), "\uFFFD"), true
	}
	return strings.ToValidUTF8(string(body), "\uFFFD"), cut
}
