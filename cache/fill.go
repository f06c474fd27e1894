package cache

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// now is the clock of entries. Times are kept to the nanosecond, without the monotonic reading, which would not
// survive the file.
func (c *Cache) now() time.Time { return c.opts.Now().Round(0) }

// cut shortens a text that only the exact tier serves, whose key has it whole already, so that opening a cache of
// huge prompts does not read them all.
func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return strings.Clone(text[:limit]) // or the hot tier would hold the whole, and count what was left of it
}

// Fill stores the answer to the question that was looked up, replacing what was stored for the very same
// question, and returns the entry's id. It is durable when it returns: stored first, then findable. The body is
// copied. Keys and vector are those of the look-up; where that embedded nothing, because it was a refresh or the
// exact tier failed, Fill does. What is filled in a ModeSimple that somebody chose is found by the exact tier only; where there is no
// embedder, it is found by other wordings once there is one.
//
// A look-up of status Bypass is not stored: Fill returns 0 and no error. An embedder that fails costs only the
// semantic tier, and that only for a while: the entry is stored for the exact one, and gets its vector when the embedder works again.
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
	if err := validSpent(v.Cost, v.Took); err != nil {
		return 0, err
	}
	if err := c.usable(ctx); err != nil {
		return 0, err
	}
	created := c.now()
	h := l.head(&v, created)
	if !h.Semantic {
		l.semantic, l.vector = false, nil // found by the very same question only
	}
	vec := l.vector
	if vec == nil && l.semantic && c.opts.Embedder != nil && l.Reason != ReasonEmbed {
		var err error
		if vec, err = c.embed(ctx, l.text); err != nil {
			c.stats.embedErrors.Add(1)
		}
	}
	if err := c.fits(&h); err != nil {
		return 0, err
	}
	body := bytes.Clone(v.Body)
	c.filling(l.exact, body)
	id, err := c.store.Put(ctx, h, body, vec)
	if err != nil {
		c.stats.fillErrors.Add(1)
		return 0, storeErr(c.path, err)
	}
	c.stats.fills.Add(1)
	if l.q.TraceID != "" {
		c.memory.trace(&l.q, created.UnixNano(), store.Outcome{
			Kind: uint8(l.Status), Entry: l.exact, Question: l.exact, Partition: l.partition, Namespace: l.q.Namespace, Probability: 1,
		})
	}
	switch {
	case l.WouldBe == HitSemantic:
		c.checkWithheld(l, body)
	case l.Status == Miss && !c.opts.NoLearning:
		c.learnFromMiss(l, ID(id), body)
	}
	return ID(id), nil
}

// FilledBy says that who asked l was given the answer to another look-up of the very same question, one that was filled or found a
// hit: what he thinks of it is heard, then, as what is thought of a hit.
func (l *Lookup) FilledBy(o *Lookup) {
	if l.q.TraceID == "" || l.exact != o.exact || l.exact == (Digest{}) {
		return
	}
	partition := o.partition
	if o.Entry != nil {
		partition = o.Entry.partition
	}
	l.c.memory.traceExact(&l.q, exactTrace{l.exact, partition, l.c.now().UnixNano()})
}

// head is the entry of an answer to the question that was given at created.
func (l *Lookup) head(v *Value, created time.Time) store.Head {
	l.relax()
	o := &l.c.opts
	volatile, life := l.volatility(), l.q
	h := store.Head{
		Partition: l.partition,
		Key:       l.exact,
		Created:   created.UnixNano(),
		Semantic:  l.semantic && !l.simple() && (volatile != VolatileExact || l.kept) && len(l.text) <= o.MaxTextBytes, // what is cut is compared no more
		Cost:      v.Cost,
		Took:      int64(v.Took),
		Namespace: l.q.Namespace,
		Text:      cut(l.text, o.MaxTextBytes),
		BodyLen:   uint32(len(v.Body)),
	}
	if volatile == VolatileShort {
		life.TTL = shortLife(cmp.Or(life.TTL, o.TTL), o.VolatileTTL)
	}
	if at := life.expiry(created, o.TTL); !at.IsZero() {
		h.Expires = cmp.Or(at.UnixNano(), 1) // in the file 0 is never
	}
	return h
}

// simple reports whether the exact tier is all that was asked for, rather than all that there is.
func (l *Lookup) simple() bool {
	o := &l.c.opts
	chosen := l.q.Mode == ModeSimple || l.q.Mode == ModeDefault && o.simple
	return l.Mode == ModeSimple && (chosen || o.Embedder != nil)
}

// validSpent refuses what an answer cannot have cost or taken.
func validSpent(cost float64, took time.Duration) error {
	if !(cost >= 0) || math.IsInf(cost, 0) || took < 0 {
		return fmt.Errorf("%w: value: cost %v, took %v: neither may be negative or infinite", ErrInvalid, cost, took)
	}
	return nil
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
