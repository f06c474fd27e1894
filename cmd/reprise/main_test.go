package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/reprise-cache/reprise/cache"
)

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "reprise-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "reprise")
		if runtime.GOOS == "windows" {
			binary += ".exe"
		}
		if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// testKey must never be printed.
const testKey = "sk-test-0123456789abcdef"

// environment is what the program sees: the machine's, less what would configure it.
func environment(extra ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		if !slices.ContainsFunc([]string{"REPRISE_", "OPENAI_", "ANTHROPIC_"}, func(p string) bool { return strings.HasPrefix(kv, p) }) {
			env = append(env, kv)
		}
	}
	return append(env, extra...)
}

// reprise runs the program to its end.
func reprise(t *testing.T, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env, cmd.Dir = environment(env...), t.TempDir()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if strings.Contains(out.String()+errs.String(), testKey) {
		t.Errorf("%v prints a key", args)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// running is a `reprise serve` that has said where it listens.
type running struct {
	t    *testing.T
	cmd  *exec.Cmd
	url  string
	logs chan string // closed at the end of the process's output
}

// start runs `reprise serve` on a free port before the given upstream.
func start(t *testing.T, db, upstream string, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, binary, append([]string{"serve", "--listen", "127.0.0.1:0", "--db", db,
		"--provider", "up=" + upstream + "/v1", "--set", "log.format=json"}, args...)...)
	cmd.Env, cmd.Dir = environment("REPRISE_PROVIDERS_UP_API_KEY="+testKey), t.TempDir()
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, cmd: cmd, logs: make(chan string, 1024)}
	address, ready := make(chan string, 1), make(chan struct{})
	go func() {
		defer close(r.logs)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if strings.Contains(lines.Text(), testKey) {
				t.Errorf("the log shows a key: %s", lines.Text())
			}
			var record struct{ Msg, Address string }
			if json.Unmarshal(lines.Bytes(), &record) == nil && record.Msg == "serving" {
				address <- record.Address
			}
			if record.Msg == "ready" {
				close(ready)
			}
			r.logs <- lines.Text()
		}
		close(address)
	}()
	select {
	case a, ok := <-address:
		if !ok {
			t.Fatalf("did not start: %s", r.rest())
		}
		r.url = "http://" + a
	case <-ctx.Done():
		t.Fatal("did not start in time")
	}
	select {
	case <-ready:
	case <-ctx.Done():
		t.Fatal("was not ready in time")
	}
	return r
}

// rest is what was logged, to the end of the process.
func (r *running) rest() string {
	var all strings.Builder
	for line := range r.logs {
		all.WriteString(line + "\n")
	}
	return all.String()
}

// wait waits for the end of the process and returns its exit code.
func (r *running) wait() int {
	r.t.Helper()
	logs := r.rest()
	err := r.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.t.Fatal(err)
	}
	if code := r.cmd.ProcessState.ExitCode(); code != 0 {
		r.t.Logf("log:\n%s", logs)
		return code
	}
	return 0
}

func (r *running) signal(s os.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

const chatBody = `{"model":"m","messages":[{"role":"user","content":%q}]}`

// ask sends a chat request and returns the answer and its cache status.
func (r *running) ask(question string) (body, status string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.url+"/v1/chat/completions", strings.NewReader(fmt.Sprintf(chatBody, question)))
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		r.t.Fatalf("%d %s, %v", resp.StatusCode, data, err)
	}
	return string(data), resp.Header.Get("x-portkey-cache-status")
}

// upstream answers every chat with its number, once gate lets it.
func upstream(t *testing.T, gate func()) *httptest.Server {
	t.Helper()
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer "+testKey {
			t.Errorf("authorization %q", got)
		}
		gate()
		n++
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"c%d","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"answer %d"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`, n, n)
	}))
	t.Cleanup(s.Close)
	return s
}

// TestServe drives the program as its users do: health, a miss, hits of both kinds, a stop that finishes what is under
// way and stores it, and a second life that still knows.
func TestServe(t *testing.T) {
	db := filepath.Join(t.TempDir(), "serve.db")
	entered, release := make(chan struct{}, 8), make(chan struct{})
	gated := false
	up := upstream(t, func() {
		if gated {
			entered <- struct{}{}
			<-release
		}
	})
	r := start(t, db, up.URL)
	for _, path := range []string{"/healthz", "/readyz"} {
		resp, err := http.Get(r.url + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	if body, status := r.ask("How do I reset my password?"); status != "SEMANTIC MISS" || !strings.Contains(body, "answer 1") {
		t.Errorf("first: %s %s", status, body)
	}
	// A stop stores what was accepted, so the next life must hit, exactly and semantically.
	r.signal(syscall.SIGTERM)
	if code := r.wait(); code != 0 {
		t.Fatalf("exit code %d", code)
	}

	r = start(t, db, up.URL)
	if body, status := r.ask("How do I reset my password?"); status != "HIT" || !strings.Contains(body, "answer 1") {
		t.Errorf("again: %s %s", status, body)
	}
	if body, status := r.ask("how do i reset my password"); status != "SEMANTIC HIT" || !strings.Contains(body, "answer 1") {
		t.Errorf("in other words: %s %s", status, body)
	}
	gated = true
	type reply struct{ body, status string }
	replies := make(chan reply, 1)
	go func() {
		body, status := r.ask("What does a plan cost?")
		replies <- reply{body, status}
	}()
	<-entered
	end := endSignals()
	r.signal(end[len(end)-1].(syscall.Signal)) // SIGHUP, where that is not ignored
	for line := range r.logs {
		if strings.Contains(line, `"msg":"stopping`) {
			break
		}
	}
	close(release)
	if got := <-replies; !strings.Contains(got.body, "answer 2") {
		t.Errorf("the request under way at the stop got %+v", got)
	}
	if code := r.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	code, out, _ := reprise(t, nil, "check", db)
	if code != 0 || !strings.Contains(out, "2 entries") || !strings.Contains(out, "no problems") {
		t.Errorf("check: %d\n%s", code, out)
	}
}

func TestSecondSignalForces(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	up := upstream(t, func() { close(entered); <-release })
	t.Cleanup(func() { close(release) }) // before the server's own, which waits for its handlers
	r := start(t, filepath.Join(t.TempDir(), "forced.db"), up.URL)
	failed := make(chan error, 1)
	go func() {
		resp, err := http.Post(r.url+"/v1/chat/completions", "application/json", strings.NewReader(fmt.Sprintf(chatBody, "never answered")))
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		failed <- err
	}()
	<-entered
	r.signal(os.Interrupt)
	for line := range r.logs {
		if strings.Contains(line, `"msg":"stopping`) {
			break
		}
	}
	r.signal(os.Interrupt)
	if code := r.wait(); code == 0 {
		t.Error("a forced end looks like a good one")
	}
	if err := <-failed; err == nil {
		t.Error("the request was answered")
	}
}

// noise is an answer that does not compress.
func noise(i int) []byte {
	b := make([]byte, 2000)
	_, _ = rand.NewChaCha8([32]byte{byte(i)}).Read(b) // never fails
	return b
}

// damagedDB makes a file of 50 entries, one answer of which is damaged, and returns its content.
func damagedDB(t *testing.T, db string) []byte {
	t.Helper()
	c, err := cache.Open(db, cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		q := cache.Query{Messages: []cache.Message{{Role: "user", Text: fmt.Sprint("question ", i)}}}
		if _, err := c.Put(t.Context(), q, cache.Value{Body: noise(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(db)
	if err != nil {
		t.Fatal(err)
	}
	// The body of one answer: bytes that no structure of the file depends on, so only a checksum can tell.
	at := bytes.LastIndex(data, noise(7))
	if at < 0 {
		t.Fatal("the answer is not in the file")
	}
	data[at+1000] ^= 0xff
	if err := os.WriteFile(db, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDamagedFile(t *testing.T) {
	db := filepath.Join(t.TempDir(), "damaged.db")
	data := damagedDB(t, db)
	code, out, stderr := reprise(t, nil, "check", "--db", db)
	if code != 1 || !strings.Contains(out, "record fails its checksum") || !strings.Contains(out, "2 problems") || !strings.Contains(stderr, "restore a backup") {
		t.Errorf("check: %d\n%s%s", code, out, stderr)
	}
	if err := os.WriteFile(db, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr = reprise(t, nil, "serve", "--listen", "127.0.0.1:0", "--db", db)
	if code != 1 || !strings.Contains(stderr, "reprise check") {
		t.Errorf("serve: %d %s", code, stderr)
	}
}

// otherModel is an embedder that is not ours.
type otherModel struct{}

func (otherModel) ID() string { return "other-model/1" }
func (otherModel) Dim() int   { return 2 }
func (otherModel) Embed(_ context.Context, texts []string) ([][]float32, error) {
	vecs := make([][]float32, len(texts))
	for i := range vecs {
		vecs[i] = []float32{1, 0}
	}
	return vecs, nil
}

func TestOtherModelsFile(t *testing.T) {
	db := filepath.Join(t.TempDir(), "other.db")
	c, err := cache.Open(db, cache.Options{Embedder: otherModel{}})
	if err != nil {
		t.Fatal(err)
	}
	q := cache.Query{Messages: []cache.Message{{Role: "user", Text: "a question"}}}
	if _, err := c.Put(t.Context(), q, cache.Value{Body: []byte("an answer")}); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := reprise(t, nil, "serve", "--listen", "127.0.0.1:0", "--db", db)
	if code != 1 || !strings.Contains(stderr, "other-model/1") || !strings.Contains(stderr, "on_model_change=reembed") {
		t.Errorf("%d %s", code, stderr)
	}
	r := start(t, db, "http://127.0.0.1:1", "--set", "cache.on_model_change=reembed")
	r.signal(os.Interrupt)
	if code := r.wait(); code != 0 {
		t.Errorf("embedding anew: exit code %d", code)
	}
}

func TestExitCodesAndMessages(t *testing.T) {
	for _, tc := range []struct {
		args   []string
		env    []string
		code   int
		stdout string
		stderr string
	}{
		{[]string{"--help"}, nil, 0, "serve", ""},
		{[]string{"version"}, nil, 0, "all-MiniLM-L6-v2", ""},
		{[]string{"--version"}, nil, 0, "all-MiniLM-L6-v2", ""},
		{[]string{}, nil, 2, "", "reprise --help"},
		{[]string{"sevre"}, nil, 2, "", "sevre"},
		{[]string{"serve", "--no-such-flag"}, nil, 2, "", "no-such-flag"},
		{[]string{"serve", "--set", "cache.treshold=0.9"}, nil, 2, "", `did you mean "cache.threshold"?`},
		{[]string{"serve", "--set", "cache.ttl"}, nil, 2, "", "KEY=VALUE"},
		{[]string{"serve", "--provider", testKey}, nil, 2, "", "NAME=URL"},
		{[]string{"serve", "--config", "absent.yaml"}, nil, 2, "", "absent.yaml"},
		{[]string{"serve", "--listen", "192.0.2.1:0", "--mode", "simple"}, nil, 1, "", "--listen"},
		{[]string{"serve", "--db", "no/such/folder/x.db"}, nil, 1, "", "no/such/folder/x.db"},
		{[]string{"check", "absent.db"}, nil, 1, "", "absent.db"},
		{[]string{"check", "a.db", "--db", "b.db"}, nil, 2, "", "named twice"},
		{[]string{"config", "keys"}, nil, 0, "cache.threshold", ""},
		{[]string{"config", "print", "--mode", "simple"}, []string{"OPENAI_API_KEY=" + testKey, "REPRISE_DBB=x"}, 0, "mode: simple # flag --mode", `did you mean "REPRISE_DB"?`},
		{[]string{"config", "check", "absent.yaml"}, nil, 2, "", "absent.yaml"},
		{[]string{"demo", "--concurrency=-1"}, nil, 2, "", "--concurrency -1: give 1 to 256"},
	} {
		t.Run(strings.Join(tc.args, " "), func(t *testing.T) {
			code, out, stderr := reprise(t, tc.env, tc.args...)
			if code != tc.code || !strings.Contains(out, tc.stdout) || !strings.Contains(stderr, tc.stderr) {
				t.Errorf("exit code %d, want %d\nstdout: %s\nstderr: %s", code, tc.code, out, stderr)
			}
		})
	}
}

func TestConfigCheck(t *testing.T) {
	path := filepath.Join(t.TempDir(), "good.yaml")
	if err := os.WriteFile(path, []byte("cache:\n  ttl: 7d\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := reprise(t, nil, "config", "check", path); code != 0 || !strings.Contains(out, "good") {
		t.Errorf("%d %s %s", code, out, stderr)
	}
	if err := os.WriteFile(path, []byte("cache:\n  ttl: 7\n  kk: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := reprise(t, nil, "config", "check", path)
	if code != 2 || strings.Count(stderr, "\n") != 2 || !strings.Contains(stderr, `did you mean "cache.k"?`) {
		t.Errorf("%d %s", code, stderr)
	}
}

// TestConfigCheckKnowsWhatServeRefuses holds that a configuration which the server does not start with is none that is good, and that
// both name the keys to change.
func TestConfigCheckKnowsWhatServeRefuses(t *testing.T) {
	dir := t.TempDir()
	prices := filepath.Join(dir, "prices.json")
	if err := os.WriteFile(prices, []byte(`{"providers":7}`), 0o600); err != nil {
		t.Fatal(err)
	}
	const local = "embedder: {kind: openai, model: local-model, base_url: \"http://127.0.0.1:1/v1\"}\n"
	for name, c := range map[string]struct{ yaml, want string }{
		"dim":     {local, `embedder.dim is 0, and the size of model "local-model" is not known: set embedder.dim`},
		"key":     {"embedder: {kind: openai, model: text-embedding-3-small}\n", "embedder.api_key is empty"},
		"shrinks": {"embedder: {kind: openai, model: Model, dim: 7, base_url: \"http://127.0.0.1:1/v1\", api_key: \"a b\"}\n", "embedder.api_key has a space"},
		"absent":  {"prices: {path: " + filepath.Join(dir, "absent.json") + "}\n", "prices.path: "},
		"broken":  {"prices: {path: " + prices + "}\n", "prices.path: "},
		"hosts":   {"allowed_hosts: \"a b\"\n", "allowed_hosts: "},
		"opinion": {"opinion: {model: m}\nproviders: {up: {kind: cohere, api_key: x}}\n", `opinion: provider "up" does not speak`},
	} {
		path := filepath.Join(dir, name+".yaml")
		if err := os.WriteFile(path, []byte(c.yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, stderr := reprise(t, nil, "config", "check", path)
		if code != 2 || out != "" || !strings.Contains(stderr, "reprise: "+c.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%s: check: %d %s%s", name, code, out, stderr)
		}
		code, _, stderr = reprise(t, nil, "serve", "--config", path, "--listen", "127.0.0.1:0")
		if code != 2 || !strings.Contains(stderr, "reprise: "+c.want) {
			t.Errorf("%s: serve: %d %s", name, code, stderr)
		}
	}
	good := filepath.Join(dir, "good.yaml") // no mode compares by meaning, and nobody is asked what a vector is
	if err := os.WriteFile(good, []byte(local+"cache: {mode: simple}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := reprise(t, nil, "config", "check", good); code != 0 || !strings.Contains(out, "good") {
		t.Errorf("%d %s%s", code, out, stderr)
	}
}
