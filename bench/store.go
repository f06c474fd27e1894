package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/reprise-cache/reprise/cache"
)

// StoreOptions configures [Store]. The zero value measures files of the default sizes.
type StoreOptions struct {
	Sizes    []int         // entries of a file; nil: 10,000 and 100,000
	Serve    time.Duration // how long look-ups are timed, idle, beside writes, and idle again; zero: 10 s
	Rate     int           // entries a second that are written meanwhile; zero: 2,000
	Dir      string        // where the files are made; "": the system's folder for such
	Stages   []string      // of StoreStages; nil: all
	Keep     bool          // leave the files in Dir, for a later run without the stage put
	Progress io.Writer     // nil: none
}

// DefaultStoreSizes are the entries of the files that [Store] measures if no sizes are given.
func DefaultStoreSizes() []int { return []int{10_000, 100_000} }

// StoreStages are what [Store] can do with a file, in that order. The last one removes a third of the entries.
var StoreStages = []string{"put", "open", "serve", "backup", "compact"}

func (o *StoreOptions) has(stage string) bool { return slices.Contains(o.Stages, stage) }

func (o StoreOptions) withDefaults() (StoreOptions, error) {
	if o.Sizes == nil {
		o.Sizes = DefaultStoreSizes()
	}
	for _, n := range o.Sizes {
		if n < 100 {
			return o, fmt.Errorf("bench: a file of %d entries is too small to measure: use 100 or more", n)
		}
	}
	if o.Serve < 0 || o.Rate < 0 {
		return o, fmt.Errorf("bench: serve %v and rate %d must not be negative", o.Serve, o.Rate)
	}
	if o.Stages == nil {
		o.Stages = StoreStages
	}
	for _, stage := range o.Stages {
		if !slices.Contains(StoreStages, stage) {
			return o, fmt.Errorf("bench: there is no stage %q: use %s", stage, strings.Join(StoreStages, ", "))
		}
	}
	if (o.Keep || !o.has("put")) && o.Dir == "" {
		return o, errors.New("bench: files that are kept, or were, need a folder: name it in dir")
	}
	if o.Serve == 0 {
		o.Serve = 10 * time.Second
	}
	if o.Rate == 0 {
		o.Rate = 2000
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	return o, nil
}

// StoreRow is what was measured of a file of one size.
type StoreRow struct {
	Entries     int
	Put         float64 // entries a second, storeWriters at a time
	PerCommit   float64 // entries
	Commit      time.Duration
	Early       time.Duration // until the exact tier serves
	Snapshot    time.Duration // until all is known, by the snapshot
	Rebuild     time.Duration // the same without it
	FileBytes   float64       // an entry
	Memory      float64       // bytes an entry, of all that is in memory but the bodies
	BodyBytes   float64       // an entry, as answered …
	StoredBytes float64       // … and as kept
	Delete      float64       // entries a second, storeWriters at a time
	Backup      time.Duration
	BackupBytes int64
	Compact     time.Duration // after a third was removed
	Before      int64         // bytes
	After       int64
	Idle, Busy  Serving // look-ups alone, and beside writes …
	Again       Serving // … and alone again: the writes have made the partition larger, which a small one shows
}

// Serving is how look-ups went.
type Serving struct {
	P50, P99 time.Duration
	Lookups  int
	Hits     int     // that found the answer of the question that was reworded
	Written  float64 // entries a second meanwhile
}

// StoreReport is what [Store] measured.
type StoreReport struct {
	Machine Machine
	Rate    int
	Stages  []string
	Rows    []StoreRow
}

// storeWriters is how many writes are called for at a time.
const storeWriters = 128

// Store fills files with entries of drawn vectors of 384 dimensions, all in one partition, and answers as chat models write
// them, around prose of drawn words; then it opens, backs up and compacts them, and looks questions up, alone and
// while others are written. Look-ups are of ModeThreshold, so that no model's time is in them: what is timed is search and file.
func Store(ctx context.Context, o StoreOptions) (*StoreReport, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	report := &StoreReport{Machine: ThisMachine(), Rate: o.Rate, Stages: o.Stages}
	for _, n := range o.Sizes {
		row, err := storeRow(ctx, o, n)
		if err != nil {
			return nil, fmt.Errorf("bench: %d entries: %w", n, err)
		}
		report.Rows = append(report.Rows, *row)
	}
	return report, nil
}

// drawnCache are the options of the caches that are measured.
func drawnCache() cache.Options {
	return cache.Options{Embedder: drawnEmbedder{}, Mode: cache.ModeThreshold, Threshold: 0.6, HotBytes: -1, SweepInterval: -1, NoLearning: true}
}

// storeRow runs the stages on one file.
func storeRow(ctx context.Context, o StoreOptions, n int) (row *StoreRow, err error) {
	path := filepath.Join(o.Dir, fmt.Sprintf("bench-%d.db", n))
	if !o.Keep && o.has("put") {
		dir, err := os.MkdirTemp(o.Dir, "reprise-bench-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir) // a temporary folder
		path = filepath.Join(dir, "bench.db")
	} else if _, err := os.Stat(path); (err == nil) == o.has("put") {
		if err == nil {
			return nil, fmt.Errorf("%s is there already: remove it, or leave out the stage put", path)
		}
		return nil, fmt.Errorf("%w: fill a file first, with the stage put, and keep it", err)
	}
	row = &StoreRow{Entries: n}
	if o.has("put") {
		fmt.Fprintf(o.Progress, "%d entries: filling\n", n)
		if err := row.put(ctx, path); err != nil {
			return nil, err
		}
	}
	if o.has("open") {
		fmt.Fprintf(o.Progress, "%d entries: opening\n", n)
		if err := row.open(ctx, path); err != nil {
			return nil, err
		}
	}
	if !o.has("serve") && !o.has("backup") && !o.has("compact") {
		return row, nil
	}
	c, err := cache.Open(path, drawnCache())
	if err != nil {
		return nil, err
	}
	if err := errors.Join(row.use(ctx, o, c), c.Close()); err != nil {
		return nil, err
	}
	if !o.has("compact") {
		return row, nil
	}
	fmt.Fprintf(o.Progress, "%d entries: checking\n", n)
	r, err := cache.CheckFile(ctx, path)
	if err != nil {
		return nil, err
	}
	if !r.OK() {
		return nil, fmt.Errorf("the file is damaged: %v", r.Problems[0])
	}
	row.BodyBytes, row.StoredBytes = float64(r.Bytes)/float64(r.Entries), float64(r.Stored)/float64(r.Entries)
	return row, nil
}

// put fills a new file.
func (row *StoreRow) put(ctx context.Context, path string) error {
	c, err := cache.Open(path, drawnCache())
	if err != nil {
		return err
	}
	began := time.Now()
	err = inParallel(storeWriters, row.Entries, func(i int) error { return putDrawn(ctx, c, i) })
	row.Put = float64(row.Entries) / time.Since(began).Seconds()
	w := c.Stats().Writer
	row.PerCommit, row.Commit = float64(w.Writes)/float64(w.Commits), w.Time/time.Duration(max(w.Commits, 1))
	return errors.Join(err, c.Close())
}

// use does what is asked for of an open cache.
func (row *StoreRow) use(ctx context.Context, o StoreOptions, c *cache.Cache) (err error) {
	n := row.Entries
	if o.has("serve") {
		fmt.Fprintf(o.Progress, "%d entries: serving\n", n)
		if row.Idle, err = serving(ctx, c, n, o.Serve, 0); err != nil {
			return err
		}
		if row.Busy, err = serving(ctx, c, n, o.Serve, o.Rate); err != nil {
			return err
		}
		if row.Again, err = serving(ctx, c, n, o.Serve, 0); err != nil {
			return err
		}
	}
	if o.has("backup") {
		fmt.Fprintf(o.Progress, "%d entries: backing up\n", n)
		began := time.Now()
		if row.BackupBytes, err = c.Backup(ctx, io.Discard); err != nil {
			return err
		}
		row.Backup = time.Since(began)
	}
	if !o.has("compact") {
		return nil
	}
	fmt.Fprintf(o.Progress, "%d entries: removing a third\n", n)
	began := time.Now()
	var removed atomic.Int64
	err = inParallel(storeWriters, n/3, func(i int) error {
		l := c.Lookup(ctx, drawnQuestion(3*i, 0))
		if l.Err != nil || l.Status != cache.HitExact {
			return l.Err // an earlier run may have removed it
		}
		removed.Add(1)
		return c.Delete(ctx, l.Entry.ID)
	})
	if err != nil {
		return err
	}
	row.Delete = float64(removed.Load()) / time.Since(began).Seconds()
	fmt.Fprintf(o.Progress, "%d entries: compacting\n", n)
	began = time.Now()
	if row.Before, row.After, err = c.Compact(ctx, nil); err != nil {
		return err
	}
	row.Compact = time.Since(began)
	return nil
}

// open times the ways to open a file.
func (row *StoreRow) open(ctx context.Context, path string) error {
	for _, snapshot := range []bool{true, false} {
		if !snapshot {
			if err := os.Remove(path + ".index"); err != nil && !os.IsNotExist(err) {
				return err
			}
		}
		o := drawnCache()
		o.OpenEarly = true
		before := heapInUse()
		began := time.Now()
		c, err := cache.Open(path, o)
		if err != nil {
			return err
		}
		row.Early = time.Since(began)
		if err := c.WaitReady(ctx); err != nil {
			return err
		}
		took := time.Since(began)
		if snapshot {
			row.Snapshot = took
			row.Memory = float64(heapInUse()-before) / float64(c.Stats().Entries)
			row.FileBytes = float64(c.Stats().FileBytes) / float64(c.Stats().Entries)
		} else {
			row.Rebuild = took
		}
		if err := c.Close(); err != nil {
			return err
		}
	}
	return nil
}

// serving times look-ups of reworded questions, one after the other, for some time, while rate entries a second are written.
func serving(ctx context.Context, c *cache.Cache, n int, d time.Duration, rate int) (Serving, error) {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var s Serving
	var written atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	began := time.Now()
	if rate > 0 {
		for w := range storeWriters { // each its share, at even times
			wg.Go(func() {
				every := time.Second * storeWriters / time.Duration(rate)
				for i := 0; ; i++ {
					due := began.Add(every*time.Duration(i) + every*time.Duration(w)/storeWriters)
					select {
					case <-ctx.Done():
						return
					case <-time.After(time.Until(due)):
					}
					if err := putDrawn(context.WithoutCancel(ctx), c, n+storeWriters*i+w); err != nil {
						failed.Store(&err)
						return
					}
					written.Add(1)
				}
			})
		}
	}
	var times []time.Duration
	for i := 0; ctx.Err() == nil; i++ {
		at := i * 7919 % n
		q := drawnQuestion(at, 1+i)
		start := time.Now()
		l := c.Lookup(context.WithoutCancel(ctx), q)
		times = append(times, time.Since(start))
		if l.Status == cache.HitSemantic && l.Entry.Text == drawnQuestion(at, 0).Messages[0].Text {
			s.Hits++
		}
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return s, *err
	}
	s.Lookups, s.Written = len(times), float64(written.Load())/time.Since(began).Seconds()
	s.P50, s.P99 = Quantile(times, 0.5), Quantile(times, 0.99)
	return s, nil
}

// inParallel calls fn with 0 to n-1, some at a time, until one fails.
func inParallel(workers, n int, fn func(int) error) error {
	var next atomic.Int64
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for failed.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if err := fn(i); err != nil {
					failed.Store(&err)
				}
			}
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// WriteText prints the tables.
func (r *StoreReport) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%v\n\n", r.Machine)
	line := func(stage, what string, value func(*StoreRow) string) {
		if !slices.Contains(r.Stages, stage) && stage != "" {
			return
		}
		fmt.Fprintf(t, "%s\t", what)
		for i := range r.Rows {
			fmt.Fprintf(t, "%s\t", value(&r.Rows[i]))
		}
		fmt.Fprintln(t)
	}
	ms := func(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }
	mb := func(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }
	line("", "entries", func(r *StoreRow) string { return fmt.Sprint(r.Entries) })
	line("put", "put, 128 at a time: entries a second", func(r *StoreRow) string { return fmt.Sprintf("%.0f", r.Put) })
	line("put", "entries a commit", func(r *StoreRow) string { return fmt.Sprintf("%.1f", r.PerCommit) })
	line("put", "time of a commit", func(r *StoreRow) string { return ms(r.Commit) })
	line("open", "open: exact tier serves", func(r *StoreRow) string { return ms(r.Early) })
	line("open", "open: ready, by the snapshot", func(r *StoreRow) string { return ms(r.Snapshot) })
	line("open", "open: ready, without it", func(r *StoreRow) string { return ms(r.Rebuild) })
	line("open", "file: bytes an entry", func(r *StoreRow) string { return fmt.Sprintf("%.0f", r.FileBytes) })
	line("open", "memory beside bodies: bytes an entry", func(r *StoreRow) string { return fmt.Sprintf("%.0f", r.Memory) })
	line("compact", "body: bytes, and as kept", func(r *StoreRow) string { return fmt.Sprintf("%.0f, %.0f", r.BodyBytes, r.StoredBytes) })
	line("backup", "backup", func(r *StoreRow) string { return ms(r.Backup) + ", " + mb(r.BackupBytes) })
	line("compact", "removed, 128 at a time: entries a second", func(r *StoreRow) string { return fmt.Sprintf("%.0f", r.Delete) })
	line("compact", "compaction after a third was removed", func(r *StoreRow) string { return ms(r.Compact) + ", " + mb(r.Before) + " to " + mb(r.After) })
	line("serve", "look-up, idle: p50, p99", func(r *StoreRow) string { return ms(r.Idle.P50) + ", " + ms(r.Idle.P99) })
	line("serve", fmt.Sprintf("look-up beside %d writes a second: p50, p99", r.Rate), func(r *StoreRow) string { return ms(r.Busy.P50) + ", " + ms(r.Busy.P99) })
	line("serve", "look-up, idle afterwards: p50, p99", func(r *StoreRow) string { return ms(r.Again.P50) + ", " + ms(r.Again.P99) })
	line("serve", "p99 beside writes, of the mean of both idle", func(r *StoreRow) string {
		return fmt.Sprintf("%.1f times", 2*float64(r.Busy.P99)/float64(r.Idle.P99+r.Again.P99))
	})
	line("serve", "written meanwhile, a second", func(r *StoreRow) string { return fmt.Sprintf("%.0f", r.Busy.Written) })
	line("serve", "look-ups that found their question", func(r *StoreRow) string {
		return fmt.Sprintf("%.1f %%", 100*float64(r.Idle.Hits+r.Busy.Hits+r.Again.Hits)/float64(r.Idle.Lookups+r.Busy.Lookups+r.Again.Lookups))
	})
	return t.Flush()
}
