package translate

import (
	"errors"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/sse"
)

// Dialect is a chat API.
type Dialect uint8

const (
	OpenAI Dialect = iota
	Anthropic
	Cohere     // of providers only
	Completion // of clients only: OpenAI's older endpoint, of a prompt that is no chat
)

// Path is where the API takes requests, below its version.
func (d Dialect) Path() string {
	return [...]string{"/chat/completions", "/messages", "/chat", "/completions"}[d]
}

// Translator is one request's way from a client's dialect to a provider's and back. Not safe for concurrent use.
type Translator struct {
	client, provider Dialect
	loose            bool
	now              time.Time

	model string // as the provider was asked for it
	usage bool   // an OpenAI stream is to end with its usage
}

// New returns a translator. loose keeps what a provider's answer has beyond OpenAI's form. now dates answers.
func New(client, provider Dialect, loose bool, now time.Time) *Translator {
	return &Translator{client: client, provider: provider, loose: loose, now: now}
}

// Request translates a request's body. The error wraps ErrCannot or ErrForm.
func (t *Translator) Request(body []byte) ([]byte, error) {
	var c *chat
	var err error
	switch t.client {
	case Anthropic:
		c, err = readAnthropic(body)
	case Completion:
		c, err = readCompletion(body)
	default:
		c, err = readOpenAI(body)
	}
	if err != nil {
		return nil, err
	}
	t.model = c.Model
	t.usage = c.StreamOptions != nil && c.StreamOptions.IncludeUsage
	switch t.provider {
	case Anthropic:
		return writeAnthropic(c)
	case Cohere:
		return writeCohere(c)
	}
	return writeOpenAI(c)
}

// Answer translates a whole answer. The error wraps ErrForm.
func (t *Translator) Answer(body []byte) ([]byte, error) {
	a := &answer{}
	var err error
	switch t.provider {
	case Anthropic:
		a, err = readAnthropicAnswer(body, t.loose)
	case Cohere:
		a, err = readCohereAnswer(body, t.model, t.loose)
	default:
		err = read(body, a)
	}
	if err != nil {
		return nil, err
	}
	a.Created = t.now.Unix()
	switch t.client {
	case Anthropic:
		return writeAnthropicAnswer(a)
	case Completion:
		return writeCompletion(a)
	}
	return write(a), nil
}

// Error translates the body of a failure. One that cannot be read becomes one that says so little.
func (t *Translator) Error(status int, body []byte) []byte {
	var in struct {
		Error   jsontext.Value `json:"error"`
		Message string         `json:"message"`
	}
	var e struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	}
	_ = read(body, &in)
	if in.Error != nil {
		_ = read(in.Error, &e)
	}
	if e.Message == "" {
		e.Message = in.Message
	}
	if e.Message == "" {
		e.Message = "the provider failed"
	}
	if t.client == Anthropic {
		return write(fields{"type": "error", "error": fields{"type": AnthropicKind(status), "message": e.Message}})
	}
	if e.Type == "" {
		e.Type = "provider_error"
	}
	return openaiError(e.Type, e.Message)
}

func openaiError(kind, message string) []byte {
	return write(fields{"error": fields{"message": message, "type": kind, "param": nil, "code": nil}})
}

// AnthropicKind is what Anthropic's errors of a status call themselves.
func AnthropicKind(status int) string {
	switch status {
	case 401:
		return "authentication_error"
	case 403:
		return "permission_error"
	case 404:
		return "not_found_error"
	case 413:
		return "request_too_large"
	case 429:
		return "rate_limit_error"
	case 503, 529:
		return "overloaded_error"
	case 408, 504:
		return "timeout_error"
	}
	if status >= 500 {
		return "api_error"
	}
	return "invalid_request_error"
}

// Stream translates an event stream bit by bit. Not safe for concurrent use.
type Stream struct {
	dec  sse.Decoder
	in   streamReader
	out  streamWriter
	done bool
	cost *usage // what the provider said last of it; nil: nothing
}

// Stream returns a translator of the answer's events, which hold at most limit bytes each.
func (t *Translator) Stream(limit int) *Stream {
	s := &Stream{dec: sse.Decoder{MaxBytes: limit}}
	switch t.provider {
	case Anthropic:
		s.in = &anthropicReader{loose: t.loose}
	case Cohere:
		s.in = &cohereReader{model: t.model, loose: t.loose}
	default:
		s.in = openaiReader{}
	}
	switch t.client {
	case Anthropic:
		s.out = &anthropicWriter{}
	case Completion:
		s.out = &completionWriter{openaiWriter{usage: t.usage, now: t.now.Unix()}}
	default:
		s.out = &openaiWriter{usage: t.usage, now: t.now.Unix()}
	}
	return s
}

// Feed takes the next bytes, and appends to dst what they come to. After an error the stream is over; what dst holds then
// is still to be sent. It wraps ErrForm or ErrCannot, but for one that the provider reported, which dst tells the client of.
func (s *Stream) Feed(dst, p []byte) ([]byte, error) {
	err := s.dec.Feed(p, func(e sse.Event) error {
		if s.done {
			return nil
		}
		last, err := s.in.event(e, func(a *answer) (err error) {
			if a.Usage != nil {
				s.cost = a.Usage
			}
			dst, err = s.out.chunk(dst, a)
			return err
		})
		if err == nil && last {
			s.done = true
			dst, err = s.out.end(dst)
		}
		return err
	})
	var se *streamError
	if errors.As(err, &se) {
		dst = s.out.failure(dst, se.kind, se.message)
	}
	return dst, err
}

// Usage is what the provider has said that the stream cost, in OpenAI's words, whether the client is told of it or not; nil:
// nothing yet.
func (s *Stream) Usage() []byte {
	if s.cost == nil {
		return nil
	}
	return write(s.cost)
}

// Done reports whether the last event was there.
func (s *Stream) Done() bool { return s.done }
