package proxy

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sashabaranov/go-openai"

	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// jsonFields lists the members that a go-openai type is written with, those of embedded types included.
func jsonFields(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			out = append(out, jsonFields(f.Type)...)
		case name == "-" || !f.IsExported():
		case name == "": // ChatCompletionMessage.MultiContent, which its MarshalJSON writes as content
			out = append(out, f.Name)
		default:
			out = append(out, name)
		}
	}
	return out
}

// variation is a change of one thing in a request, and whether the stored answer still serves it.
type variation struct {
	value string // JSON
	hit   bool
}

func miss(value string) variation     { return variation{value, false} }
func harmless(value string) variation { return variation{value, true} }

// chatVariations has a line for every member of a chat request that go-openai knows, and for some that it does not.
var chatVariations = map[string]variation{
	"model":                 miss(`"other"`),
	"messages":              miss(`[{"role":"user","content":"another matter altogether"}]`),
	"max_tokens":            miss(`17`),
	"max_completion_tokens": miss(`17`),
	"temperature":           miss(`0.25`),
	"top_p":                 miss(`0.5`),
	"n":                     miss(`2`),
	"stream":                harmless(`true`),
	"stop":                  miss(`["\n"]`),
	"presence_penalty":      miss(`0.5`),
	"response_format":       miss(`{"type":"json_object"}`),
	"seed":                  miss(`9007199254740993`),
	"frequency_penalty":     miss(`0.5`),
	"logit_bias":            miss(`{"1639":6}`),
	"logprobs":              miss(`true`),
	"top_logprobs":          miss(`3`),
	"user":                  harmless(`"u-1"`),
	"functions":             miss(`[{"name":"f","parameters":{}}]`),
	"function_call":         miss(`"none"`),
	"tools":                 miss(`[{"type":"function","function":{"name":"f","parameters":{}}}]`),
	"tool_choice":           miss(`"required"`),
	"stream_options":        harmless(`{"include_usage":true}`),
	"parallel_tool_calls":   miss(`false`),
	"store":                 miss(`true`),
	"reasoning_effort":      miss(`"low"`),
	"metadata":              harmless(`{"a":"b"}`),
	"prediction":            miss(`{"type":"content","content":"x"}`),
	"chat_template_kwargs":  miss(`{"enable_thinking":false}`),
	"service_tier":          miss(`"flex"`),
	"verbosity":             miss(`"low"`),
	"safety_identifier":     harmless(`"s-1"`),
	"guided_choice":         miss(`["a","b"]`),

	// Not among go-openai's fields.
	"prompt_cache_key":       harmless(`"k"`),
	"prompt_cache_retention": harmless(`"24h"`),
	"modalities":             miss(`["text"]`),
	"web_search_options":     miss(`{}`),
	"top_k":                  miss(`40`),
	"x_unknown":              miss(`null`),
}

var completionVariations = map[string]variation{
	"model":             miss(`"other"`),
	"prompt":            miss(`"another matter altogether"`),
	"best_of":           miss(`2`),
	"echo":              miss(`true`),
	"frequency_penalty": miss(`0.5`),
	"logit_bias":        miss(`{"1639":6}`),
	"store":             miss(`true`),
	"metadata":          harmless(`{"a":"b"}`),
	"logprobs":          miss(`2`),
	"max_tokens":        miss(`17`),
	"n":                 miss(`2`),
	"presence_penalty":  miss(`0.5`),
	"seed":              miss(`7`),
	"stop":              miss(`["\n"]`),
	"stream":            harmless(`true`),
	"suffix":            miss(`"end"`),
	"temperature":       miss(`0.25`),
	"top_p":             miss(`0.5`),
	"user":              harmless(`"u-1"`),
	"stream_options":    harmless(`{"include_usage":true}`),
	"x_unknown":         miss(`1`),
}

// messageVariations are of the message, those with a dot of a part of its content or of its first tool call.
var messageVariations = map[string]variation{
	"role":              miss(`"developer"`),
	"content":           miss(`"another matter altogether"`),
	"MultiContent":      miss(`[{"type":"text","text":"what is this?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]`),
	"refusal":           miss(`"no"`),
	"name":              miss(`"bob"`),
	"reasoning_content": miss(`"hm"`),
	"function_call":     miss(`{"name":"f","arguments":"{}"}`),
	"tool_calls":        miss(`[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]`),
	"tool_call_id":      miss(`"c"`),
	"audio":             miss(`{"id":"a"}`),
	"x_unknown":         miss(`1`),
}

func wantLines(t *testing.T, what reflect.Type, lines map[string]variation) {
	t.Helper()
	for _, f := range jsonFields(what) {
		if _, ok := lines[f]; !ok {
			t.Errorf("%v.%s has no line in the table: say whether it may change the answer", what, f)
		}
	}
}

// TestScope varies, one by one, everything that a request can say, and expects a miss for all but what is documented to
// be harmless. A miss is told by the provider being called.
func TestScope(t *testing.T) {
	wantLines(t, reflect.TypeFor[openai.ChatCompletionRequest](), chatVariations)
	wantLines(t, reflect.TypeFor[openai.CompletionRequest](), completionVariations)
	wantLines(t, reflect.TypeFor[openai.ChatCompletionMessage](), messageVariations)

	varied := 0
	type request struct {
		path   string
		body   map[string]json.RawMessage
		header []string
	}
	chat := func() request {
		return request{chatPath, map[string]json.RawMessage{"model": json.RawMessage(`"m"`), "messages": json.RawMessage(`[{"role":"user","content":"what is this?"}]`)}, nil}
	}
	legacy := func() request {
		return request{"/v1/completions", map[string]json.RawMessage{"model": json.RawMessage(`"m"`), "prompt": json.RawMessage(`"what is this?"`)}, nil}
	}
	check := func(name string, base request, change func(*request), hit bool, r *rig) {
		t.Helper()
		varied++
		send := func(q request) int64 {
			body, err := json.Marshal(q.body)
			if err != nil {
				t.Fatal(err)
			}
			before := r.calls.Load()
			if got := r.do("POST", q.path, string(body), q.header...); got.StatusCode != 200 {
				t.Fatalf("%s: %d %s", name, got.StatusCode, got.body)
			}
			r.flush()
			return r.calls.Load() - before
		}
		// Each variation has a namespace of its own, so that none finds what another one left.
		base.header = []string{"x-reprise-cache-namespace", name, "authorization", "Bearer one"}
		changed := base
		changed.body, changed.header = maps.Clone(base.body), slices.Clone(base.header)
		change(&changed)
		if n := send(base); n != 1 {
			t.Fatalf("%s: the first request called %d times", name, n)
		}
		if n := send(base); n != 0 {
			t.Errorf("%s: the repeat is no hit", name)
		}
		want := int64(1)
		if hit {
			want = 0
		}
		if n := send(changed); n != want {
			t.Errorf("%s: the provider was called %d times, want %d", name, n, want)
		}
	}

	r := newRig(t, scopeProvider, func(c *Config) {
		c.Providers = append(c.Providers, Provider{Name: "second", BaseURL: c.Providers[0].BaseURL})
	})
	for name, v := range chatVariations {
		check("chat."+name, chat(), func(q *request) { q.body[name] = json.RawMessage(v.value) }, v.hit, r)
	}
	for name, v := range completionVariations {
		check("completion."+name, legacy(), func(q *request) { q.body[name] = json.RawMessage(v.value) }, v.hit, r)
	}
	message := func(q *request, field, value string) {
		m := map[string]json.RawMessage{"role": json.RawMessage(`"user"`), "content": json.RawMessage(`"what is this?"`)}
		if field == "MultiContent" {
			field = "content"
		}
		m[field] = json.RawMessage(value)
		b, _ := json.Marshal([]any{m})
		q.body["messages"] = b
	}
	for name, v := range messageVariations {
		check("message."+name, chat(), func(q *request) { message(q, name, v.value) }, v.hit, r)
	}
	for name, messages := range map[string]string{
		"system":        `[{"role":"system","content":"be brief"},{"role":"user","content":"what is this?"}]`,
		"earlier turn":  `[{"role":"user","content":"hello"},{"role":"assistant","content":"hi"},{"role":"user","content":"what is this?"}]`,
		"twice":         `[{"role":"user","content":"what is this?"},{"role":"user","content":"what is this?"}]`,
		"as parts":      `[{"role":"user","content":[{"type":"text","text":"what is this?"}]}]`,
		"in two parts":  `[{"role":"user","content":[{"type":"text","text":"what is"},{"type":"text","text":"this?"}]}]`,
		"with an image": `[{"role":"user","content":[{"type":"text","text":"what is this?"},{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}]`,
	} {
		check("messages."+name, chat(), func(q *request) { q.body["messages"] = json.RawMessage(messages) }, false, r)
	}
	for name, header := range map[string][2]string{
		"namespace":    {"x-reprise-cache-namespace", "another"},
		"provider":     {"x-portkey-provider", "second"},
		"credential":   {"authorization", "Bearer two"},
		"x-api-key":    {"x-api-key", "two"},
		"api-key":      {"api-key", "two"},
		"cookie":       {"cookie", "session=2"},
		"subscription": {"ocp-apim-subscription-key", "two"},
		"goog key":     {"x-goog-api-key", "two"},
		"aig":          {"cf-aig-authorization", "Bearer two"},
		"organization": {"openai-organization", "org-2"},
		"project":      {"openai-project", "proj-2"},
		"beta":         {"openai-beta", "x=v2"},
	} {
		check("header."+name, chat(), func(q *request) {
			if i := slices.Index(q.header, header[0]); i >= 0 {
				q.header[i+1] = header[1]
			} else {
				q.header = append(q.header, header[0], header[1])
			}
		}, false, r)
	}
	check("query", chat(), func(q *request) { q.path += "?api-version=2" }, false, r)
	check("dialect", chat(), func(q *request) { q.path, q.body = legacy().path, legacy().body }, false, r)
	for _, h := range []string{"traceparent", "x-portkey-trace-id", "user-agent", "idempotency-key"} {
		check("header."+h, chat(), func(q *request) { q.header = append(q.header, h, "00-1") }, true, r)
	}

	for _, name := range wire.Chat.Harmless() {
		if v, ok := chatVariations[name]; !ok || !v.hit && name != "store" {
			t.Errorf("%s is documented as harmless, and the table does not show it", name)
		}
	}
	t.Logf("%d fields varied", varied)
}

func TestCredentialsShared(t *testing.T) {
	ask := func(r *rig, key string) string {
		defer r.flush()
		return r.ask("x", "", "authorization", "Bearer "+key).cache()
	}
	t.Run("by the option", func(t *testing.T) {
		r := newRig(t, answerWith("y"), func(c *Config) { c.ShareAcrossKeys = true })
		if a, b := ask(r, "one"), ask(r, "two"); a != "SEMANTIC MISS" || b != "HIT" {
			t.Errorf("got %s, %s", a, b)
		}
	})
	t.Run("by the provider's own key", func(t *testing.T) {
		r := newRig(t, answerWith("y"), func(c *Config) { c.Providers[0].APIKey = "sk-own" })
		if a, b := ask(r, "one"), ask(r, "two"); a != "SEMANTIC MISS" || b != "HIT" {
			t.Errorf("got %s, %s", a, b)
		}
	})
}
