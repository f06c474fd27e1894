package monotone

import (
	"cmp"
	"math"
	"slices"
)

// Point is one scored, labelled example.
type Point struct {
	Score float64
	Y     bool
}

// Knot is a place of a piecewise linear map from scores to probabilities.
type Knot struct {
	Score float64 `json:"score"`
	P     float64 `json:"p"`
}

// block is a run of neighbouring scores that share a value.
type block struct {
	sum, n float64
	first  int // index of its first group
}

// Calibrate returns a map from score to probability.
//
// At every score an inductive Venn-Abers predictor (Vovk and Petej, 2014) gives two probabilities: those of the isotonic
// regression of the points and one more of that score, taken to be a failure, and taken to be a success. Where points are
// many the two are all but one. At the top of the scale they are not: after n successes in a row they are n/(n+1) and 1. The
// map takes their mean, which there is what Jeffreys' prior expects, 1 - 0.5/(n+1): n successes never make certainty.
//
// The map is linear between its knots and flat beyond them.
func Calibrate(points []Point) []Knot {
	points = slices.Clone(points)
	slices.SortStableFunc(points, func(a, b Point) int { return cmp.Compare(a.Score, b.Score) })
	// Equal scores are one group: no regression can tell them apart.
	var groups []group
	for _, p := range points {
		if n := len(groups); n == 0 || groups[n-1].score != p.Score {
			groups = append(groups, group{score: p.Score})
		}
		g := &groups[len(groups)-1]
		g.n++
		if p.Y {
			g.sum++
		}
	}
	if len(groups) == 0 {
		return nil
	}
	// The regression is not asked at every score, but at enough of them; all of the top, where budgets cut.
	const enough, top = 120, 60
	stride := max(1, len(groups)/enough)
	var knots []Knot
	last := 0.0
	for i, g := range groups {
		if i%stride != 0 && i < len(groups)-top {
			continue
		}
		p := (venn(groups, i, 0) + venn(groups, i, 1)) / 2
		last = math.Max(last, p)
		knots = append(knots, Knot{Score: g.score, P: last})
	}
	return knots
}

type group struct{ score, sum, n float64 }

// venn is the isotonic value at group i with one more point there, of the given label.
func venn(groups []group, i int, label float64) float64 {
	var blocks []block
	for j, g := range groups {
		b := block{sum: g.sum, n: g.n, first: j}
		if j == i {
			b.sum += label
			b.n++
		}
		for len(blocks) > 0 {
			last := blocks[len(blocks)-1]
			if last.sum*b.n < b.sum*last.n {
				break
			}
			b = block{sum: last.sum + b.sum, n: last.n + b.n, first: last.first}
			blocks = blocks[:len(blocks)-1]
		}
		blocks = append(blocks, b)
	}
	at, _ := slices.BinarySearchFunc(blocks, i, func(b block, i int) int {
		if b.first <= i {
			return -1
		}
		return 1
	})
	return blocks[at-1].sum / blocks[at-1].n
}

// At reads a map. Between two knots it is linear, beyond the ends it is flat.
func At(knots []Knot, score float64) float64 {
	at, _ := slices.BinarySearchFunc(knots, score, func(k Knot, s float64) int { return cmp.Compare(k.Score, s) })
	switch {
	case len(knots) == 0:
		return 0
	case at == 0:
		return knots[0].P
	case at == len(knots):
		return knots[at-1].P
	}
	a, b := knots[at-1], knots[at]
	return a.P + (b.P-a.P)*(score-a.Score)/(b.Score-a.Score)
}
