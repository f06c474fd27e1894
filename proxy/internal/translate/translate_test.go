package translate

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/sse"
)

var when = time.Unix(1_700_000_000, 0)

func same(t *testing.T, got []byte, want string) {
	t.Helper()
	a, b := jsontext.Value(got).Clone(), jsontext.Value(want)
	if err := a.Canonicalize(); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if err := b.Canonicalize(); err != nil {
		t.Fatalf("%s: %v", want, err)
	}
	if string(a) != string(b) {
		t.Errorf("\ngot  %s\nwant %s", a, b)
	}
}

func TestRequests(t *testing.T) {
	for _, tt := range []struct {
		name             string
		client, provider Dialect
		in, want         string
	}{
		{"text, system and limits", OpenAI, Anthropic,
			`{"model":"m","messages":[{"role":"system","content":"be brief"},{"role":"developer","content":[{"type":"text","text":"and kind"}]},{"role":"user","content":"hi"},{"role":"assistant","content":""},{"role":"user","content":"again"}],
			  "max_tokens":9,"temperature":1.5,"top_p":0.5,"stop":"x","user":"u","seed":1,"stream":true}`,
			`{"model":"m","max_tokens":9,"system":[{"type":"text","text":"be brief"},{"type":"text","text":"and kind"}],"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]},{"role":"user","content":[{"type":"text","text":"again"}]}],
			  "temperature":1,"top_p":0.5,"stop_sequences":["x"],"metadata":{"user_id":"u"},"stream":true}`},
		{"a default limit", OpenAI, Anthropic, `{"model":"m","messages":[{"role":"user","content":"hi"}]}`,
			`{"model":"m","max_tokens":4096,"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}`},
		{"images and files", OpenAI, Anthropic,
			`{"model":"m","max_completion_tokens":5,"messages":[{"role":"user","content":[{"type":"text","text":"what?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},{"type":"image_url","image_url":{"url":"https://h/i.png","detail":"low"}},{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,BBBB"}}]}]}`,
			`{"model":"m","max_tokens":5,"messages":[{"role":"user","content":[{"type":"text","text":"what?"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},{"type":"image","source":{"type":"url","url":"https://h/i.png"}},{"type":"document","title":"a.pdf","source":{"type":"base64","media_type":"application/pdf","data":"BBBB"}}]}]}`},
		{"tools, parallel calls and their results", OpenAI, Anthropic,
			`{"model":"m","max_tokens":5,"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}},{"type":"function","function":{"name":"g"}}],"tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false,
			  "messages":[{"role":"user","content":"go"},{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\": 1}"}},{"id":"b","type":"function","function":{"name":"g","arguments":""}}]},{"role":"tool","tool_call_id":"a","content":"1"},{"role":"tool","tool_call_id":"b","content":"2"},{"role":"user","content":"so?"}]}`,
			`{"model":"m","max_tokens":5,"tools":[{"name":"f","description":"d","input_schema":{"type":"object"}},{"name":"g","input_schema":{"type":"object","properties":{}}}],"tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true},
			  "messages":[{"role":"user","content":[{"type":"text","text":"go"}]},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{"x":1}},{"type":"tool_use","id":"b","name":"g","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"1"},{"type":"tool_result","tool_use_id":"b","content":"2"},{"type":"text","text":"so?"}]}]}`},
		{"required", OpenAI, Anthropic, `{"model":"m","max_tokens":1,"tool_choice":"required","tools":[{"type":"function","function":{"name":"f"}}],"messages":[{"role":"user","content":"x"}]}`,
			`{"model":"m","max_tokens":1,"tool_choice":{"type":"any"},"tools":[{"name":"f","input_schema":{"type":"object","properties":{}}}],"messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]}`},
		{"the other way", Anthropic, OpenAI,
			`{"model":"m","max_tokens":7,"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}],"temperature":0.3,"top_k":4,"stop_sequences":["x"],"stream":true,"metadata":{"user_id":"u"},
			  "tools":[{"name":"f","description":"d","input_schema":{"type":"object"}}],"tool_choice":{"type":"any","disable_parallel_tool_use":true},
			  "messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"z"},{"type":"text","text":"calling"},{"type":"tool_use","id":"a","name":"f","input":{"x":1}}]},
			   {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"1"}]},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA"}},{"type":"text","text":"so?"}]}]}`,
			`{"model":"m","max_completion_tokens":7,"temperature":0.3,"stop":["x"],"stream":true,"stream_options":{"include_usage":true},"user":"u","tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}],"tool_choice":"required","parallel_tool_calls":false,
			  "messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"},{"role":"assistant","content":"calling","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},
			   {"role":"tool","tool_call_id":"a","content":"1"},{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}},{"type":"text","text":"so?"}]}]}`},
		{"to Cohere", OpenAI, Cohere,
			`{"model":"command","messages":[{"role":"developer","content":"s"},{"role":"user","content":"hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a","content":"1"}],"top_p":0.5,"max_tokens":3,"stop":["x"],"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required","seed":4,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"}}}}`,
			`{"model":"command","stream":false,"messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"},{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a","content":"1"}],"p":0.5,"max_tokens":3,"stop_sequences":["x"],"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"REQUIRED","seed":4,"response_format":{"type":"json_object","json_schema":{"type":"object"}}}`},
		{"a schema", Anthropic, OpenAI, `{"model":"m","max_tokens":7,"output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"object"}}},"messages":[{"role":"user","content":"hi"}]}`,
			`{"model":"m","max_completion_tokens":7,"response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":{"type":"object"},"strict":true}},"messages":[{"role":"user","content":"hi"}]}`},
		{"a schema by its older name", Anthropic, OpenAI, `{"model":"m","max_tokens":7,"output_format":{"type":"json_schema","schema":{"type":"object"}},"mcp_servers":[],"container":null,"messages":[{"role":"user","content":"hi"}]}`,
			`{"model":"m","max_completion_tokens":7,"response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":{"type":"object"},"strict":true}},"messages":[{"role":"user","content":"hi"}]}`},
		{"the likeliest tokens only", OpenAI, Anthropic, `{"model":"m","max_tokens":1,"top_k":40,"messages":[{"role":"user","content":"x"}]}`,
			`{"model":"m","max_tokens":1,"top_k":40,"messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]}`},
		{"all tokens", OpenAI, Anthropic, `{"model":"m","max_tokens":1,"top_k":-1,"messages":[{"role":"user","content":"x"}]}`,
			`{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","text":"x"}]}]}`},
		{"the likeliest tokens only, to Cohere", OpenAI, Cohere, `{"model":"m","top_k":40,"messages":[{"role":"user","content":"x"}]}`, `{"model":"m","stream":false,"k":40,"messages":[{"role":"user","content":"x"}]}`},
		{"more than Cohere's scale has", Anthropic, Cohere, `{"model":"m","max_tokens":1,"top_k":501,"messages":[{"role":"user","content":"x"}]}`, `{"model":"m","stream":false,"max_tokens":1,"k":500,"messages":[{"role":"user","content":"x"}]}`},
		{"a completion", Completion, Anthropic, `{"model":"m","prompt":"say \"hi\"","max_tokens":9,"temperature":0.5,"top_k":4,"stop":"x","n":1,"best_of":1,"echo":false,"suffix":null,"logprobs":null,"stream":true}`,
			`{"model":"m","max_tokens":9,"temperature":0.5,"top_k":4,"stop_sequences":["x"],"stream":true,"messages":[{"role":"user","content":[{"type":"text","text":"say \"hi\""}]}]}`},
		{"a completion of a list of one", Completion, Cohere, `{"model":"m","prompt":["hi"]}`, `{"model":"m","stream":false,"messages":[{"role":"user","content":"hi"}]}`},
		{"Anthropic's client to Cohere", Anthropic, Cohere, `{"model":"m","max_tokens":7,"system":"s","messages":[{"role":"user","content":"hi"}]}`,
			`{"model":"m","stream":false,"max_tokens":7,"messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"}]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := New(tt.client, tt.provider, false, when).Request([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, tt.want)
		})
	}
}

func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		client, provider Dialect
		members          string
	}{
		{OpenAI, Anthropic, `"n":2`}, {OpenAI, Anthropic, `"logprobs":true`}, {OpenAI, Anthropic, `"functions":[]`}, {OpenAI, Anthropic, `"modalities":["audio"]`},
		{OpenAI, Anthropic, `"response_format":{"type":"json_schema"}`}, {OpenAI, Anthropic, `"tools":[{"type":"custom"}]`}, {OpenAI, Anthropic, `"tool_choice":"some"`},
		{OpenAI, Cohere, `"tool_choice":{"type":"function","function":{"name":"f"}}`},
		{OpenAI, Anthropic, `"web_search_options":{}`}, {OpenAI, Cohere, `"web_search_options":{}`},
		{Anthropic, OpenAI, `"output_config":{"format":{"type":"grammar"}}`}, {Anthropic, OpenAI, `"mcp_servers":[{"type":"url"}]`}, {Anthropic, OpenAI, `"container":"c"`},
		{Anthropic, OpenAI, `"tools":[{"type":"web_search_20250305","name":"web_search"}]`}, {Anthropic, OpenAI, `"tool_choice":{"type":"some"}`},
	} {
		body := `{"model":"m","messages":[{"role":"user","content":"x"}],` + tt.members + `}`
		if _, err := New(tt.client, tt.provider, false, when).Request([]byte(body)); !errors.Is(err, ErrCannot) {
			t.Errorf("%s: got %v, want ErrCannot", tt.members, err)
		}
	}
	for _, members := range []string{`"prompt":["a","b"]`, `"prompt":[1,2]`, `"prompt":[]`, `"prompt":7`, `"x":1`, `"prompt":"x","echo":true`, `"prompt":"x","suffix":"y"`, `"prompt":"x","logprobs":0`, `"prompt":"x","best_of":2`, `"prompt":"x","n":2`} {
		if _, err := New(Completion, Anthropic, false, when).Request([]byte(`{"model":"m",` + members + `}`)); !errors.Is(err, ErrCannot) {
			t.Errorf("%s: got %v, want ErrCannot", members, err)
		}
	}
	for _, content := range []string{`[{"type":"input_audio","input_audio":{"data":"A"}}]`, `[{"type":"file","file":{"file_id":"f"}}]`} {
		if _, err := New(OpenAI, Anthropic, false, when).Request([]byte(`{"messages":[{"role":"user","content":` + content + `}]}`)); !errors.Is(err, ErrCannot) {
			t.Errorf("%s: got %v, want ErrCannot", content, err)
		}
	}
	for _, body := range []string{`[]`, `{`, `{"messages":[]}`, `{"messages":7}`} {
		if _, err := New(OpenAI, Anthropic, false, when).Request([]byte(body)); !errors.Is(err, ErrForm) {
			t.Errorf("%s: got %v, want ErrForm", body, err)
		}
	}
}

func TestAnswers(t *testing.T) {
	const anthropic = `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"a"},{"type":"text","text":"b"},{"type":"tool_use","id":"t","name":"f","input":{"x":1}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":5,"cache_creation_input_tokens":1,"cache_read_input_tokens":2,"output_tokens":3}}`
	for _, tt := range []struct {
		name             string
		client, provider Dialect
		loose            bool
		in, want         string
	}{
		{"from Anthropic", OpenAI, Anthropic, false, anthropic,
			`{"id":"msg_1","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"ab","tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":8,"completion_tokens":3,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":2}}}`},
		{"what is beyond OpenAI's form", OpenAI, Anthropic, true, `{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"a"}],"stop_reason":"max_tokens","usage":{"input_tokens":1,"output_tokens":1}}`,
			`{"id":"m","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"a","reasoning_content":"hm","content_blocks":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"a"}]},"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`},
		{"to Anthropic's client", Anthropic, OpenAI, false, `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"a","refusal":null,"tool_calls":[{"id":"t","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},"logprobs":null,"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":8,"completion_tokens":3,"total_tokens":11,"prompt_tokens_details":{"cached_tokens":2}}}`,
			`{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"a"},{"type":"tool_use","id":"t","name":"f","input":{"x":1}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":6,"cache_creation_input_tokens":0,"cache_read_input_tokens":2,"output_tokens":3}}`},
		{"a refusal", Anthropic, OpenAI, false, `{"id":"chatcmpl-1","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"no"},"finish_reason":"stop"}]}`,
			`{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"no"}],"stop_reason":"refusal","stop_sequence":null,"usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}}`},
		{"a completion", Completion, Anthropic, true, `{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"a"}],"stop_reason":"max_tokens","usage":{"input_tokens":1,"output_tokens":1}}`,
			`{"id":"m","object":"text_completion","created":1700000000,"model":"m","choices":[{"text":"a","index":0,"logprobs":null,"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`},
		{"from Cohere", OpenAI, Cohere, false, `{"id":"c","finish_reason":"MAX_TOKENS","message":{"role":"assistant","content":[{"type":"text","text":"a"}]},"usage":{"billed_units":{"input_tokens":1},"tokens":{"input_tokens":4,"output_tokens":2}}}`,
			`{"id":"c","object":"chat.completion","created":1700000000,"model":"","choices":[{"index":0,"message":{"role":"assistant","content":"a"},"finish_reason":"length"}],"usage":{"prompt_tokens":4,"completion_tokens":2,"total_tokens":6}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := New(tt.client, tt.provider, tt.loose, when).Answer([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, tt.want)
		})
	}
	for provider, body := range map[Dialect]string{
		Anthropic: `{"type":"message","content":[],"stop_reason":null}`, Cohere: `{"finish_reason":"ERROR","message":{}}`,
	} {
		if _, err := New(OpenAI, provider, false, when).Answer([]byte(body)); !errors.Is(err, ErrForm) {
			t.Errorf("%s: got %v", body, err)
		}
	}
	if _, err := New(Anthropic, OpenAI, false, when).Answer([]byte(`{"choices":[]}`)); !errors.Is(err, ErrForm) {
		t.Errorf("no choice: got %v", err)
	}
}

func TestErrors(t *testing.T) {
	same(t, New(OpenAI, Anthropic, false, when).Error(529, []byte(`{"type":"error","error":{"type":"overloaded_error","message":"busy"}}`)),
		`{"error":{"message":"busy","type":"overloaded_error","param":null,"code":null}}`)
	same(t, New(OpenAI, Cohere, false, when).Error(400, []byte(`{"message":"bad"}`)), `{"error":{"message":"bad","type":"provider_error","param":null,"code":null}}`)
	same(t, New(Anthropic, OpenAI, false, when).Error(429, []byte(`{"error":{"message":"slow","type":"requests"}}`)), `{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}`)
	same(t, New(Anthropic, OpenAI, false, when).Error(504, []byte(`{"error":{"message":"late"}}`)), `{"type":"error","error":{"type":"timeout_error","message":"late"}}`)
	same(t, New(Anthropic, OpenAI, false, when).Error(500, []byte(`<html>`)), `{"type":"error","error":{"type":"api_error","message":"the provider failed"}}`)
}

const anthropicEvents = `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":5,"cache_read_input_tokens":2,"output_tokens":1}}}
{"type":"ping"}
{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}
{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}
{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"s"}}
{"type":"content_block_stop","index":0}
{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}
{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"hel"}}
{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"lo"}}
{"type":"content_block_stop","index":1}
{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}
{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"x\":"}}
{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"1}"}}
{"type":"content_block_stop","index":2}
{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"b","name":"g","input":{}}}
{"type":"content_block_stop","index":3}
{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":9}}
{"type":"message_stop"}`

func stream(lines string) []byte {
	var b []byte
	for l := range strings.SplitSeq(lines, "\n") {
		b = sse.AppendEvent(b, "e", []byte(l))
	}
	return b
}

// datas returns the data of each event, joined by line feeds.
func datas(t testing.TB, b []byte) string {
	t.Helper()
	var out []string
	var d sse.Decoder
	if err := d.Feed(b, func(e sse.Event) error { out = append(out, string(e.Data)); return nil }); err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, "\n")
}

func TestStreamFromAnthropic(t *testing.T) {
	tr := New(OpenAI, Anthropic, false, when)
	if _, err := tr.Request([]byte(`{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"x"}]}`)); err != nil {
		t.Fatal(err)
	}
	whole := stream(anthropicEvents)
	var first []byte
	for size := range []int{1, 7, len(whole)} { // in pieces of any size it comes to the same
		s := tr.Stream(0)
		var out []byte
		for at := 0; at < len(whole); at += size + 1 {
			var err error
			if out, err = s.Feed(out, whole[at:min(at+size+1, len(whole))]); err != nil {
				t.Fatal(err)
			}
		}
		if !s.Done() || first != nil && string(out) != string(first) {
			t.Fatalf("done %v:\n%s", s.Done(), out)
		}
		first = out
	}
	const head = `{"choices":[{"delta":`
	const tail = `,"created":1700000000,"id":"msg_1","model":"m","object":"chat.completion.chunk"}`
	got := strings.Split(datas(t, first), "\n")
	want := []string{
		`{"content":"","role":"assistant"}`, `{"content":"hel"}`, `{"content":"lo"}`,
		`{"tool_calls":[{"function":{"arguments":"","name":"f"},"id":"a","index":0,"type":"function"}]}`,
		`{"tool_calls":[{"function":{"arguments":"{\"x\":"},"index":0}]}`, `{"tool_calls":[{"function":{"arguments":"1}"},"index":0}]}`,
		`{"tool_calls":[{"function":{"arguments":"","name":"g"},"id":"b","index":1,"type":"function"}]}`,
		`{"tool_calls":[{"function":{"arguments":"{}"},"index":1}]}`, // there was no piece of them
	}
	if len(got) != len(want)+3 || got[len(got)-1] != done {
		t.Fatalf("%d events:\n%s", len(got), strings.Join(got, "\n"))
	}
	for i, w := range want {
		same(t, []byte(got[i]), head+w+`,"finish_reason":null,"index":0}]`+tail)
	}
	same(t, []byte(got[len(want)]), head+`{},"finish_reason":"tool_calls","index":0}]`+tail)
	same(t, []byte(got[len(want)+1]), `{"choices":[],"created":1700000000,"id":"msg_1","model":"m","object":"chat.completion.chunk","usage":{"prompt_tokens":7,"completion_tokens":9,"total_tokens":16,"prompt_tokens_details":{"cached_tokens":2}}}`)
}

func TestStreamOfACompletion(t *testing.T) {
	for _, usage := range []bool{false, true} {
		tr := New(Completion, Anthropic, true, when)
		options := ""
		if usage {
			options = `,"stream_options":{"include_usage":true}`
		}
		if _, err := tr.Request([]byte(`{"model":"m","stream":true,"prompt":"x"` + options + `}`)); err != nil {
			t.Fatal(err)
		}
		s := tr.Stream(0)
		out, err := s.Feed(nil, stream(anthropicEvents))
		if err != nil || !s.Done() {
			t.Fatal(err)
		}
		const tail = `,"created":1700000000,"id":"msg_1","model":"m","object":"text_completion"`
		want := []string{
			`{"choices":[{"text":"hel","index":0,"logprobs":null,"finish_reason":null}]` + tail + `}`, `{"choices":[{"text":"lo","index":0,"logprobs":null,"finish_reason":null}]` + tail + `}`,
			`{"choices":[{"text":"","index":0,"logprobs":null,"finish_reason":"tool_calls"}]` + tail + `}`,
		}
		if usage {
			want = append(want, `{"choices":[]`+tail+`,"usage":{"prompt_tokens":7,"completion_tokens":9,"total_tokens":16,"prompt_tokens_details":{"cached_tokens":2}}}`)
		}
		got := strings.Split(datas(t, out), "\n")
		if len(got) != len(want)+1 || got[len(want)] != done {
			t.Fatalf("%d events:\n%s", len(got), strings.Join(got, "\n"))
		}
		for i, w := range want {
			same(t, []byte(got[i]), w)
		}
	}
}

func TestStreamToAnthropic(t *testing.T) {
	// There and back again: what an OpenAI client would have been told becomes Anthropic's events once more.
	tr := New(OpenAI, Anthropic, false, when)
	if _, err := tr.Request([]byte(`{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"x"}]}`)); err != nil {
		t.Fatal(err)
	}
	chunks, err := tr.Stream(0).Feed(nil, stream(anthropicEvents))
	if err != nil {
		t.Fatal(err)
	}
	s := New(Anthropic, OpenAI, false, when).Stream(0)
	out, err := s.Feed(nil, chunks)
	if err != nil || !s.Done() {
		t.Fatal(err)
	}
	want := `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}}}
{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}
{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hel"}}
{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"lo"}}
{"type":"content_block_stop","index":0}
{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}
{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"x\":"}}
{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"1}"}}
{"type":"content_block_stop","index":1}
{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"b","name":"g","input":{}}}
{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{}"}}
{"type":"content_block_stop","index":2}
{"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":5,"cache_creation_input_tokens":0,"cache_read_input_tokens":2,"output_tokens":9}}
{"type":"message_stop"}`
	got, wants := strings.Split(datas(t, out), "\n"), strings.Split(want, "\n")
	if len(got) != len(wants) {
		t.Fatalf("%d events, want %d:\n%s", len(got), len(wants), strings.Join(got, "\n"))
	}
	for i := range got {
		same(t, []byte(got[i]), wants[i])
	}
}

func TestStreamFromCohere(t *testing.T) {
	tr := New(OpenAI, Cohere, false, when)
	if _, err := tr.Request([]byte(`{"model":"command","stream":true,"messages":[{"role":"user","content":"x"}]}`)); err != nil {
		t.Fatal(err)
	}
	s := tr.Stream(0)
	out, err := s.Feed(nil, stream(`{"type":"message-start","id":"c","delta":{"message":{"role":"assistant","content":[],"tool_calls":[]}}}
{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I will"}}}
{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}
{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"hi"}}}}
{"type":"content-end","index":0}
{"type":"citation-start","index":0,"delta":{"message":{"citations":{"start":1}}}}
{"type":"tool-call-start","index":0,"delta":{"message":{"tool_calls":{"id":"a","type":"function","function":{"name":"f","arguments":""}}}}}
{"type":"tool-call-delta","index":0,"delta":{"message":{"tool_calls":{"function":{"arguments":"{}"}}}}}
{"type":"tool-call-end","index":0}
{"type":"message-end","delta":{"finish_reason":"TOOL_CALL","usage":{"tokens":{"input_tokens":3,"output_tokens":2}}}}`))
	if err != nil || !s.Done() {
		t.Fatalf("%v: %s", err, out)
	}
	got := strings.Split(datas(t, out), "\n")
	if len(got) != 6 || !strings.Contains(got[1], `"content":"hi"`) || !strings.Contains(got[2], `"name":"f"`) || !strings.Contains(got[3], `"arguments":"{}"`) ||
		!strings.Contains(got[4], `"finish_reason":"tool_calls"`) || got[5] != done {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestStreamFailures(t *testing.T) {
	for _, tt := range []struct {
		client, provider Dialect
		events, told     string
	}{
		{OpenAI, Anthropic, `{"type":"error","error":{"type":"overloaded_error","message":"busy"}}`, `"busy"`},
		{Anthropic, OpenAI, `{"error":{"type":"server_error","message":"busy"}}`, `"type":"error"`},
		{OpenAI, Cohere, `{"type":"message-end","delta":{"finish_reason":"ERROR","error":"busy"}}`, `"busy"`},
	} {
		out, err := New(tt.client, tt.provider, false, when).Stream(0).Feed(nil, stream(tt.events))
		if err == nil || errors.Is(err, ErrForm) || !strings.Contains(string(out), tt.told) {
			t.Errorf("%s: got %v, %s", tt.events, err, out)
		}
	}
	for _, tt := range []struct {
		client, provider Dialect
		events           string
	}{
		{OpenAI, Anthropic, `{"type":"message_stop"}`}, {OpenAI, Anthropic, `<html>`}, {Anthropic, OpenAI, done},
		{OpenAI, Anthropic, `{"type":"message_start","message":{}}` + "\n" + `{"type":"message_stop"}`},
		{OpenAI, Cohere, `{"type":"message-end","delta":{"finish_reason":"TIMEOUT"}}`},
	} {
		s := New(tt.client, tt.provider, false, when).Stream(0)
		if _, err := s.Feed(nil, stream(tt.events)); !errors.Is(err, ErrForm) {
			t.Errorf("%s: got %v, want ErrForm", tt.events, err)
		}
	}
}

// clients are the dialects of clients.
var clients = [...]Dialect{OpenAI, Anthropic, Completion}

func FuzzRequest(f *testing.F) {
	f.Add(uint8(0), []byte(`{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:a;base64,b"}}]},{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a","content":"x"}],"stop":["x"],"tool_choice":"auto"}`))
	f.Add(uint8(3), []byte(`{"model":"m","max_tokens":1,"system":"s","messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"x"}]}]}`))
	f.Add(uint8(7), []byte(`{"model":"m","prompt":["x"],"top_k":3,"stop":"y"}`))
	f.Fuzz(func(t *testing.T, way uint8, body []byte) {
		client, provider := clients[way/3%3], Dialect(way%3)
		out, err := New(client, provider, way&8 != 0, when).Request(body)
		if err == nil && !jsontext.Value(out).IsValid() {
			t.Fatalf("%s became %s", body, out)
		}
		if err != nil && !errors.Is(err, ErrCannot) && !errors.Is(err, ErrForm) {
			t.Fatal(err)
		}
		if err == nil && client == OpenAI && provider == Anthropic { // and its own reader takes it
			if _, err := readAnthropic(out); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
	})
}

func FuzzStream(f *testing.F) {
	f.Add(uint8(1), stream(anthropicEvents))
	f.Add(uint8(3), []byte("data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"))
	f.Add(uint8(2), []byte("data: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"COMPLETE\"}}\n\n"))
	f.Fuzz(func(t *testing.T, way uint8, events []byte) {
		s := New(clients[way/3%3], Dialect(way%3), way&8 != 0, when).Stream(1 << 16)
		out, err := s.Feed(nil, events)
		if err == nil {
			for l := range strings.SplitSeq(datas(t, out), "\n") {
				if l != "" && l != done && !jsontext.Value(l).IsValid() {
					t.Fatalf("not JSON: %s", l)
				}
			}
		}
	})
}
