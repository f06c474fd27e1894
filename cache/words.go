package cache

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// word is a token of a text as the guards see it: a run of letters, digits and what may stand within one.
type word struct {
	raw    string // as written
	at     int    // where in the text it begins
	lower  string // lower case, apostrophes straight
	stem   string
	group  int32 // of equivalent forms that this word, or the phrase that it begins, is one of; 0: none
	phrase bool  // it is part of such a phrase of several words
	start  bool  // begins a sentence, so that a capital says nothing
	// content words are what two questions must share to be about one thing: not the little words of grammar and
	// politeness, not numbers and times, of a phrase with a group only the first.
	content bool
	lexeme  *lexeme // what the lexicon has under its stem; nil: nothing
}

// straight is the word as written, but for its apostrophes, so that only case tells it from lower.
func (w *word) straight() string { return strings.ReplaceAll(w.raw, "’", "'") }

// inWord says whether r, between two letters or digits, belongs to a word: don't, two-factor, 1,000.50, 3:30, 24/7.
func inWord(r rune) bool {
	switch r {
	case '\'', '’', '.', ',', ':', '/', '-', '_':
		return true
	}
	return false
}

// endsSentence says whether a capital after r says nothing.
func endsSentence(r rune) bool {
	switch r {
	case '.', '!', '?', '\n', ':', '"', '“', '”':
		return true
	}
	return false
}

// words splits a text. A sign of currency or per cent, and a sign before a number, stay with their number.
func words(text string) []word {
	out := make([]word, 0, len(text)/5+2)
	start := true
	for i := 0; i < len(text); {
		j := i + wordHead(text, i)
		if j == i {
			r, n := utf8.DecodeRuneInString(text[i:])
			start = start || endsSentence(r)
			i += n
			continue
		}
		for j < len(text) {
			r, n := utf8.DecodeRuneInString(text[j:])
			if isAlnum(r) || r == '%' || r == '°' {
				j += n
				continue
			}
			next, _ := utf8.DecodeRuneInString(text[j+n:])
			prev, _ := utf8.DecodeLastRuneInString(text[:j])
			if inWord(r) && isAlnum(prev) && isAlnum(next) && (r != '/' || joins(text[i:j], prev, next)) || isCurrency(r) && unicode.IsDigit(prev) {
				j += n
				continue
			}
			break
		}
		raw := text[i:j]
		out = append(out, word{raw: raw, at: i, lower: strings.ReplaceAll(strings.ToLower(raw), "’", "'"), start: start})
		start = false
		i = j
	}
	return out
}

// joins reports whether a stroke belongs to the word before it: 1/2, w/o, A/B, km/h, but not Chrome/Firefox.
func joins(before string, prev, next rune) bool {
	return unicode.IsDigit(prev) && unicode.IsDigit(next) || len(before) == 1 || before == "km" && next == 'h'
}

func isAlnum(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

func isCurrency(r rune) bool { return r == '$' || r >= utf8.RuneSelf && unicode.Is(unicode.Sc, r) }

// wordHead returns how many bytes of a text from i on begin a word: a letter, or all from the sign to the first digit of 5, .5, -5,
// $.50, -$5, $-5; 0: none does.
func wordHead(text string, i int) int {
	r, n := utf8.DecodeRuneInString(text[i:])
	switch {
	case isAlnum(r):
		return n
	case r != '.' && r != '-' && r != '−' && !isCurrency(r):
		return 0
	}
	prev, _ := utf8.DecodeLastRuneInString(text[:i])
	at := 0
	signed, currency, point := false, false, false
	for {
		switch {
		case unicode.IsDigit(r):
			return at + n
		case (r == '-' || r == '−') && !signed && !point && (currency || isMinusAfter(prev)):
			signed = true
		case isCurrency(r) && !currency && !point:
			currency = true
		case r == '.' && !point && (at > 0 || prev != '.' && !isAlnum(prev)):
			point = true
		default:
			return 0
		}
		at += n
		r, n = utf8.DecodeRuneInString(text[i+at:])
	}
}

// isMinusAfter reports whether a hyphen after prev may be the sign of what follows. Between two numbers it means to, or less.
func isMinusAfter(prev rune) bool {
	return prev == utf8.RuneError || unicode.IsSpace(prev) || strings.ContainsRune("=(<>≤≥[{,^*/:+", prev)
}

var endings = [...]string{"ingly", "edly", "ing", "ied", "ies", "ed", "es", "ly", "s"}

// stem strips the endings of English inflection, so that forms of one word meet: enable, enables, enabled,
// enabling. It is used on both sides of a comparison, and so need not yield words.
func stem(w string) string {
	w = strings.TrimSuffix(w, "'s")
	for _, end := range endings {
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
