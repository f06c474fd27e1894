package proxy

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
)

// The tests here hold headers of the contract to what they are for; that nonsense in them is refused stands elsewhere.

func TestModeHeader(t *testing.T) {
	r := newRig(t, answerWith("y"), func(c *Config) {
		c.Providers = append(c.Providers, Provider{Name: "dead", BaseURL: "http://127.0.0.1:1/v1"})
	})
	config := `{"targets":[{"provider":"dead"},{"provider":"main"}]}`
	for mode, want := range map[string]string{"fallback": "config.targets[1]", "loadbalance": ""} {
		got := r.ask("x "+mode, "", "x-portkey-config", config, "x-portkey-mode", mode, "cache-control", "no-store")
		if mode == "fallback" && (got.StatusCode != 200 || got.Header.Get("X-Portkey-Last-Used-Option-Index") != want) {
			t.Errorf("%s: %d by %q: %s", mode, got.StatusCode, got.Header.Get("X-Portkey-Last-Used-Option-Index"), got.body)
		}
		if mode == "loadbalance" && got.StatusCode != 200 && got.StatusCode != 502 { // whichever was drawn, alone
			t.Errorf("%s: %d: %s", mode, got.StatusCode, got.body)
		}
	}
}

func TestRetryCountHeader(t *testing.T) {
	var failures atomic.Int64
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if failures.Add(-1) >= 0 {
			w.WriteHeader(503)
			return
		}
		answerWith("y")(w, req)
	})
	for _, tt := range []struct {
		count    string
		failures int64
		status   int
		attempts string
	}{{"0", 1, 503, ""}, {"1", 1, 200, "1"}, {"1", 2, 503, "-1"}} {
		failures.Store(tt.failures)
		got := r.ask("x", "", "x-portkey-retry-count", tt.count, "cache-control", "no-store")
		attempts := got.Header.Get("X-Portkey-Retry-Attempt-Count")
		if got.StatusCode != tt.status || tt.attempts != "" && attempts != tt.attempts {
			t.Errorf("%d failures, %s retries: %d after %q, want %d after %q", tt.failures, tt.count, got.StatusCode, attempts, tt.status, tt.attempts)
		}
	}
	r.wantCalls(1 + 2 + 2)
}

func TestForwardHeadersHeader(t *testing.T) {
	var seen atomic.Value
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		seen.Store(req.Header.Get("X-Team") + "," + req.Header.Get("X-Other"))
		answerWith("y")(w, req)
	})
	host := []string{"x-portkey-custom-host", r.upstream.URL + "/v1", "x-team", "a", "x-other", "b", "cache-control", "no-store"}
	for names, want := range map[string]string{"": ",", "x-team": "a,", "X-Team, x-other": "a,b"} {
		got := r.ask("x", "", append([]string{"x-portkey-forward-headers", names}, host...)...)
		if got.StatusCode != 200 || seen.Load() != want {
			t.Errorf("%q: %d, the host saw %q, want %q", names, got.StatusCode, seen.Load(), want)
		}
	}
}

// TestOperatorsHeadersStand holds that a header which the operator has fixed for a provider is not the caller's to say, by whatever
// way.
func TestOperatorsHeadersStand(t *testing.T) {
	var seen atomic.Value
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		seen.Store(strings.Join(req.Header.Values("X-Tenant"), "+") + "," + req.Header.Get("Openai-Organization") + "," + req.Header.Get("X-Other"))
		answerWith("y")(w, req)
	}, func(c *Config) {
		c.Providers[0].Headers = map[string]string{"x-tenant": "a", "openai-organization": "org-a"}
	})
	own := []string{"x-tenant", "b", "openai-organization", "org-b", "x-other", "c", "cache-control", "no-store"}
	for _, header := range [][]string{
		nil, {"x-portkey-forward-headers", "x-tenant, openai-organization, x-other"},
		{"x-portkey-config", `{"forward_headers":["x-tenant","X-OTHER"],"openai_organization":"org-c"}`},
	} {
		if got := r.ask("x", "", append(header, own...)...); got.StatusCode != 200 || seen.Load() != "a,org-a,c" {
			t.Errorf("%v: %d, the provider saw %q", header, got.StatusCode, seen.Load())
		}
	}
}

func TestStrictComplianceHeader(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"a"}],`+
			`"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}`)
	}, func(c *Config) { c.Providers[0].Kind = Anthropic })
	for value, want := range map[string]string{"": "", "true": "", "false": "hm"} {
		header := []string{"cache-control", "no-store"}
		if value != "" {
			header = append(header, "x-portkey-strict-open-ai-compliance", value)
		}
		var answer struct {
			Choices []struct {
				Message struct {
					Content   string `json:"content"`
					Reasoning string `json:"reasoning_content"`
				} `json:"message"`
			} `json:"choices"`
		}
		got := r.ask("x", `"max_tokens":9`, header...)
		if err := json.Unmarshal([]byte(got.body), &answer); err != nil || len(answer.Choices) != 1 {
			t.Fatalf("%q: %v: %s", value, err, got.body)
		}
		if m := answer.Choices[0].Message; m.Content != "a" || m.Reasoning != want {
			t.Errorf("%q: %+v", value, m)
		}
	}
}

func TestMaxErrorAndExplainHeaders(t *testing.T) {
	r := newRig(t, answerWith("y"))
	const first, reworded = "how do I open the blue door please", "how do I open the blue door kindly"
	r.ask(first, "")
	r.flush()
	if got := r.ask(reworded, "", "x-reprise-max-error", "0.0001"); got.cache() != "SEMANTIC MISS" {
		t.Errorf("within the least budget: %s", got.cache())
	}
	r.flush()
	got := r.ask("how do I open the blue door quickly", "", "x-reprise-explain", "1")
	if why := got.Header.Get("X-Reprise-Explain"); got.cache() != "SEMANTIC HIT" || !strings.Contains(why, "similarity=") || !strings.Contains(why, "budget=") {
		t.Errorf("%s, explained as %q", got.cache(), why)
	}
	if got = r.ask("how do I open the blue door gently", "", "x-portkey-explain", "0"); got.Header.Get("X-Reprise-Explain") != "" {
		t.Errorf("explained without being asked: %v", got.Header)
	}
}

func TestWouldServeHeader(t *testing.T) {
	r := newRig(t, answerWith("y"))
	r.ask("how do I open the blue door please", "")
	r.flush()
	got := r.ask("how do I open the blue door kindly", "", "x-portkey-cache", `{"mode":"shadow"}`)
	if got.cache() != "SEMANTIC MISS" || got.Header.Get("X-Reprise-Would-Serve") == "" {
		t.Errorf("%s, would serve %q", got.cache(), got.Header.Get("X-Reprise-Would-Serve"))
	}
	r.wantCalls(2)
}

// TestMetadataHeader: a condition of a config reads it, and it stays within its bounds.
func TestMetadataHeader(t *testing.T) {
	r := newRig(t, answerWith("y"), func(c *Config) {
		c.Providers = append(c.Providers, Provider{Name: "second", BaseURL: c.Providers[0].BaseURL})
	})
	config := `{"strategy":{"mode":"conditional","conditions":[{"query":{"metadata._user":{"$eq":"ann"}},"then":"b"}],"default":"a"},` +
		`"targets":[{"name":"a","provider":"main"},{"name":"b","provider":"second"}]}`
	for metadata, want := range map[string]string{`{"_user":"ann","_environment":"e"}`: "second", `{"_user":"bob"}`: "main", `{}`: "main"} {
		got := r.ask("x", "", "x-portkey-config", config, "x-portkey-metadata", metadata, "cache-control", "no-store")
		if got.StatusCode != 200 || got.Header.Get("X-Portkey-Provider") != want {
			t.Errorf("%s: %d by %q, want %q", metadata, got.StatusCode, got.Header.Get("X-Portkey-Provider"), want)
		}
	}
	if got := r.ask("x", "", "x-portkey-metadata", metadataOf(128)); got.StatusCode != 200 {
		t.Errorf("128 names: %d %s", got.StatusCode, got.body)
	}
	for _, bad := range []string{`[]`, `{"a":"` + strings.Repeat("x", 129) + `"}`, `{"` + strings.Repeat("x", 129) + `":"a"}`, metadataOf(129), `{`} {
		if got := r.ask("x", "", "x-portkey-metadata", bad); got.StatusCode != 400 || !strings.Contains(got.body, "x-portkey-metadata") {
			t.Errorf("%.20s: %d %s", bad, got.StatusCode, got.body)
		}
	}
}

// metadataOf has as many names.
func metadataOf(n int) string {
	out := `{"name0":"x"`
	for i := 1; i < n; i++ {
		out += `,"name` + strconv.Itoa(i) + `":"x"`
	}
	return out + "}"
}

// TestConfigSaysWhoAsks: what the first SDK says of a request in its config counts in a header's config as well, and after a header's
// own word on it.
func TestConfigSaysWhoAsks(t *testing.T) {
	r := newRig(t, answerWith("y"), func(c *Config) {
		c.Providers = append(c.Providers, Provider{Name: "second", BaseURL: c.Providers[0].BaseURL})
	})
	const config = `{"trace_id":"t-config","metadata":{"_user":"ann"},"strategy":{"mode":"conditional","conditions":[{"query":{"metadata._user":"ann"},"then":"b"}],"default":"a"},` +
		`"targets":[{"name":"a","provider":"main"},{"name":"b","provider":"second"}]}`
	for range 2 { // read, and remembered
		got := r.ask("x", "", "x-portkey-config", config)
		if got.Header.Get("X-Portkey-Provider") != "second" || got.Header.Get("X-Portkey-Trace-Id") != "t-config" {
			t.Errorf("%d by %q as %q", got.StatusCode, got.Header.Get("X-Portkey-Provider"), got.Header.Get("X-Portkey-Trace-Id"))
		}
	}
	got := r.ask("x", "", "x-portkey-config", config, "x-portkey-trace-id", "t-header", "x-portkey-metadata", `{"_user":"bob"}`)
	if got.Header.Get("X-Portkey-Provider") != "main" || got.Header.Get("X-Portkey-Trace-Id") != "t-header" {
		t.Errorf("%d by %q as %q", got.StatusCode, got.Header.Get("X-Portkey-Provider"), got.Header.Get("X-Portkey-Trace-Id"))
	}
	for _, id := range []string{`"` + strings.Repeat("x", 129) + `"`, `"é"`} {
		if got := r.ask("x", "", "x-portkey-config", `{"trace_id":`+id+`}`); got.StatusCode != 400 || wantError(t, got).Param == nil || *wantError(t, got).Param != "trace_id" {
			t.Errorf("%.20s: %d %s", id, got.StatusCode, got.body)
		}
	}
}
