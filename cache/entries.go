package cache

import (
	"cmp"
	"context"
	"fmt"
)

// Callers that keep questions and answers themselves, rather than have them filled by what they load, work with the
// entries of a query's partition: all that share its namespace, its scope and its earlier turns, of which such queries have
// none. A partition may hold several answers to one question, told apart by a variant.

// searchMost is how many neighbours a search looks at, at most, for enough that its filter lets through.
const searchMost = 1024

// Search says what a [Cache.Search] is to find.
type Search struct {
	Limit    int               // most matches; 0: one
	Exact    bool              // match the same text
	Semantic bool              // match what may be served by the mode's decision
	Filter   func(*Entry) bool // entries that may match; nil: all
}

// Match is an entry that may be served.
type Match struct {
	Entry       *Entry
	Similarity  float32 // cosine of the two texts; 1 where they are the same
	Probability float64 // that the answer serves; 1 where the texts are the same
	Exact       bool    // the texts are the same
}

// PutVariant stores an answer beside those that the same question has with other variants, and replaces the one with the same.
// Put's answer is that of the zero variant.
func (c *Cache) PutVariant(ctx context.Context, q Query, variant Digest, v Value) (ID, error) {
	l := &Lookup{c: c, q: q}
	if c.prepare(l) {
		l.Status = Refresh
	} else if l.Err != nil {
		return 0, l.Err
	}
	l.exact, l.kept = variantKey(l.exact, variant), true
	return l.Fill(ctx, v)
}

func variantKey(exact, variant Digest) Digest {
	if variant == (Digest{}) {
		return exact
	}
	return Hash([]byte("reprise/variant/1"), exact[:], variant[:])
}

// Search returns the entries of the query's partition that may be served for it, the most probable first. What is not of the
// same text is decided upon as in a look-up: by guards, verifier and budget, which each match takes its share of; q.Threshold
// can only raise the least similarity that the options name. A mode that does not serve finds nothing, and neither does a query that asks for
// a new answer (ForceRefresh). Where the verifier fails, it returns the entries of the same text, or, without any, the error.
//
// The same text is found by its vector, which PutVariant stores of a question that asks for what changes by itself, too, though only that
// finds it; what Put and Fill have stored of such a one, and all without an embedder, is found only by its exact key, that is
// without a variant.
func (c *Cache) Search(ctx context.Context, q Query, s Search) ([]Match, error) {
	if err := c.usable(ctx); err != nil {
		return nil, err
	}
	q.Threshold = max(q.Threshold, cmp.Or(c.opts.Namespaces[q.Namespace].Threshold, c.opts.Threshold))
	l := &Lookup{c: c, q: q}
	if !c.prepare(l) {
		return nil, l.Err
	}
	l.relax()
	defer func() { c.stats.count(l) }()
	if q.ForceRefresh {
		l.Status = Refresh
		return nil, nil
	}
	s.Limit = max(1, s.Limit)
	s.Semantic = s.Semantic && l.Mode != ModeSimple && l.volatility() != VolatileExact
	if l.Mode == ModeShadow || !s.Exact && !s.Semantic {
		return nil, nil
	}
	if c.opts.Embedder == nil || !l.semantic {
		return c.searchKey(l, s)
	}
	vec, err := c.embed(ctx, l.text)
	if err != nil {
		l.degrade(ReasonEmbed, err)
		return nil, err
	}
	l.vector = vec
	scores, entries, err := c.neighbours(l, s)
	if err != nil {
		l.degrade(ReasonStore, err)
		return nil, err
	}
	return c.judge(ctx, l, s, scores, entries)
}

func (c *Cache) searchKey(l *Lookup, s Search) ([]Match, error) {
	if !s.Exact || !c.lookExact(l) || l.Entry == nil || s.Filter != nil && !s.Filter(l.Entry) {
		return nil, l.Err
	}
	return []Match{{Entry: l.Entry, Similarity: 1, Probability: 1, Exact: true}}, nil
}

// neighbours returns the nearest entries that the filter lets through: enough of them, or all that there are.
func (c *Cache) neighbours(l *Lookup, s Search) (scores map[ID]float32, entries []*Entry, err error) {
	want := max(s.Limit, c.opts.K)
	for k := want; ; k *= 4 {
		k = min(k, searchMost)
		hits, err := c.index.Search(string(l.partition[:]), l.vector, k)
		if err != nil {
			return nil, nil, err
		}
		scores, entries = map[ID]float32{}, nil
		for _, h := range hits {
			head, body, ok, err := c.store.ByID(h.ID)
			if err != nil {
				return nil, nil, storeErr(c.path, err)
			}
			if !ok || Digest(head.Partition) != l.partition {
				continue
			}
			if e := entryOf(&head, body); s.Filter == nil || s.Filter(e) {
				scores[e.ID] = h.Score
				if entries = append(entries, e); len(entries) == want {
					break
				}
			}
		}
		if len(entries) == want || len(hits) < k || k == searchMost {
			return scores, entries, nil
		}
	}
}

// judge decides which of the entries are served.
func (c *Cache) judge(ctx context.Context, l *Lookup, s Search, scores map[ID]float32, entries []*Entry) ([]Match, error) {
	ids := make([]uint64, len(entries))
	for i, e := range entries {
		ids[i] = uint64(e.ID)
	}
	heads, err := c.store.Heads(ids)
	if err != nil {
		l.degrade(ReasonStore, storeErr(c.path, err))
		return nil, l.Err
	}
	l.Policy = c.decider.policyOf(l.Mode, l.leans)
	l.Candidates = make([]Candidate, len(entries))
	found := make([]evidence, len(entries))
	now, asked := c.now(), analyse(l.text)
	var out []Match
	for i, e := range entries {
		cand := &l.Candidates[i]
		*cand = Candidate{ID: e.ID, Similarity: scores[e.ID]}
		c.consider(l, asked, cand, &found[i], &heads[i], now)
		switch {
		case e.Text == l.text && e.refusal(now, l.q.MaxAge) == ReasonNone && cand.Reason != ReasonDemoted && cand.Reason != ReasonGone && cand.Reason != ReasonCorrupt:
			cand.Reason = ReasonSecond // settled: the rest of the decision is not about it
			out = append(out, Match{Entry: e, Similarity: 1, Probability: 1, Exact: true})
		case !s.Semantic && cand.Reason == ReasonNone:
			cand.Reason = ReasonText
		}
	}
	if s.Semantic {
		more, err := c.weighMatches(ctx, l, s.Limit-len(out), found, entries)
		if err != nil && len(out) == 0 {
			return nil, err
		}
		out = append(out, more...)
	}
	if len(out) > s.Limit {
		out = out[:s.Limit]
	}
	for _, m := range out {
		c.room.Use(uint64(m.Entry.ID))
	}
	if len(out) > 0 {
		l.Status, l.Similarity = HitSemantic, out[0].Similarity
		if out[0].Exact {
			l.Status = HitExact
		}
	}
	return out, nil
}

// weighMatches takes, one after the other, the most probable of what nothing has refused, while the budget allows it.
func (c *Cache) weighMatches(ctx context.Context, l *Lookup, limit int, found []evidence, entries []*Entry) (out []Match, err error) {
	if limit <= 0 {
		return nil, nil
	}
	if c.decider.judged(l.Policy) {
		if err := c.decider.verify(ctx, l.text, l.Candidates, found, false); err != nil {
			l.degrade(ReasonVerify, err)
			return nil, err
		}
	}
	c.decider.weigh(l.Policy, l.Candidates, found)
	acc := c.account(l)
	for at := best(l.Candidates); at >= 0 && len(out) < limit; at = best(l.Candidates) {
		cand := &l.Candidates[at]
		if l.Policy != PolicyThreshold {
			c.consult(ctx, l, &acc, cand)
			if b := c.ledgers.take(&acc, cand.Probability, false); !b.Allowed {
				c.decider.refuse(l.Policy, l.Candidates)
				break
			}
		}
		cand.Reason = ReasonSecond
		out = append(out, Match{Entry: entries[at], Similarity: cand.Similarity, Probability: cand.Probability})
	}
	return out, nil
}

// DeleteMatching removes the entries of the query's partition for which match says so, and returns how many. It works in small
// commits; if it fails, some of them are left.
func (c *Cache) DeleteMatching(ctx context.Context, q Query, match func(*Entry) bool) (removed int, err error) {
	if err := c.usable(ctx); err != nil {
		return 0, err
	}
	partition, err := c.partitionOf(q)
	if err != nil {
		return 0, err
	}
	last, err := c.store.LastID()
	if err != nil {
		return 0, storeErr(c.path, err)
	}
	for after, more := uint64(0), true; more; {
		if err := c.usable(ctx); err != nil {
			return removed, err
		}
		var ids []uint64
		if ids, after, more, err = c.store.IDsOf(q.Namespace, after, last, purgeBatch); err != nil {
			return removed, storeErr(c.path, err)
		}
		var gone []uint64
		for _, id := range ids {
			h, body, ok, err := c.store.ByID(id)
			if err != nil {
				return removed, storeErr(c.path, err)
			}
			if ok && Digest(h.Partition) == partition && match(entryOf(&h, body)) {
				gone = append(gone, id)
			}
		}
		if len(gone) == 0 {
			continue
		}
		n, err := c.store.Delete(ctx, gone)
		removed += n
		if err != nil {
			return removed, storeErr(c.path, err)
		}
	}
	return removed, nil
}

// DeleteFrom removes an entry by its id if it is of the query's partition; else it returns ErrNotFound.
func (c *Cache) DeleteFrom(ctx context.Context, q Query, id ID) error {
	if err := c.usable(ctx); err != nil {
		return err
	}
	partition, err := c.partitionOf(q)
	if err != nil {
		return err
	}
	heads, err := c.store.Heads([]uint64{uint64(id)})
	if err == nil {
		err = heads[0].Err
	}
	if err != nil {
		return storeErr(c.path, err)
	}
	if !heads[0].OK || Digest(heads[0].Head.Partition) != partition {
		return fmt.Errorf("%w: %v", ErrNotFound, id)
	}
	return c.Delete(ctx, id)
}

func (c *Cache) partitionOf(q Query) (Digest, error) {
	q.NoStore, q.Mode = false, ModeSimple // which is never off, and a lone question's partition is the same in every mode
	l := &Lookup{c: c, q: q}
	if !c.prepare(l) {
		return Digest{}, l.Err
	}
	return l.partition, nil
}
