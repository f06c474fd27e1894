package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/config"
	"github.com/reprise-cache/reprise/cmd/internal/traffic"
	"github.com/reprise-cache/reprise/proxy"
)

type estimateCmd struct {
	settingFlags
	decidingFlags
	File     string `arg:"" help:"Past traffic, oldest first, in a form that reprise import reads; - is standard input. Answers are stored and expire by its lines' own times. No provider is called; an embedder behind an API is."`
	Riskiest int    `default:"20" placeholder:"N" help:"How many of the semantic hits to list, those first whose own answer differs, then the least probable."`
	Pairs    string `placeholder:"FILE" help:"Write all semantic hits there in the same order, a JSON object a line, with times: how often it was served. With \"same\": true or false added by whoever read them, reprise bench quality --pairs takes it."`
	replaceFlag
	lineFlags
	pastFlags
}

// Run is called by kong. It does what a server does over weeks, with a cache that is empty first, thrown away afterwards, and goes by the
// traffic's own times: each request is looked up in turn; where an answer is served it is compared with the one that the request got
// then, which is stored where none is. No provider is called.
func (c *estimateCmd) Run(ctx context.Context, h *host) (err error) {
	cfg, err := c.load(h, c.decidingFlags)
	if err != nil {
		return err
	}
	if err := serveAll(cfg); err != nil {
		return err
	}
	var pairs *output
	if c.Pairs != "" { // before the time is spent
		if pairs, err = c.output(c.Pairs, cfg, h.stdout); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "reprise-estimate-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cfg.DB = filepath.Join(dir, "estimate.db")
	in, err := c.open(ctx, h, c.File)
	if err != nil {
		return err
	}
	defer in.close()
	if in.format == traffic.Entries {
		return fmt.Errorf("%w: %s has a cache's entries, each question once: give the traffic that they came of", config.ErrInvalid, c.File)
	}
	m, err := newModels(cfg)
	if err != nil {
		return err
	}
	e := newEstimate()
	o, err := cacheOptions(cfg, m, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	o.Now = e.clock.now
	opened, err := openFile(cfg.DB, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	c.Model = cmp.Or(c.Model, "any") // which one is told apart from others, and else of no account
	c.NoKey = c.KeyEnv == ""         // then whoever asked shares
	src, done, err := c.past(fileNames(cfg), h, cfg, in, opened)
	if err != nil {
		return invalidFormat(err)
	}
	defer done()
	bar := newProgress(h, "asking", in.size, true)
	defer bar.Close()
	e.cache, e.bar, e.w = opened, bar, h.stderr
	err = c.ask(ctx, src, e)
	_ = bar.Finish() // it is only shown
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(h.stderr, "reprise: stopped: what follows is of the lines before")
	} else if err != nil {
		return err
	}
	e.rank()
	if pairs != nil {
		if err := pairs.write(e.writePairs); err != nil {
			return err
		}
	}
	return e.write(h.stdout, c.Riskiest)
}

// serveAll has each mode that only watches serve, and nobody asked for a second opinion, which is paid for.
func serveAll(cfg *config.Config) error {
	cfg.Opinion = config.Opinion{}
	serve := func(mode, where string) (string, error) {
		switch mode {
		case "shadow":
			return "semantic", nil
		case "threshold":
			return "", fmt.Errorf("%w: %s is threshold, which has no probability to estimate by: write semantic", config.ErrInvalid, where)
		}
		return mode, nil
	}
	var err error
	if cfg.Cache.Mode, err = serve(cfg.Cache.Mode, "cache.mode"); err != nil {
		return err
	}
	for name, n := range cfg.Cache.Namespaces {
		if n.Mode, err = serve(n.Mode, "cache.namespaces."+name+".mode"); err != nil {
			return err
		}
		cfg.Cache.Namespaces[name] = n
	}
	return nil
}

// ask puts the past requests, one after the other.
func (c *estimateCmd) ask(ctx context.Context, src *pastSource, e *estimate) error {
	for ctx.Err() == nil {
		p, err := src.in.Next()
		var bad *traffic.LineError
		if errors.Is(err, io.EOF) {
			return nil
		}
		switch {
		case err != nil:
		case p.Skip != "":
			e.skipped(itemOf(p))
		default:
			err = e.take(ctx, src, p)
		}
		switch {
		case errors.As(err, &bad):
			if e.failed(bad, bad.Size); c.Bad == "stop" {
				return errors.New("stopped at the bad line: mend it, or pass over such with --bad skip")
			}
		case err != nil:
			return err
		}
	}
	return ctx.Err()
}

// trafficClock says when the request was answered that is asked now. The cache's background work reads it too.
type trafficClock struct{ at atomic.Int64 } // nanoseconds since 1970

func (c *trafficClock) now() time.Time { return time.Unix(0, c.at.Load()) }

// turn sets the clock to the time of a line, and removes what a server would have removed by then. A line without a time is of the same
// as the one before.
func (e *estimate) turn(ctx context.Context, p *traffic.Pair) error {
	at := p.Created
	if at.IsZero() {
		return nil
	}
	if !time.Unix(0, at.UnixNano()).Equal(at) {
		return &traffic.LineError{Line: p.Line, Size: p.Size, Err: fmt.Errorf("its time %v: give one of the years 1678 to 2261", at)}
	}
	e.clock.at.Store(at.UnixNano())
	if since := at.Sub(e.swept); since >= 0 && since < cache.DefaultSweepInterval {
		return nil
	}
	e.swept = at
	return e.cache.Sweep(ctx)
}

// take asks one.
func (e *estimate) take(ctx context.Context, src *pastSource, p *traffic.Pair) error {
	if err := e.turn(ctx, p); err != nil {
		return err
	}
	l, v, err := src.server.LookupPast(ctx, src.of(p), src.anonymous)
	switch unknown := src.names.failed(); {
	case unknown != nil: // which is not the line's fault
		return unknown
	case errors.Is(err, proxy.ErrNotCached):
		it := itemOf(p)
		it.skip = notCached(err)
		e.skipped(it)
		return nil
	case err != nil:
		return &traffic.LineError{Line: p.Line, Size: p.Size, Err: err}
	case l.Mode == cache.ModeThreshold:
		return &traffic.LineError{Line: p.Line, Size: p.Size, Err: errors.New("it asks for mode threshold, which has no probability to estimate by: have it ask for semantic")}
	case errors.Is(l.Err, cache.ErrInvalid):
		return &traffic.LineError{Line: p.Line, Size: p.Size, Err: l.Err}
	case l.Status == cache.Degraded:
		return fmt.Errorf("line %d: %w", p.Line, l.Err)
	case l.Status.Hit():
		err = e.served(ctx, l, l.Entry, l.Status, v, p)
	case l.WouldServe != nil: // the request asks for mode shadow itself
		err = e.served(ctx, l, l.WouldServe, l.WouldBe, v, p)
	default:
		err = e.bought(ctx, l, v, p)
	}
	if err != nil {
		return err
	}
	e.asked++
	e.cost += v.Cost
	e.passed(p.Size)
	return nil
}

// bought stores the answer to what the cache had none for.
func (e *estimate) bought(ctx context.Context, l *cache.Lookup, v cache.Value, p *traffic.Pair) error {
	switch id, err := l.Fill(ctx, v); {
	case errors.Is(err, cache.ErrTooLarge): // which a server passes on and does not keep
	case errors.Is(err, cache.ErrInvalid):
		return &traffic.LineError{Line: p.Line, Size: p.Size, Err: err}
	case err != nil:
		return fmt.Errorf("line %d: %w", p.Line, err)
	default:
		e.lines[id] = p.Line
	}
	e.refused[cmp.Or(string(l.Reason), l.Status.String())]++
	return e.learn(ctx)
}

// learn has what a request teaches learnt before the next one, whatever the machine's speed: a server has the time.
func (e *estimate) learn(ctx context.Context) error { return e.cache.Flush(ctx) }
