package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/sse"
	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// ReadAnswer is what a cache compares answers of this package by. New and NewTransport tell it to theirs.
func ReadAnswer(body []byte) (cache.Answer, bool) { return wire.ReadAnswer(body) }

var errNoAnswer = errors.New("proxy: the provider gave no whole answer")

// answerFunc makes a call and returns the whole answer, as it would be stored.
type answerFunc func(ctx context.Context, c *call, d *wire.Dialect) ([]byte, error)

// ask makes a call of the gateway's own, without the cache and without a client that listens, and returns the whole answer, as it would be stored.
func (s *Server) ask(ctx context.Context, c *call, d *wire.Dialect) ([]byte, error) {
	ctx, stop := context.WithTimeoutCause(ctx, s.upstream.total, errTotal)
	defer stop()
	a, v, err := s.answerCall(ctx, c)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	if a.status != http.StatusOK || !isPlain(a.header) {
		return nil, fmt.Errorf("%w: status %d", errNoAnswer, a.status)
	}
	body, err := io.ReadAll(io.LimitReader(a, int64(s.cfg.MaxAnswerBytes)+1))
	switch {
	case err != nil:
		return nil, err
	case len(body) > s.cfg.MaxAnswerBytes:
		return nil, fmt.Errorf("%w: it is too large", errNoAnswer)
	}
	if isEventStream(a.header) {
		rec := recorder{dialect: d, on: true, agg: d.NewAggregator(), dec: sse.Decoder{MaxBytes: s.cfg.MaxAnswerBytes}}
		rec.feed(body)
		rec.flush()
		if rec.agg == nil || !rec.done {
			return nil, errNoAnswer
		}
		if body, err = rec.agg.Finish(); err != nil {
			return nil, err
		}
	}
	if c.charged(v) {
		t, model := c.taken(d, body)
		s.charge(c, v, t, model)
	}
	if err := d.Check(body); err != nil {
		return nil, err
	}
	return bytes.Clone(body), nil
}

// shadowCheck has a semantic hit that was drawn for it checked against the provider, behind the client's back. The call is
// the client's own: its key pays.
func (x *exchange) shadowCheck(ctx *fasthttp.RequestCtx, d *wire.Dialect, ask answerFunc) {
	if !x.lookup.ShadowDue() {
		return
	}
	c, apiErr := x.call(ctx, d)
	if apiErr != nil {
		return
	}
	delete(c.header, "Accept-Encoding")
	delete(c.header, "Cache-Control")
	s, trace := x.s, x.d.trace
	x.lookup.ShadowCheck(func(ctx context.Context) (cache.Value, float64, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(s.ctx, cancel)()
		body, err := ask(ctx, c, d)
		if err != nil {
			s.cfg.Logger.Warn("a hit could not be checked", "trace", trace, "provider", c.plan.first.provider, "error", upstreamError(c.plan.first.provider, err).message)
		}
		return cache.Value{Body: body}, 0, err
	})
}
