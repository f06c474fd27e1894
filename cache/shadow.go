package cache

import (
	"context"
	"fmt"
	"math"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// ShadowOptions has a random part of the semantic hits checked: the caller is served from the cache, and in the background the
// provider is asked the same, to see whether its answer agrees. It is what the live false-hit rate is measured by.
type ShadowOptions struct {
	Rate      float64       // share of the semantic hits to check, 0 to 1; zero: none
	PerMinute int           // most checks a minute; zero: DefaultShadowPerMinute
	PerDay    float64       // most money a day, in the currency of Price; zero: no limit
	Price     float64       // of a call that does not say what it cost
	Timeout   time.Duration // of a call; zero: DefaultShadowTimeout
}

// Defaults of ShadowOptions.
const (
	DefaultShadowPerMinute = 30
	DefaultShadowTimeout   = 2 * time.Minute
)

const (
	shadowQueue   = 64 // checks that may wait; more are dropped
	shadowWorkers = 2
)

// CallFunc gets an answer from where it is made, for the cache's own purposes, and says what it cost; 0: not known.
type CallFunc func(ctx context.Context) (v Value, cost float64, err error)

// shadow makes the checks.
type shadow struct {
	learner
	ShadowOptions
	meter    meter
	draw     func() float64 // in 0..1
	accepted atomic.Uint64  // smoothed share of the drawn that could be checked, in units of 1/acceptedUnit

	drawn, dropped, failed atomic.Uint64
}

const acceptedUnit = 1 << 32

// shareWith is a smoothed share of the drawn that were checked, with one more.
func shareWith(old uint64, checked bool) float64 {
	const memory = 0.02
	now := float64(old) / acceptedUnit * (1 - memory)
	if checked {
		now += memory
	}
	return now
}

// admitted counts one that was drawn as checked or not.
func (s *shadow) admitted(yes bool) {
	for {
		old := s.accepted.Load()
		if s.accepted.CompareAndSwap(old, uint64(shareWith(old, yes)*acceptedUnit)) {
			return
		}
	}
}

// ShadowDue reports whether the look-up is a semantic hit that was drawn to be checked. Then ShadowCheck is to be called
// once, with the means to ask the provider.
func (l *Lookup) ShadowDue() bool { return l.drawn }

// ShadowCheck asks call for the answer to the question of a hit for which ShadowDue, and learns from it whether the hit was
// right. It returns at once; the call is made in the background, unless a limit is reached, and its context ends when the
// cache is closed. It reports whether the check will be made.
func (l *Lookup) ShadowCheck(call CallFunc) bool {
	hit := l.served()
	if !l.drawn || hit == nil {
		return false
	}
	l.drawn = false
	c, s := l.c, &l.c.shadow
	s.drawn.Add(1)
	// The chance that this hit was checked is that of being drawn times that of there being room; what was checked
	// stands for as many as the inverse.
	weight := 1 / (c.opts.shadowRate(l.q.Namespace) * max(0.01, shareWith(s.accepted.Load(), true)))
	lb := label{
		entry: hit.key, partition: l.partition, namespace: l.q.Namespace, budget: c.budget(l), probability: hit.prior, cell: hit.cell,
		from: fromShadow, served: true,
	}
	served, question := l.Entry.Value.Body, l.exact
	made := s.meter.take(c.now())
	if made {
		made = s.enqueue(func(ctx context.Context) { c.shadowCheck(ctx, call, lb, question, served, weight) })
		if !made { // too many wait
			s.meter.giveBack()
		}
	}
	if s.admitted(made); !made {
		s.dropped.Add(1)
	}
	return made
}

// checkWithheld checks the hit that ModeShadow kept back with the answer that was bought instead. It costs nothing, so that
// every one of them is checked.
func (c *Cache) checkWithheld(l *Lookup, body []byte) {
	hit := l.served()
	if hit == nil {
		return
	}
	lb := label{
		entry: hit.key, partition: l.partition, namespace: l.q.Namespace, budget: c.budget(l), probability: hit.prior, cell: hit.cell,
		from: fromShadow, served: true,
	}
	would, question := l.WouldServe.Value.Body, l.exact
	c.memory.hit(lb.namespace, lb.budget, c.now().UnixNano())
	if !c.labels.enqueue(func(ctx context.Context) { c.weighShadow(ctx, lb, question, body, would, 1) }) {
		c.stats.labelsDropped.Add(1)
	}
}

func (c *Cache) shadowCheck(ctx context.Context, call CallFunc, lb label, question Digest, served []byte, stands float64) {
	s := &c.shadow
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	v, cost, err := guardedCall(ctx, call)
	s.meter.settle(cost)
	if err != nil {
		s.failed.Add(1)
		return
	}
	c.weighShadow(ctx, lb, question, v.Body, served, stands)
}

// weighShadow learns from the provider's answer to a question what was served, or would have been, is worth.
func (c *Cache) weighShadow(ctx context.Context, lb label, question Digest, fresh, served []byte, stands float64) {
	found := c.compare(ctx, fresh, served)
	c.memory.count(fromShadow, found.what)
	if found.what == Unsure {
		return
	}
	lb.right, lb.doubt, lb.weight = found.what == Same, found.doubt, found.weight
	m := c.memory
	m.told(m.weigh(&lb, stands))
	if !lb.right {
		c.shun(shunned{question, lb.entry})
	}
	m.poke()
}

// weigh takes in a label of a hit, which counts for as many hits as it stands for.
func (m *memory) weigh(lb *label, stands float64) (tell []FalseHits) {
	at := m.now().UnixNano()
	m.mu.Lock()
	defer m.mu.Unlock() // also in a panic, which does not end the process
	m.teach(lb, at)
	m.rate(lb.namespace, at).check(lb.budget, stands*lb.weight, !lb.right)
	return m.settle(lb.namespace)
}

// guardedCall runs call and turns its panic into an error: it runs on a goroutine that no caller can guard.
func guardedCall(ctx context.Context, call CallFunc) (v Value, cost float64, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("cache: the call panicked: %v\n%s", r, debug.Stack())
		}
	}()
	return call(ctx)
}

func (o *ShadowOptions) complain(bad func(string, ...any)) {
	if !(o.Rate >= 0 && o.Rate <= 1) {
		bad("shadow rate %v is outside 0..1", o.Rate)
	}
	complainOfLimits(bad, "shadow", o.PerMinute, o.PerDay, o.Price, o.Timeout)
}

func complainOfLimits(bad func(string, ...any), of string, perMinute int, perDay, price float64, timeout time.Duration) {
	if perMinute < 0 {
		bad("%s calls a minute %d is negative", of, perMinute)
	}
	if !(perDay >= 0 && perDay < math.MaxFloat64) || !(price >= 0 && price < math.MaxFloat64) {
		bad("%s money a day %v at %v a call: give 0 or more", of, perDay, price)
	}
	if perDay > 0 && price == 0 {
		bad("%s money a day %v without the price of a call, which it is counted by", of, perDay)
	}
	if timeout < 0 {
		bad("%s timeout %v is negative", of, timeout)
	}
}
