package cache

import (
	"slices"
	"strings"
)

// The direction guard: "from A to B" is not "from B to A", "to A" is not "from A", and a question in which two things have changed places
// ("does A match B", "does B match A") is another question, unless they stood in a list ("A and B").

func directionGuard(p *pair, dst []finding) []finding {
	token := turned(p.a, p.b)
	if token == "" {
		token = swapped(p.a, p.b)
	}
	if token == "" {
		token = reckoned(p.a, p.b)
	}
	if token == "" {
		token = thereOrBack(p.a, p.b)
	}
	if token == "" {
		return dst
	}
	return append(dst, finding{ReasonDirection, token, true})
}

// sense is what a word between two things says of their order.
type sense uint8

const (
	noSense sense = iota
	towards
	greater
)

func orderWord(lower string) sense {
	switch lower {
	case "to", "into", "onto", "->", "→":
		return towards
	case "than":
		return greater
	}
	return noSense
}

// ends are the words of two things, by their places in the text, and the sense in which the first comes before the
// second.
type ends struct {
	from, to int
	sense    sense
}

// turned finds x and y of which one text says "x to y" and the other "y to x", a slip of the pen allowed.
func turned(a, b *analysed) string {
	var roomA, roomB [16]ends
	pa := a.ends(roomA[:0])
	if len(pa) == 0 {
		return ""
	}
	pb := b.ends(roomB[:0])
	// match says whether two pairs of ends are of the same two things, in the same order or turned round.
	match := func(x, y *ends, back bool) bool {
		from, to := y.from, y.to
		if back {
			from, to = to, from
		}
		return x.sense == y.sense && oneThing(a, x.from, b, from) && oneThing(a, x.to, b, to)
	}
	for i := range pa {
		for j := range pb {
			if x, y := &pa[i], &pb[j]; match(x, y, true) && !slices.ContainsFunc(pb, func(o ends) bool { return match(x, &o, false) }) &&
				!slices.ContainsFunc(pa, func(o ends) bool { return match(&o, y, false) }) {
				return a.words[x.from].lower + " / " + a.words[x.to].lower
			}
		}
	}
	return ""
}

// oneThing reports whether two words name one thing. Longer words may differ by a letter: whoever mistypes one end has
// not turned the question round.
func oneThing(a *analysed, i int, b *analysed, j int) bool {
	x, y := &a.words[i], &b.words[j]
	if x.stem == y.stem || x.group != 0 && x.group == y.group {
		return true
	}
	return len(x.stem) >= 4 && len(y.stem) >= 4 && nearly(x.stem, y.stem)
}

// maxEnds bounds the pairs of ends that are compared each with each.
const maxEnds = 64

// ends appends the pairs of things around each order word: "A to B", "from A … to B", "to B from A". A "from" without a
// "to" says little: worms from dogs, dogs without worms.
func (a *analysed) ends(dst []ends) []ends {
	for i := range a.words {
		s := orderWord(a.words[i].lower)
		if s == noSense || len(dst) >= maxEnds {
			continue
		}
		var roomL, roomR [2]int
		right := a.beside(i, +1, roomR[:0])
		left := a.beside(i, -1, roomL[:0])
		if j := a.fromNear(i); s == towards && j >= 0 {
			left = a.beside(j, +1, roomL[:0])
		}
		for _, l := range left {
			for _, r := range right {
				dst = append(dst, ends{l, r, s})
			}
		}
	}
	return dst
}

// fromNear returns where a "from" stands that goes with the "to" at i; -1: there is none.
func (a *analysed) fromNear(i int) int {
	const reach = 7 // words
	for d := 1; d <= reach; d++ {
		for _, j := range [2]int{i - d, i + d} {
			if j >= 0 && j < len(a.words) && a.words[j].lower == "from" {
				return j
			}
		}
	}
	return -1
}

// beside returns the two nearest content words on one side of a word, within reach and up to the next word of order.
func (a *analysed) beside(i, step int, dst []int) []int {
	const reach = 5 // words
	for j := i + step; j >= 0 && j < len(a.words) && len(dst) < 2 && (j-i)*step <= reach; j += step {
		w := &a.words[j]
		if w.lower == "from" || orderWord(w.lower) == towards {
			break
		}
		if w.content || hasDigit(w.raw) {
			dst = append(dst, j)
		}
	}
	return dst
}

// listWords join things whose order does not matter.
var listWords = map[string]bool{
	"and": true, "or": true, "vs": true, "versus": true, "with": true,
}

// mutual are the stems of words that say what two things are to each other, wherever in the text they stand.
var mutual = [...]string{stem("differ"), stem("different"), stem("similar"), stem("same"), stem("between"), stem("compare"), stem("far"), stem("distance")}

// maxSwap is the longest name, in words, that is seen to have changed places.
const maxSwap = 4

// swapped finds texts of the form P X M Y S and P Y M X S, where M is not just a word that lists.
func swapped(a, b *analysed) string {
	if d := len(a.words) - len(b.words); d > 2 || d < -2 { // articles apart, the two are as long
		return ""
	}
	for _, m := range mutual {
		if a.has(m) {
			return ""
		}
	}
	var roomX, roomY [48]int
	x, y := a.plain(roomX[:0]), b.plain(roomY[:0])
	equal := func(i, j int) bool { return a.words[i].stem == b.words[j].stem }
	for len(x) > 0 && len(y) > 0 && equal(x[0], y[0]) {
		x, y = x[1:], y[1:]
	}
	for len(x) > 0 && len(y) > 0 && equal(x[len(x)-1], y[len(y)-1]) {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	n := len(x)
	if n != len(y) {
		return ""
	}
	for l := 1; l <= maxSwap && l < n; l++ {
		for r := 1; r <= maxSwap && l+r < n; r++ {
			middle := x[l : n-r]
			if !slices.EqualFunc(x[:l], y[n-l:], equal) || !slices.EqualFunc(x[n-r:], y[:r], equal) || !slices.EqualFunc(middle, y[r:n-l], equal) {
				continue
			}
			if a.swaps(x[0], middle) && b.swaps(y[0], y[r:n-l]) && !slices.ContainsFunc(middle, func(i int) bool { return listWords[a.words[i].lower] }) {
				return a.words[x[0]].lower + " / " + b.words[y[0]].lower
			}
		}
	}
	return ""
}

// swaps reports whether the thing that begins at word i may change places with another: what a text is about, or a number, but where the
// order of numbers does not matter.
func (a *analysed) swaps(i int, middle []int) bool {
	w := &a.words[i]
	if w.content {
		return true
	}
	if !hasDigit(w.raw) && small[w.lower] == 0 && tens[w.lower] == 0 || a.has(stem("multiply")) || a.has(stem("sum")) || a.has(stem("product")) || a.has(stem("add")) {
		return false
	}
	return !slices.ContainsFunc(middle, func(i int) bool {
		switch a.words[i].lower {
		case "plus", "times", "x":
			return true
		case "by":
			return !a.has(stem("divide"))
		}
		return false
	})
}

// reckoned finds two operands that have changed places around a sign that minds their order: 10 - 3, 3 - 10; 2^3, 3^2.
func reckoned(a, b *analysed) string {
	if len(a.words) != len(b.words) || len(a.signs) == 0 || len(b.signs) == 0 {
		return ""
	}
	for i := 1; i < len(a.words); i++ {
		v, w, x, y := &a.words[i-1], &a.words[i], &b.words[i-1], &b.words[i]
		switch {
		case v.lower == x.lower:
		case v.lower == y.lower && w.lower == x.lower && a.operand(i-1) && a.operand(i):
			if s, o := strings.TrimSpace(a.gap(i)), strings.TrimSpace(b.gap(i)); s == o && s != "" && strings.Trim(s, "-−–/÷^%<>") == "" {
				return v.lower + " / " + w.lower
			}
			return ""
		default:
			return ""
		}
	}
	return ""
}

// thereOrBack finds texts that differ in one word, articles apart, which leads to something in one and away from it in the other. Where more
// differs, "to" is a part of a verb more often than not.
func thereOrBack(a, b *analysed) string {
	var roomX, roomY [48]int
	x, y := a.plain(roomX[:0]), b.plain(roomY[:0])
	if len(x) != len(y) {
		return ""
	}
	token := ""
	for i := range x {
		v, w := &a.words[x[i]], &b.words[y[i]]
		switch {
		case v.stem == w.stem:
		case token == "" && (orderWord(v.lower) == towards && w.lower == "from" || v.lower == "from" && orderWord(w.lower) == towards):
			token = v.lower + " / " + w.lower
		default:
			return ""
		}
	}
	return token
}

// plain appends the words of a text but for articles.
func (a *analysed) plain(dst []int) []int {
	for i := range a.words {
		switch a.words[i].lower {
		case "a", "an", "the":
		default:
			dst = append(dst, i)
		}
	}
	return dst
}
