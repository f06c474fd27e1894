package wire

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Usage is what an answer says it cost, in tokens, each of which is in one field only.
type Usage struct {
	Input    int64 // read anew
	Cached   int64 // read from the provider's prompt cache
	Written  int64 // read, and written to that cache
	WrittenH int64 // the same, to be kept for an hour
	Output   int64
	Known    bool // the answer says it
}

// usageOf reads the usage of an answer, of a stream's event or of a part of one. OpenAI counts what came from the prompt
// cache among the prompt's tokens, Anthropic beside them; Cohere has what is billed apart from what was counted.
func (d *Dialect) usageOf(v jsontext.Value) (u Usage) {
	us, err := object(v)
	if err != nil {
		return u
	}
	if billed, err := object(find(us, "billed_units")); err == nil {
		us = billed
	} else if counted, err := object(find(us, "tokens")); err == nil {
		us = counted
	}
	read := func(ms []member, names ...string) (n int64) {
		for _, name := range names {
			if i, ok := integer(find(ms, name)); ok {
				u.Known = true
				return int64(i)
			}
		}
		return 0
	}
	u.Input = read(us, "prompt_tokens", "input_tokens")
	u.Output = read(us, "completion_tokens", "output_tokens")
	if !u.Known {
		u.Input = read(us, "total_tokens")
	}
	if d == Messages {
		u.Cached = read(us, "cache_read_input_tokens")
		u.Written = read(us, "cache_creation_input_tokens")
		if kept, err := object(find(us, "cache_creation")); err == nil {
			u.WrittenH = min(u.Written, read(kept, "ephemeral_1h_input_tokens"))
			u.Written -= u.WrittenH
		}
		return u
	}
	for _, name := range [...]string{"prompt_tokens_details", "input_tokens_details"} {
		if details, err := object(find(us, name)); err == nil {
			u.Cached = read(details, "cached_tokens")
		}
	}
	if hit := find(us, "prompt_cache_hit_tokens"); hit != nil && u.Cached == 0 { // DeepSeek's name
		u.Cached = read(us, "prompt_cache_hit_tokens")
	}
	u.Cached = min(u.Cached, u.Input)
	u.Input -= u.Cached
	return u
}

// Meter follows a stream for what it says of its model and of what it cost. The zero Meter of a dialect is ready to use.
type Meter struct {
	Dialect *Dialect
	Beside  bool // the usage comes by AddUsage alone: what a translated event has of it may be there for its form's sake
	Model   string
	Usage   Usage
	Events  int // that said something: about as many as there are tokens

	whole bool // the last event was there
	since int  // events that came after the usage was last said
}

// Add takes the data of the stream's next event.
func (m *Meter) Add(data []byte) {
	m.Events++
	m.since++
	m.whole = m.whole || m.Dialect.Last(data)
	if m.Model != "" && !bytes.Contains(data, []byte(`"usage"`)) {
		return
	}
	ms, err := object(data)
	if err != nil {
		return
	}
	m.read(ms)
	for _, name := range [...]string{"message", "response"} { // in which Anthropic's and the Responses API's events have it
		if inner, err := object(find(ms, name)); err == nil {
			m.read(inner)
		}
	}
}

// Taken is what the stream took so far. Anthropic's begin with a usage that counts one token of the answer, and end with the whole of it:
// of one that broke off, guessed says that as many tokens as there were events were added to what it last said.
func (m *Meter) Taken() (u Usage, guessed bool) {
	u = m.Usage
	if !u.Known || m.whole || m.since == 0 {
		return u, false
	}
	u.Output += int64(m.since)
	return u, true
}

// AddUsage takes a usage that came beside the stream, in OpenAI's words.
func (m *Meter) AddUsage(usage []byte) { m.Usage, m.since = Chat.usageOf(usage), 0 }

func (m *Meter) read(ms []member) {
	if m.Model == "" {
		m.Model = modelName(find(ms, "model"))
	}
	if m.Beside {
		return
	}
	u := m.Dialect.usageOf(find(ms, "usage"))
	if !u.Known {
		return
	}
	m.since = 0
	// Later counts include earlier ones; those that an event does not repeat stay.
	m.Usage = Usage{max(m.Usage.Input, u.Input), max(m.Usage.Cached, u.Cached), max(m.Usage.Written, u.Written),
		max(m.Usage.WrittenH, u.WrittenH), max(m.Usage.Output, u.Output), true}
}
