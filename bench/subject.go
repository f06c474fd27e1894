package bench

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// subjects returns what each pair is about: its domain, or where it names none, the questions that hang together with its own, from
// pair to pair. Pairs of one subject are right and wrong together more often than others are, so that intervals are taken over
// subjects and not over pairs. A subject that has all the pairs says nothing of others; each pair is then its own.
func subjects(pairs []Pair) []string {
	parent := map[string]string{} // of a question, another one of its subject; a root has none
	root := func(question string) string {
		for parent[question] != "" {
			if above := parent[parent[question]]; above != "" {
				parent[question] = above // the way is shorter the next time
			}
			question = parent[question]
		}
		return question
	}
	for _, p := range pairs {
		if p.Domain == "" {
			if a, b := root(strings.ToLower(p.A)), root(strings.ToLower(p.B)); a != b {
				parent[a] = b
			}
		}
	}
	of, all := make([]string, len(pairs)), map[string]bool{}
	for i, p := range pairs {
		of[i] = "domain " + p.Domain
		if p.Domain == "" {
			of[i] = "question " + root(strings.ToLower(p.A))
		}
		all[of[i]] = true
	}
	if len(all) == 1 {
		for i := range of {
			of[i] = "pair " + strconv.Itoa(i)
		}
	}
	return of
}

// distinctCount is how many different ones there are.
func distinctCount(names []string) int {
	seen := map[string]bool{}
	for _, n := range names {
		seen[n] = true
	}
	return len(seen)
}

// tally is what was served of each subject.
type tally map[string]cluster

func (t tally) add(subject string, wrong bool) {
	c := t[subject]
	c.hits++
	if wrong {
		c.wrong++
	}
	t[subject] = c
}

// interval is Wilson's interval of the share of wrong hits where those of one subject are alike to some degree. They count as so many
// independent ones as have the variance that the subjects show (by linearisation), and no more than there are; and for fewer by as
// much as Student's t of the number of subjects is wider than the normal quantile (Korn and Graubard, 1998). Unlike in
// [clusteredWilson], hits of one subject are different questions, so that Kish's number would be far too small.
func (t tally) interval() (low, high float64) {
	var hits, wrong float64
	for _, c := range t {
		hits, wrong = hits+c.hits, wrong+c.wrong
	}
	if hits == 0 || len(t) < 2 {
		return Wilson(wrong, hits)
	}
	share, n := wrong/hits, hits
	var v float64
	for _, subject := range slices.Sorted(maps.Keys(t)) { // in order, so that rounding is the same each time
		rest := t[subject].wrong - share*t[subject].hits
		v += rest * rest / (hits * hits)
	}
	subjects := float64(len(t))
	if v *= subjects / (subjects - 1); v > 0 {
		n = min(n, share*(1-share)/v)
	}
	n *= math.Pow(normal/student(len(t)-1), 2)
	return Wilson(share*n, n)
}
