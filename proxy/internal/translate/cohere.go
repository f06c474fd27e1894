package translate

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/sse"
)

type cohereRequest struct {
	Model            string         `json:"model"`
	Messages         []message      `json:"messages"`
	Stream           bool           `json:"stream"`
	MaxTokens        *int           `json:"max_tokens,omitzero"`
	Temperature      *float64       `json:"temperature,omitzero"`
	P                *float64       `json:"p,omitzero"`
	K                *int           `json:"k,omitzero"`
	FrequencyPenalty *float64       `json:"frequency_penalty,omitzero"`
	PresencePenalty  *float64       `json:"presence_penalty,omitzero"`
	Seed             *int64         `json:"seed,omitzero"`
	StopSequences    []string       `json:"stop_sequences,omitzero"`
	Tools            []tool         `json:"tools,omitzero"`
	ToolChoice       string         `json:"tool_choice,omitzero"`
	ResponseFormat   jsontext.Value `json:"response_format,omitzero"`
}

// maxCohereK is the end of its scale of k.
const maxCohereK = 500

// writeCohere makes Cohere's form of a request, which is near OpenAI's.
func writeCohere(c *chat) ([]byte, error) {
	out := cohereRequest{
		Model: c.Model, Stream: c.Stream, MaxTokens: c.MaxTokens, Temperature: c.Temperature, P: c.TopP,
		FrequencyPenalty: c.FrequencyPenalty, PresencePenalty: c.PresencePenalty, Seed: c.Seed, Tools: c.Tools,
	}
	if c.TopK != nil {
		out.K = ptr(min(*c.TopK, maxCohereK))
	}
	var err error
	if out.StopSequences, err = c.stops(); err != nil {
		return nil, err
	}
	mode, _, err := c.choice()
	if err != nil {
		return nil, err
	}
	switch mode {
	case "required":
		out.ToolChoice = "REQUIRED"
	case "none":
		out.ToolChoice = "NONE"
	case "function":
		return nil, cannot("tool_choice of one function")
	}
	switch c.format() {
	case "":
	case "json_object":
		out.ResponseFormat = jsontext.Value(`{"type":"json_object"}`)
	case "json_schema":
		var f struct {
			JSONSchema struct {
				Schema jsontext.Value `json:"schema"`
			} `json:"json_schema"`
		}
		if err := read(c.ResponseFormat, &f); err != nil {
			return nil, err
		}
		out.ResponseFormat = write(fields{"type": "json_object", "json_schema": f.JSONSchema.Schema})
	default:
		return nil, cannot("response_format %.40q", c.format())
	}
	for _, m := range c.Messages {
		ps, err := m.parts()
		if err != nil {
			return nil, err
		}
		for _, p := range ps {
			if p.Type != "text" && p.Type != "image_url" {
				return nil, cannot("content of the type %.40q", p.Type)
			}
		}
		switch m.Role {
		case "developer":
			m.Role = "system"
		case "system", "user", "assistant", "tool":
		default:
			return nil, cannot("a message of the role %.40q", m.Role)
		}
		if m.Content.Kind() == jsontext.KindNull {
			m.Content = nil
		}
		out.Messages = append(out.Messages, m)
	}
	return write(out), nil
}

type cohereAnswer struct {
	ID           string        `json:"id"`
	FinishReason string        `json:"finish_reason"`
	Message      cohereMessage `json:"message"`
	Usage        *cohereUsage  `json:"usage"`
}

type cohereMessage struct {
	Content []struct {
		Type     string `json:"type"`
		Text     string `json:"text"`
		Thinking string `json:"thinking"`
	} `json:"content"`
	ToolPlan  string     `json:"tool_plan"`
	ToolCalls []toolCall `json:"tool_calls"`
}

type cohereUsage struct {
	Tokens struct {
		Input  float64 `json:"input_tokens"`
		Output float64 `json:"output_tokens"`
	} `json:"tokens"`
}

func (u *cohereUsage) hub() *usage {
	if u == nil {
		return nil
	}
	return newUsage(int(u.Tokens.Input), 0, int(u.Tokens.Output))
}

func cohereFinish(reason string) (string, error) {
	switch strings.ToUpper(reason) {
	case "COMPLETE", "STOP_SEQUENCE":
		return "stop", nil
	case "MAX_TOKENS":
		return "length", nil
	case "TOOL_CALL":
		return "tool_calls", nil
	}
	return "", formError("the answer ended with %.40q", reason)
}

// readCohereAnswer reads a whole answer. It does not say which model gave it.
func readCohereAnswer(body []byte, model string, loose bool) (*answer, error) {
	var in cohereAnswer
	if err := read(body, &in); err != nil {
		return nil, err
	}
	finish, err := cohereFinish(in.FinishReason)
	if err != nil {
		return nil, err
	}
	m := &said{Role: "assistant", ToolCalls: in.Message.ToolCalls}
	var b, thoughts strings.Builder
	for _, c := range in.Message.Content {
		b.WriteString(c.Text)
		thoughts.WriteString(c.Thinking)
	}
	if b.Len() > 0 || len(m.ToolCalls) == 0 {
		m.Content = ptr(b.String())
	}
	if loose {
		m.Reasoning = in.Message.ToolPlan + thoughts.String()
	}
	return &answer{ID: in.ID, Object: "chat.completion", Model: model, Usage: in.Usage.hub(), Choices: []choice{{Message: m, FinishReason: &finish}}}, nil
}

// cohereReader reads Cohere's events.
type cohereReader struct {
	model string
	loose bool
	base  answer
	calls int
}

type cohereEvent struct {
	Type  string `json:"type"`
	ID    string `json:"id"`
	Delta *struct {
		Message struct {
			Content struct {
				Text     string `json:"text"`
				Thinking string `json:"thinking"`
			} `json:"content"`
			ToolPlan  string   `json:"tool_plan"`
			ToolCalls toolCall `json:"tool_calls"`
		} `json:"message"`
		FinishReason string       `json:"finish_reason"`
		Usage        *cohereUsage `json:"usage"`
		Error        string       `json:"error"`
	} `json:"delta"`
}

func (r *cohereReader) event(e sse.Event, emit func(*answer) error) (bool, error) {
	if string(e.Data) == done {
		return true, nil
	}
	var kind struct {
		Type string `json:"type"`
	}
	if err := read(e.Data, &kind); err != nil {
		return false, err
	}
	// Only these are read further: others have the same members in other forms.
	switch kind.Type {
	case "message-start", "content-start", "content-delta", "tool-plan-delta", "tool-call-start", "tool-call-delta", "message-end":
	default:
		return false, nil
	}
	var ev cohereEvent
	if kind.Type == "message-start" {
		var start struct {
			ID string `json:"id"`
		}
		if err := read(e.Data, &start); err != nil {
			return false, err
		}
		r.base = answer{ID: start.ID, Object: "chat.completion.chunk", Model: r.model}
		return false, r.emit(emit, &said{Role: "assistant", Content: ptr("")}, nil)
	}
	if err := read(e.Data, &ev); err != nil {
		return false, err
	}
	if ev.Delta == nil {
		return false, nil
	}
	switch m := &ev.Delta.Message; ev.Type {
	case "content-start", "content-delta":
		if m.Content.Text != "" {
			return false, r.emit(emit, &said{Content: &m.Content.Text}, nil)
		}
		if m.Content.Thinking != "" && r.loose {
			return false, r.emit(emit, &said{Reasoning: m.Content.Thinking}, nil)
		}
	case "tool-plan-delta":
		if r.loose && m.ToolPlan != "" {
			return false, r.emit(emit, &said{Reasoning: m.ToolPlan}, nil)
		}
	case "tool-call-start":
		n := r.calls
		r.calls++
		c := m.ToolCalls
		c.Index, c.Type = &n, "function"
		return false, r.emit(emit, &said{ToolCalls: []toolCall{c}}, nil)
	case "tool-call-delta":
		n := max(r.calls-1, 0)
		return false, r.emit(emit, &said{ToolCalls: []toolCall{{Index: &n, Function: functionCall{Arguments: m.ToolCalls.Function.Arguments}}}}, nil)
	case "message-end":
		if ev.Delta.Error != "" {
			return false, &streamError{"api_error", ev.Delta.Error}
		}
		finish, err := cohereFinish(ev.Delta.FinishReason)
		if err != nil {
			return false, err
		}
		if err := r.emit(emit, &said{}, &finish); err != nil {
			return false, err
		}
		if u := ev.Delta.Usage.hub(); u != nil {
			last := r.base
			last.Choices, last.Usage = []choice{}, u
			return true, emit(&last)
		}
		return true, nil
	}
	return false, nil
}

func (r *cohereReader) emit(emit func(*answer) error, d *said, finish *string) error {
	a := r.base
	a.Choices = []choice{{Delta: d, FinishReason: finish}}
	return emit(&a)
}
