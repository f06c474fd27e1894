package cache

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// Opinion is a second judge of pairs that the decision is not sure about, such as a chat model that is asked for a yes or a
// no. It must be safe for concurrent use.
type Opinion interface {
	// ID names the judge.
	ID() string
	// Same returns the probability, in 0..1, that the answer to the stored question serves the one that was asked, and what
	// it cost to learn it; 0: not known.
	Same(ctx context.Context, asked, stored string) (probability, cost float64, err error)
}

// OpinionOptions configures a second opinion. It is asked about the best candidate of a look-up only, and only where the
// decision leaves it open.
type OpinionOptions struct {
	Judge     Opinion       // nil: none
	Least     float64       // probability from which on a candidate that is not served is asked about; zero: DefaultOpinionLeast
	Timeout   time.Duration // of a call; zero: DefaultOpinionTimeout
	PerMinute int           // most calls a minute; zero: DefaultOpinionPerMinute
	PerDay    float64       // most money a day, in the currency of Price; zero: no limit
	Price     float64       // of a call that does not say what it cost
}

// Defaults of OpinionOptions.
const (
	DefaultOpinionLeast     = 0.5
	DefaultOpinionTimeout   = 2 * time.Second
	DefaultOpinionPerMinute = 60
)

// believed is how far one opinion may move the log-odds. A judge that is right 98 times in 100, which is what good chat
// models are on such pairs, is worth a factor of about fifty in the odds, however sure it says it is.
const believed = 4.0

// opinions asks the judge.
type opinions struct {
	OpinionOptions
	meter meter

	asked, yes, no, failed, limited atomic.Uint64
}

// consult asks for a second opinion on a candidate that the budget would not serve.
func (c *Cache) consult(ctx context.Context, l *Lookup, acc *account, cand *Candidate) {
	if c.opinions.Judge == nil || l.dry || cand.Probability < c.opinions.Least {
		return
	}
	if s := c.ledgers.take(acc, cand.Probability, true); s.Allowed {
		return
	}
	start := time.Now()
	if p, ok := c.opinions.ask(ctx, c.now(), l.text, cand.Text, cand.Probability); ok {
		cand.prior = shifted(cand.prior, logit(p)-logit(cand.Probability))
		cand.Probability = p
	}
	l.Timing.Opinion += time.Since(start)
}

// ask returns the probability of a candidate after a second opinion; ok is false if there is none, and the candidate is as
// it was.
func (o *opinions) ask(ctx context.Context, at time.Time, asked, stored string, p float64) (after float64, ok bool) {
	if o.Judge == nil || !(p >= o.Least) {
		return p, false
	}
	if !o.meter.take(at) {
		o.limited.Add(1)
		return p, false
	}
	o.asked.Add(1)
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	said, cost, err := o.guarded(ctx, asked, stored)
	o.meter.settle(cost)
	if err != nil || !(said >= 0 && said <= 1) || ctx.Err() != nil { // NaN included
		o.failed.Add(1)
		return p, false
	}
	if said >= 0.5 {
		o.yes.Add(1)
	} else {
		o.no.Add(1)
	}
	return sigmoid(logit(p) + min(max(logit(said), -believed), believed)), true
}

// guarded calls the judge and turns its panic into an error.
func (o *opinions) guarded(ctx context.Context, asked, stored string) (p, cost float64, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("cache: opinion %s panicked: %v\n%s", o.Judge.ID(), r, debug.Stack())
		}
	}()
	return o.Judge.Same(ctx, asked, stored)
}

func (o *OpinionOptions) complain(bad func(string, ...any)) {
	if !(o.Least >= 0 && o.Least <= 1) {
		bad("opinion's least probability %v is outside 0..1", o.Least)
	}
	complainOfLimits(bad, "opinion", o.PerMinute, o.PerDay, o.Price, o.Timeout)
}
