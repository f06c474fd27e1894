package proxy

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// statusClientGone is that of a request whose client left before there was an answer. Who closed only his own side is sent it.
const statusClientGone = 499

func clientLeft() *apiError {
	return &apiError{statusClientGone, "invalid_request_error", "client_left", "",
		"the connection was closed before the answer was there: keep it open in both directions until the answer has come"}
}

// deliver sends what the flight brings, as it comes.
func (x *exchange) deliver(ctx *fasthttp.RequestCtx, d *wire.Dialect, l *listener) {
	gone, unwatch := leaves(ctx)
	var deadline time.Time
	if x.d.timeout > 0 {
		deadline = x.start.Add(x.d.timeout)
	}
	stop := newStopper(gone, deadline)
	release := sync.OnceFunc(func() {
		unwatch()
		stop.stop()
		l.leave()
	})
	streaming := false
	defer func() { // a panic included
		if !streaming {
			release()
		}
	}()

	asked := time.Now()
	h, err := l.waitHead(stop)
	x.upstream = time.Since(asked)
	var body []byte
	whole := false
	if err == nil && h.hit != nil {
		if !x.useHit(ctx, d, h.hit) {
			release()
			x.load(ctx, d) // alone: what is stored is no answer
		}
		return
	}
	if err == nil && !h.stream && d != nil {
		body, whole, err = l.waitWhole(stop)
		x.upstream = time.Since(asked)
	}
	if err == nil || h != nil {
		x.via = h.via
	}
	if err != nil {
		x.failUpstream(ctx, err)
		return
	}

	if x.merge != nil && h.status == fasthttp.StatusOK {
		if whole {
			body, err = x.merge(body)
		}
		if !whole || err != nil {
			x.failUpstream(ctx, errGarbage)
			return
		}
	}
	old := !whole && !ctx.IsHead() && (h.stream || h.length < 0) && !ctx.Request.Header.IsHTTP11()
	if old {
		if body, err = x.wait(h, l, stop); err != nil {
			x.failUpstream(ctx, err)
			return
		}
	}
	x.status = h.status
	ctx.SetStatusCode(h.status)
	copyHeaders(&ctx.Response.Header, h.header, d != nil)
	x.writeHeaders(&ctx.Response.Header)
	if whole || old {
		switch {
		case h.status != fasthttp.StatusOK || x.bill != (bill{}): // whoever put it together has counted
		case old:
			x.chargeStream(l.meter())
		default:
			x.chargeBody(d, body)
		}
		if !old { // else it was kept as it came
			x.keepAnswered(body)
		}
		ctx.Response.SetBodyRaw(body)
		x.log()
		return
	}
	if ctx.IsHead() || bodiless(h.status) {
		ctx.Response.SkipBody = true
		ctx.Response.Header.SetContentLength(int(h.length)) // -1: not known, and said by the transfer coding
		x.log()
		return
	}
	streaming, x.kept = true, true
	size := -1
	if !h.stream {
		size = int(h.length)
	}
	ctx.Response.ImmediateHeaderFlush = true
	ctx.Response.SetBodyStream(&bodyStream{x: x, l: l, stop: stop, release: release, events: h.stream}, size)
}

// bodiless reports whether no answer of the status has a body (RFC 9110, sections 15.3.5 and 15.4.5).
func bodiless(status int) bool {
	return status == fasthttp.StatusNoContent || status == fasthttp.StatusNotModified
}

// wait returns the whole body of an answer without a length, for a client of HTTP/1.0, which knows no chunks.
func (x *exchange) wait(h *head, l *listener, stop *stopper) ([]byte, error) {
	b := &bodyStream{x: x, l: l, stop: stop, events: h.stream}
	body, err := io.ReadAll(io.LimitReader(b, int64(x.s.cfg.MaxAnswerBytes)+1))
	switch {
	case len(body) > x.s.cfg.MaxAnswerBytes:
		return nil, &apiError{fasthttp.StatusHTTPVersionNotSupported, "invalid_request_error", "http_version", "", "the answer has no length and is too long to be kept until it has one: ask in HTTP/1.1"}
	case err != nil && (!h.stream || errors.Is(err, errGone)):
		return nil, err
	}
	return body, nil // a stream that broke says so
}

// leaves returns a channel that is closed when whoever waits for the answer no longer does, and what ends the watch.
func leaves(ctx *fasthttp.RequestCtx) (gone <-chan struct{}, stop func()) {
	if c := callerOf(ctx); c != nil {
		return c.ctx.Done(), func() {}
	}
	return watch(ctx.Conn())
}

// failUpstream answers for a provider that could not.
func (x *exchange) failUpstream(ctx *fasthttp.RequestCtx, err error) {
	if errors.Is(err, errGone) {
		if c := callerOf(ctx); c != nil {
			c.refuse(err)
		}
		ctx.Response.Header.SetConnectionClose()
		x.fail(ctx, clientLeft())
		return
	}
	var r *routed
	if errors.As(err, &r) {
		x.via = r.via
	}
	var e *apiError
	if !errors.As(err, &e) {
		e = upstreamError(x.answeredBy().provider, err)
		if c := callerOf(ctx); c != nil {
			c.refuse(unrouted(err))
		}
	}
	var w *waitError
	if errors.As(err, &w) {
		x.retryAfter = w.after
	}
	x.failed = true
	x.fail(ctx, e)
}

// bodyStream feeds a flight's body to fasthttp, which reads it after the handler has returned and closes it when it is
// done. It must not touch the ctx.
type bodyStream struct {
	x       *exchange
	l       *listener
	stop    *stopper
	release func()
	events  bool // the body is an event stream

	last    []byte // what is left to say of a failure
	failure error
	whole   bool
	closed  bool
}

// Read returns the next bytes as soon as there are any. When the flight fails in the middle of an event stream, the
// client is told by one more event, and then by a connection that ends before the body does.
func (b *bodyStream) Read(p []byte) (int, error) {
	if b.failure == nil {
		n, err := b.l.read(p, b.stop)
		switch {
		case err == nil:
			b.x.keepAnswered(p[:n])
			return n, nil
		case err == io.EOF:
			b.whole = true
			return 0, io.EOF
		}
		b.fail(err)
	}
	if len(b.last) > 0 {
		n := copy(p, b.last)
		b.last = b.last[n:]
		return n, nil
	}
	return 0, b.failure
}

func (b *bodyStream) fail(err error) {
	b.failure = err
	if errors.Is(err, errGone) {
		b.x.err = "client_left"
		return
	}
	var e *apiError
	if !errors.As(err, &e) {
		e = upstreamError(b.x.answeredBy().provider, err)
	}
	b.x.err = e.code
	if b.events {
		// Two line ends finish an event that the failure cut in two, which clients then drop or refuse.
		b.last = b.x.appendErrorEvent([]byte("\n\n"), e)
	}
}

// Close is called once the body is sent, or cannot be.
func (b *bodyStream) Close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	if b.x.status == fasthttp.StatusOK {
		b.x.chargeStream(b.l.meter())
	}
	b.release()
	if !b.whole && b.x.err == "" {
		b.x.err = "client_left"
	}
	b.x.log()
	return nil
}

// copyHeaders hands a provider's headers on, but for those that are about its connection, its address or who may call it, which
// are not the gateway's. Of an answer that several clients may get, cookies are nobody's, and the age is for the gateway to say.
func copyHeaders(h *fasthttp.ResponseHeader, from http.Header, shared bool) {
	named := map[string]bool{}
	for _, v := range from["Connection"] {
		addConnectionHeaders(named, []byte(v))
	}
	for k, vs := range from {
		if hopByHop[k] || named[k] || strings.HasPrefix(k, "Access-Control-") || k == "Date" || k == "Alt-Svc" || k == "Strict-Transport-Security" || shared && (k == "Set-Cookie" || k == "Age") ||
			strings.HasPrefix(k, portkeyPrefix) || strings.HasPrefix(k, reprisePrefix) {
			continue
		}
		for _, v := range vs {
			h.Add(k, v)
		}
	}
}

const idAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// appendFreshID writes a new id as a JSON string, 24 characters after its prefix. It names an answer and guards nothing.
func appendFreshID(b []byte, prefix string) []byte {
	b = append(b, '"')
	b = append(b, prefix...)
	for range 3 {
		x := rand.Uint64()
		for range 8 {
			b = append(b, idAlphabet[x%uint64(len(idAlphabet))])
			x /= uint64(len(idAlphabet))
		}
	}
	return append(b, '"')
}

func appendUnix(b []byte, t time.Time) []byte { return strconv.AppendInt(b, t.Unix(), 10) }
