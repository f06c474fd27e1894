package cache

import (
	"cmp"
	"sort"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// LearningStats is what was learnt, and what it cost. Counts are since Open; what is remembered is of all times.
type LearningStats struct {
	Entries    int // stored questions of which something is remembered
	Demoted    int // of them, whose answers are not served to other questions
	Partitions int // of which something is remembered, and their cells (cells.go), each counted twice
	Traces     int // trace ids that feedback may still come for

	Feedback  LabelStats // what users said
	Misses    LabelStats // near misses compared with the answer that was bought
	Shadow    LabelStats // hits compared with the provider's answer
	Dropped   uint64     // near misses that were not compared because too many waited
	Panicked  uint64     // comparisons, and calls of OnTighten, that a panic or runtime.Goexit ended, of an Embedder, a Verifier or ReadAnswer for one
	StoreErrs uint64     // writes that the store refused

	ShadowDrawn   uint64  // hits that were drawn to be checked
	ShadowDropped uint64  // of them, not checked because of a limit, or because too many waited
	ShadowFailed  uint64  // of them, whose call failed
	ShadowSpent   float64 // money

	Opinions        uint64 // second opinions asked for
	OpinionsYes     uint64
	OpinionsNo      uint64
	OpinionsFailed  uint64
	OpinionsLimited uint64 // not asked for because of a limit
	OpinionsSpent   float64

	Namespaces []FalseHits // the live false-hit rates, of the namespaces with the most hits first, at most 100
}

// LabelStats counts labels by what they said.
type LabelStats struct{ Same, Different, Unsure uint64 }

const maxNamespaceStats = 100

func (c *Cache) learningStats() LearningStats {
	m := c.memory
	s := LearningStats{
		Dropped: c.stats.labelsDropped.Load(), Panicked: c.labels.panicked.Load() + c.shadow.panicked.Load() + m.untold.Load(), StoreErrs: c.stats.learnErrors.Load(),
		ShadowDrawn: c.shadow.drawn.Load(), ShadowDropped: c.shadow.dropped.Load(), ShadowFailed: c.shadow.failed.Load(),
		ShadowSpent: c.shadow.meter.money(),
		Opinions:    c.opinions.asked.Load(), OpinionsYes: c.opinions.yes.Load(), OpinionsNo: c.opinions.no.Load(),
		OpinionsFailed: c.opinions.failed.Load(), OpinionsLimited: c.opinions.limited.Load(), OpinionsSpent: c.opinions.meter.money(),
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	of := func(from labelSource) LabelStats {
		n := &m.labels[from]
		return LabelStats{Same: n[Same], Different: n[Different], Unsure: n[Unsure]}
	}
	s.Feedback, s.Misses, s.Shadow = of(fromFeedback), of(fromMiss), of(fromShadow)
	s.Traces = len(m.traces.byKey) + len(m.traces.exact)
	for k, t := range m.traits {
		if k.kind != store.EntryTrait {
			s.Partitions++
			continue
		}
		s.Entries++
		if demoted(t) {
			s.Demoted++
		}
	}
	for _, r := range m.rates {
		s.Namespaces = append(s.Namespaces, r.falseHits())
	}
	sort.Slice(s.Namespaces, func(i, j int) bool {
		a, b := &s.Namespaces[i], &s.Namespaces[j]
		return cmp.Or(cmp.Compare(b.Hits, a.Hits), cmp.Compare(a.Namespace, b.Namespace)) < 0
	})
	s.Namespaces = s.Namespaces[:min(len(s.Namespaces), maxNamespaceStats)]
	return s
}

// FalseHits returns what is known of a namespace's wrong answers.
func (c *Cache) FalseHits(namespace string) FalseHits {
	c.memory.mu.RLock()
	defer c.memory.mu.RUnlock()
	if r := c.memory.rates[namespace]; r != nil {
		return r.falseHits()
	}
	return FalseHits{Namespace: namespace, High: 1, Tighten: 1}
}
