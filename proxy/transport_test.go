package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sashabaranov/go-openai"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/keys"
)

// trip is a Transport between a test's client and a test's provider.
type trip struct {
	*Transport
	t   *testing.T
	url string
	n   func() int64 // calls that reached the provider
}

func newTrip(t *testing.T, provider http.HandlerFunc, base http.RoundTripper, o TransportOptions) *trip {
	t.Helper()
	calls := make(chan struct{}, 1000)
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls <- struct{}{}
		provider(w, r)
	}))
	t.Cleanup(up.Close)
	c, err := cache.Open(filepath.Join(t.TempDir(), "answers.db"), cache.Options{Embedder: &words{}, Threshold: 0.8, MaxError: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if base == nil {
		base = up.Client().Transport
	}
	tr, err := NewTransport(c, base, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := tr.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return &trip{tr, t, up.URL, func() int64 { return int64(len(calls)) }}
}

func (tr *trip) do(ctx context.Context, path, body string, header ...string) (*http.Response, error) {
	tr.t.Helper()
	req, err := http.NewRequestWithContext(ctx, "POST", tr.url+path, strings.NewReader(body))
	if err != nil {
		tr.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return (&http.Client{Transport: tr}).Do(req)
}

// status sends the request and returns the cache's status and the body.
func (tr *trip) status(path, body string, header ...string) (string, string) {
	tr.t.Helper()
	resp, err := tr.do(context.Background(), path, body, header...)
	if err != nil {
		tr.t.Fatal(err)
	}
	b, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		tr.t.Fatal(err)
	}
	return resp.Header.Get("x-portkey-cache-status"), string(b)
}

// flush waits until what was answered is stored: another wording of it is looked for in the index, which has it only then.
func (tr *trip) flush() {
	tr.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tr.mu.Lock()
	servers := slices.Collect(maps.Values(tr.servers))
	tr.mu.Unlock()
	for _, s := range servers {
		if err := s.Flush(ctx); err != nil {
			tr.t.Fatal(err)
		}
	}
}

func (tr *trip) want(n int64) {
	tr.t.Helper()
	if got := tr.n(); got != n {
		tr.t.Errorf("the provider was called %d times, want %d", got, n)
	}
}

func TestTransportServesAsTheServerDoes(t *testing.T) {
	tr := newTrip(t, answerWith("four words in all"), nil, TransportOptions{})
	key := []string{"Authorization", "Bearer one"}
	for i, c := range []struct {
		path, body, want string
		header           []string
		calls            int64
	}{
		{chatPath, question("how do I reset my router", ""), "SEMANTIC MISS", key, 1},
		{chatPath, question("how do I reset my router", ""), "HIT", key, 1},
		{chatPath, question("how do I reset my router please", ""), "SEMANTIC HIT", key, 1},
		{chatPath, question("how do I reset my router", `"stream":true`), "HIT", key, 1},
		{chatPath, question("how do I reset my router", ""), "SEMANTIC MISS", []string{"Authorization", "Bearer two"}, 2},
		{chatPath, question("how do I reset my router", `"temperature":1`), "SEMANTIC MISS", key, 3},
		{chatPath + "?api-version=2", question("how do I reset my router", ""), "SEMANTIC MISS", key, 4},
		{"/other" + chatPath, question("how do I reset my router", ""), "SEMANTIC MISS", key, 5},
		{"/v1beta/openai/chat/completions", question("how do I reset my router", ""), "SEMANTIC MISS", key, 6},
		{chatPath, question("how do I reset my router", ""), "DISABLED", append([]string{"Cache-Control", "no-store"}, key...), 7},
		{"/v1/audio/speech", question("how do I reset my router", ""), "", key, 8}, // passes
	} {
		tr.flush()
		got, body := tr.status(c.path, c.body, c.header...)
		if got != c.want || !strings.Contains(body, "four") {
			t.Errorf("%d: status %q, want %q; body %.80q", i, got, c.want, body)
		}
		tr.want(c.calls)
	}
}

func TestTransportWithOpenAIClient(t *testing.T) {
	tr := newTrip(t, answerWith("four words in all"), nil, TransportOptions{})
	cfg := openai.DefaultConfig("key")
	cfg.BaseURL, cfg.HTTPClient = tr.url+"/v1", &http.Client{Transport: tr}
	client := openai.NewClientWithConfig(cfg)
	req := openai.ChatCompletionRequest{Model: "m", Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "how do I reset my router"}}}
	for i, want := range []string{"SEMANTIC MISS", "HIT"} {
		resp, err := client.CreateChatCompletion(context.Background(), req)
		if err != nil || resp.Choices[0].Message.Content != "four words in all" || resp.Header().Get("X-Portkey-Cache-Status") != want {
			t.Errorf("call %d: %+v, %v", i, resp, err)
		}
	}
	stream, err := client.CreateChatCompletionStream(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	for {
		c, err := stream.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Choices) > 0 {
			said.WriteString(c.Choices[0].Delta.Content)
		}
	}
	stream.Close()
	if said.String() != "four words in all" {
		t.Errorf("streamed %q", said.String())
	}
	tr.want(1)
}

// What a cache learns behind a Transport goes by what answers say, with nothing set: each body has an id of its own.
func TestTransportLearnsFromWhatIsSaid(t *testing.T) {
	n := 0
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, strings.Replace(bodyOf("hold the button"), "chatcmpl-up", fmt.Sprint("chatcmpl-", n), 1))
	}))
	defer up.Close()
	c, err := cache.Open(filepath.Join(t.TempDir(), "answers.db"), cache.Options{Embedder: &words{}, Threshold: 0.8})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	tr, err := NewTransport(c, up.Client().Transport, TransportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	defer tr.Close(ctx)
	trip := &trip{Transport: tr, t: t, url: up.URL}
	for _, text := range []string{"how do I reset my old grey router", "how do I reset my old grey router please"} {
		if got, _ := trip.status(chatPath, question(text, "")); got != "SEMANTIC MISS" {
			t.Fatal(got)
		}
		trip.flush()
		if err := c.Flush(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.Stats().Learning.Misses; n != 2 || got != (cache.LabelStats{Same: 1}) {
		t.Errorf("%d calls; labels %+v", n, got)
	}
}

// The stream comes as the provider sends it, and is stored at its end.
func TestTransportStreams(t *testing.T) {
	more := make(chan struct{})
	tr := newTrip(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		all := streamOf("one two")
		first, rest, _ := strings.Cut(all, "\n\n")
		io.WriteString(w, first+"\n\n")
		w.(http.Flusher).Flush()
		<-more
		io.WriteString(w, rest)
	}, nil, TransportOptions{})
	body := question("say two words", `"stream":true`)
	resp, err := tr.do(context.Background(), chatPath, body)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1<<10)
	n, err := resp.Body.Read(buf)
	if n == 0 || err != nil {
		t.Fatalf("the first event: %d bytes, %v", n, err)
	}
	close(more)
	rest, err := io.ReadAll(resp.Body)
	if err != nil || string(buf[:n])+string(rest) != streamOf("one two") {
		t.Errorf("%q and %q, %v", buf[:n], rest, err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	if _, err := resp.Body.Read(buf); err == nil {
		t.Error("a closed body is read")
	}
	if got, _ := tr.status(chatPath, body); got != "HIT" {
		t.Errorf("then: %s", got)
	}
	tr.want(1)
}

// Whoever leaves, by the context or by closing the body, ends the call if nobody else waits for it.
func TestTransportCallerLeaves(t *testing.T) {
	started, ended := make(chan struct{}, 3), make(chan struct{}, 3)
	tr := newTrip(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), "stream") {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: {}\n\n")
			w.(http.Flusher).Flush()
		}
		started <- struct{}{}
		<-r.Context().Done()
		ended <- struct{}{}
	}, nil, TransportOptions{})

	why := errors.New("changed my mind")
	ctx, cancel := context.WithCancelCause(context.Background())
	done := make(chan error, 1)
	go func() { _, err := tr.do(ctx, chatPath, question("wait for it", "")); done <- err }()
	recv(t, started, "the call")
	cancel(why)
	if err := recv(t, done, "the error"); !errors.Is(err, why) && !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	recv(t, ended, "the end of the call")

	// While the body is being read.
	ctx, cancel = context.WithCancelCause(context.Background())
	resp, err := tr.do(ctx, chatPath, question("wait for it", `"stream":true`))
	if err != nil {
		t.Fatal(err)
	}
	recv(t, started, "the call")
	go func() { _, err := io.ReadAll(resp.Body); done <- err }()
	cancel(why)
	if err := recv(t, done, "the error"); !errors.Is(err, why) {
		t.Errorf("reading: %v", err)
	}
	recv(t, ended, "the end of the call")
	resp.Body.Close()

	// By closing it, while it is being read.
	if resp, err = tr.do(context.Background(), chatPath, question("wait for it", `"stream":true`)); err != nil {
		t.Fatal(err)
	}
	recv(t, started, "the call")
	go func() { _, err := io.ReadAll(resp.Body); done <- err }()
	resp.Body.Close()
	if err := recv(t, done, "the error"); err == nil {
		t.Error("a closed body is read to its end")
	}
	recv(t, ended, "the end of the call")
}

type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

func TestTransportErrors(t *testing.T) {
	broken := errors.New("no route to host")
	tr := newTrip(t, answerWith("x"), failing{broken}, TransportOptions{})
	if _, err := tr.do(context.Background(), chatPath, question("hello", "")); !errors.Is(err, broken) {
		t.Errorf("the base's error: %v", err)
	}
	tr = newTrip(t, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "slow down", http.StatusTooManyRequests) }, nil, TransportOptions{MaxBodyBytes: 200})
	resp, err := tr.do(context.Background(), chatPath, question("hello", ""))
	if err != nil || resp.StatusCode != 429 || resp.Request == nil {
		t.Errorf("the provider's error: %+v, %v", resp, err)
	}
	resp.Body.Close()
	long := question(strings.Repeat("hello ", 100), "")
	if got, body := tr.status(chatPath, long); got != "" || !strings.Contains(body, "slow down") {
		t.Errorf("a body over the limit: %q %q", got, body)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := tr.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if got, body := tr.status(chatPath, question("hello", "")); got != "" || !strings.Contains(body, "slow down") {
		t.Errorf("after Close: %q %q", got, body)
	}
	if _, err := NewTransport(nil, nil, TransportOptions{}); err == nil {
		t.Error("a Transport without a cache")
	}
	if _, err := NewTransport(tr.cfg.Cache, nil, TransportOptions{MaxBodyBytes: -1}); err == nil || !strings.Contains(err.Error(), "MaxBodyBytes") {
		t.Errorf("a negative limit: %v", err)
	}
}

func TestProviderNames(t *testing.T) {
	seen := map[string]string{}
	for _, u := range []string{
		"https://api.openai.com/v1/chat/completions", "http://api.openai.com/v1/chat/completions", "https://api.openai.com:444/v1/chat/completions",
		"https://api.openai.com/x/v1/chat/completions", "https://api.openai.com/x_v1/chat/completions", "https://[::1]/v1/chat/completions",
	} {
		req, _ := http.NewRequest("POST", u, nil)
		root, path, ok := endpointOf(req.URL.EscapedPath())
		name := providerName(req.URL, root)
		if !ok || path != chatPath || !keys.ValidName(name) || seen[name] != "" {
			t.Errorf("%s: root %q, path %q, named %q as %q", u, root, path, name, seen[name])
		}
		seen[name] = u
	}
	for _, path := range []string{"/v1/threads/1/messages", "/v1/models", "/chat/completions/1", "/chat/completions"} {
		if root, endpoint, ok := endpointOf(path); ok {
			t.Errorf("%s is taken for %s below %s", path, endpoint, root)
		}
	}
}
