package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/reprise-cache/reprise/proxy/internal/sse"
)

// typedEvents frames events by their type, as Anthropic and OpenAI's Responses do.
func typedEvents(datas ...string) []byte {
	var b []byte
	for _, d := range datas {
		b = sse.AppendEvent(b, typeOf([]byte(d)), []byte(d))
	}
	return b
}

const (
	messageStart = `{"type":"message_start","message":{"id":"msg_01","type":"message","role":"assistant","model":"claude-x","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,"cache_read_input_tokens":0,"output_tokens":1,"service_tier":"standard"}}}`
	messageEnd   = `{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":15}}`
	messageLast  = `{"type":"message_stop"}`
	wholeFrame   = `{"id":"msg_01","type":"message","role":"assistant","model":"claude-x","content":[%],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":25,"cache_read_input_tokens":0,"output_tokens":15,"service_tier":"standard"}}`
)

func TestMessageAggregates(t *testing.T) {
	for name, tt := range map[string]struct {
		events []string
		want   string // the content, or the whole
	}{
		"text and a ping": {[]string{
			`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`, `{"type":"ping"}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Caf\u00e9 "}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"au lait"}}`,
			`{"type":"content_block_stop","index":0}`}, `{"type":"text","text":"Café au lait"}`},
		"thinking, then tools": {[]string{
			`{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm, "}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"so"}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"EqQB=="}}`,
			`{"type":"content_block_stop","index":0}`,
			`{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_1","name":"get_weather","input":{}}}`,
			`{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}`,
			`{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"city\": \"Z\u00fc"}}`,
			`{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"rich\", \"n\": 1.50}"}}`,
			`{"type":"content_block_stop","index":1}`,
			`{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_2","name":"now","input":{}}}`,
			`{"type":"content_block_stop","index":2}`},
			`{"type":"thinking","thinking":"hm, so","signature":"EqQB=="},{"type":"tool_use","id":"toolu_1","name":"get_weather","input":{"city":"Zürich","n":1.50}},{"type":"tool_use","id":"toolu_2","name":"now","input":{}}`},
		"citations and blocks that come whole": {[]string{
			`{"type":"content_block_start","index":0,"content_block":{"type":"redacted_thinking","data":"x"}}`, `{"type":"content_block_stop","index":0}`,
			`{"type":"content_block_start","index":1,"content_block":{"type":"web_search_tool_result","tool_use_id":"s","content":[{"type":"web_search_result","url":"u"}]}}`, `{"type":"content_block_stop","index":1}`,
			`{"type":"content_block_start","index":2,"content_block":{"type":"text","text":"","citations":[]}}`,
			`{"type":"content_block_delta","index":2,"delta":{"type":"citations_delta","citation":{"type":"char_location","cited_text":"a","index":0}}}`,
			`{"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"a"}}`,
			`{"type":"content_block_delta","index":2,"delta":{"type":"citations_delta","citation":{"type":"char_location","cited_text":"b","index":0}}}`,
			`{"type":"content_block_stop","index":2}`},
			`{"type":"redacted_thinking","data":"x"},{"type":"web_search_tool_result","tool_use_id":"s","content":[{"type":"web_search_result","url":"u"}]},{"type":"text","text":"a","citations":[{"type":"char_location","cited_text":"a","index":0},{"type":"char_location","cited_text":"b","index":0}]}`},
		"nothing said": {nil, ``},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := aggregate(Messages, typedEvents(append(append([]string{messageStart}, tt.events...), messageEnd, messageLast)...))
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, got, []byte(strings.Replace(wholeFrame, "%", tt.want, 1)))
		})
	}
}

func TestMessageRefused(t *testing.T) {
	begin := `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`
	tool := `{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"n","input":{}}}`
	stop := `{"type":"content_block_stop","index":0}`
	for name, events := range map[string][]string{
		"no start":               {messageEnd, messageLast},
		"two starts":             {messageStart, messageStart, messageEnd, messageLast},
		"no end":                 {messageStart, messageLast},
		"an open block":          {messageStart, begin, messageEnd, messageLast},
		"an error":               {messageStart, `{"type":"error","error":{"type":"overloaded_error","message":"x"}}`, messageEnd, messageLast},
		"an unknown event":       {messageStart, `{"type":"content_block_redo","index":0}`, messageEnd, messageLast},
		"an unknown piece":       {messageStart, begin, `{"type":"content_block_delta","index":0,"delta":{"type":"sound_delta","sound":"x"}}`, stop, messageEnd, messageLast},
		"a piece of another":     {messageStart, begin, `{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"x"}}`, stop, messageEnd, messageLast},
		"a block out of order":   {messageStart, `{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}`, stop, messageEnd, messageLast},
		"a stop of nothing":      {messageStart, stop, messageEnd, messageLast},
		"an input cut short":     {messageStart, tool, `{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}`, stop, `{"type":"message_delta","delta":{"stop_reason":"max_tokens"}}`, messageLast},
		"a paused turn":          {messageStart, `{"type":"message_delta","delta":{"stop_reason":"pause_turn"}}`, messageLast},
		"content from the start": {strings.Replace(messageStart, `"content":[]`, `"content":[{"type":"text","text":"x"}]`, 1), messageEnd, messageLast},
		"no JSON":                {messageStart, `{"type"`, messageEnd, messageLast},
	} {
		if got, err := aggregate(Messages, typedEvents(events...)); !errors.Is(err, ErrForm) {
			t.Errorf("%s: got %s, %v; want ErrForm", name, got, err)
		}
	}
}

// wholeMessages are answers of Messages in the form that the provider gives at once.
var wholeMessages = []string{
	strings.Replace(wholeFrame, "%", `{"type":"text","text":"one two, three\nfour"}`, 1),
	strings.Replace(wholeFrame, "%", `{"type":"thinking","thinking":"`+strings.Repeat("wort für wort, ", 20)+`","signature":"`+strings.Repeat("x", 300)+`"},{"type":"tool_use","id":"t","name":"n","input":{"a": [1.50, "\u00e9"], "b": {}}},{"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"q"}}`, 1),
	strings.Replace(wholeFrame, "%", `{"type":"text","citations":[{"type":"x","index":0},{"type":"y","index":0}],"text":""},{"type":"text","text":"t","citations":null},{"type":"redacted_thinking","data":"d"}`, 1),
	`{"model":"m","id":"msg_2","type":"message","role":"assistant","content":[],"stop_reason":"refusal"}`,
	"{\n \"model\":\"m\",\"id\":\"x\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[ ],\n\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"\\n\",\"usage\":{\"input_tokens\":1},\"container\":{\"id\":\"c\"}}",
}

func TestReplayMessages(t *testing.T) {
	for _, body := range wholeMessages {
		if err := Messages.Check([]byte(body)); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		stream, err := Messages.Replay(nil, []byte(body), false)
		if err != nil {
			t.Fatal(err)
		}
		got, err := aggregate(Messages, stream)
		if err != nil {
			t.Fatalf("%v\n%s", err, stream)
		}
		sameJSON(t, got, []byte(body))
		for i, event := range bytes.Split(bytes.TrimSpace(stream), []byte("\n\n")) {
			lines := bytes.Split(event, []byte("\n"))
			if len(lines) != 2 || string(lines[0]) != "event: "+typeOf(bytes.TrimPrefix(lines[1], []byte("data: "))) {
				t.Errorf("event %d is %q", i, event)
			}
		}
	}
}

func TestMessagesQuestion(t *testing.T) {
	q := read(t, Messages, `{"model":"m","stream":true,"system":[{"type":"text","text":"be kind","cache_control":{"type":"ephemeral"}}],"messages":[
		{"role":"user","content":[{"type":"text","text":"what is"},{"type":"image","source":{"type":"base64","data":"AA"}},{"type":"text","text":"this?"}]}]}`)
	if q.NoCache != "" || !q.Stream || q.Model != "m" || len(q.Messages) != 2 {
		t.Fatalf("got %+v", q)
	}
	if m := q.Messages[0]; m.Role != "system" || m.Text != "be kind" {
		t.Errorf("got %+v", m)
	}
	if m := q.Messages[1]; m.Role != "user" || m.Text != "what is\nthis?" || m.Rest == [32]byte{} {
		t.Errorf("got %+v", m)
	}
	seen := map[string]string{}
	for _, system := range []string{``, `"system":"a",`, `"system":["a"],`, `"system":[{"type":"text","text":"a"}],`, `"system":null,`, `"system":[],`, `"system":"",`} {
		var b []byte
		for _, m := range read(t, Messages, `{`+system+`"messages":[{"role":"user","content":"x"}]}`).Messages {
			b = append(b, m.Role+"\x00"+m.Text+"\x00"+string(m.Rest[:])...)
		}
		if other, ok := seen[string(b)]; ok {
			t.Errorf("%q and %q are one", system, other)
		}
		seen[string(b)] = system
	}
	for name, body := range map[string]string{
		"a container":    `{"container":"c","messages":[{"role":"user","content":"x"}]}`,
		"a system of 7":  `{"system":7,"messages":[{"role":"user","content":"x"}]}`,
		"no messages":    `{"system":"a"}`,
		"no role at all": `{"messages":[{"content":"x"}]}`,
	} {
		if q := read(t, Messages, body); q.NoCache == "" || q.Messages != nil {
			t.Errorf("%s: got %+v", name, q)
		}
	}
}

func FuzzMessageReplay(f *testing.F) {
	for _, b := range wholeMessages {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if Messages.Check(body) != nil {
			return
		}
		if _, err := Messages.Locate(body); err != nil {
			t.Fatal(err)
		}
		stream, err := Messages.Replay(nil, body, false)
		if err != nil {
			t.Fatal(err)
		}
		got, err := aggregate(Messages, stream)
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, body, stream)
		}
		sameJSON(t, got, body)
	})
}

func FuzzMessageAggregate(f *testing.F) {
	for _, b := range wholeMessages {
		if s, err := Messages.Replay(nil, []byte(b), false); err == nil {
			f.Add(s)
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		body, err := aggregate(Messages, stream)
		if err != nil {
			return
		}
		if err := Messages.Check(body); err != nil {
			t.Fatalf("aggregated to what does not pass: %v\n%s", err, body)
		}
		if _, err := Messages.Replay(nil, body, false); err != nil {
			t.Fatal(err)
		}
	})
}
