package keys

import (
	"fmt"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits bound what one key may use. Zero is no limit. Money is in the unit of the price table.
type Limits struct {
	RPM        int     `json:"rpm,omitzero"`         // requests a minute
	TPM        int     `json:"tpm,omitzero"`         // tokens a minute, of prompts and answers together
	SpendDay   float64 `json:"spend_day,omitzero"`   // money a day (UTC)
	SpendMonth float64 `json:"spend_month,omitzero"` // money a month (UTC)
}

const (
	maxRate  = 1e9
	maxSpend = 1e12
)

func (l Limits) complaint() error {
	for _, each := range []struct {
		field string
		v     int
	}{{"rpm", l.RPM}, {"tpm", l.TPM}} {
		if each.v < 0 || each.v > maxRate {
			return wrong("limits."+each.field, "is %v: give a whole number from 1 to %d, or leave it out for no limit", each.v, int(maxRate))
		}
	}
	for _, sum := range []struct {
		field string
		v     float64
	}{{"spend_day", l.SpendDay}, {"spend_month", l.SpendMonth}} {
		if !(sum.v >= 0 && sum.v <= maxSpend) {
			return wrong("limits."+sum.field, "is %v: give a sum of money above 0, or leave it out for no limit", sum.v)
		}
	}
	return nil
}

// Spent is the money that a key has used.
type Spent struct {
	Day      string  `json:"day,omitzero"` // 2006-01-02, UTC
	DaySum   float64 `json:"day_sum"`
	Month    string  `json:"month,omitzero"` // 2006-01
	MonthSum float64 `json:"month_sum"`
	Requests uint64  `json:"requests"` // ever let in
	Tokens   uint64  `json:"tokens"`   // ever used
	TotalSum float64 `json:"total_sum"`
	LastUse  int64   `json:"last_use,omitzero"` // Unix seconds

	dirty bool // not written yet
}

// at moves the sums on to the day and month of now.
func (s *Spent) at(now time.Time) {
	now = now.UTC()
	if d := now.Format(time.DateOnly); d != s.Day {
		s.Day, s.DaySum = d, 0
	}
	if m := now.Format("2006-01"); m != s.Month {
		s.Month, s.MonthSum = m, 0
	}
}

// meter counts what one key uses against its limits. Requests and tokens are buckets that hold a minute's worth and fill
// evenly, so that a key which was quiet may use a minute's worth at once.
type meter struct {
	mu       sync.Mutex // guards all below
	limits   Limits
	requests *rate.Limiter // nil: no limit
	tokens   *rate.Limiter // goes below zero, because an answer's tokens are known only when it is there
	spent    Spent
}

func newMeter(l Limits, s Spent) *meter {
	m := &meter{limits: l, spent: s}
	if l.RPM > 0 {
		m.requests = rate.NewLimiter(rate.Limit(l.RPM)/60, l.RPM)
	}
	if l.TPM > 0 {
		m.tokens = rate.NewLimiter(rate.Limit(l.TPM)/60, l.TPM)
	}
	return m
}

// limit sets other limits. What is left of this minute stays as a share of it: of a limit that is doubled, twice as much.
func (m *meter) limit(l Limits, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests = refit(m.requests, m.limits.RPM, l.RPM, now)
	m.tokens = refit(m.tokens, m.limits.TPM, l.TPM, now)
	m.limits = l
}

func refit(bucket *rate.Limiter, was, is int, now time.Time) *rate.Limiter {
	switch {
	case is == was:
		return bucket
	case is == 0:
		return nil
	}
	other := rate.NewLimiter(rate.Limit(is)/60, is)
	if bucket != nil {
		used := int(math.Round((1 - bucket.TokensAt(now)/float64(was)) * float64(is)))
		for ; used > 0; used -= is { // no more at a time than the bucket holds
			other.ReserveN(now, min(used, is))
		}
	}
	return other
}

// admit takes one request in, or returns a *LimitError. A request that is refused uses up nothing.
func (m *meter) admit(now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spent.at(now)
	l := m.limits
	if l.SpendMonth > 0 && m.spent.MonthSum >= l.SpendMonth {
		y, mon, _ := now.UTC().Date()
		return &LimitError{"spend_month", time.Date(y, mon+1, 1, 0, 0, 0, 0, time.UTC).Sub(now), fmt.Sprintf("the month's money is spent (spend_month %v)", l.SpendMonth)}
	}
	if l.SpendDay > 0 && m.spent.DaySum >= l.SpendDay {
		y, mon, d := now.UTC().Date()
		return &LimitError{"spend_day", time.Date(y, mon, d+1, 0, 0, 0, 0, time.UTC).Sub(now), fmt.Sprintf("the day's money is spent (spend_day %v)", l.SpendDay)}
	}
	if m.tokens != nil {
		if have := m.tokens.TokensAt(now); have < 1 {
			return &LimitError{"tpm", wait(1-have, m.tokens.Limit()), fmt.Sprintf("the tokens of this minute are used up (tpm %d)", l.TPM)}
		}
	}
	if m.requests != nil && !m.requests.AllowN(now, 1) {
		return &LimitError{"rpm", wait(1-m.requests.TokensAt(now), m.requests.Limit()), fmt.Sprintf("the requests of this minute are used up (rpm %d)", l.RPM)}
	}
	m.spent.Requests++
	m.spent.LastUse = now.Unix()
	m.spent.dirty = true
	return nil
}

func wait(missing float64, per rate.Limit) time.Duration {
	return time.Duration(math.Ceil(missing / float64(per) * float64(time.Second)))
}

// use counts an answer.
func (m *meter) use(now time.Time, tokens int, cost float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spent.at(now)
	if tokens > 0 {
		m.spent.Tokens += uint64(tokens)
		m.spent.dirty = true
		if m.tokens != nil {
			// No more at a time than the bucket holds, and no more in all than an hour makes good, whatever a provider says.
			for n := min(tokens, 60*m.limits.TPM); n > 0; n -= m.limits.TPM {
				m.tokens.ReserveN(now, min(n, m.limits.TPM))
			}
		}
	}
	if cost > 0 && !math.IsInf(cost, 0) {
		m.spent.DaySum += cost
		m.spent.MonthSum += cost
		m.spent.TotalSum += cost
		m.spent.dirty = true
	}
}

// now returns what was used so far.
func (m *meter) now(now time.Time) Spent {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spent.at(now)
	return m.spent
}

// unsaved returns what is to be written, if anything is.
func (m *meter) unsaved() (Spent, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dirty := m.spent.dirty
	m.spent.dirty = false
	return m.spent, dirty
}

// unwritten says that what unsaved returned did not get to the file.
func (m *meter) unwritten() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spent.dirty = true
}
