package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
)

func TestConfigComplaints(t *testing.T) {
	_, err := New(Config{
		MaxBodyBytes: -1, UpstreamIdle: -time.Second, Usage: 7, Default: "nobody",
		Providers: []Provider{
			{Name: "a b", BaseURL: "https://example.com/v1"},
			{Name: "x", BaseURL: "ftp://user:hunter2@example.com"},
			{Name: "x", BaseURL: "https:///v1", APIKey: "sk-hunter2\n"},
			{Name: "y", BaseURL: "://hunter2", Headers: map[string]string{"a": "b\r\nc"}},
			{Name: "z", BaseURL: "https://example.com/v1?key=hunter2"},
			{Name: "openai", APIKey: "sk-hunter2\n"}, // whose URL is in the table
			{Name: "groq", Headers: map[string]string{"b": "hunter2\r\nc"}},
		},
	})
	if !errors.Is(err, ErrConfig) {
		t.Fatalf("%v: no complaint about the config", err)
	}
	for _, want := range []string{"MaxBodyBytes -1", "UpstreamIdle -1s", "Usage 7", `"nobody"`, `Providers[0]: the name "a b"`, `scheme "ftp"`, "no host", "taken already", "API key", "cannot be parsed", `header "a"`, "query", `API key of "openai"`, `header "b" of "groq"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not name %s", want)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a secret is in it: %v", err)
	}
	if _, err := New(Config{}); err == nil || !strings.Contains(err.Error(), "no providers") {
		t.Errorf("the zero config: %v", err)
	}
	if _, err := New(Config{Providers: []Provider{{Name: "openai"}}, PricesFile: "absent.json"}); !errors.Is(err, ErrConfig) || !strings.Contains(err.Error(), "PricesFile: prices: ") {
		t.Errorf("a file of prices that is not there: %v", err)
	}
}

func TestProviderString(t *testing.T) {
	p := Provider{Name: "x", BaseURL: "https://user:hunter2@example.com/v1", APIKey: "sk-hunter2", Headers: map[string]string{"a": "hunter2"}}
	if s := fmt.Sprintf("%v %s", p, p); strings.Contains(s, "hunter2") {
		t.Error(s)
	}
}

func TestHealth(t *testing.T) {
	r := newRig(t, answerWith("y"))
	for _, path := range []string{"/healthz", "/readyz"} {
		if got := r.do("GET", path, ""); got.StatusCode != 200 || got.body != `{"status":"ok"}` {
			t.Errorf("%s: %d %s", path, got.StatusCode, got.body)
		}
	}
	r.s.Drain()
	if got := r.do("GET", "/readyz", ""); got.StatusCode != 503 || got.body != `{"status":"draining"}` {
		t.Errorf("draining: %d %s", got.StatusCode, got.body)
	}
	if got := r.do("GET", "/healthz", ""); got.StatusCode != 200 {
		t.Errorf("draining, and alive: %d", got.StatusCode)
	}
	if got := r.do("POST", "/v1/chat/completions", question("x", "")); got.StatusCode != 200 || !got.Close {
		t.Errorf("draining, and asked: %d, the connection is to be closed: %v", got.StatusCode, got.Close)
	}
}

// TestShutdownFinishes holds that a stream under way ends as it should, and that its answer is in the file afterwards.
func TestShutdownFinishes(t *testing.T) {
	step := make(chan struct{})
	whole := streamOf("a b c")
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { sendEvents(w, req, step, whole[:200], whole[200:]) })
	resp := r.open(bounded(t), question("x", `"stream":true`))
	first := make([]byte, 200)
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatal(err)
	}
	down := make(chan error, 1)
	go func() { down <- r.s.Shutdown(bounded(t)) }()
	if err := recv(t, r.served, "the listener to be closed"); err != nil {
		t.Errorf("serve: %v", err)
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://")); err == nil {
		t.Error("it still accepts connections")
	}
	close(step)
	rest, err := io.ReadAll(resp.Body)
	if err != nil || string(first)+string(rest) != whole {
		t.Errorf("%v: %s", err, rest)
	}
	if err := recv(t, down, "the shutdown"); err != nil {
		t.Error(err)
	}
	r.served <- nil // for the rig's own cleanup
	if st := r.cache.Stats(); st.Entries != 1 {
		t.Errorf("%d entries are stored, want 1", st.Entries)
	}
}

// TestShutdownLosesNothing asks many questions and shuts down at once: every answer that was given is in the file.
// A server that is shut down before it serves must not serve afterwards, nor leave the listener open.
func TestServeAfterShutdown(t *testing.T) {
	t.Parallel()
	s, err := New(Config{Providers: []Provider{{Name: "p", BaseURL: "http://127.0.0.1:1/v1"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(ln); err != nil {
		t.Errorf("Serve returned %v, want nil", err)
	}
	if err := ln.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closing the listener gave %v: it was left open", err)
	}
}

func TestShutdownLosesNothing(t *testing.T) {
	const n = 100
	r := newRig(t, answerWith("y"), func(c *Config) { c.FillWorkers = 1 })
	for i := range n {
		r.ask(fmt.Sprintf("question number %d", i), "")
	}
	if err := r.s.Shutdown(bounded(t)); err != nil {
		t.Fatal(err)
	}
	st := r.s.Stats()
	if st.FillsWritten != n || st.FillsDropped+st.FillsFailed != 0 {
		t.Errorf("%+v", st)
	}
	if got := r.cache.Stats().Entries; got != n {
		t.Errorf("%d entries are stored, want %d", got, n)
	}
}

// TestShutdownOutOfTime holds that a shutdown keeps to its context, and says that it broke something off.
func TestShutdownOutOfTime(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { sendEvents(w, req, nil, chunk(`"choices":[]`)) })
	resp := r.open(bounded(t), question("x", `"stream":true`))
	if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := r.s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "1 connections") {
		t.Errorf("got %v", err)
	}
	if rest, err := io.ReadAll(resp.Body); err == nil || !strings.Contains(string(rest), "shutting_down") {
		t.Errorf("the client was told %v, %s", err, rest)
	}
	if err := r.s.filler.workers.wait(bounded(t)); err != nil {
		t.Errorf("those who write to the cache are still there: %v", err)
	}
	// What a call offers that ends later than that is not written, and whoever waits for it is not left waiting.
	f := newFlight(t.Context(), flightKey{}, passWindow)
	r.s.filler.offer(&fill{parts: []stored{{}}, flight: f})
	if err := r.s.filler.flush(bounded(t)); err != nil || r.s.Stats().FillsFailed != 1 {
		t.Errorf("%v, %+v", err, r.s.Stats())
	}
}

// TestFillQueueFull holds that a full queue costs the write, and not the answer.
func TestFillQueueFull(t *testing.T) {
	r := newRig(t, answerWith("y"), func(c *Config) { c.FillQueue = 1; c.FillWorkers = 1 })
	// The embedder holds up the only worker at the first refresh, whose look-up has embedded nothing.
	hold, held := make(chan struct{}), make(chan struct{}, 8)
	r.embedder.gate = func(texts []string) []string {
		held <- struct{}{}
		<-hold
		return texts
	}
	for i := range 3 {
		if got := r.ask(fmt.Sprint("q", i), "", "cache-control", "no-cache"); got.StatusCode != 200 || got.body != bodyOf("y") {
			t.Errorf("%d: %d", i, got.StatusCode)
		}
		if i == 0 {
			recv(t, held, "the worker")
		}
	}
	for deadline := time.Now().Add(patience); r.s.Stats().FillsDropped == 0; {
		if time.Now().After(deadline) {
			t.Fatalf("nothing was dropped: %+v", r.s.Stats())
		}
		r.do("GET", "/healthz", "")
	}
	close(hold)
	r.flush()
	if st := r.s.Stats(); st.FillsDropped != 1 || st.FillsWritten != 2 {
		t.Errorf("%+v", st)
	}
}

// TestHandlerPanic holds that a fault of ours in the handler costs one answer and not the process.
func TestHandlerPanic(t *testing.T) {
	r := newRig(t, answerWith("y"))
	r.s.plain[0] = nil
	if got := r.ask("x", ""); got.StatusCode != 500 || wantError(t, got).Code != "internal_error" {
		t.Errorf("%d: %s", got.StatusCode, got.body)
	}
	if got := r.ask("x", "", "x-portkey-provider", "main"); got.StatusCode != 200 {
		t.Errorf("afterwards: %d", got.StatusCode)
	}
}

// TestLog holds that a request leaves one record, which says what happened and no more.
func TestLog(t *testing.T) {
	r := newRig(t, answerWith("the answer"))
	r.ask("a private question", "", "authorization", "Bearer sk-secret", "x-portkey-trace-id", "trace-1")
	r.ask("a private question", "", "authorization", "Bearer sk-secret", "x-portkey-trace-id", "trace-2")
	r.ask("a private question", `"stream":true`, "authorization", "Bearer sk-secret", "x-portkey-trace-id", "trace-3")
	log := r.log.String()
	if n := strings.Count(log, `"msg":"request"`); n != 3 {
		t.Errorf("%d records, want 3:\n%s", n, log)
	}
	for _, want := range []string{`"trace":"trace-1"`, `"cache":"SEMANTIC MISS"`, `"cache":"HIT"`, `"model":"m"`, `"provider":"main"`, `"status":200`,
		`"path":"/v1/chat/completions"`, `"prompt_tokens":3`, `"completion_tokens":4`, `"upstream":`, `"embed":`, `"similarity":`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}
	for _, secret := range []string{"sk-secret", "private", "the answer"} {
		if strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// TestKill kills a process while it answers, and counts what its file holds: no damage, and no more answers lost than
// were in the queue.
func TestKill(t *testing.T) {
	if path := os.Getenv("REPRISE_KILL_TEST"); path != "" {
		serveForKill(path)
		return
	}
	const queue, asked = 16, 200
	path := filepath.Join(t.TempDir(), "answers.db")
	cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
	var log bytes.Buffer
	cmd.Stderr = &log
	cmd.Env = append(os.Environ(), "REPRISE_KILL_TEST="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Process.Kill()
	var addr string
	if _, err := fmt.Fscanln(out, &addr); err != nil {
		t.Fatal(err)
	}
	for i := range asked {
		resp, err := http.Post("http://"+addr+chatPath, "application/json", strings.NewReader(question(fmt.Sprint("question ", i), "")))
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	rep, err := cache.CheckFile(t.Context(), path)
	if err != nil || len(rep.Problems) > 0 {
		t.Fatalf("the file is damaged: %v, %+v", err, rep)
	}
	// Those that found the queue full were never accepted, and the log says so. Beside the queue, each worker may hold one.
	dropped := strings.Count(log.String(), "the fill queue is full")
	if lost := asked - dropped - rep.Entries; lost < 0 || lost > queue+DefaultFillWorkers {
		t.Errorf("%d of %d accepted answers are lost, with a queue of %d", lost, asked-dropped, queue)
	}
}

func serveForKill(path string) {
	c, err := cache.Open(path, cache.Options{Embedder: &words{}})
	if err != nil {
		panic(err)
	}
	up, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go http.Serve(up, answerWith("y"))
	s, err := New(Config{Cache: c, FillQueue: 16, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)), Providers: []Provider{{Name: "main", BaseURL: "http://" + up.Addr().String() + "/v1"}}})
	if err != nil {
		panic(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(ln.Addr())
	if err := s.Serve(ln); err != nil {
		panic(err)
	}
}

func FuzzDirectives(f *testing.F) {
	for _, s := range []string{"simple", `{"mode":"semantic","max_age":3,"force_refresh":true,"namespace":"x","threshold":0.5,"ttl":60}`, `{"a":1}`, `{"ttl":1e400}`, `{`} {
		f.Add(s, "max-age=3, no-cache", "ns", "t")
	}
	f.Fuzz(func(t *testing.T, control, cacheControl, namespace, trace string) {
		var h fasthttp.RequestHeader
		h.Set("X-Portkey-Cache", control)
		h.Set("Cache-Control", cacheControl)
		h.Set("X-Reprise-Cache-Namespace", namespace)
		h.Set("X-Portkey-Trace-Id", trace)
		var d directives
		err := d.open(&h)
		if err == nil {
			err = d.parse()
		}
		if err != nil {
			if err.status != 400 || err.message == "" || d.trace == "" {
				t.Fatalf("%+v", err)
			}
			return
		}
		if d.trace == "" || d.maxAge < 0 || d.ttl < 0 || d.threshold < 0 || d.threshold > 1 || len(d.namespace) > cache.MaxNamespaceBytes {
			t.Fatalf("%+v", d)
		}
	})
}
