package wire

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/cache"
)

// Question is what the cache needs to know of a request body.
type Question struct {
	Model        string // the beginning of it, if it is longer than any model's name
	Stream       bool
	IncludeUsage bool            // the stream is to end with a chunk that holds the usage
	Messages     []cache.Message // the conversation; empty if NoCache says why
	Scope        cache.Digest    // every member of the body that may change the answer, but for the messages
	ExactOnly    bool            // another wording cannot share this answer
	NoCache      string          // why the answer must not come from the cache or go there; "" if it may

	// Length is about how many bytes of the request a model reads, for an estimate of its tokens; see Countable.
	Length int

	KeepID bool                      // the provider keeps the answer, and the caller may refer to it by its id
	Echo   map[string]jsontext.Value // what an answer repeats of the request, where that says it
}

// SyntaxError: the body is not one JSON object of valid UTF-8 with unique names.
type SyntaxError struct {
	Offset  int64  // where in the body, in bytes
	Pointer string // the value in which it happened, as RFC 6901 writes it; "" at the top
	Cause   error
}

// Error says what is wrong and where.
func (e *SyntaxError) Error() string {
	where := ""
	if e.Pointer != "" {
		where = fmt.Sprintf(" (in %.100s)", e.Pointer)
	}
	return fmt.Sprintf("wire: invalid JSON at byte %d%s: %v", e.Offset, where, e.Cause)
}

// Unwrap returns the cause.
func (e *SyntaxError) Unwrap() error { return e.Cause }

func syntaxError(err error, size int) *SyntaxError {
	var se *jsontext.SyntacticError
	switch {
	case errors.As(err, &se):
		return &SyntaxError{se.ByteOffset, string(se.JSONPointer), se.Err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &SyntaxError{int64(size), "", errors.New("the text ends too early")}
	}
	return &SyntaxError{0, "", err}
}

// harmless are the members of a request to OpenAI that cannot change the answer: how it is delivered, who asks, and what
// the provider files it under. Everything else is part of the scope, whatever its name.
var harmless = map[string]bool{
	"stream":                 true,
	"stream_options":         true,
	"user":                   true,
	"safety_identifier":      true,
	"prompt_cache_key":       true,
	"prompt_cache_retention": true,
	"metadata":               true,
	"store":                  true, // but store: true is not cached at all
}

// Harmless lists the members of a request body that are left out of the scope, sorted.
func (d *Dialect) Harmless() []string {
	names := make([]string, 0, len(d.harmless))
	for n := range d.harmless {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Read reads a request body. Nothing in the result points into it. The error is a *SyntaxError; a body that is JSON,
// but not of a form that this package knows, is a Question with NoCache set: what is wrong with it is the provider's to
// say.
func (d *Dialect) Read(body []byte) (*Question, error) {
	ms, err := object(body)
	if err != nil {
		return nil, syntaxError(err, len(body))
	}
	q := &Question{}
	for _, m := range ms {
		switch m.name {
		case "model":
			q.Model = modelName(m.value)
		case "stream":
			q.Stream = m.value.Kind() == jsontext.KindTrue
			if k := m.value.Kind(); !q.Stream && k != jsontext.KindFalse && k != jsontext.KindNull {
				q.NoCache = "stream is not a boolean"
			}
		case "stream_options":
			if opts, err := object(m.value); err == nil {
				q.IncludeUsage = find(opts, "include_usage").Kind() == jsontext.KindTrue
			}
		case "store":
			if k := m.value.Kind(); k != jsontext.KindFalse && k != jsontext.KindNull {
				q.NoCache = "the provider is asked to store the answer"
			}
		}
	}
	if q.NoCache == "" {
		d.question(q, ms)
	}
	if q.NoCache != "" {
		q.Messages, q.Length = nil, Countable(body)
		return q, nil
	}
	for _, m := range ms {
		if k := m.value.Kind(); (k == jsontext.KindBeginArray || k == jsontext.KindBeginObject) && !d.harmless[m.name] && !slices.Contains(d.asks, m.name) {
			q.Length += Countable(m.value) // tools, the form of the answer
		}
	}
	for i := range q.Messages {
		q.Length += len(q.Messages[i].Text)
	}
	q.Scope, err = d.scope(ms)
	if err != nil {
		return nil, syntaxError(err, len(body))
	}
	return q, nil
}

// scope digests the members of a request but for the harmless ones and those that ask.
func (d *Dialect) scope(ms []member) (cache.Digest, error) {
	kept := slices.DeleteFunc(slices.Clone(ms), func(m member) bool { return d.harmless[m.name] || slices.Contains(d.asks, m.name) })
	return digest("reprise/wire/scope/1 "+d.Name, kept)
}

// digest hashes members by name and canonical value, whatever their order.
func digest(what string, ms []member) (cache.Digest, error) {
	slices.SortFunc(ms, func(a, b member) int { return strings.Compare(a.name, b.name) })
	parts := make([][]byte, 1, 1+2*len(ms))
	parts[0] = []byte(what)
	for _, m := range ms {
		c, err := canonical(m.value)
		if err != nil {
			return cache.Digest{}, err
		}
		parts = append(parts, []byte(m.name), c)
	}
	return cache.Hash(parts...), nil
}

func chatQuestion(q *Question, ms []member) {
	if audio := find(ms, "audio"); audio != nil && !isNull(audio) {
		q.NoCache = "the answer is audio"
		return
	}
	q.addMessages(find(ms, "messages"))
}

// addMessages reads the turns of an array.
func (q *Question) addMessages(v jsontext.Value) {
	elems, err := array(v)
	if err != nil || len(elems) == 0 {
		q.NoCache = "messages is not an array with a message in it"
		return
	}
	for _, e := range elems {
		m, rest, ok := message(e)
		if !ok {
			q.NoCache = "a message is not an object with a role"
			return
		}
		q.Length += rest
		q.Messages = append(q.Messages, m)
	}
}

// message reads one turn. All that is not its role and its text goes into Rest, in a form from which the turn could be
// told apart from any other with the same role and text. length is that of what a model reads beside the text.
func message(v jsontext.Value) (m cache.Message, length int, ok bool) {
	ms, err := object(v)
	if err != nil {
		return m, 0, false
	}
	var roleKnown, contentKnown bool
	calls := 0 // of tools, which stand beside the content
	rest := ms[:0:0]
	for _, f := range ms {
		switch f.name {
		case "role":
			m.Role, roleKnown = text(f.value)
		case "content":
			contentKnown = true
			if s, ok := text(f.value); ok {
				m.Text = s
			} else if parts, err := array(f.value); err == nil {
				var form jsontext.Value
				m.Text, form, length = partsText(parts)
				rest = append(rest, member{name: "content", value: form})
			} else {
				rest = append(rest, f)
			}
		default:
			rest = append(rest, f)
			if f.value.Kind() == jsontext.KindBeginArray || f.value.Kind() == jsontext.KindBeginObject {
				calls += Countable(f.value)
			}
		}
	}
	if !contentKnown {
		rest = append(rest, member{name: "content", value: jsontext.Value(`"absent"`)})
	}
	if len(rest) > 0 {
		if m.Rest, err = digest("reprise/wire/message/1", rest); err != nil {
			return m, 0, false
		}
	}
	return m, length + calls, roleKnown
}

// spokenPart are the types of a message's parts that are text and nothing else.
var spokenPart = map[string]bool{"text": true, "input_text": true, "output_text": true}

// partsText returns the text parts joined by line feeds, and the same array with the texts taken out. Where the joined
// text could be cut into the parts in more than one way, the array holds the texts' lengths instead. rest is the length of the parts
// that are something else.
func partsText(parts []jsontext.Value) (said string, form jsontext.Value, rest int) {
	var texts []string
	ambiguous := false
	form = append(form, '[')
	for i, p := range parts {
		if i > 0 {
			form = append(form, ',')
		}
		ms, err := object(p)
		kind, _ := text(find(ms, "type"))
		said, isText := text(find(ms, "text"))
		if err != nil || !spokenPart[kind] || !isText {
			form = append(form, p...)
			rest += Countable(p)
			continue
		}
		ambiguous = ambiguous || strings.Contains(said, "\n")
		texts = append(texts, said)
		form = append(form, '{')
		n := 0
		for _, m := range ms {
			if m.name == "text" {
				continue
			}
			if n++; n > 1 {
				form = append(form, ',')
			}
			form = appendMember(form, m.name, m.value)
		}
		form = append(form, '}')
	}
	if ambiguous && len(texts) > 1 {
		for _, s := range texts {
			form = fmt.Appendf(form, ",%d", len(s))
		}
	}
	return strings.Join(texts, "\n"), append(form, ']'), rest
}

func appendMember(dst []byte, name string, v jsontext.Value) []byte {
	dst, _ = jsontext.AppendQuote(dst, name)
	dst = append(dst, ':')
	return append(dst, v...)
}

// completionQuestion reads a legacy prompt. Only a string is a question that another wording could share; an array of
// strings or of tokens, or no prompt at all, is known by its digest as a whole.
// An answer that repeats the prompt serves no other wording either.
func completionQuestion(q *Question, ms []member) {
	prompt, echo := find(ms, "prompt"), find(ms, "echo").Kind()
	q.ExactOnly = echo != jsontext.KindInvalid && echo != jsontext.KindFalse && echo != jsontext.KindNull
	if s, ok := text(prompt); ok {
		q.Messages = []cache.Message{{Role: "user", Text: s}}
		return
	}
	whole := []byte("absent")
	if prompt != nil {
		var err error
		if whole, err = canonical(prompt); err != nil {
			q.NoCache = "prompt cannot be read"
			return
		}
		q.Length = Countable(prompt)
	}
	q.Messages = []cache.Message{{Role: "user", Rest: cache.Hash([]byte("reprise/wire/prompt/1"), whole)}}
}
