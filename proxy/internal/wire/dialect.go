package wire

import "github.com/go-json-experiment/json/jsontext"

// Dialect is one of the two forms. Its functions are safe for concurrent use.
type Dialect struct {
	Name string // goes into every scope

	asks     string // the request's member that holds the question
	question func(q *Question, ms []member)
	object   string // the "object" member of a whole answer
	chunk    string // the same of a chunk
	said     string // a choice's member that holds what was said, whole
	delta    string // the same in a chunk; "": the pieces are the choice's own members
	validate func(body []byte) error
}

// Chat is POST /v1/chat/completions.
var Chat = &Dialect{
	Name: "openai.chat", asks: "messages", question: chatQuestion,
	object: "chat.completion", chunk: "chat.completion.chunk", said: "message", delta: "delta",
	validate: validateChat,
}

// Completion is POST /v1/completions.
var Completion = &Dialect{
	Name: "openai.completion", asks: "prompt", question: completionQuestion,
	object: "text_completion", chunk: "text_completion", said: "text",
	validate: validateCompletion,
}

// Done is the data of the event that ends a stream.
const Done = "[DONE]"

// finished reports whether v, a choice's finish_reason, says that the choice is whole.
func finished(v jsontext.Value) bool {
	s, ok := text(v)
	return ok && s != "" && s != "error"
}
