package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/config"
)

type importCmd struct {
	remoteFlags
	File   string `arg:"" help:"What to read; - is standard input."`
	Format string `default:"entries" help:"What the file is: entries, as reprise export writes them."`
}

// source reads what is to be imported, one item after the other; io.EOF is the end. What is wrong with one item is an error that
// names its place.
type source interface {
	next() (item, error)
}

// item is one thing to import. Several are stored at a time.
type item interface {
	// store puts it into the cache, and reports whether that changed anything.
	store(ctx context.Context, c *cache.Cache) (bool, error)
	// line is what a server's admin API takes to do the same; nil: it cannot.
	line() []byte
}

// formats is what import can read, by the name that --format takes.
var formats = map[string]func(r io.Reader, cfg *config.Config) (source, error){
	"entries": newEntrySource,
}

// importTogether is how many items are stored at a time: enough that the file's commits, and the embedder's cores, are shared.
const importTogether = 64

// Run is called by kong.
func (c *importCmd) Run(ctx context.Context, h *host) error {
	open := formats[c.Format]
	if open == nil {
		return fmt.Errorf("%w: --format %q: use %s", config.ErrInvalid, c.Format, strings.Join(sortedKeys(formats), ", "))
	}
	cfg, err := c.load(h)
	if err != nil {
		return err
	}
	server, err := c.server(cfg)
	if err != nil {
		return err
	}
	in, size, closeIn, err := input(c.File, h.stdin)
	if err != nil {
		return err
	}
	defer closeIn()
	bar := newProgress(h, "importing", size, true)
	defer bar.Close()
	read := io.TeeReader(in, bar)
	src, err := open(read, cfg)
	if err != nil {
		return err
	}
	var n importCount
	if server != nil {
		err = c.send(ctx, server, src, &n)
	} else {
		err = c.store(ctx, h, cfg, src, &n)
	}
	_ = bar.Finish() // it is only shown
	fmt.Fprintf(h.stdout, "%d stored, %d left out (expired, or the cache has an answer that is as new)\n", n.stored.Load(), n.skipped.Load())
	return err
}

// importCount is what became of the items.
type importCount struct{ stored, skipped atomic.Int64 }

func (n *importCount) add(done bool) {
	if done {
		n.stored.Add(1)
	} else {
		n.skipped.Add(1)
	}
}

// store imports into the file.
func (c *importCmd) store(ctx context.Context, h *host, cfg *config.Config, src source, n *importCount) (err error) {
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
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(importTogether)
	for ctx.Err() == nil {
		it, err := src.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errors.Join(g.Wait(), err)
		}
		g.Go(func() error {
			done, err := it.store(ctx, opened)
			if err == nil {
				n.add(done)
			}
			return err
		})
	}
	return g.Wait()
}

// sendBytes is how much one request to a server holds, beside its last line.
const sendBytes = 512 << 10

// send imports through a server.
func (c *importCmd) send(ctx context.Context, server *remote, src source, n *importCount) error {
	var lines bytes.Buffer
	flush := func() error {
		if lines.Len() == 0 {
			return nil
		}
		var said struct{ Stored, Skipped int64 }
		err := server.post(ctx, "entries", lines.Bytes(), &said)
		n.stored.Add(said.Stored)
		n.skipped.Add(said.Skipped)
		lines.Reset()
		return err
	}
	for {
		it, err := src.next()
		if errors.Is(err, io.EOF) {
			return flush()
		}
		if err != nil {
			return errors.Join(flush(), err)
		}
		line := it.line()
		if line == nil {
			return fmt.Errorf("%w: --format %s works on a file, not through a server: stop it and leave --url out", config.ErrInvalid, c.Format)
		}
		lines.Write(line)
		lines.WriteByte('\n')
		if lines.Len() >= sendBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
}

// input opens what is to be read, and tells its size; -1: not known.
func input(name string, stdin io.Reader) (r io.Reader, size int64, closeIt func(), err error) {
	if name == "-" {
		return stdin, -1, func() {}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, nil, err
	}
	size = -1
	if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
		size = st.Size()
	}
	return f, size, func() { _ = f.Close() }, nil // read only: nothing to lose
}
