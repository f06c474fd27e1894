package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/prices"
	"github.com/reprise-cache/reprise/proxy/internal/requestlog"
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
		t, model := taken(d, body, c.estimate)
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
	s, trace, check := x.s, x.d.trace, x.check()
	x.lookup.ShadowCheck(func(ctx context.Context) (cache.Value, float64, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(s.ctx, cancel)()
		body, err := ask(ctx, c, d)
		if err != nil {
			s.cfg.Logger.Warn("a hit could not be checked", "trace", trace, "provider", c.plan.first.provider, "error", upstreamError(c.plan.first.provider, err).message)
		}
		var cost float64
		if err == nil {
			t, model := taken(d, body, c.estimate)
			cost = check.paid(s, t, model)
		}
		return cache.Value{Body: body}, cost, err
	})
}

// check is a record of the gateway's own call about x's answer, to be filled in when that has been made: x itself is gone by then.
type check struct {
	record requestlog.Record
	via    via
}

func (x *exchange) check() *check {
	r := requestlog.Record{
		TraceID: x.d.trace, SpanID: newSpanID(), ParentSpan: x.d.span.id, Key: x.who.id, Namespace: x.d.namespace, User: x.d.metadata["_user"],
		Metadata: x.d.metadata, Method: x.method, Path: x.path, Model: x.question.Model, Check: true, Attempts: 1, Status: http.StatusOK,
	}
	v := x.answeredBy()
	r.Provider, r.Target = v.provider, v.place
	if x.s.requests != nil {
		r.Caller = x.s.requests.CallerOf(x.caller)
	}
	return &check{r, v}
}

// paid accounts for the call and returns what it cost in dollars; 0 if nobody knows.
func (c *check) paid(s *Server, t prices.Tokens, model string) float64 {
	if t.Zero() {
		return 0
	}
	r, b := &c.record, bill{spent: t, model: model}
	r.Time = time.Now()
	b.settle(r, s.price(c.via, b.model, r.Model))
	s.metrics.charge(&b)
	s.metrics.pay(r)
	if s.requests != nil {
		s.requests.Add(r)
	}
	if r.Cost == nil {
		return 0
	}
	return r.Cost.Dollars()
}
