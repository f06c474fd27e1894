package proxy

import (
	"context"
	"sync"
)

// tally counts what is under way. Unlike a sync.WaitGroup it may be waited for while it goes on to be added to, and the
// wait may end early.
type tally struct {
	mu   sync.Mutex // guards n and none
	n    int
	none chan struct{} // closed when n gets to zero; nil: nobody waits
}

func (t *tally) add() {
	t.mu.Lock()
	t.n++
	t.mu.Unlock()
}

func (t *tally) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.n--; t.n == 0 && t.none != nil {
		close(t.none)
		t.none = nil
	}
}

// wait returns once nothing is under way, or why ctx ended before that.
func (t *tally) wait(ctx context.Context) error {
	t.mu.Lock()
	if t.n == 0 {
		t.mu.Unlock()
		return nil
	}
	if t.none == nil {
		t.none = make(chan struct{})
	}
	none := t.none
	t.mu.Unlock()
	select {
	case <-none:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
