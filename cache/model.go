package cache

import (
	"context"
	"fmt"
	"time"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// reembedBatch is how many texts one call of the embedder gets while Open embeds anew.
const reembedBatch = 64

// settleModel makes the file's model the embedder's, or refuses.
func (c *Cache) settleModel() error {
	ctx := context.Background()
	e := c.opts.Embedder
	if e == nil {
		return storeErr(c.path, c.store.DropNext(ctx))
	}
	want := store.Model{ID: e.ID(), Dim: e.Dim()}
	have, ok := c.store.Model()
	switch {
	case ok && have.ID == want.ID && have.Dim == want.Dim:
		return storeErr(c.path, c.store.DropNext(ctx))
	case c.opts.OnModelChange == Reembed:
		return storeErr(c.path, c.store.StartModel(ctx, want, func(next store.Generation) error {
			return c.reembed(ctx, next)
		}))
	case !ok:
		return storeErr(c.path, c.store.SetModel(ctx, want))
	}
	return fmt.Errorf("%w: %s has vectors of %s (%d), the embedder is %s (%d): use that model, or set Options.OnModelChange to Reembed",
		ErrModelMismatch, c.path, have.ID, have.Dim, want.ID, want.Dim)
}

// reembed embeds every text that may be, and puts the new vectors in use at the end. Whatever an earlier, cut
// short, attempt with the same model has done is kept.
func (c *Cache) reembed(ctx context.Context, next store.Generation) error {
	total, err := c.store.Len()
	if err != nil {
		return err
	}
	done := 0
	for after, more := uint64(0), true; more; {
		var heads []store.Head
		var looked int
		if heads, after, looked, more, err = next.Missing(after, reembedBatch); err != nil {
			return err
		}
		if len(heads) > 0 {
			if err := c.giveVectors(ctx, next, heads); err != nil {
				if err := c.giveEach(ctx, next, heads, err); err != nil {
					return err
				}
			}
		}
		done += looked
		if c.opts.OnReembed != nil {
			c.opts.OnReembed(done, total)
		}
	}
	return next.Finish(ctx)
}

// probe is a text that every embedder takes.
const probe = "hello"

// giveEach embeds, one by one, what failed together for a reason. Texts at fault stay without a vector; it fails if nothing can be
// embedded now.
func (c *Cache) giveEach(ctx context.Context, g store.Generation, heads []store.Head, reason error) error {
	if _, err := c.embed(ctx, probe); err != nil {
		return reason
	}
	for i := range heads {
		vec, err := c.embed(ctx, heads[i].Text)
		if err != nil {
			c.stats.embedErrors.Add(1)
			continue
		}
		if err := g.Put(ctx, []store.Vector{{ID: heads[i].ID, Vec: vec}}); err != nil {
			return err
		}
	}
	return nil
}

// giveVectors embeds what entries ask, and stores the vectors.
func (c *Cache) giveVectors(ctx context.Context, g store.Generation, heads []store.Head) error {
	texts := make([]string, len(heads))
	for i := range heads {
		texts[i] = heads[i].Text
	}
	vecs, err := embedAll(ctx, c.opts.Embedder, texts)
	if err != nil {
		return fmt.Errorf("embedding %d stored texts anew: %w", len(texts), err)
	}
	batch := make([]store.Vector, len(heads))
	for i := range heads {
		batch[i] = store.Vector{ID: heads[i].ID, Vec: vecs[i]}
	}
	return g.Put(ctx, batch)
}

// supplyBatch is how many texts one call of the embedder gets while look-ups want it, too.
const supplyBatch = 16

// supply embeds what was stored without its vector, because the embedder failed, or there was none, or a salvaged file had lost it:
// at once, and whenever there is upkeep, until the cache is closed.
func (c *Cache) supply() {
	<-c.loading.done
	g, ok := c.store.Current()
	if !ok || c.Ready() != nil {
		return
	}
	tick := time.NewTicker(c.opts.upkeepInterval())
	defer tick.Stop()
	for after := uint64(0); ; {
		after = c.supplyFrom(g, after)
		select {
		case <-c.life.Done():
			return
		case <-tick.C:
		}
	}
}

// supplyFrom embeds what lacks its vector from an id on, and returns the id to go on from the next time: zero after the last one, or
// what the embedder has failed at, which may be that text's fault alone and must not keep it from the others.
func (c *Cache) supplyFrom(g store.Generation, after uint64) uint64 {
	amid := after > 0
	for c.stats.lacking.Load() > 0 && c.life.Err() == nil {
		began := time.Now()
		heads, next, _, more, err := g.Missing(after, supplyBatch)
		if err == nil && len(heads) > 0 {
			if err = c.supplyBatch(g, heads); err != nil && len(heads) > 1 {
				next, more = heads[0].ID, true
				err = c.supplyBatch(g, heads[:1])
			}
		}
		if after = next; err != nil {
			if c.life.Err() == nil {
				c.stats.embedErrors.Add(1)
			}
			return after
		}
		if !more && !amid {
			return 0
		}
		if !more { // those before it may have failed the last time
			after, amid = 0, false
		}
		c.rest(time.Since(began)) // half of the time is for others
	}
	return after
}

func (c *Cache) supplyBatch(g store.Generation, heads []store.Head) error {
	_, err := apart(c.life, "the embedder", func(ctx context.Context) (struct{}, error) { return struct{}{}, c.giveVectors(ctx, g, heads) })
	return err
}

// rest waits for so long, or until the cache is closed.
func (c *Cache) rest(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-c.life.Done():
	}
}
