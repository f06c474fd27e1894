package route

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Answer is what a call brings: the beginning of a response.
type Answer interface {
	Status() int
	Header() http.Header
	Close() error // gives up what is left of it
}

// ErrUnfit: the target cannot take this request at all, so that trying again is of no use; another target may.
var ErrUnfit = errors.New("route: the target cannot take this request")

// maxWait is the longest that a provider's retry-after is waited for, whatever the deadline.
const maxWait = time.Minute

// Result is what a plan led to.
type Result[A Answer] struct {
	Answer  A // meaningful if Err is nil; it may be a failure, as the provider reports it
	Err     error
	Target  *Target // that was used last; nil: none was called
	Retries int     // of that target
	Failed  bool    // retried in vain, or no answer at all
}

// Run carries the plan out. call makes one call to a target and returns once its response headers are there. Answers that
// are given up are closed. A retry that could not begin before the deadline is not waited for; the zero deadline is none.
//
// Nothing of an answer has reached a client when Run decides about it, and once Run has returned one it decides no more:
// what breaks later is not made good by another call.
func Run[A Answer](ctx context.Context, r *Router, p *Plan, deadline time.Time, call func(context.Context, *Target) (A, error)) Result[A] {
	run := running[A]{ctx: ctx, router: r, deadline: deadline, call: call}
	return run.step(&p.root, true)
}

type running[A Answer] struct {
	ctx      context.Context
	router   *Router
	deadline time.Time
	call     func(context.Context, *Target) (A, error)
}

// step tries one target, or one after the other. force: there is no other resort.
func (u *running[A]) step(s *step, force bool) (res Result[A]) {
	if s.rest == nil {
		return u.target(s.target, force)
	}
	for i := range s.rest {
		last := i == len(s.rest)-1
		before := res
		res = u.step(&s.rest[i], force && last)
		if errors.Is(res.Err, ErrOpen) && before.Target != nil {
			// Nothing was called, so what the one before said is what there is to say.
			res = before
			continue
		}
		if before.Target != nil && before.Err == nil {
			before.Answer.Close()
		}
		if u.ctx.Err() != nil || !goesOn(s.target, res) {
			return res
		}
	}
	return res
}

// goesOn reports whether the next target of a fallback is to be tried: always where there was no answer, else where the
// status says so.
func goesOn[A Answer](group *Target, res Result[A]) bool {
	if res.Err != nil {
		return true
	}
	status := res.Answer.Status()
	if group.Codes != nil {
		return slices.Contains(group.Codes, status)
	}
	return status >= 400
}

// target calls one target, and calls again as its retry says.
func (u *running[A]) target(t *Target, force bool) Result[A] {
	res := Result[A]{Target: t}
	pause := backoff.ExponentialBackOff{InitialInterval: 250 * time.Millisecond, RandomizationFactor: 1, Multiplier: 2, MaxInterval: 8 * time.Second}
	b := u.router.breaker(t)
	done, ok := b.allow(force)
	if !ok {
		return Result[A]{Err: ErrOpen}
	}
	for {
		res.Answer, res.Err = u.once(t, done)
		if !u.again(t, &res) {
			break
		}
		// A factor of 1 spreads each pause over zero to twice the interval: full jitter, so that requests which failed
		// together do not come back together.
		wait := pause.NextBackOff()
		if res.Err == nil && !t.Retry.Ignore {
			after := RetryAfter(res.Answer.Header(), time.Now())
			if after > maxWait {
				break
			}
			wait += after
		}
		if !u.deadline.IsZero() && time.Now().Add(wait).After(u.deadline) || !u.sleep(wait) {
			break
		}
		if done, ok = b.allow(force); !ok {
			break // it opened in the meantime
		}
		if res.Err == nil {
			res.Answer.Close()
		}
		res.Retries++
	}
	res.Failed = res.Err != nil || t.Retry.Attempts > 0 && u.retryable(t, &res)
	return res
}

// once makes a call, and tells the breaker even when it panics.
func (u *running[A]) once(t *Target, done func(int, error)) (a A, err error) {
	status := 0
	err = errNoVerdict
	defer func() {
		if u.ctx.Err() != nil { // the request ended, which is not the target's failing
			done(status, errNoVerdict)
			return
		}
		done(status, err)
	}()
	if a, err = u.call(u.ctx, t); err == nil {
		status = a.Status()
	}
	return a, err
}

func (u *running[A]) again(t *Target, res *Result[A]) bool {
	return res.Retries < t.Retry.Attempts && u.ctx.Err() == nil && u.retryable(t, res)
}

func (u *running[A]) retryable(t *Target, res *Result[A]) bool {
	if res.Err != nil {
		return !errors.Is(res.Err, ErrUnfit)
	}
	codes := t.Retry.Codes
	if codes == nil {
		codes = DefaultRetryCodes
	}
	return slices.Contains(codes, res.Answer.Status())
}

func (u *running[A]) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-u.ctx.Done():
		return false
	}
}

// RetryAfter returns how long the provider asks to be left alone: retry-after-ms, as OpenAI sends it, or retry-after in
// seconds or as a date (RFC 9110, section 10.2.3); zero if it does not say, or not in a way that can be read.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms >= 0 {
		return time.Duration(min(ms, 1e12)) * time.Millisecond
	}
	v := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseFloat(v, 64); err == nil {
		if !(s > 0) {
			return 0
		}
		return time.Duration(min(s, 1e9) * float64(time.Second))
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
