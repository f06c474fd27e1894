package cache

import (
	"context"
	"sync"
	"time"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// Miss labels. After a near miss the answer is bought anyway, so that comparing it with what the near candidate would have
// said tells, at no cost, whether a hit would have been right.

const (
	nearMiss      = 0.05 // probability from which on a candidate that was not served is compared
	maxNearMisses = 3    // candidates of one miss that are compared, the most probable ones
	// What question and partition learn moves all of the scale, and labels from its lower half would move the top too far.
	taughtFrom = 0.2
	maxTaught  = 2

	labelQueue = 256 // comparisons that may wait; more are dropped
)

// learnFromMiss compares the answer that a miss was filled with with those of its near misses. A candidate that a guard
// vetoed teaches nothing: what is learnt moves probabilities, and a veto asks none. Only the most probable candidate, the one
// that would have been served, speaks for its cell.
func (c *Cache) learnFromMiss(l *Lookup, filled ID, body []byte) {
	var room [maxNearMisses + 1]Candidate
	near := room[:0]
	for i := range l.Candidates {
		cand := &l.Candidates[i]
		if cand.key == (Digest{}) || !cand.Reason.weighed() || cand.prior < nearMiss {
			continue
		}
		near = append(near, *cand)
		for j := len(near) - 1; j > 0 && near[j].prior > near[j-1].prior; j-- {
			near[j], near[j-1] = near[j-1], near[j]
		}
		near = near[:min(len(near), maxNearMisses)]
	}
	partition, namespace, by := l.partition, l.q.Namespace, l.q.Source
	queued := c.labels.enqueue(func(ctx context.Context) {
		said := c.classify(filled, body)
		for i := range near {
			cand := &near[i]
			h, old, ok, err := c.store.ByKey(cand.key)
			if err != nil || !ok {
				continue
			}
			class := c.classify(ID(h.ID), old)
			var found comparison
			if class == said {
				found = comparison{what: Same, weight: 1}
			} else {
				found = c.compare(ctx, body, old)
			}
			c.memory.count(fromMiss, found.what)
			// Of the answers of which models said that they agree one in six did not, on pairs that were not fitted (bench fit
			// prints them): too many to raise anything by at a budget of one in a hundred.
			if found.what == Unsure || found.what == Same && found.doubt > 0 {
				if i == 0 {
					c.memory.leaveOpen(cand.cell, partition)
				}
				continue
			}
			if found.what == Same { // equal but for what does not count, as the space in JSON
				said = class
				c.memory.classify(filled, class)
			}
			lb := label{
				entry: cand.key, partition: partition, namespace: namespace, probability: cand.prior,
				right: found.what == Same, doubt: found.doubt, weight: found.weight, from: fromMiss, by: by,
			}
			if i == 0 {
				lb.cell = cand.cell
			}
			lb.aside = i >= maxTaught || cand.prior < taughtFrom
			c.memory.observe(&lb)
		}
	})
	if !queued && len(near) > 0 {
		c.stats.labelsDropped.Add(1)
	}
}

// classify returns the class of an entry's answer, which is that of its words unless it was found to say the same as
// another. One that cannot be read is in a class of its own.
func (c *Cache) classify(id ID, body []byte) uint64 {
	c.memory.mu.RLock()
	class := c.memory.classes.get(id)
	c.memory.mu.RUnlock()
	if class != 0 {
		return class
	}
	d, ok := c.answerDigest(body)
	if !ok {
		own := Hash([]byte("unread"), []byte(id.String()))
		copy(d[:], own[:])
	}
	class = classOf(d)
	c.memory.classify(id, class)
	return class
}

func (m *memory) classify(id ID, class uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.classes.set(id, class)
}

// observe takes in a label that a comparison made.
func (m *memory) observe(l *label) {
	at := m.now().UnixNano()
	func() {
		m.mu.Lock()
		defer m.mu.Unlock() // also in a panic, which does not end the process
		m.teach(l, at)
	}()
	m.poke()
}

func (m *memory) count(from labelSource, what Agreement) {
	m.mu.Lock()
	m.labels[from][what]++
	m.mu.Unlock()
}

// note remembers what a look-up served, for feedback that may come.
func (c *Cache) note(l *Lookup) {
	m := c.memory
	switch l.Status {
	case HitSemantic:
		at := c.now().UnixNano()
		m.hit(l.q.Namespace, c.budget(l), at)
		hit := l.served()
		l.drawn = hit != nil && c.opts.shadowRate(l.q.Namespace) > 0 && c.shadow.draw() < c.opts.shadowRate(l.q.Namespace)
		if l.q.TraceID != "" && hit != nil {
			m.trace(&l.q, at, store.Outcome{
				Kind: uint8(HitSemantic), Entry: hit.key, Question: l.exact, Partition: l.partition,
				Namespace: l.q.Namespace, Budget: c.budget(l), Probability: hit.prior,
			})
		}
	case HitExact:
		if l.q.TraceID != "" {
			m.traceExact(&l.q, exactTrace{l.exact, l.Entry.partition, c.now().UnixNano()})
		}
	}
}

// served returns the candidate that a semantic hit is of, or would have been in ModeShadow.
func (l *Lookup) served() *Candidate {
	e := l.Entry
	if e == nil {
		e = l.WouldServe
	}
	for i := range l.Candidates {
		if e != nil && l.Candidates[i].ID == e.ID {
			return &l.Candidates[i]
		}
	}
	return nil
}

func (m *memory) trace(q *Query, at int64, o store.Outcome) {
	key := keyOfTrace(q.Source, q.TraceID)
	m.mu.Lock()
	_, gone := m.traces.add(key, q.Source, at, o)
	m.dirtyTraces[key] = struct{}{}
	if gone != nil {
		m.dirtyTraces[*gone] = struct{}{}
	}
	m.mu.Unlock()
	m.poke()
}

func (m *memory) traceExact(q *Query, e exactTrace) {
	key := keyOfTrace(q.Source, q.TraceID)
	m.mu.Lock()
	m.traces.addExact(key, e)
	m.mu.Unlock()
}

// meter limits calls that cost money.
type meter struct {
	perMinute int
	perDay    float64 // money; zero: no limit
	price     float64 // of a call that does not say its own

	mu     sync.Mutex // guards all below; a leaf
	minute time.Time  // when the current one began
	calls  int        // in it
	day    time.Time
	today  float64 // money spent in it
	spent  float64 // in all
}

// take reports whether a call may be made now, and counts it.
func (m *meter) take(at time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if past := at.Sub(m.minute); past >= time.Minute || past < 0 { // a clock that was ahead must not stop the calls until it would be right
		m.minute, m.calls = at, 0
	}
	if day := at.UTC().Truncate(24 * time.Hour); !day.Equal(m.day) {
		m.day, m.today = day, 0
	}
	if m.calls >= m.perMinute || m.perDay > 0 && m.today+m.price > m.perDay {
		return false
	}
	m.calls++
	m.today += m.price
	m.spent += m.price
	return true
}

// giveBack takes back the count of a call that was not made after all.
func (m *meter) giveBack() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls = max(0, m.calls-1) // a minute or a day may have begun since
	m.today = max(0, m.today-m.price)
	m.spent -= m.price
}

// settle corrects the price of a call that was taken to what it cost; zero: the price was right.
func (m *meter) settle(cost float64) {
	if cost <= 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.today += cost - m.price
	m.spent += cost - m.price
}

func (m *meter) money() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.spent
}
