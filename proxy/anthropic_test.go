package proxy

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

const messagesBody = `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"what is this?"}]}`

// TestAnthropicProvider holds whom Anthropic's paths go to, and how the key is sent.
func TestAnthropicProvider(t *testing.T) {
	seen := make(chan http.Header, 1)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		seen <- req.Header
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{}`)
	}, func(c *Config) {
		c.Providers = append(c.Providers, Provider{Name: "claude", Kind: Anthropic, BaseURL: c.Providers[0].BaseURL, APIKey: "sk-ant"})
	})
	for _, path := range []string{"/v1/messages", "/v1/messages/count_tokens"} {
		got := r.do("POST", path, messagesBody, "authorization", "Bearer mine", "x-api-key", "mine", "anthropic-version", "2023-06-01", "anthropic-beta", "b1")
		h := recv(t, seen, "the call")
		if got.Header.Get("x-portkey-provider") != "claude" || h.Get("x-api-key") != "sk-ant" || h.Get("authorization") != "" {
			t.Errorf("%s went to %q with %v", path, got.Header.Get("x-portkey-provider"), h)
		}
		if h.Get("anthropic-version") != "2023-06-01" || h.Get("anthropic-beta") != "b1" {
			t.Errorf("%s: got %v", path, h)
		}
	}
	got := r.do("POST", "/v1/messages", messagesBody, "x-portkey-provider", "main", "x-api-key", "mine")
	if h := recv(t, seen, "the call"); got.Header.Get("x-portkey-provider") != "main" || h.Get("x-api-key") != "mine" {
		t.Errorf("went to %q with %v", got.Header.Get("x-portkey-provider"), h)
	}
	r.do("POST", chatPath, question("x", ""))
	if h := recv(t, seen, "the call"); h.Get("x-api-key") != "" {
		t.Errorf("chat has the other provider's key: %v", h)
	}
}

// TestAnthropicErrors holds that what the gateway itself refuses is said in Anthropic's words.
func TestAnthropicErrors(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if strings.Contains(req.Header.Get("X-Test"), "break") {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "event: message_start\ndata: {\"type\":\"message_start\"}\n\n")
			w.(http.Flusher).Flush()
		}
		panic(http.ErrAbortHandler)
	}, func(c *Config) { c.MaxBodyBytes = 4096 })
	for name, tt := range map[string]struct {
		body   string
		header []string
		status int
		kind   string
	}{
		"no JSON":     {"{", nil, 400, "invalid_request_error"},
		"a header":    {messagesBody, []string{"x-portkey-cache", "sometimes"}, 400, "invalid_request_error"},
		"a provider":  {messagesBody, []string{"x-portkey-provider", "nobody"}, 400, "invalid_request_error"},
		"not cached":  {messagesBody, []string{"cache-control", "only-if-cached"}, 504, "timeout_error"},
		"unreachable": {messagesBody, nil, 502, "api_error"},
		"too large":   {strings.Repeat("x", 5000), nil, 413, "request_too_large"},
	} {
		got := r.do("POST", "/v1/messages", tt.body, tt.header...)
		var e struct {
			Type  string
			Error struct{ Type, Message string }
			ID    string `json:"request_id"`
		}
		if err := json.Unmarshal([]byte(got.body), &e); err != nil {
			t.Fatalf("%s: %v: %s", name, err, got.body)
		}
		if got.StatusCode != tt.status || e.Type != "error" || e.Error.Type != tt.kind || e.Error.Message == "" || e.ID == "" || e.ID != got.Header.Get("x-portkey-trace-id") {
			t.Errorf("%s: got %d %s", name, got.StatusCode, got.body)
		}
	}
	got := r.do("POST", "/v1/messages", strings.TrimSuffix(messagesBody, "}")+`,"stream":true}`, "x-test", "break")
	if !strings.Contains(got.body, "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\"") {
		t.Errorf("a broken stream ends with %q", got.body)
	}
}

// TestAnthropicBrokenStream holds that a stream without its last event, or with an error in it, is never stored.
func TestAnthropicBrokenStream(t *testing.T) {
	whole, err := wire.Messages.Replay(nil, []byte(dialectScopes[wire.Messages].answer), false)
	if err != nil {
		t.Fatal(err)
	}
	events := strings.SplitAfter(string(whole), "\n\n")
	for name, stream := range map[string]string{
		"cut":   strings.Join(events[:len(events)-2], ""),
		"error": strings.Join(events[:2], "") + "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}\n\n" + strings.Join(events[2:], ""),
	} {
		r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, stream)
		})
		for range 2 {
			if got := r.do("POST", "/v1/messages", strings.TrimSuffix(messagesBody, "}")+`,"stream":true}`); got.body != stream {
				t.Errorf("%s: got %q, want %q", name, got.body, stream)
			}
			r.flush()
		}
		r.wantCalls(2)
	}
}

// TestTranslatedStreamEndsEarly holds that a client is told where a provider of another form closes its stream in the middle of
// the answer, which that client's own form would have no end for.
func TestTranslatedStreamEndsEarly(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		whole := streamOf("half an answer")
		if body, _ := io.ReadAll(req.Body); strings.Contains(string(body), "in a hurry") {
			io.WriteString(w, strings.TrimSpace(whole))
			return
		}
		io.WriteString(w, whole[:strings.Index(whole, "answer")-200])
	}, asOpenAI)
	for range 2 {
		got := r.do("POST", messagesPath, `{"model":"c","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hello"}]}`)
		if !strings.Contains(got.body, "event: error\n") || !strings.Contains(got.body, `"type":"api_error"`) || strings.Contains(got.body, "message_stop") {
			t.Errorf("%d: %s", got.StatusCode, got.body)
		}
		r.flush()
	}
	r.wantCalls(2)
	got := r.do("POST", messagesPath, `{"model":"c","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"in a hurry"}]}`)
	if strings.Contains(got.body, "event: error") || !strings.HasSuffix(got.body, "data: {\"type\":\"message_stop\"}\n\n") {
		t.Errorf("a last event without the line after it: %s", got.body)
	}
}
