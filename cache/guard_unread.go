package cache

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What a model may not read at all, the identifier guard's sixth degree: emoji and signs of mathematics, and the words
// of scripts other than Latin. all-MiniLM-L6-v2 reads one token for each word that it does not know, and another embedder
// has its own gaps, of which only this can be told here:
//
//   - where each text has a symbol, or a word of another script amid Latin ones, that the other lacks, they are about two things;
//   - a symbol amid a text that has it, between words that are the same in both, belongs to what is asked; before and after
//     all words it decorates, and after the last sentence even where the other text has another, unless the text speaks of it;
//   - an embedder that has the same vector for both has not read what differs between them (unreadFinding).

// unreadClose is how close the rest of the texts must be for two things that differ to be conclusive.
const unreadClose = 0.6

func unreadGuard(p *pair, dst []finding) []finding {
	if isASCII(p.a.text) && isASCII(p.b.text) {
		return dst
	}
	x, y := p.a.symbols(), p.b.symbols()
	spoken := p.a.speaksOfSymbols() || p.b.speaksOfSymbols()
	a, b := notAmong(x, y, spoken), notAmong(y, x, spoken)
	if len(a) > 0 && len(b) > 0 && p.closeness(left{}) >= unreadClose {
		return append(dst, finding{ReasonIdentifier, a[0].text, true})
	}
	if len(a) == 0 || len(b) == 0 {
		more := append(a, b...)
		i := slices.IndexFunc(more, func(s symbol) bool { return s.amid })
		if i >= 0 && slices.EqualFunc(p.a.words, p.b.words, func(v, w word) bool { return v.lower == w.lower }) {
			return append(dst, finding{ReasonIdentifier, more[i].text, true})
		}
	}
	if v, w := p.a.mention(p.b), p.b.mention(p.a); v >= 0 && w >= 0 && p.closeness(p.a.apart(p.b, v, v).and(p.b.apart(p.a, w, w))) >= unreadClose {
		return append(dst, finding{ReasonIdentifier, p.a.words[v].raw, true})
	}
	return dst
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// symbol is one, or several in a row, such as the two letters that make a flag.
type symbol struct {
	text   string // one that is repeated is there once
	amid   bool   // letters or digits stand before it and after it, or it is no picture
	closes bool   // it is a mood after the last sentence
}

// speaksOfSymbols reports whether a text may speak of a picture that stands after it: what does this mean? 🍑.
func (a *analysed) speaksOfSymbols() bool {
	for i := range a.words {
		switch a.words[i].stem {
		case "emoji", "emoticon", "smiley", "symbol", "sign", "icon", "character", "pictur", "flag", "this", "thes", "that", "following", "follow", "mean":
			return true
		}
	}
	return false
}

// knownSymbols are those that the signs guard reads, or that only decorate.
const knownSymbols = "©®™°´¨¯¸`^~¬±×÷−≠≤≥≈√→←↑↓⇒"

func isSymbol(r rune) bool {
	return r >= utf8.RuneSelf && unicode.IsSymbol(r) && !isCurrency(r) && !strings.ContainsRune(knownSymbols, r)
}

// symbols returns the symbols of a text, in order.
func (a *analysed) symbols() (out []symbol) {
	written := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	first, last, end := strings.IndexFunc(a.text, written), strings.LastIndexFunc(a.text, written), strings.LastIndexAny(a.text, ".?!")
	for i := 0; i < len(a.text); {
		r, n := utf8.DecodeRuneInString(a.text[i:])
		if !isSymbol(r) {
			i += n
			continue
		}
		var run []rune
		j := i
		for j < len(a.text) {
			r, n := utf8.DecodeRuneInString(a.text[j:])
			if unicode.In(r, unicode.Mn, unicode.Cf) { // how it is drawn, what joins it to the next
				j += n
				continue
			}
			if !isSymbol(r) {
				break
			}
			run = append(run, r)
			j += n
		}
		sign := unicode.Is(unicode.Sm, run[0])
		out = append(out, symbol{string(slices.Compact(run)), first < i && i < last || sign, last >= 0 && last < end && end < i && !slices.ContainsFunc(run, notMood)})
		i = j
	}
	return out
}

// notMood reports what is no face, heart, gesture or cheer. A flag, a thing or a key may be what is asked about, in whatever words, also
// after the question mark.
func notMood(r rune) bool {
	return !(r >= 0x1F600 && r <= 0x1F64F || r >= 0x1F3FB && r <= 0x1F3FF) && !strings.ContainsRune("❤👋👍✨🎉", r)
}

// notAmong returns the symbols that the other list has not, with or without those that close a text.
func notAmong(list, other []symbol, closing bool) (out []symbol) {
	there := make(map[string]bool, len(other))
	for _, o := range other {
		there[o.text] = true
	}
	for _, s := range list {
		if !there[s.text] && (closing || !s.closes) {
			out = append(out, s)
		}
	}
	return out
}

// mention returns the first word of another script in a text of mostly Latin words that the other text has not; -1: there is none.
func (a *analysed) mention(b *analysed) int {
	latin, at := 0, -1
	for i := range a.words {
		w := &a.words[i]
		switch r, _ := utf8.DecodeRuneInString(w.raw); {
		case isASCII(w.raw) || unicode.Is(unicode.Latin, r):
			latin++
		case unicode.IsLetter(r) && !hasDigit(w.raw):
			if latin--; at < 0 && !b.shares(w) {
				at = i
			}
		}
	}
	if latin <= 0 {
		return -1
	}
	return at
}

// sameVector is the cosine from which on two vectors are one but for rounding.
const sameVector = 0.99999

// longWord is the longest word, in letters, that the embedded models read.
const longWord = 100

// unreadFinding appends what differs between two texts that have one vector, though an embedder that had read it would tell it apart:
// letters and marks that are neither Latin, Greek nor Cyrillic, in which only accents go unread, or words beyond all lengths.
func unreadFinding(a, b *analysed, similarity float32, dst []finding) []finding {
	if similarity < sameVector {
		return dst
	}
	if !isASCII(a.text) || !isASCII(b.text) {
		x, y := strings.Map(otherScript, a.text), strings.Map(otherScript, b.text)
		if x != y {
			return append(dst, finding{ReasonIdentifier, firstApart(x, y), true})
		}
	}
	for i := range min(len(a.words), len(b.words)) {
		v, w := &a.words[i], &b.words[i]
		if v.lower != w.lower && len(v.raw) > longWord && len(w.raw) > longWord {
			return append(dst, finding{ReasonIdentifier, cut(v.raw, longWord), true})
		}
	}
	return dst
}

// otherScript keeps letters and marks of scripts of which the same letters are the same text.
func otherScript(r rune) rune {
	if r < utf8.RuneSelf || !unicode.In(r, unicode.Letter, unicode.Mark) || unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Inherited) {
		return -1
	}
	return r
}

// firstApart returns the letter of x at which y goes on otherwise, or that of y if x ends there.
func firstApart(x, y string) string {
	v, w := []rune(x), []rune(y)
	for i, r := range v {
		if i == len(w) || r != w[i] {
			return string(r)
		}
	}
	return string(w[len(v)])
}
