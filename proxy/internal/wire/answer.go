package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/sashabaranov/go-openai"
)

// ErrForm: the text is not a whole answer of the dialect. The error that wraps it says what is missing.
var ErrForm = errors.New("wire: not a whole answer")

func formError(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrForm, fmt.Errorf(format, args...))
}

// check asks for an object that go-openai's types can read, with no error in it and with at least one choice, each of
// which says something and why it ended.
func (d *completionForm) check(body []byte) error {
	ms, err := object(body)
	if err != nil {
		return formError("%w", err)
	}
	if e := find(ms, "error"); e != nil && !isNull(e) {
		return formError("it holds an error")
	}
	choices, err := array(find(ms, "choices"))
	if err != nil || len(choices) == 0 {
		return formError("choices is not an array with a choice in it")
	}
	for i, c := range choices {
		cs, err := object(c)
		if err != nil {
			return formError("choices[%d]: %w", i, err)
		}
		if r := find(cs, "finish_reason"); !finished(r) {
			return formError("choices[%d].finish_reason is %.40s", i, r)
		}
		said := find(cs, d.said)
		want := jsontext.KindString
		if d.delta != "" {
			want = jsontext.KindBeginObject
		}
		if said.Kind() != want {
			return formError("choices[%d].%s is missing or of another type", i, d.said)
		}
	}
	if err := d.validate(body); err != nil {
		return formError("%w", err)
	}
	return nil
}

func validateChat(body []byte) error {
	return json.Unmarshal(body, new(openai.ChatCompletionResponse))
}

func validateCompletion(body []byte) error {
	return json.Unmarshal(body, new(openai.CompletionResponse))
}

// Span is the piece [Start, End) of a body; zero: not there.
type Span struct{ Start, End int }

// Places says where in a body the members are that an answer from the cache gets anew, and how much it cost.
type Places struct {
	ID, Created, Usage       Span   // values, without their names
	Completed                Span   // when the answer was whole, where it says so: not before it was begun
	NoUsage                  Span   // the null that keeps the place of the usage which a stream did not say
	IDPrefix                 string // what a fresh id begins with: "chatcmpl-" of "chatcmpl-9x"
	Echoes                   []Echo // what repeats the request, and must be this request's
	Prompt, Completion, Both int    // tokens, as usage says; zero if it does not
	Cost                     Usage  // the same, told apart as they are billed
	Model                    string // that answered
}

// Echo is a member of an answer that repeats one of the request by the same name, which requests of one answer may differ in.
type Echo struct {
	Span
	Name string
}

func locate(d *Dialect, body []byte) (Places, error) {
	var p Places
	ms, err := object(body)
	if err != nil {
		return p, formError("%w", err)
	}
	for _, m := range ms {
		span := Span{m.at, m.at + len(m.value)}
		switch m.name {
		case "id":
			if id, ok := text(m.value); ok {
				p.ID, p.IDPrefix = span, idPrefix(id)
			}
		case "created", "created_at":
			if m.value.Kind() == jsontext.KindNumber {
				p.Created = span
			}
		case "completed_at":
			if m.value.Kind() == jsontext.KindNumber {
				p.Completed = span
			}
		case "usage":
			if us, err := object(m.value); err == nil {
				p.Usage = span
				p.Prompt, _ = integer(either(us, "prompt_tokens", "input_tokens"))
				p.Completion, _ = integer(either(us, "completion_tokens", "output_tokens"))
				p.Both, _ = integer(find(us, "total_tokens"))
				p.Cost = d.usageOf(m.value)
			} else if d.spare && isNull(m.value) {
				p.NoUsage = span
			}
		case "model":
			p.Model = modelName(m.value)
			fallthrough
		default:
			if slices.Contains(d.echoes, m.name) {
				p.Echoes = append(p.Echoes, Echo{span, m.name})
			}
		}
	}
	return p, nil
}

// KeepUsagePlace gives a body that was put together from a stream a null for the usage, where the stream said none. A provider's own
// body that has no usage is so told from it, and stays as it is.
func (d *Dialect) KeepUsagePlace(body []byte) []byte {
	ms, err := object(body)
	if !d.spare || err != nil || find(ms, "usage") != nil {
		return body
	}
	return append(bytes.TrimSuffix(body, []byte("}")), `,"usage":null}`...)
}

// AppendUsage appends a usage of so many tokens, as Chat and Completion have it.
func AppendUsage(dst []byte, prompt, completion int64) []byte {
	dst = strconv.AppendInt(append(dst, `{"prompt_tokens":`...), prompt, 10)
	dst = strconv.AppendInt(append(dst, `,"completion_tokens":`...), completion, 10)
	dst = strconv.AppendInt(append(dst, `,"total_tokens":`...), prompt+completion, 10)
	return append(dst, '}')
}

func either(ms []member, a, b string) jsontext.Value {
	if v := find(ms, a); v != nil {
		return v
	}
	return find(ms, b)
}

// idPrefix returns the word that says what the id names, with its hyphen or underscore; "" if there is none.
func idPrefix(id string) string {
	i := strings.IndexAny(id, "-_")
	if i <= 0 {
		return ""
	}
	for _, c := range []byte(id[:i]) {
		if c < 'a' || c > 'z' {
			return ""
		}
	}
	return id[:i+1]
}

// ZeroUsage returns a usage object with every number in it replaced by 0 and nothing else touched.
func ZeroUsage(usage []byte) []byte {
	d := jsontext.NewDecoder(bytes.NewBuffer(usage))
	var out []byte
	last := 0
	for {
		t, err := d.ReadToken()
		if err != nil {
			return append(out, usage[last:]...)
		}
		if t.Kind() == jsontext.KindNumber {
			end := int(d.InputOffset())
			out = append(out, usage[last:end-len(t.String())]...)
			out = append(out, '0')
			last = end
		}
	}
}
