package cache

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// now is the clock of entries. Times are kept to the nanosecond, without the monotonic reading, which would not
// survive the file.
func now() time.Time { return time.Now().Round(0) }

// Fill stores the answer to the question that was looked up, replacing what was stored for the very same
// question, and returns the entry's id. It is durable when it returns: stored first, then findable. The body is
// copied. Keys and vector are those of the look-up; where that embedded nothing, because it was a refresh or a
// simple one, Fill does.
//
// A look-up of status Bypass is not stored: Fill returns 0 and no error. An embedder that fails costs only the
// semantic tier: the entry is stored for the exact one.
func (l *Lookup) Fill(ctx context.Context, v Value) (ID, error) {
	c := l.c
	switch {
	case l.invalid != nil:
		return 0, l.invalid
	case l.Status == Bypass:
		return 0, nil
	case len(v.Body) > c.opts.MaxValueBytes:
		return 0, fmt.Errorf("%w: body of %d bytes: Options.MaxValueBytes is %d", ErrTooLarge, len(v.Body), c.opts.MaxValueBytes)
	}
	if err := c.usable(ctx); err != nil {
		return 0, err
	}
	vec := l.vector
	if vec == nil && l.semantic && c.opts.Embedder != nil && l.Reason != ReasonEmbed {
		var err error
		if vec, err = c.embed(ctx, l.q.last().Text); err != nil {
			c.stats.embedErrors.Add(1)
		}
	}
	created := now()
	h := store.Head{
		Partition: l.partition,
		Key:       l.exact,
		Created:   created.UnixNano(),
		Semantic:  l.semantic,
		Namespace: l.q.Namespace,
		Text:      l.q.last().Text,
	}
	if at := l.q.expiry(created, c.opts.TTL); !at.IsZero() {
		h.Expires = at.UnixNano()
	}
	id, err := c.store.Put(ctx, h, bytes.Clone(v.Body), vec)
	if err != nil {
		c.stats.fillErrors.Add(1)
		return 0, storeErr(c.path, err)
	}
	c.stats.fills.Add(1)
	return ID(id), nil
}

// Put stores an answer without looking for one first. It is what Fill does, with the query's mode and NoStore
// respected: a query that is not to be stored gives 0 and no error.
func (c *Cache) Put(ctx context.Context, q Query, v Value) (ID, error) {
	l := &Lookup{c: c, q: q}
	if c.prepare(l) {
		l.Status = Refresh
	} else if l.Err != nil {
		return 0, l.Err
	}
	return l.Fill(ctx, v)
}
