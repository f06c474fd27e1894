package translate

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/sse"
)

// source and sink of a stream: one reads a provider's events as chunks, the other writes chunks as a client's events.
type (
	streamReader interface {
		// event takes an event, and hands on what it says. done: it was the last.
		event(e sse.Event, emit func(*answer) error) (done bool, err error)
	}
	streamWriter interface {
		chunk(dst []byte, a *answer) ([]byte, error)
		end(dst []byte) ([]byte, error)
		failure(dst []byte, kind, message string) []byte
	}
)

// streamError is an error that the provider reported inside a stream.
type streamError struct{ kind, message string }

func (e *streamError) Error() string {
	return "translate: the provider reported an error in its stream"
}

type anthropicEvent struct {
	Type         string           `json:"type"`
	Index        int              `json:"index"`
	Message      *anthropicAnswer `json:"message"`
	ContentBlock *block           `json:"content_block"`
	Delta        *struct {
		Type        string  `json:"type"`
		Text        string  `json:"text"`
		Thinking    string  `json:"thinking"`
		PartialJSON string  `json:"partial_json"`
		StopReason  *string `json:"stop_reason"`
	} `json:"delta"`
	Usage *anthropicUsage `json:"usage"`
	Error *struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	} `json:"error"`
}

// anthropicReader reads Anthropic's events.
type anthropicReader struct {
	loose  bool
	base   answer
	usage  anthropicUsage
	tools  map[int]int            // index of a block to that of its tool call
	bare   map[int]jsontext.Value // arguments of the calls of which no piece came yet, by the block's index
	begun  bool
	finish string
}

func (r *anthropicReader) event(e sse.Event, emit func(*answer) error) (bool, error) {
	var ev anthropicEvent
	if err := read(e.Data, &ev); err != nil {
		return false, err
	}
	if !r.begun && ev.Type != "message_start" && ev.Type != "ping" && ev.Type != "error" {
		return false, formError("a stream that does not begin with message_start")
	}
	switch ev.Type {
	case "message_start":
		if ev.Message == nil {
			return false, formError("message_start without a message")
		}
		r.begun, r.usage, r.tools, r.bare = true, ev.Message.Usage, map[int]int{}, map[int]jsontext.Value{}
		r.base = answer{ID: ev.Message.ID, Object: "chat.completion.chunk", Model: ev.Message.Model}
		return false, r.emit(emit, &said{Role: "assistant", Content: ptr("")}, nil)
	case "content_block_start":
		if b := ev.ContentBlock; b != nil && b.Type == "tool_use" {
			n := len(r.tools)
			r.tools[ev.Index], r.bare[ev.Index] = n, b.Input
			return false, r.emit(emit, &said{ToolCalls: []toolCall{{Index: &n, ID: b.ID, Type: "function", Function: functionCall{Name: b.Name}}}}, nil)
		} else if b != nil && b.Type == "text" && b.Text != nil && *b.Text != "" {
			return false, r.emit(emit, &said{Content: b.Text}, nil)
		}
	case "content_block_delta":
		if ev.Delta == nil {
			return false, formError("content_block_delta without a delta")
		}
		switch d := ev.Delta; d.Type {
		case "text_delta":
			return false, r.emit(emit, &said{Content: &d.Text}, nil)
		case "input_json_delta":
			n, ok := r.tools[ev.Index]
			if !ok {
				return false, nil // of a server's tool
			}
			if d.PartialJSON == "" {
				return false, nil
			}
			delete(r.bare, ev.Index)
			return false, r.emit(emit, &said{ToolCalls: []toolCall{{Index: &n, Function: functionCall{Arguments: d.PartialJSON}}}}, nil)
		case "thinking_delta":
			if r.loose {
				return false, r.emit(emit, &said{Reasoning: d.Thinking}, nil)
			}
		}
	case "content_block_stop":
		// A call without arguments comes without a piece of them, where OpenAI's clients read "{}".
		if input, ok := r.bare[ev.Index]; ok {
			n := r.tools[ev.Index]
			delete(r.bare, ev.Index)
			if input.Kind() != jsontext.KindBeginObject {
				input = jsontext.Value("{}")
			}
			return false, r.emit(emit, &said{ToolCalls: []toolCall{{Index: &n, Function: functionCall{Arguments: string(input)}}}}, nil)
		}
	case "message_delta":
		if u := ev.Usage; u != nil {
			r.usage.Output = u.Output
			r.usage.Input, r.usage.CacheRead, r.usage.CacheCreation = max(r.usage.Input, u.Input), max(r.usage.CacheRead, u.CacheRead), max(r.usage.CacheCreation, u.CacheCreation)
		}
		if ev.Delta != nil && ev.Delta.StopReason != nil {
			r.finish = finishOf(*ev.Delta.StopReason)
		}
	case "message_stop":
		if r.finish == "" {
			return false, formError("message_stop without a stop reason")
		}
		if err := r.emit(emit, &said{}, &r.finish); err != nil {
			return false, err
		}
		last := r.base
		last.Choices, last.Usage = []choice{}, r.usage.hub()
		return true, emit(&last)
	case "error":
		if ev.Error != nil {
			return false, &streamError{ev.Error.Type, ev.Error.Message}
		}
		return false, &streamError{"api_error", "the provider failed"}
	}
	return false, nil
}

func (r *anthropicReader) emit(emit func(*answer) error, d *said, finish *string) error {
	a := r.base
	a.Choices = []choice{{Delta: d, FinishReason: finish}}
	return emit(&a)
}

// anthropicWriter writes Anthropic's events.
type anthropicWriter struct {
	begun  bool
	open   int // index of the block under way; -1: none
	next   int
	text   bool        // the block under way is text
	tools  map[int]int // index of a tool call to that of its block
	finish string
	usage  *usage
}

func (w *anthropicWriter) put(dst []byte, name string, v any) []byte {
	return sse.AppendEvent(dst, name, write(v))
}

type fields = map[string]any

func (w *anthropicWriter) chunk(dst []byte, a *answer) ([]byte, error) {
	if !w.begun {
		w.begun, w.open, w.tools = true, -1, map[int]int{}
		start := anthropicAnswer{ID: messageID(a.ID), Type: "message", Role: "assistant", Model: a.Model, Content: []block{}}
		dst = w.put(dst, "message_start", fields{"type": "message_start", "message": start})
	}
	if a.Usage != nil {
		w.usage = a.Usage
	}
	for i := range a.Choices {
		c := &a.Choices[i]
		if c.Index != 0 {
			return dst, cannot("a second choice")
		}
		if c.Delta != nil {
			dst = w.delta(dst, c.Delta)
		}
		if c.FinishReason != nil {
			w.finish = *c.FinishReason
		}
	}
	return dst, nil
}

func (w *anthropicWriter) delta(dst []byte, d *said) []byte {
	content := d.Refusal
	if d.Content != nil {
		content = *d.Content + content
	}
	if content != "" {
		if w.open < 0 || !w.text {
			dst = w.start(w.stop(dst), fields{"type": "text", "text": ""})
			w.text = true
		}
		dst = w.put(dst, "content_block_delta", fields{"type": "content_block_delta", "index": w.open, "delta": fields{"type": "text_delta", "text": content}})
	}
	for i := range d.ToolCalls {
		c := &d.ToolCalls[i]
		n := 0
		if c.Index != nil {
			n = *c.Index
		}
		at, known := w.tools[n]
		if !known {
			dst = w.start(w.stop(dst), fields{"type": "tool_use", "id": c.ID, "name": c.Function.Name, "input": jsontext.Value("{}")})
			w.text, at = false, w.open
			w.tools[n] = at
		}
		if c.Function.Arguments != "" {
			dst = w.put(dst, "content_block_delta", fields{"type": "content_block_delta", "index": at, "delta": fields{"type": "input_json_delta", "partial_json": c.Function.Arguments}})
		}
	}
	return dst
}

func (w *anthropicWriter) start(dst []byte, b fields) []byte {
	w.open = w.next
	w.next++
	return w.put(dst, "content_block_start", fields{"type": "content_block_start", "index": w.open, "content_block": b})
}

func (w *anthropicWriter) stop(dst []byte) []byte {
	if w.open < 0 {
		return dst
	}
	dst = w.put(dst, "content_block_stop", fields{"type": "content_block_stop", "index": w.open})
	w.open = -1
	return dst
}

func (w *anthropicWriter) end(dst []byte) ([]byte, error) {
	if !w.begun || w.finish == "" {
		return dst, formError("the stream ends before its answer does")
	}
	dst = w.stop(dst)
	stop := stopOf(w.finish)
	if len(w.tools) > 0 && w.finish == "stop" {
		stop = "tool_use"
	}
	dst = w.put(dst, "message_delta", fields{"type": "message_delta", "delta": fields{"stop_reason": stop, "stop_sequence": nil}, "usage": anthropicUsageOf(w.usage)})
	return w.put(dst, "message_stop", fields{"type": "message_stop"}), nil
}

func (w *anthropicWriter) failure(dst []byte, kind, message string) []byte {
	return w.put(dst, "error", fields{"type": "error", "error": fields{"type": kind, "message": message}})
}
