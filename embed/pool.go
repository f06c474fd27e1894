package embed

import (
	"context"
	"runtime"
	"sync"

	"github.com/reprise-cache/reprise/embed/internal/bert"
)

const (
	// batchTokens is how many tokens a worker takes from the queue at once, if one window does not hold more. More brings no
	// speed, since the matrix product is then bound by arithmetic, and a burst would be spread over fewer workers.
	batchTokens = 32
	// windowTokens is the longest window, special tokens included.
	windowTokens = 256
)

// window is a stretch of a text, or a pair of texts, to be encoded: the unit of work of a pool.
type window struct {
	sequence bert.Sequence
	first    [bert.Hidden]float32 // result: the first token's vector
	sum      [bert.Hidden]float32 // result: the sum of the tokens' vectors
	call     *call
}

// call is what the windows of one caller share.
type call struct {
	ctx  context.Context
	done chan struct{} // closed once no window is left

	mu   sync.Mutex // guards left and err; a leaf
	left int        // windows that no worker has finished or dropped
	err  error      // the first failure of a window
}

// finish counts a window as done, or as failed.
func (c *call) finish(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
	if c.left--; c.left == 0 {
		close(c.done)
	}
}

// pool encodes windows on at most GOMAXPROCS workers. A worker is a goroutine that lives while there is work, so a pool
// need not be closed.
type pool struct {
	model *bert.Model

	mu      sync.Mutex // guards queue, running and idle; taken before a call's
	queue   []*window  // first in, first out
	running int
	idle    []*worker
}

// worker is one goroutine's scratch memory.
type worker struct {
	arena  *bert.Arena
	batch  []*window
	inputs []bert.Sequence
	stop   func() bool // the method stopped, bound once, because binding allocates
}

func newWorker(m *bert.Model) *worker {
	w := &worker{arena: m.NewArena(windowTokens)}
	w.stop = w.stopped
	return w
}

// stopped says that nobody waits for the batch any more.
func (w *worker) stopped() bool {
	for _, x := range w.batch {
		if x.call.ctx.Err() == nil {
			return false
		}
	}
	return true
}

// encode computes the sums of all windows and returns once each is done or ctx has ended. After an error the windows
// belong to the pool.
func (p *pool) encode(ctx context.Context, windows []*window) error {
	c := &call{ctx: ctx, done: make(chan struct{}), left: len(windows)}
	for _, x := range windows {
		x.call = c
	}
	p.mu.Lock()
	p.queue = append(p.queue, windows...)
	for limit := min(runtime.GOMAXPROCS(0), p.running+len(windows)); p.running < limit; p.running++ {
		go p.work(p.takeIdle())
	}
	p.mu.Unlock()
	select {
	case <-c.done:
	case <-ctx.Done():
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.err
}

// takeIdle is a worker that has its memory from earlier work, or a new one. p.mu is held.
func (p *pool) takeIdle() *worker {
	if n := len(p.idle); n > 0 {
		w := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return w
	}
	return newWorker(p.model)
}

// work takes batches until the queue is empty.
func (p *pool) work(w *worker) {
	for p.take(w) {
		err := p.run(w)
		for i, x := range w.batch {
			x.call.finish(err)
			w.batch[i] = nil
		}
	}
}

// take moves the next windows from the queue to the worker's batch, or retires the worker if there are none. Windows whose
// caller has left are dropped.
func (p *pool) take(w *worker) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	w.batch, w.inputs = w.batch[:0], w.inputs[:0]
	tokens, next := 0, 0
	for ; next < len(p.queue); next++ {
		x := p.queue[next]
		if err := x.call.ctx.Err(); err != nil {
			x.call.finish(err)
			continue
		}
		if tokens > 0 && tokens+len(x.sequence.IDs) > batchTokens {
			break
		}
		tokens += len(x.sequence.IDs)
		w.batch, w.inputs = append(w.batch, x), append(w.inputs, x.sequence)
	}
	rest := copy(p.queue, p.queue[next:])
	clear(p.queue[rest:])
	p.queue = p.queue[:rest]
	if len(w.batch) == 0 {
		p.running--
		p.idle = append(p.idle, w)
		return false
	}
	return true
}

// run encodes the worker's batch and keeps of each window what is made of it: the first token, and the sum of all.
func (p *pool) run(w *worker) error {
	rows, err := p.model.Run(w.arena, w.inputs, w.stop)
	if err != nil {
		return err
	}
	for _, x := range w.batch {
		copy(x.first[:], rows)
		for range x.sequence.IDs {
			for d, v := range rows[:bert.Hidden] {
				x.sum[d] += v
			}
			rows = rows[bert.Hidden:]
		}
	}
	return nil
}
