package proxy

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/proxy/internal/keys"
	"github.com/reprise-cache/reprise/proxy/internal/route"
	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// firstPaths are those of the first Portkey SDK, and the endpoints that they are another form of.
var firstPaths = map[string]*wire.Dialect{"/v1/chatComplete": wire.Chat, "/v1/complete": wire.Completion}

// rewritten is what stands in place of the request that came.
type rewritten struct {
	path string // below the version
	body []byte
}

// first serves a request that has its configuration in the body, through the cache that the endpoint behind it has. An
// answer that one of the two was given serves the other.
func (s *Server) first(ctx *fasthttp.RequestCtx, x *exchange, m *questions) {
	err := x.open(ctx, keys.Call)
	if err == nil {
		err = x.readFirst(ctx.PostBody(), m.dialect)
	}
	if err == nil {
		err = x.d.parse()
	}
	if err == nil {
		err = x.place()
	}
	if err == nil {
		err = x.settle(ctx)
	}
	if err != nil {
		x.refuse(ctx, err)
		return
	}
	x.answer(ctx, m)
}

func (x *exchange) readFirst(body []byte, d *wire.Dialect) *apiError {
	if x.d.isEncoded() {
		return badRequest("invalid_body", "content-encoding", "a body with a config in it cannot be compressed")
	}
	f, err := wire.ReadFirst(body)
	if err != nil {
		return bodyError(err)
	}
	s := x.s
	outer, apiErr := s.outer(&x.d.fields, s.providers.forPath(d.Path).Name)
	if apiErr != nil {
		return apiErr
	}
	checks := s.checks()
	checks.Prefix, checks.Override = "config", firstOverride
	cfg, err := route.Parse(f.Config, outer, checks)
	if err != nil {
		return configError(err)
	}
	x.takeRequest(cfg)
	x.sent = &rewritten{path: strings.TrimPrefix(d.Path, "/v1"), body: f.Body}
	return x.follow(cfg, f.Body)
}

// firstOverride takes from an option's overriding parameters what is for the gateway: the organisation, the time limit in
// seconds, and the SDK's own name of stop.
func firstOverride(path string, t *route.Target) error {
	stop := slices.ContainsFunc(t.Override, func(m route.Member) bool { return m.Name == "stop" && m.Value.Kind() != jsontext.KindNull })
	for i := range t.Override {
		m := &t.Override[i]
		at := path + "." + m.Name
		bad := func(message string) error { return &route.Error{Path: at, Code: "invalid_config", Message: message} }
		if m.Value.Kind() == jsontext.KindNull {
			continue
		}
		switch m.Name {
		case "stop_sequences":
			if !stop { // else it is left out
				m.Name = "stop"
			}
		case "organization":
			b, err := jsontext.AppendUnquote(nil, []byte(m.Value))
			if err != nil || !validHeaderValue(string(b)) {
				return bad("give a string that a header can carry")
			}
			t.Organization = string(b)
		case "timeout":
			f, err := strconv.ParseFloat(string(m.Value), 64)
			if err != nil || !(f > 0 && f <= 86400) {
				return bad("give seconds, more than 0 and up to 86400")
			}
			if d := time.Duration(math.Ceil(f*1000)) * time.Millisecond; t.Timeout == 0 || d < t.Timeout {
				t.Timeout = d
			}
		}
	}
	t.Override = slices.DeleteFunc(t.Override, func(m route.Member) bool {
		return m.Value.Kind() == jsontext.KindNull || m.Name == "stop_sequences" || slices.Contains(wire.FirstOnly, m.Name)
	})
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
