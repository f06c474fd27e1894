package cache

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// evenMix is a prior in which probabilities are spread evenly over the logarithm of the risk.
func evenMix() *mix {
	m := new(mix)
	for i := range mixBins {
		m.add(1-math.Exp2(-(float64(i)+0.5)/4), 1)
	}
	return m
}

func TestCutoffKeepsTheMeanRisk(t *testing.T) {
	m := evenMix()
	last := 1.0
	for _, budget := range []float64{0.001, 0.005, 0.01, 0.02, 0.05, 0.2, 1} {
		cut := m.cutoff(budget)
		if cut > last || cut > 1-budget {
			t.Errorf("cut-off %v at %v: a wider budget must not serve less, and risks within it always pass", cut, budget)
		}
		last = cut
		var n, risk float64
		for i := range mixBins {
			if r := m.Risk[i]; 1-r >= cut {
				n, risk = n+m.Count[i], risk+r
			}
		}
		if risk > budget*n*1.0001 {
			t.Errorf("cut-off %v at %v serves a mean risk of %v", cut, budget, risk/n)
		}
	}
	if cut := new(mix).cutoff(0.01); cut != 0.99 {
		t.Errorf("the cut-off of an empty mix is %v, want 0.99", cut)
	}
	nan := new(mix)
	nan.add(math.NaN(), 1)
	if cut := nan.cutoff(0.01); cut != 0.99 {
		t.Errorf("NaN in the mix: cut-off %v", cut)
	}
}

// stream draws candidates of a service whose traffic changes as it goes: how sure the best candidate is moves between two
// mixes, gradually, in jumps or back and forth. Probabilities are true: a candidate of p is right with p.
type stream struct {
	rng   *rand.Rand
	shape int
	from  [2]float64 // mean and spread of the log-odds
	to    [2]float64
}

func newStream(seed uint64) *stream {
	rng := rand.New(rand.NewPCG(seed, 7))
	draw := func() [2]float64 { return [2]float64{-1 + 7*rng.Float64(), 0.5 + 2.5*rng.Float64()} }
	return &stream{rng: rng, shape: int(seed % 3), from: draw(), to: draw()}
}

func (s *stream) next(at float64) (p float64, right bool) {
	w := at
	switch s.shape {
	case 1:
		w = math.Round(at)
	case 2:
		w = (1 - math.Cos(8*math.Pi*at)) / 2
	}
	mean := s.from[0] + w*(s.to[0]-s.from[0])
	spread := s.from[1] + w*(s.to[1]-s.from[1])
	p = 1 / (1 + math.Exp(-(mean + spread*s.rng.NormFloat64())))
	return p, s.rng.Float64() < p
}

// TestBudgetUnderDrift runs a hundred streams of 3,000 candidates through the ledgers, two partitions each, and asks whether the
// realised share of wrong answers can be told from one within the budget, and how many hits there were by the most that any
// rule could have had that knew the whole stream.
func TestBudgetUnderDrift(t *testing.T) {
	const streams, length, budget, z = 100, 3000, DefaultMaxError, 1.959964
	within, hitsAll, bestAll := 0, 0, 0
	least := 1.0
	for seed := range uint64(streams) {
		s, ls, prior := newStream(seed), newLedgers(), evenMix()
		var hits, wrong int
		var expected float64
		served := new(mix)
		for i := range length {
			p, right := s.next(float64(i) / length)
			served.add(p, 1)
			acc := account{namespace: Hash([]byte("n")), partition: Hash(fmt.Append(nil, i%2)), maxError: budget, prior: prior}
			if ls.take(&acc, p, false).Allowed {
				hits++
				expected += 1 - p
				if !right {
					wrong++
				}
			}
		}
		// Wilson's lower bound, one of a two-sided 95 % interval.
		n, low := float64(hits), 0.0
		if hits > 0 {
			share := float64(wrong) / n
			low = (share + z*z/(2*n) - z*math.Sqrt(share*(1-share)/n+z*z/(4*n*n))) / (1 + z*z/n)
		}
		if low <= budget {
			within++
		} else {
			t.Logf("seed %d: %d wrong of %d hits, %.1f expected", seed, wrong, hits, expected)
		}
		if expected > budget*(n+creditHits)*1.05 {
			t.Errorf("seed %d: %.2f wrong answers expected among %d hits", seed, expected, hits)
		}
		best := 0.0
		cut := math.Max(served.cutoff(budget), floor(budget))
		for i := range mixBins {
			if served.Count[i] > 0 && 1-served.Risk[i]/served.Count[i] >= cut {
				best += served.Count[i]
			}
		}
		hitsAll, bestAll = hitsAll+hits, bestAll+int(best)
		if best > 200 {
			least = min(least, n/best)
		}
	}
	t.Logf("%d of %d streams within the budget; %d hits, %.1f %% of the most possible (worst stream %.1f %%)", within, streams, hitsAll, 100*float64(hitsAll)/float64(bestAll), 100*least)
	if within < 95 {
		t.Errorf("%d of %d streams are within the budget, want 95", within, streams)
	}
	if float64(hitsAll) < 0.8*float64(bestAll) {
		t.Errorf("%d hits of the %d that are possible", hitsAll, bestAll)
	}
}

func TestBudgetsAreApart(t *testing.T) {
	ls := newLedgers()
	prior := evenMix()
	acc := func(ns, part string, budget float64) *account {
		return &account{namespace: Hash([]byte(ns)), partition: Hash([]byte(part)), maxError: budget, prior: prior}
	}
	// What a wide budget spends, a narrow one does not pay for.
	for range 50 {
		ls.take(acc("n", "p", 0.2), 0.9, false)
	}
	if s := ls.take(acc("n", "p", 0.01), 0.999, false); !s.Allowed || s.Hits != 0 {
		t.Errorf("the narrow budget pays for the wide one: %+v", s)
	}
	// A namespace has its credit once, however many partitions it has.
	granted := 0
	for i := range 200 {
		if ls.take(acc("m", fmt.Sprint(i), 0.05), 0.8, false).Allowed {
			granted++
		}
	}
	if most := 1 + creditHits*0.05/0.2; float64(granted) > most*1.5 {
		t.Errorf("%d hits of risk 0.2 in 200 new partitions", granted)
	}
	// Looking does not change anything, and a refund undoes a charge.
	before := ls.take(acc("n", "p", 0.01), 0.995, true)
	ls.take(acc("n", "p", 0.01), 0.995, false)
	ls.refund(acc("n", "p", 0.01), 0.995)
	if after := ls.take(acc("n", "p", 0.01), 0.995, true); math.Abs(after.Wrong-before.Wrong) > 1e-9 || math.Abs(after.Hits-before.Hits) > 1e-9 {
		t.Errorf("before %+v, after charge and refund %+v", before, after)
	}
	if s := ls.take(acc("x", "y", 1), 0, false); !s.Allowed {
		t.Error("a budget of 1 refuses")
	}
	if s := ls.take(acc("x", "y", 0.01), math.NaN(), false); s.Allowed {
		t.Error("NaN is served")
	}
}

func TestLedgersAreBounded(t *testing.T) {
	ls := newLedgers()
	for i := range maxLedgers + 100 {
		ls.take(&account{namespace: Hash([]byte("n")), partition: Hash(fmt.Append(nil, i)), maxError: 0.01, prior: new(mix)}, 0.9, false)
	}
	if n := ls.kept.Len(); n > maxLedgers {
		t.Errorf("%d ledgers are kept", n)
	}
}
