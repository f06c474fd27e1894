package proxy

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestListHeaders holds that a header which is a list may come in several lines, as Anthropic's Go client sends its betas, and
// means what it means in one.
func TestListHeaders(t *testing.T) {
	var mu sync.Mutex
	var betas []string
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		betas = req.Header.Values("Anthropic-Beta")
		mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"id":"msg_1","type":"message","role":"assistant","model":"c","content":[{"type":"text","text":"y"}],"stop_reason":"end_turn"}`)
	})
	ask := func(headers string) reply {
		t.Helper()
		const body = `{"model":"c","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}`
		got := r.raw(strings.Replace(post(headers, body), chatPath, messagesPath, 1))
		r.flush()
		return got
	}
	if got := ask("Anthropic-Beta: a-1\r\nAnthropic-Beta: b-2\r\nAccept: application/json\r\nAccept: */*\r\n"); got.StatusCode != 200 {
		t.Fatalf("two betas: %d: %s", got.StatusCode, got.body)
	}
	if mu.Lock(); strings.Join(betas, " ") != "a-1 b-2" {
		t.Errorf("the provider was sent the betas %q", betas)
	}
	mu.Unlock()
	for headers, want := range map[string]string{
		"Anthropic-Beta: a-1\r\nAnthropic-Beta: b-2\r\n": "HIT",
		"Anthropic-Beta: a-1,b-2\r\n":                    "HIT",
		"Anthropic-Beta: a-1\r\n":                        "SEMANTIC MISS",
		"Anthropic-Beta: a-1,b-2\r\nCache-Control: max-age=600\r\nCache-Control: no-store\r\n":        "DISABLED",
		"Anthropic-Beta: a-1,b-2\r\nCache-Control: no-transform\r\nCache-Control: only-if-cached\r\n": "HIT",
	} {
		if got := ask(headers); got.cache() != want {
			t.Errorf("%q: %s, want %s", headers, got.cache(), want)
		}
	}
}

// TestForwardedHeadersInTheScope holds that every line of a header which a config hands on tells requests apart, not the first
// alone.
func TestForwardedHeadersInTheScope(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		answerWith(strings.Join(req.Header.Values("X-Tenant"), "+"))(w, req)
	})
	for _, tenants := range [][]string{{"a", "b"}, {"a", "c"}, {"a"}, {}, {""}, {"a", "X-Tenant"}} {
		headers := "X-Portkey-Forward-Headers: x-tenant\r\n"
		for _, v := range tenants {
			headers += "X-Tenant: " + v + "\r\n"
		}
		got := r.raw(post(headers, question("who am I", "")))
		r.flush()
		if want := `"content":"` + strings.Join(tenants, "+") + `"`; !strings.Contains(got.body, want) {
			t.Errorf("%q: %s, want %s", tenants, got.body, want)
		}
	}
}

// TestProvidersOwnHeaders holds that what a provider's answer says of the connection it came over, of the address it came from
// and of other caches is not said of the gateway's.
func TestProvidersOwnHeaders(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		for k, v := range map[string]string{"Connection": "X-Hop", "X-Hop": "1", "Alt-Svc": `h3=":443"`, "Strict-Transport-Security": "max-age=1", "Age": "99", "X-Kept": "1"} {
			w.Header().Set(k, v)
		}
		if req.URL.Path == chatPath {
			answerWith("y")(w, req)
			return
		}
		io.WriteString(w, "{}")
	})
	for what, got := range map[string]reply{"a miss": r.ask("x", ""), "passed through": r.do("GET", "/v1/models", "")} {
		for _, k := range []string{"X-Hop", "Alt-Svc", "Strict-Transport-Security", "Age"} {
			if v := got.Header.Values(k); len(v) > 0 && !(k == "Age" && what == "passed through") { // which another cache may have answered
				t.Errorf("%s: %s: %q", what, k, v)
			}
		}
		if got.StatusCode != 200 || got.Header.Get("X-Kept") != "1" {
			t.Errorf("%s: %d, %v", what, got.StatusCode, got.Header)
		}
	}
}

// TestHeadOfUnknownLength holds that the length of what HEAD asks for is not invented.
func TestHeadOfUnknownLength(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Path == "/v1/files/known" {
			w.Header().Set("Content-Length", "12345")
			return
		}
		w.(http.Flusher).Flush()
	})
	for path, want := range map[string]string{"/v1/files/known": "12345", "/v1/files/unknown": ""} {
		for range 2 { // the connection is good for another
			if got := r.do("HEAD", path, ""); got.StatusCode != 200 || got.Header.Get("Content-Length") != want || got.body != "" {
				t.Errorf("%s: %d, content-length %q, want %q", path, got.StatusCode, got.Header.Get("Content-Length"), want)
			}
		}
	}
}

// TestLongMaxAge: an age that no number can hold is a very long one (RFC 9111, section 1.2.2).
func TestLongMaxAge(t *testing.T) {
	r := newRig(t, answerWith("y"))
	r.ask("x", "")
	r.flush()
	if got := r.ask("x", "", "cache-control", "max-age=99999999999999999999"); got.StatusCode != 200 || got.cache() != "HIT" {
		t.Errorf("%d %s: %s", got.StatusCode, got.cache(), got.body)
	}
	for _, age := range []string{"-1", "x", ""} {
		if got := r.ask("x", "", "cache-control", "max-age="+age); got.StatusCode != 400 {
			t.Errorf("%q: %d", age, got.StatusCode)
		}
	}
}
