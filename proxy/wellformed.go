package proxy

import (
	"bytes"
	"errors"

	"github.com/valyala/fasthttp"
)

// errMalformed: a request that fasthttp takes and HTTP does not allow.
var errMalformed = errors.New("proxy: malformed request")

// errTooMany: there are as many connections as may be.
var errTooMany = errors.New("proxy: too many connections")

// wellFormed refuses what fasthttp lets pass and others on the way may read in another sense: a version that is neither 1.0 nor
// 1.1, a header that goes on in the next line (RFC 9112, section 5.2), a header name that is no token (RFC 9110, section 5.6.2),
// and a target that asks for a tunnel.
func wellFormed(h *fasthttp.RequestHeader) bool {
	switch string(h.Protocol()) {
	case "HTTP/1.1", "HTTP/1.0":
	default:
		return false
	}
	if h.IsConnect() {
		return false
	}
	for raw := h.RawHeaders(); len(raw) > 0; {
		end := bytes.IndexByte(raw, '\n')
		if end < 0 {
			break // the empty line's carriage return, at most
		}
		line := raw[:end]
		raw = raw[end+1:]
		if len(line) == 0 || line[0] == '\r' {
			continue
		}
		for _, c := range line {
			if c == ':' {
				break
			}
			if !tokenChar[c] {
				return false // the space at the beginning of a folded line, too
			}
		}
	}
	return true
}

// tokenChar holds the bytes that a header's name may have.
var tokenChar = func() (t [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		t[c] = true
	}
	return t
}()
