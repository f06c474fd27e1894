package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/config"
	"github.com/reprise-cache/reprise/cmd/internal/traffic"
)

type importCmd struct {
	remoteFlags
	File   string `arg:"" help:"What to read; - is standard input."`
	Format string `default:"auto" enum:"auto,entries,log,batch,jsonl,csv" help:"What the file is. auto: told by its first line. entries: as reprise export writes them. log: a JSON object with request and response a line. batch: the input of OpenAI's Batch API, with --answers. jsonl: a JSON object with question and answer a line. csv: columns of that name."`
	Bad    string `default:"stop" enum:"stop,skip" help:"What to do about a line that cannot be read: stop, or skip it, and name it either way."`
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
	line   int
	size   int64
}

// importTogether is how many items are stored at a time: enough that the file's commits, and the embedder's cores, are shared.
const importTogether = 64

// Run is called by kong. What says how far it has come is the cache's file itself: of a line that is stored already nothing is
// embedded or written again, so that the same command goes on where another was killed, however it ended.
func (c *importCmd) Run(ctx context.Context, h *host) error {
	cfg, err := c.load(h)
	if err != nil {
		return err
	}
	server, err := c.server(cfg)
	if err != nil {
		return err
	}
	in, size, dated, closeIn, err := input(c.File, h.stdin)
	if err != nil {
		return err
	}
	defer closeIn()
	format := c.Format
	if format == "auto" {
		if format, in, err = traffic.Detect(in); err != nil {
			return fmt.Errorf("%w: %s: %w", config.ErrInvalid, c.File, err)
		}
	}
	if format == traffic.Entries && !c.none() {
		return fmt.Errorf("%w: the file has entries, which say themselves where they belong: leave out --answers, --from, --namespace, --model, --system, --params, --header and the key", config.ErrInvalid)
	}
	ctx, release := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	defer release()
	bar := newProgress(h, "importing", size, true)
	defer bar.Close()
	n := &tally{bar: bar, w: h.stderr}
	err = c.run(ctx, h, cfg, server, format, in, dated, n)
	_ = bar.Finish() // it is only shown
	n.write(h.stdout)
	if errors.Is(err, context.Canceled) {
		return errors.New("stopped: what was counted is stored, and the same command goes on from there")
	}
	if err == nil && n.allBad() {
		return errors.New("not one line could be imported")
	}
	return err
}

// run imports into the configured file, or, of what is made for a temporary one, through a server.
func (c *importCmd) run(ctx context.Context, h *host, cfg *config.Config, server *remote, format string, in io.Reader, dated time.Time, n *tally) (err error) {
	if server != nil && format == traffic.Entries {
		return c.send(ctx, server, newEntrySource(in), n)
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
	var src source = newEntrySource(in)
	if format != traffic.Entries {
		var done func()
		if src, done, err = c.past(h, cfg, format, in, dated, opened); err != nil {
			return invalidFormat(err)
		}
		defer done()
	}
	if server != nil {
		return c.send(ctx, server, src, n)
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
			n.skipped(it.line, it.skip, it.size)
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
	mu   sync.Mutex
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

// sendBytes is how much one request to a server holds, beside its last line.
const sendBytes = 512 << 10

// send imports through a server.
func (c *importCmd) send(ctx context.Context, server *remote, src source, n *tally) error {
	var lines bytes.Buffer
	var first int
	var size int64
	flush := func() error {
		if lines.Len() == 0 {
			return nil
		}
		var said struct{ Stored, Skipped int }
		if err := server.post(ctx, "entries", lines.Bytes(), &said); err != nil {
			return fmt.Errorf("of the lines from %d on: %w", first, err)
		}
		n.sent(said.Stored, said.Skipped, size)
		lines.Reset()
		size = 0
		return nil
	}
	for ctx.Err() == nil {
		it, err := c.take(src, n)
		if errors.Is(err, io.EOF) {
			return flush()
		}
		if err != nil {
			return errors.Join(flush(), err)
		}
		text, err := it.record.MarshalJSON()
		if err != nil {
			return errors.Join(flush(), fmt.Errorf("line %d: %w", it.line, err))
		}
		if lines.Len() == 0 {
			first = it.line
		}
		lines.Write(text)
		lines.WriteByte('\n')
		if size += it.size; lines.Len() >= sendBytes {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// input opens what is to be read, and tells its size, -1 if that is not known, and its time.
func input(name string, stdin io.Reader) (r io.Reader, size int64, dated time.Time, closeIt func(), err error) {
	now := time.Now()
	if name == "-" {
		return stdin, -1, now, func() {}, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, now, nil, err
	}
	size, dated = -1, now
	if st, err := f.Stat(); err == nil && st.Mode().IsRegular() {
		size = st.Size()
		if st.ModTime().Before(now) {
			dated = st.ModTime() // the same each time that it is read, so that nothing is stored twice
		}
	}
	return f, size, dated, func() { _ = f.Close() }, nil // read only: nothing to lose
}
