package cache

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// DefaultHalfLife is how long it takes until what was learnt counts for half. Checks of the live rate fade four times as
// fast, so that the rate is of about the last week.
const DefaultHalfLife = 30 * 24 * time.Hour

// flushDelay is how long a label may wait for company before it is written. It is what a killed process may lose; feedback
// and verdicts wait for their write.
const flushDelay = time.Second

// How much one caller may move, in labels of full weight that have not faded. Claims are feedback, which the caller makes up;
// measurements come from the provider's own answers, and only what was asked is the caller's.
const (
	claimsPerEntry           = 1
	claimsPerPartition       = 3
	claimsPerNamespace       = 3
	measurementsPerEntry     = 2
	measurementsPerPartition = 10
	// measurementsPerCell may be more: what is learnt of a cell moves nothing but the cell.
	measurementsPerCell = 300
	// claimForPartition is what a claim counts for in its partition, a full one being what is measured there.
	claimForPartition = 0.1
	// labelsPerEntry is how much one stored question counts in its partition, whoever speaks of it.
	labelsPerEntry = 2
	// labelsPerEntryOfCell is the same for a cell, which many questions are to speak for.
	labelsPerEntryOfCell = 5
)

// These bound of how many partitions, their cells included, and of how many stored questions evidence is remembered; the oldest is
// forgotten first. Questions outlive their entries, and evidence fades in months. Verdicts and demotions do not count, and stay.
const (
	maxPartitions = 64 << 10
	maxQuestions  = 256 << 10
)

type traitKey struct {
	kind store.TraitKind
	key  Digest
}

// memory is what was learnt from use. The file has it all, but for what the last second brought.
type memory struct {
	halfLife time.Duration
	budget   func(namespace string) float64 // of hits that a file was written of before it told their budgets
	tighten  func(FalseHits)

	wake    chan struct{} // holds one when something is to be written
	writing chan struct{} // holds one while somebody writes
	now     func() time.Time

	untold atomic.Uint64 // calls of tighten that panicked

	mu      sync.RWMutex // guards all below; a leaf
	traits  map[traitKey]*store.Trait
	rates   map[string]*namespaceRate
	traces  traces
	classes classes

	dirtyTraits map[traitKey]struct{}
	dirtyRates  map[string]struct{}
	dirtyTraces map[traceKey]struct{}
	labels      [numSources][numAgreements]uint64
}

// labelSource says where a label came from.
type labelSource uint8

const (
	fromFeedback labelSource = iota
	fromMiss
	fromShadow
	numSources
)

func newMemory(halfLife time.Duration, budget func(string) float64, tighten func(FalseHits)) *memory {
	return &memory{
		halfLife: halfLife, budget: budget, tighten: tighten, now: time.Now, wake: make(chan struct{}, 1), writing: make(chan struct{}, 1),
		traits: map[traitKey]*store.Trait{}, rates: map[string]*namespaceRate{}, traces: newTraces(), classes: newClasses(),
		dirtyTraits: map[traitKey]struct{}{}, dirtyRates: map[string]struct{}{}, dirtyTraces: map[traceKey]struct{}{},
	}
}

// load fills the memory from the file. It runs before anybody else knows of it.
func (m *memory) load(s *store.Store) error {
	at := m.now().UnixNano()
	var old []store.Trace
	err := s.ScanLearned(
		func(t store.Trait) { m.traits[traitKey{t.Kind, t.Key}] = &t },
		func(r store.Rate) {
			if r.Undivided {
				r.Undivided, r.Budgets = false, []store.Budget{{Mean: m.budget(r.Namespace), Checks: r.Checks}}
			}
			age(&r, at, m.halfLife/4)
			m.rates[r.Namespace] = newNamespaceRate(r)
		},
		func(t store.Trace) { old = append(old, t) })
	if err != nil {
		return err
	}
	sort.Slice(old, func(i, j int) bool { return old[i].At < old[j].At })
	for i := range old {
		for j := range old[i].Outcomes {
			if o := &old[i].Outcomes[j]; o.Budget == store.UnknownBudget {
				o.Budget = m.budget(o.Namespace)
			}
		}
		if gone := m.traces.insert(&old[i]); gone != nil {
			m.dirtyTraces[*gone] = struct{}{}
		}
	}
	return nil
}

// recall returns what was learnt of a candidate: the shift of its log-odds, and whether it is demoted.
func (m *memory) recall(entry, partition Digest, at int64) (shift float64, gone bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, of := range [...]struct {
		key      traitKey
		variance float64
	}{{traitKey{store.EntryTrait, entry}, entryVariance}, {traitKey{store.PartitionTrait, partition}, partitionVariance}} {
		t := m.traits[of.key]
		if t == nil {
			continue
		}
		faded := *t
		f := fading(at-t.At, m.halfLife)
		faded.Shift, faded.Certain = t.Shift*f, t.Certain*f
		mean, _ := normal(&faded, of.variance)
		shift += mean
		gone = gone || of.key.kind == store.EntryTrait && demoted(t)
	}
	return min(max(shift, mostLower), mostRaise), gone
}

// recall returns what moves a candidate's probability, and whether it is demoted.
func (c *Cache) recall(entry, partition Digest, at time.Time) (shift float64, gone bool) {
	shift, gone = c.memory.recall(entry, partition, at.UnixNano())
	if c.opts.NoLearning {
		shift = 0
	}
	return shift, gone
}

// trait returns a trait as of now, made if need be. The caller holds mu and marks it.
func (m *memory) trait(kind store.TraitKind, key Digest, at int64) *store.Trait {
	k := traitKey{kind, key}
	t := m.traits[k]
	if t == nil {
		t = &store.Trait{Kind: kind, Key: key, At: at}
		m.traits[k] = t
	}
	decay(t, at, m.halfLife)
	m.dirtyTraits[k] = struct{}{}
	return t
}

// label is one thing that was found out about a candidate.
type label struct {
	entry, partition Digest
	namespace        string
	budget           float64 // that a hit was served under, as long as nothing tightens it; 0: none
	probability      float64 // as it was before anything learnt moved it
	right            bool
	doubt            float64 // probability that it is mistaken, at even odds
	weight           float64
	cell             cell // that it speaks for
	from             labelSource
	by               Digest // whose question or claim it is; zero: nobody's in particular
	served           bool   // the candidate was served as a hit
	aside            bool   // it speaks for the cell only
}

// claim is under what the label's author is counted. Praise and blame are apart: who has praised may still complain.
func (l *label) claim() uint64 {
	if l.right {
		return sourceID(l.by, 'r')
	}
	return sourceID(l.by, 'w')
}

// teach takes a label in, and returns what it changed: shift and certainty of question and partition, the weight that it had,
// and the hits that it reports wrong. The caller holds mu.
func (m *memory) teach(l *label, at int64) (applied [6]float64) {
	e, p := m.trait(store.EntryTrait, l.entry, at), m.trait(store.PartitionTrait, l.partition, at)
	if l.cell.band > 0 && l.from != fromFeedback {
		likely, proven := m.cell(l.cell, l.partition, at)
		weight := l.weight
		if l.by != (Digest{}) {
			weight = allowance(&likely.Sources, sourceID(l.by, 'm'), weight, measurementsPerCell)
		}
		l.cell.learn(likely, proven, l.right, l.doubt, allowance(&likely.Sources, sourceID(l.entry, 'e'), weight, labelsPerEntryOfCell))
	}
	if l.aside {
		return applied
	}
	forEntry, forPartition := l.weight, l.weight
	switch {
	case l.from == fromFeedback:
		forEntry = allowance(&e.Sources, l.claim(), l.weight, claimsPerEntry)
		forPartition = allowance(&p.Sources, l.claim(), forEntry, claimsPerPartition)
		restore(e.Sources, l.claim(), forEntry-forPartition) // unteach gives back no more than what counted
		forEntry = forPartition                              // or one key could demote a partition entry by entry
		forPartition *= claimForPartition
	case l.by != Digest{}:
		forEntry = allowance(&e.Sources, sourceID(l.by, 'm'), l.weight, measurementsPerEntry)
		forPartition = allowance(&p.Sources, sourceID(l.by, 'm'), forEntry, measurementsPerPartition)
	}
	forPartition = allowance(&p.Sources, sourceID(l.entry, 'e'), forPartition, labelsPerEntry)
	c := learn(e, p, l.probability, l.right, l.doubt, forEntry, forPartition)
	add(e, c.entryShift, c.entryCertain)
	add(p, c.partitionShift, c.partitionCertain)
	applied = [6]float64{c.entryShift, c.entryCertain, c.partitionShift, c.partitionCertain, forEntry, 0}
	if !l.right && l.served {
		e.Bad += forEntry
		if l.from == fromFeedback {
			r := m.rate(l.namespace, at)
			applied[5] = allowance(&r.Sources, l.claim(), forEntry, claimsPerNamespace)
			r.report(l.budget, applied[5])
		}
	}
	return applied
}

// unteach takes out what a feedback of that time had changed. The caller holds mu.
func (m *memory) unteach(l *label, applied [6]float64, given, at int64) {
	f := fading(at-given, m.halfLife)
	e, p := m.trait(store.EntryTrait, l.entry, at), m.trait(store.PartitionTrait, l.partition, at)
	add(e, -applied[0]*f, -applied[1]*f)
	add(p, -applied[2]*f, -applied[3]*f)
	restore(e.Sources, l.claim(), applied[4]*f)
	restore(p.Sources, l.claim(), applied[4]*f)
	restore(p.Sources, sourceID(l.entry, 'e'), applied[4]*claimForPartition*f)
	if !l.right && l.served {
		e.Bad = max(0, e.Bad-applied[4])
		r, fr := m.rate(l.namespace, at), fading(at-given, m.halfLife/4)
		r.report(l.budget, -applied[5]*fr)
		restore(r.Sources, l.claim(), applied[5]*fr)
	}
}

// sourceID is a digest shortened for a table of weights; what keeps the uses of the table apart.
func sourceID(d Digest, what byte) uint64 {
	h := Hash(d[:], []byte{what})
	return binary.BigEndian.Uint64(h[:])
}

// poke has what is dirty written before long.
func (m *memory) poke() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// collect takes what has to be written. The store's writer calls it.
func (m *memory) collect() *store.Learning {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := &store.Learning{}
	for k := range m.dirtyTraits {
		if t := m.traits[k]; t != nil {
			c := *t
			c.Sources = slices.Clone(t.Sources)
			l.Traits = append(l.Traits, c)
		} else {
			l.Forget = append(l.Forget, store.TraitKey(k.kind, k.key))
		}
	}
	for ns := range m.dirtyRates {
		if r := m.rates[ns]; r != nil {
			c := r.Rate
			c.Sources, c.Budgets = slices.Clone(r.Sources), slices.Clone(r.Budgets)
			l.Rates = append(l.Rates, c)
		} else {
			l.Forget = append(l.Forget, store.RateKey(ns))
		}
	}
	for k := range m.dirtyTraces {
		if t := m.traces.byKey[k]; t != nil {
			c := *t
			c.Outcomes = slices.Clone(t.Outcomes)
			l.Traces = append(l.Traces, c)
		} else {
			l.Expired = append(l.Expired, k)
		}
	}
	clear(m.dirtyTraits)
	clear(m.dirtyRates)
	clear(m.dirtyTraces)
	return l
}

// again has rows written the next time that were not this time. The store's writer is done with them.
func (m *memory) again(l *store.Learning) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range l.Traits {
		m.dirtyTraits[traitKey{l.Traits[i].Kind, l.Traits[i].Key}] = struct{}{}
	}
	for i := range l.Rates {
		m.dirtyRates[l.Rates[i].Namespace] = struct{}{}
	}
	for i := range l.Traces {
		m.dirtyTraces[l.Traces[i].Key] = struct{}{}
	}
	for _, key := range l.Forget {
		if kind, of, ok := store.OfTrait(key); ok {
			m.dirtyTraits[traitKey{kind, of}] = struct{}{}
		} else {
			m.dirtyRates[string(key[1:])] = struct{}{}
		}
	}
	for _, key := range l.Expired {
		m.dirtyTraces[key] = struct{}{}
	}
}

func (m *memory) dirty() bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.dirtyTraits)+len(m.dirtyRates)+len(m.dirtyTraces) > 0
}

// writeLearned writes what is dirty. What the store refuses is dirty still. One caller writes at a time: who finds nothing dirty knows that
// whoever took it has it on disk, and not under way in a commit that may fail.
func (c *Cache) writeLearned(ctx context.Context) error {
	m := c.memory
	select {
	case m.writing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-m.writing }()
	if !m.dirty() {
		return nil
	}
	var taken *store.Learning
	err := c.store.Learn(ctx, func() *store.Learning {
		taken = m.collect()
		return taken
	})
	if err != nil {
		c.stats.learnErrors.Add(1)
		if taken != nil {
			m.again(taken)
		}
	}
	return storeErr(c.path, err)
}

// remember writes what was learnt, second by second, until the cache is closed. Close writes the rest.
func (c *Cache) remember() {
	for {
		select {
		case <-c.life.Done():
			return
		case <-c.memory.wake:
		}
		t := time.NewTimer(flushDelay)
		select {
		case <-t.C:
		case <-c.life.Done():
			t.Stop()
			return
		}
		_ = c.writeLearned(context.WithoutCancel(c.life)) // counted
	}
}

// prune forgets what has faded to nothing, and what is too old or too much. Tightening relaxes with it.
func (m *memory) prune(at int64) {
	m.mu.Lock()
	var tell []FalseHits
	var parts, questions []*store.Trait
	for k, t := range m.traits {
		if t.At > at { // noted by a clock that was ahead: it would not fade until then
			t.At = at
			m.dirtyTraits[k] = struct{}{}
		}
		f := fading(at-t.At, m.halfLife)
		faded := *t
		faded.Shift, faded.Certain = t.Shift*f, t.Certain*f
		switch {
		case worthless(&faded):
			delete(m.traits, k)
			m.dirtyTraits[k] = struct{}{}
		case k.kind == store.PartitionTrait:
			parts = append(parts, t)
		case t.Verdict == 0 && t.Bad == 0 && t.Shun == [16]byte{}:
			questions = append(questions, t)
		}
	}
	m.forgetOldest(parts, maxPartitions)
	m.forgetOldest(questions, maxQuestions)
	for ns, r := range m.rates {
		if r.At > at {
			m.dirtyRates[ns] = struct{}{}
		}
		age(&r.Rate, at, m.halfLife/4)
		tell = append(tell, m.settle(ns)...)
		if r.prune() {
			delete(m.rates, ns)
			m.dirtyRates[ns] = struct{}{}
		}
	}
	for _, key := range m.traces.expire(at) {
		m.dirtyTraces[key] = struct{}{}
	}
	m.mu.Unlock()
	m.told(tell)
	if m.dirty() {
		m.poke()
	}
}

// forgetOldest forgets what is more than so many traits, and some beside, so that it does not sort them all every time. The caller
// holds mu.
func (m *memory) forgetOldest(traits []*store.Trait, most int) {
	n := len(traits) - most
	if n <= 0 {
		return
	}
	n += most / 16
	slices.SortFunc(traits, func(a, b *store.Trait) int { return cmp.Compare(a.At, b.At) })
	for _, t := range traits[:n] {
		k := traitKey{t.Kind, t.Key}
		delete(m.traits, k)
		m.dirtyTraits[k] = struct{}{}
	}
}

// forgetNamespace drops what is known of a namespace as a whole.
func (m *memory) forgetNamespace(ns string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.rates[ns]; ok {
		delete(m.rates, ns)
		m.dirtyRates[ns] = struct{}{}
		m.poke()
	}
}
