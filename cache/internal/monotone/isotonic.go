package monotone

import (
	"cmp"
	"math/rand/v2"
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
	yes, n      float64
	first, last float64 // scores
}

// value is what Jeffreys' prior expects of the block: about its share of successes, but never certainty, since n successes in a
// row are worth 1 - 0.5/(n+1).
func (b *block) value() float64 { return (b.yes + 0.5) / (b.n + 1) }

// resamples is how many regressions a map is the mean of.
const resamples = 100

// Calibrate returns a map from score to probability: isotonic regressions of the labels on the scores, by pooling adjacent violators
// (Ayer et al., 1955; Zadrozny and Elkan, 2002, for calibration), with the mean of Jeffreys' posterior as the value of a block,
// averaged over bootstrap resamples (Breiman, Bagging Predictors, 1996), without which all scores of a block would be alike and a
// budget could not cut through it. A curve with a formula would be smoother still, and sure of itself exactly where it has seen
// nothing: at the top of the scale, which is where budgets cut.
//
// The same points give the same map. It is linear between its knots and flat beyond the ends.
func Calibrate(points []Point) []Knot {
	if len(points) == 0 {
		return nil
	}
	points = slices.Clone(points)
	slices.SortStableFunc(points, func(a, b Point) int { return cmp.Compare(a.Score, b.Score) })
	var knots []Knot
	const enough = 150
	for i := range enough { // at even steps of rank
		s := points[i*(len(points)-1)/(enough-1)].Score
		if n := len(knots); n == 0 || s > knots[n-1].Score {
			knots = append(knots, Knot{Score: s})
		}
	}
	rng := rand.New(rand.NewPCG(1, 1))
	sample := make([]Point, len(points))
	for range resamples {
		for i := range sample {
			sample[i] = points[rng.IntN(len(points))]
		}
		m := isotonic(sample)
		for i := range knots {
			knots[i].P += At(m, knots[i].Score) / resamples
		}
	}
	return knots
}

// isotonic is one regression, as a map that is flat within a block and linear between two.
func isotonic(points []Point) (knots []Knot) {
	slices.SortStableFunc(points, func(a, b Point) int { return cmp.Compare(a.Score, b.Score) })
	var blocks []block
	for i := 0; i < len(points); {
		b := block{first: points[i].Score, last: points[i].Score}
		for ; i < len(points) && points[i].Score == b.first; i++ { // equal scores cannot be told apart
			b.n++
			if points[i].Y {
				b.yes++
			}
		}
		for len(blocks) > 0 {
			below := blocks[len(blocks)-1]
			if below.yes*b.n < b.yes*below.n {
				break
			}
			b = block{yes: below.yes + b.yes, n: below.n + b.n, first: below.first, last: b.last}
			blocks = blocks[:len(blocks)-1]
		}
		blocks = append(blocks, b)
	}
	p := 0.0
	for _, b := range blocks {
		p = max(p, b.value()) // a small block's value may lie below that of a large one under it
		knots = append(knots, Knot{Score: b.first, P: p})
		if b.last > b.first {
			knots = append(knots, Knot{Score: b.last, P: p})
		}
	}
	return knots
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
