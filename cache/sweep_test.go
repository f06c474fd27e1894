package cache

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestNeverSwept is of a cache that keeps what has expired: what it remembers of its answers is bounded all the same.
func TestNeverSwept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, Options{Embedder: newBag(), TTL: time.Minute, SweepInterval: -1})
		q := ask("what is kept although its time is over")
		q.TraceID = "t"
		put(t, c, q, "kept")
		if n := c.Stats().Learning.Traces; n != 1 {
			t.Fatalf("%d traces before their time is over", n)
		}
		time.Sleep(traceLife + 2*DefaultSweepInterval)
		synctest.Wait()
		if s := c.Stats(); s.Entries != 1 || s.Expired != 0 || s.Learning.Traces != 0 {
			t.Errorf("%d entries, %d swept, %d traces: want 1, 0, 0", s.Entries, s.Expired, s.Learning.Traces)
		}
		closeSound(t, c)
	})
}
