package proxy

import (
	"net/http"
	"strings"
	"testing"
)

// openToAll is a provider that lets every page call it, as OpenAI does.
func openToAll(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Access-Control-Allow-Headers", "*")
	answerWith("y")(w, r)
}

const app, foreign = "https://app.example.com", "https://elsewhere.example"

func withOrigins(list ...string) func(*Config) {
	return func(c *Config) { c.AllowedOrigins = list }
}

// TestOrigins holds that a page which may call can read whatever it is answered, a hit and an error as well as a miss, and that
// another can neither read nor, where browsers do not ask first, send.
func TestOrigins(t *testing.T) {
	r := newRig(t, openToAll, withOrigins("HTTPS://App.example.com/"))
	for _, tt := range []struct {
		what   string
		do     func(header ...string) reply
		status int
	}{
		{"a miss", func(h ...string) reply { return r.ask("q", "", h...) }, 200},
		{"a hit", func(h ...string) reply { r.flush(); return r.ask("q", "", h...) }, 200},
		{"a stream", func(h ...string) reply { return r.ask("s", `"stream":true`, h...) }, 200},
		{"an error", func(h ...string) reply { return r.do("POST", chatPath, "{", h...) }, 400},
		{"passed through", func(h ...string) reply { return r.do("GET", "/v1/models", "", h...) }, 200},
		{"feedback", func(h ...string) reply { return r.do("POST", feedbackPath, "{}", h...) }, 400},
		{"LangCache", func(h ...string) reply { return r.do("POST", cachesPath+"c/entries/search", `{"prompt":"x"}`, h...) }, 200},
	} {
		got := tt.do("origin", app, "sec-fetch-site", "cross-site")
		if got.StatusCode != tt.status || got.Header.Get("Access-Control-Allow-Origin") != app || got.Header.Get("Vary") != "Origin" || got.Header.Get("Access-Control-Expose-Headers") != "*" {
			t.Errorf("%s: %d, %v", tt.what, got.StatusCode, got.Header)
		}
		// A server behind a page hands the page's origin on, and whence the page called that server.
		for _, header := range [][]string{{"origin", foreign}, {"origin", foreign, "sec-fetch-site", "same-origin"}, {"origin", "null"}, nil} {
			got := tt.do(header...)
			for k := range got.Header {
				if strings.HasPrefix(k, "Access-Control-") {
					t.Errorf("%s, %v: %s: %s", tt.what, header, k, got.Header.Get(k))
				}
			}
			if got.StatusCode != tt.status {
				t.Errorf("%s, %v: %d, want %d", tt.what, header, got.StatusCode, tt.status)
			}
		}
	}
	before := r.calls.Load()
	for _, site := range []string{"cross-site", "same-site"} {
		got := r.do("POST", chatPath, question("of a form", ""), "origin", foreign, "sec-fetch-site", site, "content-type", "text/plain")
		if e := wantError(t, got); got.StatusCode != 403 || e.Code != "origin_not_allowed" || !strings.Contains(e.Message, "allowed_origins") {
			t.Errorf("%s: %d, %s", site, got.StatusCode, got.body)
		}
	}
	r.wantCalls(before)
}

// TestPreflight holds that the gateway says itself which pages may call it, without a key and without a provider.
func TestPreflight(t *testing.T) {
	ask := func(r *rig, origin string) reply {
		return r.do("OPTIONS", chatPath, "", "origin", origin, "access-control-request-method", "POST", "access-control-request-headers", "authorization,x-portkey-config")
	}
	r := newRig(t, openToAll, withOrigins(app, "http://localhost:3000"), func(c *Config) { c.KeysRequired = true })
	for _, origin := range []string{app, "http://localhost:3000"} {
		got := ask(r, origin)
		h := got.Header
		if got.StatusCode != 204 || h.Get("Access-Control-Allow-Origin") != origin || !strings.Contains(h.Get("Access-Control-Allow-Methods"), "POST") ||
			h.Get("Access-Control-Allow-Headers") != "authorization,x-portkey-config" || h.Get("Vary") != "Origin" {
			t.Errorf("%s: %d, %v", origin, got.StatusCode, h)
		}
	}
	for _, origin := range []string{foreign, "http://localhost:3001", "https://app.example.com.evil.example", "null"} {
		if got := ask(r, origin); got.StatusCode != 403 || got.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d, %v", origin, got.StatusCode, got.Header)
		}
	}
	r.wantCalls(0)
	if got := ask(newRig(t, openToAll, withOrigins("*")), "null"); got.StatusCode != 204 || got.Header.Get("Access-Control-Allow-Origin") != "null" {
		t.Errorf("of all: %d, %v", got.StatusCode, got.Header)
	}
	for _, bad := range []string{"app.example.com", "https://app.example.com/path", "https://*.example.com", "https://app.example.com?x", "https://user@app.example.com", ""} {
		if _, err := parseOrigins([]string{bad}); err == nil {
			t.Errorf("%q is taken for an origin", bad)
		}
	}
}
