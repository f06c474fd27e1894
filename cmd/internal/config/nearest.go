package config

import (
	"strings"

	"github.com/agnivade/levenshtein"
)

// nearest finds the candidate that was most likely meant, or "" if none is near. A key written without its section
// ("threshold") counts as near the one that ends like it, at the price of one edit. Where the section is right, only what follows it is
// compared: "cache.foo" is not near "cache.mode".
func nearest(written string, candidates []string, sep string) string {
	lower := strings.ToLower(written)
	best, bestCost := "", max(2, len(written)/3)+1
	section := lower[:strings.LastIndex(lower, sep)+1]
	for _, c := range candidates {
		lc := strings.ToLower(c)
		cost := levenshtein.ComputeDistance(lower, lc)
		if rest, same := strings.CutPrefix(lc, section); same && section != "" {
			written := lower[len(section):]
			if cost > max(2, min(len(written), len(rest))/3) || cost >= max(len(written), len(rest)) {
				continue
			}
		}
		if !strings.Contains(lower, sep) {
			if i := strings.LastIndex(lc, sep); i >= 0 {
				cost = min(cost, 1+levenshtein.ComputeDistance(lower, lc[i+len(sep):]))
			}
		}
		if cost < bestCost {
			best, bestCost = c, cost
		}
	}
	return best
}

// nearestKey suggests a path for an unknown one. Fields with a name before them are compared under the one that was written.
func nearestKey(path string) string {
	n, isNamed := splitNamed(path)
	candidates := make([]string, 0, len(keys))
	for _, k := range keys {
		c := k.Path
		if isNamed && n.valid() && strings.HasPrefix(c, n.section+".") {
			c = strings.Replace(c, anyName, n.name, 1)
		}
		candidates = append(candidates, c)
	}
	return nearest(path, candidates, ".")
}
