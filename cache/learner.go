package cache

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
)

// learner compares answers off the callers' path.
type learner struct {
	jobs chan *job

	mu     sync.Mutex        // guards what follows; a leaf
	undone map[*job]struct{} // queued, or under way
	closed bool              // nobody takes jobs any more

	panicked atomic.Uint64 // jobs that a panic ended, or runtime.Goexit
}

type job struct {
	run  func(ctx context.Context)
	done chan struct{} // closed once it was run, or dropped by the end of the cache
}

// begin readies the learner for jobs, of which so many may wait.
func (q *learner) begin(most int) {
	q.jobs, q.undone = make(chan *job, most), map[*job]struct{}{}
}

// enqueue hands a job over, or drops it. Jobs that wait when the cache is closed are not run.
func (q *learner) enqueue(run func(ctx context.Context)) bool {
	j := &job{run, make(chan struct{})}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return false
	}
	select {
	case q.jobs <- j:
		q.undone[j] = struct{}{}
		return true
	default:
		return false
	}
}

// pending returns the jobs that were handed over and are not done. Each is done at some time, in whatever order, however many follow.
func (q *learner) pending() []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Collect(maps.Keys(q.undone))
}

// work runs jobs until ctx ends. Several may work at once.
func (q *learner) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			q.close()
			return
		case j := <-q.jobs:
			if ctx.Err() == nil { // else the select had both to choose from
				q.run(ctx, j)
			}
			q.finish(j)
		}
	}
}

// close drops what waits, and what would come.
func (q *learner) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	for {
		select {
		case j := <-q.jobs:
			q.finish(j)
		default:
			return
		}
	}
}

func (q *learner) finish(j *job) {
	q.mu.Lock()
	delete(q.undone, j)
	q.mu.Unlock()
	close(j.done)
}

// run runs a job, which calls what callers have brought (Embedder, Verifier, ReadAnswer, OnTighten) on a goroutine that none of them
// can guard: a panic ends the job, and not the process, and runtime.Goexit not the worker.
func (q *learner) run(ctx context.Context, j *job) {
	_, err := apart(ctx, "a comparison", func(ctx context.Context) (struct{}, error) { j.run(ctx); return struct{}{}, nil })
	if err != nil {
		q.panicked.Add(1)
	}
}

// Flush waits until the answers that were handed over for comparison so far are compared, shadow checks included, and writes
// what was learnt. What is handed over meanwhile it does not wait for. Functions that a comparison calls (ReadAnswer, OnTighten, a
// CallFunc) must not call it: it would wait for them. The error is ErrClosed, that of ctx, or a *StoreError.
func (c *Cache) Flush(ctx context.Context) error {
	if err := c.usable(ctx); err != nil {
		return err
	}
	for _, j := range append(c.labels.pending(), c.shadow.pending()...) {
		select {
		case <-j.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return c.writeLearned(ctx)
}
