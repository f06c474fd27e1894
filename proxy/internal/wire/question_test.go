package wire

import (
	"errors"
	"reflect"
	"slices"
	"testing"
)

func read(t testing.TB, d *Dialect, body string) *Question {
	t.Helper()
	q, err := d.Read([]byte(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return q
}

func TestReadSyntax(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		offset     int64
	}{
		{"empty", ``, 0},
		{"no object", `[]`, 0},
		{"cut short", `{"model":"m","messages":[`, 25},
		{"trailing", `{"model":"m"} x`, 14},
		{"a name twice", `{"model":"m","model":"n"}`, 13},
		{"a name twice, deep", `{"messages":[{"role":"user","role":"user"}]}`, 28},
		{"invalid UTF-8", "{\"model\":\"\xff\"}", 10},
		{"half a surrogate pair", `{"model":"\ud800"}`, 10},
		{"byte order mark", "\xef\xbb\xbf{}", 0},
		{"NaN", `{"seed":NaN}`, 8},
	} {
		_, err := Chat.Read([]byte(tt.body))
		var se *SyntaxError
		if !errors.As(err, &se) || se.Offset != tt.offset {
			t.Errorf("%s: got %v, want a SyntaxError at byte %d", tt.name, err, tt.offset)
		}
	}
}

func TestReadNoCache(t *testing.T) {
	for name, body := range map[string]string{
		"no messages":            `{"model":"m"}`,
		"empty messages":         `{"messages":[]}`,
		"messages of a string":   `{"messages":"hi"}`,
		"a message of a string":  `{"messages":["hi"]}`,
		"no role":                `{"messages":[{"content":"hi"}]}`,
		"store":                  `{"store":true,"messages":[{"role":"user","content":"hi"}]}`,
		"store of another type":  `{"store":"yes","messages":[{"role":"user","content":"hi"}]}`,
		"sound":                  `{"audio":{"voice":"alloy"},"messages":[{"role":"user","content":"hi"}]}`,
		"stream of another type": `{"stream":"yes","messages":[{"role":"user","content":"hi"}]}`,
	} {
		if q := read(t, Chat, body); q.NoCache == "" || q.Messages != nil {
			t.Errorf("%s: got %+v, want a reason not to cache", name, q)
		}
	}
}

func TestReadMessages(t *testing.T) {
	q := read(t, Chat, `{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[
		{"role":"system","content":"be kind"},
		{"role":"user","content":[{"type":"text","text":"what is"},{"type":"image_url","image_url":{"url":"data:x"}},{"type":"text","text":"this?"}]},
		{"content":"caf\u00e9","role":"user"}]}`)
	if q.Model != "m" || !q.Stream || !q.IncludeUsage || q.NoCache != "" || len(q.Messages) != 3 {
		t.Fatalf("got %+v", q)
	}
	for i, want := range []struct {
		role, text string
		rest       bool
	}{{"system", "be kind", false}, {"user", "what is\nthis?", true}, {"user", "café", false}} {
		m := q.Messages[i]
		if m.Role != want.role || m.Text != want.text || (m.Rest != [32]byte{}) != want.rest {
			t.Errorf("message %d: got %+v, want %+v", i, m, want)
		}
	}
}

// TestMessagesApart holds that two turns that are not the same are never told as the same.
func TestMessagesApart(t *testing.T) {
	turns := []string{
		`{"role":"user","content":"ab"}`,
		`{"role":"user"}`,
		`{"role":"user","content":null}`,
		`{"role":"user","content":""}`,
		`{"role":"user","content":[]}`,
		`{"role":"user","content":["ab"]}`,
		`{"role":"user","content":[{"type":"text","text":"ab"}]}`,
		`{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}`,
		`{"role":"user","content":[{"type":"text","text":"a\nb"},{"type":"text","text":"c"}]}`,
		`{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b\nc"}]}`,
		`{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b\nc"},3]}`,
		`{"role":"user","content":[{"type":"text","text":"a\nb\nc"}]}`,
		`{"role":"user","content":[{"type":"text","text":"ab","cache_control":{}}]}`,
		`{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}},{"type":"text","text":"ab"}]}`,
		`{"role":"user","content":[{"type":"text","text":"ab"},{"type":"image_url","image_url":{"url":"x"}}]}`,
		`{"role":"user","content":[{"type":"text","text":"ab"},{"type":"image_url","image_url":{"url":"y"}}]}`,
		`{"role":"user","content":"ab","name":"x"}`,
		`{"role":"user","content":"ab","x":"name"}`,
		`{"role":"user","content":{"a":1}}`,
	}
	for i, a := range turns {
		for j, b := range turns[:i] {
			x := read(t, Chat, `{"messages":[`+a+`]}`)
			y := read(t, Chat, `{"messages":[`+b+`]}`)
			if reflect.DeepEqual(x.Messages, y.Messages) {
				t.Errorf("turns %d and %d are told as one:\n%s\n%s", i, j, a, b)
			}
		}
	}
}

func TestScopeIgnoresLayout(t *testing.T) {
	a := read(t, Chat, `{"model":"m","temperature":1.0,"tools":[{"type":"function","function":{"name":"f","parameters":{"a":1,"b":2}}}],"messages":[{"role":"user","content":"x","name":"n"}]}`)
	b := read(t, Chat, `{"messages":[{"name":"n","content":"\u0078","role":"user"}], "tools":[{"function":{"parameters":{"b":2,"a":1},"name":"f"},"type":"function"}], "temperature":1e0, "model":"\u006d"}`)
	if a.Scope != b.Scope || !reflect.DeepEqual(a.Messages, b.Messages) {
		t.Error("the order of members, spaces and spellings of one value change the scope")
	}
	c := read(t, Chat, `{"seed":9007199254740993,"messages":[{"role":"user","content":"x"}]}`)
	d := read(t, Chat, `{"seed":9007199254740992,"messages":[{"role":"user","content":"x"}]}`)
	if c.Scope == d.Scope {
		t.Error("two seeds that a 64-bit float cannot tell apart share a scope")
	}
}

func TestCompletionPrompts(t *testing.T) {
	q := read(t, Completion, `{"prompt":"say"}`)
	if q.ExactOnly || len(q.Messages) != 1 || q.Messages[0].Role != "user" || q.Messages[0].Text != "say" {
		t.Errorf("a string: got %+v", q)
	}
	seen := map[[32]byte]string{}
	for _, body := range []string{`{"prompt":["a","b"]}`, `{"prompt":["ab"]}`, `{"prompt":[1,2]}`, `{"prompt":[[1,2]]}`, `{"prompt":null}`, `{}`} {
		q := read(t, Completion, body)
		if len(q.Messages) != 1 || q.Messages[0].Text != "" {
			t.Fatalf("%s: got %+v, want a question without text", body, q)
		}
		if other, ok := seen[q.Messages[0].Rest]; ok {
			t.Errorf("%s and %s are one", body, other)
		}
		seen[q.Messages[0].Rest] = body
	}
	if !read(t, Completion, `{"prompt":"say","echo":true}`).ExactOnly || read(t, Completion, `{"prompt":"say","echo":false}`).ExactOnly {
		t.Error("an answer that repeats its prompt serves that prompt only, and others do not")
	}
}

func TestHarmless(t *testing.T) {
	if got := Chat.Harmless(); !slices.IsSorted(got) || !slices.Contains(got, "stream") || slices.Contains(got, "seed") {
		t.Errorf("got %v", got)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(true, []byte(`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"x"}]}],"seed":1}`))
	f.Add(false, []byte(`{"prompt":[1,2],"echo":true,"stream_options":{"include_usage":true}}`))
	f.Add(true, []byte("{\"messages\":[\xff]}"))
	f.Add(true, []byte(`{"es":[ ]}`)) // its canonical form is shorter
	f.Fuzz(func(t *testing.T, chat bool, body []byte) {
		d := Completion
		if chat {
			d = Chat
		}
		q, err := d.Read(body)
		if err != nil {
			var se *SyntaxError
			if !errors.As(err, &se) || se.Offset < 0 || se.Offset > int64(len(body)) {
				t.Fatalf("got %v for %d bytes", err, len(body))
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
		if err == nil {
			again.Length = q.Length // an estimate, by the bytes as they were sent
		}
		if err != nil || !reflect.DeepEqual(q, again) {
			t.Fatalf("the canonical form reads otherwise: %v\n%+v\n%+v", err, q, again)
		}
	})
}
