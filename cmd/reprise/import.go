package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/config"
	"github.com/reprise-cache/reprise/cmd/internal/traffic"
)

type importCmd struct {
	remoteFlags
	decidingFlags
	File string `arg:"" help:"What to read; - is standard input."`
	lineFlags
	pastFlags
}

// source reads what is to be imported, one item after the other; io.EOF is the end. After a *traffic.LineError it goes on.
type source interface {
	next() (item, error)
}

// item is one line to import.
type item struct {
	record *cache.Record // nil: none, because of skip
	skip   string
	cached bool // that is because it was answered from a cache
	line   int
	size   int64
}

// importTogether is how many items are stored at a time: enough that the file's commits, and the embedder's cores, are shared.
const importTogether = 64

// Run is called by kong. What says how far it has come is the cache's file itself: of a line that is stored already nothing is
// embedded or written again, so that the same command goes on where another was killed, however it ended.
func (c *importCmd) Run(ctx context.Context, h *host) error {
	cfg, err := c.load(h, c.decidingFlags)
	if err != nil {
		return err
	}
	server, err := c.server(cfg)
	if err != nil {
		return err
	}
	in, err := c.open(ctx, h, c.File)
	if err != nil {
		return err
	}
	defer in.close()
	if in.format == traffic.Entries && !c.none() {
		return fmt.Errorf("%w: the file has entries, which say themselves where they belong: leave out --answers, --from, --namespace, --model, --system, --params, --header and the key", config.ErrInvalid)
	}
	bar := newProgress(h, "importing", in.size, true)
	defer bar.Close()
	n := &tally{bar: bar, w: h.stderr}
	err = c.run(ctx, h, cfg, server, in, n)
	_ = bar.Finish()                                   // it is only shown
	if !errors.Is(err, config.ErrInvalid) || n.any() { // else nothing was begun
		n.write(h.stdout)
	}
	if errors.Is(err, context.Canceled) {
		return errors.New("stopped: what was counted is stored, and the same command goes on from there")
	}
	if err == nil && n.allBad() {
		return errors.New("not one line could be imported")
	}
	return err
}

// run imports into the configured file, or, of what is made for a temporary one, through a server.
func (c *importCmd) run(ctx context.Context, h *host, cfg *config.Config, server *remote, in *lines, n *tally) (err error) {
	if server != nil && in.format == traffic.Entries {
		return (&sender{c: c, server: server, n: n}).all(ctx, newEntrySource(in.text))
	}
	if server != nil {
		dir, err := os.MkdirTemp("", "reprise-import-")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(dir) }()
		there := *cfg
		there.DB = filepath.Join(dir, "empty.db") // which knows how the configuration makes records
		cfg = &there
	}
	m, err := newModels(cfg)
	if err != nil {
		return err
	}
	opened, err := openCache(cfg, m, newLogger(cfg.Log, h.stderr), false)
	if errors.Is(err, cache.ErrLocked) {
		return fmt.Errorf("%w (a server that has it open imports with --url)", err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	var src source = newEntrySource(in.text)
	if in.format != traffic.Entries {
		var done func()
		names := fileNames(cfg)
		if server != nil {
			names = server.names(ctx)
		}
		if src, done, err = c.past(names, h, cfg, in, opened); err != nil {
			return invalidFormat(err)
		}
		defer done()
	}
	if server != nil {
		return (&sender{c: c, server: server, n: n}).all(ctx, src)
	}
	return c.store(ctx, opened, src, n)
}

func invalidFormat(err error) error {
	if errors.Is(err, traffic.ErrFormat) {
		return fmt.Errorf("%w: %w", config.ErrInvalid, err)
	}
	return err
}

// take returns the next item that there is something to do about, and counts the others.
func (c *importCmd) take(src source, n *tally) (item, error) {
	for {
		it, err := src.next()
		var bad *traffic.LineError
		switch {
		case errors.As(err, &bad) && !errors.Is(err, config.ErrInvalid):
			if err := c.bad(bad, n); err != nil {
				return item{}, err
			}
		case err != nil:
			return item{}, err
		case it.record == nil:
			n.skipped(it)
		default:
			return it, nil
		}
	}
}

// errBadLine ends an import that is to stop at the first bad line, which has been told.
var errBadLine = errors.New("stopped at the bad line: mend it, or pass over such with --bad skip; the same command goes on from there")

func (c *importCmd) bad(err *traffic.LineError, n *tally) error {
	n.failed(err, err.Size)
	if c.Bad == "skip" {
		return nil
	}
	return errBadLine
}

// store imports into the file.
func (c *importCmd) store(ctx context.Context, opened *cache.Cache, src source, n *tally) error {
	g, together := errgroup.WithContext(ctx)
	g.SetLimit(importTogether)
	var order inOrder
	for together.Err() == nil {
		it, err := c.take(src, n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errors.Join(g.Wait(), err)
		}
		done := order.begin(it.record.Key)
		g.Go(func() error {
			defer done()
			stored, err := opened.Import(together, it.record)
			switch {
			case errors.Is(err, cache.ErrInvalid), errors.Is(err, cache.ErrTooLarge):
				return c.bad(&traffic.LineError{Line: it.line, Size: it.size, Err: err}, n)
			case err != nil:
				return fmt.Errorf("line %d: %w", it.line, err)
			}
			n.did(stored, it.size)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// inOrder has lines with one question stored one after the other, so that which answer stays does not depend on chance. Begin is one
// goroutine's.
type inOrder struct {
	mu   sync.Mutex // guards busy; not held while one waits
	busy map[cache.Digest]chan struct{}
}

// begin waits until nobody is at the key.
func (o *inOrder) begin(key cache.Digest) (done func()) {
	o.mu.Lock()
	before := o.busy[key]
	o.mu.Unlock()
	if before != nil {
		<-before
	}
	mine := make(chan struct{})
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.busy == nil {
		o.busy = map[cache.Digest]chan struct{}{}
	}
	o.busy[key] = mine
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.busy, key)
		close(mine)
	}
}
