package proxy

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/keys"
	"github.com/reprise-cache/reprise/proxy/internal/providers"
	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// Transport is an http.RoundTripper that answers from a cache what it may, and has another RoundTripper do the rest: the
// cache of a [Server] for a client in the same process, without the server. What a request means, whose answers are shared
// and what the response's headers say is all as the server has it; the x-reprise-* headers of a request steer it. The provider
// is the API that the request's URL names, and answers of one are not another's.
//
// It takes on POST requests whose path ends like one of the server's cached endpoints, as /v1/chat/completions. All others, and
// those with a body over the limit, go straight to the base, and leave no record in a request log. If the provider cannot be reached, RoundTrip returns the base's error.
//
// A call that may serve several requests must outlive each of them, so that the base sees neither the values of a request's
// context nor its end, but is told to stop when all who wait have left.
type Transport struct {
	base http.RoundTripper
	cfg  Config // of the servers, but for their providers

	mu      sync.Mutex         // guards all below
	servers map[string]*Server // by the base URL of the API
	closed  bool
}

// TransportOptions configures a Transport. The zero value is the recommended one.
type TransportOptions struct {
	MaxBodyBytes    int          // largest request body that is looked at; zero: DefaultMaxBodyBytes
	MaxAnswerBytes  int          // largest answer that is kept; zero: DefaultMaxAnswerBytes
	FillQueue       int          // answers that may wait to be written to the cache; zero: DefaultFillQueue
	Logger          *slog.Logger // one record a request; nil: none
	Usage           Usage        // of a hit
	ShareAcrossKeys bool         // callers with different credentials share answers

	// RequestLog has one record a request, as a Server's, for as many APIs as there are; its zero value keeps none. Close writes
	// what is left and lets go of the file, and ReadRequestLog reads it then.
	RequestLog RequestLog
}

// maxAPIs bounds the APIs that one Transport caches. Requests to further ones pass.
const maxAPIs = 64

// NewTransport returns a Transport in front of base, which is http.DefaultTransport if nil. c must be closed by the caller,
// after the Transport.
func NewTransport(c *cache.Cache, base http.RoundTripper, o TransportOptions) (*Transport, error) {
	if c == nil {
		return nil, errors.New("proxy: a Transport needs a cache")
	}
	if base == nil {
		base = http.DefaultTransport
	}
	cfg := Config{
		Cache: c, Transport: base, MaxBodyBytes: o.MaxBodyBytes, MaxAnswerBytes: o.MaxAnswerBytes, FillQueue: o.FillQueue,
		Logger: o.Logger, Usage: o.Usage, ShareAcrossKeys: o.ShareAcrossKeys, RequestLog: o.RequestLog,
		Providers: []Provider{{Name: "any", BaseURL: "http://any"}}, // to be checked with the rest
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	if cfg.requests, err = cfg.openRequestLog(); err != nil {
		return nil, err
	}
	c.ReadAnswersBy(ReadAnswer)
	return &Transport{base: base, cfg: cfg, servers: map[string]*Server{}}, nil
}

// RoundTrip answers the request.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	s, path := t.serverOf(req)
	if s == nil {
		return t.base.RoundTrip(req)
	}
	body, whole, err := readUpTo(req.Body, t.cfg.MaxBodyBytes)
	if err != nil {
		return nil, err
	}
	if !whole {
		long := req.Clone(req.Context())
		long.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(body), req.Body), req.Body}
		return t.base.RoundTrip(long)
	}

	c := &caller{}
	c.ctx, c.leave = context.WithCancelCause(req.Context())
	ctx := &fasthttp.RequestCtx{}
	ctx.Init(&fasthttp.Request{}, nil, nil)
	ctx.SetUserValue(callerKey{}, c)
	h := &ctx.Request.Header
	h.SetMethod(req.Method)
	h.SetHost(req.URL.Host)
	h.SetRequestURI(path)
	ctx.Request.URI().SetQueryString(req.URL.RawQuery)
	for k, vs := range req.Header {
		for _, v := range vs {
			h.Add(k, v)
		}
	}
	ctx.Request.SetBodyRaw(body)
	ctx.Response.Header.SetNoDefaultContentType(true)
	s.serve(ctx, time.Now())
	if c.err != nil {
		c.leave(nil)
		return nil, c.err
	}
	return c.response(ctx, req), nil
}

// serverOf returns the server that caches for the API that the request is for, and its path there; nil if the request
// passes.
func (t *Transport) serverOf(req *http.Request) (*Server, string) {
	u := req.URL
	if req.Method != http.MethodPost || req.Body == nil || u.User != nil || u.Scheme != "http" && u.Scheme != "https" || req.Host != "" && req.Host != u.Host {
		return nil, ""
	}
	root, path, ok := endpointOf(u.EscapedPath())
	if !ok {
		return nil, ""
	}
	api := u.Scheme + "://" + u.Host + root
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.servers[api]
	if s == nil && !t.closed && len(t.servers) < maxAPIs {
		cfg := t.cfg
		cfg.Default, cfg.Providers = "", []Provider{{Name: providerName(u, root), BaseURL: api}}
		cfg.priced = providers.At(u.Scheme, u.Host)
		var err error
		if s, err = New(cfg); err != nil {
			cfg.Logger.Warn("not cached", "api", cfg.Providers[0].String(), "error", err)
			return nil, ""
		}
		t.servers[api] = s
	}
	if t.closed {
		return nil, ""
	}
	return s, path
}

// endpointOf splits the path of a URL into the root of an API and the path of a cached endpoint as a server has it.
func endpointOf(path string) (root, endpoint string, ok bool) {
	for _, d := range wire.Dialects {
		if before, ok := strings.CutSuffix(path, d.Path); ok {
			return before + "/v1", d.Path, true
		}
	}
	if before, ok := strings.CutSuffix(path, wire.Embeddings.Path); ok {
		return before + "/v1", wire.Embeddings.Path, true
	}
	// Compatible APIs have it elsewhere, too: /v1beta/openai/chat/completions, /openai/deployments/NAME/chat/completions.
	chat := strings.TrimPrefix(wire.Chat.Path, "/v1")
	if before, ok := strings.CutSuffix(path, chat); ok && before != "" {
		return before, wire.Chat.Path, true
	}
	return "", "", false
}

// providerName names an API in scopes and headers: its host, and where that does not say all, a digest.
func providerName(u *url.URL, root string) string {
	if u.Scheme == "https" && root == "/v1" && keys.ValidName(u.Host) {
		return u.Host
	}
	digest := cache.Hash([]byte(u.Scheme), []byte(u.Host), []byte(root))
	host := u.Hostname()
	if !keys.ValidName(host) || len(host) > 31 {
		host = "api"
	}
	return host + "-" + hex.EncodeToString(digest[:16])
}

// readUpTo reads a body and closes it, unless it is longer than limit, when it returns what it has read.
func readUpTo(body io.ReadCloser, limit int) (b []byte, whole bool, err error) {
	b, err = io.ReadAll(io.LimitReader(body, int64(limit)+1))
	if err == nil && len(b) > limit {
		return b, false, nil
	}
	return b, true, errors.Join(err, body.Close())
}

// Flush waits until every answer that was accepted for the cache so far is written, or ctx ends.
func (t *Transport) Flush(ctx context.Context) error {
	var errs []error
	for _, s := range t.all() {
		errs = append(errs, s.Flush(ctx))
	}
	return errors.Join(errs...)
}

// Close waits for calls under way, writes what was accepted for the cache, and closes the request log. Requests from now on go
// to the base. If ctx ends before it is done, it breaks off what is left and returns an error that says what was lost.
func (t *Transport) Close(ctx context.Context) error {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	var errs []error
	for _, s := range t.all() {
		errs = append(errs, s.Shutdown(ctx))
	}
	if t.cfg.requests != nil {
		errs = append(errs, t.cfg.requests.Close()) // last, for it hears of all that ends before
	}
	return errors.Join(errs...)
}

// CloseIdleConnections closes those of the base. http.Client has a method of that name which calls it.
func (t *Transport) CloseIdleConnections() {
	if b, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		b.CloseIdleConnections()
	}
}

func (t *Transport) all() []*Server {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]*Server, 0, len(t.servers))
	for _, s := range t.servers {
		out = append(out, s)
	}
	return out
}

// caller is who waits for a Transport's answer, in the place of a connection.
type caller struct {
	ctx   context.Context // ends with the request's, or when the body is closed
	leave context.CancelCauseFunc
	err   error // why there is no response
}

// callerKey is the user value of a RequestCtx that holds a *caller.
type callerKey struct{}

// callerOf returns who waits, or nil if it is a connection.
func callerOf(ctx *fasthttp.RequestCtx) *caller {
	c, _ := ctx.UserValue(callerKey{}).(*caller)
	return c
}

// refuse notes an error that is to be the RoundTripper's own.
func (c *caller) refuse(err error) {
	if errors.Is(err, errGone) {
		err = context.Cause(c.ctx)
	}
	c.err = err
}

// response is what the handler has put into ctx, as net/http has it.
func (c *caller) response(ctx *fasthttp.RequestCtx, req *http.Request) *http.Response {
	from := &ctx.Response
	code := from.StatusCode()
	resp := &http.Response{
		Status:     strconv.Itoa(code) + " " + http.StatusText(code),
		StatusCode: code, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Request: req, ContentLength: -1,
	}
	for k, v := range from.Header.All() {
		if key := string(k); !hopByHop[key] {
			resp.Header[key] = append(resp.Header[key], string(v))
		}
	}
	if stream := from.BodyStream(); stream != nil {
		if n := from.Header.ContentLength(); n >= 0 {
			resp.ContentLength = int64(n)
		}
		resp.Body = newCallerBody(c, stream.(io.ReadCloser))
		return resp
	}
	c.leave(nil)
	body := from.Body()
	resp.ContentLength = int64(len(body))
	resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp
}

var errBodyClosed = fmt.Errorf("proxy: %w", http.ErrBodyReadAfterClose)

// callerBody is the body of a response under way. It may be closed while it is being read, which ends the reading, as the
// end of the request's context does.
type callerBody struct {
	c      *caller
	mu     sync.Mutex // guards stream, which is one goroutine's at a time
	stream io.ReadCloser
	closed bool
}

func newCallerBody(c *caller, stream io.ReadCloser) *callerBody {
	b := &callerBody{c: c, stream: stream}
	context.AfterFunc(c.ctx, func() { _ = b.end() })
	return b
}

// Read returns the next bytes as soon as there are any.
func (b *callerBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, context.Cause(b.c.ctx)
	}
	n, err := b.stream.Read(p)
	if errors.Is(err, errGone) {
		err = context.Cause(b.c.ctx)
	}
	return n, err
}

// Close leaves the call, which ends if nobody else listens.
func (b *callerBody) Close() error {
	b.c.leave(errBodyClosed)
	return b.end()
}

func (b *callerBody) end() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	return b.stream.Close()
}
