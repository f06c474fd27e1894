package proxy

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// firstBody is a request of the first Portkey SDK.
func firstBody(option, params string) string {
	return `{"config":{"mode":"single","options":[{"provider":"main","api_key":"sk-mine",` + option + `"override_params":{"model":"m"}}]},"params":{` + params + `}}`
}

const firstChat, firstText = `"messages":[{"role":"user","content":"Ingredients of pizza"}]`, `"prompt":"Ingredients of pizza"`

func TestFirst(t *testing.T) {
	type call struct {
		path, auth, body string
	}
	seen := make(chan call, 1)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		seen <- call{req.URL.Path, req.Header.Get("Authorization"), string(body)}
		req.Body = io.NopCloser(strings.NewReader(string(body)))
		scopeProvider(w, req)
	})
	ask := func(path, option, params string, header ...string) reply {
		t.Helper()
		got := r.do("POST", path, firstBody(option, params), header...)
		r.flush()
		if got.StatusCode != 200 {
			t.Fatalf("%s %s: %d %s", option, params, got.StatusCode, got.body)
		}
		return got
	}
	called := func(want bool) (c call) {
		t.Helper()
		select {
		case c = <-seen:
			if !want {
				t.Errorf("the provider was called: %+v", c)
			}
		default:
			if want {
				t.Error("the provider was not called")
			}
		}
		return c
	}

	got := ask("/v1/chatComplete", "", firstChat)
	if c := called(true); c.path != chatPath || c.auth != "Bearer sk-mine" || c.body != `{`+firstChat+`,"model":"m"}` {
		t.Errorf("got %+v", c)
	}
	if got.cache() != "SEMANTIC MISS" || !strings.Contains(got.body, `"object":"chat.completion"`) {
		t.Errorf("got %s %s", got.cache(), got.body)
	}
	got = ask("/v1/chatComplete", "", firstChat+`,"stream":true`)
	if called(false); got.cache() != "HIT" || !strings.HasSuffix(got.body, "data: [DONE]\n\n") {
		t.Errorf("got %s %s", got.cache(), got.body)
	}
	// The endpoint behind it has the same entry for the same caller, and none for another one.
	if got := r.do("POST", chatPath, `{`+firstChat+`,"model":"m"}`, "authorization", "Bearer sk-mine"); got.cache() != "HIT" {
		t.Errorf("got %s", got.cache())
	}
	if got := r.do("POST", chatPath, `{`+firstChat+`,"model":"m"}`, "authorization", "Bearer sk-yours"); got.cache() == "HIT" {
		t.Error("another key's answer")
	}
	called(true)
	r.flush()

	for _, tt := range []struct {
		option, status string
		called         bool
	}{
		{`"cache_status":"simple",`, "HIT", false},
		{`"cache_status":"semantic","cache":true,"cache_age":"max-age=600",`, "HIT", false},
		{`"cache_age":600,`, "HIT", false},
		{`"cache":false,`, "DISABLED", true},
		{`"cache_force_refresh":true,`, "REFRESH", true},
	} {
		if got := ask("/v1/chatComplete", tt.option, firstChat); got.cache() != tt.status {
			t.Errorf("%s: got %s, want %s", tt.option, got.cache(), tt.status)
		}
		called(tt.called)
	}
	if got := ask("/v1/chatComplete", `"trace_id":"t-7","metadata":{"_user":"u"},`, firstChat); got.Header.Get("x-portkey-trace-id") != "t-7" {
		t.Errorf("got the trace id %q", got.Header.Get("x-portkey-trace-id"))
	}
	got = ask("/v1/complete", "", firstText)
	if c := called(true); c.path != "/v1/completions" || !strings.Contains(got.body, `"text_completion"`) {
		t.Errorf("got %+v, %s", c, got.body)
	}
	if got = ask("/v1/complete", "", firstText); got.cache() != "HIT" {
		t.Errorf("got %s", got.cache())
	}
}

func TestFirstErrors(t *testing.T) {
	r := newRig(t, answerWith("x"), func(c *Config) {
		c.Providers = append(c.Providers, Provider{Name: "keyed", BaseURL: c.Providers[0].BaseURL, APIKey: "sk-own"})
	})
	for name, tt := range map[string]struct {
		body   string
		status int
		param  string
	}{
		"no JSON":       {"{", 400, ""},
		"a weight":      {firstBody(`"weight":-1,`, firstChat), 400, "config.options[0].weight"},
		"a provider":    {strings.Replace(firstBody("", firstChat), `"main"`, `"nobody"`, 1), 400, "config.options[0].provider"},
		"a virtual key": {firstBody(`"virtual_key":"v",`, firstChat), 400, "config.options[0].virtual_key"},
		"a key":         {strings.Replace(firstBody("", firstChat), `"sk-mine"`, `"sk\nmine"`, 1), 400, "config.options[0].api_key"},
		"a trace id":    {firstBody(`"trace_id":"é",`, firstChat), 400, "config.options[0].trace_id"},
		"a mode":        {strings.Replace(firstBody("", firstChat), `"single"`, `"proxy"`, 1), 400, "config.mode"},
	} {
		got := r.do("POST", "/v1/chatComplete", tt.body)
		var e struct {
			Error struct{ Message, Param string }
		}
		if err := json.Unmarshal([]byte(got.body), &e); err != nil {
			t.Fatalf("%s: %v: %s", name, err, got.body)
		}
		if got.StatusCode != tt.status || e.Error.Param != tt.param || e.Error.Message == "" || strings.Contains(got.body, "mine") {
			t.Errorf("%s: got %d %s", name, got.StatusCode, got.body)
		}
	}
	r.wantCalls(0)
	// A key in the body is the caller's, whatever the provider is configured with.
	for i, key := range []string{"one", "two"} {
		body := strings.NewReplacer(`"main"`, `"keyed"`, "sk-mine", key).Replace(firstBody("", firstChat))
		r.do("POST", "/v1/chatComplete", body)
		r.flush()
		r.wantCalls(int64(i + 1))
	}
}

// TestFirstStops: the SDK's name of stop in an option stands back behind the usual one.
func TestFirstStops(t *testing.T) {
	var sent atomic.Value
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		sent.Store(string(body))
		answerWith("y")(w, strip(req, body))
	})
	for override, want := range map[string]string{
		`"stop":["a"],"stop_sequences":["b"]`: `"stop":["a"]`, `"stop_sequences":["b"]`: `"stop":["b"]`, `"stop":null,"stop_sequences":["b"]`: `"stop":["b"]`,
	} {
		body := `{"config":{"mode":"single","options":[{"provider":"main","override_params":{"model":"m",` + override + `}}]},"params":{` + firstChat + `}}`
		got := r.do("POST", "/v1/chatComplete", body, "cache-control", "no-store")
		if s, _ := sent.Load().(string); got.StatusCode != 200 || !strings.Contains(s, want) || strings.Contains(s, "stop_sequences") {
			t.Errorf("%s: %d %s, the provider was sent %s", override, got.StatusCode, got.body, s)
		}
	}
}

// TestFirstCompletionsElsewhere has completions answered by a provider that only chats, whole and streamed, by both paths, and finds the
// answer stored as the completion that it is.
func TestFirstCompletionsElsewhere(t *testing.T) {
	r := newRig(t, claude, func(c *Config) { c.Providers[0].Kind, c.Providers[0].APIKey = Anthropic, "sk-ant" })
	body := func(stream string) string {
		return `{"config":{"mode":"single","options":[{"provider":"main","override_params":{"model":"m"}}]},"params":{` + firstText + stream + `}}`
	}
	for _, path := range []string{"/v1/complete", "/v1/completions"} {
		for _, streamed := range []bool{false, true} {
			stream, question := "", "q"
			if streamed {
				stream, question = `,"stream":true`, "s"
			}
			sent := body(stream)
			if path == "/v1/completions" {
				sent = `{"model":"m","prompt":"` + question + `"` + stream + `}`
			}
			for _, want := range []string{"MISS", "HIT"} {
				if path == "/v1/complete" && streamed {
					want = "HIT" // what was stored whole
				}
				got := r.do("POST", path, sent)
				r.flush()
				text, last := `"text":"from claude"`, "}"
				if streamed {
					text, last = `claude"`, "data: [DONE]\n\n"
				}
				if got.StatusCode != 200 || !strings.HasSuffix(got.cache(), want) || !strings.Contains(got.body, `"text_completion"`) || !strings.Contains(got.body, text) || !strings.HasSuffix(got.body, last) {
					t.Errorf("%s, streamed %v: %d %s %s", path, streamed, got.StatusCode, got.cache(), got.body)
				}
			}
		}
	}
	r.wantCalls(3)
	got := r.do("POST", "/v1/completions", `{"model":"m","prompt":["a","b"]}`)
	if got.StatusCode != 400 || wantError(t, got).Code != "untranslatable" {
		t.Errorf("several prompts: %d %s", got.StatusCode, got.body)
	}
}
