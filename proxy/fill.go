package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reprise-cache/reprise/cache"
)

// fillTogether is how many answers of one call are written at a time.
const fillTogether = 64

// fillQueueBytes bounds the answers that wait to be written, beside their number.
const fillQueueBytes = 64 << 20

// stored is an answer and the question that it is to be stored for.
type stored struct {
	lookup *cache.Lookup
	body   []byte
	cost   float64       // of the call, in US dollars; 0: not known
	took   time.Duration // that the call took
	kept   bool          // it is stored
}

// fill is what one call brought, on its way to the cache.
type fill struct {
	parts  []stored
	flight *flight
	trace  string
	weight int64
}

// filler writes answers to the cache, off the clients' path.
type filler struct {
	queue   chan *fill
	waiting atomic.Int64 // bytes
	pending tally        // answers accepted and not yet written
	workers tally
	ctx     context.Context // ends the writes of a shutdown that ran out of time
	give    context.CancelFunc
	settle  func(*flight)
	log     *slog.Logger

	written, dropped, failed atomic.Uint64
}

func newFiller(cfg *Config, settle func(*flight)) *filler {
	fl := &filler{queue: make(chan *fill, cfg.FillQueue), settle: settle, log: cfg.Logger}
	fl.ctx, fl.give = context.WithCancel(context.Background())
	for range cfg.FillWorkers {
		fl.workers.add()
		go func() {
			defer fl.workers.done()
			fl.work()
		}()
	}
	return fl
}

// work writes what comes until the queue is closed, or what is left is given up: after a shutdown that ran out of time the queue
// stays open, since a call that is being broken off may yet offer what it has.
func (fl *filler) work() {
	for {
		select {
		case <-fl.ctx.Done():
			fl.drain()
			return
		case f, open := <-fl.queue:
			if !open {
				return
			}
			fl.write(f)
		}
	}
}

// drain ends what waits after all was given up: each write fails at once, and settles its flight.
func (fl *filler) drain() {
	for {
		select {
		case f, open := <-fl.queue:
			if !open {
				return
			}
			fl.write(f)
		default:
			return
		}
	}
}

// offer hands f over, or settles its flight at once and counts a drop if there is no room. It never waits.
func (fl *filler) offer(f *fill) {
	kept, _ := f.flight.body()
	f.weight = int64(len(kept))
	for _, p := range f.parts {
		f.weight += int64(len(p.body))
	}
	if fl.waiting.Add(f.weight) <= fillQueueBytes {
		fl.pending.add()
		select {
		case fl.queue <- f:
			if fl.ctx.Err() != nil { // the workers may have left before it came
				fl.drain()
			}
			return
		default:
			fl.pending.done()
		}
	}
	fl.waiting.Add(-f.weight)
	fl.dropped.Add(1)
	fl.settle(f.flight)
	fl.log.Warn("answer not cached: the fill queue is full", "trace", f.trace)
}

func (fl *filler) write(f *fill) {
	defer fl.pending.done()
	defer fl.settle(f.flight)
	defer fl.waiting.Add(-f.weight)
	err := fl.fill(f)
	for i := range f.parts {
		if f.parts[i].kept {
			f.flight.filled = append(f.flight.filled, f.parts[i].lookup)
		}
	}
	if err != nil {
		fl.failed.Add(1)
		fl.log.Warn("answer not cached", "trace", f.trace, "error", err)
		return
	}
	fl.written.Add(1)
}

func (fl *filler) fill(f *fill) error {
	if err := fl.ctx.Err(); err != nil {
		return err
	}
	if len(f.parts) == 1 {
		return fl.put(&f.parts[0])
	}
	// Together, so that they share the file's commits.
	var g errgroup.Group
	g.SetLimit(fillTogether)
	for i := range f.parts {
		g.Go(func() error { return fl.put(&f.parts[i]) })
	}
	return g.Wait()
}

func (fl *filler) put(p *stored) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPanic, r)
		}
	}()
	id, err := p.lookup.Fill(fl.ctx, cache.Value{Body: p.body, Cost: p.cost, Took: p.took})
	p.kept = err == nil && id != 0
	return err
}

// flush waits until what was accepted is written, or ctx ends.
func (fl *filler) flush(ctx context.Context) error {
	return fl.pending.wait(ctx)
}

// close writes what was accepted and stops the workers. Nothing may be offered any more. If ctx ends first, the rest is
// given up, and lost says how much that is.
func (fl *filler) close(ctx context.Context) (lost int, err error) {
	close(fl.queue)
	err = fl.workers.wait(ctx)
	lost = len(fl.queue)
	fl.give()
	return lost, err
}
