package cache

import "context"

// Explain says what Lookup would do with q, and why, without doing it: nothing is served, counted, charged to a budget, moved
// into memory or learnt. The verifier is asked about every candidate, also about those that a guard refuses, so that each
// has its probability. Its times are its own.
func (c *Cache) Explain(ctx context.Context, q Query) *Verdict {
	l := &Lookup{c: c, q: q, dry: true}
	c.look(ctx, l)
	l.withhold()
	return &l.Verdict
}
