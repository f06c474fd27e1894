package wire

import (
	"errors"
	"testing"
)

func TestCheckRefuses(t *testing.T) {
	for name, body := range map[string]string{
		"no JSON":          `<html>`,
		"two values":       `{} {}`,
		"cut short":        `{"choices":[{"index":0`,
		"no choices":       `{"id":"c"}`,
		"empty choices":    `{"choices":[]}`,
		"error":            `{"error":{"message":"x"},"choices":[{"message":{"role":"assistant"},"finish_reason":"stop"}]}`,
		"unfinished":       `{"choices":[{"message":{"role":"assistant"},"finish_reason":null}]}`,
		"finished badly":   `{"choices":[{"message":{"role":"assistant"},"finish_reason":"error"}]}`,
		"says nothing":     `{"choices":[{"finish_reason":"stop"}]}`,
		"of another type":  `{"choices":[{"message":{"role":"assistant","content":5},"finish_reason":"stop"}]}`,
		"invalid UTF-8":    "{\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"\xff\"},\"finish_reason\":\"stop\"}]}",
		"a name twice":     `{"choices":[{"message":{"role":"assistant","role":"user"},"finish_reason":"stop"}]}`,
		"model of a float": `{"model":1,"choices":[{"message":{"role":"assistant"},"finish_reason":"stop"}]}`,
	} {
		if err := Chat.Check([]byte(body)); !errors.Is(err, ErrForm) {
			t.Errorf("%s: got %v, want ErrForm", name, err)
		}
	}
}

func TestLocate(t *testing.T) {
	body := []byte(`{"id": "chatcmpl-9x", "created": 17, "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7, "x": {"y": 1}}}`)
	p, err := Chat.Locate(body)
	if err != nil {
		t.Fatal(err)
	}
	cut := func(s Span) string { return string(body[s.Start:s.End]) }
	if cut(p.ID) != `"chatcmpl-9x"` || cut(p.Created) != "17" || p.IDPrefix != "chatcmpl-" {
		t.Errorf("got id %s, created %s, prefix %q", cut(p.ID), cut(p.Created), p.IDPrefix)
	}
	if p.Prompt != 3 || p.Completion != 4 || p.Both != 7 {
		t.Errorf("got tokens %d, %d, %d", p.Prompt, p.Completion, p.Both)
	}
	if got, want := string(ZeroUsage(body[p.Usage.Start:p.Usage.End])), `{"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "x": {"y": 0}}`; got != want {
		t.Errorf("got usage %s, want %s", got, want)
	}
	for id, want := range map[string]string{"chatcmpl-1": "chatcmpl-", "gen-17-x": "gen-", "0a1b-2c": "", "-x": "", "abc": "", "": ""} {
		if got := idPrefix(id); got != want {
			t.Errorf("prefix of %q: got %q, want %q", id, got, want)
		}
	}
}

// TestAppendUsage puts a usage where a stream said none. A body that has no place for one is as its provider sent it.
func TestAppendUsage(t *testing.T) {
	const usage = `{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}`
	for _, tt := range []struct {
		d          *Dialect
		body, want string
	}{
		{Chat, `{"id":"x","choices":[]}`, ""},
		{Chat, string(Chat.KeepUsagePlace([]byte(`{"id":"x","choices":[]}`))), `{"id":"x","choices":[],"usage":` + usage + `}`},
		{Chat, string(Chat.KeepUsagePlace([]byte(`{"usage":{},"choices":[]}`))), ""},
		{Responses, string(Responses.KeepUsagePlace([]byte(`{"output":[]}`))), ""},
		{Completion, `{"choices":[],"usage": null }`, `{"choices":[],"usage": ` + usage + ` }`},
		{Chat, `{"usage":null,"choices":[]}`, `{"usage":` + usage + `,"choices":[]}`},
		{Chat, `{"usage":{},"choices":[]}`, ""},
		{Messages, `{"content":[]}`, ""},
		{Responses, `{"output":[]}`, ""},
		{Responses, `{"output":[],"usage":null}`, ""},
	} {
		p, err := tt.d.Locate([]byte(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		if (p.NoUsage == Span{}) != (tt.want == "") {
			t.Errorf("%s: %+v", tt.body, p.NoUsage)
			continue
		}
		if tt.want == "" {
			continue
		}
		got := string(AppendUsage([]byte(tt.body[:p.NoUsage.Start]), 3, 4)) + tt.body[p.NoUsage.End:]
		if got != tt.want {
			t.Errorf("%s became %s", tt.body, got)
		}
	}
}
