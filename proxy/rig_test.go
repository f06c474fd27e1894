package proxy

import (
	"bytes"
	"context"
	"errors"
	"hash/fnv"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reprise-cache/reprise/cache"
)

// patience bounds every wait of a test. No test waits that long unless it fails.
const patience = 10 * time.Second

// words embeds a text as the sum of a direction for each of its words, so that texts which share words are similar and
// tests know how much.
type words struct {
	fail atomic.Bool
	gate func(texts []string) []string // called before each embedding, to hold it up or to change it; nil: not
}

func (*words) ID() string { return "words/1" }
func (*words) Dim() int   { return 64 }

func (w *words) Embed(_ context.Context, texts []string) ([][]float32, error) {
	if w.fail.Load() {
		return nil, io.ErrClosedPipe
	}
	if w.gate != nil {
		texts = w.gate(texts)
	}
	out := make([][]float32, len(texts))
	for i, t := range texts {
		v := make([]float32, 64)
		for _, word := range strings.Fields(strings.ToLower(t)) {
			h := fnv.New64a()
			h.Write([]byte(word))
			x := h.Sum64()
			for d := range v {
				x = x*6364136223846793005 + 1442695040888963407
				v[d] += float32(int64(x>>33)-1<<30) / (1 << 30)
			}
		}
		var n float64
		for _, f := range v {
			n += float64(f) * float64(f)
		}
		if n == 0 {
			v[0], n = 1, 1
		}
		for d := range v {
			v[d] /= float32(math.Sqrt(n))
		}
		out[i] = v
	}
	return out, nil
}

// rig is a proxy on the loopback between a test's client and a test's provider.
type rig struct {
	t        testing.TB
	s        *Server
	url      string
	cache    *cache.Cache
	embedder *words
	calls    atomic.Int64 // that reached the provider
	upstream *httptest.Server
	log      *logBuffer
	served   chan error
}

// logBuffer keeps what was logged. Safe for concurrent use.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newRig(t testing.TB, provider http.HandlerFunc, change ...func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, embedder: &words{}, log: &logBuffer{}, served: make(chan error, 1)}
	r.upstream = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.calls.Add(1)
		provider(w, req)
	}))
	r.upstream.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)
	r.upstream.Start()
	c, err := cache.Open(filepath.Join(t.TempDir(), "answers.db"), cache.Options{Embedder: r.embedder, Threshold: 0.8, MaxError: 1})
	if err != nil {
		t.Fatal(err)
	}
	r.cache = c
	cfg := Config{
		Cache:     c,
		Providers: []Provider{{Name: "main", BaseURL: r.upstream.URL + "/v1"}},
		Logger:    slog.New(slog.NewJSONHandler(r.log, nil)),
	}
	for _, f := range change {
		f(&cfg)
	}
	if r.s, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.url = "http://" + ln.Addr().String()
	go func() { r.served <- r.s.Serve(ln) }()
	t.Cleanup(r.close)
	return r
}

func (r *rig) close() {
	http.DefaultClient.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.s.Shutdown(ctx); err != nil {
		r.t.Errorf("shutdown: %v", err)
	}
	if err := <-r.served; err != nil {
		r.t.Errorf("serve: %v", err)
	}
	r.upstream.CloseClientConnections()
	r.upstream.Close()
	switch rep, err := r.cache.Check(ctx); {
	case errors.Is(err, cache.ErrClosed): // by the test
	case err != nil:
		r.t.Errorf("the cache's file could not be checked: %v", err)
	case len(rep.Problems) > 0:
		r.t.Errorf("the cache's file is damaged: %v", rep.Problems)
	}
	if err := r.cache.Close(); err != nil {
		r.t.Errorf("close: %v", err)
	}
}

// flush waits until what was answered is stored.
func (r *rig) flush() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.s.Flush(ctx); err != nil {
		r.t.Fatal(err)
	}
}

// reply is a response, read to its end.
type reply struct {
	*http.Response
	body string
	err  error // of reading the body
}

func (r reply) cache() string { return r.Header.Get("x-portkey-cache-status") }

func (r *rig) request(ctx context.Context, method, path, body string, header ...string) *http.Request {
	r.t.Helper()
	var rd io.Reader
	if body != "" {
		rd = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.url+path, rd)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return req
}

func (r *rig) do(method, path, body string, header ...string) reply {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	resp, err := http.DefaultClient.Do(r.request(ctx, method, path, body, header...))
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp, string(b), err}
}

const chatPath = "/v1/chat/completions"

// ask sends a chat request with one message and any further members.
func (r *rig) ask(text, members string, header ...string) reply {
	r.t.Helper()
	return r.do("POST", chatPath, question(text, members), header...)
}

func question(text, members string) string {
	if members != "" {
		members = "," + members
	}
	return `{"model":"m","messages":[{"role":"user","content":` + string(appendJSONString(nil, text)) + `}]` + members + `}`
}

// answerWith is a provider that gives every chat request the same answer, in the form that it asks for.
func answerWith(content string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if bytes.Contains(body, []byte(`"stream":true`)) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, streamOf(content))
			return
		}
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, bodyOf(content))
	}
}

func bodyOf(content string) string {
	return `{"id":"chatcmpl-up","object":"chat.completion","created":1700000000,"model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":` +
		string(appendJSONString(nil, content)) + `,"refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}`
}

func chunk(rest string) string {
	return `data: {"id":"chatcmpl-up","object":"chat.completion.chunk","created":1700000000,"model":"m-1",` + rest + "}\n\n"
}

func streamOf(content string) string {
	out := chunk(`"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]`)
	for _, w := range strings.SplitAfter(content, " ") {
		out += chunk(`"choices":[{"index":0,"delta":{"content":` + string(appendJSONString(nil, w)) + `},"logprobs":null,"finish_reason":null}]`)
	}
	out += chunk(`"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]`)
	return out + "data: [DONE]\n\n"
}

func (r *rig) wantCalls(n int64) {
	r.t.Helper()
	if got := r.calls.Load(); got != n {
		r.t.Errorf("the provider was called %d times, want %d", got, n)
	}
}

// recv waits for a test's own signal.
func recv[T any](t testing.TB, ch <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatalf("waited in vain for %s", what)
	}
	return v
}

// scopeProvider answers both dialects, in the form that is asked for.
func scopeProvider(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == chatPath {
		answerWith("an answer")(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"id":"cmpl-up","object":"text_completion","created":1,"model":"m","choices":[{"text":"an answer","index":0,"logprobs":null,"finish_reason":"stop"}]}`)
}
