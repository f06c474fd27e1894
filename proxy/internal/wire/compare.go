package wire

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/cache"
)

// ReadAnswer returns what a stored body of any of the dialects says, so that two of them can be compared: the words, and the
// calls of tools. What changes from one time to the next, such as ids and usage, and what was thought on the way is left
// out. ok is false for a body that is none of them.
func ReadAnswer(body []byte) (a cache.Answer, ok bool) {
	ms, err := object(body)
	if err != nil {
		return a, false
	}
	r := answerReader{}
	for _, m := range ms {
		switch m.name {
		case "choices":
			r.each(m.value, r.choice)
		case "content":
			r.each(m.value, r.block)
		case "output":
			r.each(m.value, r.item)
		}
	}
	if r.bad || !r.found {
		return a, false
	}
	a.Text = strings.Join(r.texts, "\n")
	if len(r.calls) > 0 {
		a.Data = append(append([]byte{'['}, bytes.Join(r.calls, []byte{','})...), ']')
	}
	return a, true
}

type answerReader struct {
	texts []string
	calls [][]byte
	found bool
	bad   bool
}

func (r *answerReader) each(list jsontext.Value, read func(ms []member)) {
	values, err := array(list)
	if err != nil {
		r.bad = true
		return
	}
	r.found = true
	for _, v := range values {
		ms, err := object(v)
		if err != nil {
			r.bad = true
			return
		}
		read(ms)
	}
}

func (r *answerReader) say(v jsontext.Value) {
	if s, ok := text(v); ok {
		r.texts = append(r.texts, s)
	}
}

// call notes a tool's name and what it is to be called with. A call's id is new each time.
func (r *answerReader) call(name, arguments jsontext.Value) {
	b := []byte(`{"name":`)
	b = append(b, orNull(name)...)
	b = append(b, `,"arguments":`...)
	b = append(b, orNull(arguments)...)
	r.calls = append(r.calls, append(b, '}'))
}

func orNull(v jsontext.Value) jsontext.Value {
	if len(v) == 0 {
		return jsontext.Value("null")
	}
	return v
}

// choice is one of OpenAI's chat or text completions.
func (r *answerReader) choice(ms []member) {
	r.say(find(ms, "text"))
	message, err := object(orNull(find(ms, "message")))
	if err != nil {
		return
	}
	r.say(find(message, "content"))
	r.say(find(message, "refusal"))
	if v := find(message, "tool_calls"); v != nil && !isNull(v) {
		r.each(v, func(call []member) {
			for _, kind := range []string{"function", "custom"} {
				if f, err := object(orNull(find(call, kind))); err == nil {
					arguments := find(f, "arguments")
					if arguments == nil {
						arguments = find(f, "input")
					}
					r.call(find(f, "name"), arguments)
				}
			}
		})
	}
	if f, err := object(orNull(find(message, "function_call"))); err == nil {
		r.call(find(f, "name"), find(f, "arguments"))
	}
}

// block is one of Anthropic's messages.
func (r *answerReader) block(ms []member) {
	switch kind, _ := text(find(ms, "type")); kind {
	case "text":
		r.say(find(ms, "text"))
	case "tool_use", "server_tool_use":
		r.call(find(ms, "name"), find(ms, "input"))
	}
}

// item is one of OpenAI's Responses.
func (r *answerReader) item(ms []member) {
	switch kind, _ := text(find(ms, "type")); kind {
	case "message":
		r.each(orNull(find(ms, "content")), func(part []member) {
			r.say(find(part, "text"))
			r.say(find(part, "refusal"))
		})
	case "function_call":
		r.call(find(ms, "name"), find(ms, "arguments"))
	case "custom_tool_call":
		r.call(find(ms, "name"), find(ms, "input"))
	}
}
