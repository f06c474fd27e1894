package proxy

import (
	"errors"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/proxy/internal/sse"
	"github.com/reprise-cache/reprise/proxy/internal/translate"
)

// messagesPath is Anthropic's, and with everything below it in Anthropic's words.
const messagesPath = "/v1/messages"

func isAnthropic(path string) bool {
	return path == messagesPath || strings.HasPrefix(path, messagesPath+"/")
}

// errorBody is an error of the gateway's own in the words of the API that was asked.
func (x *exchange) errorBody(e *apiError) []byte {
	if isAnthropic(x.path) {
		return e.anthropicBody(x.d.trace)
	}
	if strings.HasPrefix(x.path, cachesPath) {
		return e.langBody(x.path, x.d.trace)
	}
	return e.openaiBody()
}

// appendErrorEvent appends the same as an event that ends a stream.
func (x *exchange) appendErrorEvent(dst []byte, e *apiError) []byte {
	if isAnthropic(x.path) {
		return sse.AppendEvent(dst, "error", e.anthropicBody(x.d.trace))
	}
	if firstPaths[x.path] != nil { // that SDK takes an event without a name for a chunk
		return sse.AppendEvent(dst, "error", e.openaiBody())
	}
	return sse.AppendEvent(dst, "", e.openaiBody())
}

// anthropicBody is the error as Anthropic's clients expect it. What the other form has fields for is said in words.
func (e *apiError) anthropicBody(trace string) []byte {
	b := []byte(`{"type":"error","error":{"type":"`)
	b = append(b, translate.AnthropicKind(e.status)...)
	b = append(b, `","message":`...)
	b = appendJSONString(b, e.message)
	b = append(b, `},"request_id":`...)
	b = appendJSONString(b, trace)
	return append(b, '}')
}

// refusedPath returns the path of a request that could not be read to its end, where its head could be; else "".
func refusedPath(ctx *fasthttp.RequestCtx, err error) string {
	if !errors.Is(err, fasthttp.ErrBodyTooLarge) && !errors.Is(err, errTooMany) {
		return ""
	}
	path, _, _ := strings.Cut(string(ctx.Request.Header.RequestURI()), "?")
	return path
}
