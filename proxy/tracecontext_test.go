package proxy

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

const (
	callersTrace = "0af7651916cd43dd8448eb211c80319c"
	callersSpan  = "b7ad6b7169203331"
)

// TestTraceContext holds what a provider is told of a trace, and under which trace the gateway files the request.
func TestTraceContext(t *testing.T) {
	var got http.Header
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		got = req.Header.Clone()
		answerWith("x")(w, req)
	}, withLog(t))
	form := regexp.MustCompile(`^00-([0-9a-f]{32})-([0-9a-f]{16})-(0[0-3])$`)
	ask := func(header ...string) reply {
		t.Helper()
		req := r.request(t.Context(), "POST", chatPath, question("q", ""), "cache-control", "no-store")
		for i := 0; i < len(header); i += 2 {
			req.Header.Add(header[i], header[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return reply{resp, string(b), err}
	}
	const good = "00-" + callersTrace + "-" + callersSpan + "-01"

	a := ask("traceparent", good, "tracestate", "a=1", "tracestate", "b=2")
	m := form.FindStringSubmatch(got.Get("Traceparent"))
	rec := r.last()
	if m == nil || m[1] != callersTrace || m[2] == callersSpan || m[3] != "01" || got.Get("Tracestate") != "a=1,b=2" || a.Header.Get("x-portkey-trace-id") != callersTrace {
		t.Errorf("%v, %s", got, a.Header.Get("x-portkey-trace-id"))
	} else if rec.TraceID != callersTrace || rec.SpanID != m[2] || rec.ParentSpan != callersSpan || rec.W3CTraceID != "" {
		t.Errorf("%+v", rec)
	}

	// The caller's own name for the trace goes before, and the record is found by both.
	ask("traceparent", good, "x-portkey-trace-id", "mine")
	if rec := r.last(); rec.TraceID != "mine" || rec.W3CTraceID != callersTrace {
		t.Errorf("%+v", rec)
	}
	if records, _ := r.page("trace_id=" + callersTrace); len(records) != 2 {
		t.Errorf("%d records of the trace", len(records))
	}
	if records, _ := r.page("trace_id=mine"); len(records) != 1 {
		t.Errorf("%d records of the caller's name for it", len(records))
	}

	// A later version may say more.
	ask("traceparent", "cc-"+callersTrace+"-"+callersSpan+"-ff-what-comes-next")
	if m := form.FindStringSubmatch(got.Get("Traceparent")); m == nil || m[1] != callersTrace || m[3] != "03" {
		t.Errorf("a later version becomes %q", got.Get("Traceparent"))
	}

	for name, bad := range map[string]string{
		"version ff": "ff-" + callersTrace + "-" + callersSpan + "-01", "no trace": "00-" + strings.Repeat("0", 32) + "-" + callersSpan + "-01", "no parent": "00-" + callersTrace + "-" + strings.Repeat("0", 16) + "-01",
		"upper case": "00-" + strings.ToUpper(callersTrace) + "-" + callersSpan + "-01", "too long": good + "-x", "too short": good[:54], "other dashes": strings.ReplaceAll(good, "-", "_"), "empty": "", "flags": good[:53] + "0x", "words": "hello",
		"a later version, cut": "01" + good[2:] + "x",
	} {
		a := ask("traceparent", bad, "tracestate", "a=1")
		m := form.FindStringSubmatch(got.Get("Traceparent"))
		if m == nil || m[1] == callersTrace || m[3] != "00" || got.Get("Tracestate") != "" || a.Header.Get("x-portkey-trace-id") != m[1] {
			t.Errorf("%s: %v", name, got)
		}
	}
	ask("traceparent", good, "traceparent", good, "tracestate", "a=1")
	if m := form.FindStringSubmatch(got.Get("Traceparent")); m == nil || m[1] == callersTrace || len(got["Traceparent"]) != 1 || got.Get("Tracestate") != "" {
		t.Errorf("two of them: %v", got)
	}
	ask("tracestate", "a=1")
	if got.Get("Traceparent") != "" || got.Get("Tracestate") != "" {
		t.Errorf("a state of no trace: %v", got)
	}
	if rec := r.last(); len(rec.TraceID) != 32 || len(rec.SpanID) != 16 {
		t.Errorf("%+v", rec)
	}
}

func FuzzTraceparent(f *testing.F) {
	f.Add("00-" + callersTrace + "-" + callersSpan + "-01")
	f.Add("cc-" + callersTrace + "-" + callersSpan + "-ff-more")
	f.Fuzz(func(t *testing.T, v string) {
		trace, parent, flags, ok := parseTraceparent(v)
		if !ok {
			return
		}
		s := span{id: parent, trace: trace, flags: flags}
		again, same, bits, ok := parseTraceparent(s.header())
		if !ok || again != trace || same != parent || bits != flags {
			t.Errorf("%q becomes %q", v, s.header())
		}
	})
}
