package cache

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names, the identifier guard's third degree: product codes, acronyms and words with a capital in mid-sentence may be
// written in either case and form, but one that the other text has not at all is a difference. It is conclusive where
// both texts have one that the other lacks and are otherwise close, or where the two are codes of one form.

const (
	nameClose, nameWording = 0.6, 0.8
	codeClose              = 0.3
)

func nameFindings(p *pair, dst []finding) []finding {
	for _, v := range [2][2]*analysed{{p.a, p.b}, {p.b, p.a}} {
		if i, j := v[0].onlyLooksLike(v[1]); i >= 0 && p.closeness(v[0].apart(v[1], i, i).and(v[1].apart(v[0], j, j))) >= nameClose {
			return append(dst, finding{ReasonIdentifier, v[0].words[i].raw, true})
		}
	}
	var roomA, roomB [4]int
	a, b := missing(p.a, p.b, roomA[:0]), missing(p.b, p.a, roomB[:0])
	if len(a) == 0 && len(b) == 0 {
		return dst
	}
	for _, i := range a {
		for _, j := range b {
			x, y := &p.a.words[i], &p.b.words[j]
			l := p.a.apart(p.b, i, p.a.end(i)).and(p.b.apart(p.a, j, p.b.end(j)))
			close := p.closeness(l)
			if close >= nameClose && p.wording(l) >= nameWording || close >= codeClose && hasDigit(x.raw) && form(x.lower) == form(y.lower) {
				return append(dst, finding{ReasonIdentifier, x.raw, true})
			}
		}
	}
	if len(a) > 0 {
		return append(dst, finding{ReasonIdentifier, p.a.words[a[0]].raw, false})
	}
	return append(dst, finding{ReasonIdentifier, p.b.words[b[0]].raw, false})
}

// onlyLooksLike returns a word that would name what a word of the other text names, were it not for its case, and that word, if whoever
// wrote it minds case; -1: there is none. Acronyms are typed in small letters even by who minds case: what is ai.
func (a *analysed) onlyLooksLike(b *analysed) (i, j int) {
	for _, u := range a.unlike {
		w := &a.words[u.word]
		if slices.Contains(b.groups, u.group) && !slices.Contains(a.groups, u.group) && !b.has(w.stem) && (isUnitSymbol(w.raw) || u.name && w.content && !w.start && a.mindsCase()) {
			return u.word, slices.IndexFunc(b.words, func(w word) bool { return w.group == u.group })
		}
	}
	return -1, -1
}

// end returns where the phrase of equivalent forms ends that word i is in; i, if it is in none.
func (a *analysed) end(i int) int {
	for w := &a.words[i]; w.phrase && i+1 < len(a.words) && a.words[i+1].group == w.group; {
		i++
	}
	return i
}

// form is a code with each letter and digit made alike: XJ-200 and XK-300 are of one form.
func form(code string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsDigit(r):
			return '0'
		case unicode.IsLetter(r):
			return 'a'
		}
		return r
	}, code)
}

// plainCapitals are words that English writes with a capital, or in capitals, without naming anything.
var plainCapitals = map[string]bool{
	"i": true, "i'm": true, "i'd": true, "i've": true, "i'll": true, "ok": true, "faq": true, "asap": true, "pls": true,
	"please": true, "thanks": true, "hi": true, "hello": true, "hey": true, "thank": true, "cheers": true, "id": true,
	"btw": true, "fyi": true, "imo": true, "aka": true, "eg": true, "tv": true, "am": true, "pm": true, "a": true,
	"mum": true, "dad": true, "mom": true, "grandma": true, "grandad": true, "mr": true, "mrs": true, "ms": true, "dr": true,
	"pc": true,
}

// maxMissing bounds the names that are compared each with each.
const maxMissing = 4

// missing appends the names of a text that the other does not have in any case or form.
func missing(from, in *analysed, dst []int) []int {
	capitals := 0
	for i := range from.words {
		if c := from.words[i].raw[0]; c >= 'A' && c <= 'Z' {
			capitals++
		}
	}
	title := len(from.words) > 3 && capitals*10 > len(from.words)*6 // says nothing by its capitals
	for i := range from.words {
		if len(dst) == maxMissing {
			break
		}
		if from.isName(i, title) && !in.knows(from, i) {
			dst = append(dst, i)
		}
	}
	return dst
}

// isName reports a word that names something: with a capital where the sentence asks for none, or of letters and
// digits mixed.
func (a *analysed) isName(i int, title bool) bool {
	w := &a.words[i]
	r := rune(w.raw[0])
	if r >= utf8.RuneSelf {
		r, _ = utf8.DecodeRuneInString(w.raw)
	}
	upper, digit := unicode.IsUpper(r), hasDigit(w.raw)
	inner := !upper && len(w.raw) > 2 && w.raw[1] >= 'A' && w.raw[1] <= 'Z' // iPhone, eBay
	if !upper && !digit && !inner {
		return false
	}
	base, _, _ := strings.Cut(w.lower, "'")
	switch {
	case plainCapitals[w.lower], plainCapitals[base], len(w.raw) == 1 && !digit:
		return false
	case littleWords[w.lower] && (w.group == 0 || !isAcronym(w.raw)):
		return false
	case digit:
		return strings.ContainsFunc(w.raw, unicode.IsLetter) && w.content
	case !w.content && w.group == 0: // of a number or a moment
		return false
	}
	return !title && (!w.start || isAcronym(w.raw) || inner)
}

// knows reports whether the text has the name in some form: inflected, joined or split, as the initials of a phrase or
// the phrase of which it has the initials, as an equivalent, or but for a letter.
func (a *analysed) knows(from *analysed, i int) bool {
	w := &from.words[i]
	if a.shares(w) {
		return true
	}
	if w.phrase {
		return false
	}
	name := squeeze(strings.TrimSuffix(w.lower, "'s"))
	for j := range a.words {
		if other(a.words[j].lower, name) {
			continue
		}
		if squeezed := strings.TrimSuffix(a.words[j].lower, "'s"); squeezed == name || squeeze(squeezed) == name || sameOrigin(name, squeezed) {
			return true
		}
	}
	if len(name) >= 4 && a.holds(name) { // e-mail, email; Wi-Fi, wifi
		return true
	}
	return isAcronym(w.raw) && a.spells(name) || spelledOut(from, i, a) || a.holdsMisspelt(name) || a.joins(from, i)
}

// other reports whether a word is another than the name at first sight: all that knows looks for begins like it does.
func other(lower, name string) bool {
	return name != "" && isLetterOrDigitByte(lower[0]) && lower[0] != name[0]
}

func isLetterOrDigitByte(c byte) bool { return 'a' <= c && c <= 'z' || isDigitByte(c) }

// isLetterByte reports an ASCII letter in either case.
func isLetterByte(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// sameOrigin reports whether one word may be the adjective of the other: Canada, Canadian; China, Chinese; Iraq, Iraqi. That one
// begins the other says nothing: Java, JavaScript; Niger, Nigeria; but see shortNames.
func sameOrigin(x, y string) bool {
	if len(x) > len(y) {
		x, y = y, x
	}
	if long := shortNames[x]; long != "" {
		return y == long
	}
	if len(x) < 4 || x[:4] != y[:4] || hasDigit(x) || hasDigit(y) {
		return false
	}
	if rest, ok := strings.CutPrefix(y, x); ok {
		rest = strings.TrimSuffix(rest, "s")
		return adjectival[rest] || rest == "y" && strings.HasSuffix(x, "man") // German, Germany
	}
	if len(x) < 5 {
		return false
	}
	place, ending := origin(x)
	other, otherEnding := origin(y)
	return place == other && (adjectival[ending] || adjectival[otherEnding])
}

// shortNames are names that may be short for another. Whether they are is left to the verifier.
var shortNames = map[string]string{"mac": "macbook", "insta": "instagram", "elastic": "elasticsearch", "kube": "kubernetes"}

// adjectival are the endings that make a place's name an adjective, or the name of those who live there.
var adjectival = map[string]bool{"n": true, "an": true, "ian": true, "ean": true, "ese": true, "ish": true, "ic": true, "i": true}

// origin cuts the ending off a name.
func origin(s string) (base, ending string) {
	s = strings.TrimSuffix(s, "s")
	for _, end := range [...]string{"ian", "ean", "ese", "ish", "an", "ia", "ic", "a", "o", "y", "e", "i"} {
		if base, ok := strings.CutSuffix(s, end); ok && len(base) >= 4 {
			return base, end
		}
	}
	return s, ""
}

// holds reports whether the text has the name in parts, or as a part of a word: e-mail, email; Wi-Fi, wifi; iPhone 13, iPhone13.
func (a *analysed) holds(name string) bool {
	for i := range a.words {
		for w, at := a.words[i].lower, 0; at < len(w); at = partEnd(w, at) {
			if a.holdsFrom(i, at, name) {
				return true
			}
		}
	}
	return false
}

// holdsFrom reports whether the parts of the words from one on are the name.
func (a *analysed) holdsFrom(i, at int, name string) bool {
	for ; i < len(a.words); i, at = i+1, 0 {
		for w := a.words[i].lower; at < len(w); {
			end := partEnd(w, at)
			rest, ok := strings.CutPrefix(name, strings.TrimLeftFunc(w[at:end], isJoint))
			if !ok {
				return false
			}
			if name, at = rest, end; name == "" {
				return true
			}
		}
	}
	return false
}

// partEnd returns where a part of a word ends that begins there: what parts it from the one before, and letters or digits.
func partEnd(w string, at int) int {
	for at < len(w) && isJoint(rune(w[at])) {
		at++
	}
	for from := at; at < len(w) && !isJoint(rune(w[at])) && isDigitByte(w[at]) == isDigitByte(w[from]); {
		at++
	}
	return at
}

// isJoint reports what may stand between the parts of a word.
func isJoint(r rune) bool { return r < utf8.RuneSelf && !isAlnum(r) }

// joins reports whether the text writes word i of the other and a neighbour of it as one: Test Flight, TestFlight.
func (a *analysed) joins(from *analysed, i int) bool {
	for first := max(0, i-1); first <= i && first+1 < len(from.words); first++ {
		if a.has(stem(squeeze(from.words[first].lower) + squeeze(from.words[first+1].lower))) {
			return true
		}
	}
	return false
}

// squeeze keeps the letters and digits, in lower case and without accents: São Paulo is Sao Paulo to who has no such key.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if isAlnum(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, unaccented(s))
}

// isAcronym reports two or more capitals, with a plural s perhaps.
func isAcronym(raw string) bool {
	raw = strings.TrimSuffix(strings.TrimSuffix(raw, "s"), "'")
	return len(raw) >= 2 && !strings.ContainsFunc(raw, func(r rune) bool { return !unicode.IsUpper(r) && !unicode.IsDigit(r) })
}

// spells reports whether the letters are the initials of words that follow each other, of which "of", "and" and the
// like may be left out.
func (a *analysed) spells(acronym string) bool {
	for i := range a.words {
		if _, ok := a.spelling(i, acronym); ok {
			return true
		}
	}
	return false
}

// spelling reports whether the words from i on have these initials, and where they end.
func (a *analysed) spelling(i int, acronym string) (last int, ok bool) {
	at := 0
	for j := i; j < len(a.words) && at < len(acronym); j++ {
		for part := range strings.SplitSeq(a.words[j].lower, "-") {
			switch {
			case at < len(acronym) && part != "" && part[0] == acronym[at]:
				at++
			case at > 0 && littleWords[part]:
			default:
				return 0, false
			}
		}
		last = j
	}
	return last, at == len(acronym)
}

// spelledOut reports whether the other text has an acronym of words of which word i is one.
func spelledOut(from *analysed, i int, in *analysed) bool {
	for j := range in.words {
		w := &in.words[j]
		if len(w.raw) < 2 || !isAcronym(w.raw) {
			continue
		}
		letters := squeeze(strings.TrimSuffix(w.raw, "s"))
		for k := max(0, i-len(letters)); k <= i; k++ {
			if last, ok := from.spelling(k, letters); ok && last >= i {
				return true
			}
		}
	}
	return false
}

// holdsMisspelt reports whether the text has the name but for one letter. Short names and codes are another's name by
// one letter as often as not (Iran, Iraq), and are not forgiven it.
func (a *analysed) holdsMisspelt(name string) bool {
	if len(name) < 6 || hasDigit(name) {
		return false
	}
	for i := range a.words {
		if nearly(name, strings.TrimSuffix(a.words[i].lower, "'s")) {
			return true
		}
	}
	return false
}

// nearly reports whether two words differ by one letter, or by two that have changed places.
func nearly(x, y string) bool {
	if len(x)-len(y) > utf8.UTFMax || len(y)-len(x) > utf8.UTFMax || x == y {
		return false
	}
	for x != "" && y != "" && x[0] == y[0] {
		x, y = x[1:], y[1:]
	}
	for x != "" && y != "" && x[len(x)-1] == y[len(y)-1] {
		x, y = x[:len(x)-1], y[:len(y)-1]
	}
	if len(x) == 2 && len(y) == 2 && x[0] == y[1] && x[1] == y[0] {
		return true
	}
	return utf8.RuneCountInString(x) <= 1 && utf8.RuneCountInString(y) <= 1
}
