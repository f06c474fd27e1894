package cache

import (
	"context"
	"encoding/binary"
	"math"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Consensus. Each miss is compared with its near candidates anyway, so that in time it is known which stored questions have one
// answer. A question whose neighbours, worded in different ways, have the same answer is far likelier to want it too than
// one among whose neighbours several answers compete, whatever the verifier makes of each pair. How much likelier depends on
// the traffic: much where people reword a few hundred wishes, little where look-alikes are asked on purpose. So it is learnt:
// cells.go counts how often candidates of some company were right.

// company is how far the other candidates speak for one: the band of its odds by their votes, of companyEdges.
type company int8

// companyEdges are the odds at which the bands begin. Below the first, and where there are too few to vote, it is 0.
var companyEdges = [...]float64{2, 4, 8, 16}

const (
	companions = 3 // other candidates there must be for their votes to count
	// reach is how much less similar a candidate is whose vote counts for 1/e. Nothing hangs on it: from 0.07 to 0.15 the votes told right
	// from wrong alike.
	reach = 0.1
)

// votes is the company of candidate i, and how many others have its answer, where the classes of all of them are known or 0. The nearer one is to the question, the more its vote
// counts: agreement on the far side of a dissenter says little. Of what lies beyond the last nothing is known, so that one more vote is
// cast there against it: neighbours that agree, but are all as far away as those that were not looked at, are the edge of something else.
func votes(candidates []Candidate, of []uint64, i int) (with company, alike int) {
	var same, other, last float64
	others := -1
	for j := range candidates {
		if candidates[j].Text == "" { // it is gone
			continue
		}
		others++
		last = math.Exp(float64(candidates[j].Similarity-candidates[i].Similarity) / reach)
		switch {
		case j == i:
			same += last
		case of[i] != 0 && of[i] == of[j]:
			same += last
			alike++
		default:
			other += last
		}
	}
	if others < companions {
		return 0, alike
	}
	return company(reached(companyEdges[:], same/(other+last))), alike
}

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
	cells := cellsOf(l.partition)
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
		var with company
		with, cand.Alike = votes(l.Candidates, of, i)
		cand.cell = cell{bandOf(cand.prior), with}
		if cand.cell.band == 0 {
			continue
		}
		shift := min(0, logit(m.likely(cand.cell, cells, at))-logit(cand.cell.expected()))
		if i == first {
			if share := m.proven(cand.cell, cells, cand.prior, at); share > cand.prior {
				shift = logit(share) - logit(cand.prior)
			}
		}
		cand.shift = withCell(cand.shift, shift)
		cand.Probability = shifted(cand.prior, cand.shift)
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
