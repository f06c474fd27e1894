package proxy

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// span is the request's place in a trace, in the words of W3C's Trace Context (level 1). The gateway is one span: its
// parent is the caller's, and the provider is told of it as the parent of its own.
type span struct {
	id     string // of the gateway's span: 16 hex digits
	trace  string // 32 hex digits; "": the caller sent no traceparent, and the provider is sent none
	parent string // the caller's span; "": the trace begins here
	state  string // the caller's tracestate, which is nobody's to read
	flags  byte
}

const (
	maxTraceState = 4 << 10
	spanFlags     = 0x03 // sampled, and made at random; what other bits mean is not known
)

// readSpan makes the request's span. A traceparent that is malformed, or there twice, begins a new trace, without the state
// of the old one.
func readSpan(f *fields) span {
	s := span{id: newSpanID()}
	if f.traceparents == 0 {
		return s // a tracestate by itself means nothing
	}
	if f.traceparents == 1 {
		if trace, parent, flags, ok := parseTraceparent(string(f.traceparent)); ok {
			s.trace, s.parent, s.flags = trace, parent, flags
			if validTraceState(f.tracestate) {
				s.state = f.tracestate
			}
			return s
		}
	}
	s.trace = newTraceID()
	return s
}

// parseTraceparent reads version-trace-parent-flags. Of a version that is not known yet the same four fields count, and
// what follows them does not.
func parseTraceparent(v string) (trace, parent string, flags byte, ok bool) {
	v = strings.Trim(v, " \t")
	const size = len("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if len(v) < size || v[2] != '-' || v[35] != '-' || v[52] != '-' {
		return "", "", 0, false
	}
	version, trace, parent := v[:2], v[3:35], v[36:52]
	switch {
	case !lowerHex(version), version == "ff", version == "00" && len(v) > size, len(v) > size && v[size] != '-',
		!lowerHex(trace), !lowerHex(parent), !lowerHex(v[53:55]), strings.Trim(trace, "0") == "", strings.Trim(parent, "0") == "":
		return "", "", 0, false
	}
	n, err := strconv.ParseUint(v[53:55], 16, 8)
	return trace, parent, byte(n) & spanFlags, err == nil
}

func lowerHex(s string) bool {
	for _, c := range []byte(s) {
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
			return false
		}
	}
	return true
}

// validTraceState reports whether a tracestate may be handed on: its members are others' affair.
func validTraceState(s string) bool {
	if len(s) > maxTraceState {
		return false
	}
	for _, c := range []byte(s) {
		if (c < ' ' || c > '~') && c != '\t' {
			return false
		}
	}
	return true
}

// header is the traceparent that the provider is sent.
func (s *span) header() string {
	return "00-" + s.trace + "-" + s.id + "-0" + string(hexDigits[s.flags&spanFlags])
}

// apply puts the span into the headers of a call, in place of the caller's.
func (s *span) apply(h map[string][]string) {
	delete(h, "Tracestate")
	delete(h, "Traceparent")
	if s.trace == "" {
		return
	}
	h["Traceparent"] = []string{s.header()}
	if s.state != "" {
		h["Tracestate"] = []string{s.state}
	}
}

// collectTrace notes a header if it is one of the two; several tracestates are one list.
func (f *fields) collectTrace(name, value []byte) {
	switch string(name) {
	case "Traceparent":
		f.traceparent = value
		f.traceparents++
	case "Tracestate":
		v := strings.Trim(string(value), " \t")
		if f.tracestate != "" && v != "" {
			v = "," + v
		}
		if len(f.tracestate)+len(v) <= 2*maxTraceState {
			f.tracestate += v
		}
	}
}

// newSpanID returns 16 random hex digits, which are not all 0.
func newSpanID() string {
	var b [16]byte
	x := rand.Uint64() | 1
	for i := range b {
		b[i] = hexDigits[x>>(60-4*i)&15]
	}
	return string(b[:])
}
