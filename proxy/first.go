package proxy

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// firstPaths are those of the first Portkey SDK, and the endpoints that they are another form of.
var firstPaths = map[string]*wire.Dialect{"/v1/chatComplete": wire.Chat, "/v1/complete": wire.Completion}

// rewritten is what a provider is sent in place of the request that came.
type rewritten struct {
	path   string // below the base URL
	body   []byte
	header http.Header // set over the caller's
	keyed  bool        // which hold the caller's credential, whatever key the provider is configured with
}

// first serves a request that has its configuration in the body: the first option answers it, through the cache that the
// endpoint behind it has. An answer that one of the two was given serves the other.
func (s *Server) first(ctx *fasthttp.RequestCtx, x *exchange, m *questions) {
	err := x.d.parse(&ctx.Request.Header)
	if err == nil {
		err = x.readFirst(ctx.PostBody(), m.dialect)
	}
	if err != nil {
		x.fail(ctx, err)
		return
	}
	x.answer(ctx, m)
}

func (x *exchange) readFirst(body []byte, d *wire.Dialect) *apiError {
	if x.d.encoded {
		return badRequest("invalid_body", "content-encoding", "a body with a config in it cannot be compressed")
	}
	f, err := wire.ReadFirst(body)
	if err != nil {
		return bodyError(err)
	}
	if len(f.Options) > 1 && f.Mode != "single" {
		return &apiError{fasthttp.StatusNotImplemented, "invalid_request_error", "unsupported_mode", "config.mode",
			"config.mode " + f.Mode + " with " + strconv.Itoa(len(f.Options)) + " options is not supported: use single, or one option"}
	}
	o := &f.Options[0]
	if err := x.d.apply(o, "config.options[0]"); err != nil {
		return err
	}
	var apiErr *apiError
	if x.provider, apiErr = x.s.providers.choose(&x.d, x.path); apiErr != nil {
		apiErr.param = "config.options[0].provider"
		return apiErr
	}
	x.sent = &rewritten{path: strings.TrimPrefix(d.Path, "/v1"), body: f.Body(0), header: http.Header{}}
	if o.APIKey != "" {
		x.sent.keyed = true
		x.d.fields.std[stdAuthorization], x.d.fields.std[stdAPIKey] = nil, nil
		if x.provider.Kind == Anthropic {
			x.sent.header.Set("X-Api-Key", o.APIKey)
			x.d.fields.std[stdAPIKey] = []byte(o.APIKey)
		} else {
			x.sent.header.Set("Authorization", "Bearer "+o.APIKey)
			x.d.fields.std[stdAuthorization] = []byte("Bearer " + o.APIKey)
		}
	}
	if o.Organization != "" {
		x.sent.header.Set("Openai-Organization", o.Organization)
		x.d.fields.std[stdOrganization] = []byte(o.Organization)
	}
	return nil
}

// bodyError is what is wrong with a body that the gateway itself has to read.
func bodyError(err error) *apiError {
	var fe *wire.FieldError
	if errors.As(err, &fe) {
		return badRequest("invalid_config", fe.Path, "%s", fe.Error())
	}
	e := badRequest("invalid_json", "", "the body is not a JSON object")
	var se *wire.SyntaxError
	if errors.As(err, &se) {
		e.message = strings.TrimPrefix(se.Error(), "wire: ")
	}
	return e
}

// apply puts what an option asks of the gateway over what the headers say. Of two times the stricter one counts.
func (d *directives) apply(o *wire.FirstOption, path string) *apiError {
	if o.VirtualKey != "" {
		return badRequest("unknown_virtual_key", path+".virtual_key", "%s.virtual_key %.64q is not a known virtual key", path, o.VirtualKey)
	}
	for name, v := range map[string]string{"api_key": o.APIKey, "override_params.organization": o.Organization} {
		if !validHeaderValue(v) { // which is not quoted, as it may be a key
			return badRequest("invalid_config", path+"."+name, "%s.%s holds a character that a header cannot carry", path, name)
		}
	}
	d.provider = o.Provider
	if o.TraceID != "" {
		if err := d.setTrace(path+".trace_id", []byte(o.TraceID)); err != nil {
			return err
		}
	}
	switch {
	case o.Cache != nil && !*o.Cache:
		d.mode = cache.ModeOff
	case o.CacheStatus != "":
		if err := d.setMode(path+".cache_status", o.CacheStatus); err != nil {
			return err
		}
	}
	if o.MaxAge != nil {
		d.setMaxAge(*o.MaxAge)
	}
	d.forceRefresh = d.forceRefresh || o.ForceRefresh
	if o.RequestTimeout > 0 {
		if t := time.Duration(o.RequestTimeout * float64(time.Second)); d.timeout == 0 || t < d.timeout {
			d.timeout = max(t, time.Millisecond)
		}
	}
	return nil
}
