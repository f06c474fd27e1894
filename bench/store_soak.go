package bench

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/reprise-cache/reprise/cache"
)

// SoakOptions configures [Soak].
type SoakOptions struct {
	Length   time.Duration // zero: 30 minutes
	Entries  int           // that the cache holds about; zero: 20,000
	Rate     int           // writes a second; zero: 200
	Dir      string        // where the file is made; "": the system's folder for such
	Progress io.Writer     // nil: none
}

// SoakRow is the process at one time.
type SoakRow struct {
	At          time.Duration
	Entries     int64
	Heap        uint64 // bytes, after a collection
	File        int64  // bytes
	Goroutines  int
	Descriptors int // -1: the system does not tell
	Lookups     uint64
	Writes      uint64
}

// SoakReport is what [Soak] saw.
type SoakReport struct {
	Machine Machine
	Rows    []SoakRow
	Check   *cache.Report // of the file in the end
}

// soakRows is how many rows a soak has.
const soakRows = 20

// Soak runs a mixed load of look-ups, writes, replacements and deletions, with entries that expire, compactions and backups, and looks
// at what the process holds at even times. Nothing of it should grow once the cache is full, which it is after a few rows.
func Soak(ctx context.Context, o SoakOptions) (*SoakReport, error) {
	setZero(&o.Length, 30*time.Minute)
	setZero(&o.Entries, 20_000)
	setZero(&o.Rate, 200)
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	if o.Length < time.Second || o.Entries < 100 || o.Rate < 1 {
		return nil, fmt.Errorf("bench: a soak of %v with %d entries and %d writes a second: use 1s, 100 and 1, or more", o.Length, o.Entries, o.Rate)
	}
	dir, err := os.MkdirTemp(o.Dir, "reprise-soak-")
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "soak.db")
	options := drawnCache()
	options.HotBytes, options.SweepInterval, options.NoLearning = 1<<20, time.Second, false
	options.TTL = max(o.Length/8, time.Second)
	options.SnapshotInterval = max(o.Length/soakRows, time.Second)
	c, err := cache.Open(path, options)
	if err != nil {
		return nil, err
	}
	report := &SoakReport{Machine: ThisMachine()}
	err = soak(ctx, c, o, report)
	if closing := c.Close(); err == nil {
		err = closing
	}
	if err == nil {
		report.Check, err = cache.CheckFile(ctx, path)
	}
	return report, err
}

func setZero[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func soak(ctx context.Context, c *cache.Cache, o SoakOptions, report *SoakReport) error {
	ctx, cancel := context.WithTimeout(ctx, o.Length)
	defer cancel()
	whole := context.WithoutCancel(ctx) // what has begun is finished
	var lookups, writes atomic.Uint64
	var failed atomic.Pointer[error]
	fail := func(err error) {
		failed.CompareAndSwap(nil, &err)
		cancel()
	}
	began := time.Now()
	var wg sync.WaitGroup
	const writers = 8
	for w := range writers {
		r := rand.New(rand.NewPCG(uint64(w), 1))
		wg.Go(func() {
			tick := time.NewTicker(time.Second * writers / time.Duration(o.Rate))
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				i := r.IntN(o.Entries)
				if r.IntN(8) == 0 {
					if l := c.Lookup(whole, drawnQuestion(i, 0)); l.Entry != nil {
						_ = c.Delete(whole, l.Entry.ID) // another may have been first
					}
				} else if err := putDrawn(whole, c, i); err != nil {
					fail(err)
					return
				}
				writes.Add(1)
			}
		})
	}
	for w := range 2 {
		r := rand.New(rand.NewPCG(uint64(w), 2))
		wg.Go(func() {
			for ctx.Err() == nil {
				i, wording := r.IntN(o.Entries), r.IntN(50)
				l := c.Lookup(whole, drawnQuestion(i, wording))
				if l.Err != nil {
					fail(l.Err)
				}
				lookups.Add(1)
			}
		})
	}
	wg.Go(func() {
		tick := time.NewTicker(o.Length / 7)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if _, err := c.Backup(whole, io.Discard); err != nil {
				fail(err)
			}
			if _, _, err := c.Compact(whole, nil); err != nil {
				fail(err)
			}
		}
	})
	tick := time.NewTicker(o.Length / (soakRows + 1))
	defer tick.Stop()
	for range soakRows {
		select {
		case <-ctx.Done():
		case <-tick.C:
			s := c.Stats()
			row := SoakRow{
				At: time.Since(began), Entries: s.Entries, Heap: uint64(heapInUse()), File: s.FileBytes, Goroutines: runtime.NumGoroutine(),
				Descriptors: descriptors(), Lookups: lookups.Load(), Writes: writes.Load(),
			}
			report.Rows = append(report.Rows, row)
			fmt.Fprintf(o.Progress, "%v: %d entries, %d look-ups, %d writes\n", row.At.Round(time.Second), row.Entries, row.Lookups, row.Writes)
		}
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

// descriptors counts the process's open files, where the system tells.
func descriptors() int {
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(names) - 1 // the folder itself
}

// WriteText prints the table.
func (r *SoakReport) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%v\n\n", r.Machine)
	fmt.Fprintln(t, "after\tentries\theap MB\tfile MB\tgoroutines\tdescriptors\tlook-ups\twrites\t")
	for _, row := range r.Rows {
		fmt.Fprintf(t, "%v\t%d\t%.1f\t%.1f\t%d\t%d\t%d\t%d\t\n", row.At.Round(time.Second), row.Entries, float64(row.Heap)/1e6,
			float64(row.File)/1e6, row.Goroutines, row.Descriptors, row.Lookups, row.Writes)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "the file in the end: %d entries, %d problems\n", r.Check.Entries, len(r.Check.Problems))
	return err
}
