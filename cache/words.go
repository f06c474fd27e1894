package cache

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// word is a token of a text as the guards see it: a run of letters, digits and what may stand within one.
type word struct {
	raw   string // as written
	lower string // lower case, apostrophes straight
	start bool   // begins a sentence, so that a capital says nothing
}

// inWord says whether r, between two letters or digits, belongs to a word: don't, two-factor, 1,000.50, 3:30, 24/7.
func inWord(r rune) bool { return strings.ContainsRune("'’.,:/-_", r) }

// words splits a text. A sign of currency or per cent, and a sign before a number, stay with their number.
func words(text string) []word {
	var out []word
	start := true
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		if !beginsWord(text[i:], r, i == 0 || unicode.IsSpace(rune(text[i-1]))) {
			if strings.ContainsRune(".!?\n:\"“”", r) {
				start = true
			}
			i += n
			continue
		}
		j := i + n
		for j < len(text) {
			r, n := utf8.DecodeRuneInString(text[j:])
			if isAlnum(r) || strings.ContainsRune("%°", r) {
				j += n
				continue
			}
			next, _ := utf8.DecodeRuneInString(text[j+n:])
			prev, _ := utf8.DecodeLastRuneInString(text[:j])
			if inWord(r) && isAlnum(prev) && isAlnum(next) || isCurrency(r) && unicode.IsDigit(prev) {
				j += n
				continue
			}
			break
		}
		raw := text[i:j]
		out = append(out, word{raw: raw, lower: strings.ReplaceAll(strings.ToLower(raw), "’", "'"), start: start})
		start = false
		i = j
	}
	return out
}

func isAlnum(r rune) bool    { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }
func isCurrency(r rune) bool { return unicode.Is(unicode.Sc, r) }

func beginsWord(rest string, r rune, afterSpace bool) bool {
	if isAlnum(r) {
		return true
	}
	_, n := utf8.DecodeRuneInString(rest)
	next, _ := utf8.DecodeRuneInString(rest[n:])
	return isCurrency(r) && (unicode.IsDigit(next) || next == '-') || r == '-' && afterSpace && unicode.IsDigit(next)
}

// stem strips the endings of English inflection, so that forms of one word meet: enable, enables, enabled,
// enabling. It is used on both sides of a comparison, and so need not yield words.
func stem(w string) string {
	w = strings.TrimSuffix(w, "'s")
	for _, end := range [...]string{"ingly", "edly", "ing", "ied", "ies", "ed", "es", "ly", "s"} {
		base, ok := strings.CutSuffix(w, end)
		short := len(base) < 3 && !(end == "ing" && len(base) == 2 && strings.ContainsAny(base, "aeou")) // going, doing
		if !ok || short || end == "s" && strings.HasSuffix(base, "s") {
			continue
		}
		if end == "ied" || end == "ies" {
			base += "y"
		}
		w = base
		break
	}
	// stopped -> stop, enable -> enabl, as enabling gives. A double l or s is the word's own (install, access).
	if n := len(w); n > 3 && w[n-1] == w[n-2] && !strings.ContainsRune("aeiouls", rune(w[n-1])) {
		w = w[:n-1]
	}
	if len(w) > 3 {
		w = strings.TrimSuffix(w, "e")
	}
	return w
}

// analysed is a text taken apart once for all guards.
type analysed struct {
	text  string
	words []word
	stems []string         // of words, one for one
	at    map[string][]int // positions of each stem
}

func analyse(text string) *analysed {
	a := &analysed{text: text, words: words(text)}
	a.stems = make([]string, len(a.words))
	a.at = make(map[string][]int, len(a.words))
	for i, w := range a.words {
		a.stems[i] = stem(w.lower)
		a.at[a.stems[i]] = append(a.at[a.stems[i]], i)
	}
	return a
}
