package cache

import "github.com/reprise-cache/reprise/cache/internal/store"

// Cells. The candidates of a partition are cut into cells, by the band of their probability and by their company. A cell counts how many
// of the near misses in it would have been right. What is raised is raised to the share that is right: the mean of a beta posterior,
// in which what the decision expects counts as some labels more.
//
// A share of one in a hundred is lost in what cannot be told: where nearly all answers are equal, a comparison that models leave open is
// nearly always of a wrong one, and weighing it by what the cell is believed to be would make it right. So a cell counts twice.
// What is proven raises: equal answers are right, and all else that was compared is wrong, whatever models make of it. What is likely takes models
// at their word, with their doubt, and lowers.
//
// A cell alone takes some two hundred labels to be served from at a budget of one in a hundred. But a candidate that is as probable or more, in as good
// a company or better, is no less likely to be right, so that what was proven of lesser cells holds for it, too (isotonic regression
// has the same pools: Barlow, Bartholomew, Bremner and Brunk, Statistical inference under order restrictions, 1972). The middle of
// the scale thus lifts its top as far as its own share reaches, and no further; never the other way round.
//
// A cell from which answers are served has no more misses to learn from: what is known of it fades, checks of hits speak for it,
// and verdicts on what was served count against question and partition, which lower what a cell raises.
//
// Both counts of a cell are kept as traits of kind partition, under keys of their own, with Certain the labels and Shift those of them
// that were right.

// cellEdges are where the bands of the probability begin; below the first there is no cell. cellMiddles are probabilities within.
var (
	cellEdges   = [...]float64{0.05, 0.5, 0.8, 0.95, 0.99}
	cellMiddles = [...]float64{0.2, 0.67, 0.9, 0.975, 0.995}
)

// cell is a place among the cells of a partition.
type cell struct {
	band int8 // from 1 on; 0: none
	with company
}

// bandOf returns the band of a probability; 0: none.
func bandOf(probability float64) int8 { return reached(cellEdges[:], probability) }

// reached is how many of the rising edges a value is at or above.
func reached(edges []float64, value float64) (n int8) {
	for int(n) < len(edges) && value >= edges[n] {
		n++
	}
	return n
}

// cellsOf is what the keys of a partition's cells have in common.
func cellsOf(partition Digest) Digest { return Hash([]byte("cells"), partition[:]) }

// key is that of one of a cell's traits.
func (c cell) key(cells Digest, proven bool) Digest {
	cells[0], cells[1], cells[2] = byte(c.band), byte(c.with), 0
	if proven {
		cells[2] = 1
	}
	return cells
}

// expected is the share of right ones that the decision expects.
func (c cell) expected() float64 { return cellMiddles[c.band-1] }

// prior is how many labels the decision's own expectation counts for in a cell: as many as hold two wrong ones by it, and no more than
// maxPrior. Ten right ones in a row say little where nine in ten are expected: with a weak prior, the first lucky labels would
// let answers out that the budget does not allow. A hundred without a wrong one still take such a band to 98.3 %.
func (c cell) prior() float64 { return min(maxPrior, 2/(1-c.expected())) }

const maxPrior = 20

// tally is what labels say of candidates.
type tally struct{ right, n float64 }

// tallyOf reads a trait, of which so much is left.
func tallyOf(t *store.Trait, left float64) tally {
	if t == nil {
		return tally{}
	}
	right := max(0, t.Shift*left)
	return tally{right, max(right, t.Certain*left)}
}

// share is the share that is right, by a tally, of candidates in a cell of which the decision expects so much. Where nothing is known it is
// just that.
func (c cell) share(t tally, expected float64) float64 {
	if t.n == 0 {
		return expected
	}
	prior := c.prior()
	return (prior*expected + t.right) / (prior + t.n)
}

// learn counts a label in. For what is likely, one that may be mistaken counts less, and for what it leaves probable.
func (c cell) learn(likely, proven *store.Trait, right bool, doubt, weight float64) {
	y, _ := belief(c.share(tallyOf(likely, 1), c.expected()), right, doubt)
	known := weight * (1 - 2*doubt)
	add(likely, known*y, known)
	if right && doubt == 0 {
		add(proven, weight, weight)
	} else {
		add(proven, 0, weight)
	}
}

// openDoubt is what a comparison that was left open counts for in what is likely: as one that found the answers to differ and is mistaken
// one time in four. Equal answers are found to be equal more often than others to be different, so that counting only what was
// found would make every cell look better than it is.
const openDoubt = 0.25

func (m *memory) leaveOpen(c cell, partition Digest) {
	if c.band == 0 {
		return
	}
	at := m.now().UnixNano() // a caller's clock is asked under no lock
	m.mu.Lock()
	defer m.mu.Unlock()
	likely, proven := m.cell(c, partition, at)
	c.learn(likely, proven, false, openDoubt, judgedWeight)
	add(proven, 0, 1-judgedWeight) // of what is not known, the whole may be wrong
}

// cell returns both traits of a cell, made if need be. The caller holds mu.
func (m *memory) cell(c cell, partition Digest, at int64) (likely, proven *store.Trait) {
	cells := cellsOf(partition)
	return m.trait(store.PartitionTrait, c.key(cells, false), at), m.trait(store.PartitionTrait, c.key(cells, true), at)
}

// tally is what is left of a trait at that time. The caller holds mu.
func (m *memory) tally(key Digest, at int64) tally {
	t := m.traits[traitKey{store.PartitionTrait, key}]
	if t == nil {
		return tally{}
	}
	return tallyOf(t, fading(at-t.At, m.halfLife))
}

// likely is the share of a cell's candidates that is right, as far as models can tell. The caller holds mu.
func (m *memory) likely(c cell, cells Digest, at int64) float64 {
	return c.share(m.tally(c.key(cells, false), at), c.expected())
}

// proven is the share that is right at least of a cell's candidates of which so much is expected: the best that the cell shows with those of
// lesser cells, or without, and no less than is expected. The caller holds mu.
func (m *memory) proven(c cell, cells Digest, expected float64, at int64) (share float64) {
	share = expected
	var pools [len(companyEdges) + 1]tally // by the least company in it
	for band := c.band; band > 0; band-- {
		var t tally
		for with := c.with; with >= 0; with-- {
			more := m.tally(cell{band, with}.key(cells, true), at)
			t.right, t.n = t.right+more.right, t.n+more.n
			pools[with].right, pools[with].n = pools[with].right+t.right, pools[with].n+t.n
			share = max(share, c.share(pools[with], expected))
		}
	}
	return share
}
