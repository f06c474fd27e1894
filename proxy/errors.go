package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/proxy/internal/egress"
)

// Errors of a call to a provider that clients are told apart by. They never leave the package but as an apiError.
var (
	errFirstByte = errors.New("proxy: no response headers in time")
	errIdle      = errors.New("proxy: the response stalled")
	errTotal     = errors.New("proxy: the call took too long")
	errAllLeft   = errors.New("proxy: every client has left")
	errStopped   = errors.New("proxy: the server stopped")
	errGarbage   = errors.New("proxy: the answer is no JSON")
	errPanic     = errors.New("proxy: internal error")
	errGone      = errors.New("proxy: the client has left")
)

// apiError is an error of the gateway's own, in OpenAI's words.
type apiError struct {
	status  int
	kind    string // "type": invalid_request_error, upstream_error, timeout_error, server_error
	code    string
	param   string // the field or header at fault; "": none
	message string
}

// Error returns the message.
func (e *apiError) Error() string { return e.message }

// openaiBody is the error as OpenAI's clients expect it.
func (e *apiError) openaiBody() []byte {
	b := []byte(`{"error":{"message":`)
	b = appendJSONString(b, e.message)
	b = append(b, `,"type":`...)
	b = appendJSONString(b, e.kind)
	b = append(b, `,"param":`...)
	if e.param == "" {
		b = append(b, "null"...)
	} else {
		b = appendJSONString(b, e.param)
	}
	b = append(b, `,"code":`...)
	b = appendJSONString(b, e.code)
	return append(b, "}}"...)
}

// appendJSONString quotes s. What is not UTF-8 in it, which only a client's own input can bring, becomes U+FFFD.
func appendJSONString(dst []byte, s string) []byte {
	b, _ := jsontext.AppendQuote(dst, s)
	return b
}

func badRequest(code, param, format string, args ...any) *apiError {
	return &apiError{fasthttp.StatusBadRequest, "invalid_request_error", code, param, fmt.Sprintf(format, args...)}
}

func notFound(method, path string) *apiError {
	return &apiError{fasthttp.StatusNotFound, "invalid_request_error", "unknown_url", "",
		fmt.Sprintf("unknown path: %.20s %.200s; the API is below /v1/", method, shownPath(path))}
}

func notAllowed(method, path string, allowed ...string) *apiError {
	return &apiError{fasthttp.StatusMethodNotAllowed, "invalid_request_error", "method_not_allowed", "",
		fmt.Sprintf("%.20s is not allowed on %.200s: use %s", method, shownPath(path), strings.Join(allowed, " or "))}
}

func notCached() *apiError {
	return &apiError{fasthttp.StatusGatewayTimeout, "invalid_request_error", "not_cached", "cache-control",
		"only-if-cached was asked for and no stored answer serves this request"}
}

func deadlinePassed() *apiError {
	return &apiError{fasthttp.StatusGatewayTimeout, "timeout_error", "request_timeout", "x-portkey-request-timeout",
		"the request's own deadline passed before there was an answer"}
}

func internalError() *apiError {
	return &apiError{fasthttp.StatusInternalServerError, "server_error", "internal_error", "",
		"the gateway failed; its log has the details under this trace id"}
}

// upstreamError says what went wrong with a provider. The cause is told by its kind, never by its text: that of a
// transport may hold the URL, and with it a password.
func upstreamError(provider string, err error) *apiError {
	e := &apiError{status: fasthttp.StatusBadGateway, kind: "upstream_error", code: "upstream_unreachable"}
	timeout := func(code, what string) {
		e.status, e.kind, e.code = fasthttp.StatusGatewayTimeout, "timeout_error", code
		e.message = fmt.Sprintf("provider %q %s", provider, what)
	}
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(err, errPanic):
		return internalError()
	case errors.Is(err, errFirstByte):
		timeout("upstream_timeout", "did not begin to answer in time")
	case errors.Is(err, errIdle):
		timeout("upstream_stalled", "stopped in the middle of its answer")
	case errors.Is(err, errTotal), errors.Is(err, context.DeadlineExceeded):
		timeout("upstream_timeout", "did not finish its answer in time")
	case errors.Is(err, errStopped):
		e.status, e.code = fasthttp.StatusServiceUnavailable, "shutting_down"
		e.message = "the gateway is shutting down"
	case errors.Is(err, errGarbage):
		e.code = "upstream_invalid_response"
		e.message = fmt.Sprintf("provider %q answered with something that is not JSON", provider)
	case errors.Is(err, egress.ErrAddress):
		e.status, e.kind, e.code = fasthttp.StatusForbidden, "invalid_request_error", "address_not_allowed"
		e.message = "the host that was asked for has an address that is not public"
	case errors.As(err, &dns):
		e.message = fmt.Sprintf("the host name of provider %q cannot be resolved", provider)
	case errors.As(err, &op) && op.Op == "dial":
		e.message = fmt.Sprintf("provider %q cannot be reached", provider)
	default:
		e.code = "upstream_broken"
		e.message = fmt.Sprintf("provider %q broke off its answer or sent one that is not HTTP", provider)
	}
	return e
}

// acceptError is what the front end says when a request cannot be read at all. Of the ctx only the connection is known
// for sure, so the trace id is a new one.
func acceptError(cfg *Config, err error) *apiError {
	var small *fasthttp.ErrSmallBuffer
	var ne net.Error
	switch {
	case errors.Is(err, errTooMany):
		return &apiError{fasthttp.StatusServiceUnavailable, "server_error", "too_many_connections", "",
			strconv.Itoa(cfg.MaxConns) + " connections are open, which is the most (limits.max_connections): try again, or on one that is open"}
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return &apiError{fasthttp.StatusRequestEntityTooLarge, "invalid_request_error", "body_too_large", "",
			"the body is larger than " + strconv.Itoa(cfg.MaxBodyBytes) + " bytes, which the operator can change (limits.max_body_bytes)"}
	case errors.As(err, &small):
		return &apiError{fasthttp.StatusRequestHeaderFieldsTooLarge, "invalid_request_error", "headers_too_large", "",
			"the headers are larger than " + strconv.Itoa(cfg.MaxHeaderBytes) + " bytes, which the operator can change (limits.max_header_bytes)"}
	case errors.As(err, &ne) && ne.Timeout():
		return &apiError{fasthttp.StatusRequestTimeout, "timeout_error", "request_timeout", "",
			"the request did not arrive whole within " + cfg.ReadTimeout.String() + ", which the operator can change (timeouts.read)"}
	}
	return badRequest("invalid_http", "", "the request is not one that HTTP/1.1 allows")
}
