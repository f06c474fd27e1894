package cache

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// TestFlushWaitsForWhatCameBefore: what is handed over while it waits does not keep it, whatever is done first, and what was handed
// over before does.
func TestFlushWaitsForWhatCameBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, Options{Embedder: newBag(), SweepInterval: -1, Shadow: ShadowOptions{Rate: 1}})
		held := func(q *learner) chan struct{} {
			end := make(chan struct{})
			if !q.enqueue(func(context.Context) { <-end }) {
				t.Fatal("there is room")
			}
			return end
		}
		slow, quick := held(&c.shadow.learner), held(&c.shadow.learner) // a worker each
		label := held(&c.labels)
		var flushed atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() {
			flush(t, c)
			flushed.Store(true)
		})
		synctest.Wait()
		later, last := held(&c.labels), held(&c.shadow.learner)
		for _, end := range []chan struct{}{quick, last, label} {
			close(end)
			synctest.Wait()
			if flushed.Load() {
				t.Fatal("the slow check is not done")
			}
		}
		close(slow)
		synctest.Wait()
		if !flushed.Load() {
			t.Error("it waits for what came after it")
		}
		close(later)
		wg.Wait()
		closeSound(t, c)
	})
}

// TestFlushAmongTraffic: any number may hand over and wait at once, also while the cache is closed.
func TestFlushAmongTraffic(t *testing.T) {
	c := open(t, Options{})
	var callers, flushers sync.WaitGroup
	var done atomic.Int64
	for range 8 {
		callers.Go(func() {
			for range 2000 {
				c.labels.enqueue(func(context.Context) { done.Add(1) })
			}
		})
	}
	for range 2 {
		flushers.Go(func() {
			for {
				if err := c.Flush(bg); errors.Is(err, ErrClosed) {
					return
				} else if err != nil {
					t.Error(err)
				}
			}
		})
	}
	callers.Wait()
	flush(t, c)
	closeSound(t, c)
	flushers.Wait()
	if c.labels.enqueue(func(context.Context) { t.Error("a job was run after the end") }) {
		t.Error("a job was taken after the end")
	}
	if n := len(c.labels.pending()); n != 0 || done.Load() == 0 {
		t.Errorf("%d jobs are left of a cache that is closed, %d were done", n, done.Load())
	}
}

// TestFlushLeavesWithItsContext: the comparison goes on.
func TestFlushLeavesWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, Options{SweepInterval: -1})
		end := make(chan struct{})
		c.labels.enqueue(func(context.Context) { <-end })
		ctx, cancel := context.WithCancel(bg)
		var wg sync.WaitGroup
		wg.Go(func() {
			if err := c.Flush(ctx); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		synctest.Wait()
		cancel()
		wg.Wait()
		close(end)
		flush(t, c)
		closeSound(t, c)
	})
}

// TestCloseWritesWhatIsLearntMeanwhile: Close waits for a comparison that is under way, and what that has learnt is in the file.
func TestCloseWritesWhatIsLearntMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "cache.db")
		var slow atomic.Bool
		end := make(chan struct{})
		o := Options{
			Embedder: newBag(), Verifier: &judge{p: map[string]float64{wipe: 0.6}}, Threshold: 0.7, MaxError: 0.01, SweepInterval: -1,
			ReadAnswer: func(body []byte) (Answer, bool) {
				if slow.Load() {
					<-end
				}
				return readAnswer(body)
			},
		}
		c := open(t, o, path)
		put(t, c, ask(wipe), "Erase it in the settings.")
		l := expect(t, c, ask(asked), Miss, "")
		flush(t, c) // has read the answers that it came near, or the worker would come no further
		slow.Store(true)
		if _, err := l.Fill(bg, Value{Body: []byte("erase it in the settings")}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // it is under way
		var wg sync.WaitGroup
		wg.Go(func() { closeSound(t, c) })
		synctest.Wait()
		close(end)
		wg.Wait()
		c = open(t, o, path)
		if s := c.Stats().Learning; s.Entries == 0 || s.Partitions == 0 {
			t.Errorf("what was learnt is lost: %+v", s)
		}
		closeSound(t, c)
	})
}
