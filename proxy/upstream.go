package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// newTransport is the connection pool towards the providers. It reads no environment, follows no redirects (a
// RoundTripper does not) and leaves encodings alone, so that what passes through is what the provider sent.
func newTransport(cfg *Config) *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           1024,
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
	}
}

// call is one request to a provider. It owns all that it holds.
type call struct {
	provider *Provider
	method   string
	path     string // below the base URL, with its slash, escaped as the client wrote it
	query    string
	header   http.Header
	body     []byte
}

// answer is a provider's response under way. Close it.
type answer struct {
	status int
	header http.Header
	length int64 // -1: not known

	body   io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	idle   *time.Timer
	limit  time.Duration // between two pieces
}

// upstream calls providers.
type upstream struct {
	transport http.RoundTripper
	total     time.Duration
	firstByte time.Duration
	idle      time.Duration
}

// do sends the call and returns once the response headers are there. The call ends when ctx does, when a time limit
// passes, or when the answer is closed.
func (u *upstream) do(ctx context.Context, c *call) (*answer, error) {
	ctx, cancelTotal := context.WithTimeoutCause(ctx, u.total, errTotal)
	ctx, cancel := context.WithCancelCause(ctx)
	stop := func(err error) { cancel(err); cancelTotal() }

	req, err := c.request(ctx)
	if err != nil {
		stop(err)
		return nil, err
	}
	if u.firstByte > 0 {
		t := time.AfterFunc(u.firstByte, func() { cancel(errFirstByte) })
		defer t.Stop()
	}
	resp, err := u.transport.RoundTrip(req)
	if err != nil {
		err = cause(ctx, err)
		stop(err)
		return nil, err
	}
	a := &answer{status: resp.StatusCode, header: resp.Header, length: resp.ContentLength, body: resp.Body, ctx: ctx, cancel: stop, limit: u.idle}
	a.idle = time.AfterFunc(u.idle, func() { cancel(errIdle) })
	return a, nil
}

func (c *call) request(ctx context.Context) (*http.Request, error) {
	u, err := url.Parse(c.provider.BaseURL + c.path)
	if err != nil {
		return nil, fmt.Errorf("proxy: path %.200q: %w", c.path, errors.Unwrap(err))
	}
	u.RawQuery = c.query
	var body io.Reader
	if len(c.body) > 0 {
		body = bytes.NewReader(c.body) // of this type the transport knows how to send it again on a fresh connection
	}
	req, err := http.NewRequestWithContext(ctx, c.method, u.String(), body)
	if err != nil {
		return nil, err
	}
	req.Header = c.header
	return req, nil
}

// Read reads the body. Its error is io.EOF only when the body is whole.
func (a *answer) Read(p []byte) (int, error) {
	a.idle.Reset(a.limit)
	n, err := a.body.Read(p)
	if err != nil && err != io.EOF {
		err = cause(a.ctx, err)
	}
	return n, err
}

// drain reads what little may follow the last event, the end of the body above all, without which the connection could
// not be used again.
func (a *answer) drain() {
	a.limit = time.Second
	_, _ = io.CopyN(io.Discard, a, 4<<10)
}

// Close ends the call, whether the body was read to its end or not.
func (a *answer) Close() error {
	a.idle.Stop()
	err := a.body.Close()
	a.cancel(context.Canceled)
	return err
}

// cause returns why ctx ended, if it did, because the transport's own error only says that it did.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil && c != context.Canceled {
		return c
	}
	return err
}
