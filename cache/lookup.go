package cache

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// Candidate is a stored question that was near enough to be considered.
type Candidate struct {
	ID          ID
	Text        string
	Similarity  float32
	Verifier    float64   // the verifier's own probability; 0 if it was not asked
	Probability float64   // the decision's, that this answer serves the question; 0 if it was refused before it came to that
	Findings    []Finding // what guards have against it
	Reason      Reason    // why it was refused; ReasonNone: it was served
	Token       string    // what in the texts made a guard refuse
	Alike       int       // other candidates that are known to have the same answer

	key   Digest  // the exact key of its question, by which it is remembered
	prior float64 // its probability before what was learnt moved it
	shift float64 // of the log-odds, by what was learnt
	cell  cell    // its probability and its neighbours, of which something may be learnt
}

// Finding is one thing that a guard has against a candidate.
type Finding struct {
	Reason Reason // the guard
	Token  string // what in the texts it goes by
	Veto   bool   // conclusive: nothing is served against it; else a doubt, which lowers the probability
}

// Timing is what each stage of a look-up took; zero: it did not run.
type Timing struct {
	Key, Embed, Search, Decide, Verify, Opinion, Load time.Duration
}

// Verdict is what came of a look-up, and why.
type Verdict struct {
	Status       Status
	Mode         Mode         // the mode in force; ModeSimple where only the exact tier could answer
	Conversation Conversation // how earlier turns counted for the semantic tier
	Policy       Policy       // what the semantic tier went by; "" if it was not asked
	Similarity   float32      // cosine of a semantic hit, or of the nearest candidate of a miss; 1 for an exact hit
	Probability  float64      // that the answer serves the question: of a semantic hit, or of the most probable candidate of a miss; 1 for an exact hit
	Candidates   []Candidate  // nearest first; nil if the semantic tier was not asked
	Reason       Reason       // why nothing was served, by the nearest candidate that could have been
	Budget       Standing     // what the budget said of the most probable candidate; zero if it was not asked
	Timing       Timing
	Err          error // of a Degraded look-up: what failed
}

// Lookup is the outcome of a look-up, and, through Fill, the way to store the answer to the same question without
// working out its keys and vector again.
type Lookup struct {
	Verdict
	Entry *Entry // of a hit, else nil; shared: read only
	// WouldServe is the entry that ModeShadow kept back, and WouldBe the status that the look-up would have had.
	WouldServe *Entry
	WouldBe    Status

	c         *Cache
	dry       bool // look only: serve, count and learn nothing
	q         Query
	partition Digest
	exact     Digest
	text      string    // what is embedded and judged: the last turn, or a whole conversation rendered as one text
	leans     bool      // text is such a rendering
	relaxed   bool      // relax was called
	kept      bool      // by a caller that searches: even a question that only its equal finds is found by its vector
	vector    []float32 // of text; nil: not embedded
	semantic  bool      // text may be embedded
	drawn     bool      // a semantic hit that is to be checked
	volatile  Volatile  // what is done about a volatile question; VolatileCache: it is none; VolatileDefault: not looked yet
	invalid   error     // why Fill refuses
}

// Key returns the exact key of the question, for sharing calls that are under way. It is the zero Digest if the
// query was invalid, or if it was neither to be read nor written.
func (l *Lookup) Key() Digest { return l.exact }

// Text is the question as it is compared by meaning: the last turn, or, where earlier turns may differ, one text of it and what it
// leans on of them. Where nothing was compared, as after an exact hit, it is the last turn in any case; empty where Key is zero.
func (l *Lookup) Text() string { return l.text }

// Lookup looks for an answer that may be served for q: exact tier first, then, as the mode says, the semantic one.
// It never fails: where a stage does, the status is Degraded, Err says why, and the caller loads as after a miss.
// q.Messages must not be changed until the Lookup is done with, Fill included.
func (c *Cache) Lookup(ctx context.Context, q Query) *Lookup {
	l := &Lookup{c: c, q: q}
	c.look(ctx, l)
	l.withhold()
	c.stats.count(l)
	if l.Status.Hit() {
		c.room.Use(uint64(l.Entry.ID))
	}
	c.note(l)
	return l
}

// withhold turns a hit of ModeShadow into the miss that its caller is to see.
func (l *Lookup) withhold() {
	if l.Mode != ModeShadow || !l.Status.Hit() {
		return
	}
	l.WouldServe, l.WouldBe = l.Entry, l.Status
	l.Entry, l.Status, l.Reason = nil, Miss, ReasonShadow
}

func (c *Cache) look(ctx context.Context, l *Lookup) {
	if !c.prepare(l) {
		return
	}
	if l.q.ForceRefresh {
		l.Status = Refresh
		return
	}
	if c.lookExact(l) {
		return
	}
	switch {
	case l.Mode == ModeSimple, c.opts.Embedder == nil:
		l.because(ReasonEmpty)
	case !l.semantic:
		if l.Mode != ModeShadow {
			l.Mode = ModeSimple
		}
		l.because(ReasonText)
	case l.volatility() == VolatileExact:
		if l.Mode != ModeShadow {
			l.Mode = ModeSimple
		}
		l.because(ReasonVolatile)
	default:
		l.relax()
		c.lookSemantic(ctx, l)
	}
}

// prepare validates the query, settles the mode and computes the keys. It reports whether the file is to be used
// at all; if not, the status is set.
func (c *Cache) prepare(l *Lookup) bool {
	q := &l.q
	if err := q.validate(); err != nil {
		l.invalid = err
		l.degrade(ReasonInvalid, err)
		return false
	}
	if c.closed.Load() {
		l.degrade(ReasonClosed, ErrClosed)
		return false
	}
	c.opts.apply(q)
	l.Mode = q.Mode
	if l.Mode == ModeDefault {
		l.Mode = c.opts.Mode
	}
	if c.opts.Embedder == nil && (l.Mode == ModeSemantic || l.Mode == ModeThreshold) {
		l.Mode = ModeSimple
	}
	switch {
	case q.NoStore:
		l.Status, l.Reason = Bypass, ReasonNoStore
		return false
	case l.Mode == ModeOff:
		l.Status, l.Reason = Bypass, ReasonOff
		return false
	}
	start := time.Now()
	c.opts.settle(l)
	l.Timing.Key = time.Since(start)
	return true
}

// because gives the reason of a miss, unless the exact tier had one already, which says more: what it found had
// expired, or was too old.
func (l *Lookup) because(why Reason) {
	if l.Reason == ReasonNone {
		l.Reason = why
	}
}

func (l *Lookup) degrade(why Reason, err error) {
	l.Status, l.Reason, l.Err = Degraded, why, err
}

// lookExact asks the exact tier: memory, then the file. It reports whether the look-up is settled.
func (c *Cache) lookExact(l *Lookup) bool {
	start := time.Now()
	defer func() { l.Timing.Load += time.Since(start) }()
	e, epoch := c.hot.get(&l.exact)
	if e == nil {
		h, body, ok, err := c.store.ByKey(l.exact)
		if err != nil {
			l.degrade(ReasonStore, storeErr(c.path, err))
			if errors.Is(l.Err, ErrCorrupt) {
				l.Reason = ReasonCorrupt
			}
			return true
		}
		if !ok {
			return false
		}
		e = entryOf(&h, body)
		if !l.dry {
			c.hot.offer(l.exact, e, epoch)
		}
	}
	if why := e.refusal(c.now(), l.q.MaxAge); why != ReasonNone {
		l.Reason = why
		return false
	}
	l.Status, l.Entry, l.Similarity, l.Probability = HitExact, e, 1, 1
	l.Reason = ReasonNone
	return true
}

func entryOf(h *store.Head, body []byte) *Entry {
	e := &Entry{
		ID:        ID(h.ID),
		Namespace: h.Namespace,
		Text:      h.Text,
		Value:     Value{Body: body, Cost: h.Cost, Took: time.Duration(h.Took)},
		Created:   time.Unix(0, h.Created),
		partition: h.Partition,
	}
	if h.Expires != 0 {
		e.Expires = time.Unix(0, h.Expires)
	}
	return e
}

// lookSemantic embeds the question, finds its neighbours in the partition, has each one considered and the verifier
// asked about those that are left, and serves the best of them.
func (c *Cache) lookSemantic(ctx context.Context, l *Lookup) {
	start := time.Now()
	vec, err := c.embed(ctx, l.text)
	l.Timing.Embed = time.Since(start)
	if err != nil {
		l.degrade(ReasonEmbed, err)
		return
	}
	l.vector = vec

	start = time.Now()
	hits, err := c.index.Search(string(l.partition[:]), vec, c.opts.K)
	l.Timing.Search = time.Since(start)
	if err != nil {
		l.degrade(ReasonSearch, err)
		return
	}
	if len(hits) == 0 {
		l.because(ReasonEmpty)
		return
	}

	start = time.Now()
	ids := make([]uint64, len(hits))
	for i, h := range hits {
		ids[i] = h.ID
	}
	heads, err := c.store.Heads(ids)
	l.Timing.Load += time.Since(start)
	if err != nil {
		l.degrade(ReasonStore, storeErr(c.path, err))
		return
	}
	l.Similarity = hits[0].Score
	l.Policy = c.decider.policyOf(l.Mode, l.leans)
	l.Candidates = make([]Candidate, len(hits))
	found := make([]evidence, len(hits))
	start = time.Now()
	asked, at := analyse(l.text), c.now()
	for i, hit := range hits {
		cand := &l.Candidates[i]
		*cand = Candidate{ID: ID(hit.ID), Similarity: hit.Score}
		c.consider(l, asked, cand, &found[i], &heads[i], at)
	}
	l.Timing.Decide = time.Since(start)
	if c.decider.judged(l.Policy) {
		start = time.Now()
		err := c.decider.verify(ctx, l.text, l.Candidates, found, l.dry)
		l.Timing.Verify = time.Since(start)
		if err != nil {
			l.degrade(ReasonVerify, err)
			return
		}
	}
	start = time.Now()
	c.decider.weigh(l.Policy, l.Candidates, found)
	if !c.opts.NoLearning && l.Policy != PolicyThreshold {
		c.assemble(l, at.UnixNano())
	}
	l.Timing.Decide += time.Since(start)
	c.serve(ctx, l)
}

// serve loads the best of the candidates that nothing refused, if the budget allows it. One that cannot be loaded gives way to
// the next.
func (c *Cache) serve(ctx context.Context, l *Lookup) {
	acc := c.account(l)
	for at := best(l.Candidates); at >= 0; at = best(l.Candidates) {
		cand := &l.Candidates[at]
		if l.Policy != PolicyThreshold {
			c.consult(ctx, l, &acc, cand)
			l.Probability = cand.Probability
			if l.Budget = c.ledgers.take(&acc, cand.Probability, l.dry); !l.Budget.Allowed {
				c.decider.refuse(l.Policy, l.Candidates)
				break
			}
		}
		if !c.loadHit(l, cand) {
			if l.Policy != PolicyThreshold && !l.dry {
				c.ledgers.refund(&acc, cand.Probability)
			}
			continue
		}
		for i := range l.Candidates {
			if other := &l.Candidates[i]; i != at && other.Reason == ReasonNone {
				other.Reason = ReasonSecond
			}
		}
		return
	}
	if l.Err != nil {
		l.Status = Degraded
		return
	}
	l.Reason = l.Candidates[0].Reason
}

// consider says whether a candidate may be served, as far as its head and its text tell.
func (c *Cache) consider(l *Lookup, asked *analysed, cand *Candidate, e *evidence, r *store.HeadResult, now time.Time) {
	switch {
	case r.Err != nil:
		cand.Reason = ReasonCorrupt
		l.Reason, l.Err = ReasonCorrupt, storeErr(c.path, r.Err)
		return
	case !r.OK || Digest(r.Head.Partition) != l.partition:
		// Between the search and the reading it was removed, or its head was damaged when it was. Ids are never
		// used again, so that the index may forget this one. Another partition's head under it would be a slip
		// of ours, and serving it a leak; it is refused alike.
		cand.Reason = ReasonGone
		if !l.dry {
			c.stats.memory(c.index.Remove(string(l.partition[:]), uint64(cand.ID)))
		}
		return
	}
	cand.Text, cand.key = r.Head.Text, Digest(r.Head.Key)
	var demoted bool
	cand.shift, demoted = c.recall(cand.key, l.partition, now)
	if cand.Reason = entryOf(&r.Head, nil).refusal(now, l.q.MaxAge); cand.Reason == ReasonNone && demoted {
		cand.Reason = ReasonDemoted
	}
	if cand.Reason == ReasonNone {
		c.decider.screen(l.Policy, c.threshold(&l.q), l.leans, asked, cand, e)
		l.refuseVolatile(&c.opts, cand)
	}
}

// loadHit makes the candidate the outcome; false: it could not be loaded, and says why.
func (c *Cache) loadHit(l *Lookup, cand *Candidate) bool {
	start := time.Now()
	h, body, ok, err := c.store.ByID(uint64(cand.ID))
	l.Timing.Load += time.Since(start)
	if err != nil {
		cand.Reason = ReasonCorrupt
		l.Reason, l.Err = ReasonCorrupt, storeErr(c.path, err)
		return false
	}
	if !ok {
		cand.Reason = ReasonGone
		return false
	}
	e := entryOf(&h, body)
	if why := e.refusal(c.now(), l.q.MaxAge); why != ReasonNone { // verifier and opinion take their time
		cand.Reason = why
		return false
	}
	l.Status, l.Entry, l.Similarity, l.Probability = HitSemantic, e, cand.Similarity, cand.Probability
	l.Reason, l.Err = ReasonNone, nil
	return true
}

func (c *Cache) threshold(q *Query) float32 {
	if q.Threshold != 0 {
		return q.Threshold
	}
	return c.opts.Threshold
}

func (c *Cache) maxError(l *Lookup) float64 {
	if l.q.MaxError != 0 {
		return l.q.MaxError
	}
	return c.opts.maxError(l.Policy)
}

// budget is what a hit of the look-up is held against, whatever it is tightened to; 0: none.
func (c *Cache) budget(l *Lookup) float64 {
	if l.Policy == PolicyThreshold {
		return 0
	}
	return c.maxError(l)
}

// account is where the look-up's budget is kept, as it is tightened.
func (c *Cache) account(l *Lookup) account {
	allowed := c.maxError(l)
	return account{
		namespace: Hash([]byte(l.q.Namespace)), partition: l.partition,
		maxError: allowed * c.memory.factor(l.q.Namespace, allowed), prior: c.decider.prior(l.Policy),
	}
}

// embed returns the unit vector of one text, checked, or an error that says which embedder gave what.
func (c *Cache) embed(ctx context.Context, text string) ([]float32, error) {
	vecs, err := embedAll(ctx, c.opts.Embedder, []string{text})
	if err != nil {
		return nil, err
	}
	return vecs[0], nil
}

// embedAll returns one unit vector for each text. What an embedder returns is checked here, once, so that neither
// file nor index ever sees a vector of the wrong length or without a direction.
func embedAll(ctx context.Context, e Embedder, texts []string) ([][]float32, error) {
	vecs, err := e.Embed(ctx, texts)
	if err != nil {
		return nil, fmt.Errorf("cache: embedder %s: %w", e.ID(), err)
	}
	if len(vecs) != len(texts) {
		return nil, fmt.Errorf("%w: embedder %s returned %d vectors for %d texts", ErrDimension, e.ID(), len(vecs), len(texts))
	}
	out := make([][]float32, len(vecs))
	for i, v := range vecs {
		if out[i], err = unit(v, e.Dim()); err != nil {
			return nil, fmt.Errorf("%w: embedder %s: %w", ErrDimension, e.ID(), err)
		}
	}
	return out, nil
}
