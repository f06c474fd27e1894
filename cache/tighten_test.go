package cache

import (
	"math"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// TestBudgetsAreHeldApart: what is found of hits tightens the budget that they were served under, and those that are like it.
func TestBudgetsAreHeldApart(t *testing.T) {
	type hits struct {
		budget float64 // 0: none
		n      int
		wrong  int // of them
	}
	for _, c := range []struct {
		what    string
		hits    []hits
		factors map[float64]float64 // in the end, by budget
		told    int
	}{
		{"conversations as wrong as they may be", []hits{{0.03, 1000, 30}}, map[float64]float64{0.03: 1, 0.01: 1}, 0},
		{"conversations among questions", []hits{{0.01, 1000, 5}, {0.03, 1000, 29}}, map[float64]float64{0.03: 1, 0.01: 1}, 0},
		{"a caller who allows much", []hits{{0.01, 1000, 5}, {0.2, 1000, 150}}, map[float64]float64{0.2: 1, 0.01: 1}, 0},
		{"a caller who allows much, and has it right", []hits{{0.2, 10000, 0}, {0.01, 400, 20}}, map[float64]float64{0.2: 1, 0.01: 1.0 / 8}, 1},
		{"plain cosine", []hits{{0, 10000, 5000}, {0.01, 1000, 5}}, map[float64]float64{0.01: 1}, 0},
		{"plain cosine that is right", []hits{{0, 10000, 0}, {0.01, 400, 20}}, map[float64]float64{0.01: 1.0 / 8}, 1},
		{"budgets that are alike", []hits{{0.01, 200, 10}, {0.012, 200, 10}}, map[float64]float64{0.01: 1.0 / 8, 0.012: 1.0 / 8, 0.03: 1}, 2},
		{"two that are exceeded", []hits{{0.01, 400, 20}, {0.1, 400, 100}}, map[float64]float64{0.01: 1.0 / 8, 0.1: 0.25}, 2},
		{"whatever", []hits{{1, 400, 400}, {1e-9, 400, 0}}, map[float64]float64{1: 1, 1e-9: 1}, 0},
	} {
		m := newMemory(DefaultHalfLife, constant(DefaultMaxError), nil)
		at := m.now().UnixNano()
		told := 0
		for _, h := range c.hits {
			for range h.n {
				m.hit("ns", h.budget, at)
			}
			for i := range h.n {
				l := label{
					entry: Hash([]byte("e")), partition: alice, namespace: "ns", budget: h.budget, probability: 0.9, from: fromShadow, served: true,
					right: i >= h.wrong, weight: 1,
				}
				m.teach(&l, at)
				m.rate("ns", at).check(l.budget, 1, !l.right)
			}
			for _, f := range m.settle("ns") {
				told++
				// Of the hits under that budget alone, whatever was found of others.
				if share := float64(h.wrong) / float64(h.n); math.Abs(f.Share-share) > 1e-9 || math.Abs(f.Budget/h.budget-1) > 0.2 || f.Tighten != m.factor("ns", h.budget) {
					t.Errorf("%s: told %+v of hits under %v, of which %v are wrong", c.what, f, h.budget, share)
				}
			}
		}
		for budget, want := range c.factors {
			if got := m.factor("ns", budget); got != want {
				t.Errorf("%s: a budget of %v is multiplied by %v, want %v", c.what, budget, got, want)
			}
		}
		if told != c.told {
			t.Errorf("%s: told %d times, want %d", c.what, told, c.told)
		}
		if n := m.factor("other", 0.01); n != 1 {
			t.Errorf("%s: another namespace's budget is multiplied by %v", c.what, n)
		}
		m.prune(at + int64(1000*24*time.Hour))
		if len(m.rates) != 0 {
			t.Errorf("%s: years later there is %+v", c.what, m.rates["ns"])
		}
	}
}

// TestBudgetOfAClass: it is that of the hits, wherever in the class that lies.
func TestBudgetOfAClass(t *testing.T) {
	for class := range budgetClasses - 1 {
		low, high := 1/float64(int(2)<<class), 1/float64(int(1)<<class)
		for _, budget := range []float64{low, low * 1.5, (low + high) / 2} {
			if got := budgetClass(budget); got != class {
				t.Errorf("class of %v: %d, want %d", budget, got, class)
			}
		}
	}
	if budgetClass(1) != 0 || budgetClass(1e-300) != budgetClasses-1 {
		t.Error("the ends")
	}
	r := newNamespaceRate(store.Rate{})
	for _, budget := range []float64{0.01, 0.015, 0.03, 0.011, 1, 0.9} {
		b := r.under(budget)
		b.Hits++
		b.Mean += (budget - b.Mean) / b.Hits
	}
	if len(r.Budgets) != 3 || r.under(0.012).Hits != 3 || r.under(0.012).Mean != 0.012 || r.under(0) != nil {
		t.Errorf("%+v", r.Budgets)
	}
}

// TestLookUpsNameTheirBudget: hits of conversations, of requests that name a budget, and of plain cosine are told apart, those that are checked
// and those that are complained of, and still after a restart.
func TestLookUpsNameTheirBudget(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache.db")
	o := Options{Embedder: newBag(), Verifier: &judge{p: map[string]float64{wipe: 0.999}}, Threshold: 0.7, MaxError: 0.1, Shadow: ShadowOptions{Rate: 1}}
	c := open(t, o, path)
	put(t, c, ask(wipe), "erase it")
	named, cosine := ask(asked), near(asked, "", alice)
	named.MaxError, named.TraceID, named.Source = 0.5, "named", alice
	for i, q := range []Query{ask(asked), named, cosine} {
		if l := expect(t, c, q, HitSemantic, "erase it"); i != 1 && !l.ShadowCheck(answering("Erase it.")) {
			t.Error("not checked")
		}
		flush(t, c)
	}
	say(t, c, alice, "named", -10, 0.5)
	check := func() {
		t.Helper()
		r := c.memory.rates[""]
		own, much := r.under(0.1), r.under(0.5)
		if len(r.Budgets) != 2 || own.Hits < 0.99 || own.Sum < 0.99 || own.Reported != 0 || much.Hits < 0.99 || much.Sum != 0 || much.Reported < 0.49 {
			t.Errorf("%+v", r.Budgets)
		}
		if r.Hits < 2.99 || r.Sum < 1.99 || r.Reported < 0.49 {
			t.Errorf("all: %+v", r.Checks)
		}
	}
	check()
	closeSound(t, c)
	c = open(t, o, path)
	check()
	say(t, c, alice, "named", 10, 0.5)
	if b := c.memory.rates[""].under(0.5); b.Reported > 1e-6 {
		t.Errorf("taken back, and %v are reported still", b.Reported)
	}
}

// TestOpensVersion4 opens a file of the version before budgets were told apart: what was learnt counts, for the budget of its namespace, and
// can be taken back.
func TestOpensVersion4(t *testing.T) {
	path := unpack(t, "testdata/version4.db.gz")
	r, err := CheckFile(bg, path)
	if err != nil || !r.OK() || r.Version != 4 {
		t.Fatalf("before: %+v, %v", r, err)
	}
	synctest.Test(t, func(t *testing.T) { // its clock begins where it did when the file was made
		time.Sleep(time.Hour)
		c := open(t, Options{Embedder: newBag(), MaxError: 0.01, SweepInterval: -1}, path)
		f := c.FalseHits("shop")
		if f.Hits < 41.8 || f.Checked < 39.8 || f.Share != 0.25 || f.Reported < 0.99 || f.Tighten != 1.0/16 {
			t.Errorf("%+v", f)
		}
		if own, other := c.memory.factor("shop", 0.01), c.memory.factor("shop", 0.3); own != f.Tighten || other != 1 {
			t.Errorf("factors %v and %v", own, other)
		}
		q := near("who mends the wooden bridge over the river please", "", alice)
		q.Namespace = "shop"
		if l := expect(t, c, q, Miss, ""); l.Reason != ReasonDemoted {
			t.Errorf("reason %q", l.Reason)
		}
		say(t, c, alice, "t1", 10, 1)
		expect(t, c, q, HitSemantic, "the mason")
		say(t, c, alice, "t2", -10, 1)
		if f = c.FalseHits("shop"); f.Reported > 1.01 || f.Reported < 0.99 {
			t.Errorf("after one was taken back and one added: %+v", f)
		}
		if r, err := c.Check(bg); err != nil || !r.OK() || r.Version != 5 {
			t.Fatalf("after: %+v, %v", r, err)
		}
		closeSound(t, c)
		c = open(t, Options{Embedder: newBag(), MaxError: 0.01, SweepInterval: -1}, path)
		if again := c.FalseHits("shop"); again != f {
			t.Errorf("written as %+v, read as %+v", f, again)
		}
		closeSound(t, c)
	})
}
