package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/sse"
)

// aggregate puts a whole event stream together, as the proxy does.
func aggregate(d *Dialect, stream []byte) ([]byte, error) {
	a := d.NewAggregator()
	var dec sse.Decoder
	done := false
	err := dec.Feed(stream, func(e sse.Event) error {
		done = done || d.Last(e.Data)
		return a.Add(e.Data)
	})
	if err != nil {
		return nil, err
	}
	if !done {
		return nil, errors.New("no done event")
	}
	return a.Finish()
}

func events(chunks ...string) []byte {
	var b []byte
	for _, c := range chunks {
		b = sse.AppendEvent(b, "", []byte(c))
	}
	return sse.AppendEvent(b, "", []byte(Done))
}

func sameJSON(t testing.TB, got, want []byte) {
	t.Helper()
	g, err := canonical(got)
	if err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	w, err := canonical(want)
	if err != nil {
		t.Fatalf("%s: %v", want, err)
	}
	if !bytes.Equal(g, w) {
		t.Fatalf("\ngot  %s\nwant %s", g, w)
	}
}

func TestAggregate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		d      *Dialect
		chunks []string
		want   string
	}{
		{"text, usage and padding", Chat, []string{
			`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"x"}`,
			`{"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{"content":"Caf\u00e9 "},"finish_reason":null}],"usage":null,"obfuscation":"yz"}`,
			`{"id":"chatcmpl-1","choices":[{"index":0,"delta":{"content":"au lait"},"finish_reason":null}]}`,
			`{"id":"chatcmpl-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`,
			`{"id":"chatcmpl-1","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`,
		}, `{"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"m","system_fingerprint":"fp","choices":[{"index":0,"message":{"role":"assistant","content":"Café au lait","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`},

		{"parallel tool calls in pieces", Chat, []string{
			`{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"f","arguments":""}}]},"finish_reason":null}]}`,
			`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"g","arguments":"{}"}}]}}]}`,
			`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":"}}]}}]}`,
			`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"f","arguments":"1}"}}]}}]}`,
			`{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`,
		}, `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_a","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}},{"id":"call_b","type":"function","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`},

		{"choices out of order, log probabilities, reasoning, filters before the first choice", Chat, []string{
			`{"id":"","model":"","created":0,"choices":[],"prompt_filter_results":[{"prompt_index":0}]}`,
			`{"id":"c","model":"m","created":9,"choices":[{"index":1,"delta":{"role":"assistant","reasoning_content":"hm"}}]}`,
			`{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"a"},"logprobs":{"content":[{"token":"a"}],"refusal":null}}]}`,
			`{"id":"c","choices":[{"index":0,"delta":{"content":"b"},"logprobs":{"content":[{"token":"b"}],"refusal":null}},{"index":1,"delta":{"reasoning_content":"m","content":"z"}}]}`,
			`{"id":"c","choices":[{"index":1,"delta":{},"finish_reason":"length"}]}`,
			`{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop","content_filter_results":{"hate":{"filtered":false}}}]}`,
		}, `{"id":"c","model":"m","created":9,"object":"chat.completion","prompt_filter_results":[{"prompt_index":0}],"choices":[{"index":0,"message":{"role":"assistant","content":"ab"},"logprobs":{"content":[{"token":"a"},{"token":"b"}],"refusal":null},"finish_reason":"stop","content_filter_results":{"hate":{"filtered":false}}},{"index":1,"message":{"role":"assistant","reasoning_content":"hmm","content":"z"},"finish_reason":"length"}]}`},

		{"what is repeated with each piece", Chat, []string{
			`{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","channel":"analysis","reasoning_details":[{"type":"reasoning.text","text":"h","format":"unknown","index":0}]}}]}`,
			`{"id":"c","choices":[{"index":0,"delta":{"channel":"analysis","reasoning_details":[{"type":"reasoning.text","text":"m","format":"unknown","index":0}]}}]}`,
			`{"id":"c","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}`,
		}, `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","channel":"analysis","reasoning_details":[{"type":"reasoning.text","text":"hm","format":"unknown","index":0}],"content":"x"},"finish_reason":"stop"}]}`},

		{"legacy completion", Completion, []string{
			`{"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[{"text":"a ","index":0,"logprobs":{"tokens":["a "],"token_logprobs":[-1]},"finish_reason":null}]}`,
			`{"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[{"text":"b","index":0,"logprobs":{"tokens":["b"],"token_logprobs":[-2]},"finish_reason":"stop"}]}`,
		}, `{"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[{"index":0,"text":"a b","logprobs":{"tokens":["a ","b"],"token_logprobs":[-1,-2]},"finish_reason":"stop"}]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := aggregate(tt.d, events(tt.chunks...))
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, got, []byte(tt.want))
		})
	}
}

func TestAggregateRefuses(t *testing.T) {
	const fine = `{"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"a"},"finish_reason":"stop"}]}`
	if _, err := aggregate(Chat, events(fine)); err != nil {
		t.Fatalf("the stream that the cases vary: %v", err)
	}
	for name, chunks := range map[string][]string{
		"no finish reason":          {`{"choices":[{"index":0,"delta":{"content":"a"}}]}`},
		"finish reason error":       {`{"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"error"}]}`},
		"one choice unfinished":     {fine, `{"choices":[{"index":1,"delta":{"content":"a"}}]}`},
		"a choice missing":          {fine, `{"choices":[{"index":2,"delta":{"content":"a"},"finish_reason":"stop"}]}`},
		"an error in the stream":    {fine, `{"error":{"message":"overloaded"}}`},
		"no JSON":                   {fine, `{"choices":[`},
		"nothing":                   nil,
		"a tool call missing":       {`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":1,"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`},
		"a tool call changes names": {`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a"}]}}]}`, `{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"b"}]},"finish_reason":"stop"}]}`},
		"a channel changes":         {`{"choices":[{"index":0,"delta":{"channel":"analysis"}}]}`, `{"choices":[{"index":0,"delta":{"channel":"final","content":"a"},"finish_reason":"stop"}]}`},
		"text turns into a list":    {`{"choices":[{"index":0,"delta":{"content":"a"}}]}`, `{"choices":[{"index":0,"delta":{"content":["b"]},"finish_reason":"stop"}]}`},
		"streamed sound":            {`{"choices":[{"index":0,"delta":{"audio":{"data":"AA=="}},"finish_reason":"stop"}]}`},
		"nested without end":        {`{"choices":[{"index":0,"delta":` + strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat(`}`, 40) + `}]}`, `{"choices":[{"index":0,"delta":` + strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat(`}`, 40) + `,"finish_reason":"stop"}]}`},
	} {
		if got, err := aggregate(Chat, events(chunks...)); !errors.Is(err, ErrForm) {
			t.Errorf("%s: got %s, %v; want ErrForm", name, got, err)
		}
	}
}

// whole are answers in the form that providers give at once.
var whole = map[string]struct {
	d    *Dialect
	body string
}{
	"text":      {Chat, `{"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"one two","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3},"service_tier":"default","system_fingerprint":null}`},
	"layout":    {Chat, "{\n  \"id\": \"c\",\n  \"object\": \"chat.completion\",\n  \"choices\": [ { \"index\": 0,\n \"message\": { \"role\": \"assistant\", \"content\": \"a\\nb\" }, \"finish_reason\": \"stop\" } ]\n}\n"},
	"long":      {Chat, `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"` + strings.Repeat("wort für wort, ", 50) + strings.Repeat("語", 100) + `"},"finish_reason":"length"}]}`},
	"tools":     {Chat, `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\": 1.50}"}},{"id":"b","type":"custom","custom":{"name":"g","input":"\u0001"}}]},"finish_reason":"tool_calls"}]}`},
	"reasoning": {Chat, `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","reasoning_content":"hm, so","content":"a","x_unknown":{"y":[1,{"index":3}]}},"finish_reason":"stop","stop_reason":null,"x":"y"}],"x_top":["z"]}`},
	"refusal":   {Chat, `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"I will not"},"finish_reason":"stop"}]}`},
	"several":   {Chat, `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"a b"},"logprobs":{"content":[{"token":"a b","logprob":-0.10,"bytes":null,"top_logprobs":[]}],"refusal":null},"finish_reason":"stop"},{"index":1,"message":{"role":"assistant","content":""},"logprobs":{"content":[],"refusal":null},"finish_reason":"length"}]}`},
	"function":  {Chat, `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},"finish_reason":"function_call"}]}`},
	"legacy":    {Completion, `{"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[{"text":"\n\nyes","index":0,"logprobs":null,"finish_reason":"stop"},{"text":"","index":1,"logprobs":{"tokens":[],"token_logprobs":[],"top_logprobs":[],"text_offset":[]},"finish_reason":"length"}],"usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}}`},
}

func TestReplayAggregates(t *testing.T) {
	for name, w := range whole {
		t.Run(name, func(t *testing.T) {
			if err := w.d.Check([]byte(w.body)); err != nil {
				t.Fatal(err)
			}
			stream, err := w.d.Replay(nil, []byte(w.body), true)
			if err != nil {
				t.Fatal(err)
			}
			got, err := aggregate(w.d, stream)
			if err != nil {
				t.Fatalf("%v\n%s", err, stream)
			}
			sameJSON(t, got, []byte(w.body))
		})
	}
}

func TestReplayWithoutUsage(t *testing.T) {
	stream, err := Chat.Replay(nil, []byte(whole["text"].body), false)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(stream, []byte("usage")) {
		t.Errorf("usage was not asked for:\n%s", stream)
	}
	for i, line := range bytes.Split(bytes.TrimSpace(stream), []byte("\n\n")) {
		if data, ok := bytes.CutPrefix(line, []byte("data: ")); !ok || bytes.ContainsRune(data, '\n') {
			t.Errorf("event %d is not one data line: %q", i, line)
		}
	}
}

// FuzzReplay holds the promise that both forms of an answer share an entry: what is replayed aggregates to the same.
func FuzzReplay(f *testing.F) {
	for _, w := range whole {
		f.Add(w.d == Chat, []byte(w.body))
	}
	f.Fuzz(func(t *testing.T, chat bool, body []byte) {
		d := Completion
		if chat {
			d = Chat
		}
		if d.Check(body) != nil || !plainForm(t, d, body) {
			return
		}
		stream, err := d.Replay(nil, body, true)
		if err != nil {
			t.Fatalf("replay: %v", err)
		}
		got, err := aggregate(d, stream)
		if err != nil {
			t.Fatalf("aggregate: %v\n%s\n%s", err, body, stream)
		}
		sameJSON(t, got, body)
	})
}

// plainForm reports whether body keeps to the few rules of a plain answer that both forms need and Check does not ask
// for: an object member of the usual value, choices numbered in order, tool calls without an index of their own, members
// that a stream uses for itself left alone, and no usage but an object.
func plainForm(t testing.TB, dialect *Dialect, body []byte) bool {
	d := chatForm
	if dialect == Completion {
		d = textForm
	}
	ms, err := object(body)
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := text(find(ms, "object")); !ok || o != d.object {
		return false
	}
	for _, m := range ms {
		switch {
		case m.name == "obfuscation", m.name == "error":
			return false
		case m.name == "usage" && isNull(m.value):
			return false
		}
	}
	choices, _ := array(find(ms, "choices"))
	for i, c := range choices {
		cs, _ := object(c)
		if n, ok := integer(find(cs, "index")); !ok || n != i || string(find(cs, "index")) != strings.TrimLeft(string(find(cs, "index")), "0") && n != 0 || len(find(cs, "index")) > 1 && n == 0 {
			return false
		}
		for _, m := range cs {
			if repeatsIndex(m.value) || deep(m.value) || m.name == "delta" && d.delta != "" {
				return false
			}
		}
		said, err := object(find(cs, d.said))
		if d.delta == "" {
			continue
		}
		if role, ok := text(find(said, "role")); err != nil || !ok || role == "" {
			return false
		}
		if audio := find(said, "audio"); audio != nil && !isNull(audio) {
			return false
		}
		calls := find(said, "tool_calls")
		if calls == nil || isNull(calls) {
			continue
		}
		elems, err := array(calls)
		if err != nil {
			return false
		}
		for _, e := range elems {
			call, err := object(e)
			if err != nil || find(call, "index") != nil {
				return false
			}
		}
	}
	return true
}

// repeatsIndex reports whether some list in v has two elements of one index, which a stream would make one.
func repeatsIndex(v jsontext.Value) bool {
	if elems, err := array(v); err == nil {
		seen := map[int]bool{}
		for _, e := range elems {
			ms, _ := object(e)
			n, ok := integer(find(ms, "index"))
			if ok && seen[n] || repeatsIndex(e) {
				return true
			}
			seen[n] = seen[n] || ok
		}
	}
	if ms, err := object(v); err == nil {
		for _, m := range ms {
			if repeatsIndex(m.value) {
				return true
			}
		}
	}
	return false
}

func deep(v jsontext.Value) bool {
	depth, most := 0, 0
	for _, c := range v {
		switch c {
		case '{', '[':
			depth++
			most = max(most, depth)
		case '}', ']':
			depth--
		}
	}
	return most > maxDepth-4
}

func FuzzAggregate(f *testing.F) {
	for _, w := range whole {
		if s, err := w.d.Replay(nil, []byte(w.body), true); err == nil {
			f.Add(w.d == Chat, s)
		}
	}
	f.Fuzz(func(t *testing.T, chat bool, stream []byte) {
		d := Completion
		if chat {
			d = Chat
		}
		body, err := aggregate(d, stream)
		if err != nil {
			return
		}
		if err := d.Check(body); err != nil {
			t.Fatalf("aggregated to what does not pass: %v\n%s", err, body)
		}
		if _, err := d.Locate(body); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Replay(nil, body, true); err != nil {
			t.Fatal(err)
		}
	})
}
