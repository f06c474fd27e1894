package translate

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

type anthropicAnswer struct {
	ID         string         `json:"id"`
	Type       string         `json:"type"`
	Role       string         `json:"role"`
	Model      string         `json:"model"`
	Content    []block        `json:"content"`
	StopReason *string        `json:"stop_reason"`
	StopSeq    *string        `json:"stop_sequence"`
	Usage      anthropicUsage `json:"usage"`
}

type anthropicUsage struct {
	Input         int `json:"input_tokens"`
	CacheCreation int `json:"cache_creation_input_tokens"`
	CacheRead     int `json:"cache_read_input_tokens"`
	Output        int `json:"output_tokens"`
}

// hub: OpenAI counts what came from a cache among the prompt's tokens, Anthropic beside them.
func (u anthropicUsage) hub() *usage {
	return newUsage(u.Input+u.CacheCreation+u.CacheRead, u.CacheRead, u.Output)
}

func anthropicUsageOf(u *usage) anthropicUsage {
	if u == nil {
		return anthropicUsage{}
	}
	out := anthropicUsage{Input: u.Prompt, Output: u.Completion}
	if u.Details != nil && u.Details.Cached <= u.Prompt {
		out.Input, out.CacheRead = u.Prompt-u.Details.Cached, u.Details.Cached
	}
	return out
}

// finishOf is OpenAI's word for why Anthropic's answer ended.
func finishOf(stop string) string {
	switch stop {
	case "max_tokens", "model_context_window_exceeded":
		return "length"
	case "tool_use":
		return "tool_calls"
	case "refusal":
		return "content_filter"
	}
	return "stop"
}

// stopOf is the other way round.
func stopOf(finish string) string {
	switch finish {
	case "length":
		return "max_tokens"
	case "tool_calls", "function_call":
		return "tool_use"
	case "content_filter":
		return "refusal"
	}
	return "end_turn"
}

// readAnthropicAnswer reads a whole answer. loose keeps the blocks that OpenAI's form has no place for.
func readAnthropicAnswer(body []byte, loose bool) (*answer, error) {
	var in anthropicAnswer
	if err := read(body, &in); err != nil {
		return nil, err
	}
	if in.Type != "message" || in.StopReason == nil {
		return nil, formError("it is no whole message")
	}
	m := &said{Role: "assistant"}
	var texts, thoughts []string
	for _, b := range in.Content {
		switch b.Type {
		case "text":
			if b.Text != nil {
				texts = append(texts, *b.Text)
			}
		case "thinking":
			thoughts = append(thoughts, b.Thinking)
		case "tool_use":
			args := string(b.Input)
			if args == "" {
				args = "{}"
			}
			m.ToolCalls = append(m.ToolCalls, toolCall{ID: b.ID, Type: "function", Function: functionCall{b.Name, args}})
		}
	}
	if len(texts) > 0 || len(m.ToolCalls) == 0 {
		m.Content = ptr(strings.Join(texts, ""))
	}
	if loose {
		var raw struct {
			Content jsontext.Value `json:"content"`
		}
		if err := read(body, &raw); err != nil {
			return nil, err
		}
		m.Reasoning, m.Blocks = strings.Join(thoughts, ""), raw.Content
	}
	finish := finishOf(*in.StopReason)
	return &answer{ID: in.ID, Object: "chat.completion", Model: in.Model, Usage: in.Usage.hub(),
		Choices: []choice{{Message: m, FinishReason: &finish}}}, nil
}

// writeAnthropicAnswer makes Anthropic's form of a whole answer.
func writeAnthropicAnswer(a *answer) ([]byte, error) {
	if len(a.Choices) == 0 || a.Choices[0].Message == nil || a.Choices[0].FinishReason == nil {
		return nil, formError("it has no whole choice")
	}
	m := a.Choices[0].Message
	out := anthropicAnswer{ID: messageID(a.ID), Type: "message", Role: "assistant", Model: a.Model, Content: []block{}, Usage: anthropicUsageOf(a.Usage)}
	stop := stopOf(*a.Choices[0].FinishReason)
	if m.Content != nil && *m.Content != "" {
		out.Content = append(out.Content, block{Type: "text", Text: m.Content})
	}
	if m.Refusal != "" {
		out.Content = append(out.Content, block{Type: "text", Text: &m.Refusal})
		stop = "refusal"
	}
	for _, c := range m.ToolCalls {
		args := jsontext.Value(strings.TrimSpace(c.Function.Arguments))
		if len(args) == 0 {
			args = jsontext.Value("{}")
		}
		if !args.IsValid() || args.Kind() != jsontext.KindBeginObject {
			return nil, formError("the arguments of a tool call are no JSON object")
		}
		out.Content = append(out.Content, block{Type: "tool_use", ID: c.ID, Name: c.Function.Name, Input: args})
		stop = "tool_use"
	}
	out.StopReason = &stop
	return write(out), nil
}

// messageID gives an id the prefix by which Anthropic's clients know a message.
func messageID(id string) string {
	if strings.HasPrefix(id, "msg_") {
		return id
	}
	return "msg_" + strings.TrimPrefix(id, "chatcmpl-")
}
