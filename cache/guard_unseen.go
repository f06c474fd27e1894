package cache

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What the models cannot see, the identifier guard's last degree: they know neither case nor white space. Where two texts have
// the same words it is conclusive if one writes as a name what the other writes as a little word (what does IT do, what does it
// do), if case tells apart two units or what a mark stands before (%d, %D), or if they indent the same lines otherwise. Flags and
// the units of numbers are with the signs and numbers.

func unseenFindings(p *pair, dst []finding) []finding {
	if len(p.a.words) == 0 || !slices.EqualFunc(p.a.words, p.b.words, func(x, y word) bool { return x.lower == y.lower }) {
		return dst
	}
	minded := p.a.mindsCase() && p.b.mindsCase()
	for i := range p.a.words {
		x, y := &p.a.words[i], &p.b.words[i]
		if x.raw == y.raw {
			continue
		}
		apart := !sameUnitCase(unitCase(x.raw), unitCase(y.raw)) || // how many Mb are a Gb
			p.a.markedLetter(i) && p.b.markedLetter(i)
		if minded && allCapitals(x.raw) != allCapitals(y.raw) {
			named := capitalNames[x.lower] && !(i > 0 && p.a.words[i-1].lower == "the") // the us is no pronoun
			apart = apart || named || p.a.counted(i)
		}
		if apart {
			return append(dst, finding{ReasonIdentifier, x.raw, true})
		}
	}
	if token := indentedOtherwise(p.a.text, p.b.text); token != "" {
		return append(dst, finding{ReasonIdentifier, token, true})
	}
	return dst
}

// capitalNames are little words that name something in capitals.
var capitalNames = map[string]bool{"it": true, "us": true, "who": true}

// markedLetter reports a single letter right after a mark that begins with it: %d, :q, $x; not R&D, AT&T.
func (a *analysed) markedLetter(i int) bool {
	w := &a.words[i]
	before := strings.TrimRight(a.text[:w.at], "%:$@#/")
	prev, _ := utf8.DecodeLastRuneInString(before)
	return len(before) < w.at && !isAlnum(prev) && utf8.RuneCountInString(w.raw) == 1
}

// counted reports an m after a number: 5 M, molar; 5 m. Before what is counted it is a million in any case: 5m users.
func (a *analysed) counted(i int) bool {
	digits := strings.TrimSuffix(a.words[i].lower, "m")
	if digits == a.words[i].lower || !(isOperand(digits) || digits == "" && a.operand(i-1)) {
		return false
	}
	if i+1 == len(a.words) {
		return true
	}
	next := &a.words[i+1]
	return !(next.lower == "people" || next.content && strings.HasSuffix(next.lower, "s") && !strings.HasSuffix(next.lower, "ss"))
}

// mindsCase reports whether whoever wrote the text minds case: it begins with a capital, and there are words without one.
func (a *analysed) mindsCase() bool {
	lower := func(w word) bool { return w.raw == w.lower && len(w.raw) > 1 && !hasDigit(w.raw) }
	i := slices.IndexFunc(a.words, func(w word) bool { return !hasDigit(w.raw) })
	return i >= 0 && !lower(a.words[i]) && allCapitals(a.words[i].raw[:1]) && slices.ContainsFunc(a.words, lower)
}

// indentedOtherwise returns the first line of a that is indented otherwise than the same line of b, if the two have as many.
func indentedOtherwise(a, b string) string {
	if !strings.Contains(a, "\n") || !strings.Contains(b, "\n") {
		return ""
	}
	x, y := strings.Split(strings.TrimSpace(a), "\n"), strings.Split(strings.TrimSpace(b), "\n")
	if len(x) != len(y) {
		return ""
	}
	for i := 1; i < len(x); i++ {
		v, w := strings.TrimSpace(x[i]), strings.TrimSpace(y[i])
		if v != "" && w != "" && indent(x[i]) != indent(y[i]) {
			return v
		}
	}
	return ""
}

func indent(line string) string {
	return line[:len(line)-len(strings.TrimLeftFunc(line, unicode.IsSpace))]
}
