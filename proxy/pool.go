package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// freshIdle is for how long a connection may be idle and still count as fresh: less than any provider keeps one.
const freshIdle = 2 * time.Second

// dropWindow is how soon after a request a connection breaks that its provider had given up while it was idle: the end of it was
// on its way already, or comes back at once. A provider that breaks off later has begun to work on the request.
const dropWindow = time.Second

// maxRepeats is how often a request is sent again. Somebody else's transport may have several connections that were given up, and
// http.DefaultTransport keeps two of a host.
const maxRepeats = 3

// errDropped: the connection broke while the provider may have been at work.
var errDropped = errors.New("proxy: the connection broke before the provider answered")

// pool is connections towards providers.
//
// A provider closes a connection that was idle for too long just when it likes, so a request may go out on one that is closed
// already, and nobody can tell that from a provider that has taken the request and failed. Where a repeat does no harm the request
// is sent again, if the connection broke at once; what must not be sent twice goes over connections that are fresh, and never
// is. net/http's own repeats do not tell a connection that breaks at once from one that does after a minute of work, which a
// caller would pay for a second time.
type pool struct {
	kept  http.RoundTripper
	fresh http.RoundTripper // whose connections were used a moment ago
}

func newPool(dialer *net.Dialer) pool {
	fresh := newTransport(dialer)
	fresh.IdleConnTimeout = freshIdle
	return pool{kept: newTransport(dialer), fresh: fresh}
}

// poolOf is the connections of somebody else's RoundTripper, or own ones if it is nil.
func poolOf(rt http.RoundTripper) pool {
	if rt == nil {
		return newPool(plainDialer())
	}
	return pool{kept: rt, fresh: rt}
}

func (p *pool) closeIdle() {
	for _, rt := range []http.RoundTripper{p.kept, p.fresh} {
		if t, ok := rt.(interface{ CloseIdleConnections() }); ok {
			t.CloseIdleConnections()
		}
	}
}

// send sends the request, again if that does no harm, and returns once the response headers are there.
func (p *pool) send(ctx context.Context, r *request) (*http.Response, error) {
	if !r.repeats {
		resp, _, err := r.roundTrip(ctx, p.fresh)
		return resp, err
	}
	resp, dropped, err := r.roundTrip(ctx, p.kept)
	for n := 0; dropped && n < maxRepeats && ctx.Err() == nil; n++ {
		resp, dropped, err = r.roundTrip(ctx, p.fresh)
	}
	return resp, err
}

// roundTrip sends the request once. dropped: it failed on a connection that the provider seems to have given up before.
func (r *request) roundTrip(ctx context.Context, rt http.RoundTripper) (resp *http.Response, dropped bool, err error) {
	var s sending
	req, err := r.make(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: s.gotConn, WroteRequest: s.wrote, GotFirstResponseByte: s.answered}))
	if err != nil {
		return nil, false, err
	}
	if req.GetBody != nil {
		// A caller that marks a request as idempotent has the transport repeat it; also then not after a minute's work.
		req.GetBody = func() (io.ReadCloser, error) {
			if s.working() {
				return nil, errDropped
			}
			return io.NopCloser(bytes.NewReader(r.body)), nil
		}
	}
	if r.sends != nil {
		*r.sends++
	}
	resp, err = rt.RoundTrip(req)
	return resp, err != nil && s.dropped(), err
}

// sending is what is known of a request on its way.
type sending struct {
	mu      sync.Mutex // guards all below, which a transport's goroutines tell
	at      time.Time  // when there was a connection, and then when the request was written
	reused  bool       // the connection had served another before
	replied bool       // the response began
}

func (s *sending) gotConn(c httptrace.GotConnInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.reused, s.replied = time.Now(), c.Reused, false
}

func (s *sending) wrote(httptrace.WroteRequestInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = time.Now()
}

func (s *sending) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replied = true
}

func (s *sending) dropped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reused && !s.replied && time.Since(s.at) < dropWindow
}

// working reports whether the provider has had the request for so long that it must have begun to work on it.
func (s *sending) working() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.at.IsZero() && time.Since(s.at) >= dropWindow
}
