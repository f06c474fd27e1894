package translate

import (
	"github.com/reprise-cache/reprise/proxy/internal/sse"
)

const done = "[DONE]"

// openaiReader reads OpenAI's chunks.
type openaiReader struct{}

func (openaiReader) event(e sse.Event, emit func(*answer) error) (bool, error) {
	if string(e.Data) == done {
		return true, nil
	}
	var c struct {
		answer
		Error *struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := read(e.Data, &c); err != nil {
		return false, err
	}
	if c.Error != nil {
		return false, &streamError{c.Error.Type, c.Error.Message}
	}
	return false, emit(&c.answer)
}

// openaiWriter writes OpenAI's chunks.
type openaiWriter struct {
	usage bool // was asked for
	now   int64
}

func (w *openaiWriter) chunk(dst []byte, a *answer) ([]byte, error) {
	if a.Usage != nil && len(a.Choices) == 0 && !w.usage {
		return dst, nil
	}
	out := *a
	out.Object, out.Created = "chat.completion.chunk", w.now
	return sse.AppendEvent(dst, "", write(out)), nil
}

func (w *openaiWriter) end(dst []byte) ([]byte, error) {
	return sse.AppendEvent(dst, "", []byte(done)), nil
}

func (w *openaiWriter) failure(dst []byte, kind, message string) []byte {
	return sse.AppendEvent(dst, "", openaiError(kind, message))
}
