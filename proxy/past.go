package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/sse"
	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// Past is a request that was answered before, as a log has it.
type Past struct {
	Path    string      // of a cached endpoint, or a URL that ends like it; "": as the answer's form says
	Header  http.Header // that callers send: whose answers these are, and what else tells requests apart
	Body    []byte
	Answer  []byte    // what the provider said: one body, or the events of a stream
	Created time.Time // when it did
	Took    time.Duration
}

// Reasons for which a request makes no record.
var (
	ErrNotCached  = errors.New("proxy: not cached")
	ErrCredential = errors.New("proxy: answers are kept apart by the credentials that callers bring, and this request has none")
)

// Record makes of a past request the entry that a live one like it would have left, to be imported into the server's cache. It goes
// the live one's way from headers and body to scope and keys; nobody is called, nothing is looked up, stored or counted, and gateway
// keys are not asked for. The error wraps ErrNotCached where such a request is never served from the cache, and ErrCredential where
// none is in the headers and none is configured; anonymous says that callers bring none.
func (s *Server) Record(p *Past, anonymous bool) (*cache.Record, error) {
	q, v, err := s.past(p, anonymous)
	if err != nil {
		return nil, err
	}
	r, err := s.cfg.Cache.RecordOf(q, v, p.Created)
	if r == nil && err == nil {
		err = errPastBypass
	}
	return r, err
}

// LookupPast looks a past request up in the server's cache as a live one like it would, and returns beside the look-up the answer
// that it got then, for the caller to fill a miss with. Its errors are Record's.
func (s *Server) LookupPast(ctx context.Context, p *Past, anonymous bool) (*cache.Lookup, cache.Value, error) {
	q, v, err := s.past(p, anonymous)
	if err != nil {
		return nil, v, err
	}
	q.TraceID = "" // no feedback will come
	l := s.cfg.Cache.Lookup(ctx, q)
	if l.Status == cache.Bypass {
		return nil, v, errPastBypass
	}
	return l, v, nil
}

var errPastBypass = fmt.Errorf("%w: the request, or the cache's mode, says so", ErrNotCached)

// past reads a past request: what a live one like it would ask the cache, and what it was answered.
func (s *Server) past(p *Past, anonymous bool) (q cache.Query, v cache.Value, err error) {
	if s.cfg.Cache == nil {
		return q, v, fmt.Errorf("%w: the server has no cache", ErrNotCached)
	}
	m, uri, answer, err := s.endpointOfPast(p)
	if err != nil {
		return q, v, err
	}
	ctx := &fasthttp.RequestCtx{}
	ctx.Init(&fasthttp.Request{}, nil, nil)
	h := &ctx.Request.Header
	h.SetMethod(http.MethodPost)
	h.SetRequestURI(uri)
	for k, vs := range p.Header {
		for _, v := range vs {
			h.Add(k, v)
		}
	}
	if !wellFormed(h) {
		return q, v, errMalformed
	}
	ctx.Request.SetBodyRaw(p.Body)

	x := &exchange{s: s, start: time.Now(), method: http.MethodPost, path: m.dialect.Path}
	if err := x.d.open(h); err != nil {
		return q, v, err
	}
	x.takeGatewayKey() // or it would pass for a provider's
	if err := x.understand(ctx); err != nil {
		return q, v, err
	}
	if x.d.encoded {
		return q, v, fmt.Errorf("%w: the body is compressed", ErrNotCached)
	}
	if x.question, err = m.read(x.body(ctx)); err != nil {
		return q, v, bodyError(err)
	}
	if why := x.question.NoCache; why != "" {
		return q, v, fmt.Errorf("%w: %s", ErrNotCached, why)
	}
	if x.plan.callers != "" && !s.cfg.ShareAcrossKeys && !anonymous && x.d.fields.anonymous() {
		return q, v, ErrCredential
	}
	v = cache.Value{Body: answer, Took: p.Took}
	var by via
	by.at(&x.plan.first)
	if tokens, model := taken(m.dialect, answer, (&call{length: x.question.Length}).estimate); !tokens.Zero() {
		if price := s.price(by, model, x.question.Model); price != nil {
			v.Cost = price.Cost(tokens).Dollars()
		}
	}
	return x.query(ctx), v, nil
}

// endpointOfPast finds where a past request went, and its answer as it would be stored.
func (s *Server) endpointOfPast(p *Past) (m *questions, uri string, answer []byte, err error) {
	if len(p.Answer) > s.cfg.MaxAnswerBytes {
		return nil, "", nil, fmt.Errorf("%w: an answer of %d bytes: at most %d are kept", ErrNotCached, len(p.Answer), s.cfg.MaxAnswerBytes)
	}
	if p.Path == "" {
		for _, d := range wire.Dialects {
			if answer, err := wholeAnswer(d, p.Answer); err == nil {
				return s.endpoints[d.Path], d.Path, answer, nil
			}
		}
		return nil, "", nil, fmt.Errorf("%w: the answer is none that an endpoint with a cache gives, or not a whole one", ErrNotCached)
	}
	u, err := url.Parse(p.Path)
	if err != nil {
		return nil, "", nil, fmt.Errorf("%w: the path %.80q cannot be parsed", ErrNotCached, p.Path)
	}
	_, path, ok := endpointOf(u.EscapedPath())
	if m = s.endpoints[path]; !ok || m == nil {
		return nil, "", nil, fmt.Errorf("%w: the endpoint %.80q", ErrNotCached, u.Path)
	}
	if u.Host == "" && u.RawQuery != "" { // a provider's own URL may have what callers of this server do not send
		uri = "?" + u.RawQuery
	}
	if answer, err = wholeAnswer(m.dialect, p.Answer); err != nil {
		return nil, "", nil, fmt.Errorf("%w: the answer: %w", ErrNotCached, err)
	}
	return m, path + uri, answer, nil
}

// wholeAnswer is the answer as one body that passes the dialect's check.
func wholeAnswer(d *wire.Dialect, answer []byte) ([]byte, error) {
	text := bytes.TrimSpace(answer)
	if len(text) > 0 && text[0] != '{' {
		rec := recorder{dialect: d, on: true, agg: d.NewAggregator(), dec: sse.Decoder{}}
		rec.feed(append(text, "\n\n"...))
		rec.flush()
		if rec.agg == nil || !rec.done {
			return nil, errNoAnswer
		}
		body, err := rec.agg.Finish()
		return d.KeepUsagePlace(body), err
	}
	return text, d.Check(text)
}
