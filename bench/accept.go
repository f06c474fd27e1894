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
// usual sum over the same-pairs in falling order of score; of equal scores the traps
// come first, so that a judge gains nothing by not telling pairs apart.
func averagePrecision(pairs []scored) float64 {
	byScore := slices.Clone(pairs)
	slices.SortFunc(byScore, func(a, b scored) int {
		if c := cmp.Compare(b.score, a.score); c != 0 || a.same == b.same {
			return c
		}
		if a.same {
			return 1
		}
		return -1
	})
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

// interval is the 95 % percentile bootstrap of a statistic (Efron, 1979), by subject (Davison and Hinkley, 1997, 3.8): subjects are
// drawn with replacement, each with all of its pairs, and the cutoff is found anew in each sample, because it is a part of what
// chance moves. Samples without a same-pair or without a trap are drawn again; pairs has both.
func interval(pairs []scored, subjects []string, statistic func([]scored) float64) (low, high float64) {
	at := map[string]int{}
	var groups [][]scored // in the order of the pairs
	for i, subject := range subjects {
		g, known := at[subject]
		if !known {
			g = len(groups)
			at[subject] = g
			groups = append(groups, nil)
		}
		groups[g] = append(groups[g], pairs[i])
	}
	rng := rand.New(rand.NewPCG(1, 2)) // a fixed seed: the same data give the same interval
	values := make([]float64, 0, resamples)
	var sample []scored
	for len(values) < resamples {
		sample = sample[:0]
		for range groups {
			sample = append(sample, groups[rng.IntN(len(groups))]...)
		}
		isSame := func(p scored) bool { return p.same }
		isTrap := func(p scored) bool { return !p.same }
		if slices.ContainsFunc(sample, isSame) && slices.ContainsFunc(sample, isTrap) {
			values = append(values, statistic(sample))
		}
	}
	slices.Sort(values)
	return values[resamples*25/1000], values[resamples*975/1000-1]
}
