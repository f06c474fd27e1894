package wire

import (
	"strconv"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/sse"
)

// pieceBytes is about how much text a replayed chunk carries. A provider sends a token, some four bytes, for which the
// frame around it costs two hundred.
const pieceBytes = 64

// spoken are the members of a chat message that are streamed in pieces, in the order in which models produce them.
var spoken = []string{"reasoning_content", "reasoning", "content", "refusal"}

// perChunk are the top-level members that every chunk repeats; the others come once, in the first.
var perChunk = map[string]bool{"id": true, "created": true, "model": true, "system_fingerprint": true, "service_tier": true}

// replay streams the role, what was said in pieces, tool calls, the finish reason of every choice, the usage if asked for
// and known, and the Done event.
func (d *completionForm) replay(dst, body []byte, includeUsage bool) ([]byte, error) {
	compact := jsontext.Value(body).Clone() // a line feed in an answer's layout must not end up in an event's data
	if err := compact.Compact(); err != nil {
		return dst, formError("%w", err)
	}
	ms, err := object(compact)
	if err != nil {
		return dst, formError("%w", err)
	}
	choices, err := array(find(ms, "choices"))
	if err != nil {
		return dst, formError("choices: %w", err)
	}
	r := completionReplay{d: d, dst: dst}
	r.frame(ms, includeUsage)
	for i, c := range choices {
		cs, err := object(c)
		if err != nil {
			return dst, formError("choices[%d]: %w", i, err)
		}
		r.index = i
		if n, ok := integer(find(cs, "index")); ok {
			r.index = n
		}
		if d.delta == "" {
			err = r.completion(cs)
		} else {
			err = r.chat(cs)
		}
		if err != nil {
			return dst, formError("choices[%d]: %w", i, err)
		}
	}
	if usage := find(ms, "usage"); includeUsage && usage != nil && !isNull(usage) {
		r.event(appendMember(append(r.begin(), `"choices":[],`...), "usage", usage))
	}
	return sse.AppendEvent(r.dst, "", []byte(Done)), nil
}

// completionReplay writes the chunks of one answer.
type completionReplay struct {
	d     *completionForm
	dst   []byte
	head  []byte // `{` and the members that open every chunk, each with its comma
	first []byte // members of the first chunk only, the same way
	tail  []byte // what closes every chunk but the one with the usage
	index int    // of the choice
	buf   []byte // the chunk being written
}

func (r *completionReplay) frame(ms []member, includeUsage bool) {
	r.head = append(r.head, '{')
	r.head = append(appendMember(r.head, "object", jsontext.Value(`"`+r.d.chunk+`"`)), ',')
	for _, m := range ms {
		switch {
		case m.name == "choices" || m.name == "usage" || m.name == "object":
		case perChunk[m.name]:
			r.head = append(appendMember(r.head, m.name, m.value), ',')
		default:
			r.first = append(appendMember(r.first, m.name, m.value), ',')
		}
	}
	r.tail = []byte("}]")
	if includeUsage {
		r.tail = append(r.tail, `,"usage":null`...)
	}
}

func (r *completionReplay) begin() []byte {
	b := append(r.buf[:0], r.head...)
	b = append(b, r.first...)
	r.first = nil
	return b
}

func (r *completionReplay) event(chunk []byte) {
	chunk = append(chunk, '}')
	r.dst = sse.AppendEvent(r.dst, "", chunk)
	r.buf = chunk
}

// choice writes a chunk with one choice: facts are its members beside the index.
func (r *completionReplay) choice(facts ...member) {
	b := append(r.begin(), `"choices":[{"index":`...)
	b = strconv.AppendInt(b, int64(r.index), 10)
	for _, f := range facts {
		b = append(b, ',')
		b = appendMember(b, f.name, f.value)
	}
	r.event(append(b, r.tail...))
}

func (r *completionReplay) chat(cs []member) error {
	said, err := object(find(cs, r.d.said))
	if err != nil {
		return err
	}
	logprobs, last := r.facts(cs)
	r.choice(r.delta(opening(said)), null("finish_reason"))
	for _, name := range spoken {
		s, ok := text(find(said, name))
		if !ok || s == "" {
			continue
		}
		for _, p := range pieces(s, logprobs != nil) {
			d := r.delta([]member{{name: name, value: quote(p)}})
			if logprobs != nil {
				r.choice(d, member{name: "logprobs", value: logprobs}, null("finish_reason"))
				logprobs = nil
			} else {
				r.choice(d, null("finish_reason"))
			}
		}
	}
	calls, _ := array(find(said, "tool_calls"))
	for i, c := range calls {
		call, err := object(c)
		if err != nil {
			return err
		}
		b := append([]byte(`[{"index":`), strconv.Itoa(i)...)
		for _, m := range call {
			if m.name != "index" {
				b = append(b, ',')
				b = appendMember(b, m.name, m.value)
			}
		}
		d := r.delta([]member{{name: "tool_calls", value: append(b, "}]"...)}})
		r.choice(d, null("finish_reason"))
	}
	if logprobs != nil {
		last = append(last, member{name: "logprobs", value: logprobs})
	}
	r.choice(append([]member{r.delta(nil)}, last...)...)
	return nil
}

func (r *completionReplay) completion(cs []member) error {
	s, _ := text(find(cs, r.d.said))
	logprobs, last := r.facts(cs)
	for _, p := range pieces(s, logprobs != nil) {
		if logprobs != nil {
			r.choice(member{name: r.d.said, value: quote(p)}, member{name: "logprobs", value: logprobs}, null("finish_reason"))
			logprobs = nil
		} else {
			r.choice(member{name: r.d.said, value: quote(p)}, null("finish_reason"))
		}
	}
	if logprobs != nil {
		last = append(last, member{name: "logprobs", value: logprobs})
	}
	r.choice(append([]member{{name: r.d.said, value: jsontext.Value(`""`)}}, last...)...)
	return nil
}

// facts returns a choice's log probabilities, nil if it has none, and its other members but for the index and what was
// said. A null for the log probabilities is among the others.
func (r *completionReplay) facts(cs []member) (logprobs jsontext.Value, others []member) {
	for _, m := range cs {
		switch {
		case m.name == "index" || m.name == r.d.said:
		case m.name == "logprobs" && !isNull(m.value):
			logprobs = m.value
		default:
			others = append(others, m)
		}
	}
	return logprobs, others
}

// opening returns the first delta of a message: all of it but the text that follows in pieces and the tool calls.
func opening(said []member) []member {
	out := make([]member, 0, len(said))
	for _, m := range said {
		if m.name == "tool_calls" {
			if calls, err := array(m.value); err == nil && len(calls) > 0 {
				continue
			}
		}
		for _, name := range spoken {
			if m.name == name && m.value.Kind() == jsontext.KindString {
				m.value = jsontext.Value(`""`)
			}
		}
		out = append(out, m)
	}
	return out
}

func (r *completionReplay) delta(ms []member) member {
	b := []byte{'{'}
	for i, m := range ms {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendMember(b, m.name, m.value)
	}
	return member{name: r.d.delta, value: append(b, '}')}
}

func null(name string) member { return member{name: name, value: jsontext.Value("null")} }

func quote(s string) jsontext.Value {
	b, _ := jsontext.AppendQuote(nil, s)
	return b
}

// pieces cuts s after a space near every pieceBytes, else between two characters. Log probabilities belong to the text
// they come with, so a text that has them stays whole.
func pieces(s string, whole bool) []string {
	if s == "" {
		return nil
	}
	if whole {
		return []string{s}
	}
	var out []string
	for len(s) > pieceBytes {
		cut := pieceBytes
		for cut > pieceBytes/2 && s[cut-1] != ' ' {
			cut--
		}
		if s[cut-1] != ' ' {
			for cut = pieceBytes; !utf8.RuneStart(s[cut]); cut-- {
			}
		}
		out = append(out, s[:cut])
		s = s[cut:]
	}
	return append(out, s)
}
