package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/proxy/internal/egress"
	"github.com/reprise-cache/reprise/proxy/internal/prices"
	"github.com/reprise-cache/reprise/proxy/internal/requestlog"
	"github.com/reprise-cache/reprise/proxy/internal/route"
	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// Server is the HTTP front end. Make it with New; it is safe for concurrent use.
type Server struct {
	cfg       Config
	http      fasthttp.Server
	providers *providerTable
	allowed   *egress.AllowList
	origins   *origins
	router    *route.Router
	configs   *configs                     // those of the requests seen last
	unpriced  *lru.Cache[string, struct{}] // models, with their providers, that the log has told of
	plain     [2]*plan                     // of requests that say nothing of routing; the second on Anthropic's paths
	upstream  upstream
	flights   flights
	filler    *filler
	places    *places
	prices    *prices.Table
	requests  *requestlog.Log // nil: none is kept
	metrics   metrics

	endpoints map[string]*questions // by path

	ctx      context.Context // of every upstream call
	stop     context.CancelCauseFunc
	running  tally       // flights
	draining atomic.Bool // Drain was called, or Shutdown
	stopping atomic.Bool // Shutdown was
	closing  sync.Once
	shared   atomic.Uint64
	started  time.Time
}

// Stats are counters since the server was made.
type Stats struct {
	FillsWritten uint64 // answers written to the cache
	FillsDropped uint64 // answers not written because the queue was full
	FillsFailed  uint64 // answers that the cache could not write
	FillsWaiting int    // answers in the queue now
	CallsShared  uint64 // requests that were answered by another's call
}

// New returns a server for the configuration, or every complaint about it, which is ErrConfig. It does not listen yet.
func New(cfg Config) (*Server, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Server{cfg: cfg, providers: newProviders(&cfg), allowed: cfg.allowed, origins: cfg.origins, started: time.Now()}
	s.flights.open = map[flightKey]*flight{}
	s.ctx, s.stop = context.WithCancelCause(context.Background())
	s.endpoints = map[string]*questions{}
	for _, d := range wire.Dialects {
		if s.endpoints[d.Path], err = newQuestions(d); err != nil {
			return nil, fmt.Errorf("proxy: %w", err)
		}
	}
	if s.places, err = newPlaces(); err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	s.upstream = upstream{
		transport: poolOf(cfg.Transport), guarded: newPool(egress.Dialer(dialTimeout)),
		total: cfg.UpstreamTimeout, firstByte: cfg.UpstreamFirstByte, idle: cfg.UpstreamIdle,
	}
	s.router = newRouter()
	if err := s.prepare(); err != nil {
		return nil, err
	}
	s.prices = prices.Default()
	if cfg.PricesFile != "" {
		if s.prices, err = prices.Load(cfg.PricesFile); err != nil {
			return nil, configComplaint{fmt.Errorf("proxy: PricesFile: %w", err)}
		}
	}
	if s.requests = cfg.requests; s.requests == nil {
		if s.requests, err = cfg.openRequestLog(); err != nil {
			return nil, err
		}
	}
	s.filler = newFiller(&s.cfg, s.flights.settle)
	if cfg.Cache != nil {
		cfg.Cache.ReadAnswersBy(ReadAnswer)
	}
	s.http = fasthttp.Server{
		Handler:                      s.handle,
		ErrorHandler:                 s.reject,
		Logger:                       slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
		SecureErrorLogMessage:        true,
		CloseOnShutdown:              true,
		DisablePreParseMultipartForm: true, // a form passes through as the bytes that it came in
		MaxRequestBodySize:           cfg.MaxBodyBytes,
		ReadBufferSize:               cfg.MaxHeaderBytes,
		Concurrency:                  cfg.MaxConns + spareConns,
		ReadTimeout:                  cfg.ReadTimeout,
		IdleTimeout:                  cfg.KeepAlive,
	}
	return s, nil
}

// Serve accepts connections until the listener is closed or Shutdown is called, after which it returns nil. A server that was
// shut down before closes the listener and returns at once.
func (s *Server) Serve(ln net.Listener) error {
	// fasthttp closes only listeners that it knew of when it was shut down.
	defer context.AfterFunc(s.ctx, func() { _ = ln.Close() })()
	if err := s.http.Serve(&timedListener{Listener: ln, timeout: s.cfg.WriteTimeout, limit: int64(s.cfg.MaxConns)}); err != nil && !s.stopping.Load() {
		return fmt.Errorf("proxy: %w", err)
	}
	return nil
}

// Drain has /readyz say from now on that no more requests should be sent here, and answers them as before; each connection is closed
// after its next answer. Whoever balances the load takes notice in his own time: call Shutdown after that.
func (s *Server) Drain() { s.draining.Store(true) }

// Shutdown stops accepting, lets requests under way finish, streams included, and writes what was accepted for the
// cache. If ctx ends before that, it breaks off what is left and returns an error that says what was lost. The server
// cannot be used again; of several calls the first one works.
func (s *Server) Shutdown(ctx context.Context) (err error) {
	s.closing.Do(func() { err = s.shutdown(ctx) })
	return err
}

func (s *Server) shutdown(ctx context.Context) (err error) {
	if s.requests != nil && s.cfg.requests == nil {
		defer func() { err = errors.Join(err, s.requests.Close()) }() // last, for it hears of all that ends before
	}
	s.Drain()
	s.stopping.Store(true)
	defer s.stop(errStopped)
	if err := s.http.ShutdownWithContext(ctx); err != nil {
		err = fmt.Errorf("proxy: shutdown broke off %d connections and %d answers on their way to the cache: %w",
			s.http.GetCurrentConcurrency(), len(s.filler.queue), err)
		s.stop(errStopped)
		s.filler.give()
		return err
	}
	if err := s.running.wait(ctx); err != nil {
		s.filler.give()
		return fmt.Errorf("proxy: shutdown broke off calls to providers: %w", err)
	}
	if lost, err := s.filler.close(ctx); err != nil {
		return fmt.Errorf("proxy: shutdown lost %d answers on their way to the cache: %w", lost, err)
	}
	s.upstream.transport.closeIdle()
	s.upstream.guarded.closeIdle()
	return nil
}

// TargetHealth is what is known of one target that requests were sent to.
type TargetHealth struct {
	Target      string    `json:"target"`
	State       string    `json:"state"` // closed: calls go through; open: they do not; half-open: one does, to see
	Calls       uint64    `json:"calls"`
	Failures    uint64    `json:"failures"`
	LastFailure time.Time `json:"last_failure,omitzero"`
	Reason      string    `json:"reason,omitempty"` // of the last failure: its status, or its kind, as upstream_timeout
}

// newRouter returns one that tells failures by the codes that clients are told.
func newRouter() *route.Router {
	return route.New(func(err error) string { return upstreamError("", err).code })
}

// Health lists the targets that requests were sent to, by name, and whether they are called at present.
func (s *Server) Health() []TargetHealth {
	out := []TargetHealth{}
	for _, h := range s.router.Health() {
		out = append(out, TargetHealth(h))
	}
	return out
}

// Flush waits until every answer that was accepted for the cache so far is written, or ctx ends.
func (s *Server) Flush(ctx context.Context) error {
	if err := s.running.wait(ctx); err != nil {
		return fmt.Errorf("proxy: flush: %w", err)
	}
	if err := s.filler.flush(ctx); err != nil {
		return fmt.Errorf("proxy: flush: %w", err)
	}
	if s.requests != nil {
		if err := s.requests.Flush(ctx); err != nil {
			return fmt.Errorf("proxy: flush: %w", err)
		}
	}
	return nil
}

// methodOf is a request's method as records have it. Its text must outlive the ctx.
func methodOf(ctx *fasthttp.RequestCtx) string {
	switch m := ctx.Method(); string(m) {
	case http.MethodPost:
		return http.MethodPost
	case http.MethodGet:
		return http.MethodGet
	default:
		return string(m[:min(len(m), 20)])
	}
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	return Stats{
		FillsWritten: s.filler.written.Load(),
		FillsDropped: s.filler.dropped.Load(),
		FillsFailed:  s.filler.failed.Load(),
		FillsWaiting: len(s.filler.queue),
		CallsShared:  s.shared.Load(),
	}
}

// handle is where every request enters that came over a connection.
func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	if !wellFormed(&ctx.Request.Header) {
		ctx.SetConnectionClose()
		s.reject(ctx, errMalformed)
		return
	}
	if s.draining.Load() {
		ctx.SetConnectionClose()
	}
	if c, ok := ctx.Conn().(*timedConn); ok && c.over && string(ctx.Path()) != "/healthz" { // the process lives
		ctx.SetConnectionClose()
		ctx.Response.Header.Set("Retry-After", "1")
		s.reject(ctx, errTooMany)
		return
	}
	s.serve(ctx, ctx.Time())
}

// serve answers one request. fasthttp recovers no panic of a handler, and one would end the process.
func (s *Server) serve(ctx *fasthttp.RequestCtx, start time.Time) {
	x := exchanges.Get().(*exchange)
	*x = exchange{s: s, start: start, method: methodOf(ctx)}
	defer func() {
		if !x.kept {
			*x = exchange{}
			exchanges.Put(x)
		}
	}()
	defer func() {
		if r := recover(); r != nil {
			s.cfg.Logger.Error("panic", "trace", x.d.trace, "value", fmt.Sprint(r), "stack", string(debug.Stack()))
			ctx.Response.Reset()
			x.fail(ctx, internalError())
		}
	}()
	s.route(ctx, x)
}

func (s *Server) route(ctx *fasthttp.RequestCtx, x *exchange) {
	path := ctx.Path()
	if strings.HasPrefix(string(path), "/v1/") && isPreflight(ctx) {
		x.path = string(path)
		s.preflight(ctx, x)
		return
	}
	if ctx.IsPost() {
		if m := s.endpoints[string(path)]; m != nil {
			x.path = m.dialect.Path
			s.cached(ctx, x, m)
			return
		}
		if d := firstPaths[string(path)]; d != nil {
			x.path = string(path)
			s.first(ctx, x, s.endpoints[d.Path])
			return
		}
		if string(path) == wire.Embeddings.Path {
			x.path = wire.Embeddings.Path
			s.embeddings(ctx, x)
			return
		}
	}
	switch {
	case string(path) == "/healthz", string(path) == "/readyz":
		x.path = string(path)
		s.health(ctx, x)
	case string(path) == metricsPath:
		x.path = metricsPath
		s.serveMetrics(ctx, x)
	case string(path) == feedbackPath, strings.HasPrefix(string(path), feedbackPath+"/"):
		x.path = string(path)
		s.feedback(ctx, x)
	case strings.HasPrefix(string(path), cachesPath):
		x.path = string(path)
		s.langcache(ctx, x)
	case strings.HasPrefix(string(path), adminPath):
		x.path = string(path)
		s.admin(ctx, x)
	case strings.HasPrefix(string(path), "/v1/"):
		x.path = string(path)
		s.passthrough(ctx, x)
	default:
		x.path = string(path)
		x.d.trace = newTraceID()
		x.fail(ctx, notFound(string(ctx.Method()), x.path))
	}
}

// reject answers what could not be read as a request.
func (s *Server) reject(ctx *fasthttp.RequestCtx, err error) {
	if c, ok := ctx.Conn().(*timedConn); ok {
		c.linger = true
	}
	x := &exchange{s: s, start: time.Now(), path: refusedPath(ctx, err)}
	x.d.trace = newTraceID()
	x.fail(ctx, acceptError(&s.cfg, err))
}
