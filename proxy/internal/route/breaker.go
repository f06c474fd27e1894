package route

import (
	"context"
	"errors"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/sony/gobreaker/v2"
)

// How a breaker behaves. It opens when a target has failed several times with nothing between, or half the time lately;
// then every so often one request is let through to see.
const (
	tripInARow   = 5
	tripRequests = 20 // lately, of which half failed
	lately       = 20 * time.Second
	openFor      = 10 * time.Second
	maxOwn       = 4096
	maxBrought   = 1024
)

// Router keeps the health of targets between requests. Safe for concurrent use.
//
// Requests may name any number of models, hosts, deployments and time limits, and each has a breaker of its own. Those that
// only requests name are kept apart, so that they push out nothing but each other.
type Router struct {
	own     *lru.Cache[string, *breaker] // of targets that the operator's words name, by label
	brought *lru.Cache[string, *breaker] // of those that a request's words name, unless they are in own
	kind    func(error) string

	mu     sync.Mutex // guards totals, but not what it points to
	totals map[string]*tally
}

// tally counts the calls of all targets of one total, also of those whose breaker is gone.
type tally struct{ calls, failures atomic.Uint64 }

// New returns a router that takes every target to be healthy. kind names the kind of an error without quoting it, for people
// who look at a target's health.
func New(kind func(error) string) *Router {
	r := &Router{kind: kind, totals: map[string]*tally{}}
	var err error
	if r.own, err = lru.New[string, *breaker](maxOwn); err != nil {
		panic(err) // the size is a constant above 0
	}
	if r.brought, err = lru.New[string, *breaker](maxBrought); err != nil {
		panic(err)
	}
	return r
}

type breaker struct {
	*gobreaker.TwoStepCircuitBreaker[struct{}]
	kind  func(error) string
	total string
	tally *tally // of the total

	mu       sync.Mutex // guards what is below
	failures uint64
	calls    uint64
	last     time.Time // of the last failure
	reason   string
}

// Health is what is known of one target.
type Health struct {
	Target      string    `json:"target"`
	State       string    `json:"state"` // closed: calls go through; open: they do not; half-open: one does, to see
	Calls       uint64    `json:"calls"`
	Failures    uint64    `json:"failures"`
	LastFailure time.Time `json:"last_failure,omitzero"`
	Reason      string    `json:"reason,omitempty"` // of the last failure
}

// Health lists the targets that were called, by name.
func (r *Router) Health() []Health {
	out := []Health{}
	for _, b := range r.all() {
		b.mu.Lock()
		out = append(out, Health{b.Name(), b.State().String(), b.calls, b.failures, b.last, b.reason})
		b.mu.Unlock()
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Target < out[j].Target })
	return out
}

func (r *Router) all() []*breaker { return append(r.own.Values(), r.brought.Values()...) }

// Total is what is known of the targets of one provider and virtual key together. No request can add to the totals, whatever it
// names.
type Total struct {
	Target   string
	Breakers map[string]uint64 // how many there are by their state, as Health has it
	Calls    uint64            // of all targets that there ever were
	Failures uint64
}

// Totals lists those of the targets that were called, by name.
func (r *Router) Totals() []Total {
	breakers := map[string]map[string]uint64{}
	for _, b := range r.all() {
		if breakers[b.total] == nil {
			breakers[b.total] = map[string]uint64{}
		}
		breakers[b.total][b.State().String()]++
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Total, 0, len(r.totals))
	for name, n := range r.totals {
		out = append(out, Total{name, breakers[name], n.calls.Load(), n.failures.Load()})
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Target < out[j].Target })
	return out
}

func (r *Router) tally(total string) *tally {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.totals[total]
	if n == nil {
		n = new(tally)
		r.totals[total] = n
	}
	return n
}

// Healthy reports whether calls to the target go through.
func (r *Router) Healthy(t *Target) bool {
	b := r.known(t)
	return b == nil || b.State() != gobreaker.StateOpen
}

// known returns the target's breaker, nil if there is none yet. One that a request brought becomes the operator's when a saved
// config names the same.
func (r *Router) known(t *Target) *breaker {
	if b, ok := r.own.Get(t.label); ok {
		return b
	}
	b, ok := r.brought.Get(t.label)
	if !ok {
		return nil
	}
	if !t.brought {
		r.own.Add(t.label, b)
		r.brought.Remove(t.label)
	}
	return b
}

func (r *Router) breaker(t *Target) *breaker {
	if b := r.known(t); b != nil {
		return b
	}
	b := &breaker{kind: r.kind, total: t.total, tally: r.tally(t.total), TwoStepCircuitBreaker: gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name: t.label, Interval: lately, BucketPeriod: lately / 10, Timeout: openFor,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return c.ConsecutiveFailures >= tripInARow || c.Requests >= tripRequests && c.TotalFailures*2 >= c.Requests
		},
		IsExcluded: func(err error) bool { return errors.Is(err, errNoVerdict) },
	})}
	breakers := r.own
	if t.brought {
		breakers = r.brought
	}
	if old, ok, _ := breakers.PeekOrAdd(t.label, b); ok {
		return old
	}
	return b
}

var (
	errNoVerdict = errors.New("route: says nothing of the target's health")
	errFailing   = errors.New("route: the target fails")
)

// ErrOpen: the target was not called, because it has been failing.
var ErrOpen = errors.New("route: the target has been failing and is left alone for a while")

// allow asks for leave to call. Where it is refused, force calls all the same; done takes what came of it.
func (b *breaker) allow(force bool) (done func(status int, err error), ok bool) {
	step, err := b.Allow()
	if err != nil && !force {
		return nil, false
	}
	return func(status int, err error) {
		verdict := judge(status, err)
		if step != nil {
			step(verdict)
		}
		b.note(verdict, status, err)
	}, true
}

// judge says what a call tells of its target. That a caller may not, may not so often, or has left is not the target's
// failing.
func judge(status int, err error) error {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, ErrUnfit), errors.Is(err, errNoVerdict):
		return errNoVerdict
	case err != nil, status >= 500 && status != 501:
		return errFailing
	case status == 429, status == 408:
		return errNoVerdict
	}
	return nil
}

func (b *breaker) note(verdict error, status int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	b.tally.calls.Add(1)
	if verdict != errFailing {
		return
	}
	b.failures++
	b.tally.failures.Add(1)
	b.last = time.Now()
	if err != nil {
		b.reason = b.kind(err)
	} else {
		b.reason = "status " + itoa(status)
	}
}
