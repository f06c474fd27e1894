package wire

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Dialect is the form of one endpoint: its question, its whole answer, and its stream. Its functions are safe for
// concurrent use.
type Dialect struct {
	Name string // goes into every scope
	Path string // of the endpoint

	asks       []string        // members of a request that become its messages
	harmless   map[string]bool // members of a request that cannot change the answer
	question   func(q *Question, ms []member)
	check      func(body []byte) error
	replay     func(dst, body []byte, includeUsage bool) ([]byte, error)
	aggregator func() Aggregator
	last       func(data []byte) bool
	marks      []string // one of them is in the last event
	echoes     []string // members of an answer that repeat harmless ones of the request
	spare      bool     // its streams say their usage only if they are asked for it
}

// Chat is POST /v1/chat/completions.
var Chat = openaiDialect("openai.chat", "/v1/chat/completions", "messages", chatQuestion, chatForm)

// Completion is POST /v1/completions.
var Completion = openaiDialect("openai.completion", "/v1/completions", "prompt", completionQuestion, textForm)

// Dialects are those whose answers are cached and may be streamed.
var Dialects = []*Dialect{Chat, Completion, Messages, Responses}

// Done is the data of the event that ends a stream of OpenAI's completions.
const Done = "[DONE]"

// completionForm is what OpenAI's two completion endpoints differ in.
type completionForm struct {
	object   string // the "object" member of a whole answer
	chunk    string // the same of a chunk
	said     string // a choice's member that holds what was said, whole
	delta    string // the same in a chunk; "": the pieces are the choice's own members
	validate func(body []byte) error
}

var (
	chatForm = &completionForm{
		object: "chat.completion", chunk: "chat.completion.chunk", said: "message", delta: "delta",
		validate: validateChat,
	}
	textForm = &completionForm{
		object: "text_completion", chunk: "text_completion", said: "text",
		validate: validateCompletion,
	}
)

func openaiDialect(name, path, asks string, question func(*Question, []member), f *completionForm) *Dialect {
	return &Dialect{
		Name: name, Path: path, marks: []string{Done}, asks: []string{asks}, harmless: harmless, question: question, spare: true,
		check: f.check, replay: f.replay,
		aggregator: func() Aggregator { return newCompletionAggregator(f) },
		last:       func(data []byte) bool { return string(data) == Done },
	}
}

// Aggregator puts the events of one stream together. Not safe for concurrent use.
type Aggregator interface {
	// Add takes the data of the stream's next event, the last one's included. After an error, which wraps ErrForm
	// unless the data is no JSON, the stream cannot be stored.
	Add(data []byte) error
	// Finish returns the answer as one JSON body, which Check passes. Call it once, after the last event.
	Finish() ([]byte, error)
}

// NewAggregator returns an empty aggregator for a stream of the dialect.
func (d *Dialect) NewAggregator() Aggregator { return d.aggregator() }

// marked reports whether p has what is in the last event of every stream.
func (d *Dialect) marked(p []byte) bool {
	for _, m := range d.marks {
		if bytes.Contains(p, []byte(m)) {
			return true
		}
	}
	return false
}

// Last reports whether data is that of an event after which a stream says nothing more.
func (d *Dialect) Last(data []byte) bool { return d.marked(data) && d.last(data) }

// maxMark is what no dialect's mark is longer than.
const maxMark = 32

// Ending looks out for the last event of a stream that comes in pieces, which may cut it anywhere. The zero Ending of a dialect is ready
// to use.
type Ending struct {
	Dialect *Dialect

	tail []byte // of what came: as much as a mark may have begun in
	near bool
}

// Near takes the next piece, and reports whether the last event may have come, or begun to. It is cheap, so that a reader need not look
// closer at the pieces before.
func (e *Ending) Near(p []byte) bool {
	if e.near {
		return true
	}
	seam := append(e.tail, p[:min(len(p), maxMark)]...)
	e.near = e.Dialect.marked(seam) || e.Dialect.marked(p)
	if len(p) > maxMark {
		seam = append(seam[:0], p[len(p)-maxMark:]...)
	}
	e.tail = append(seam[:0], seam[max(0, len(seam)-maxMark):]...)
	return e.near
}

// Check reports why body is not a whole answer that may be stored, as an error that wraps ErrForm; nil if it is one: a
// JSON object with no error in it that says something and why it ended.
func (d *Dialect) Check(body []byte) error { return d.check(body) }

// Replay appends to dst the event stream that would have delivered body, which Check has passed, its last event
// included. The usage is part of it if the dialect always says it, or if it is asked for and known.
func (d *Dialect) Replay(dst, body []byte, includeUsage bool) ([]byte, error) {
	return d.replay(dst, body, includeUsage)
}

// Locate finds the places in a body that Check has passed.
func (d *Dialect) Locate(body []byte) (Places, error) { return locate(d, body) }

// finished reports whether v, a choice's finish_reason, says that the choice is whole.
func finished(v jsontext.Value) bool {
	s, ok := text(v)
	return ok && s != "" && s != "error"
}
