package proxy

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/proxy/internal/keys"
)

// passWindow is how far a provider may run ahead of a client to which its answer passes through.
const passWindow = 256 << 10

// passthrough sends a request below /v1/ that is not cached to the provider, and its answer back, as they are.
func (s *Server) passthrough(ctx *fasthttp.RequestCtx, x *exchange) {
	if !x.accept(ctx, keys.Call) {
		return
	}
	if x.d.onlyIfCached { // and nothing here is
		x.fail(ctx, notCached())
		return
	}
	c, err := x.call(ctx, nil)
	if err != nil {
		x.fail(ctx, err)
		return
	}
	x.called = true
	f := newFlight(s.ctx, flightKey{}, passWindow)
	l := f.join()
	s.start(&runner{s: s, f: f, call: c, trace: x.d.trace})
	x.deliver(ctx, nil, l)
}

// upstreamPath returns the path below the version, escaped as the client wrote it. A path that says one thing to this
// server and another to the next, by dot segments for one, could leave the provider's base URL and is refused.
func upstreamPath(original []byte) (string, *apiError) {
	rest, ok := bytes.CutPrefix(original, []byte("/v1/"))
	if !ok {
		return "", badPath(original)
	}
	for segment := range bytes.SplitSeq(rest, []byte("/")) {
		s, err := url.PathUnescape(string(segment))
		if err != nil {
			return "", badPath(original)
		}
		// An escaped slash is none here, but may be one to the next server.
		for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == '/' || r == '\\' }) {
			if part == "." || part == ".." {
				return "", badPath(original)
			}
		}
	}
	return "/" + string(rest), nil
}

func badPath(path []byte) *apiError {
	return badRequest("invalid_path", "", "the path %.200q has dot segments or escapes that are not valid", shownPath(path))
}
