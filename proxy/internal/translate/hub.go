package translate

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// ErrCannot: the request asks for something that the other API has not.
var ErrCannot = errors.New("translate: cannot be translated")

// ErrForm: a body or an event is not of its API's form.
var ErrForm = errors.New("translate: not of the API's form")

// cannot is an ErrCannot. What it repeats of the request's words may be a key that was put in the wrong place.
func cannot(format string, args ...any) error {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = strict.Shown(s)
		}
	}
	return fmt.Errorf("%w: %s", ErrCannot, fmt.Sprintf(format, args...))
}

func formError(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrForm, fmt.Sprintf(format, args...))
}

// chat is a request in the form between the sides: OpenAI's, with what has several spellings in one.
type chat struct {
	Model             string         `json:"model"`
	Messages          []message      `json:"messages"`
	MaxTokens         *int           `json:"max_completion_tokens,omitzero"`
	OldMaxTokens      *int           `json:"max_tokens,omitzero"`
	Temperature       *float64       `json:"temperature,omitzero"`
	TopP              *float64       `json:"top_p,omitzero"`
	TopK              *int           `json:"top_k,omitzero"` // not OpenAI's own, but of many who speak as it does; below 1 it is none
	FrequencyPenalty  *float64       `json:"frequency_penalty,omitzero"`
	PresencePenalty   *float64       `json:"presence_penalty,omitzero"`
	Seed              *int64         `json:"seed,omitzero"`
	Stop              jsontext.Value `json:"stop,omitzero"`
	Stream            bool           `json:"stream,omitzero"`
	StreamOptions     *streamOptions `json:"stream_options,omitzero"`
	Tools             []tool         `json:"tools,omitzero"`
	ToolChoice        jsontext.Value `json:"tool_choice,omitzero"`
	ParallelToolCalls *bool          `json:"parallel_tool_calls,omitzero"`
	ResponseFormat    jsontext.Value `json:"response_format,omitzero"`
	User              string         `json:"user,omitzero"`

	N          *int           `json:"n,omitzero"`
	Logprobs   bool           `json:"logprobs,omitzero"`
	Functions  jsontext.Value `json:"functions,omitzero"`
	Modalities []string       `json:"modalities,omitzero"`
	WebSearch  jsontext.Value `json:"web_search_options,omitzero"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

type message struct {
	Role       string         `json:"role"`
	Content    jsontext.Value `json:"content,omitzero"` // a string, parts, or null
	ToolCalls  []toolCall     `json:"tool_calls,omitzero"`
	ToolCallID string         `json:"tool_call_id,omitzero"`
	Refusal    string         `json:"refusal,omitzero"`
}

type part struct {
	Type     string    `json:"type"`
	Text     string    `json:"text,omitzero"`
	ImageURL *imageURL `json:"image_url,omitzero"`
	File     *file     `json:"file,omitzero"`
}

type imageURL struct {
	URL string `json:"url"`
}

type file struct {
	Data string `json:"file_data,omitzero"`
	Name string `json:"filename,omitzero"`
	ID   string `json:"file_id,omitzero"`
}

type tool struct {
	Type     string   `json:"type"`
	Function function `json:"function"`
}

type function struct {
	Name        string         `json:"name"`
	Description string         `json:"description,omitzero"`
	Parameters  jsontext.Value `json:"parameters,omitzero"`
}

type toolCall struct {
	Index    *int         `json:"index,omitzero"` // in a stream
	ID       string       `json:"id,omitzero"`
	Type     string       `json:"type,omitzero"`
	Function functionCall `json:"function"`
}

type functionCall struct {
	Name      string `json:"name,omitzero"`
	Arguments string `json:"arguments"`
}

// answer is a whole answer, or a chunk of one.
type answer = answerOf[choice]

type answerOf[Choice any] struct {
	ID      string   `json:"id"`
	Object  string   `json:"object"`
	Created int64    `json:"created"`
	Model   string   `json:"model"`
	Choices []Choice `json:"choices"`
	Usage   *usage   `json:"usage,omitzero"`
}

type choice struct {
	Index        int     `json:"index"`
	Message      *said   `json:"message,omitzero"`
	Delta        *said   `json:"delta,omitzero"`
	FinishReason *string `json:"finish_reason"`
}

type said struct {
	Role      string         `json:"role,omitzero"`
	Content   *string        `json:"content,omitzero"`
	Refusal   string         `json:"refusal,omitzero"`
	Reasoning string         `json:"reasoning_content,omitzero"`
	ToolCalls []toolCall     `json:"tool_calls,omitzero"`
	Blocks    jsontext.Value `json:"content_blocks,omitzero"` // as the provider had them, where that is asked for
}

type usage struct {
	Prompt     int            `json:"prompt_tokens"`
	Completion int            `json:"completion_tokens"`
	Total      int            `json:"total_tokens"`
	Details    *promptDetails `json:"prompt_tokens_details,omitzero"`
}

type promptDetails struct {
	Cached int `json:"cached_tokens"`
}

func newUsage(in, cached, out int) *usage {
	u := &usage{Prompt: in, Completion: out, Total: in + out}
	if cached > 0 {
		u.Details = &promptDetails{cached}
	}
	return u
}

// read reads JSON into v. What v has no place for is left out.
func read(src []byte, v any) error {
	if err := json.Unmarshal(src, v); err != nil {
		return formError("it cannot be read as the API's JSON") // whose own words may quote the text
	}
	return nil
}

func write(v any) []byte {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return []byte("{}") // every value here was read as JSON or made of strings and numbers
	}
	return b
}

func quoted(s string) jsontext.Value {
	b, _ := jsontext.AppendQuote(nil, s)
	return b
}

// given reports whether a member is there, and not null.
func given(v jsontext.Value) bool { return v != nil && v.Kind() != jsontext.KindNull }

// text returns the string that v is.
func text(v jsontext.Value) (string, bool) {
	if v.Kind() != jsontext.KindString {
		return "", false
	}
	b, err := jsontext.AppendUnquote(nil, []byte(v))
	return string(b), err == nil
}

// parts returns a message's content as parts, a string as one of them.
func (m *message) parts() ([]part, error) {
	switch m.Content.Kind() {
	case jsontext.KindInvalid, jsontext.KindNull:
		return nil, nil
	case jsontext.KindString:
		s, ok := text(m.Content)
		if !ok {
			return nil, formError("a message's content")
		}
		return []part{{Type: "text", Text: s}}, nil
	}
	var ps []part
	return ps, read(m.Content, &ps)
}

// plain returns a message's content as text.
func (m *message) plain() (string, error) {
	ps, err := m.parts()
	out := ""
	for i, p := range ps {
		if p.Type != "text" && p.Type != "refusal" {
			return "", cannot("a %s message with content of the type %.40q", m.Role, p.Type)
		}
		if i > 0 {
			out += "\n"
		}
		out += p.Text
	}
	return out, err
}

// readOpenAI reads a request of OpenAI's form.
func readOpenAI(body []byte) (*chat, error) {
	c := &chat{}
	if err := read(body, c); err != nil {
		return nil, err
	}
	if c.MaxTokens == nil {
		c.MaxTokens = c.OldMaxTokens
	}
	if c.TopK != nil && *c.TopK < 1 {
		c.TopK = nil
	}
	switch {
	case c.N != nil && *c.N != 1:
		return nil, cannot("n: the other API gives one choice")
	case c.Logprobs:
		return nil, cannot("logprobs")
	case given(c.Functions):
		return nil, cannot("functions: use tools")
	case len(c.Modalities) > 0 && !(len(c.Modalities) == 1 && c.Modalities[0] == "text"):
		return nil, cannot("modalities other than text")
	case given(c.WebSearch):
		return nil, cannot("web_search_options")
	case len(c.Messages) == 0:
		return nil, formError("messages is empty")
	}
	for _, t := range c.Tools {
		if t.Type != "function" {
			return nil, cannot("a tool of the type %.40q", t.Type)
		}
	}
	return c, nil
}

// stops returns the stop sequences, which may be one string.
func (c *chat) stops() ([]string, error) {
	switch c.Stop.Kind() {
	case jsontext.KindInvalid, jsontext.KindNull:
		return nil, nil
	case jsontext.KindString:
		s, _ := text(c.Stop)
		return []string{s}, nil
	}
	var list []string
	return list, read(c.Stop, &list)
}

// choice returns how tools are to be chosen: auto, none, required, or the name of one.
func (c *chat) choice() (mode, name string, err error) {
	if c.ToolChoice == nil || c.ToolChoice.Kind() == jsontext.KindNull {
		return "", "", nil
	}
	if s, ok := text(c.ToolChoice); ok {
		if s != "auto" && s != "none" && s != "required" {
			return "", "", cannot("tool_choice %.40q", s)
		}
		return s, "", nil
	}
	var t tool
	if err := read(c.ToolChoice, &t); err != nil {
		return "", "", err
	}
	if t.Type != "function" || t.Function.Name == "" {
		return "", "", cannot("tool_choice of the type %.40q", t.Type)
	}
	return "function", t.Function.Name, nil
}

// format is the type of the answer that is asked for; "" is text.
func (c *chat) format() string {
	var f struct {
		Type string `json:"type"`
	}
	if c.ResponseFormat == nil || read(c.ResponseFormat, &f) != nil || f.Type == "text" {
		return ""
	}
	return f.Type
}

func ptr[T any](v T) *T { return &v }
