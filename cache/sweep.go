package cache

import (
	"context"
	"time"
)

// upkeep does now and then what a cache needs, until it is closed: it removes expired entries, unless Options.SweepInterval says never,
// writes what was used, keeps within the limits, and forgets what has faded or is too much of what was learnt.
func (c *Cache) upkeep() {
	tick := time.NewTicker(c.opts.upkeepInterval())
	defer tick.Stop()
	for {
		select {
		case <-c.life.Done():
			return
		case <-tick.C:
			if c.opts.SweepInterval > 0 {
				_ = c.sweep(c.life) // counted
			}
			c.writeUses(c.life, usesBatch*4)
			c.shrink()
			c.memory.prune(c.now().UnixNano())
		}
	}
}

// upkeepInterval is how often there is upkeep: a cache that is never swept still has to stay within bounds.
func (o *Options) upkeepInterval() time.Duration {
	if o.SweepInterval < 0 {
		return DefaultSweepInterval
	}
	return o.SweepInterval
}

// Sweep removes the entries that have expired, as the upkeep does every Options.SweepInterval, and where that says never, too. No expired
// entry is served before it either, but one takes room, and one of the Options.K places among what a search finds. The error is
// ErrClosed, that of ctx, or a *StoreError; what was removed before it is gone.
func (c *Cache) Sweep(ctx context.Context) error {
	if err := c.usable(ctx); err != nil {
		return err
	}
	return storeErr(c.path, c.sweep(ctx))
}

// sweep removes expired entries. The file keeps its entries by expiry, so that a sweep reads and touches only what is due, in commits
// of purgeBatch; between two of them other writes get in. Correctness does not hang on it: an expired entry is never served, swept or
// not.
func (c *Cache) sweep(ctx context.Context) error {
	for ctx.Err() == nil {
		n, err := c.store.Sweep(ctx, c.now().UnixNano(), purgeBatch)
		c.stats.expired.Add(uint64(n))
		if err != nil && ctx.Err() == nil {
			c.stats.sweepErrors.Add(1)
		}
		if err != nil || n < purgeBatch {
			return err
		}
	}
	return ctx.Err()
}
