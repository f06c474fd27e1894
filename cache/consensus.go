package cache

import (
	"context"
	"encoding/binary"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// Consensus. Each miss is compared with its near candidates anyway, so that in time it is known which stored questions have one
// answer. A question all of whose neighbours, worded in different ways, have the same answer is far likelier to want it too than
// one among whose neighbours several answers compete, whatever the verifier makes of each pair. How much likelier depends on
// the traffic: much where people reword a few hundred wishes, little where look-alikes are asked on purpose. So it is learnt.
//
// The probabilities of a partition's candidates are cut into cells, by band and by what the neighbours say. A cell counts how many
// of the near misses in it would have been right. Its share of right ones, with what the decision expects of it counting as some
// labels more (the mean of a beta posterior), moves the log-odds of the candidates in it. Labels thus speak for the cell in
// which they fall: the middle of the scale teaches nothing about its top, nor agreement about dispute.
//
// A cell from which answers are served has no more misses to learn from: what is known of it fades, checks of hits speak for it,
// and verdicts on what was served count against question and partition, which lower what a cell raises.
//
// A cell is kept as a trait of kind partition, under a key of its own, with Certain the labels and Shift those of them that
// were right.

// company is what the other candidates say of one.
type company uint8

const (
	disputed  company = iota // several have other answers, or answers that have not been compared
	mostly                   // all but one have its answer
	unanimous                // all have
	numCompanies
)

// companions is how many other candidates there must be for their agreement to count.
const companions = 3

// cellEdges are where the bands of the probability begin; below the first there is no cell. cellMiddles are probabilities within.
var (
	cellEdges   = [...]float64{0.05, 0.2, 0.5, 0.8, 0.95, 0.99}
	cellMiddles = [...]float64{0.1, 0.33, 0.67, 0.9, 0.975, 0.995}
)

// prior is how many labels the decision's own expectation counts for in a cell: as many as hold two wrong ones by it, and no more than
// maxPrior. Ten right ones in a row say little where nine in ten are expected: with a weak prior, the first lucky labels would
// let answers out that the budget does not allow. A hundred without a wrong one still take such a band to 98.3 %.
func (c cell) prior() float64 { return min(maxPrior, 2/(1-cellMiddles[c.band-1])) }

const maxPrior = 20

// maxClasses bounds the entries whose answer is known to be, or not to be, another's.
const maxClasses = 256 << 10

// classes says which entries have one answer: those whose class is the same number. A question that is given a new answer is another
// entry, without a class. They are kept in memory only, since the file has what they are made from: an entry that has none, after a
// restart or because there were too many, agrees with nobody until a look-up has come near it and has had its answer read (see study).
type classes struct {
	of *simplelru.LRU[ID, uint64]
}

func newClasses() classes {
	of, err := simplelru.NewLRU[ID, uint64](maxClasses, nil)
	if err != nil {
		panic(err) // only a size below 1 is an error
	}
	return classes{of}
}

// classOf is the class of what says nothing but these words.
func classOf(answer [16]byte) uint64 { return max(1, binary.BigEndian.Uint64(answer[:8])) }

// get returns the class of an entry; 0: it is not known.
func (cs classes) get(id ID) uint64 {
	c, _ := cs.of.Peek(id)
	return c
}

func (cs classes) set(id ID, class uint64) { cs.of.Add(id, class) }

// cell is a place among the cells of a partition.
type cell struct {
	band int8 // from 1 on; 0: none
	with company
}

// bandOf returns the band of a probability; 0: none.
func bandOf(probability float64) (band int8) {
	for int(band) < len(cellEdges) && probability >= cellEdges[band] {
		band++
	}
	return band
}

// key is that of the cell's trait.
func (c cell) key(partition Digest) Digest {
	return Hash([]byte("cell"), partition[:], []byte{byte(c.band), byte(c.with)})
}

// right is the share of the cell's candidates that is right, and shift how far that is from what the decision expects of them, in
// log-odds.
func (c cell) right(t *store.Trait) (share, shift float64) {
	expected := cellMiddles[c.band-1]
	prior := c.prior()
	share = (prior*expected + max(0, t.Shift)) / (prior + max(0, t.Certain, t.Shift))
	return share, logit(share) - logit(expected)
}

// learn counts a label in. One that may be mistaken counts less, for what it leaves probable.
func (c cell) learn(t *store.Trait, right bool, doubt, weight float64) {
	share, _ := c.right(t)
	y, _ := belief(share, right, doubt)
	weight *= 1 - 2*doubt
	add(t, weight*y, weight)
}

// openDoubt is what a comparison that was left open counts for in a cell: as one that found the answers to differ and is mistaken one
// time in four. Equal answers are found to be equal more often than others to be different, so that counting only what was
// found would make every cell look better than it is.
const openDoubt = 0.25

func (m *memory) leaveOpen(c cell, partition Digest) {
	if c.band == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c.learn(m.trait(store.PartitionTrait, c.key(partition), now().UnixNano()), false, openDoubt, judgedWeight)
}

// assemble says what the others say of each candidate, and moves its probability by what is learnt of such.
func (c *Cache) assemble(l *Lookup, at int64) {
	if unknown := c.memory.assemble(l, at); len(unknown) > 0 && !l.dry {
		c.study(unknown)
	}
}

// study reads answers in the background, to tell which of them are one. What finds no room to wait is met by another look-up.
func (c *Cache) study(entries []ID) {
	c.labels.enqueue(func(context.Context) {
		for _, id := range entries {
			if _, body, ok, err := c.store.ByID(uint64(id)); err == nil && ok {
				c.classify(id, body)
			}
		}
	})
}

// assemble also returns the entries that no class is known of, where some candidate is in a cell.
func (m *memory) assemble(l *Lookup, at int64) (unknown []ID) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var room [16]uint64
	of := room[:0]
	for i := range l.Candidates {
		of = append(of, m.classes.get(l.Candidates[i].ID))
	}
	first := -1 // the most probable, for which cells are counted
	for i := range l.Candidates {
		if cand := &l.Candidates[i]; cand.Reason == ReasonNone && (first < 0 || cand.prior > l.Candidates[first].prior) {
			first = i
		}
	}
	for i := range l.Candidates {
		cand := &l.Candidates[i]
		if cand.prior == 0 {
			continue
		}
		others := 0
		for j := range l.Candidates {
			if j == i || l.Candidates[j].Text == "" {
				continue
			}
			others++
			if of[i] != 0 && of[i] == of[j] {
				cand.Alike++
			}
		}
		with := disputed
		switch {
		case others < companions:
		case cand.Alike == others:
			with = unanimous
		case cand.Alike == others-1:
			with = mostly
		}
		cand.cell = cell{bandOf(cand.prior), with}
		if cand.cell.band == 0 {
			continue
		}
		if t := m.traits[traitKey{store.PartitionTrait, cand.cell.key(l.partition)}]; t != nil {
			faded := *t
			f := fading(at-t.At, m.halfLife)
			faded.Shift, faded.Certain = t.Shift*f, t.Certain*f
			_, shift := cand.cell.right(&faded)
			if i != first {
				shift = min(shift, 0)
			}
			cand.shift = withCell(cand.shift, shift)
			cand.Probability = shifted(cand.prior, cand.shift)
		}
	}
	if first < 0 || bandOf(l.Candidates[first].prior) == 0 {
		return nil
	}
	for i := range l.Candidates {
		if of[i] == 0 && l.Candidates[i].Text != "" {
			unknown = append(unknown, l.Candidates[i].ID)
		}
	}
	return unknown
}

// withCell joins what question and partition say with what the cell does. Upwards the stronger counts and not both, since all
// three learn from the same labels; downwards question and partition count on top of a cell that raises. A cell that does worse
// than expected only keeps them from raising: comparisons that were left open count against it, whatever they were.
func withCell(shift, cell float64) float64 {
	switch {
	case cell > 0:
		return min(shift, 0) + max(cell, shift, 0)
	case cell < 0:
		return min(shift, 0)
	}
	return shift
}
