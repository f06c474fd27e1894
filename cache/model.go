package cache

import (
	"context"
	"fmt"

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
		return storeErr(c.path, c.store.StartModel(ctx, want, func(next store.Next) error {
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
func (c *Cache) reembed(ctx context.Context, next store.Next) error {
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
			if err := c.reembedBatch(ctx, next, heads); err != nil {
				return err
			}
		}
		done += looked
		if c.opts.OnReembed != nil {
			c.opts.OnReembed(done, total)
		}
	}
	return next.Finish(ctx)
}

func (c *Cache) reembedBatch(ctx context.Context, next store.Next, heads []store.Head) error {
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
	return next.Put(ctx, batch)
}
