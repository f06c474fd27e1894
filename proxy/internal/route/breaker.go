package route

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
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
	maxBreakers  = 4096
)

// Router keeps the health of targets between requests. Safe for concurrent use.
type Router struct {
	breakers *lru.Cache[string, *breaker]
	kind     func(error) string
}

// New returns a router that takes every target to be healthy. kind names the kind of an error without quoting it, for people
// who look at a target's health.
func New(kind func(error) string) *Router {
	c, err := lru.New[string, *breaker](maxBreakers)
	if err != nil {
		panic(err) // the size is a constant above 0
	}
	return &Router{c, kind}
}

type breaker struct {
	*gobreaker.TwoStepCircuitBreaker[struct{}]
	kind func(error) string

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
	for _, b := range r.breakers.Values() {
		b.mu.Lock()
		out = append(out, Health{b.Name(), b.State().String(), b.calls, b.failures, b.last, b.reason})
		b.mu.Unlock()
	}
	slices.SortFunc(out, func(a, b Health) int { return strings.Compare(a.Target, b.Target) })
	return out
}

// Healthy reports whether calls to the target go through.
func (r *Router) Healthy(t *Target) bool {
	b, ok := r.breakers.Get(t.label)
	return !ok || b.State() != gobreaker.StateOpen
}

func (r *Router) breaker(t *Target) *breaker {
	if b, ok := r.breakers.Get(t.label); ok {
		return b
	}
	b := &breaker{kind: r.kind, TwoStepCircuitBreaker: gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name: t.label, Interval: lately, BucketPeriod: lately / 10, Timeout: openFor,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return c.ConsecutiveFailures >= tripInARow || c.Requests >= tripRequests && c.TotalFailures*2 >= c.Requests
		},
		IsExcluded: func(err error) bool { return errors.Is(err, errNoVerdict) },
	})}
	if old, ok, _ := r.breakers.PeekOrAdd(t.label, b); ok {
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
	if verdict != errFailing {
		return
	}
	b.failures++
	b.last = time.Now()
	if err != nil {
		b.reason = b.kind(err)
	} else {
		b.reason = "status " + itoa(status)
	}
}
