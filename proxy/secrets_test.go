package proxy

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
)

// TestSecretsAreKeptNowhere plants a secret in every place where a caller or an operator may have one, has requests go well
// and badly, and looks for it in all that the server leaves and says: the request log's file, its pages and its export, the
// process's log, answers, errors, headers and counters. Metadata is kept on purpose and has none.
func TestSecretsAreKeptNowhere(t *testing.T) {
	var k *Keys
	var path string
	log := &logBuffer{} // with all that there is to say
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		switch {
		case strings.Contains(string(body), "refuse"):
			http.Error(w, `{"error":{"message":"no"}}`, http.StatusUnauthorized)
		case strings.Contains(string(body), "break"):
			panic(http.ErrAbortHandler)
		default:
			answerWith("an answer with planted-answer in it")(w, strip(req, body))
		}
	}, withKeys(t, &k), withLog(t), func(c *Config) {
		c.Providers[0].APIKey = "sk-planted-configured"
		c.Providers[0].Headers = map[string]string{"X-Team": "planted-team"}
		c.Providers = append(c.Providers, Provider{Name: "second", BaseURL: c.Providers[0].BaseURL})
		path = c.RequestLog.Path
		c.Logger = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	status, body := k.Admin("POST", "virtual-keys", []byte(`{"name":"team","provider":"second","secrets":["sk-planted-virtual"]}`))
	if status != 201 {
		t.Fatalf("%d %s", status, body)
	}
	_, gateway := made(t, k, `{"label":"tester"}`)
	secrets := []string{
		gateway, operator, sealHex, "sk-planted-configured", "planted-team", "sk-planted-virtual", "sk-planted-inline", "sk-planted-inner", "sk-planted-first", "sk-planted-caller", "planted-cookie", "planted-header",
		"planted-forwarded", "planted-question", "planted-answer", "planted-query", "sk-planted-wrong", "planted-proxy", "planted-override",
	}
	headers := []string{
		"x-portkey-api-key", gateway, "authorization", "Bearer sk-planted-caller", "x-api-key", "sk-planted-caller", "api-key", "sk-planted-caller", "cookie", "session=planted-cookie",
		"x-internal", "planted-header", "proxy-authorization", "Basic planted-proxy", "x-portkey-metadata", `{"_user":"ada"}`,
	}
	with := func(more ...string) []string { return append(append([]string{}, headers...), more...) }
	configs := []string{
		`{"provider":"second","api_key":"sk-planted-inline","override_params":{"user":"planted-override"}}`,
		`{"strategy":{"mode":"fallback"},"targets":[{"provider":"second","api_key":"sk-planted-inner","forward_headers":["x-internal"]},{"virtual_key":"team"}]}`,
		`{"virtual_key":"team"}`,
		`{"provider":"second","api_key":"sk-planted-inline","weight":"sk-planted-wrong"}`, // which is refused
		`{"provider":"sk-planted-wrong"`,
		`{"api_key":{"sk-planted-wrong":1}}`,
	}
	var out strings.Builder
	tell := func(a reply) {
		out.WriteString(a.Status)
		for name, v := range a.Header {
			out.WriteString(name + strings.Join(v, " "))
		}
		if !strings.Contains(a.body, "an answer with") { // which is the caller's own
			out.WriteString(a.body)
		}
	}
	for _, text := range []string{"where is planted-question kept", "refuse planted-question", "break planted-question"} {
		for _, members := range []string{"", `"stream":true`} {
			tell(r.ask(text, members, headers...))
			for _, c := range configs {
				tell(r.ask(text, members, with("x-portkey-config", c, "x-portkey-forward-headers", "x-internal")...))
			}
			tell(r.ask(text, members, with("x-portkey-virtual-key", "team")...))
		}
	}
	r.flush()
	tell(r.ask("where is planted-question kept", "", headers...))
	tell(r.ask("where is the planted-question kept", "", headers...)) // a candidate that differs in a word of the question
	first := func(key string) string {
		return `{"config":{"mode":"single","options":[{"provider":"second","api_key":` + key + `,"metadata":{"_user":"ada"}}]},"params":{"messages":[{"role":"user","content":"planted-question"}]}}`
	}
	tell(r.do("POST", "/v1/chatComplete", first(`"sk-planted-first"`), headers...))
	tell(r.do("POST", "/v1/chatComplete", first(`["sk-planted-first"]`), headers...))
	tell(r.do("POST", chatPath+"?key=planted-query", question("planted-question", ""), headers...))
	tell(r.do("GET", "/v1/models?key=planted-query", "", headers...))
	tell(r.do("POST", chatPath, `{"messages": planted-question`, headers...))
	tell(r.do("POST", "/v1/embeddings", `{"model":"m","input":["planted-question"]}`, headers...))
	tell(r.do("POST", feedbackPath, `{"trace_id":"none","value":1}`, headers...))
	tell(r.do("POST", "/v1/caches/shop/entries", `{"prompt":"planted-question","response":"planted-answer"}`, headers...))
	tell(r.do("POST", chatPath, question("planted-question", ""), bearerOf("sk-planted-wrong")...))
	tell(r.do("GET", "/admin/v1/logs", "", bearerOf("sk-planted-wrong")...))
	tell(r.do("GET", "/metrics", "", bearerOf("sk-planted-wrong")...))

	pages := r.do("GET", "/admin/v1/logs?limit=1000", "", bearerOf(operator)...)
	export := r.do("GET", "/admin/v1/logs/export", "", bearerOf(operator)...)
	costs := r.do("GET", "/admin/v1/costs?group_by=model", "", bearerOf(operator)...)
	if !strings.Contains(log.String(), chatPath) {
		t.Fatal("nothing is logged")
	}
	if n := strings.Count(export.body, "\n"); n < 40 || !strings.Contains(pages.body, `"_user":"ada"`) {
		t.Fatalf("%d lines are exported: %s", n, export.body)
	}
	file, err := os.ReadFile(path)
	if err != nil || len(file) < 4096 {
		t.Fatalf("%d bytes of the log: %v", len(file), err)
	}
	for _, secret := range secrets {
		quoted, _ := json.Marshal(secret)
		for where, text := range map[string]string{
			"the log's file": string(file), "its pages": pages.body, "its export": export.body, "the costs": costs.body, "the process's log": log.String(), "the answers": out.String(), "the metrics": r.metrics(),
		} {
			if strings.Contains(text, secret) || strings.Contains(text, string(quoted)) {
				at := strings.Index(text, secret)
				t.Errorf("%s holds %q: …%q…", where, secret, text[max(0, at-80):min(len(text), at+60)])
			}
		}
	}
}

// strip gives a request its body back.
func strip(req *http.Request, body []byte) *http.Request {
	req.Body = io.NopCloser(strings.NewReader(string(body)))
	return req
}

// TestBodiesIfAsked holds that bodies are there when they are asked for, and even then no credential.
func TestBodiesIfAsked(t *testing.T) {
	var path string
	r := newRig(t, answerWith("what was answered"), withLog(t), func(c *Config) { c.RequestLog.Bodies, path = true, c.RequestLog.Path })
	r.ask("what was asked", "", "authorization", "Bearer sk-planted-caller")
	if m := r.last(); !strings.Contains(m.Request, "what was asked") || !strings.Contains(m.Answer, "what was answered") || m.Cut {
		t.Errorf("%+v", m)
	}
	r.flush()
	r.ask("what was asked", `"stream":true`, "authorization", "Bearer sk-planted-caller")
	if m := r.last(); m.CacheStatus != "HIT" || !strings.Contains(m.Answer, "data: ") {
		t.Errorf("%+v", m)
	}
	r.ask("what was streamed", `"stream":true`)
	if m := r.last(); !strings.Contains(m.Request, "what was streamed") || !strings.Contains(m.Answer, "[DONE]") {
		t.Errorf("%+v", m)
	}
	r.ask(strings.Repeat("long ", 30_000), "")
	if m := r.last(); len(m.Request) != maxLoggedBody || !m.Cut {
		t.Errorf("%d bytes are kept", len(m.Request))
	}
	r.do("POST", "/v1/chatComplete", `{"config":{"mode":"single","options":[{"provider":"main","api_key":"sk-planted-first"}]},"params":{"messages":[{"role":"user","content":"of the first SDK"}]}}`)
	if m := r.last(); !strings.Contains(m.Request, "of the first SDK") {
		t.Errorf("%+v", m)
	}
	file, err := os.ReadFile(path)
	if err != nil || strings.Contains(string(file), "sk-planted") || !strings.Contains(string(file), "what was asked") {
		t.Errorf("the file holds a credential, or not what was asked: %v", err)
	}
}
