package bench

import (
	"maps"
	"math"
	"slices"
)

// Wilson is the 95 % score interval of a share (Wilson, 1927): hits of n. It is 0 to 1 where n is 0.
func Wilson(hits, n float64) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	const z = normal
	p := hits / n
	centre := (p + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return math.Max(0, centre-half), math.Min(1, centre+half)
}

// cluster is what was drawn of one thing, such as a text that is asked again and again: its hits, and the wrong ones among them.
type cluster struct{ hits, wrong float64 }

// clusteredWilson is Wilson's interval of the share of wrong hits where the draws of one cluster are alike, so that they tell less
// than as many of their own would. They count as Kish's effective number of draws, or as fewer where the clusters themselves show
// a larger variance of the share (by linearisation).
func clusteredWilson(clusters map[string]cluster) (low, high float64) {
	var hits, wrong, square float64
	for _, c := range clusters {
		hits, wrong, square = hits+c.hits, wrong+c.wrong, square+c.hits*c.hits
	}
	if hits == 0 {
		return Wilson(0, 0)
	}
	share, n := wrong/hits, hits*hits/square
	var v float64
	for _, name := range slices.Sorted(maps.Keys(clusters)) { // in order, so that rounding is the same each time
		c := clusters[name]
		rest := c.wrong - share*c.hits
		v += rest * rest / (hits * hits)
	}
	if v > 0 {
		n = min(n, share*(1-share)/v)
	}
	return Wilson(share*n, n)
}
