package wire

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/reprise-cache/reprise/proxy/internal/sse"
)

// wholeResponses are answers of Responses in the form that the provider gives at once.
var wholeResponses = []string{
	`{"id":"resp_1","object":"response","created_at":1741476542,"status":"completed","completed_at":1741476543,"error":null,"incomplete_details":null,"instructions":"be kind","metadata":{"a":"b"},"model":"m","output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"` + strings.Repeat("Schöne Grüße, ", 20) + `","annotations":[{"type":"url_citation","url":"u"}],"logprobs":[]}]}],"store":true,"usage":{"input_tokens":36,"input_tokens_details":{"cached_tokens":0},"output_tokens":87,"total_tokens":123},"user":"u-1"}`,
	`{"id":"resp_2","object":"response","created_at":1,"status":"completed","model":"m","output":[{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm, so"}],"content":[{"type":"reasoning_text","text":"so"}],"encrypted_content":"x"},{"type":"function_call","id":"fc_1","call_id":"c","name":"f","arguments":"{\"x\": 1.50}","status":"completed"},{"type":"function_call","id":"fc_2","call_id":"d","name":"g","arguments":"","status":"completed"},{"type":"custom_tool_call","id":"ctc","call_id":"e","name":"h","input":"x y"},{"type":"web_search_call","id":"ws","status":"completed","action":{}},{"type":"message","id":"msg_2","status":"completed","role":"assistant","content":[{"type":"refusal","refusal":"I will not"},{"type":"x_new","y":1},{"type":"output_text","text":"ab","logprobs":[{"token":"ab","logprob":-0.10}]}]}],"usage":null}`,
	"{\n\"id\":\"r\", \"object\":\"response\", \"status\":\"completed\", \"output\":[ ], \"output_text\":\"\" }",
}

func TestReplayResponses(t *testing.T) {
	for _, body := range wholeResponses {
		if err := Responses.Check([]byte(body)); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		stream, err := Responses.Replay(nil, []byte(body), false)
		if err != nil {
			t.Fatal(err)
		}
		got, err := aggregate(Responses, stream)
		if err != nil {
			t.Fatalf("%v\n%s", err, stream)
		}
		sameJSON(t, got, []byte(body))
		checkResponseEvents(t, stream, body)
	}
}

// checkResponseEvents holds that a replayed stream is numbered, opens and closes what it says, and says in pieces what it
// says in the end.
func checkResponseEvents(t *testing.T, stream []byte, body string) {
	t.Helper()
	var dec sse.Decoder
	var open []string
	n, said := 0, map[string]string{}
	err := dec.Feed(stream, func(e sse.Event) error {
		ms, err := object(e.Data)
		if err != nil {
			t.Fatal(err)
		}
		kind := typeOf(e.Data)
		if kind != e.Name {
			t.Errorf("event %q has the type %q", e.Name, kind)
		}
		if got := string(find(ms, "sequence_number")); got != strconv.Itoa(n) {
			t.Errorf("event %d has the number %s", n, got)
		}
		n++
		place := kind[:strings.LastIndexByte(kind, '.')] + string(find(ms, "output_index")) + string(find(ms, "content_index")) + string(find(ms, "summary_index"))
		switch {
		case strings.HasSuffix(kind, ".annotation.added"):
		case strings.HasSuffix(kind, ".added"):
			open = append(open, place)
		case strings.HasSuffix(kind, ".delta"):
			s, _ := text(find(ms, "delta"))
			said[place] += s
		case strings.HasSuffix(kind, "item.done"), strings.HasSuffix(kind, "part.done"):
			if len(open) == 0 || open[len(open)-1] != place {
				t.Errorf("%s ends, and %v are open", place, open)
			}
			open = open[:len(open)-1]
		case strings.HasSuffix(kind, ".done"):
			for _, name := range []string{"text", "refusal", "arguments", "input"} {
				if s, ok := text(find(ms, name)); ok && s != said[place] {
					t.Errorf("%s: said %q in pieces, %q in the end", place, said[place], s)
				}
			}
		}
		return nil
	})
	if err != nil || len(open) > 0 {
		t.Errorf("%v, and %v are open", err, open)
	}
	if first := typeOf(bytes.TrimPrefix(bytes.Split(stream, []byte("\n"))[1], []byte("data: "))); first != "response.created" {
		t.Errorf("the first event is %q", first)
	}
	if strings.Contains(body, "Schöne") && len(said) == 0 {
		t.Error("nothing was said in pieces")
	}
}

func TestResponseRefused(t *testing.T) {
	body := wholeResponses[0]
	completed := func(b string) string { return `{"type":"response.completed","response":` + b + `}` }
	for name, events := range map[string][]string{
		"not completed":      {`{"type":"response.created","response":` + body + `}`},
		"incomplete":         {`{"type":"response.incomplete","response":` + strings.Replace(body, `"completed"`, `"incomplete"`, 1) + `}`},
		"failed":             {`{"type":"response.failed","response":` + strings.Replace(body, `"completed"`, `"failed"`, 1) + `}`},
		"an error":           {`{"type":"error","code":"x","message":"y"}`, completed(body)},
		"a status that lies": {completed(strings.Replace(body, `"completed"`, `"in_progress"`, 1))},
		"an error inside":    {completed(strings.Replace(body, `"error":null`, `"error":{"code":"x"}`, 1))},
		"no response":        {`{"type":"response.completed"}`},
		"lost words":         {`{"type":"response.output_text.delta","delta":"x"}`, completed(wholeResponses[2])},
		"no JSON":            {`{"type":`, completed(body)},
	} {
		a := Responses.NewAggregator()
		var err error
		for _, e := range events {
			if err = a.Add([]byte(e)); err != nil {
				break
			}
		}
		if err == nil {
			_, err = a.Finish()
		}
		if !errors.Is(err, ErrForm) {
			t.Errorf("%s: got %v; want ErrForm", name, err)
		}
	}
}

func TestResponsesQuestion(t *testing.T) {
	q := read(t, Responses, `{"model":"m","instructions":"be kind","stream":true,"metadata":{"a":"b"},"user":"u","input":[
		{"role":"user","content":[{"type":"input_text","text":"what is"},{"type":"input_image","image_url":"data:x"},{"type":"input_text","text":"this?"}]},
		{"type":"function_call_output","call_id":"c","output":"1"},
		{"type":"message","role":"user","content":"and that?"}]}`)
	if q.NoCache != "" || !q.Stream || len(q.Messages) != 4 || !q.KeepID {
		t.Fatalf("got %+v", q)
	}
	for i, want := range []struct{ role, text string }{{"system", "be kind"}, {"user", "what is\nthis?"}, {"function_call_output", ""}, {"user", "and that?"}} {
		if m := q.Messages[i]; m.Role != want.role || m.Text != want.text {
			t.Errorf("message %d: got %+v, want %+v", i, m, want)
		}
	}
	if string(q.Echo["metadata"]) != `{"a":"b"}` || string(q.Echo["user"]) != `"u"` || string(q.Echo["safety_identifier"]) != "null" {
		t.Errorf("got %s", q.Echo)
	}
	if q := read(t, Responses, `{"input":"x","store":false}`); q.KeepID || q.NoCache != "" || string(q.Echo["metadata"]) != "{}" {
		t.Errorf("got %+v", q)
	}
	for name, body := range map[string]string{
		"store":             `{"input":"x","store":true}`,
		"previous response": `{"input":"x","previous_response_id":"resp_1"}`,
		"conversation":      `{"input":"x","conversation":"conv_1"}`,
		"background":        `{"input":"x","background":true}`,
		"a reference":       `{"input":[{"type":"item_reference","id":"msg_1"},{"role":"user","content":"x"}]}`,
		"no input":          `{"instructions":"x"}`,
		"an item of 7":      `{"input":[7]}`,
		"no role":           `{"input":[{"type":"message","content":"x"}]}`,
		"instructions of 7": `{"instructions":7,"input":"x"}`,
	} {
		if q := read(t, Responses, body); q.NoCache == "" || q.Messages != nil {
			t.Errorf("%s: got %+v, want a reason not to cache", name, q)
		}
	}
}

func FuzzResponseReplay(f *testing.F) {
	for _, b := range wholeResponses {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if Responses.Check(body) != nil {
			return
		}
		if _, err := Responses.Locate(body); err != nil {
			t.Fatal(err)
		}
		stream, err := Responses.Replay(nil, body, false)
		if err != nil {
			t.Fatal(err)
		}
		got, err := aggregate(Responses, stream)
		if err != nil {
			if ms, _ := object(body); string(find(ms, "output")) != "[]" {
				t.Fatalf("%v\n%s\n%s", err, body, stream)
			}
			return
		}
		sameJSON(t, got, body)
	})
}

// FuzzQuestion holds, for every dialect, that a body is read or refused for a reason, and that its layout does not matter.
func FuzzQuestion(f *testing.F) {
	f.Add(uint8(2), []byte(`{"model":"m","system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[{"type":"text","text":"a"}]}]}`))
	f.Add(uint8(3), []byte(`{"instructions":"i","input":[{"role":"user","content":"a"},{"type":"reasoning","summary":[]}],"metadata":{"b":1}}`))
	f.Add(uint8(3), []byte(`{"input":"a","store":false}`))
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		d := Dialects[int(which)%len(Dialects)]
		q, err := d.Read(body)
		if err != nil {
			var se *SyntaxError
			if !errors.As(err, &se) {
				t.Fatal(err)
			}
			return
		}
		if (q.NoCache == "") != (len(q.Messages) > 0) {
			t.Fatalf("got %+v", q)
		}
		c, err := canonical(body)
		if err != nil {
			t.Fatalf("read, but has no canonical form: %v", err)
		}
		again, err := d.Read(c)
		if err != nil || again.Scope != q.Scope || again.NoCache != q.NoCache || len(again.Messages) != len(q.Messages) {
			t.Fatalf("the canonical form reads otherwise: %v\n%+v\n%+v", err, q, again)
		}
		for i := range q.Messages {
			if q.Messages[i] != again.Messages[i] {
				t.Fatalf("message %d: %+v, %+v", i, q.Messages[i], again.Messages[i])
			}
		}
	})
}
