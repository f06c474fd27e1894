package embed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const testKey = "sk-test-0123456789abcdef"

// asked is what an endpoint under test was sent.
type asked struct {
	Input      []string `json:"input"`
	Model      string   `json:"model"`
	Dimensions *int     `json:"dimensions"`
	fields     map[string]any
	header     http.Header
	path       string
}

// endpoint is a real HTTP server that keeps what it was asked and answers as the test says.
type endpoint struct {
	*httptest.Server
	mu    sync.Mutex
	asked []asked
}

func serve(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, a asked, call int)) *endpoint {
	t.Helper()
	e := &endpoint{}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		a := asked{header: r.Header, path: r.Method + " " + r.URL.Path}
		if err = errors.Join(err, json.Unmarshal(body, &a), json.Unmarshal(body, &a.fields)); err != nil {
			t.Errorf("request body: %v", err)
		}
		e.mu.Lock()
		e.asked = append(e.asked, a)
		call := len(e.asked)
		e.mu.Unlock()
		answer(w, r, a, call)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) calls() []asked {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.asked)
}

// client is an OpenAI for the endpoint whose pauses take no time and are kept.
func (e *endpoint) client(t *testing.T, o OpenAIOptions) (*OpenAI, *[]time.Duration) {
	t.Helper()
	o.BaseURL, o.APIKey = e.URL+"/v1", testKey
	if o.Model == "" {
		o.Model = "test-model"
	}
	if o.Dim == 0 {
		o.Dim = 3
	}
	c, err := NewOpenAI(o)
	if err != nil {
		t.Fatal(err)
	}
	var pauses []time.Duration
	c.wait = func(_ context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return nil
	}
	return c, &pauses
}

// vector is the direction by which the tests know a text again.
func vector(text string) []float32 { return []float32{float32(len(text)), 3, 4} }

// answerLast writes the vectors of the texts, the last text first.
func answerLast(w http.ResponseWriter, a asked) {
	type item struct {
		Object    string    `json:"object"`
		Index     int       `json:"index"`
		Embedding []float32 `json:"embedding"`
	}
	var items []item
	for i, text := range slices.Backward(a.Input) {
		items = append(items, item{"embedding", i, vector(text)})
	}
	json.NewEncoder(w).Encode(map[string]any{"object": "list", "data": items, "model": a.Model})
}

func TestOpenAIBatchesInOrder(t *testing.T) {
	e := serve(t, func(w http.ResponseWriter, _ *http.Request, a asked, _ int) { answerLast(w, a) })
	c, _ := e.client(t, OpenAIOptions{BatchSize: 4})
	var texts []string
	for i := range 10 {
		texts = append(texts, strings.Repeat("x", i+1))
	}
	vectors, err := c.Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	if len(vectors) != len(texts) {
		t.Fatalf("%d vectors for %d texts", len(vectors), len(texts))
	}
	for i, v := range vectors {
		want := vector(texts[i])
		length := math.Sqrt(float64(want[0]*want[0]) + 25)
		for j := range v {
			if math.Abs(float64(v[j])-float64(want[j])/length) > 1e-6 {
				t.Errorf("text %d: %v, want the direction of %v", i, v, want)
			}
		}
	}
	calls := e.calls()
	if len(calls) != 3 || len(calls[0].Input) != 4 || len(calls[2].Input) != 2 {
		t.Fatalf("requests %v, want batches of 4, 4 and 2", calls)
	}
	for _, a := range calls {
		if a.path != "POST /v1/embeddings" || a.Model != "test-model" || a.header.Get("Authorization") != "Bearer "+testKey {
			t.Errorf("asked %s for model %q", a.path, a.Model)
		}
		if len(a.fields) != 2 {
			t.Errorf("asked with fields %v, want input and model only: some endpoints refuse others", a.fields)
		}
	}
	if none, err := c.Embed(t.Context(), nil); err != nil || len(none) != 0 || len(e.calls()) != 3 {
		t.Errorf("no texts: %v, %v", none, err)
	}
}

func TestOpenAIRetries(t *testing.T) {
	refuse := func(status int, header, value string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			if header != "" {
				w.Header().Set(header, value)
			}
			http.Error(w, `{"error":{"message":"slow down","type":"x","code":"rate_limit"}}`, status)
		}
	}
	cut := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "1000")
		io.WriteString(w, `{"data":[`)
	}
	drop := func(w http.ResponseWriter) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
	}
	quota := func(w http.ResponseWriter) {
		http.Error(w, `{"error":{"message":"pay first","type":"insufficient_quota","code":"insufficient_quota"}}`, http.StatusTooManyRequests)
	}
	for _, c := range []struct {
		name     string
		failures []func(http.ResponseWriter)
		retries  int
		calls    int
		status   int // of the error; -1: another error; 0: success
		least    time.Duration
	}{
		{"429 then success", []func(http.ResponseWriter){refuse(429, "", "")}, 0, 2, 0, 0},
		{"waits as told", []func(http.ResponseWriter){refuse(429, "Retry-After", "7")}, 0, 2, 0, 7 * time.Second},
		{"waits milliseconds", []func(http.ResponseWriter){refuse(503, "Retry-After-Ms", "1500")}, 0, 2, 0, 1500 * time.Millisecond},
		{"told to wait too long", []func(http.ResponseWriter){refuse(429, "Retry-After", "3600")}, 0, 1, 429, 0},
		{"500 twice", []func(http.ResponseWriter){refuse(500, "", ""), refuse(502, "", "")}, 0, 3, 0, 0},
		{"500 for ever", slices.Repeat([]func(http.ResponseWriter){refuse(500, "", "")}, 9), 4, 5, 500, 0},
		{"retries off", []func(http.ResponseWriter){refuse(500, "", "")}, -1, 1, 500, 0},
		{"408", []func(http.ResponseWriter){refuse(408, "", "")}, 0, 2, 0, 0},
		{"400", []func(http.ResponseWriter){refuse(400, "", "")}, 0, 1, 400, 0},
		{"401", []func(http.ResponseWriter){refuse(401, "Retry-After", "1")}, 0, 1, 401, 0},
		{"no money left", []func(http.ResponseWriter){quota}, 0, 1, 429, 0},
		{"answer cut", []func(http.ResponseWriter){cut}, 0, 2, 0, 0},
		{"connection dropped", []func(http.ResponseWriter){drop, drop}, 0, 3, 0, 0},
		{"dropped for ever", []func(http.ResponseWriter){drop, drop, drop}, 0, 3, -1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := serve(t, func(w http.ResponseWriter, _ *http.Request, a asked, call int) {
				if call <= len(c.failures) {
					c.failures[call-1](w)
					return
				}
				answerLast(w, a)
			})
			o, pauses := e.client(t, OpenAIOptions{MaxRetries: c.retries})
			vectors, err := o.Embed(t.Context(), []string{"a", "bb"})
			var status *StatusError
			switch {
			case c.status == 0 && (err != nil || len(vectors) != 2):
				t.Errorf("%v, %v", vectors, err)
			case c.status > 0 && (!errors.As(err, &status) || status.Status != c.status || status.Message == ""):
				t.Errorf("error %v, want status %d with the endpoint's message", err, c.status)
			case c.status < 0 && (err == nil || errors.As(err, &status) || errors.Is(err, ErrAnswer)):
				t.Errorf("error %v, want the network's", err)
			}
			if got := len(e.calls()); got != c.calls || len(*pauses) != c.calls-1 {
				t.Errorf("%d requests with %d pauses, want %d", got, len(*pauses), c.calls)
			}
			for i, p := range *pauses {
				if most := c.least + 500*time.Millisecond<<i; p < c.least || p > most {
					t.Errorf("pause %d of %v, want %v to %v", i+1, p, c.least, most)
				}
			}
		})
	}
}

func TestOpenAIRefusesBadAnswers(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       error
	}{
		{"not JSON", `<html>welcome</html>`, ErrAnswer},
		{"JSON that ends early", `{"data":[`, ErrAnswer},
		{"empty", ``, ErrAnswer},
		{"no data", `{}`, ErrAnswer},
		{"error with status 200", `{"error":{"message":"no such model"}}`, ErrAnswer},
		{"one short", `{"data":[{"index":0,"embedding":[1,2,3]}]}`, ErrAnswer},
		{"one more", `{"data":[{"index":0,"embedding":[1,2,3]},{"index":1,"embedding":[1,2,3]},{"index":2,"embedding":[1,2,3]}]}`, ErrAnswer},
		{"index twice", `{"data":[{"index":1,"embedding":[1,2,3]},{"index":1,"embedding":[1,2,3]}]}`, ErrAnswer},
		{"index too high", `{"data":[{"index":0,"embedding":[1,2,3]},{"index":2,"embedding":[1,2,3]}]}`, ErrAnswer},
		{"index below zero", `{"data":[{"index":-1,"embedding":[1,2,3]},{"index":1,"embedding":[1,2,3]}]}`, ErrAnswer},
		{"short vector", `{"data":[{"index":0,"embedding":[1,2,3]},{"index":1,"embedding":[1,2]}]}`, ErrDimension},
		{"long vector", `{"data":[{"index":0,"embedding":[1,2,3,4]},{"index":1,"embedding":[1,2,3]}]}`, ErrDimension},
		{"no vector", `{"data":[{"index":0},{"index":1}]}`, ErrDimension},
		{"zero vector", `{"data":[{"index":0,"embedding":[0,0,0]},{"index":1,"embedding":[1,2,3]}]}`, ErrAnswer},
		{"NaN", `{"data":[{"index":0,"embedding":[NaN,0,0]},{"index":1,"embedding":[1,2,3]}]}`, ErrAnswer},
		{"number past float32", `{"data":[{"index":0,"embedding":[1e39,0,0]},{"index":1,"embedding":[1,2,3]}]}`, ErrAnswer},
		{"base64", `{"data":[{"index":0,"embedding":"AACAPwAAAAAAAAAA"},{"index":1,"embedding":"AACAPwAAAAAAAAAA"}]}`, ErrAnswer},
		{"endless", `{"data":[` + strings.Repeat(" ", 2<<20) + `]}`, ErrAnswer},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := serve(t, func(w http.ResponseWriter, _ *http.Request, _ asked, _ int) { io.WriteString(w, c.body) })
			o, _ := e.client(t, OpenAIOptions{})
			vectors, err := o.Embed(t.Context(), []string{"a", "bb"})
			if !errors.Is(err, c.want) || vectors != nil {
				t.Errorf("%v, %v, want %v", vectors, err, c.want)
			}
			if n := len(e.calls()); n != 1 {
				t.Errorf("asked %d times; the same answer would come again", n)
			}
		})
	}
}

func TestScaleToUnit(t *testing.T) {
	for _, v := range [][]float32{{float32(math.NaN()), 1}, {float32(math.Inf(1)), 1}, {0, 0}, {}} {
		if err := scaleToUnit(v); !errors.Is(err, ErrAnswer) {
			t.Errorf("%v: error %v", v, err)
		}
	}
	for _, v := range [][]float32{{3, 4}, {3e38, 3e38}, {1e-44, 0}} {
		if err := scaleToUnit(v); err != nil || math.Abs(math.Hypot(float64(v[0]), float64(v[1]))-1) > 1e-6 {
			t.Errorf("%v, %v", v, err)
		}
	}
}

func TestOpenAITimeoutIsRetried(t *testing.T) {
	release := make(chan struct{})
	e := serve(t, func(w http.ResponseWriter, r *http.Request, a asked, call int) {
		switch call {
		case 1: // no answer
			<-release
		case 2: // the head of one
			io.WriteString(w, `{"data":[`)
			http.NewResponseController(w).Flush()
			<-release
		default:
			answerLast(w, a)
		}
	})
	defer close(release)
	o, _ := e.client(t, OpenAIOptions{Timeout: 250 * time.Millisecond, MaxRetries: 1})
	_, err := o.Embed(t.Context(), []string{"a"})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "250ms") {
		t.Errorf("error %v, want one that names the timeout", err)
	}
	o.timeout = 30 * time.Second
	if _, err := o.Embed(t.Context(), []string{"a"}); err != nil || len(e.calls()) != 3 {
		t.Errorf("%v after %d requests", err, len(e.calls()))
	}
}

func TestOpenAIHonoursTheContext(t *testing.T) {
	arrived := make(chan struct{})
	release := make(chan struct{})
	e := serve(t, func(w http.ResponseWriter, _ *http.Request, _ asked, _ int) {
		arrived <- struct{}{}
		<-release
	})
	defer close(release)
	o, pauses := e.client(t, OpenAIOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	if _, err := o.Embed(ctx, []string{"a"}); !errors.Is(err, context.Canceled) || len(*pauses) != 0 {
		t.Errorf("cancelled in flight: %v after %d pauses", err, len(*pauses))
	}
	if _, err := o.Embed(ctx, []string{"a"}); !errors.Is(err, context.Canceled) || len(e.calls()) != 1 {
		t.Errorf("cancelled before: %v after %d requests", err, len(e.calls()))
	}
}

// TestOpenAICountsTextsOverAllBatches: an error names the text as the caller counts them.
func TestOpenAICountsTextsOverAllBatches(t *testing.T) {
	e := serve(t, func(w http.ResponseWriter, _ *http.Request, _ asked, call int) {
		vectors := []string{"[1,0,0]", "[1,0,0]"}
		if call == 2 {
			vectors[1] = "[0,0,0]"
		}
		fmt.Fprintf(w, `{"data":[{"index":0,"embedding":%s},{"index":1,"embedding":%s}]}`, vectors[0], vectors[1])
	})
	o, _ := e.client(t, OpenAIOptions{BatchSize: 2})
	_, err := o.Embed(t.Context(), []string{"a", "b", "c", "d"})
	if !errors.Is(err, ErrAnswer) || !strings.Contains(err.Error(), "text 3:") {
		t.Errorf("got %v, want ErrAnswer of text 3", err)
	}
}

func TestOpenAICancelledInAPause(t *testing.T) {
	e := serve(t, func(w http.ResponseWriter, _ *http.Request, _ asked, _ int) {
		w.Header().Set("Retry-After", "25") // as no test waits that long, the pause must have been cut short
		http.Error(w, "busy", http.StatusServiceUnavailable)
	})
	o, _ := e.client(t, OpenAIOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	o.wait = func(ctx context.Context, d time.Duration) error {
		cancel()
		return wait(ctx, d)
	}
	_, err := o.Embed(ctx, []string{"a"})
	var status *StatusError
	if !errors.Is(err, context.Canceled) || !errors.As(err, &status) || status.RetryAfter != 25*time.Second {
		t.Errorf("error %v, want the cancellation and what was waited for", err)
	}
}

func TestWaitEnds(t *testing.T) {
	if err := wait(t.Context(), time.Nanosecond); err != nil {
		t.Error(err)
	}
}

func TestOpenAINeverShowsTheKey(t *testing.T) {
	e := serve(t, func(w http.ResponseWriter, r *http.Request, _ asked, call int) {
		key := r.Header.Get("Authorization")
		switch call {
		case 1:
			http.Error(w, fmt.Sprintf(`{"error":{"message":"incorrect key: %s\u001b[2J\n%s","code":"invalid_api_key"}}`, key, strings.Repeat("x", 5000)), http.StatusUnauthorized)
		case 2:
			http.Error(w, "proxy says: "+key, http.StatusForbidden)
		case 3:
			io.WriteString(w, key)
		default:
			fmt.Fprintf(w, `{"data":[{"index":"%s"}]}`, key)
		}
	})
	o, _ := e.client(t, OpenAIOptions{})
	options := OpenAIOptions{APIKey: testKey, BaseURL: "https://user:" + testKey + "@host/v1"}
	shown := []string{o.String(), fmt.Sprintf("%v %+v %#v", *o, *o, *o), fmt.Sprintf("%+v %#v %v", options, options, &options)}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "options", OpenAIOptions{APIKey: testKey}, "embedder", o)
	shown = append(shown, log.String())
	for range 4 {
		_, err := o.Embed(t.Context(), []string{"a"})
		if err == nil {
			t.Fatal("no error")
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			shown = append(shown, fmt.Sprintf("%v %+v %#v", e, e, e))
		}
		if text := err.Error(); len(text) > 500 || strings.ContainsAny(text, "\n\x1b") {
			t.Errorf("error of %d bytes: %q", len(text), text)
		}
	}
	for _, bad := range []OpenAIOptions{options, {APIKey: testKey + "\n", Model: "m"}, {BaseURL: "://" + testKey}, {BaseURL: "ftp://u:" + testKey + "@h"}} {
		_, err := NewOpenAI(bad)
		shown = append(shown, fmt.Sprint(err))
	}
	for _, s := range shown {
		if strings.Contains(s, testKey) {
			t.Errorf("the key is in %q", s)
		}
	}
}

// TestOpenAIErrorsDoNotRepeatTexts: what a person asked must not get into a log because an endpoint quotes it.
func TestOpenAIErrorsDoNotRepeatTexts(t *testing.T) {
	const text = "My card number\nis 4111 1111, \"why\" was it declined?"
	for body, shown := range map[string]bool{
		`{"error":{"message":"input too long: My card number\nis 4111 1111, \"why\" was it declined?"}}`: false,
		`{"detail":[{"type":"string_too_long","input":"My card number\nis 4111 1111, \"why\" was`:        false,
		`{"error":{"message":"the model is overloaded, and was for a while"}}`:                           true,
	} {
		e := serve(t, func(w http.ResponseWriter, _ *http.Request, _ asked, _ int) {
			http.Error(w, body, http.StatusUnprocessableEntity)
		})
		o, _ := e.client(t, OpenAIOptions{})
		_, err := o.Embed(t.Context(), []string{"another one", text})
		if err == nil || strings.Contains(err.Error(), "4111") || strings.Contains(err.Error(), "overloaded") != shown || !strings.Contains(err.Error(), "422") {
			t.Errorf("%s: %v", body, err)
		}
	}
	if o := []string{"hi"}; !repeats("you said: Hi!", o) || repeats("this is another thing", o) || repeats("", o) || repeats("nothing", []string{"", "?"}) {
		t.Error("a short text is taken for another")
	}
}

func TestOpenAIAsksForDimensions(t *testing.T) {
	for _, c := range []struct {
		o    OpenAIOptions
		sent int // 0: nothing
		id   string
	}{
		{OpenAIOptions{Model: "text-embedding-3-small"}, 0, "openai:text-embedding-3-small@1536"},
		{OpenAIOptions{Model: "text-embedding-3-large"}, 0, "openai:text-embedding-3-large@3072"},
		{OpenAIOptions{Model: "text-embedding-ada-002", Dim: 1536}, 0, "openai:text-embedding-ada-002@1536"},
		{OpenAIOptions{Model: "text-embedding-3-large", Dim: 256}, 256, "openai:text-embedding-3-large@256"},
		{OpenAIOptions{Model: "bge-small", Dim: 384}, 0, "openai:bge-small@384"},
		{OpenAIOptions{Model: "nomic", Dim: 256, Shorten: true}, 256, "openai:nomic@256"},
	} {
		e := serve(t, func(w http.ResponseWriter, _ *http.Request, _ asked, _ int) { http.Error(w, "enough", 400) })
		c.o.BaseURL = e.URL
		o, err := NewOpenAI(c.o)
		if err != nil {
			t.Fatal(err)
		}
		if o.ID() != c.id || !strings.HasSuffix(c.id, fmt.Sprintf("@%d", o.Dim())) {
			t.Errorf("%s with dim %d, want %s", o.ID(), o.Dim(), c.id)
		}
		if _, err := o.Embed(t.Context(), []string{"a"}); err == nil {
			t.Error("no error for a 400")
		}
		a := e.calls()[0]
		if sent := a.Dimensions; (sent == nil) != (c.sent == 0) || sent != nil && *sent != c.sent {
			t.Errorf("%s: dimensions %v, want %d", c.id, sent, c.sent)
		}
		if _, ok := a.header["Authorization"]; ok {
			t.Errorf("%s: an empty key was sent", c.id)
		}
	}
}

func TestNewOpenAIRefusesBadOptions(t *testing.T) {
	for _, c := range []struct {
		o    OpenAIOptions
		says string
	}{
		{OpenAIOptions{Model: "text-embedding-3-small"}, "APIKey"},
		{OpenAIOptions{APIKey: "k"}, "Model"},
		{OpenAIOptions{APIKey: "k", Model: "own"}, "set Dim"},
		{OpenAIOptions{APIKey: "k", Model: "own", Dim: -1}, "Dim is -1"},
		{OpenAIOptions{APIKey: "k", Model: "text-embedding-3-small", Dim: 3072}, "vectors of 1536"},
		{OpenAIOptions{APIKey: "k", Model: "text-embedding-ada-002", Dim: 256}, "vectors of 1536"},
		{OpenAIOptions{APIKey: "k\n", Model: "text-embedding-3-small"}, "APIKey"},
		{OpenAIOptions{BaseURL: "localhost:1234", Model: "m", Dim: 3}, "BaseURL"},
		{OpenAIOptions{BaseURL: "https://h/v1?api-version=1", Model: "m", Dim: 3}, "BaseURL"},
		{OpenAIOptions{BaseURL: "http://\x7f", Model: "m", Dim: 3}, "BaseURL"},
		{OpenAIOptions{BaseURL: "http://h", Model: "m", Dim: 3, BatchSize: -1}, "BatchSize"},
		{OpenAIOptions{BaseURL: "http://h", Model: "m", Dim: 3, BatchSize: 2049}, "BatchSize"},
		{OpenAIOptions{BaseURL: "http://h", Model: "m", Dim: 3, Timeout: -time.Second}, "Timeout"},
	} {
		if _, err := NewOpenAI(c.o); !errors.Is(err, ErrOptions) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: error %v, want one about %q", c.o, err, c.says)
		}
	}
}

func TestOpenAIWithNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	o, err := NewOpenAI(OpenAIOptions{BaseURL: "http://" + l.Addr().String(), Model: "m", Dim: 3, MaxRetries: -1})
	if err != nil {
		t.Fatal(err)
	}
	var network *net.OpError
	if _, err := o.Embed(t.Context(), []string{"a"}); !errors.As(err, &network) || !strings.HasPrefix(err.Error(), "embed: ") {
		t.Errorf("error %v, want the network's", err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	for _, c := range []struct {
		header, value string
		want          time.Duration
	}{
		{"Retry-After", "3", 3 * time.Second},
		{"Retry-After", "0.5", 500 * time.Millisecond},
		{"Retry-After", "Tue, 03 Feb 2026 04:05:16 GMT", 10 * time.Second},
		{"Retry-After", "Tue, 03 Feb 2026 04:05:00 GMT", 0},
		{"Retry-After", "soon", 0},
		{"Retry-After", "-1", 0},
		{"Retry-After", "NaN", 0},
		{"Retry-After", "1e300", 365 * 24 * time.Hour},
		{"Retry-After-Ms", "20", 20 * time.Millisecond},
		{"Retry-After-Ms", "Inf", 365 * 24 * time.Hour},
	} {
		if got := retryAfter(http.Header{c.header: {c.value}}, now); got != c.want {
			t.Errorf("%s: %s is %v, want %v", c.header, c.value, got, c.want)
		}
	}
}
