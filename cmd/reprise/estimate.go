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

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/config"
	"github.com/reprise-cache/reprise/cmd/internal/traffic"
	"github.com/reprise-cache/reprise/proxy"
)

type estimateCmd struct {
	settingFlags
	decidingFlags
	File     string `arg:"" help:"Past traffic, oldest first, in a form that reprise import reads; - is standard input."`
	Riskiest int    `default:"20" placeholder:"N" help:"How many of the semantic hits to list, those first whose own answer differs, then the least probable."`
	Pairs    string `placeholder:"FILE" help:"Write all semantic hits there in the same order, a JSON object a line. With \"same\": true or false added by whoever read them, reprise bench quality --pairs takes it."`
	replaceFlag
	lineFlags
	pastFlags
}

// Run is called by kong. It does what a server in mode shadow does over weeks, with a cache that is empty first and thrown away
// afterwards: the decision is made of each request in turn, the answer that it got then is stored, and where another's would have been
// served, the two are compared. Nobody is called.
func (c *estimateCmd) Run(ctx context.Context, h *host) (err error) {
	cfg, err := c.load(h, c.decidingFlags)
	if err != nil {
		return err
	}
	if err := watchOnly(cfg); err != nil {
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
	opened, err := openCache(cfg, m, slog.New(slog.DiscardHandler), false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	c.Model = cmp.Or(c.Model, "any") // which one is told apart from others, and else of no account
	c.NoKey = c.KeyEnv == ""         // then whoever asked shares
	src, done, err := c.past(h, cfg, in, opened)
	if err != nil {
		return invalidFormat(err)
	}
	defer done()
	bar := newProgress(h, "asking", in.size, true)
	defer bar.Close()
	e := &estimate{cache: opened, tally: tally{bar: bar, w: h.stderr}, lines: map[cache.ID]int{}, refused: map[string]int{}}
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

// watchOnly has each mode that serves decide and not serve.
func watchOnly(cfg *config.Config) error {
	watch := func(mode, where string) (string, error) {
		switch mode {
		case "semantic", "shadow":
			return "shadow", nil
		case "threshold":
			return "", fmt.Errorf("%w: %s is threshold, which has no probability to estimate by: write semantic", config.ErrInvalid, where)
		}
		return mode, nil
	}
	var err error
	if cfg.Cache.Mode, err = watch(cfg.Cache.Mode, "cache.mode"); err != nil {
		return err
	}
	for name, n := range cfg.Cache.Namespaces {
		if n.Mode, err = watch(n.Mode, "cache.namespaces."+name+".mode"); err != nil {
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
		if err == nil && p.Skip == "" {
			err = e.take(ctx, src, p)
		} else if err == nil {
			e.skipped(p.Line, p.Skip, p.Size)
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

// take asks one.
func (e *estimate) take(ctx context.Context, src *pastSource, p *traffic.Pair) error {
	l, v, err := src.server.LookupPast(ctx, src.of(p), src.anonymous)
	switch {
	case errors.Is(err, proxy.ErrNotCached):
		e.skipped(p.Line, notCached(err), p.Size)
		return nil
	case err != nil:
		return &traffic.LineError{Line: p.Line, Size: p.Size, Err: err}
	case l.Status == cache.Degraded:
		return fmt.Errorf("line %d: %w", p.Line, l.Err)
	}
	id, err := l.Fill(ctx, v)
	if errors.Is(err, cache.ErrTooLarge) || errors.Is(err, cache.ErrInvalid) {
		return &traffic.LineError{Line: p.Line, Size: p.Size, Err: err}
	}
	if err != nil {
		return fmt.Errorf("line %d: %w", p.Line, err)
	}
	if err := e.count(ctx, l, id, v, p); err != nil {
		return err
	}
	e.lines[id] = p.Line
	e.passed(p.Size)
	return nil
}
