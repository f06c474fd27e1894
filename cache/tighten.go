package cache

import (
	"math"
	"slices"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// Tightening. What the checks of a namespace's hits have found to be wrong is held against the budget that these hits were served under,
// without what it was tightened by, and tightens that one. Budgets differ within a namespace: conversations have their own, and requests
// may name one. A caller who allows one in five to be wrong, and gets that, is no reason to serve the others less, and all that is right
// among his hits none to serve them more. Budgets that are alike, within a factor of two, are held together, by the mean of those that
// their hits had. Hits of ModeThreshold, which knows no budget, are counted and checked like all others, and tighten nothing.

// budgetClasses is how many classes there are: halvings of a budget of 1, and the last one for all that is smaller.
const budgetClasses = 16

func budgetClass(budget float64) int {
	_, exp := math.Frexp(budget)
	return min(max(0, -exp), budgetClasses-1)
}

// namespaceRate is what is known of a namespace's hits.
type namespaceRate struct {
	store.Rate
	factors [budgetClasses]float64 // in force
}

func newNamespaceRate(r store.Rate) *namespaceRate {
	n := &namespaceRate{Rate: r}
	n.tighten()
	return n
}

// under returns what is known of the hits under a budget, and those that are like it, made if need be; nil: it is none.
func (r *namespaceRate) under(budget float64) *store.Budget {
	if !(budget > 0) {
		return nil
	}
	class := budgetClass(budget)
	for i := range r.Budgets {
		if b := &r.Budgets[i]; budgetClass(b.Mean) == class {
			return b
		}
	}
	r.Budgets = append(r.Budgets, store.Budget{Mean: budget})
	return &r.Budgets[len(r.Budgets)-1]
}

// check adds a check of a hit under a budget that stands for weight hits.
func (r *namespaceRate) check(budget, weight float64, wrong bool) {
	checked(&r.Checks, weight, wrong)
	if b := r.under(budget); b != nil {
		checked(&b.Checks, weight, wrong)
	}
}

// report adds what hits under a budget were reported to be wrong, or takes it back.
func (r *namespaceRate) report(budget, weight float64) {
	r.Reported = max(0, r.Reported+weight)
	if b := r.under(budget); b != nil {
		b.Reported = max(0, b.Reported+weight)
	}
}

// tighten settles the factors.
func (r *namespaceRate) tighten() {
	for i := range r.factors {
		r.factors[i] = 1
	}
	for i := range r.Budgets {
		b := &r.Budgets[i]
		r.factors[budgetClass(b.Mean)] = tightening(&b.Checks, b.Mean)
	}
}

// least is the smallest factor.
func (r *namespaceRate) least() float64 { return slices.Min(r.factors[:]) }

// worthlessChecks reports whether evidence has faded to nothing.
func worthlessChecks(r *store.Checks) bool { return r.Hits < 0.5 && r.Sum < 0.5 && r.Reported < 0.05 }

// prune drops what has faded to nothing, and reports whether that is all.
func (r *namespaceRate) prune() bool {
	r.Budgets = slices.DeleteFunc(r.Budgets, func(b store.Budget) bool {
		return r.factors[budgetClass(b.Mean)] == 1 && worthlessChecks(&b.Checks)
	})
	return len(r.Budgets) == 0 && worthlessChecks(&r.Checks)
}

// leastTighten is the smallest factor on a budget. It is a power of two, as all of them are, so that tightening does not make
// a budget of its own out of every estimate.
const leastTighten = 1.0 / 16

// tightening is the factor on a budget that the hits which were served under it ask for.
//
//   - The interval lies above the budget: the decision is wrong about this traffic. The budget shrinks by as much as the
//     upper end exceeds it.
//   - Only the estimate does, and by a wrong answer that has not faded by half: it shrinks by as much as that.
//   - Otherwise it is what the user set. That the upper end of a wide interval is above the budget says only that little
//     was checked.
//
// Hits that were reported wrong count the same way, against all hits, as the least that the share can be.
func tightening(r *store.Checks, budget float64) float64 {
	share, n, low, high := estimate(r)
	factor := 1.0
	switch {
	case low > budget:
		factor = budget / high
	case share > budget && share*n >= 0.5:
		factor = budget / share
	}
	if r.Hits > 0 {
		reported := min(1, r.Reported/r.Hits)
		if low, high := wilson(reported, r.Hits); low > budget {
			factor = min(factor, budget/high)
		}
	}
	if factor >= 1 {
		return 1
	}
	return max(leastTighten, math.Exp2(math.Floor(math.Log2(factor))))
}

// factor is what a budget is multiplied by in a namespace.
func (m *memory) factor(namespace string, budget float64) float64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if r := m.rates[namespace]; r != nil {
		return r.factors[budgetClass(budget)]
	}
	return 1
}

// rate returns a namespace's rate as of now, made if need be. The caller holds mu and marks it.
func (m *memory) rate(namespace string, at int64) *namespaceRate {
	r := m.rates[namespace]
	if r == nil {
		r = newNamespaceRate(store.Rate{Namespace: namespace, At: at})
		m.rates[namespace] = r
	}
	age(&r.Rate, at, m.halfLife/4)
	m.dirtyRates[namespace] = struct{}{}
	return r
}

// hit counts a semantic hit of a namespace under a budget; 0: none. Of one whose hits were never checked or complained of nothing is written.
func (m *memory) hit(namespace string, budget float64, at int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, dirty := m.dirtyRates[namespace]
	r := m.rate(namespace, at)
	r.Hits++
	if b := r.under(budget); b != nil {
		b.Hits++
		b.Mean += (budget - b.Mean) / b.Hits
	}
	if !dirty && r.Sum == 0 && r.Reported == 0 {
		delete(m.dirtyRates, namespace)
	}
}

// settle works out whether a namespace's budgets have to be tightened, or may be relaxed, and returns what to tell: of each that was,
// what is known of the hits under it, which may be better or worse than the namespace's others. The caller holds mu.
func (m *memory) settle(namespace string) (tell []FalseHits) {
	r := m.rates[namespace]
	if r == nil {
		return nil
	}
	before := r.factors
	r.tighten()
	for i := range r.Budgets {
		b := &r.Budgets[i]
		if class := budgetClass(b.Mean); r.factors[class] != before[class] {
			f := falseHits(namespace, &b.Checks, r.factors[class])
			f.Budget = b.Mean
			tell = append(tell, f)
		}
	}
	return tell
}

func (r *namespaceRate) falseHits() FalseHits { return falseHits(r.Namespace, &r.Checks, r.least()) }

func falseHits(namespace string, r *store.Checks, factor float64) FalseHits {
	share, n, low, high := estimate(r)
	return FalseHits{Namespace: namespace, Hits: r.Hits, Checked: n, Share: share, Low: low, High: high, Reported: r.Reported, Tighten: factor}
}

// told tells whoever wants to know of budgets that were tightened or relaxed.
func (m *memory) told(tell []FalseHits) {
	for _, f := range tell {
		m.tellOne(f)
	}
}

// tellOne tells of one. The upkeep does, too, on a goroutine that no caller can guard: a panic costs the telling, and not the process.
func (m *memory) tellOne(f FalseHits) {
	if m.tighten == nil {
		return
	}
	defer func() {
		if recover() != nil {
			m.untold.Add(1)
		}
	}()
	m.tighten(f)
}
