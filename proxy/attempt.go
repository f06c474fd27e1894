package proxy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/providers"
	"github.com/reprise-cache/reprise/proxy/internal/route"
)

// via says who answered, and how.
type via struct {
	place    string // of the target: config.targets[1]
	provider string
	row      string // of the provider table; "": it has none
	virtual  string // the virtual key that was used; "": none
	custom   bool   // the caller chose the host
	retries  int
	calls    int  // to all targets
	failed   bool // retried in vain, or no answer at all
}

// at notes where a target leads.
func (v *via) at(e *endpoint) {
	v.provider, v.custom, v.virtual, v.row = e.provider, e.custom, e.virtual, ""
	if e.row != nil {
		v.row = e.row.Name
	}
}

// routed is an error with the target on which it happened.
type routed struct {
	via via
	err error
}

// unrouted returns what went wrong, without the target.
func unrouted(err error) error {
	if r := (*routed)(nil); errors.As(err, &r) {
		return r.err
	}
	return err
}

func (e *routed) Error() string { return e.err.Error() }
func (e *routed) Unwrap() error { return e.err }

// answerCall has one of the call's targets answer it. An error is a *routed.
func (s *Server) answerCall(ctx context.Context, c *call) (*answer, via, error) {
	calls := 0
	res := route.Run(ctx, s.router, c.plan.Plan, c.deadline, func(ctx context.Context, t *route.Target) (*answer, error) {
		return s.attempt(ctx, c, t, &calls)
	})
	v := via{place: c.plan.First.Place(), retries: res.Retries, calls: calls, failed: res.Failed}
	v.at(&c.plan.first)
	if res.Target != nil {
		v.place = res.Target.Place()
		if e, err := s.endpoint(res.Target); err == nil {
			v.at(&e)
		}
	}
	if res.Err != nil {
		v.failed = true
		return nil, v, &routed{v, res.Err}
	}
	return res.Answer, v, nil
}

// attempt makes one call to one target, and counts how often something is sent for it.
func (s *Server) attempt(ctx context.Context, c *call, t *route.Target, sends *int) (*answer, error) {
	e, err := s.endpoint(t)
	if err != nil {
		return nil, unfit(err)
	}
	path, body := c.path, c.fit(t.Body(c.body), e.row)
	tr := e.translator(c.dialect, t.Loose)
	if tr != nil {
		if body, err = tr.Request(body); err != nil {
			return nil, unfit(untranslatable(err, e.provider))
		}
		path = e.chatPath()
	}
	url, err := e.row.URL(e.base, path, c.query, e.deployment)
	if err != nil {
		return nil, unfit(missing(err))
	}
	if tr != nil {
		body = c.fit(body, e.row)
	}
	r := request{method: c.method, url: url, body: body, firstByte: t.Timeout, guarded: e.custom && !s.ownHost(e.base), repeats: c.repeats, sends: sends}
	a, err := s.try(ctx, &e, t, c, r, tr != nil)
	if err != nil || tr == nil {
		return a, err
	}
	return s.translated(a, tr)
}

// try sends the request. Where a secret of a virtual key is refused and another one is ready, that one is tried at once: the
// provider has nothing against the request, and nothing of it was answered.
func (s *Server) try(ctx context.Context, e *endpoint, t *route.Target, c *call, r request, translated bool) (*answer, error) {
	tried := map[string]bool{}
	for {
		header, secret, err := s.header(ctx, e, t, c, translated)
		if err != nil {
			return nil, unfit(err)
		}
		if translated {
			header.Set("Content-Type", "application/json")
			header.Del("Accept-Encoding")
		}
		r.header = header
		a, err := s.upstream.do(ctx, &r)
		if err != nil || secret == "" {
			return a, err
		}
		again := s.cfg.VirtualKeys.Answered(e.virtual, secret, a.status, route.RetryAfter(a.header, time.Now()))
		if !again || tried[secret] { // a provider that asks to be left alone for a moment only would be called without a pause
			return a, nil
		}
		tried[secret] = true
		a.Close()
	}
}

// unfit marks an error as one that another try at the same target cannot mend.
func unfit(err error) error { return fmt.Errorf("%w: %w", route.ErrUnfit, err) }

func missing(err error) error {
	if errors.Is(err, providers.ErrMissing) {
		return badRequest("incomplete_target", "provider", "%s", strings.TrimPrefix(err.Error(), "providers: missing: "))
	}
	return err
}

// fit gives members of a request the names that the provider knows them by. Where neither applies the bytes stay as they
// are.
func (c *call) fit(body []byte, row *providers.Row) []byte {
	if c.dialect == nil || len(row.Rename) == 0 && !(c.first && len(row.Refuses) > 0) {
		return body
	}
	drop := row.Refuses
	if !c.first { // other clients mean what they say
		drop = nil
	}
	out, err := route.Renamed(jsontext.Value(body), row.Rename, drop)
	if err != nil {
		return body // it is the provider's to say what is wrong with it
	}
	return out
}
