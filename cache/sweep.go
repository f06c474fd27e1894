package cache

import "time"

// sweep removes expired entries now and then until the cache is closed. The file keeps its entries by expiry, so
// that a sweep reads and touches only what is due, in commits of purgeBatch; between two of them other writes get in.
// Correctness does not hang on it: an expired entry is never served, swept or not.
func (c *Cache) sweep() {
	tick := time.NewTicker(c.opts.SweepInterval)
	defer tick.Stop()
	for {
		select {
		case <-c.life.Done():
			return
		case <-tick.C:
			c.sweepOnce()
			c.writeUses(c.life, usesBatch*4)
			c.shrink()
			c.memory.prune(now().UnixNano())
		}
	}
}

func (c *Cache) sweepOnce() {
	for c.life.Err() == nil {
		n, err := c.store.Sweep(c.life, now().UnixNano(), purgeBatch)
		c.stats.expired.Add(uint64(n))
		if err != nil && c.life.Err() == nil {
			c.stats.sweepErrors.Add(1)
		}
		if err != nil || n < purgeBatch {
			return
		}
	}
}
