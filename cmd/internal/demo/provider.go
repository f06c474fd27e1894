package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
)

// modelName is the model that the demo asks for and that the provider claims to be.
const modelName = "demo-faq"

// answerPrefix begins everything that the provider says, so that nobody takes it for a model's answer.
const answerPrefix = "[demo FAQ] "

// notInFAQ is the provider's answer to what its FAQ does not cover.
const notInFAQ = answerPrefix + "The FAQ has no answer to this."

// maxRequestBytes is plenty for a question; the provider listens on loopback, but whoever is there may still err.
const maxRequestBytes = 1 << 20

// provider is an OpenAI-compatible API that answers chat completions from the FAQ, streaming and not, after a delay that
// stands for a model's. Safe for concurrent use.
type provider struct {
	latency time.Duration
	answers map[string]string // by the question's exact text: the FAQ's own questions and the labelled asks
	ids     map[string]string // id of the entry by its answer
	entries []overlapEntry
	weights map[string]float64 // of a word: rare ones say more
	calls   atomic.Int64       // that were answered, counted just before the answer is sent
}

type overlapEntry struct {
	answer string
	words  map[string]bool
}

func newProvider(d *dataset, latency time.Duration) *provider {
	p := &provider{latency: latency, answers: map[string]string{}, ids: map[string]string{notInFAQ: ""}, weights: map[string]float64{}}
	byID := map[string]string{"": notInFAQ}
	for _, f := range d.faq {
		byID[f.ID], p.ids[f.Answer], p.answers[f.Question] = f.Answer, f.ID, f.Answer
		e := overlapEntry{f.Answer, wordSet(f.Question)}
		p.entries = append(p.entries, e)
		for w := range e.words {
			p.weights[w]++
		}
	}
	for w, n := range p.weights {
		p.weights[w] = math.Log(1 + float64(len(p.entries))/n)
	}
	for _, a := range d.asks {
		p.answers[a.Text] = byID[a.FAQ]
	}
	return p
}

// answer finds the labelled answer to a text, or else the entry whose question shares the most words with it.
func (p *provider) answer(text string) string {
	if a, ok := p.answers[text]; ok {
		return a
	}
	words := wordSet(text)
	best, bestScore := notInFAQ, 0.5 // at least half of the weight on both sides must be shared
	for _, e := range p.entries {
		var shared, all float64
		for w := range words {
			weight, known := p.weights[w]
			if !known {
				weight = math.Log(1 + float64(len(p.entries)))
			}
			all += weight
			if e.words[w] {
				shared += 2 * weight
			}
		}
		for w := range e.words {
			all += p.weights[w]
		}
		if all > 0 && shared/all > bestScore {
			best, bestScore = e.answer, shared/all
		}
	}
	return best
}

// faqID is the entry that an answer belongs to. ok is false for a text that the provider never says.
func (p *provider) faqID(answer string) (id string, ok bool) {
	id, ok = p.ids[answer]
	return id, ok
}

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		set[w] = true
	}
	return set
}

// tokens estimates a text's length in tokens at four characters each, the rule of thumb for English.
func tokens(text string) int { return (len([]rune(text)) + 3) / 4 }

type chatRequest struct {
	Model    string `json:"model"`
	Messages []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	} `json:"messages"`
	Stream        bool `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
}

// contentText reads a message's content: a string, or a list of parts of which the text ones count.
func contentText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var parts []struct{ Text string }
	if json.Unmarshal(raw, &parts) != nil {
		return ""
	}
	var b strings.Builder
	for _, part := range parts {
		b.WriteString(part.Text)
	}
	return b.String()
}

// ServeHTTP answers POST /v1/chat/completions and GET /v1/models.
func (p *provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "GET /v1/models":
		writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": []any{
			map[string]any{"id": modelName, "object": "model", "created": 0, "owned_by": "reprise-demo"}}})
	case "POST /v1/chat/completions":
		p.chat(w, r)
	default:
		writeError(w, http.StatusNotFound, fmt.Sprintf("the demo's provider has no %s %s", r.Method, r.URL.Path))
	}
}

func (p *provider) chat(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequestBytes))
	if err != nil {
		writeError(w, http.StatusRequestEntityTooLarge, "the body could not be read: "+err.Error())
		return
	}
	var req chatRequest
	if err := json.Unmarshal(body, &req); err != nil {
		writeError(w, http.StatusBadRequest, "the body is not a chat request: "+err.Error())
		return
	}
	question, promptTokens := "", 0
	for _, m := range req.Messages {
		text := contentText(m.Content)
		promptTokens += tokens(text)
		if m.Role == "user" {
			question = text
		}
	}
	if question == "" {
		writeError(w, http.StatusBadRequest, "messages holds no user message with text")
		return
	}
	select {
	case <-time.After(p.latency):
	case <-r.Context().Done():
		return
	}
	n := p.calls.Add(1)
	reply := reply{
		id: fmt.Sprintf("chatcmpl-demo-%d", n), created: time.Now().Unix(), model: req.Model, text: p.answer(question),
		promptTokens: promptTokens,
	}
	if req.Stream {
		reply.stream(w, req.StreamOptions.IncludeUsage)
		return
	}
	reply.write(w)
}

// reply is one chat completion on its way out.
type reply struct {
	id           string
	created      int64
	model, text  string
	promptTokens int
}

func (r reply) usage() map[string]int {
	completion := tokens(r.text)
	return map[string]int{"prompt_tokens": r.promptTokens, "completion_tokens": completion, "total_tokens": r.promptTokens + completion}
}

func (r reply) write(w http.ResponseWriter) {
	writeJSON(w, http.StatusOK, map[string]any{
		"id": r.id, "object": "chat.completion", "created": r.created, "model": r.model, "usage": r.usage(),
		"choices": []any{map[string]any{
			"index": 0, "finish_reason": "stop", "message": map[string]any{"role": "assistant", "content": r.text}}},
	})
}

// stream sends the text word by word, as a model does.
func (r reply) stream(w http.ResponseWriter, withUsage bool) {
	w.Header().Set("Content-Type", "text/event-stream")
	flusher := http.NewResponseController(w)
	send := func(choices []any, extra map[string]any) bool {
		chunk := map[string]any{"id": r.id, "object": "chat.completion.chunk", "created": r.created, "model": r.model, "choices": choices}
		for k, v := range extra {
			chunk[k] = v
		}
		data, err := json.Marshal(chunk)
		if err != nil {
			return false
		}
		_, err = fmt.Fprintf(w, "data: %s\n\n", data)
		return err == nil && flusher.Flush() == nil
	}
	delta := func(d map[string]any, finish any) []any {
		return []any{map[string]any{"index": 0, "delta": d, "finish_reason": finish}}
	}
	if !send(delta(map[string]any{"role": "assistant", "content": ""}, nil), nil) {
		return
	}
	for _, word := range strings.SplitAfter(r.text, " ") {
		if !send(delta(map[string]any{"content": word}, nil), nil) {
			return
		}
	}
	if !send(delta(map[string]any{}, "stop"), nil) {
		return
	}
	if withUsage && !send([]any{}, map[string]any{"usage": r.usage()}) {
		return
	}
	// The client may be gone; nothing is left to do about it.
	_, _ = io.WriteString(w, "data: [DONE]\n\n")
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

func writeError(w http.ResponseWriter, status int, message string) {
	writeJSON(w, status, map[string]any{"error": map[string]any{
		"message": message, "type": "invalid_request_error", "param": nil, "code": nil}})
}
