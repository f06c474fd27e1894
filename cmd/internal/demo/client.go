package demo

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sashabaranov/go-openai"
)

// outcome is what became of one ask, as the client saw it.
type outcome struct {
	ask        ask
	n          int    // the ask's place in the run, from 1
	status     string // the cache status header
	similarity float64
	refused    refusal
	elapsed    time.Duration            // from the call to the whole answer
	stages     map[string]time.Duration // as the proxy reports them
	answer     string
	prompt     int // tokens
	completion int
	faq        string // the entry that the answer belongs to
	err        error
}

// refusal says why the nearest stored question was not served; zero if there was none, or it was.
type refusal struct {
	reason string // "threshold", the guard's name, …
	guard  bool   // a guard refused
	token  string // the word that made it
}

// The cache statuses that mean that the answer was a stored one.
const (
	statusHit         = "HIT"
	statusSemanticHit = "SEMANTIC HIT"
)

func (o *outcome) served() bool { return o.status == statusHit || o.status == statusSemanticHit }

// wrong reports whether the cache served what the label says is another question's answer.
func (o *outcome) wrong() bool { return o.served() && o.faq != o.ask.FAQ }

// client asks through the proxy with a library that knows nothing of caches.
type client struct {
	api      *openai.Client
	http     *http.Client
	provider *provider // tells which entry an answer belongs to
}

func newClient(baseURL string, p *provider, concurrency int) *client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil // the proxy under show is on loopback; one in the environment is for elsewhere
	transport.MaxIdleConnsPerHost = concurrency
	cfg := openai.DefaultConfig("demo")
	cfg.BaseURL = baseURL
	h := &http.Client{Transport: transport}
	cfg.HTTPClient = h
	return &client{api: openai.NewClientWithConfig(cfg), http: h, provider: p}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// systemPrompt is the same in every request, as a real help desk's is.
const systemPrompt = "You are the help desk of Harbour, a banking and invoicing app for small businesses. Answer from the FAQ."

func (c *client) ask(ctx context.Context, n int, a ask) outcome {
	o := outcome{ask: a, n: n, similarity: math.NaN()}
	start := time.Now()
	resp, err := c.api.CreateChatCompletion(ctx, openai.ChatCompletionRequest{
		Model: modelName,
		Messages: []openai.ChatCompletionMessage{
			{Role: openai.ChatMessageRoleSystem, Content: systemPrompt},
			{Role: openai.ChatMessageRoleUser, Content: a.Text},
		},
	})
	o.elapsed = time.Since(start)
	if err != nil {
		o.err = fmt.Errorf("demo: ask %d: %w", n, err)
		return o
	}
	if len(resp.Choices) != 1 {
		o.err = fmt.Errorf("demo: ask %d: %d choices in the answer, want 1", n, len(resp.Choices))
		return o
	}
	o.answer, o.prompt, o.completion = resp.Choices[0].Message.Content, resp.Usage.PromptTokens, resp.Usage.CompletionTokens
	known := false
	if o.faq, known = c.provider.faqID(o.answer); !known {
		o.err = fmt.Errorf("demo: ask %d: the answer is none of the provider's: %.60q", n, o.answer)
	}
	o.readHeaders(resp.Header())
	return o
}

func (o *outcome) readHeaders(h http.Header) {
	o.status = h.Get("x-portkey-cache-status")
	if s, err := strconv.ParseFloat(h.Get("x-reprise-similarity"), 64); err == nil {
		o.similarity = s
	}
	o.refused = parseReason(h.Get("x-reprise-reason"))
	o.stages = parseServerTiming(h.Get("server-timing"))
}

// parseReason reads "guard=negation token=disable", or a plain reason.
func parseReason(header string) refusal {
	reason, token, _ := strings.Cut(header, " token=")
	name, isGuard := strings.CutPrefix(reason, "guard=")
	return refusal{reason: name, guard: isGuard, token: token}
}

// parseServerTiming reads `key;dur=0.1, embed;dur=3.2` (milliseconds). What it cannot read it leaves out.
func parseServerTiming(header string) map[string]time.Duration {
	stages := map[string]time.Duration{}
	for metric := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(metric), ";")
		for param := range strings.SplitSeq(params, ";") {
			value, ok := strings.CutPrefix(strings.TrimSpace(param), "dur=")
			if !ok {
				continue
			}
			if ms, err := strconv.ParseFloat(value, 64); err == nil && ms >= 0 && name != "" {
				stages[name] = time.Duration(ms * float64(time.Millisecond))
			}
		}
	}
	return stages
}
