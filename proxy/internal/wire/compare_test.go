package wire

import "testing"

func TestReadAnswer(t *testing.T) {
	for _, c := range []struct{ body, text, data string }{
		{`{"id":"a","choices":[{"message":{"role":"assistant","content":"Yes.","refusal":null},"finish_reason":"stop"}],"usage":{}}`, "Yes.", ""},
		{`{"choices":[{"text":"one"},{"text":"two"}]}`, "one\ntwo", ""},
		{`{"choices":[{"message":{"content":null,"refusal":"I must not."}}]}`, "I must not.", ""},
		{`{"choices":[{"message":{"content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]}}]}`,
			"", `[{"name":"f","arguments":"{\"a\":1}"}]`},
		{`{"choices":[{"message":{"function_call":{"name":"f","arguments":"{}"}}}]}`, "", `[{"name":"f","arguments":"{}"}]`},
		{`{"type":"message","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"Yes."},{"type":"tool_use","id":"t","name":"f","input":{"a":1}}]}`,
			"Yes.", `[{"name":"f","arguments":{"a":1}}]`},
		{`{"output":[{"type":"reasoning"},{"type":"message","content":[{"type":"output_text","text":"Yes."}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}]}`,
			"Yes.", `[{"name":"f","arguments":"{}"}]`},
	} {
		a, ok := ReadAnswer([]byte(c.body))
		if !ok || a.Text != c.text || string(a.Data) != c.data {
			t.Errorf("%s: %q %s %v", c.body, a.Text, a.Data, ok)
		}
	}
	for _, body := range []string{``, `[]`, `{}`, `{"data":[]}`, `{"choices":3}`, `{"choices":[3]}`} {
		if a, ok := ReadAnswer([]byte(body)); ok {
			t.Errorf("%s is taken for an answer: %+v", body, a)
		}
	}
}
