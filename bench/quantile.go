package bench

import (
	"math"
	"slices"
	"time"
)

// Quantile returns the q-quantile of the sample by the nearest-rank rule, so
// that every figure printed is one that was measured. It sorts the sample in
// place; an empty one gives zero.
func Quantile(sample []time.Duration, q float64) time.Duration {
	if len(sample) == 0 {
		return 0
	}
	slices.Sort(sample)
	rank := int(math.Ceil(q*float64(len(sample)))) - 1
	return sample[min(max(rank, 0), len(sample)-1)]
}

// median returns the middle value, or the mean of the two middle ones; an empty
// sample gives NaN.
func median(sample []float64) float64 {
	if len(sample) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(sample))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}
