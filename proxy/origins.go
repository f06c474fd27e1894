package proxy

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/valyala/fasthttp"
)

// origins are the web pages that may call this server from a browser. Which pages a provider lets call itself is not said of this
// server: it may hold a key of its own, and stand on the machine of whoever opens a page.
type origins struct {
	any  bool
	list map[string]bool
}

// parseOrigins reads entries as https://app.example.com, or * for all.
func parseOrigins(list []string) (*origins, error) {
	o := &origins{list: map[string]bool{}}
	for _, s := range list {
		if s == "*" {
			o.any = true
			continue
		}
		u, err := url.Parse(strings.ToLower(s))
		if err != nil || u.Scheme == "" || u.Host == "" || strings.Contains(u.Host, "*") || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("%.80q is not an origin: write it as https://app.example.com or http://localhost:3000, or * for all", s)
		}
		o.list[u.Scheme+"://"+u.Host] = true
	}
	return o, nil
}

// allows reports whether pages of an origin may call.
func (o *origins) allows(origin []byte) bool {
	return len(origin) > 0 && (o.any || len(o.list) > 0 && o.list[strings.ToLower(string(origin))])
}

// allowOrigin lets the page that asks read the answer, whatever that will be, if it may.
func (x *exchange) allowOrigin(h *fasthttp.ResponseHeader, origin []byte) bool {
	if !x.s.origins.allows(origin) {
		return false
	}
	h.SetBytesV("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "*")
	h.Add("Vary", "Origin")
	return true
}

// fromPage refuses what a page of another site sent though it may not. Browsers ask before they send JSON; forms they send unasked,
// and a body is read here whatever it says that it is.
func (x *exchange) fromPage(ctx *fasthttp.RequestCtx) *apiError {
	std := &x.d.fields.std
	if x.allowOrigin(&ctx.Response.Header, std[stdOrigin]) || ctx.IsGet() || ctx.IsHead() || ctx.IsOptions() {
		return nil
	}
	if site := string(std[stdFetchSite]); site == "cross-site" || site == "same-site" {
		return foreignOrigin(std[stdOrigin])
	}
	return nil
}

func foreignOrigin(origin []byte) *apiError {
	page := "another site"
	if len(origin) > 0 {
		page = fmt.Sprintf("%.100q", origin)
	}
	return forbidden("origin_not_allowed", "origin", fmt.Sprintf("pages of %s may not call this gateway: the operator would have to add them to allowed_origins", page))
}

// isPreflight reports whether a browser asks if a page may call.
func isPreflight(ctx *fasthttp.RequestCtx) bool {
	h := &ctx.Request.Header
	return ctx.IsOptions() && len(h.Peek("Origin")) > 0 && len(h.Peek("Access-Control-Request-Method")) > 0
}

// preflight answers that. It comes without a credential, and is not for a provider to answer.
func (s *Server) preflight(ctx *fasthttp.RequestCtx, x *exchange) {
	x.d.trace = newTraceID()
	h, origin := &ctx.Response.Header, ctx.Request.Header.Peek("Origin")
	if !x.allowOrigin(h, origin) {
		x.fail(ctx, foreignOrigin(origin))
		return
	}
	h.Set("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE")
	if names := ctx.Request.Header.Peek("Access-Control-Request-Headers"); len(names) > 0 {
		h.SetBytesV("Access-Control-Allow-Headers", names)
	}
	h.Set("Access-Control-Max-Age", "600")
	x.status = fasthttp.StatusNoContent
	ctx.SetStatusCode(x.status)
	x.writeHeaders(h)
	x.log()
}
