package proxy

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestHTTP10 holds that a client of HTTP/1.0 is sent no chunks, which it could not tell from the answer.
func TestHTTP10(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		switch req.URL.Path {
		case "/v1/files/long":
			w.Write(bytes.Repeat([]byte("x"), 3<<20))
		case "/v1/files/cut":
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case "/v1/files/too-long":
			for range 9 {
				w.Write(make([]byte, 1<<20))
			}
		case chatPath:
			body, _ := io.ReadAll(req.Body)
			if bytes.Contains(body, []byte("break off")) {
				w.Header().Set("Content-Type", "text/event-stream")
				io.WriteString(w, chunk(`"choices":[]`))
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			}
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, streamOf("an answer"))
		}
	})
	old := func(request string) reply {
		t.Helper()
		got := r.raw(strings.Replace(request, "HTTP/1.1", "HTTP/1.0", 1))
		if len(got.TransferEncoding) > 0 || got.err != nil || got.ContentLength != int64(len(got.body)) {
			t.Errorf("%q: %v, %v, a length of %d for %d bytes", request, got.TransferEncoding, got.err, got.ContentLength, len(got.body))
		}
		return got
	}
	stream := func(text string) reply { return old(post("", question(text, `"stream":true`))) }
	if got := stream("q"); got.body != streamOf("an answer") || got.cache() != "SEMANTIC MISS" {
		t.Errorf("a stream: %s", got.body)
	}
	r.flush()
	if got := stream("q"); !strings.HasSuffix(got.body, "data: [DONE]\n\n") || got.cache() != "HIT" {
		t.Errorf("a stream again: %s, %s", got.cache(), got.body)
	}
	if got := stream("break off"); got.StatusCode != 200 || !strings.Contains(got.body, `"upstream_broken"`) {
		t.Errorf("a stream that breaks off: %d, %s", got.StatusCode, got.body)
	}
	get := func(path string) reply { return old(fmt.Sprintf("GET /v1/files/%s HTTP/1.1\r\nHost: x\r\n\r\n", path)) }
	if got := get("long"); got.StatusCode != 200 || len(got.body) != 3<<20 {
		t.Errorf("without a length: %d, %d bytes", got.StatusCode, len(got.body))
	}
	if got := get("cut"); got.StatusCode != 502 {
		t.Errorf("cut: %d, %s", got.StatusCode, got.body)
	}
	if got := get("too-long"); got.StatusCode != 505 || !strings.Contains(got.body, "HTTP/1.1") {
		t.Errorf("too long: %d", got.StatusCode)
	}
}
