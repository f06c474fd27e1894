package proxy

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// dialectScopes has, for each endpoint that TestScope does not cover, a request, a whole answer, and a line for every
// member that its API reference lists, and for one that it does not.
var dialectScopes = map[*wire.Dialect]struct {
	request, answer string
	lines           map[string]variation
}{
	wire.Messages: {
		`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"what is this?"}]}`,
		`{"id":"msg_up","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"an answer"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":4}}`,
		map[string]variation{
			"model":              miss(`"other"`),
			"max_tokens":         miss(`10`),
			"messages":           miss(`[{"role":"user","content":"another matter altogether"}]`),
			"messages.image":     miss(`[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}},{"type":"text","text":"what is this?"}]}]`),
			"messages.document":  miss(`[{"role":"user","content":[{"type":"document","source":{"type":"file","file_id":"f"}},{"type":"text","text":"what is this?"}]}]`),
			"messages.tool":      miss(`[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":"1"},{"type":"text","text":"what is this?"}]}]`),
			"messages.cited":     miss(`[{"role":"user","content":[{"type":"text","text":"what is this?","citations":{"enabled":true}}]}]`),
			"messages.earlier":   miss(`[{"role":"user","content":"hello"},{"role":"assistant","content":"hi"},{"role":"user","content":"what is this?"}]`),
			"messages.prefill":   miss(`[{"role":"user","content":"what is this?"},{"role":"assistant","content":"It is"}]`),
			"system":             miss(`"be brief"`),
			"system.parts":       miss(`[{"type":"text","text":"be brief"}]`),
			"container":          miss(`"c"`),
			"context_management": miss(`{"edits":[]}`),
			"mcp_servers":        miss(`[{"type":"url","url":"https://example.com","name":"n"}]`),
			"metadata":           harmless(`{"user_id":"u"}`),
			"service_tier":       miss(`"standard_only"`),
			"stop_sequences":     miss(`["x"]`),
			"stream":             harmless(`true`),
			"temperature":        miss(`0.5`),
			"thinking":           miss(`{"type":"enabled","budget_tokens":1024}`),
			"output_config":      miss(`{"effort":"low"}`),
			"output_format":      miss(`{"type":"json_schema","schema":{}}`),
			"inference_geo":      miss(`"us"`),
			"tool_choice":        miss(`{"type":"any"}`),
			"tools":              miss(`[{"name":"f","input_schema":{"type":"object"}}]`),
			"top_k":              miss(`5`),
			"top_p":              miss(`0.5`),
			"x_unknown":          miss(`null`),
		},
	},
	wire.Responses: {
		`{"model":"m","input":"what is this?"}`,
		`{"id":"resp_up","object":"response","created_at":1,"status":"completed","model":"m","metadata":{},"user":null,"store":true,"output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"an answer","annotations":[]}]}],"usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}}`,
		responsesLines,
	},
}

// responsesLines are those of Responses.
var responsesLines = map[string]variation{
	"model":                  miss(`"other"`),
	"input":                  miss(`"another matter altogether"`),
	"input.image":            miss(`[{"role":"user","content":[{"type":"input_image","image_url":"data:x"},{"type":"input_text","text":"what is this?"}]}]`),
	"input.file":             miss(`[{"role":"user","content":[{"type":"input_file","file_data":"eA=="},{"type":"input_text","text":"what is this?"}]}]`),
	"input.sound":            miss(`[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"eA=="}},{"type":"input_text","text":"what is this?"}]}]`),
	"input.earlier":          miss(`[{"role":"user","content":"hello"},{"role":"assistant","content":"hi"},{"role":"user","content":"what is this?"}]`),
	"input.tool":             miss(`[{"role":"user","content":"what is this?"},{"type":"function_call_output","call_id":"c","output":"1"}]`),
	"input.reference":        miss(`[{"type":"item_reference","id":"msg_1"},{"role":"user","content":"what is this?"}]`),
	"input.message":          harmless(`[{"type":"message","role":"user","content":"what is this?"}]`), // another spelling of a string
	"instructions":           miss(`"be brief"`),
	"background":             miss(`true`),
	"conversation":           miss(`"conv_1"`),
	"context_management":     miss(`[]`),
	"include":                miss(`["reasoning.encrypted_content"]`),
	"max_output_tokens":      miss(`9`),
	"max_tool_calls":         miss(`1`),
	"metadata":               harmless(`{"a":"b"}`),
	"parallel_tool_calls":    miss(`false`),
	"previous_response_id":   miss(`"resp_1"`),
	"prompt":                 miss(`{"id":"pmpt_1"}`),
	"prompt_cache_key":       harmless(`"k"`),
	"prompt_cache_retention": harmless(`"24h"`),
	"reasoning":              miss(`{"effort":"low"}`),
	"safety_identifier":      harmless(`"s"`),
	"service_tier":           miss(`"flex"`),
	"store":                  miss(`true`),
	"store.not":              miss(`false`),
	"stream":                 harmless(`true`),
	"stream_options":         harmless(`{"include_obfuscation":false}`),
	"temperature":            miss(`0.5`),
	"text":                   miss(`{"format":{"type":"json_object"}}`),
	"tool_choice":            miss(`"required"`),
	"tools":                  miss(`[{"type":"web_search"}]`),
	"top_logprobs":           miss(`3`),
	"top_p":                  miss(`0.5`),
	"truncation":             miss(`"auto"`),
	"user":                   harmless(`"u"`),
	"verbosity":              miss(`"low"`),
	"x_unknown":              miss(`null`),
}

// dialectProvider answers every endpoint with what the table says, in the form that is asked for.
func dialectProvider(t testing.TB) http.HandlerFunc {
	byPath := map[string]*wire.Dialect{}
	for d := range dialectScopes {
		byPath[d.Path] = d
	}
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		d := byPath[r.URL.Path]
		answer := []byte(dialectScopes[d].answer)
		if !strings.Contains(string(body), `"stream":true`) {
			w.Header().Set("Content-Type", "application/json")
			w.Write(answer)
			return
		}
		stream, err := d.Replay(nil, answer, false)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		w.Write(stream)
	}
}

// TestScopeDialects varies, one by one, what a request of each further dialect can say.
func TestScopeDialects(t *testing.T) {
	r := newRig(t, dialectProvider(t))
	for d, table := range dialectScopes {
		var base map[string]json.RawMessage
		if err := json.Unmarshal([]byte(table.request), &base); err != nil {
			t.Fatal(err)
		}
		send := func(body map[string]json.RawMessage, header ...string) int64 {
			b, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			before := r.calls.Load()
			if got := r.do("POST", d.Path, string(b), header...); got.StatusCode != 200 {
				t.Fatalf("%s: %d %s", b, got.StatusCode, got.body)
			}
			r.flush()
			return r.calls.Load() - before
		}
		check := func(name string, changed map[string]json.RawMessage, hit bool, header ...string) {
			t.Helper()
			own := []string{"x-reprise-cache-namespace", d.Name + "." + name}
			if send(base, own...) != 1 || send(base, own...) != 0 {
				t.Errorf("%s %s: the repeat is no hit", d.Name, name)
			}
			if n := send(changed, append(own, header...)...); (n == 0) != hit {
				t.Errorf("%s %s: the provider was called %d times, want a hit: %v", d.Name, name, n, hit)
			}
		}
		for name, v := range table.lines {
			changed := maps.Clone(base)
			member, _, _ := strings.Cut(name, ".")
			changed[member] = json.RawMessage(v.value)
			check(name, changed, v.hit)
		}
		for _, h := range []string{"anthropic-version", "anthropic-beta", "openai-organization", "x-api-key", "authorization"} {
			check(h, base, false, h, "another")
		}
		for _, name := range d.Harmless() {
			if v, ok := table.lines[name]; !ok || !v.hit {
				t.Errorf("%s: %s is documented as harmless, and the table does not show it", d.Name, name)
			}
		}
		t.Logf("%s: %d fields varied", d.Name, len(table.lines))
	}
	for _, d := range wire.Dialects {
		if _, ok := dialectScopes[d]; !ok && d != wire.Chat && d != wire.Completion {
			t.Errorf("%s has no table", d.Name)
		}
	}
}

// TestDialectForms holds that an answer that is stored from either form is served in both, with a fresh id.
func TestDialectForms(t *testing.T) {
	for d, table := range dialectScopes {
		for _, first := range []bool{false, true} {
			r := newRig(t, dialectProvider(t))
			ask := func(stream bool) reply {
				body := table.request
				if d == wire.Responses { // or the provider keeps the response, and the id with it
					body = strings.TrimSuffix(body, "}") + `,"store":false}`
				}
				if stream {
					body = strings.TrimSuffix(body, "}") + `,"stream":true}`
				}
				got := r.do("POST", d.Path, body)
				r.flush()
				return got
			}
			ask(first)
			plain, stream := ask(false), ask(true)
			r.wantCalls(1)
			if plain.cache() != "HIT" || stream.cache() != "HIT" {
				t.Errorf("%s: got %s, %s", d.Name, plain.cache(), stream.cache())
			}
			if err := d.Check([]byte(plain.body)); err != nil {
				t.Errorf("%s: %v\n%s", d.Name, err, plain.body)
			}
			if !strings.Contains(stream.Header.Get("Content-Type"), "text/event-stream") || !strings.HasPrefix(stream.body, "event: ") {
				t.Errorf("%s: got %s", d.Name, stream.body)
			}
			if strings.Contains(plain.body, `_up"`) || strings.Contains(stream.body, `_up"`) {
				t.Errorf("%s: the id is not fresh:\n%s\n%s", d.Name, plain.body, stream.body)
			}
			if !strings.Contains(plain.body, "an answer") || !strings.Contains(stream.body, "an answer") {
				t.Errorf("%s: the answer is missing", d.Name)
			}
		}
	}
}
