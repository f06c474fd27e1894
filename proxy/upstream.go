package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/reprise-cache/reprise/proxy/internal/keys"
	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

const dialTimeout = 10 * time.Second

// plainDialer connects to whatever the operator configured.
func plainDialer() *net.Dialer {
	return &net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
}

// newTransport is the connection pool towards the providers. It reads no environment, follows no redirects (a
// RoundTripper does not) and leaves encodings alone, so that what passes through is what the provider sent.
func newTransport(dialer *net.Dialer) *http.Transport {
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

// call is one request as the client made it, on its way to whatever target. It owns all that it holds, and is read only.
type call struct {
	plan     *plan
	dialect  *wire.Dialect // that the client speaks; nil: the body is not read
	method   string
	path     string // below the version, with its slash, escaped as the client wrote it
	query    string
	header   http.Header // but for the gateway's and the connection's
	body     []byte
	deadline time.Time // of the client that began it; zero: none
	first    bool      // it came from the first SDK

	key    *keys.Gateway // that pays; nil: none
	model  string        // that is asked for, where the question was read
	length int           // about how many bytes of it a model reads

	repeats bool // it may be sent twice: no more comes of that than the same answer
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
	transport pool
	guarded   pool          // towards hosts of a caller's choice
	total     time.Duration // a whole request, its retries and its stream included
	firstByte time.Duration
	idle      time.Duration
}

// request is what one target is sent.
type request struct {
	method, url string
	header      http.Header
	body        []byte
	firstByte   time.Duration // until the response headers must be there; zero: as the server is configured
	guarded     bool          // the caller chose the host
	repeats     bool          // as the call's
	sends       *int          // counts how often it is sent; nil: nobody asks
}

// do sends the request and returns once the response headers are there. The call ends when ctx does, when a time limit
// passes, or when the answer is closed.
func (u *upstream) do(ctx context.Context, r *request) (*answer, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	limit := u.firstByte
	if r.firstByte > 0 && (limit == 0 || r.firstByte < limit) {
		limit = r.firstByte
	}
	if limit > 0 {
		t := time.AfterFunc(limit, func() { cancel(errFirstByte) })
		defer t.Stop()
	}
	connections := &u.transport
	if r.guarded {
		connections = &u.guarded
	}
	resp, err := connections.send(ctx, r)
	if err != nil {
		err = cause(ctx, err)
		cancel(err)
		return nil, err
	}
	a := &answer{status: resp.StatusCode, header: resp.Header, length: resp.ContentLength, body: resp.Body, ctx: ctx, cancel: cancel, limit: u.idle}
	a.idle = time.AfterFunc(u.idle, func() { cancel(errIdle) })
	return a, nil
}

func (r *request) make(ctx context.Context) (*http.Request, error) {
	var body io.Reader
	if len(r.body) > 0 {
		body = bytes.NewReader(r.body) // of this type the transport knows how to send it again where nothing of it was sent
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.url, body)
	if err != nil {
		return nil, errors.New("proxy: the provider's URL cannot be parsed") // whose text may hold a password
	}
	req.Header = r.header
	return req, nil
}

// Status is the response's.
func (a *answer) Status() int { return a.status }

// Header is the response's.
func (a *answer) Header() http.Header { return a.header }

// Read reads the body. Its error is io.EOF only when the body is whole. Only while it waits does the provider's time run: how long
// a slow client keeps what came is not the provider's doing.
func (a *answer) Read(p []byte) (int, error) {
	a.idle.Reset(a.limit)
	n, err := a.body.Read(p)
	a.idle.Stop()
	if err != nil && err != io.EOF {
		err = cause(a.ctx, err)
	}
	return n, err
}

// drain reads what little may follow the last event, the end of the body above all, without which the connection could
// not be used again.
func (a *answer) drain() {
	if t, ok := a.body.(*translatedStream); ok {
		a = t.from // whose own limit is the one that counts
	}
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
