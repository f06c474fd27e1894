package translate

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// defaultMaxTokens is what Anthropic is asked for where the client sets no limit, since its API insists on one. Every
// model that it serves allows as much.
const defaultMaxTokens = 4096

type anthropicRequest struct {
	Model         string             `json:"model"`
	MaxTokens     int                `json:"max_tokens"`
	System        jsontext.Value     `json:"system,omitzero"` // a string or text blocks
	Messages      []anthropicMessage `json:"messages"`
	Stream        bool               `json:"stream,omitzero"`
	Temperature   *float64           `json:"temperature,omitzero"`
	TopP          *float64           `json:"top_p,omitzero"`
	TopK          *int               `json:"top_k,omitzero"`
	StopSequences []string           `json:"stop_sequences,omitzero"`
	Tools         []anthropicTool    `json:"tools,omitzero"`
	ToolChoice    *anthropicChoice   `json:"tool_choice,omitzero"`
	Metadata      *anthropicMetadata `json:"metadata,omitzero"`

	OutputFormat *anthropicFormat `json:"output_format,omitzero"` // the older name
	OutputConfig struct {
		Format *anthropicFormat `json:"format,omitzero"`
	} `json:"output_config,omitzero"`
	MCPServers []jsontext.Value `json:"mcp_servers,omitzero"`
	Container  jsontext.Value   `json:"container,omitzero"`
}

// anthropicFormat is what an answer has to be.
type anthropicFormat struct {
	Type   string         `json:"type"`
	Schema jsontext.Value `json:"schema,omitzero"`
}

// openai is the same in OpenAI's words.
func (f *anthropicFormat) openai() (jsontext.Value, error) {
	if f.Type != "json_schema" || !given(f.Schema) {
		return nil, cannot("an output format of the type %.40q", f.Type)
	}
	return write(fields{"type": "json_schema", "json_schema": fields{"name": "answer", "schema": f.Schema, "strict": true}}), nil
}

type anthropicMetadata struct {
	UserID string `json:"user_id,omitzero"`
}

type anthropicMessage struct {
	Role    string         `json:"role"`
	Content jsontext.Value `json:"content"` // a string or blocks
}

type anthropicTool struct {
	Type        string         `json:"type,omitzero"`
	Name        string         `json:"name"`
	Description string         `json:"description,omitzero"`
	InputSchema jsontext.Value `json:"input_schema"`
}

type anthropicChoice struct {
	Type            string `json:"type"`
	Name            string `json:"name,omitzero"`
	DisableParallel *bool  `json:"disable_parallel_tool_use,omitzero"`
}

// block is a piece of content.
type block struct {
	Type      string         `json:"type"`
	Text      *string        `json:"text,omitzero"`
	Thinking  string         `json:"thinking,omitzero"`
	Source    *source        `json:"source,omitzero"`
	ID        string         `json:"id,omitzero"`
	Name      string         `json:"name,omitzero"`
	Input     jsontext.Value `json:"input,omitzero"`
	ToolUseID string         `json:"tool_use_id,omitzero"`
	Content   jsontext.Value `json:"content,omitzero"`
	IsError   bool           `json:"is_error,omitzero"`
	Title     string         `json:"title,omitzero"`
}

type source struct {
	Type      string `json:"type"`
	MediaType string `json:"media_type,omitzero"`
	Data      string `json:"data,omitzero"`
	URL       string `json:"url,omitzero"`
}

// writeAnthropic makes Anthropic's form of a request.
func writeAnthropic(c *chat) ([]byte, error) {
	if f := c.format(); f != "" {
		return nil, cannot("response_format %.40q", f)
	}
	out := anthropicRequest{Model: c.Model, MaxTokens: defaultMaxTokens, Stream: c.Stream, Temperature: c.Temperature, TopP: c.TopP, TopK: c.TopK}
	if c.MaxTokens != nil {
		out.MaxTokens = *c.MaxTokens
	}
	if out.Temperature != nil && *out.Temperature > 1 {
		out.Temperature = ptr(1.0) // the end of its scale
	}
	if c.User != "" {
		out.Metadata = &anthropicMetadata{c.User}
	}
	var err error
	if out.StopSequences, err = c.stops(); err != nil {
		return nil, err
	}
	for _, t := range c.Tools {
		schema := t.Function.Parameters
		if schema == nil || schema.Kind() == jsontext.KindNull {
			schema = jsontext.Value(`{"type":"object","properties":{}}`)
		}
		out.Tools = append(out.Tools, anthropicTool{Name: t.Function.Name, Description: t.Function.Description, InputSchema: schema})
	}
	if out.ToolChoice, err = anthropicToolChoice(c); err != nil {
		return nil, err
	}
	var system []block
	var role string
	var blocks []block
	flush := func() {
		if len(blocks) > 0 {
			out.Messages = append(out.Messages, anthropicMessage{role, write(blocks)})
		}
		blocks = nil
	}
	for i := range c.Messages {
		m := &c.Messages[i]
		if m.Role == "system" || m.Role == "developer" {
			s, err := m.plain()
			if err != nil {
				return nil, err
			}
			system = append(system, block{Type: "text", Text: &s})
			continue
		}
		as, bs, err := anthropicBlocks(m)
		if err != nil {
			return nil, err
		}
		// Turns alternate there, and the results of parallel calls are one turn.
		if as != role {
			flush()
			role = as
		}
		blocks = append(blocks, bs...)
	}
	flush()
	if len(system) > 0 {
		out.System = write(system)
	}
	if len(out.Messages) == 0 {
		return nil, formError("messages holds no turn but the system's")
	}
	return write(out), nil
}

func anthropicToolChoice(c *chat) (*anthropicChoice, error) {
	mode, name, err := c.choice()
	if err != nil {
		return nil, err
	}
	out := &anthropicChoice{}
	switch mode {
	case "":
		if c.ParallelToolCalls == nil || len(c.Tools) == 0 {
			return nil, nil
		}
		out.Type = "auto"
	case "required":
		out.Type = "any"
	case "function":
		out.Type, out.Name = "tool", name
	default:
		out.Type = mode
	}
	if c.ParallelToolCalls != nil && out.Type != "none" {
		out.DisableParallel = ptr(!*c.ParallelToolCalls)
	}
	return out, nil
}

func anthropicBlocks(m *message) (role string, out []block, err error) {
	switch m.Role {
	case "tool":
		s, err := m.plain()
		return "user", []block{{Type: "tool_result", ToolUseID: m.ToolCallID, Content: quoted(s)}}, err
	case "user", "assistant":
	default:
		return "", nil, cannot("a message of the role %.40q", m.Role)
	}
	ps, err := m.parts()
	if err != nil {
		return "", nil, err
	}
	for _, p := range ps {
		b, err := anthropicBlock(p)
		if err != nil {
			return "", nil, err
		}
		if b.Type == "text" && *b.Text == "" {
			continue // which it refuses
		}
		out = append(out, b)
	}
	for _, call := range m.ToolCalls {
		args := jsontext.Value(strings.TrimSpace(call.Function.Arguments))
		if len(args) == 0 {
			args = jsontext.Value("{}")
		}
		if !args.IsValid() || args.Kind() != jsontext.KindBeginObject {
			return "", nil, cannot("the arguments of the tool call %.40q, which are no JSON object", call.ID)
		}
		out = append(out, block{Type: "tool_use", ID: call.ID, Name: call.Function.Name, Input: args})
	}
	return m.Role, out, nil
}

func anthropicBlock(p part) (block, error) {
	switch {
	case p.Type == "text" || p.Type == "refusal":
		return block{Type: "text", Text: &p.Text}, nil
	case p.Type == "image_url" && p.ImageURL != nil:
		return block{Type: "image", Source: sourceOf(p.ImageURL.URL)}, nil
	case p.Type == "file" && p.File != nil && p.File.Data != "":
		return block{Type: "document", Source: sourceOf(p.File.Data), Title: p.File.Name}, nil
	}
	return block{}, cannot("content of the type %.40q", p.Type)
}

// sourceOf reads a data URL (RFC 2397), or leaves a URL for the provider to fetch.
func sourceOf(url string) *source {
	if rest, ok := strings.CutPrefix(url, "data:"); ok {
		if kind, data, ok := strings.Cut(rest, ";base64,"); ok {
			return &source{Type: "base64", MediaType: kind, Data: data}
		}
	}
	return &source{Type: "url", URL: url}
}

func (s *source) url() string {
	if s.Type == "base64" {
		return "data:" + s.MediaType + ";base64," + s.Data
	}
	return s.URL
}

// blocksOf reads content, of which a string is one text block.
func blocksOf(v jsontext.Value) ([]block, error) {
	if s, ok := text(v); ok {
		return []block{{Type: "text", Text: &s}}, nil
	}
	if v == nil || v.Kind() == jsontext.KindNull {
		return nil, nil
	}
	var bs []block
	return bs, read(v, &bs)
}

// readAnthropic reads a request of Anthropic's form.
func readAnthropic(body []byte) (*chat, error) {
	var in anthropicRequest
	if err := read(body, &in); err != nil {
		return nil, err
	}
	c := &chat{Model: in.Model, Stream: in.Stream, Temperature: in.Temperature, TopP: in.TopP, TopK: in.TopK}
	if in.MaxTokens > 0 {
		c.MaxTokens = &in.MaxTokens
	}
	if len(in.StopSequences) > 0 {
		c.Stop = write(in.StopSequences)
	}
	if in.Metadata != nil {
		c.User = in.Metadata.UserID
	}
	switch {
	case len(in.MCPServers) > 0:
		return nil, cannot("mcp_servers")
	case given(in.Container):
		return nil, cannot("container")
	}
	for _, f := range []*anthropicFormat{in.OutputFormat, in.OutputConfig.Format} {
		if f != nil {
			var err error
			if c.ResponseFormat, err = f.openai(); err != nil {
				return nil, err
			}
		}
	}
	for _, t := range in.Tools {
		if t.Type != "" && t.Type != "custom" {
			return nil, cannot("the server's tool %.40q", t.Type)
		}
		c.Tools = append(c.Tools, tool{"function", function{t.Name, t.Description, t.InputSchema}})
	}
	if tc := in.ToolChoice; tc != nil {
		switch tc.Type {
		case "auto", "none":
			c.ToolChoice = quoted(tc.Type)
		case "any":
			c.ToolChoice = quoted("required")
		case "tool":
			c.ToolChoice = write(map[string]any{"type": "function", "function": map[string]string{"name": tc.Name}})
		default:
			return nil, cannot("tool_choice %.40q", tc.Type)
		}
		if tc.DisableParallel != nil && len(in.Tools) > 0 {
			c.ParallelToolCalls = ptr(!*tc.DisableParallel)
		}
	}
	system, err := blocksOf(in.System)
	if err != nil {
		return nil, err
	}
	if s := joined(system); s != "" {
		c.Messages = append(c.Messages, message{Role: "system", Content: quoted(s)})
	}
	for _, m := range in.Messages {
		if m.Role != "user" && m.Role != "assistant" {
			return nil, cannot("a message of the role %.40q", m.Role)
		}
		bs, err := blocksOf(m.Content)
		if err == nil {
			err = c.addBlocks(m.Role, bs)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(c.Messages) == 0 {
		return nil, formError("messages is empty")
	}
	return c, nil
}

func joined(bs []block) string {
	var texts []string
	for _, b := range bs {
		if b.Type == "text" && b.Text != nil {
			texts = append(texts, *b.Text)
		}
	}
	return strings.Join(texts, "\n")
}

// addBlocks adds one turn. The results of tools come first, each as a message of its own, because they must follow the
// calls.
func (c *chat) addBlocks(role string, bs []block) error {
	var ps []part
	m := message{Role: role}
	only := true // nothing but text
	for _, b := range bs {
		switch b.Type {
		case "text":
			if b.Text != nil {
				ps = append(ps, part{Type: "text", Text: *b.Text})
			}
		case "image", "document":
			if b.Source == nil || b.Source.Type != "base64" && b.Source.Type != "url" || b.Type == "document" && b.Source.Type == "url" {
				return cannot("a %s from another source than the request", b.Type)
			}
			only = false
			if b.Type == "image" {
				ps = append(ps, part{Type: "image_url", ImageURL: &imageURL{b.Source.url()}})
			} else {
				name := b.Title
				if name == "" {
					name = "document"
				}
				ps = append(ps, part{Type: "file", File: &file{Data: b.Source.url(), Name: name}})
			}
		case "tool_use":
			args := string(b.Input)
			if args == "" {
				args = "{}"
			}
			m.ToolCalls = append(m.ToolCalls, toolCall{ID: b.ID, Type: "function", Function: functionCall{b.Name, args}})
		case "tool_result":
			inner, err := blocksOf(b.Content)
			if err != nil {
				return err
			}
			for _, i := range inner {
				if i.Type != "text" {
					return cannot("a tool result of the type %.40q", i.Type)
				}
			}
			c.Messages = append(c.Messages, message{Role: "tool", ToolCallID: b.ToolUseID, Content: quoted(joined(inner))})
		case "thinking", "redacted_thinking": // signed by one provider for itself
		default:
			return cannot("content of the type %.40q", b.Type)
		}
	}
	if len(ps) == 0 && len(m.ToolCalls) == 0 {
		return nil
	}
	switch {
	case len(ps) == 0:
		m.Content = jsontext.Value("null")
	case only && len(ps) == 1:
		m.Content = quoted(ps[0].Text)
	default:
		m.Content = write(ps)
	}
	c.Messages = append(c.Messages, m)
	return nil
}

// writeOpenAI makes OpenAI's form of a request.
func writeOpenAI(c *chat) ([]byte, error) {
	out := *c
	out.OldMaxTokens = nil
	out.TopK = nil // which OpenAI's own API refuses
	if out.Stream {
		out.StreamOptions = &streamOptions{IncludeUsage: true} // the other side's streams always say it
	}
	return write(&out), nil
}
