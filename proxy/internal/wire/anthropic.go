package wire

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/cache"
)

// Messages is Anthropic's POST /v1/messages, as docs.anthropic.com describes it.
var Messages = &Dialect{
	Name: "anthropic.messages", Path: "/v1/messages", marks: []string{messageStop}, asks: []string{"system", "messages"},
	harmless: map[string]bool{"stream": true, "metadata": true}, // metadata holds who asks, and no more
	question: messagesQuestion,
	check:    checkMessage, replay: replayMessage,
	aggregator: func() Aggregator { return newMessageAggregator() },
	last:       func(data []byte) bool { return typeOf(data) == messageStop },
}

// messageStop is the type of the event that ends a stream of Messages.
const messageStop = "message_stop"

// typeOf returns the "type" member of the object in data; "" if there is none.
func typeOf(data []byte) string {
	ms, err := object(data)
	if err != nil {
		return ""
	}
	s, _ := text(find(ms, "type"))
	return s
}

// messagesQuestion reads the conversation. The system prompt is its first turn, as it is with OpenAI.
func messagesQuestion(q *Question, ms []member) {
	if c := find(ms, "container"); c != nil && !isNull(c) {
		q.NoCache = "the answer depends on what a container holds"
		return
	}
	if system := find(ms, "system"); system != nil {
		if !q.addSpoken("system", system) {
			q.NoCache = "system is neither a string nor an array"
			return
		}
	}
	q.addMessages(find(ms, "messages"))
}

// addSpoken adds a turn that a request has outside its messages: a string, or parts. A turn of that role within the
// messages is another one.
func (q *Question) addSpoken(name string, v jsontext.Value) bool {
	m := cache.Message{Role: "system"}
	form := jsontext.Value(`"text"`)
	if s, ok := text(v); ok {
		m.Text = s
	} else if parts, err := array(v); err == nil {
		var rest int
		m.Text, form, rest = partsText(parts)
		q.Length += rest
	} else if !isNull(v) {
		return false
	} else {
		form = v
	}
	var err error
	m.Rest, err = digest("reprise/wire/spoken/1", []member{{name: name, value: form}})
	q.Messages = append(q.Messages, m)
	return err == nil
}

// checkMessage asks for a message that says why it ended. A turn that is paused is to be gone on with, and not whole.
func checkMessage(body []byte) error {
	ms, err := object(body)
	if err != nil {
		return formError("%w", err)
	}
	for name, want := range map[string]string{"type": "message", "role": "assistant"} {
		if s, _ := text(find(ms, name)); s != want {
			return formError("%s is %.40s, not %q", name, find(ms, name), want)
		}
	}
	if e := find(ms, "error"); e != nil && !isNull(e) {
		return formError("it holds an error")
	}
	if r, ok := text(find(ms, "stop_reason")); !ok || r == "" || r == "pause_turn" {
		return formError("stop_reason is %.40s", find(ms, "stop_reason"))
	}
	for _, name := range []string{"id", "model"} {
		if _, ok := text(find(ms, name)); !ok {
			return formError("%s is not a string", name)
		}
	}
	if u := find(ms, "usage"); u != nil {
		if _, err := object(u); err != nil {
			return formError("usage: %w", err)
		}
	}
	blocks, err := array(find(ms, "content"))
	if err != nil {
		return formError("content: %w", err)
	}
	for i, b := range blocks {
		bs, err := object(b)
		if err != nil {
			return formError("content[%d]: %w", i, err)
		}
		if err := checkBlock(bs); err != nil {
			return formError("content[%d]: %w", i, err)
		}
	}
	return nil
}

func checkBlock(bs []member) error {
	kind, _ := text(find(bs, "type"))
	if kind == "" {
		return formError("type is missing")
	}
	for _, p := range streamed(kind) {
		v := find(bs, p.member)
		switch {
		case p.optional && (v == nil || isNull(v)):
		case v.Kind() != p.kind:
			return formError("%s is missing or of another type", p.member)
		}
	}
	return nil
}

// piecewise is a member of a content block that a stream brings in pieces.
type piecewise struct {
	member   string
	kind     jsontext.Kind
	delta    string // the type of the pieces
	piece    string // their member that holds the piece
	empty    string // what the member is before the first piece
	optional bool
}

var (
	textPieces = []piecewise{
		{member: "citations", kind: jsontext.KindBeginArray, delta: "citations_delta", piece: "citation", empty: "[]", optional: true},
		{member: "text", kind: jsontext.KindString, delta: "text_delta", piece: "text", empty: `""`},
	}
	thinkingPieces = []piecewise{
		{member: "thinking", kind: jsontext.KindString, delta: "thinking_delta", piece: "thinking", empty: `""`},
		{member: "signature", kind: jsontext.KindString, delta: "signature_delta", piece: "signature", empty: `""`, optional: true},
	}
	toolPieces = []piecewise{
		{member: "input", kind: jsontext.KindBeginObject, delta: "input_json_delta", piece: "partial_json", empty: "{}"},
	}
)

// streamed returns what a stream brings in pieces of a block of that type. Blocks of other types come whole.
func streamed(kind string) []piecewise {
	switch {
	case kind == "text":
		return textPieces
	case kind == "thinking":
		return thinkingPieces
	case strings.HasSuffix(kind, "tool_use"): // tool_use, server_tool_use, mcp_tool_use
		return toolPieces
	}
	return nil
}
