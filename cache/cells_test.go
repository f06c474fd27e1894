package cache

import (
	"math"
	"testing"
	"time"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// TestCellLearns: how many labels it takes until a cell of some quality is served from at a budget of 1 %, if ever.
func TestCellLearns(t *testing.T) {
	const seed, runs = 3, 200
	r := seeded(seed)
	for _, c := range []struct {
		truth, doubt float64
		most, least  float64 // share of the runs that serve before 1,000 labels
	}{{1, 0, 1, 1}, {0.998, 0, 1, 0.9}, {0.97, 0, 0.1, 0}, {0.95, 0, 0.02, 0}, {1, 0.1, 0, 0}, {0.9, 0.1, 0, 0}} {
		served, first := 0, math.MaxInt
		for range runs {
			var likely, proven store.Trait
			at := cell{bandOf(0.6), 4}
			for n := range 1000 {
				if at.share(tallyOf(&proven, 1), at.expected()) >= 0.988 {
					served++
					first = min(first, n)
					break
				}
				label := r.Float64() < c.truth
				if r.Float64() < c.doubt { // the comparison is mistaken
					label = !label
				}
				at.learn(&likely, &proven, label, c.doubt, 1)
			}
		}
		share := float64(served) / runs
		t.Logf("seed %d: truth %v, labels mistaken %v: served in %.1f %% of the runs, at the earliest after %d labels", seed, c.truth, c.doubt, 100*share, first)
		if share > c.most || share < c.least || first < 100 {
			t.Errorf("want %v to %v, and no less than 100 labels", c.least, c.most)
		}
	}
}

// cellsMemory is a memory to count labels in, and what counts so many in a cell.
func cellsMemory() (m *memory, count func(c cell, right, wrong, open int), partition Digest) {
	m = newMemory(time.Hour, func(string) float64 { return DefaultMaxError }, nil)
	partition = Hash([]byte("partition"))
	return m, func(c cell, right, wrong, open int) {
		likely, proven := m.cell(c, partition, 0)
		for range right {
			c.learn(likely, proven, true, 0, 1)
		}
		for range wrong {
			c.learn(likely, proven, false, 0, 1)
		}
		for range open {
			m.leaveOpen(c, partition)
		}
	}, partition
}

// TestCellWithoutLabels: what is expected of a candidate stays what it is, to the last bit, wherever it lies in its band.
func TestCellWithoutLabels(t *testing.T) {
	m, _, _ := cellsMemory()
	cells := cellsOf(Digest{1})
	for p := 0.01; p < 1; p += 0.01 {
		c := cell{bandOf(p), 4}
		if got := m.proven(c, cells, p, 0); got != p {
			t.Errorf("%v is expected, %v is proven by nothing", p, got)
		}
		if c.band > 0 && m.likely(c, cells, 0) != c.expected() {
			t.Errorf("band %d: %v is expected, %v is likely by nothing", c.band, c.expected(), m.likely(c, cells, 0))
		}
	}
}

// TestWhatIsLeftOpenIsNotProven: where nearly all answers are equal, one comparison in thirty that is left open may well be the one hit
// in thirty that would have been wrong.
func TestWhatIsLeftOpenIsNotProven(t *testing.T) {
	m, count, partition := cellsMemory()
	c := cell{2, 3}
	cells := cellsOf(partition)
	at := time.Now().UnixNano() // leaveOpen's
	likely, proven := m.cell(c, partition, at)
	count(c, 0, 0, 10)
	for range 290 {
		c.learn(likely, proven, true, 0, 1)
	}
	least, most := m.proven(c, cells, c.expected(), at), m.likely(c, cells, at)
	if least > 290.0/300 || least < 0.95 || most < 0.985 {
		t.Errorf("proven %.4f, likely %.4f", least, most)
	}
	likely, proven = m.cell(c, partition, at)
	c.learn(likely, proven, false, 0.2, 1) // models say that the answers differ
	if now := m.proven(c, cells, c.expected(), at); now > 290.0/301 {
		t.Errorf("proven %.4f after one more that models hold to differ", now)
	}
}

// TestLesserCellsSpeakForBetterOnes, and never the other way round.
func TestLesserCellsSpeakForBetterOnes(t *testing.T) {
	m, count, partition := cellsMemory()
	cells := cellsOf(partition)
	proven := func(c cell) float64 { return m.proven(c, cells, c.expected(), 0) }
	middle := cell{2, 2}
	count(middle, 400, 0, 0)
	for _, better := range []cell{{2, 3}, {3, 2}, {4, 4}} {
		if p := proven(better); p < 0.99 {
			t.Errorf("%+v: proven %.4f", better, p)
		}
	}
	for _, other := range []cell{{1, 2}, {2, 1}, {1, 4}, {4, 1}} {
		if p := proven(other); p > other.expected()+1e-9 {
			t.Errorf("%+v: proven %.4f", other, p)
		}
	}
	// What a cell shows itself counts in every pool.
	before := proven(cell{3, 3})
	count(cell{3, 3}, 0, 8, 0)
	if p := proven(cell{3, 3}); p > before-0.015 || p > 0.985 {
		t.Errorf("proven %.4f, before eight wrong ones %.4f", p, before)
	}
	count(cell{1, 0}, 0, 100, 0) // lesser cells that do badly take nothing away
	if p := proven(middle); p < 0.99 {
		t.Errorf("proven %.4f", p)
	}
}
