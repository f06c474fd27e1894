package demo

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/config"
)

// prefix is the beginning of the run: whatever an ask relies on comes before it.
func prefix(t *testing.T, n int) *dataset {
	t.Helper()
	d := mustData(t)
	d.asks = d.asks[:n]
	return d
}

// emptyFolder points temporary files to a folder of the test's own, and checks at its end that none is left.
func emptyFolder(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Cleanup(func() {
		left, err := os.ReadDir(dir)
		if err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
}

// TestRun runs the demo as `reprise demo` does, with the real proxy, cache and model, on part of its questions.
func TestRun(t *testing.T) {
	emptyFolder(t)
	const asks = 120
	var out strings.Builder
	got, err := run(t.Context(), Options{Out: &out, Listen: "127.0.0.1:0", Concurrency: 4}, prefix(t, asks))
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if got.Asks != asks || got.Exact+got.Semantic+got.Provider != asks {
		t.Errorf("%d asks: %d exact, %d semantic, %d to the provider", got.Asks, got.Exact, got.Semantic, got.Provider)
	}
	if got.Exact == 0 || got.Semantic == 0 || len(got.Guards) == 0 {
		t.Errorf("hits: %d exact, %d semantic; guards %v: something of it never happened", got.Exact, got.Semantic, got.Guards)
	}
	if got.Traps == 0 || got.Trapped >= got.Traps/2 || got.Wrong < got.Trapped {
		t.Errorf("%d of %d traps sprung, %d wrong answers", got.Trapped, got.Traps, got.Wrong)
	}
	if got.PromptTokens == 0 || got.CompletionTokens == 0 || got.Saved <= 0 {
		t.Errorf("saved %d and %d tokens, %v", got.PromptTokens, got.CompletionTokens, got.Saved)
	}
	// The exact ones are all there. A budget begins anew with the process, so that a rewording may have to wait again.
	if got.RestartAsks != 2*restartAsks || got.RestartHits < restartAsks || got.RestartCalls != got.RestartAsks-got.RestartHits {
		t.Errorf("after the restart %d of %d hit, %d calls", got.RestartHits, got.RestartAsks, got.RestartCalls)
	}
	text := out.String()
	if lines := strings.Count(text, "SEMANTIC MISS "); lines < got.Provider || strings.Contains(text, "\x1b") {
		t.Errorf("%d lines of misses for %d, or escape sequences in plain output", lines, got.Provider)
	}
	for _, stage := range []string{"key", "embed", "search", "verify", "load", "upstream", "end to end, HIT", "end to end, SEMANTIC HIT"} {
		if !strings.Contains(text, " "+stage+" ") {
			t.Errorf("no times of stage %q", stage)
		}
	}
	if marked := strings.Count(text, "WRONG: served"); marked != got.Wrong {
		t.Errorf("%d lines are marked wrong, %d were", marked, got.Wrong)
	}
	t.Logf("%d exact, %d semantic, %d wrong, %d of %d traps sprung", got.Exact, got.Semantic, got.Wrong, got.Trapped, got.Traps)
}

// stayed is a writer that finds the address in what the demo prints when it stays.
type stayed struct {
	text strings.Builder
	url  chan string
}

func (s *stayed) Write(p []byte) (int, error) {
	s.text.Write(p)
	if _, rest, ok := strings.Cut(s.text.String(), "curl -i "); ok && s.url != nil {
		if url, _, ok := strings.Cut(rest, " "); ok {
			s.url <- url
			s.url = nil
		}
	}
	return len(p), nil
}

// TestStay ends a demo that stays, after the request that it says to try was tried.
func TestStay(t *testing.T) {
	emptyFolder(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	url := make(chan string, 1)
	out := &stayed{url: url}
	ended := make(chan error, 1)
	go func() {
		_, err := run(ctx, Options{Out: out, Listen: "127.0.0.1:0", Concurrency: 4, Stay: true}, prefix(t, 12))
		ended <- err
	}()
	select {
	case u := <-url:
		resp, err := http.Post(u, "application/json", strings.NewReader(stayBody))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != 200 || !strings.Contains(string(body), answerPrefix) || resp.Header.Get("x-portkey-cache-status") == "" {
			t.Errorf("%d %v %s", resp.StatusCode, err, body)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	case err := <-ended:
		t.Fatalf("ended before it stayed: %v\n%s", err, out.text.String())
	}
}

func TestRunStopsWhenAsked(t *testing.T) {
	emptyFolder(t)
	ctx, cancel := context.WithCancel(t.Context())
	out := &stopper{cancel: cancel}
	if _, err := Run(ctx, Options{Out: out}); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
}

// stopper ends the demo at the first answer.
type stopper struct{ cancel func() }

func (s *stopper) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "SEMANTIC MISS") {
		s.cancel()
	}
	return len(p), nil
}

func TestRunRefusesBadOptions(t *testing.T) {
	for flag, o := range map[string]Options{
		"--concurrency -1": {Out: io.Discard, Concurrency: -1}, "--concurrency 1000": {Out: io.Discard, Concurrency: 1000}, "--latency -1ns": {Out: io.Discard, Latency: -1},
	} {
		if _, err := Run(t.Context(), o); !errors.Is(err, config.ErrInvalid) || !strings.Contains(err.Error(), flag) {
			t.Errorf("%s: %v", flag, err)
		}
	}
	if _, err := Run(t.Context(), Options{Out: io.Discard, Listen: "nowhere"}); err == nil {
		t.Error("an address that is none is accepted")
	}
}

// TestStackStopsAtOnce stops before the server may have begun to accept.
func TestStackStopsAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stack.db")
	for range 30 {
		s, err := startStack(path, "127.0.0.1:0", "http://127.0.0.1:1/v1", cache.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
	}
}
