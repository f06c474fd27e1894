package proxy

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/reprise-cache/reprise/proxy/internal/providers"
	"github.com/reprise-cache/reprise/proxy/internal/translate"
	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// maxErrorBytes is how much of a provider's failure is read to be translated.
const maxErrorBytes = 1 << 20

// translator returns what stands between the client's dialect and the provider's; nil if nothing has to.
func (e *endpoint) translator(d *wire.Dialect, loose bool) *translate.Translator {
	var client translate.Dialect
	switch d {
	case wire.Chat:
	case wire.Messages:
		client = translate.Anthropic
	case wire.Completion:
		client = translate.Completion
	default:
		return nil
	}
	provider := e.dialect()
	if client == provider || client == translate.Completion && provider == translate.OpenAI || client == translate.Anthropic && e.row.Messages {
		return nil
	}
	return translate.New(client, provider, loose, time.Now())
}

// dialect is what the provider speaks of chats.
func (e *endpoint) dialect() translate.Dialect {
	switch e.row.Form {
	case providers.Anthropic:
		return translate.Anthropic
	case providers.Cohere:
		return translate.Cohere
	}
	return translate.OpenAI
}

// chatPath is where the provider takes chats in its dialect.
func (e *endpoint) chatPath() string { return e.dialect().Path() }

func untranslatable(err error, provider string) error {
	message := err.Error()
	if errors.Is(err, translate.ErrForm) {
		message = "the request is not of the form that its path takes"
	}
	return badRequest("untranslatable", "", "the request cannot be put to provider %q: %s", provider, strings.TrimPrefix(message, "translate: cannot be translated: "))
}

// translated puts a provider's answer into the client's dialect. A whole one is read to its end for it; one that is not
// what it should be is no answer.
func (s *Server) translated(a *answer, tr *translate.Translator) (*answer, error) {
	out := *a
	out.header = a.header.Clone()
	for _, k := range []string{"Content-Length", "Content-Encoding"} {
		out.header.Del(k)
	}
	if a.status == http.StatusOK && isEventStream(a.header) && isPlain(a.header) {
		out.length = -1
		out.body = &translatedStream{from: a, stream: tr.Stream(s.cfg.MaxAnswerBytes), buf: make([]byte, 16<<10)}
		return &out, nil
	}
	limit := int64(maxErrorBytes)
	if a.status == http.StatusOK {
		limit = int64(max(s.cfg.MaxAnswerBytes, vectorsLimit))
	}
	whole, err := io.ReadAll(io.LimitReader(a, limit+1))
	if err == nil && int64(len(whole)) > limit {
		err = errGarbage
	}
	if err != nil {
		a.Close()
		return nil, err
	}
	if a.status == http.StatusOK {
		if whole, err = tr.Answer(whole); err != nil {
			a.Close()
			return nil, errGarbage
		}
	} else {
		whole = tr.Error(a.status, whole)
	}
	out.header.Set("Content-Type", "application/json")
	out.length = int64(len(whole))
	out.body = struct {
		io.Reader
		io.Closer
	}{bytes.NewReader(whole), a.body}
	return &out, nil
}

// translatedStream is a provider's event stream in the client's dialect.
type translatedStream struct {
	from   *answer
	stream *translate.Stream
	buf    []byte
	out    []byte // translated and not yet read
	end    error  // once out is read
}

// Read returns the next bytes as soon as there are any.
func (t *translatedStream) Read(p []byte) (int, error) {
	for len(t.out) == 0 {
		if t.end != nil {
			return 0, t.end
		}
		n, err := t.from.Read(t.buf)
		if n > 0 && !t.stream.Done() {
			var bad error
			t.out, bad = t.stream.Feed(t.out[:0], t.buf[:n])
			switch {
			case bad == nil:
			case errors.Is(bad, translate.ErrForm), errors.Is(bad, translate.ErrCannot):
				t.end = errGarbage
			default: // the provider's own report of a failure, which the client has been told of
				t.end = io.EOF
			}
		}
		if err != nil && t.end == nil {
			t.end = t.ended(err)
		}
	}
	n := copy(p, t.out)
	t.out = t.out[n:]
	return n, nil
}

// ended is what the end of the provider's stream comes to. The last event may lack the empty line after it; a stream that lacks the
// event itself broke off, for the client would be left without an end.
func (t *translatedStream) ended(err error) error {
	if err != io.EOF || t.stream.Done() {
		return err
	}
	if t.out, err = t.stream.Feed(t.out, []byte("\n\n")); err != nil || !t.stream.Done() {
		return io.ErrUnexpectedEOF
	}
	return io.EOF
}

// Close gives up what is left of the provider's.
func (t *translatedStream) Close() error { return t.from.body.Close() }
