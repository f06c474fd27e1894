package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sashabaranov/go-openai"

	"github.com/reprise-cache/reprise/cache"
)

func TestExactHit(t *testing.T) {
	r := newRig(t, answerWith("Use the settings page."))
	miss := r.ask("how do I log in?", "")
	if miss.StatusCode != 200 || miss.cache() != "SEMANTIC MISS" || miss.body != bodyOf("Use the settings page.") {
		t.Fatalf("first: %d, %s, %s", miss.StatusCode, miss.cache(), miss.body)
	}
	hit := r.ask("how do I log in?", "")
	if hit.StatusCode != 200 || hit.cache() != "HIT" {
		t.Fatalf("second: %d, %s", hit.StatusCode, hit.cache())
	}
	r.wantCalls(1)
	fresh := regexp.MustCompile(`^\{"id":"chatcmpl-[0-9A-Za-z]{24}","object":"chat.completion","created":\d+,`)
	if !fresh.MatchString(hit.body) || strings.Contains(hit.body, "chatcmpl-up") || strings.Contains(hit.body, "1700000000") {
		t.Errorf("id and time are not fresh: %s", hit.body)
	}
	if rest := func(s string) string { return s[strings.Index(s, `,"model"`):] }; rest(hit.body) != rest(miss.body) {
		t.Errorf("the rest differs:\n%s\n%s", hit.body, miss.body)
	}
	for name, want := range map[string]string{
		"X-Cache": "hit", "Age": `^\d$`, "X-Reprise-Entry": "^[0-9a-f]{16}$", "X-Portkey-Trace-Id": "^[0-9a-f]{32}$",
		"X-Portkey-Provider": "^main$", "X-Portkey-Retry-Attempt-Count": "^0$", "Content-Type": "^application/json$",
		"X-Portkey-Last-Used-Option-Index": `^config\.targets\[0\]$`, "Server-Timing": `^key;dur=\d+\.\d{3}`,
		"X-Reprise-Similarity": "^$", "X-Reprise-Confidence": "^$", "X-Reprise-Reason": "^$",
	} {
		if got := hit.Header.Get(name); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s is %q, want %s", name, got, want)
		}
	}
	if got := miss.Header.Get("X-Cache"); got != "miss" {
		t.Errorf("X-Cache of the miss is %q", got)
	}
	if got := miss.Header.Get("Server-Timing"); !strings.Contains(got, "embed;dur=") || !strings.Contains(got, "upstream;dur=") {
		t.Errorf("Server-Timing of the miss is %q", got)
	}
}

func TestSemanticHitAndRefusal(t *testing.T) {
	r := newRig(t, answerWith("Like this."))
	r.ask("how do I enable the email report for my team", "")
	r.flush()
	hit := r.ask("how do I enable the email report for our team", "")
	if hit.cache() != "SEMANTIC HIT" || hit.Header.Get("X-Cache") != "hit" || hit.Header.Get("X-Reprise-Similarity") == "" {
		t.Errorf("got %s, similarity %q", hit.cache(), hit.Header.Get("X-Reprise-Similarity"))
	}
	trap := r.ask("how do I disable the email report for my team", "")
	if trap.cache() != "SEMANTIC MISS" {
		t.Fatalf("the trap got %s", trap.cache())
	}
	if got := trap.Header.Get("X-Reprise-Reason"); !strings.HasPrefix(got, "guard=negation token=") {
		t.Errorf("the reason is %q", got)
	}
	if trap.Header.Get("X-Reprise-Similarity") == "" {
		t.Error("the refusal does not say how similar it was")
	}
	if got := r.ask("an altogether different matter", "").Header.Get("X-Reprise-Reason"); got != "threshold" {
		t.Errorf("the reason of a far question is %q", got)
	}
}

// client is go-openai, pointed at the rig.
func (r *rig) client() *openai.Client {
	cfg := openai.DefaultConfig("sk-test")
	cfg.BaseURL = r.url + "/v1"
	return openai.NewClientWithConfig(cfg)
}

// readStream collects what a streaming client makes of the answer.
func readStream(t *testing.T, s *openai.ChatCompletionStream) (content string, usage *openai.Usage, finish openai.FinishReason) {
	t.Helper()
	defer s.Close()
	for {
		c, err := s.Recv()
		if errors.Is(err, io.EOF) {
			return content, usage, finish
		}
		if err != nil {
			t.Fatal(err)
		}
		if c.Usage != nil {
			usage = c.Usage
		}
		for _, ch := range c.Choices {
			content += ch.Delta.Content
			if ch.FinishReason != "" {
				finish = ch.FinishReason
			}
		}
	}
}

// TestFormsShareAnEntry asks in one form and then in the other, through a client that nobody here wrote.
func TestFormsShareAnEntry(t *testing.T) {
	const answer = "A rather long answer, in which a word follows a word, so that it is sent in several pieces: äöü 語."
	req := openai.ChatCompletionRequest{Model: "m", Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "tell me"}}}
	streaming := req
	streaming.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
	t.Run("plain then stream", func(t *testing.T) {
		r := newRig(t, answerWith(answer))
		if _, err := r.client().CreateChatCompletion(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		s, err := r.client().CreateChatCompletionStream(t.Context(), streaming)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Header().Get("x-portkey-cache-status"); got != "HIT" {
			t.Errorf("got %s", got)
		}
		content, usage, finish := readStream(t, s)
		if content != answer || finish != "stop" || usage == nil || usage.TotalTokens != 7 {
			t.Errorf("got %q, %v, %v", content, finish, usage)
		}
		r.wantCalls(1)
	})
	t.Run("stream then plain", func(t *testing.T) {
		r := newRig(t, answerWith(answer))
		s, err := r.client().CreateChatCompletionStream(t.Context(), streaming)
		if err != nil {
			t.Fatal(err)
		}
		if content, _, _ := readStream(t, s); content != answer {
			t.Errorf("got %q", content)
		}
		r.flush()
		resp, err := r.client().CreateChatCompletion(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if got := resp.Header().Get("x-portkey-cache-status"); got != "HIT" {
			t.Errorf("got %s", got)
		}
		if resp.Object != "chat.completion" || len(resp.Choices) != 1 || resp.Choices[0].Message.Content != answer || resp.Choices[0].FinishReason != "stop" {
			t.Errorf("got %+v", resp)
		}
		r.wantCalls(1)
	})
}

// TestRoundTripKeepsEverything holds that what a provider says beside the text comes back as it was.
func TestRoundTripKeepsEverything(t *testing.T) {
	const choices = `"choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"caf\u00e9 no","reasoning_content":"hm","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"x\": 1.50}"}},{"id":"call_2","type":"function","function":{"name":"g","arguments":"{}"}}],"x_unknown":[1.0,{"a":null}]},"logprobs":{"content":[{"token":"a","logprob":-0.10,"bytes":[97],"top_logprobs":[]}],"refusal":null},"finish_reason":"tool_calls"},{"index":1,"message":{"role":"assistant","content":"b"},"logprobs":null,"finish_reason":"length"}]`
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{ "id": "chatcmpl-up", "object": "chat.completion", "created": 1, "model": "m", `+choices+` }`)
	})
	r.ask("x", "")
	hit := r.ask("x", "")
	if hit.cache() != "HIT" || !strings.Contains(hit.body, choices) {
		t.Errorf("%s: %s", hit.cache(), hit.body)
	}
	stream := r.ask("x", `"stream":true`)
	if stream.cache() != "HIT" || stream.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Fatalf("%s, %s", stream.cache(), stream.Header.Get("Content-Type"))
	}
	for _, piece := range []string{`{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"x\": 1.50}"}}`, `"x_unknown":[1.0,{"a":null}]`, `"logprob":-0.10`, `"finish_reason":"length"`} {
		if !strings.Contains(stream.body, piece) {
			t.Errorf("the stream lacks %s:\n%s", piece, stream.body)
		}
	}
	if !strings.HasSuffix(stream.body, "\n\ndata: [DONE]\n\n") {
		t.Errorf("the stream does not end as one: %s", stream.body)
	}
	r.wantCalls(1)
}

func TestLegacyCompletions(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"id":"cmpl-up","object":"text_completion","created":1,"model":"m","choices":[{"text":" world","index":0,"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
	})
	req := openai.CompletionRequest{Model: "gpt-3.5-turbo-instruct", Prompt: "hello"}
	for i, want := range []string{"SEMANTIC MISS", "HIT"} {
		resp, err := r.client().CreateCompletion(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if got := resp.Header().Get("x-portkey-cache-status"); got != want || resp.Choices[0].Text != " world" {
			t.Errorf("request %d: got %s, %+v", i, got, resp.Choices)
		}
	}
	s, err := r.client().CreateCompletionStream(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var text string
	for {
		c, err := s.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		text += c.Choices[0].Text
	}
	if text != " world" {
		t.Errorf("streamed %q", text)
	}
	// Several prompts are known as a whole, and only exactly.
	if got := r.do("POST", "/v1/completions", `{"model":"m","prompt":["hello","you"]}`).cache(); got != "MISS" {
		t.Errorf("several prompts: got %s, want MISS", got)
	}
	r.wantCalls(2)
}

// TestForceRefreshOfAHeader: a header has the last word on what a config asks for, but takes back no age that anybody named.
func TestForceRefreshOfAHeader(t *testing.T) {
	const config, header, object = "x-portkey-config", "x-portkey-cache-force-refresh", "x-reprise-cache"
	r := newRig(t, answerWith("yes"))
	r.ask("is it?", "")
	r.flush()
	for _, tt := range []struct {
		want   string
		header []string
	}{
		{"REFRESH", []string{config, `{"cache":{"force_refresh":true}}`}},
		{"HIT", []string{config, `{"cache":{"force_refresh":true}}`, header, "false"}},
		{"HIT", []string{config, `{"cache":{"force_refresh":true}}`, object, `{"force_refresh":false}`}},
		{"REFRESH", []string{config, `{"cache":{"force_refresh":true}}`, object, `{"threshold":0.9}`}},
		{"REFRESH", []string{config, `{"cache":{"force_refresh":false}}`, header, "true"}},
		{"HIT", []string{object, `{"force_refresh":true}`, header, "false"}},
		{"REFRESH", []string{object, `{"force_refresh":false}`, header, "true"}},
		{"REFRESH", []string{config, `{"cache":{"max_age":0,"force_refresh":false}}`, header, "false"}},
		{"REFRESH", []string{header, "false", "cache-control", "no-cache"}},
		{"REFRESH", []string{header, "false", "cache-control", "max-age=0"}},
	} {
		if got := r.ask("is it?", "", tt.header...); got.StatusCode != 200 || got.cache() != tt.want {
			t.Errorf("%q: got %d, %s; want %s: %s", tt.header, got.StatusCode, got.cache(), tt.want, got.body)
		}
		r.flush()
	}
}

func TestCacheHeaders(t *testing.T) {
	r := newRig(t, answerWith("yes"))
	r.ask("is it?", "")
	r.flush()
	for _, tt := range []struct {
		name   string
		want   string
		status int
		header []string
	}{
		{"as it is", "HIT", 200, nil},
		{"simple", "HIT", 200, []string{"x-portkey-cache", "simple"}},
		{"the alias wins", "DISABLED", 200, []string{"x-portkey-cache", "simple", "x-reprise-cache", "off"}},
		{"an object", "MISS", 200, []string{"x-reprise-cache", `{"mode":"simple","namespace":"other","ttl":60,"threshold":0.9,"max_age":10}`}},
		{"a namespace", "SEMANTIC MISS", 200, []string{"x-portkey-cache-namespace", "shop"}},
		{"force refresh", "REFRESH", 200, []string{"x-portkey-cache-force-refresh", "true"}},
		{"no force refresh", "HIT", 200, []string{"x-portkey-cache-force-refresh", "False"}},
		{"no-cache", "REFRESH", 200, []string{"cache-control", "no-cache"}},
		{"no-cache of an event stream's client", "HIT", 200, []string{"cache-control", "no-cache", "accept", "text/event-stream"}},
		{"no-store", "DISABLED", 200, []string{"cache-control", "no-store"}},
		{"a long max-age", "HIT", 200, []string{"cache-control", "max-age=99999999999999999999"[:20]}},
		{"max-age of nothing", "REFRESH", 200, []string{"cache-control", "private, max-age=0"}},
		{"only-if-cached", "HIT", 200, []string{"cache-control", "only-if-cached"}},
		{"only-if-cached without", "MISS", 504, []string{"cache-control", "only-if-cached", "x-reprise-cache", "simple", "x-reprise-cache-namespace", "empty"}},
		{"a mode that is none", "", 400, []string{"x-portkey-cache", "fuzzy"}},
		{"an unknown key", "", 400, []string{"x-portkey-cache", `{"mode":"simple","age":3}`}},
		{"a boolean of another kind", "", 400, []string{"x-portkey-cache-force-refresh", "perhaps"}},
		{"a negative max-age", "", 400, []string{"cache-control", "max-age=-1"}},
		{"a timeout of nothing", "", 400, []string{"x-portkey-request-timeout", "0"}},
		{"a trace id too long", "", 400, []string{"x-portkey-trace-id", strings.Repeat("t", 129)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := r.ask("is it?", "", tt.header...)
			if got.StatusCode != tt.status || got.cache() != tt.want {
				t.Errorf("got %d, %s; want %d, %s: %s", got.StatusCode, got.cache(), tt.status, tt.want, got.body)
			}
			if tt.status >= 400 {
				wantError(t, got)
			}
			r.flush()
		})
	}
}

// wantError checks that an error of the gateway's own has OpenAI's shape.
func wantError(t *testing.T, got reply) openai.APIError {
	t.Helper()
	var e struct {
		Error *openai.APIError `json:"error"`
	}
	if err := json.Unmarshal([]byte(got.body), &e); err != nil || e.Error == nil || e.Error.Message == "" || e.Error.Type == "" || e.Error.Code == nil {
		t.Fatalf("not an error in OpenAI's shape: %v: %s", err, got.body)
	}
	if got.Header.Get("Content-Type") != "application/json" || got.Header.Get("X-Portkey-Trace-Id") == "" {
		t.Errorf("the headers of the error are %v", got.Header)
	}
	return *e.Error
}

func TestZeroUsage(t *testing.T) {
	r := newRig(t, answerWith("yes"), func(c *Config) { c.Usage = ZeroUsage })
	r.ask("is it?", "")
	if hit := r.ask("is it?", ""); hit.cache() != "HIT" || !strings.Contains(hit.body, `"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}`) {
		t.Errorf("%s: %s", hit.cache(), hit.body)
	}
}

// TestUsageOfAStreamThatSaidNone: who expects a usage has one, of an answer that was stored from a stream which was not asked for it:
// an estimate that is told as such. Who did not ask for it is sent none, and none is stored.
func TestUsageOfAStreamThatSaidNone(t *testing.T) {
	const estimate = `"usage":{"prompt_tokens":2,"completion_tokens":6,"total_tokens":8}` // of 6 and 22 bytes, four a token
	for _, zero := range []bool{false, true} {
		r := newRig(t, answerWith("yes, it is, and always"), func(c *Config) {
			if zero {
				c.Usage = ZeroUsage
			}
		})
		want, told := estimate, "estimated"
		if zero {
			want, told = `"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}`, ""
		}
		if got := r.ask("is it?", `"stream":true`); strings.Contains(got.body, "usage") || got.Header.Get("x-reprise-usage") != "" {
			t.Errorf("the provider's own stream: %s", got.body)
		}
		r.flush()
		plain := r.ask("is it?", "")
		if plain.cache() != "HIT" || !strings.HasSuffix(plain.body, `],`+want+`}`) || !json.Valid([]byte(plain.body)) || plain.Header.Get("x-reprise-usage") != told {
			t.Errorf("a plain client, zero %v: %s, %q, %s", zero, plain.cache(), plain.Header.Get("x-reprise-usage"), plain.body)
		}
		asked := r.ask("is it?", `"stream":true,"stream_options":{"include_usage":true}`)
		if asked.cache() != "HIT" || !strings.Contains(asked.body, `"choices":[],`+want) || asked.Header.Get("x-reprise-usage") != told {
			t.Errorf("a stream that asks for it, zero %v: %s, %s", zero, asked.cache(), asked.body)
		}
		if got := r.ask("is it?", `"stream":true`); got.cache() != "HIT" || strings.Contains(got.body, "usage") || got.Header.Get("x-reprise-usage") != "" {
			t.Errorf("a stream that does not: %s, %s", got.cache(), got.body)
		}
		r.wantCalls(1)
	}
	r := newRig(t, answerWith("yes"))
	r.ask("is it?", "")
	r.flush()
	if got := r.ask("is it?", ""); got.Header.Get("x-reprise-usage") != "" || !strings.Contains(got.body, `"total_tokens":7`) {
		t.Errorf("an answer that says its usage: %s", got.body)
	}
	// A provider that says no usage in a whole answer says none in a hit either.
	silent := strings.Replace(bodyOf("yes"), `,"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}`, "", 1)
	r = newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, silent)
	})
	r.ask("is it?", "")
	r.flush()
	for _, rest := range []string{"", `"stream":true,"stream_options":{"include_usage":true}`} {
		got := r.ask("is it?", rest)
		if got.cache() != "HIT" || strings.Contains(got.body, "prompt_tokens") || got.Header.Get("x-reprise-usage") != "" || rest == "" && strings.Contains(got.body, "usage") {
			t.Errorf("an answer without a usage, asked with %q: %s, %s", rest, got.cache(), got.body)
		}
	}
}

func TestCacheFailureIsNotTheCallers(t *testing.T) {
	r := newRig(t, answerWith("yes"))
	r.embedder.fail.Store(true)
	if got := r.ask("is it?", ""); got.StatusCode != 200 || got.cache() != "DISABLED" || got.body != bodyOf("yes") {
		t.Errorf("embedder down: %d, %s, %s", got.StatusCode, got.cache(), got.body)
	}
	r.flush()
	r.cache.Close()
	if got := r.ask("is it?", ""); got.StatusCode != 200 || got.cache() != "DISABLED" {
		t.Errorf("cache closed: %d, %s", got.StatusCode, got.cache())
	}
	if !strings.Contains(r.log.String(), "cache_error") {
		t.Error("the failure is not in the log")
	}
}

func TestWithoutCache(t *testing.T) {
	r := newRig(t, answerWith("yes"), func(c *Config) { c.Cache = nil })
	for range 2 {
		if got := r.ask("is it?", ""); got.StatusCode != 200 || got.cache() != "DISABLED" {
			t.Errorf("%d, %s", got.StatusCode, got.cache())
		}
	}
	r.wantCalls(2)
}

func TestNotStored(t *testing.T) {
	event := func(s string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, s)
		}
	}
	plain := func(status int, s string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			io.WriteString(w, s)
		}
	}
	whole := streamOf("a b c")
	for name, give := range map[string]func(http.ResponseWriter){
		"no done":            event(strings.TrimSuffix(whole, "data: [DONE]\n\n")),
		"error in a chunk":   event(chunk(`"error":{"message":"x"}`) + whole),
		"error event":        event("event: error\ndata: {}\n\n" + whole),
		"unfinished":         event(chunk(`"choices":[{"index":0,"delta":{"content":"a"}}]`) + "data: [DONE]\n\n"),
		"429":                plain(429, `{"error":{"message":"slow down"}}`),
		"an error as 200":    plain(200, `{"error":{"message":"oops"}}`),
		"no finish reason":   plain(200, strings.Replace(bodyOf("a"), `"stop"`, `null`, 1)),
		"no choices":         plain(200, `{"choices":[]}`),
		"accepted, not done": plain(202, bodyOf("a")),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { give(w) })
			first := r.ask("x", `"stream":true`)
			r.flush()
			second := r.ask("x", `"stream":true`)
			if second.cache() != "SEMANTIC MISS" {
				t.Errorf("got %s", second.cache())
			}
			if first.StatusCode != second.StatusCode || first.body != second.body {
				t.Errorf("the provider's own words do not pass through: %d %s", first.StatusCode, first.body)
			}
			r.wantCalls(2)
		})
	}
}

func TestBypassedRequests(t *testing.T) {
	r := newRig(t, answerWith("yes"))
	for name, members := range map[string]string{"store": `"store":true`, "sound": `"audio":{"voice":"x"}`} {
		for range 2 {
			if got := r.ask("is it?", members); got.cache() != "DISABLED" || got.StatusCode != 200 {
				t.Errorf("%s: %s", name, got.cache())
			}
		}
	}
	if got := r.do("POST", chatPath, `{"model":"m","messages":"?"}`); got.cache() != "DISABLED" || got.StatusCode != 200 {
		t.Errorf("a form that only the provider can refuse: %d, %s", got.StatusCode, got.cache())
	}
	r.wantCalls(5)
}

func TestLookupContext(t *testing.T) {
	r := newRig(t, answerWith("yes"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := http.DefaultClient.Do(r.request(ctx, "POST", chatPath, question("x", ""))); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := r.ask("x", ""); got.StatusCode != 200 {
		t.Errorf("the server does not survive a client that left: %d", got.StatusCode)
	}
}

// TestReadYourWrites holds that who was given an answer finds it when asking again at once, though it is stored off his
// path.
func TestReadYourWrites(t *testing.T) {
	var n atomic.Int64
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { answerWith(fmt.Sprint("answer ", n.Add(1)))(w, req) })
	ask := func(want, status, members string, header ...string) {
		t.Helper()
		if got := r.ask("x", members, header...); got.cache() != status || !strings.Contains(got.body, want) {
			t.Errorf("got %s, %s; want %s, %s", got.cache(), got.body, status, want)
		}
	}
	for i := int64(1); i < 40; i += 2 {
		want := fmt.Sprint("answer ", i)
		status := "REFRESH"
		if i == 1 {
			status = "SEMANTIC MISS"
			ask(want, status, `"stream":false`)
		} else {
			ask(want, status, "", "cache-control", "no-cache")
		}
		ask(want, "HIT", "", "cache-control", "only-if-cached")
		want = fmt.Sprint("answer ", i+1)
		if got := r.ask("x", `"stream":true`, "x-portkey-cache-force-refresh", "true"); got.cache() != "REFRESH" {
			t.Errorf("got %s", got.cache())
		}
		ask(want, "HIT", "")
	}
}

// TestSecondLookUpOfNoAnswer: where the look-up before a call finds an entry that is no answer, the provider is asked after all.
func TestSecondLookUpOfNoAnswer(t *testing.T) {
	var refuse atomic.Bool
	under := make(chan flightKey, 1)
	var r *rig
	r = newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if !refuse.Load() {
			answerWith("y")(w, req)
			return
		}
		r.s.flights.mu.Lock()
		for key := range r.s.flights.open {
			under <- key
		}
		r.s.flights.mu.Unlock()
		status(500)(w, req)
	})
	refuse.Store(true)
	r.ask("x", "")
	key := recv(t, under, "the first call's key")
	r.flush()
	refuse.Store(false)
	f := newFlight(r.s.ctx, key, 1<<20)
	found := &cache.Lookup{}
	found.Status, found.Entry = cache.HitExact, &cache.Entry{ID: 1 << 40, Value: cache.Value{Body: []byte("[]")}}
	f.setHead(&head{hit: found})
	r.s.flights.mu.Lock()
	r.s.flights.open[key] = f
	r.s.flights.mu.Unlock()
	if got := r.ask("x", ""); got.StatusCode != 200 || got.cache() != "DISABLED" || !strings.Contains(got.body, `"content":"y"`) {
		t.Errorf("%d %s %s", got.StatusCode, got.cache(), got.body)
	}
	r.s.flights.settle(f)
	r.flush()
	if got := r.ask("x", ""); got.cache() != "HIT" {
		t.Errorf("afterwards: %s", got.cache())
	}
	r.wantCalls(2)
}
