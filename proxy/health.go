package proxy

import (
	"errors"
	"strconv"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
)

// The states of a server, the worse ones first.
const (
	stateDraining = "draining" // it takes no more requests, or soon will not
	stateLoading  = "loading"  // the cache's semantic tier does not know every entry yet
	stateDegraded = "degraded" // nor will it: the exact tier and the providers serve all the same
	stateOK       = "ok"
)

// state is the server's, by whether it is about to stop and what the cache says of itself.
func state(draining bool, ready error) string {
	switch {
	case draining:
		return stateDraining
	case errors.Is(ready, cache.ErrLoading):
		return stateLoading
	case ready != nil:
		return stateDegraded
	}
	return stateOK
}

func (s *Server) state() string {
	var ready error
	if s.cfg.Cache != nil {
		ready = s.cfg.Cache.Ready()
	}
	return state(s.draining.Load(), ready)
}

// health answers whether the process lives (/healthz), and whether requests should be sent to it (/readyz).
func (s *Server) health(ctx *fasthttp.RequestCtx, x *exchange) {
	if !ctx.IsGet() && !ctx.IsHead() {
		x.d.trace = newTraceID()
		ctx.Response.Header.Set("Allow", "GET, HEAD")
		x.fail(ctx, notAllowed(string(ctx.Method()), x.path, "GET"))
		return
	}
	ctx.SetContentType("application/json")
	is, rest := stateOK, ""
	if x.path == "/readyz" {
		is = s.state()
	}
	switch is {
	case stateDraining:
		ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
	case stateLoading:
		ctx.SetStatusCode(fasthttp.StatusServiceUnavailable)
		l := s.cfg.Cache.Stats().Load
		rest = `,"read":` + strconv.FormatInt(l.Read, 10) + `,"of":` + strconv.FormatInt(l.Total, 10)
	}
	ctx.SetBodyString(`{"status":"` + is + `"` + rest + `}`)
}
