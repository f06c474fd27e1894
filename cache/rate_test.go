package cache

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

func seeded(n uint64) *rand.Rand { return rand.New(rand.NewPCG(n, 0)) }

// TestWilson compares with intervals reckoned by hand.
func TestWilson(t *testing.T) {
	for _, c := range []struct{ p, n, low, high float64 }{
		{0, 0, 0, 1},
		{0, 100, 0, 0.0370},
		{0.02, 100, 0.0055, 0.0700},
		{0.5, 10, 0.2366, 0.7634},
		{1, 10, 0.7225, 1},
	} {
		low, high := wilson(c.p, c.n)
		if math.Abs(low-c.low) > 5e-5 || math.Abs(high-c.high) > 5e-5 {
			t.Errorf("%v of %v: %.4f to %.4f, want %.4f to %.4f", c.p, c.n, low, high, c.low, c.high)
		}
	}
}

// TestLiveRateIsCovered simulates hits that are checked at rates which change, the wrong ones being commoner where fewer are
// checked, and counts how often the interval holds the true share. An estimate that forgot the weights would be wrong by half.
func TestLiveRateIsCovered(t *testing.T) {
	const seed, runs, hits = 1, 1000, 20_000
	r := seeded(seed)
	covered, naive := 0, 0.0
	var mean float64
	const quiet, busy = 0.10, 0.02 // chance of a check
	const wrongQuiet, wrongBusy = 0.01, 0.05
	const truth = (wrongQuiet + wrongBusy) / 2
	for range runs {
		var s store.Checks
		var n, wrong float64
		for i := range hits {
			chance, bad := quiet, wrongQuiet
			if i%2 == 0 {
				chance, bad = busy, wrongBusy
			}
			if r.Float64() >= chance {
				continue
			}
			isWrong := r.Float64() < bad
			checked(&s, 1/chance, isWrong)
			n++
			if isWrong {
				wrong++
			}
		}
		share, _, low, high := estimate(&s)
		mean += share / runs
		naive += wrong / n / runs
		if low <= truth && truth <= high {
			covered++
		}
	}
	t.Logf("seed %d: covered %d of %d, mean estimate %.4f, without weights %.4f, truth %.4f", seed, covered, runs, mean, naive, truth)
	if covered < runs*92/100 || math.Abs(mean-truth) > 0.001 {
		t.Errorf("covered %d of %d, mean %v", covered, runs, mean)
	}
	if math.Abs(naive-truth) < 0.005 {
		t.Error("the weights make no difference: the simulation is no test of them")
	}
}

func TestTightening(t *testing.T) {
	const budget = 0.01
	for _, c := range []struct {
		what string
		r    store.Checks
		want float64
	}{
		{"nothing known", store.Checks{}, 1},
		{"few checks, none wrong: the upper end is above the budget, and that says nothing", rateOf(20, 0), 1},
		{"within", rateOf(1000, 8), 1},
		{"the estimate is twice the budget", rateOf(100, 2), 0.5},
		{"the estimate is somewhat above it", rateOf(80, 1), 0.5},
		{"the whole interval is above it", rateOf(200, 14), 1.0 / 16},
		{"all wrong", rateOf(50, 50), 1.0 / 16},
		{"one report among many hits", store.Checks{Hits: 1000, Reported: 1}, 1},
		{"many reports", store.Checks{Hits: 1000, Reported: 30}, 1.0 / 8},
	} {
		if got := tightening(&c.r, budget); got != c.want {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

func rateOf(n, wrong int) store.Checks {
	var r store.Checks
	for i := range n {
		checked(&r, 10, i < wrong)
	}
	return r
}

// TestRateRelaxes: good checks dilute bad ones, and time lets them fade.
func TestRateRelaxes(t *testing.T) {
	r := rateOf(100, 5)
	if tightening(&r, 0.01) == 1 {
		t.Fatal("not tightened")
	}
	better := r
	for range 900 {
		checked(&better, 10, false)
	}
	if got := tightening(&better, 0.01); got != 1 {
		t.Errorf("after 900 good checks: %v", got)
	}
	share, n, low, high := estimate(&r)
	old := store.Rate{Checks: r, Budgets: []store.Budget{{Mean: 0.01, Checks: r}}}
	age(&old, int64(3*time.Hour), time.Hour)
	share2, n2, low2, high2 := estimate(&old.Checks)
	if share2 != share || math.Abs(n2-n/8) > 1e-9 || low2 >= low || high2 <= high {
		t.Errorf("after three half-lives %v of %v (%v to %v), before %v of %v (%v to %v)", share2, n2, low2, high2, share, n, low, high)
	}
	if old.Budgets[0].Checks != old.Checks {
		t.Errorf("what is known of the budget fades otherwise: %+v, of all %+v", old.Budgets[0], old.Checks)
	}
}

// TestTellingPanics: the sweeper tells, too, and a panic on its goroutine would end the process.
func TestTellingPanics(t *testing.T) {
	at := time.Now().UnixNano()
	m := newMemory(DefaultHalfLife, func(string) float64 { return 0.01 }, func(FalseHits) { panic("slip") })
	m.mu.Lock()
	r := m.rate("ns", at)
	for range 50 {
		r.check(0.01, 1, true)
	}
	m.mu.Unlock()
	m.prune(at)
	if f := m.factor("ns", 0.01); f == 1 || m.untold.Load() != 1 {
		t.Errorf("factor %v, %d calls were counted", f, m.untold.Load())
	}
}
