package bench

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// scored is a pair's score and label; the higher the score, the more alike.
type scored struct {
	score float64
	same  bool
}

// cutoff returns the lowest score above which at most the share of the traps lies:
// what is above it is accepted. Ties with a trap that must stay out stay out too.
func cutoff(pairs []scored, share float64) float64 {
	var traps []float64
	for _, p := range pairs {
		if !p.same {
			traps = append(traps, p.score)
		}
	}
	if len(traps) == 0 {
		return 0
	}
	slices.SortFunc(traps, func(a, b float64) int { return cmp.Compare(b, a) })
	return traps[min(int(share*float64(len(traps))), len(traps)-1)]
}

// accepted returns the share of the same-pairs above the cutoff that lets the
// given share of the traps through.
func accepted(pairs []scored, share float64) float64 {
	at := cutoff(pairs, share)
	var n, above int
	for _, p := range pairs {
		if p.same {
			n++
			if p.score > at {
				above++
			}
		}
	}
	if n == 0 {
		return 0
	}
	return float64(above) / float64(n)
}

// averagePrecision is the area under the curve of precision over recall, by the
// usual sum over the same-pairs in falling order of score.
func averagePrecision(pairs []scored) float64 {
	byScore := slices.Clone(pairs)
	slices.SortStableFunc(byScore, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	var hits int
	var sum float64
	for i, p := range byScore {
		if p.same {
			hits++
			sum += float64(hits) / float64(i+1)
		}
	}
	if hits == 0 {
		return 0
	}
	return sum / float64(hits)
}

// resamples is how many bootstrap samples an interval is made of.
const resamples = 1000

// interval is the 95 % percentile bootstrap of a statistic (Efron, 1979): pairs are
// drawn with replacement, and the cutoff is found anew in each sample, because it
// is a part of what chance moves.
func interval(pairs []scored, statistic func([]scored) float64) (low, high float64) {
	rng := rand.New(rand.NewPCG(1, 2)) // a fixed seed: the same data give the same interval
	values := make([]float64, resamples)
	sample := make([]scored, len(pairs))
	for i := range values {
		for j := range sample {
			sample[j] = pairs[rng.IntN(len(pairs))]
		}
		values[i] = statistic(sample)
	}
	slices.Sort(values)
	return values[resamples*25/1000], values[resamples*975/1000-1]
}
