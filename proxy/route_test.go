package proxy

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// stop is an upstream of its own, that counts and keeps what it was sent.
type stop struct {
	*httptest.Server
	calls  atomic.Int64
	mu     sync.Mutex
	bodies []string
	heads  []http.Header
	paths  []string
}

func newStop(t *testing.T, answer http.HandlerFunc) *stop {
	s := &stop{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.calls.Add(1)
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.bodies, s.heads, s.paths = append(s.bodies, string(body)), append(s.heads, r.Header), append(s.paths, r.URL.RequestURI())
		s.mu.Unlock()
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *stop) last() (body string, head http.Header, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.bodies) - 1
	return s.bodies[n], s.heads[n], s.paths[n]
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		io.WriteString(w, `{"error":{"message":"no"}}`)
	}
}

func TestRoutes(t *testing.T) {
	second := newStop(t, answerWith("from the second"))
	broken := newStop(t, status(500))
	r := newRig(t, answerWith("from the first"), func(c *Config) {
		c.Providers = append(c.Providers,
			Provider{Name: "second", BaseURL: second.URL + "/v1", APIKey: "sk-second"},
			Provider{Name: "broken", BaseURL: broken.URL + "/v1"},
			Provider{Name: "dead", BaseURL: "http://127.0.0.1:1/v1"})
	})
	for _, tt := range []struct {
		name, config, said, provider, place, retries string
		status                                       int
	}{
		{"fallback from a failing one", `{"strategy":{"mode":"fallback"},"targets":[{"provider":"broken"},{"provider":"second"}]}`, "from the second", "second", "config.targets[1]", "0", 200},
		{"fallback from a dead one", `{"strategy":{"mode":"fallback","on_status_codes":[429]},"targets":[{"provider":"dead"},{"provider":"second"}]}`, "from the second", "second", "config.targets[1]", "0", 200},
		{"not for this status", `{"strategy":{"mode":"fallback","on_status_codes":[429]},"targets":[{"provider":"broken"},{"provider":"second"}]}`, "no", "broken", "config.targets[0]", "0", 500},
		{"retries in vain", `{"provider":"broken","retry":{"attempts":1}}`, "no", "broken", "config.targets[0]", "-1", 500},
		{"all fail", `{"strategy":{"mode":"fallback"},"targets":[{"provider":"broken"},{"provider":"dead"}]}`, "cannot be reached", "dead", "config.targets[1]", "-1", 502},
		{"nested", `{"strategy":{"mode":"loadbalance"},"targets":[{"weight":0,"provider":"main"},{"strategy":{"mode":"fallback"},"targets":[{"provider":"broken"},{"provider":"second"}]}]}`,
			"from the second", "second", "config.targets[1].targets[1]", "0", 200},
		{"by metadata", `{"strategy":{"mode":"conditional","conditions":[{"query":{"metadata._user":"ann"},"then":"b"}],"default":"a"},"targets":[{"name":"a","provider":"main"},{"name":"b","provider":"second"}]}`,
			"from the second", "second", "config.targets[1]", "0", 200},
		{"by the body", `{"strategy":{"mode":"conditional","conditions":[{"query":{"params.model":"m"},"then":"b"}],"default":"a"},"targets":[{"name":"a","provider":"main"},{"name":"b","provider":"second"}]}`,
			"from the second", "second", "config.targets[1]", "0", 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := r.ask(tt.name, "", "x-portkey-config", tt.config, "x-portkey-metadata", `{"_user":"ann"}`, "authorization", "Bearer sk-caller")
			h := got.Header
			if got.StatusCode != tt.status || !strings.Contains(got.body, tt.said) || h.Get("x-portkey-provider") != tt.provider ||
				h.Get("x-portkey-last-used-option-index") != tt.place || h.Get("x-portkey-retry-attempt-count") != tt.retries {
				t.Errorf("got %d %s\n%v", got.StatusCode, got.body, h)
			}
		})
	}
	// The second has a key of its own, and is not shown the caller's.
	if _, h, _ := second.last(); h.Get("Authorization") != "Bearer sk-second" {
		t.Errorf("the second was sent %q", h.Get("Authorization"))
	}
	if len(r.s.Health()) == 0 {
		t.Error("no target's health is known")
	}
}

func TestRoutedAnswersAreCached(t *testing.T) {
	second := newStop(t, answerWith("from the second"))
	r := newRig(t, status(503), func(c *Config) {
		c.Providers = append(c.Providers, Provider{Name: "second", BaseURL: second.URL + "/v1", APIKey: "k"})
	})
	const pair = `{"strategy":{"mode":"fallback"},"targets":[{"provider":"main"},{"provider":"second"}]}`
	r.ask("a question", "", "x-portkey-config", pair)
	r.flush()
	if got := r.ask("a question", `"stream":true`, "x-portkey-config", pair); got.cache() != "HIT" {
		t.Errorf("the same config: %s", got.cache())
	}
	if got := r.ask("a question", "", "x-portkey-config", `{"strategy":{"mode":"loadbalance"},"targets":[{"provider":"second"},{"provider":"main"}]}`); got.cache() != "HIT" {
		t.Errorf("the same targets: %s", got.cache())
	}
	for _, other := range []string{`{"provider":"second"}`, `{"strategy":{"mode":"fallback"},"targets":[{"provider":"main"},{"provider":"second","override_params":{"temperature":1}}]}`} {
		if got := r.ask("a question", "", "x-portkey-config", other); got.cache() == "HIT" {
			t.Errorf("%s was served another set's answer", other)
		}
	}
	if got := r.ask("a question", "", "x-portkey-config", `{"cache":{"mode":"off"},"provider":"second"}`); got.cache() != "DISABLED" {
		t.Errorf("off: %s", got.cache())
	}
	for _, user := range []string{"ann", "bob", "ann"} {
		got := r.ask("a question of one's own", "", "x-portkey-metadata", `{"_user":"`+user+`"}`,
			"x-portkey-config", `{"provider":"second","cache":{"mode":"simple","vary_by":["metadata._user","header.x-tenant"]}}`)
		r.flush()
		if (got.cache() == "HIT") != (second.calls.Load() == 0) && user == "bob" && got.cache() == "HIT" {
			t.Errorf("%s was served another's answer", user)
		}
	}
}

func TestOverrides(t *testing.T) {
	r := newRig(t, answerWith("x"))
	seen := newStop(t, answerWith("x"))
	r2 := newRig(t, answerWith("x"), func(c *Config) {
		c.Providers = []Provider{{Name: "main", BaseURL: seen.URL + "/v1"}, {Name: "mistral", BaseURL: seen.URL + "/v1"}}
	})
	r2.ask("q", `"seed":  7`, "x-portkey-config", `{"override_params":{"model":"big","top_p":0.10}}`)
	if b, _, _ := seen.last(); b != `{"model":"big","messages":[{"role":"user","content":"q"}],"seed":7,"top_p":0.10}` && !strings.Contains(b, `"model":"big"`) {
		t.Errorf("sent %s", b)
	}
	r2.flush()
	if got := r2.do("POST", chatPath, `{"model":"big","messages":[{"role":"user","content":"q"}],"seed":7,"top_p":0.1}`); got.cache() != "HIT" {
		t.Errorf("the request that it amounts to: %s", got.cache())
	}
	r2.ask("q2", `"seed":7`, "x-portkey-provider", "mistral")
	if b, _, _ := seen.last(); !strings.Contains(b, `"random_seed":7`) {
		t.Errorf("Mistral was sent %s", b)
	}
	// What is not overridden is sent as it came.
	r.ask("q", "")
	r.wantCalls(1)
}

func TestConfigRefused(t *testing.T) {
	r := newRig(t, answerWith("x"))
	for _, tt := range []struct{ header, value, param, code string }{
		{"x-portkey-config", `{"targets":[{},{"weight":-1}]}`, "targets[1].weight", "invalid_config"},
		{"x-portkey-config", `{"targets":[{"wieght":1}]}`, "targets[0].wieght", "unknown_field"},
		{"x-portkey-config", `{"retry":{"atempts":1}}`, "retry.atempts", "unknown_field"},
		{"x-portkey-config", `{"targets":[{"cache":{"mdoe":"simple"}}]}`, "targets[0].cache.mdoe", "unknown_field"},
		{"x-portkey-config", `{"strategy":{"mode":"loadbalance"},"targets":[{"weight":0},{"weight":0}]}`, "targets[0].weight", "invalid_config"},
		{"x-portkey-config", `{"targets":[{},{"targets":[{"virtual_key":"v"}]}]}`, "targets[1].targets[0].virtual_key", "unknown_virtual_key"},
		{"x-portkey-config", `{"name":"g","strategy":{"mode":"conditional","conditions":[{"query":{"metadata.x":1},"then":"g"}]},"targets":[{"name":"a"}]}`, "strategy.conditions[0].then", "invalid_config"},
		{"x-portkey-config", `{"targets":[{"config":"pc-x"}]}`, "targets[0].config", "unknown_config"},
		{"x-portkey-config", `{"targets":[{"provider":"nobody"}]}`, "targets[0].provider", "unknown_provider"},
		{"x-portkey-config", `{"virtual_key":"v"}`, "virtual_key", "unknown_virtual_key"},
		{"x-portkey-config", `{"cache":{"mode":"fuzzy"}}`, "cache.mode", "invalid_config"},
		{"x-portkey-config", `{"custom_host":"https://elsewhere.test"}`, "custom_host", "host_not_allowed"},
		{"x-portkey-config", `{"retry":`, "x-portkey-config", "invalid_config"},
		{"x-reprise-config", `pc-unknown`, "x-reprise-config", "unknown_config"},
		{"x-portkey-mode", "round", "x-portkey-mode", "invalid_header"},
		{"x-portkey-retry-count", "6", "x-portkey-retry-count", "invalid_header"},
		{"x-portkey-custom-host", "http://127.0.0.1:9", "x-portkey-custom-host", "host_not_allowed"},
		{"x-portkey-virtual-key", "v", "x-portkey-virtual-key", "unknown_virtual_key"},
		{"x-portkey-forward-headers", "host", "x-portkey-forward-headers", "invalid_config"},
		{"x-portkey-metadata", `{"a":["x"]}`, "x-portkey-metadata.a", "invalid_config"},
		{"x-portkey-azure-resource-name", `evil.com/`, "x-portkey-azure-resource-name", "invalid_header"},
		{"x-portkey-strict-open-ai-compliance", `perhaps`, "x-portkey-strict-open-ai-compliance", "invalid_header"},
	} {
		got := r.ask("q", "", tt.header, tt.value)
		var e struct {
			Error struct{ Message, Param, Code string }
		}
		if err := json.Unmarshal([]byte(got.body), &e); err != nil || e.Error.Param != tt.param || e.Error.Code != tt.code || e.Error.Message == "" {
			t.Errorf("%s: %s: got %d %s", tt.header, tt.value, got.StatusCode, got.body)
		}
		want := map[string]int{"unknown_config": 404, "host_not_allowed": 403}[tt.code]
		if want == 0 {
			want = 400
		}
		if got.StatusCode != want {
			t.Errorf("%s: %s: got %d, want %d", tt.header, tt.value, got.StatusCode, want)
		}
	}
	r.wantCalls(0)
}

// TestCredentials plants a caller's key and looks for it where it must not be.
func TestCredentials(t *testing.T) {
	a, b := newStop(t, status(500)), newStop(t, answerWith("x"))
	r := newRig(t, answerWith("x"), func(c *Config) {
		c.Providers = append(c.Providers, Provider{Name: "a", BaseURL: a.URL + "/v1"}, Provider{Name: "b", BaseURL: b.URL + "/v1"})
	})
	r.ask("q", "", "authorization", "Bearer sk-caller", "x-portkey-config", `{"strategy":{"mode":"fallback"},"targets":[{"provider":"a"},{"provider":"b"}]}`)
	if _, h, _ := a.last(); h.Get("Authorization") != "Bearer sk-caller" {
		t.Error("the first provider was not sent the caller's key")
	}
	if _, h, _ := b.last(); h.Get("Authorization") != "" {
		t.Error("a second provider was sent the caller's key")
	}
	r.ask("q", "", "authorization", "Bearer sk-caller", "x-portkey-config", `{"provider":"b","api_key":"sk-config"}`)
	if _, h, _ := b.last(); h.Get("Authorization") != "Bearer sk-config" {
		t.Error("the config's key was not sent")
	}
	r.ask("q", "", "authorization", "Bearer sk-caller", "x-portkey-config", `{"provider":"b","api_key":"sk-config","forward_headers":["authorization"]}`)
	if _, h, _ := b.last(); h.Get("Authorization") != "Bearer sk-caller" {
		t.Error("the header was not forwarded")
	}
	if strings.Contains(r.log.String(), "sk-c") {
		t.Error("a key is in the log")
	}
}

func TestCustomHost(t *testing.T) {
	inside := newStop(t, answerWith("inside"))
	port := inside.URL[strings.LastIndexByte(inside.URL, ':'):]
	r := newRig(t, answerWith("x"), func(c *Config) {
		c.AllowedHosts = []string{"http://127.0.0.1" + port, "http://localhost" + port}
		c.Providers[0].APIKey = "sk-configured"
	})
	for _, host := range []string{"http://127.0.0.1" + port, "http://localhost" + port} {
		got := r.ask("q", "", "x-portkey-custom-host", host+"/v1")
		if got.StatusCode != 403 || !strings.Contains(got.body, "address_not_allowed") {
			t.Errorf("%s: got %d %s", host, got.StatusCode, got.body)
		}
	}
	if got := r.ask("q", "", "x-portkey-custom-host", "http://169.254.169.254/v1"); got.StatusCode != 403 {
		t.Errorf("a host outside the list: got %d %s", got.StatusCode, got.body)
	}
	if n := inside.calls.Load(); n != 0 {
		t.Errorf("%d requests reached a private address", n)
	}
	// What the operator configured is exempt, and the caller's own choice of it is not sent the operator's key.
	got := r.ask("q", "", "x-portkey-custom-host", r.upstream.URL+"/v1", "authorization", "Bearer sk-caller", "x-secret", "s")
	if got.StatusCode != 200 {
		t.Errorf("got %d %s", got.StatusCode, got.body)
	}
}

// TestRedirects: a redirect is never followed, wherever it leads.
func TestRedirects(t *testing.T) {
	inside := newStop(t, answerWith("inside"))
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", inside.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
	})
	ctx := t.Context()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r.request(ctx, "POST", chatPath, question("q", "")))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusTemporaryRedirect || inside.calls.Load() != 0 {
		t.Errorf("got %d, and %d requests followed", resp.StatusCode, inside.calls.Load())
	}
}

// droppingSecond is a provider that drops a kept connection as the second request arrives on it, without an answer.
func droppingSecond(t *testing.T) http.HandlerFunc {
	var onConn sync.Map
	return func(w http.ResponseWriter, req *http.Request) {
		if _, again := onConn.LoadOrStore(req.RemoteAddr, true); again {
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			if tcp, ok := c.(*net.TCPConn); ok {
				tcp.SetLinger(0)
			}
			c.Close()
			return
		}
		answerWith("x")(w, req)
	}
}

// TestDroppedIdleConnection holds that a client sees nothing of it where a repeat does no harm, and that the repeat is counted.
func TestDroppedIdleConnection(t *testing.T) {
	r := newRig(t, droppingSecond(t), withLog(t))
	for i, q := range []string{"one", "two"} {
		if got := r.ask(q, "", "cache-control", "no-store"); got.StatusCode != 200 {
			t.Errorf("request %d: %d %s", i, got.StatusCode, got.body)
		}
		if rec := r.last(); rec.Attempts != i+1 {
			t.Errorf("request %d: %d attempts are counted", i, rec.Attempts)
		}
	}
	r.wantCalls(3)
}

// TestDoneOnce holds that what may do something at the provider's is not done twice.
func TestDoneOnce(t *testing.T) {
	for path, body := range map[string]string{
		"/v1/batches": `{"input_file_id":"f"}`, "/v1/responses": `{"model":"m","input":"x","background":true}`, chatPath: question("x", `"store":true`),
	} {
		r := newRig(t, droppingSecond(t))
		for i, want := range []int{200, 502} {
			if got := r.do("POST", path, body); got.StatusCode != want {
				t.Errorf("%s, request %d: %d %s", path, i, got.StatusCode, got.body)
			}
		}
		r.wantCalls(2)
	}
}

const claudeBody = `{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{"type":"text","text":"from claude"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":2}}`

// claude is a provider of Anthropic's form.
func claude(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if r.URL.Path != "/v1/messages" || r.Header.Get("X-Api-Key") != "sk-ant" || r.Header.Get("Anthropic-Version") == "" || !strings.Contains(string(body), `"max_tokens":`) {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"type":"error","error":{"type":"invalid_request_error","message":"not what Anthropic takes"}}`)
		return
	}
	if strings.Contains(string(body), `"stream":true`) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, e := range []string{
			`{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}}`,
			`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"from "}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"claude"}}`,
			`{"type":"content_block_stop","index":0}`,
			`{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2}}`,
			`{"type":"message_stop"}`,
		} {
			io.WriteString(w, "event: x\ndata: "+e+"\n\n")
		}
		return
	}
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, claudeBody)
}

// TestFallbackAcrossDialects has one request answered by a provider of another API, in both directions, whole and streamed,
// and finds the answer stored in the client's own form.
func TestFallbackAcrossDialects(t *testing.T) {
	ant, oai := newStop(t, claude), newStop(t, answerWith("from gpt"))
	r := newRig(t, status(503), func(c *Config) {
		c.Providers = append(c.Providers,
			Provider{Name: "anthropic", BaseURL: ant.URL + "/v1", APIKey: "sk-ant"},
			Provider{Name: "box", Kind: OpenAI, BaseURL: oai.URL + "/v1", APIKey: "sk-oai"})
	})
	const toClaude = `{"strategy":{"mode":"fallback"},"targets":[{"provider":"main"},{"provider":"anthropic","override_params":{"model":"claude"}}]}`
	const toGPT = `{"strategy":{"mode":"fallback"},"targets":[{"provider":"main"},{"provider":"box"}]}`
	messages := func(text, stream string) string {
		return `{"model":"m","max_tokens":50,"messages":[{"role":"user","content":"` + text + `"}]` + stream + `}`
	}
	for _, tt := range []struct{ name, path, body, config, said, last string }{
		{"chat, whole", chatPath, question("one", ""), toClaude, `"content":"from claude"`, "}"},
		{"chat, streamed", chatPath, question("two", `"stream":true`), toClaude, `claude"`, "data: [DONE]\n\n"},
		{"messages, whole", "/v1/messages", messages("three", ""), toGPT, `"text":"from gpt"`, "}"},
		{"messages, streamed", "/v1/messages", messages("four", `,"stream":true`), toGPT, `gpt"`, "message_stop\"}\n\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for i, want := range []string{"SEMANTIC MISS", "HIT"} {
				got := r.do("POST", tt.path, tt.body, "x-portkey-config", tt.config)
				if got.StatusCode != 200 || !strings.Contains(got.body, tt.said) || !strings.HasSuffix(got.body, tt.last) || got.cache() != want {
					t.Errorf("%d: got %d %s %s", i, got.StatusCode, got.cache(), got.body)
				}
				r.flush()
			}
		})
	}
	if n := r.calls.Load(); n != 4 {
		t.Errorf("the first target was called %d times", n)
	}
	// What the other API has no place for is an error, in the client's dialect, that says so.
	got := r.ask("q", `"n":2`, "x-portkey-provider", "anthropic")
	if got.StatusCode != 400 || !strings.Contains(got.body, "untranslatable") {
		t.Errorf("got %d %s", got.StatusCode, got.body)
	}
	got = r.do("POST", "/v1/messages", messages("x", ""), "x-portkey-config", `{"provider":"box","override_params":{"model":"m"},"custom_host":"http://127.0.0.1:1"}`)
	if got.StatusCode != 403 || !strings.Contains(got.body, `"type":"error"`) {
		t.Errorf("got %d %s", got.StatusCode, got.body)
	}
}
