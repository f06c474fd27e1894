package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/config"
	"github.com/reprise-cache/reprise/embed"
	"github.com/reprise-cache/reprise/proxy"
)

// Options says how the demo runs.
type Options struct {
	Out         io.Writer
	NoColor     bool          // on a terminal too
	Stay        bool          // keep serving at the end, until the context ends
	Listen      string        // of the proxy; "": a free loopback port
	Concurrency int           // asks under way at a time; 0: 4
	Latency     time.Duration // of the provider; 0: none
}

// MaxConcurrency is the most asks that may be under way at a time.
const MaxConcurrency = 256

// Run runs the demo and returns what it came to. Ending the context ends it early, with the context's error, except while
// it stays at the end: that is its purpose, and no error. Options that cannot be are config.ErrInvalid, under the names of the
// command's flags.
func Run(ctx context.Context, o Options) (*Totals, error) {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Concurrency == 0 {
		o.Concurrency = 4
	}
	if o.Concurrency < 0 || o.Concurrency > MaxConcurrency {
		return nil, fmt.Errorf("%w: --concurrency %d: give 1 to %d questions at a time", config.ErrInvalid, o.Concurrency, MaxConcurrency)
	}
	if o.Latency < 0 {
		return nil, fmt.Errorf("%w: --latency %v: give no less than 0s", config.ErrInvalid, o.Latency)
	}
	data, err := loadData()
	if err != nil {
		return nil, err
	}
	totals, err := run(ctx, o, data)
	if err != nil && ctx.Err() != nil {
		// What broke off in the middle says less than why.
		return nil, fmt.Errorf("demo: stopped before its end: %w", ctx.Err())
	}
	return totals, err
}

// show is one run on its way.
type show struct {
	Options
	data     *dataset
	provider *provider
	upstream string // the provider's base URL
	models   cache.Options
	file     string
}

func run(ctx context.Context, o Options, data *dataset) (totals *Totals, err error) {
	folder, err := os.MkdirTemp("", "reprise-demo-")
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	s := &show{Options: o, data: data, provider: newProvider(data, o.Latency), file: filepath.Join(folder, "demo.db")}

	fmt.Fprintf(o.Out, "A help desk with %d FAQ entries (a made-up one), %d questions from its users, and a cache in between.\n", len(data.faq), len(data.asks))
	fmt.Fprintf(o.Out, "Everything is offline and on this machine. The provider takes %v for an answer; a model would take longer.\n\n", o.Latency)
	upstream, stopProvider, err := serveProvider(s.provider)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stopProvider()) }()
	s.upstream = upstream

	start := time.Now()
	model, err := embed.NewMiniLM()
	if err != nil {
		return nil, err
	}
	verifier, err := embed.NewVerifier(model)
	if err != nil {
		return nil, err
	}
	s.models = cache.Options{Embedder: model, Verifier: verifier, ReadAnswer: proxy.ReadAnswer}
	fmt.Fprintf(o.Out, "models    %s and %s, loaded in %s\n", model.ID(), verifier.ID(), millis(time.Since(start)))
	outcomes, elapsed, err := s.questions(ctx)
	if err != nil {
		return nil, err
	}
	totals = sum(outcomes, data.price, elapsed)
	if err := totals.write(o.Out, o, data.price); err != nil {
		return nil, err
	}
	if err := s.restart(ctx, again(outcomes), totals); err != nil {
		return nil, err
	}
	return totals, nil
}

// questions asks everything, through the proxy, and prints a line for each answer.
func (s *show) questions(ctx context.Context) (outcomes []outcome, elapsed time.Duration, err error) {
	stack, err := startStack(s.file, s.Listen, s.upstream, s.models)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, stack.stop()) }()
	fmt.Fprintf(s.Out, "provider  %s\nproxy     %s\n\n", s.upstream, stack.url())
	client := newClient(stack.url(), s.provider, s.Concurrency)
	defer client.close()

	t := newTable(s.Out, len(s.data.asks), s.NoColor)
	t.header()
	defer t.finish()
	var mu sync.Mutex // guards t
	outcomes = make([]outcome, len(s.data.asks))
	start := time.Now()
	err = inOrder(ctx, s.data.asks, s.Concurrency, func(ctx context.Context, i int) error {
		o := client.ask(ctx, i+1, s.data.asks[i])
		if o.err != nil {
			return o.err
		}
		outcomes[i] = o
		mu.Lock()
		t.add(&outcomes[i])
		mu.Unlock()
		if o.served() {
			return nil
		}
		return stack.waitStored(ctx)
	})
	return outcomes, time.Since(start), err
}

// restartAsks is how many questions of a kind are asked again after the restart.
const restartAsks = 3

// again picks what to ask after the restart: the first questions that were stored, and the first that the cache answered
// rightly with a similar one's answer. Both must be answered now without the provider.
func again(outcomes []outcome) []ask {
	var stored, similar []ask
	for _, o := range outcomes {
		switch {
		case !o.served() && len(stored) < restartAsks:
			stored = append(stored, o.ask)
		case o.status == statusSemanticHit && !o.wrong() && len(similar) < restartAsks:
			similar = append(similar, o.ask)
		}
	}
	return append(stored, similar...)
}

// restart opens the same file in a new cache behind a new proxy, and asks again what was asked before.
func (s *show) restart(ctx context.Context, asks []ask, totals *Totals) (err error) {
	start := time.Now()
	stack, err := startStack(s.file, s.Listen, s.upstream, s.models)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stack.stop()) }()
	stats := stack.cache.Stats()
	fmt.Fprintf(s.Out, "\nRestart: closed the cache and opened its file again: %d entries, %d KiB, in %s.\n",
		stats.Entries, stats.FileBytes>>10, millis(time.Since(start)))

	client := newClient(stack.url(), s.provider, s.Concurrency)
	defer client.close()
	before := s.provider.calls.Load()
	t := newTable(s.Out, len(asks), s.NoColor)
	for i, a := range asks {
		o := client.ask(ctx, i+1, a)
		if o.err != nil {
			return o.err
		}
		t.add(&o)
		totals.RestartAsks++
		if o.served() {
			totals.RestartHits++
		}
	}
	t.finish()
	totals.RestartCalls = int(s.provider.calls.Load() - before)
	fmt.Fprintf(s.Out, "%d of %d answered from the file; %d calls to the provider.\n", totals.RestartHits, totals.RestartAsks, totals.RestartCalls)
	if !s.Stay {
		return nil
	}
	return s.stay(ctx, stack)
}

// stayBody is the request that a user is told to try.
const stayBody = `{"model": "` + modelName + `", "messages": [{"role": "user", "content": "How can I freeze my card?"}]}`

// stay serves until the context ends.
func (s *show) stay(ctx context.Context, stack *stack) error {
	fmt.Fprintf(s.Out, `
Still serving on %s until Ctrl-C. Try a question of your own, then the same in other words:

  curl -i %s/chat/completions -H 'content-type: application/json' \
    -d '%s'
`, stack.addr, stack.url(), stayBody)
	select {
	case <-ctx.Done():
		return nil
	case err := <-stack.served:
		stack.served <- err // for stop, which waits for it
		return err
	}
}
