package cache

import (
	"slices"

	"github.com/agnivade/levenshtein"
)

// The direction guard: "from A to B" is not "from B to A", and a question in which two
// things have changed places ("does A match B", "does B match A") is another question, unless they stood in a
// list ("A and B").

func directionGuard(a, b *analysed, dst []finding) []finding {
	token := orderDiffers(a, b)
	if token == "" {
		token = swapped(a, b)
	}
	if token == "" {
		return dst
	}
	return append(dst, finding{ReasonDirection, token, true})
}

// orderWords stand between two things whose places matter.
var orderWords = map[string]bool{"to": true, "into": true, "before": true, "after": true, "than": true, "over": true, "onto": true, "as": true}

// orderDiffers finds x and y of which one text says "x to y" and the other "y to x", a slip of the pen allowed.
func orderDiffers(a, b *analysed) string {
	pa, pb := orderPairs(a.words), orderPairs(b.words)
	for _, p := range pa {
		turned := ends{p[1], p[0]}
		if p[0] != p[1] && slices.ContainsFunc(pb, turned.alike) && !slices.ContainsFunc(pb, p.alike) {
			return p[0] + " / " + p[1]
		}
	}
	return ""
}

// ends are two words, by stems, that an order word keeps apart.
type ends [2]string

// alike reports whether the same two stand in the same places. Longer words may differ by a letter: whoever mistypes
// one end has not turned the question round.
func (e ends) alike(o ends) bool {
	for i := range e {
		if e[i] != o[i] && (len(e[i]) < 4 || len(o[i]) < 4 || levenshtein.ComputeDistance(e[i], o[i]) != 1) {
			return false
		}
	}
	return true
}

// orderPairs returns the pairs of words around each order word, with "to y from x" turned round.
func orderPairs(ws []word) (out []ends) {
	for i, w := range ws {
		if !orderWords[w.lower] {
			continue
		}
		right := content(ws, i, +1)
		for _, l := range content(ws, i, -1) {
			for _, r := range right {
				out = append(out, ends{l, r})
			}
		}
		for j := i + 2; j < min(i+5, len(ws)); j++ {
			if ws[j].lower != "from" {
				continue
			}
			for _, source := range content(ws, j, +1) {
				for _, r := range content(ws[:j], i, +1) {
					out = append(out, ends{source, r})
				}
			}
		}
	}
	return out
}

// little are words that name nothing by themselves.
var little = map[string]bool{
	"a": true, "an": true, "the": true, "my": true, "your": true, "our": true, "his": true, "her": true, "their": true,
	"of": true, "some": true, "any": true, "i": true, "it": true,
}

// content returns the stems of the two nearest words beside i that say something, within reach and up to the next
// "from".
func content(ws []word, i, step int) (out []string) {
	const reach = 6 // words
	for j := i + step; j >= 0 && j < len(ws) && len(out) < 2 && (j-i)*step <= reach; j += step {
		switch {
		case ws[j].lower == "from":
			return out
		case !little[ws[j].lower]:
			out = append(out, stem(ws[j].lower))
		}
	}
	return out
}

// listWords join things whose order does not matter.
var listWords = map[string]bool{"and": true, "or": true, "vs": true, "versus": true, "with": true}

// maxSwap is the longest name, in words, that is seen to have changed places.
const maxSwap = 4

// swapped finds texts of the form P X M Y S and P Y M X S.
func swapped(a, b *analysed) string {
	x, y := plain(a), plain(b)
	if len(x) != len(y) {
		return ""
	}
	for len(x) > 0 && x[0] == y[0] {
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && x[len(x)-1] == y[len(y)-1] {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	n := len(x)
	for l := 1; l <= maxSwap && l < n; l++ {
		for r := 1; r <= maxSwap && l+r < n; r++ {
			middle := x[l : n-r]
			if !slices.Equal(x[:l], y[n-l:]) || !slices.Equal(x[n-r:], y[:r]) || !slices.Equal(middle, y[r:n-l]) {
				continue
			}
			if slices.ContainsFunc(middle, func(w string) bool { return !listWords[w] }) {
				return x[0] + " / " + y[0]
			}
		}
	}
	return ""
}

// plain returns the stems of a text without articles.
func plain(a *analysed) []string {
	out := make([]string, 0, len(a.stems))
	for _, s := range a.stems {
		if s != "a" && s != "an" && s != "the" {
			out = append(out, s)
		}
	}
	return out
}
