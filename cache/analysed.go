package cache

import (
	"cmp"
	"slices"
	"strings"
)

// analysed is a text taken apart once for all guards. It is not changed after analyse, and may be shared.
type analysed struct {
	text    string
	words   []word
	byStem  []int32  // the words, in the order of their stems
	groups  []int32  // groups of equivalent forms that the text holds
	unlike  []unlike // words that would be one of a group but for their case
	content int      // content words
	moments []moment
	numbers []number
	sides   []side // sides of the lexicon's oppositions that the text takes
	negator int    // the first word that negates; -1: none does
	// negators counts them.
	negators int
	exacts   []exact
	signs    []sign
	speaks   string // the language, where the text leaves no doubt
}

// unlike is a word that is no form of a group because of its case: turkey is not Turkish, a dB no database.
type unlike struct {
	word  int
	group int32
	name  bool // the form has a capital only where it begins, as names do
}

func analyse(text string) *analysed {
	text = compose(text)
	a := &analysed{text: text, words: words(text), negator: -1}
	ws := a.words
	for i := range ws {
		w := &ws[i]
		w.stem = stem(w.lower)
		w.lexeme = vocabulary[w.stem]
		w.content = !littleWords[w.lower]
	}
	a.byStem = make([]int32, len(ws))
	for i := range ws {
		a.byStem[i] = int32(i)
	}
	slices.SortFunc(a.byStem, func(i, j int32) int {
		if c := strings.Compare(ws[i].stem, ws[j].stem); c != 0 {
			return c
		}
		return cmp.Compare(i, j)
	})
	a.findGroups()
	a.moments, a.numbers = quantities(ws)
	for i := range ws {
		if a.negates(i) {
			a.negators++
			if a.negator < 0 {
				a.negator = i
			}
		}
	}
	for i := range ws {
		if ws[i].content {
			a.content++
		}
	}
	a.sides = a.findSides()
	a.exacts = exacts(text)
	a.signs = a.findSigns()
	a.speaks = a.language()
	return a
}

// first returns the first word with the stem; -1: there is none.
func (a *analysed) first(stem string) int {
	at, ok := slices.BinarySearchFunc(a.byStem, stem, func(i int32, s string) int { return strings.Compare(a.words[i].stem, s) })
	if !ok {
		return -1
	}
	return int(a.byStem[at])
}

// stemmed returns the words with the stem, in order.
func (a *analysed) stemmed(stem string) []int32 {
	at, ok := slices.BinarySearchFunc(a.byStem, stem, func(i int32, s string) int { return strings.Compare(a.words[i].stem, s) })
	if !ok {
		return nil
	}
	end := at + 1
	for end < len(a.byStem) && a.words[a.byStem[end]].stem == stem {
		end++
	}
	return a.byStem[at:end]
}

func (a *analysed) has(stem string) bool { return a.first(stem) >= 0 }

// shares reports whether the text has the word, in another form perhaps.
func (a *analysed) shares(w *word) bool {
	return w.group != 0 && slices.Contains(a.groups, w.group) || !w.phrase && a.has(w.stem)
}

// findGroups marks the words and phrases that the lexicon has equivalents of.
func (a *analysed) findGroups() {
	for i := 0; i < len(a.words); i++ {
		w := &a.words[i]
		if w.lexeme == nil {
			continue
		}
		for _, e := range w.lexeme.equivalents {
			if !a.goesOn(i, e.rest) {
				continue
			}
			if e.capitals != "" && !w.hasCapitalsOf(e.capitals) || isUnitSymbol(w.raw) {
				a.unlike = append(a.unlike, unlike{i, e.group, e.capitals != "" && e.capitals[1:] == strings.ToLower(e.capitals[1:])})
				continue
			}
			w.group, w.content, w.phrase = e.group, true, len(e.rest) > 0
			for j := range e.rest {
				a.words[i+1+j].content = false
				a.words[i+1+j].group, a.words[i+1+j].phrase = e.group, true
			}
			if !slices.Contains(a.groups, e.group) {
				a.groups = append(a.groups, e.group)
			}
			i += len(e.rest)
			break
		}
	}
}

// hasCapitalsOf reports whether a word has a capital wherever the form has one. One that only begins with a capital does not say so
// where a sentence begins: Turkey meatballs.
func (w *word) hasCapitalsOf(form string) bool {
	for i := range len(form) {
		if c := form[i]; c >= 'A' && c <= 'Z' && (i >= len(w.raw) || w.raw[i] < 'A' || w.raw[i] > 'Z') {
			return false
		}
	}
	return !w.start || form[1:] != strings.ToLower(form[1:])
}

// isUnitSymbol reports what is written as units are and acronyms never: dB is no database, eV no electric vehicle.
func isUnitSymbol(raw string) bool {
	return len(raw) == 2 && raw[0] >= 'a' && raw[0] <= 'z' && raw[1] >= 'A' && raw[1] <= 'Z'
}

// goesOn reports whether the words right after i have these stems.
func (a *analysed) goesOn(i int, rest []string) bool {
	if i+len(rest) >= len(a.words) {
		return false
	}
	for j, s := range rest {
		if a.words[i+1+j].stem != s {
			return false
		}
	}
	return true
}

// pair is the two texts that the guards compare.
type pair struct {
	a, b    *analysed
	sharedA int // content words of a that b has
	sharedB int
	worded  int // words of both that the other has; -1: not counted yet
}

func newPair(a, b *analysed) pair {
	return pair{a: a, b: b, sharedA: a.in(b), sharedB: b.in(a), worded: -1}
}

// in counts the content words of a that b has.
func (a *analysed) in(b *analysed) (n int) {
	for i := range a.words {
		if w := &a.words[i]; w.content && b.shares(w) {
			n++
		}
	}
	return n
}

// left is what a comparison leaves out of account, being what is compared: words that the other text has not.
type left struct{ words, content int }

// closeness is the share of both texts' content words that the other text has, in 0..1. It tells "the same question but
// for this" from a rewording in which two words have met by chance.
func (p *pair) closeness(l left) float64 {
	return ratio(p.sharedA+p.sharedB, p.a.content+p.b.content-l.content)
}

// wording is the same for all words, the little ones too.
func (p *pair) wording(l left) float64 {
	if p.worded < 0 {
		p.worded = 0
		for _, v := range [2][2]*analysed{{p.a, p.b}, {p.b, p.a}} {
			for i := range v[0].words {
				if v[1].shares(&v[0].words[i]) {
					p.worded++
				}
			}
		}
	}
	return ratio(p.worded, len(p.a.words)+len(p.b.words)-l.words)
}

func ratio(part, all int) float64 {
	if all <= 0 {
		return 1
	}
	return min(1, float64(part)/float64(all))
}

func (l left) and(m left) left { return left{l.words + m.words, l.content + m.content} }

// apart counts the words from first to last of a that b has not.
func (a *analysed) apart(b *analysed, first, last int) (l left) {
	for i := first; i <= last; i++ {
		l.add(&a.words[i], b)
	}
	return l
}

// apartIn counts the words of a that stand in a part of its text and that b has not.
func (a *analysed) apartIn(b *analysed, part string) (l left) {
	for i := range a.words {
		if strings.Contains(part, a.words[i].raw) {
			l.add(&a.words[i], b)
		}
	}
	return l
}

func (l *left) add(w *word, b *analysed) {
	if b.shares(w) {
		return
	}
	l.words++
	if w.content {
		l.content++
	}
}
