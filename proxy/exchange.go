package proxy

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/requestlog"
	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// exchanges are those that are over. A hit allocates little else, so reusing them is what keeps the collector away.
var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// exchange is one request and what becomes of it. It belongs to the connection's goroutine: the handler, and after it
// the reader of a streamed body, for which kept says that it outlives the handler. Nothing else may hold on to it.
type exchange struct {
	s        *Server
	kept     bool
	start    time.Time
	path     string
	d        directives
	who      identity
	plan     *plan          // nil: the headers were not understood
	config   string         // the saved config that the request named, with its version; "": none
	via      via            // who answered; the plan's first target until it is known
	question *wire.Question // nil: the body was not read
	lookup   *cache.Lookup  // nil: the cache was not asked
	length   int            // about how many bytes of the question a model reads
	sent     *rewritten     // nil: the provider is sent what came
	merged   []byte         // the body with the only target's overriding members; nil: as it came

	written uint64 // the server's count of answers written, when the look-up began

	merge func(body []byte) ([]byte, error) // makes the answer of what a provider was asked for; nil: it is that

	status     int
	disabled   bool // a stored answer could not be used, though the look-up found it
	shared     bool // another request's call answered
	called     bool // a provider was asked
	failed     bool // and could not answer
	keyTime    time.Duration
	upstream   time.Duration // until the answer, or a stream's headers, was there
	bill       bill
	retryAfter time.Duration // when to try again; zero: not said
	note       string        // why the answer was not to be cached
	err        string        // what went wrong

	method    string
	change    []requestlog.Change // what a request to the admin API changed
	caller    cache.Digest        // who may say what the answer was worth; zero: anybody
	accounted bool
	asked     string // the bodies, if the request log is to have them
	answered  []byte
	cut       bool
}

// Response headers, in the form in which fasthttp stores names. Clients see the same ones whatever their case.
var (
	hCacheStatus = []byte("X-Portkey-Cache-Status")
	hTraceID     = []byte("X-Portkey-Trace-Id")
	hRetries     = []byte("X-Portkey-Retry-Attempt-Count")
	hOption      = []byte("X-Portkey-Last-Used-Option-Index")
	hProvider    = []byte("X-Portkey-Provider")
	hConfig      = []byte("X-Reprise-Config")
	hXCache      = []byte("X-Cache")
	hAge         = []byte("Age")
	hEntry       = []byte("X-Reprise-Entry")
	hSimilarity  = []byte("X-Reprise-Similarity")
	hConfidence  = []byte("X-Reprise-Confidence")
	hReason      = []byte("X-Reprise-Reason")
	hWouldServe  = []byte("X-Reprise-Would-Serve")
	hExplain     = []byte("X-Reprise-Explain")
	hTurns       = []byte("X-Reprise-Conversation")
	hWarning     = []byte("X-Reprise-Warning")
	hUsage       = []byte("X-Reprise-Usage")
	hTiming      = []byte("Server-Timing")

	vHit    = []byte("hit")
	vMiss   = []byte("miss")
	vFailed = []byte("-1")

	vEstimated = []byte("estimated")
	vLastTurn  = []byte("earlier turns were not looked at (semantic_last_turn_only): an answer that depends on them may be wrong")
)

// cacheStatus is the word that clients read.
func (x *exchange) cacheStatus() string {
	if x.lookup == nil || x.disabled {
		return "DISABLED"
	}
	switch x.lookup.Status {
	case cache.HitExact:
		return "HIT"
	case cache.HitSemantic:
		return "SEMANTIC HIT"
	case cache.Refresh:
		return "REFRESH"
	case cache.Miss:
		if x.lookup.Mode == cache.ModeSimple {
			return "MISS"
		}
		return "SEMANTIC MISS"
	}
	return "DISABLED"
}

func (x *exchange) hit() bool { return x.lookup != nil && x.lookup.Status.Hit() && !x.disabled }

// answeredBy says who answered, or would have.
func (x *exchange) answeredBy() via {
	if x.via.place == "" && x.plan != nil {
		v := via{place: x.plan.First.Place()}
		v.at(&x.plan.first)
		return v
	}
	return x.via
}

// writeHeaders sets what the gateway says about the answer.
func (x *exchange) writeHeaders(h *fasthttp.ResponseHeader) {
	h.SetCanonical(hTraceID, []byte(x.d.trace))
	if x.plan == nil {
		return
	}
	v := x.answeredBy()
	h.SetCanonical(hProvider, []byte(v.provider))
	h.SetCanonical(hOption, []byte(v.place))
	if x.config != "" {
		h.SetCanonical(hConfig, []byte(x.config))
	}
	if x.failed || v.failed {
		h.SetCanonical(hRetries, vFailed)
	} else {
		h.SetCanonical(hRetries, strconv.AppendInt(nil, int64(v.retries), 10))
	}
	h.SetCanonical(hCacheStatus, []byte(x.cacheStatus()))
	l := x.lookup
	var buf [160]byte
	if x.hit() {
		h.SetCanonical(hXCache, vHit)
		h.SetCanonical(hAge, strconv.AppendInt(buf[:0], int64(max(0, time.Since(l.Entry.Created)/time.Second)), 10))
		h.SetCanonical(hEntry, appendID(buf[:0], l.Entry.ID))
	} else {
		h.SetCanonical(hXCache, vMiss)
	}
	if l != nil && (l.Status == cache.HitSemantic || l.Status == cache.Miss && len(l.Candidates) > 0) {
		h.SetCanonical(hSimilarity, strconv.AppendFloat(buf[:0], float64(l.Similarity), 'f', 4, 32))
	}
	if l != nil && l.Status == cache.HitSemantic && l.Probability > 0 {
		h.SetCanonical(hConfidence, strconv.AppendFloat(buf[:0], l.Probability, 'f', 4, 64))
	}
	if l != nil && l.Status == cache.Miss && len(l.Candidates) > 0 {
		h.SetCanonical(hReason, appendReason(buf[:0], l))
	}
	if l != nil && l.WouldServe != nil {
		h.SetCanonical(hWouldServe, append(append(appendID(buf[:0], l.WouldServe.ID), ' '), l.WouldBe.String()...))
	}
	if l != nil && x.d.explain {
		h.SetCanonical(hExplain, appendVerdict(buf[:0], &l.Verdict))
	}
	if l != nil && l.Conversation > cache.ConversationStrict {
		h.SetCanonical(hTurns, append(buf[:0], l.Conversation.String()...))
		if l.Conversation == cache.ConversationLastTurn {
			h.SetCanonical(hWarning, vLastTurn)
		}
	}
	if stages := x.appendTiming(buf[:0]); len(stages) > 0 {
		h.SetCanonical(hTiming, stages)
	}
}

func appendID(b []byte, id cache.ID) []byte {
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, hexDigits[id>>shift&15])
	}
	return b
}

// appendReason says why the nearest stored question was not served: "guard=negation token=disable", or the plain reason
// where no guard had a say.
func appendReason(b []byte, l *cache.Lookup) []byte {
	var token string
	for i := range l.Candidates {
		if l.Candidates[i].Reason == l.Reason {
			token = l.Candidates[i].Token
			break
		}
	}
	if l.Reason.IsGuard() {
		b = append(b, "guard="...)
	}
	b = append(b, l.Reason...)
	if token == "" {
		return b
	}
	b = append(b, " token="...)
	return appendWords(b, token)
}

// appendWords writes the beginning of a question's words, which a header cannot carry as they are.
func appendWords(b []byte, words string) []byte {
	for i, c := range []byte(words) {
		if i == 64 {
			break
		}
		if c < ' ' || c > '~' {
			c = '?'
		}
		b = append(b, c)
	}
	return b
}

// appendTiming writes the stages that ran, in milliseconds.
func (x *exchange) appendTiming(b []byte) []byte {
	b = appendStage(b, "key", x.keyTime)
	if l := x.lookup; l != nil {
		b = appendStage(b, "embed", l.Timing.Embed)
		b = appendStage(b, "search", l.Timing.Search)
		b = appendStage(b, "verify", l.Timing.Decide+l.Timing.Verify) // guards and model: what stands between similar and served
		b = appendStage(b, "opinion", l.Timing.Opinion)
		b = appendStage(b, "load", l.Timing.Load)
	}
	return appendStage(b, "upstream", x.upstream)
}

func appendStage(b []byte, name string, d time.Duration) []byte {
	if d <= 0 {
		return b
	}
	if len(b) > 0 {
		b = append(b, ", "...)
	}
	b = append(b, name...)
	b = append(b, ";dur="...)
	return strconv.AppendFloat(b, float64(d)/float64(time.Millisecond), 'f', 3, 64)
}

// fail answers with an error of the gateway's own.
func (x *exchange) fail(ctx *fasthttp.RequestCtx, e *apiError) {
	x.status, x.err = e.status, e.code
	ctx.SetStatusCode(e.status)
	ctx.SetContentType("application/json")
	x.writeHeaders(&ctx.Response.Header)
	if x.retryAfter > 0 {
		ctx.Response.Header.SetBytesV("Retry-After", strconv.AppendInt(nil, retryAfterSeconds(x.retryAfter), 10))
	}
	if e.status == fasthttp.StatusUnauthorized {
		ctx.Response.Header.Set("Www-Authenticate", "Bearer")
	}
	ctx.SetBody(x.errorBody(e))
	x.log()
}

// log writes the request's one line, and accounts for it. The line holds no header, no body and no key.
func (x *exchange) log() {
	took := time.Since(x.start)
	x.account(took)
	log := x.s.cfg.Logger
	level := slog.LevelInfo
	if x.err != "" {
		level = slog.LevelWarn
	}
	if !log.Enabled(context.Background(), level) {
		return
	}
	attrs := make([]slog.Attr, 0, 24)
	attrs = append(attrs,
		slog.String("trace", x.d.trace),
		slog.String("path", x.path),
		slog.Int("status", x.status),
		slog.Duration("took", took),
	)
	if x.who.id != "" {
		attrs = append(attrs, slog.String("key", x.who.id))
		if x.audited() {
			attrs = append(attrs, slog.String("method", x.method))
		}
	}
	if x.plan != nil {
		v := x.answeredBy()
		attrs = append(attrs, slog.String("provider", v.provider), slog.String("cache", x.cacheStatus()))
		if v.retries > 0 || v.place != x.plan.First.Place() {
			attrs = append(attrs, slog.String("target", v.place), slog.Int("retries", v.retries))
		}
	}
	if q := x.question; q != nil {
		attrs = append(attrs, slog.String("model", q.Model), slog.Bool("stream", q.Stream))
	}
	if x.note != "" {
		attrs = append(attrs, slog.String("not_cached", x.note))
	}
	if l := x.lookup; l != nil {
		attrs = appendLookup(attrs, l)
	}
	if x.called {
		attrs = append(attrs, slog.Duration("upstream", x.upstream), slog.Bool("shared", x.shared))
	}
	if b := &x.bill; !b.spent.Zero() || !b.saved.Zero() {
		attrs = append(attrs, slog.Int64("prompt_tokens", b.spent.Prompt()+b.saved.Prompt()), slog.Int64("completion_tokens", b.spent.Output+b.saved.Output))
	}
	if x.err != "" {
		attrs = append(attrs, slog.String("error", x.err))
	}
	log.LogAttrs(context.Background(), level, "request", attrs...)
}

func appendLookup(attrs []slog.Attr, l *cache.Lookup) []slog.Attr {
	if l.Similarity > 0 {
		attrs = append(attrs, slog.Float64("similarity", float64(l.Similarity)))
	}
	if l.Conversation > cache.ConversationStrict {
		attrs = append(attrs, slog.String("conversation", l.Conversation.String()))
	}
	if l.Reason != cache.ReasonNone {
		attrs = append(attrs, slog.String("reason", string(l.Reason)))
	}
	if l.Entry != nil {
		attrs = append(attrs, slog.String("entry", l.Entry.ID.String()))
	}
	if l.Err != nil {
		attrs = append(attrs, slog.String("cache_error", l.Err.Error()))
	}
	t := l.Timing
	return append(attrs, slog.Duration("key", t.Key), slog.Duration("embed", t.Embed), slog.Duration("search", t.Search),
		slog.Duration("decide", t.Decide), slog.Duration("verify", t.Verify), slog.Duration("load", t.Load))
}
