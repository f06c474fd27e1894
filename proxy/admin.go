package proxy

import (
	"bytes"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/proxy/internal/keys"
)

// adminPath is what the admin API is below.
const adminPath = "/admin/v1/"

// adminRoute is one endpoint of the admin API.
type adminRoute struct {
	method  string
	pattern string // below adminPath; a segment in braces matches any that is not empty: keys/{id}/rotate
	scope   keys.Scopes
	handle  func(s *Server, c *adminCall) *apiError
}

// adminRoutes is the whole admin API: nothing else is below adminPath, and each scope is checked before its handler runs.
// Those who add rows give read to what only looks, and admin to everything else.
var adminRoutes []adminRoute

func init() { // not a literal: some handlers need a server, whose own handler needs the table
	adminRoutes = []adminRoute{
		{"GET", "", keys.Read, adminIndex},
		{"GET", "configs", keys.Read, adminConfigs},
		{"GET", "configs/{id}", keys.Read, adminConfig},
		{"GET", "configs/{id}/versions", keys.Read, adminConfigHistory},
		{"PUT", "configs/{id}", keys.Admin, adminPutConfig},
		{"POST", "configs/{id}/rollback", keys.Admin, adminRollbackConfig},
		{"DELETE", "configs/{id}", keys.Admin, adminDeleteConfig},
		{"GET", "health", keys.Read, adminHealth},
		{"GET", "schemas/config", keys.Read, adminConfigSchema},
		{"GET", "schemas/request", keys.Read, adminRequestSchema},
		{"POST", "entries", keys.Admin, adminImport},
		{"POST", "entries/export", keys.Admin, adminExport},
		{"POST", "entries/{id}/show", keys.Admin, adminEntry},
		{"POST", "entries/{id}/judge", keys.Admin, adminJudgeEntry},
		{"DELETE", "entries/{id}", keys.Admin, adminDeleteEntry},
		{"POST", "purge", keys.Admin, adminPurge},
		{"POST", "backup", keys.Admin, adminBackup},
		{"POST", "compact", keys.Admin, adminCompact},
	}
	adminRoutes = append(adminRoutes, keyAdminRoutes()...)
	adminRoutes = append(adminRoutes, logRoutes()...)
}

// adminCall is a request to the admin API that was let in. A handler answers with reply, or returns an error, which is sent
// in its place. It may change x and ctx like any handler of a request.
type adminCall struct {
	ctx *fasthttp.RequestCtx
	x   *exchange
	arg map[string]string // what the segments in braces matched
}

// admin serves what is below adminPath. Who is not let in learns nothing of what there is.
func (s *Server) admin(ctx *fasthttp.RequestCtx, x *exchange) {
	x.d.trace = newTraceID()
	err := x.d.open(&ctx.Request.Header)
	if err == nil {
		err = s.adminCall(ctx, x)
	}
	if err != nil {
		x.fail(ctx, err)
		return
	}
	ctx.Response.Header.SetCanonical(hTraceID, []byte(x.d.trace))
	x.log()
}

func (s *Server) adminCall(ctx *fasthttp.RequestCtx, x *exchange) *apiError {
	segments, whole := adminSegments(ctx.URI().PathOriginal())
	route, arg, methods := matchAdmin(string(ctx.Method()), segments)
	need := keys.Read
	if route != nil {
		need = route.scope
	}
	if err := x.allowed(need); err != nil {
		return err
	}
	switch {
	case !whole:
		return badPath(ctx.URI().PathOriginal())
	case route != nil:
		x.status = fasthttp.StatusOK
		ctx.Response.Header.Set("Cache-Control", "no-store")
		return route.handle(s, &adminCall{ctx: ctx, x: x, arg: arg})
	case len(methods) > 0:
		ctx.Response.Header.Set("Allow", strings.Join(methods, ", "))
		return notAllowed(string(ctx.Method()), x.path, methods...)
	}
	return notFound(string(ctx.Method()), x.path)
}

// adminSegments takes a path below adminPath apart before it is unescaped, since a trace's id may hold a slash, and what looks like an
// escape; false: it is not below that as it was written, or has an escape that is not valid.
func adminSegments(original []byte) (segments []string, ok bool) {
	rest, ok := strings.CutPrefix(string(original), adminPath)
	if !ok {
		return nil, false
	}
	for s := range strings.SplitSeq(rest, "/") {
		s, err := url.PathUnescape(s)
		if err != nil {
			return nil, false
		}
		segments = append(segments, s)
	}
	return segments, true
}

// matchAdmin finds the route of a path. Where there is none, methods are those that the path has.
func matchAdmin(method string, segments []string) (found *adminRoute, arg map[string]string, methods []string) {
	for i := range adminRoutes {
		r := &adminRoutes[i]
		args, ok := matchPattern(r.pattern, segments)
		switch {
		case !ok:
		case r.method == method:
			return r, args, nil
		default:
			methods = append(methods, r.method)
		}
	}
	slices.Sort(methods)
	return nil, nil, methods
}

func matchPattern(pattern string, segments []string) (map[string]string, bool) {
	parts := strings.Split(pattern, "/")
	if len(parts) != len(segments) {
		return nil, false
	}
	args := map[string]string{}
	for i, p := range parts {
		name, isArg := strings.CutPrefix(p, "{")
		switch {
		case isArg && segments[i] != "":
			args[strings.TrimSuffix(name, "}")] = segments[i]
		case p != segments[i]:
			return nil, false
		}
	}
	return args, true
}

// reply answers with v as JSON; v nil: with no body.
func (c *adminCall) reply(status int, v any) *apiError {
	c.x.status = status
	c.ctx.SetStatusCode(status)
	if v == nil {
		return nil
	}
	b, err := json.Marshal(v, json.Deterministic(true), jsontext.AllowInvalidUTF8(true)) // a file's name may be any bytes
	if err != nil {
		c.x.s.cfg.Logger.Error("an answer of the admin API is no JSON", "trace", c.x.d.trace, "error", err)
		return internalError()
	}
	c.ctx.SetContentType("application/json")
	c.ctx.SetBody(append(b, '\n'))
	return nil
}

// read decodes the request's body, which must be one JSON object with members that v has and no others.
func (c *adminCall) read(v any) *apiError {
	return readObject(c.ctx.PostBody(), v)
}

// readObject is read for any body.
func readObject(body []byte, v any) *apiError {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || body[0] != '{' {
		return badRequest("invalid_json", "", "the body is not a JSON object")
	}
	err := json.Unmarshal(body, v, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	// Neither error is quoted: their text may hold what was sent, and that may be a secret.
	var bad *json.SemanticError
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &bad) && errors.Is(err, json.ErrUnknownName):
		at := clipPointer(bad.JSONPointer)
		return badRequest("unknown_field", at, "%s: unknown field", at)
	case errors.As(err, &bad) && bad.JSONPointer != "":
		at := clipPointer(bad.JSONPointer)
		return badRequest("invalid_value", at, "%s: this is not of the type that is wanted", at)
	case errors.As(err, &syntax) && errors.Is(err, jsontext.ErrDuplicateName):
		return badRequest("invalid_json", "", "the body has a name twice in one object")
	case errors.As(err, &syntax):
		return badRequest("invalid_json", "", "the body is not valid JSON at byte %d", syntax.ByteOffset)
	}
	return badRequest("invalid_json", "", "the body is not what is wanted here")
}

// clipPointer is a place in a body as clients are told it: limits.rpm.
func clipPointer(p jsontext.Pointer) string {
	var out []string
	for t := range p.Tokens() {
		out = append(out, t)
	}
	s := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, strings.Join(out, "."))
	return s[:min(len(s), 200)]
}
