package cache

import (
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"

	"github.com/reprise-cache/reprise/cache/internal/monotone"
)

// evidence is what is known of a candidate when it is judged, in the form in which the decision takes it.
type evidence struct {
	similarity float64
	behind     float64 // how much nearer than this one the nearest candidate is; 0: this is it
	verifier   float64 // the verifier's probability
	verified   bool    // it was asked
	words      difference
	reading    string // what the verifier is given of the stored text; "": all of it
	found      []finding
}

// feature is one column of the decision. A sign says to which side of zero its weight is kept: +1, it may only raise the
// probability; -1, it may only lower it; 0, either.
type feature struct {
	name string
	sign int8
}

// The columns. Similarity and verifier are given as ramps: column i of a scale climbs from 0 to 1 between two neighbouring
// marks, so that weights that are not negative make any rising, piecewise linear curve, and only such.
var (
	similarityMarks = []float64{0.4, 0.8, 0.95, 1}
	verifierMarks   = []float64{-6, 0, 8} // log-odds; the curve above is the calibration's
	// doubtful are the guards whose findings have columns of their own; the findings of others share one.
	doubtful = []Reason{ReasonNumber, ReasonNegation, ReasonIdentifier}
)

// features lists the columns in the order in which fill writes them.
var features = func() (out []feature) {
	for _, scale := range []struct {
		name  string
		marks []float64
	}{{"similarity", similarityMarks}, {"verifier", verifierMarks}} {
		for i := range scale.marks[1:] {
			out = append(out, feature{name: scale.name + " to " + short(scale.marks[i+1]), sign: 1})
		}
	}
	for _, n := range differenceSteps {
		out = append(out, feature{"content words apart, " + short(n) + " or more", -1})
	}
	out = append(out,
		feature{"content words apart on both sides", -1},
		feature{"function words apart, 1 or more", -1},
		feature{"function words apart, 3 or more", -1},
		feature{"shared words in another order", -1},
		feature{"question words differ", -1},
		feature{"symbols differ", -1},
		feature{"share of words in common", 1},
		feature{"two content words or fewer", 0},
		feature{"log of the words", 0},
		feature{"log of the ratio of the words", -1},
		feature{behindName, -1},
	)
	for _, kind := range []string{"doubt", "veto"} {
		for _, g := range doubtful {
			out = append(out, feature{kind + " " + string(g), -1})
		}
		out = append(out, feature{kind + " other", -1})
	}
	return out
}()

// behindColumn is the column of evidence.behind.
var behindColumn = slices.IndexFunc(features, func(f feature) bool { return f.name == behindName })

const behindName = "similarity behind the nearest"

var differenceSteps = []float64{1, 2, 3, 5}

// fill writes the columns of the evidence, in the order of features.
func (e *evidence) fill(x []float64) {
	at := 0
	put := func(v float64) { x[at] = v; at++ }
	flag := func(b bool) {
		if b {
			put(1)
		} else {
			put(0)
		}
	}
	ramps := func(marks []float64, v float64) {
		for i := range marks[1:] {
			put(math.Max(0, math.Min(1, (v-marks[i])/(marks[i+1]-marks[i]))))
		}
	}
	ramps(similarityMarks, e.similarity)
	ramps(verifierMarks, logOdds(e.verifier))
	w := &e.words
	apart := w.content[0] + w.content[1]
	for _, n := range differenceSteps {
		flag(float64(apart) >= n)
	}
	flag(w.content[0] > 0 && w.content[1] > 0)
	flag(w.function >= 1)
	flag(w.function >= 3)
	flag(w.turned)
	flag(w.question)
	flag(w.symbols)
	put(w.common())
	flag(w.least <= 2)
	put(math.Log(float64(1 + w.words[0] + w.words[1])))
	put(math.Abs(math.Log(float64(1+w.words[0]) / float64(1+w.words[1]))))
	put(math.Max(0, e.behind))
	for _, veto := range []bool{false, true} {
		start, other := at, false
		at += len(doubtful)
		clear(x[start:at])
		for i := range e.found {
			if e.found[i].veto != veto {
				continue
			}
			own := false
			for g, reason := range doubtful {
				if e.found[i].reason == reason {
					x[start+g], own = 1, true
				}
			}
			other = other || !own
		}
		flag(other)
	}
}

// logOdds is the log-odds of a probability, within the verifier's scale. NaN is as bad as it gets.
func logOdds(p float64) float64 {
	lowest, highest := verifierMarks[0], verifierMarks[len(verifierMarks)-1]
	if !(p > 0) {
		return lowest
	}
	if p >= 1 {
		return highest
	}
	return math.Max(lowest, math.Min(highest, monotone.Logit(p)))
}

// difference is how the words of two texts compare, by their stems. Words that a slip of the pen keeps apart count as one.
type difference struct {
	content  [2]int // content words that only this side has
	function int    // function words that only one side has, both sides together
	shared   int    // words that both have
	words    [2]int // words of each side, repeats included
	least    int    // content words of the side that has fewer
	turned   bool   // the shared content words do not come in one order
	question bool   // the two begin with different question words
	symbols  bool   // signs that are no punctuation differ: C, C++
	twin     bool   // nothing differs that could change the answer
}

// common is the Jaccard index of the words.
func (d *difference) common() float64 {
	all := d.shared + d.content[0] + d.content[1] + d.function
	if all == 0 {
		return 1
	}
	return float64(d.shared) / float64(all)
}

// maxSlips bounds how many words are compared letter by letter.
const maxSlips = 8

// differ compares two texts.
func differ(a, b *analysed) (d difference) {
	d.words = [2]int{len(a.words), len(b.words)}
	var odd [2][maxSlips]string
	content := [2]int{}
	last := -1
	for side, pair := range [2][2]*analysed{{a, b}, {b, a}} {
		own, other := pair[0], pair[1]
		for i := range own.words {
			w := &own.words[i]
			if own.first(w.stem) != i {
				continue
			}
			if w.content {
				content[side]++
			}
			if other.shares(w) {
				if side == 0 {
					d.shared++
					if at := other.first(w.stem); w.content && at >= 0 {
						d.turned = d.turned || at < last
						last = at
					}
				}
				continue
			}
			if !w.content {
				d.function++
				continue
			}
			if d.content[side] < maxSlips {
				odd[side][d.content[side]] = w.stem
			}
			d.content[side]++
		}
	}
	d.least = min(content[0], content[1])
	d.forgive(&odd)
	qa, qb := questionWord(a), questionWord(b)
	d.question = qa != "" && qb != "" && qa != qb
	d.symbols = !sameSymbols(a.text, b.text)
	d.twin = twins(a, b)
	return d
}

// sameSymbols compares what is left of two texts without letters, digits, white space and the punctuation of sentences.
func sameSymbols(a, b string) bool {
	for {
		var x, y rune
		x, a = nextSymbol(a)
		y, b = nextSymbol(b)
		if x != y {
			return false
		}
		if x == 0 {
			return true
		}
	}
}

// nextSymbol returns the first symbol of a text and the rest of it; 0: there is none.
func nextSymbol(s string) (rune, string) {
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		s = s[n:]
		if !isAlnum(r) && !unicode.IsSpace(r) && !strings.ContainsRune(`.,;:!?'"`+"’‘“”-–—…", r) {
			return r, s
		}
	}
	return 0, ""
}

// forgive pairs the odd words of two sides that are one slip of the pen apart. Short words are not forgiven: cat, car.
func (d *difference) forgive(odd *[2][maxSlips]string) {
	if d.content[0] > maxSlips || d.content[1] > maxSlips {
		return
	}
	for i := range d.content[0] {
		for j, w := range odd[1] {
			if v := odd[0][i]; len(v) >= 5 && len(w) >= 5 && levenshtein.ComputeDistance(v, w) == 1 {
				odd[1][j] = ""
				d.content[0]--
				d.content[1]--
				d.shared++
				break
			}
		}
	}
}

func questionWord(a *analysed) string {
	for i := range a.words[:min(4, len(a.words))] {
		switch w := a.words[i].lower; w {
		case "how", "what", "why", "when", "where", "who", "which", "can", "is", "are", "do", "does", "should":
			return w
		case "what's":
			return "what"
		case "how's":
			return "how"
		}
	}
	return ""
}
