package cache

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Twins are two texts of which nothing differs that could change the answer. The models that compare texts see neither case
// nor white space, and make little of a mark; so what may differ is listed here, and all else must be the same: case, but not
// where it tells two things apart; blanks, but not what a line is indented by; the marks of sentences, but only where one
// stands as such. `.5`, `5!`, `-d`, `a[1:]` and `"5"` are not what they are without their marks.

// twins reports whether the two are.
func twins(a, b *analysed) bool {
	if len(a.words) == 0 {
		return a.text == b.text
	}
	return slices.EqualFunc(a.words, b.words, sameWord) && sameFields(a.text, b.text)
}

// sameWord reports whether two words are one but for case. What is a function word in one case and a name in the other (it, IT;
// us, US) is not.
func sameWord(a, b word) bool {
	if a.lower != b.lower {
		return false
	}
	return a.raw == b.raw || !littleWords[a.lower] || len(a.raw) < 2 || !(allCapitals(a.raw) || allCapitals(b.raw))
}

func allCapitals(s string) bool { return strings.ToUpper(s) == s }

// field is what stands between two blanks.
type field struct {
	raw    string
	text   string // raw without the marks that end a sentence or part one
	indent string // of the line that it begins
}

func sameFields(a, b string) bool {
	x, y := fieldsOf(a), fieldsOf(b)
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		v, w := &x[i], &y[i]
		if v.indent != w.indent || !strings.EqualFold(v.text, w.text) {
			return false
		}
		if v.text != w.text && (tellsByCase(x, i) || tellsByCase(y, i) || !mayBeOneUnit(v.text, w.text)) {
			return false
		}
	}
	return true
}

var plainMarks = strings.NewReplacer("’", "'", "‘", "'", "“", `"`, "”", `"`, "…", "...")

func fieldsOf(text string) (out []field) {
	text = strings.TrimSpace(plainMarks.Replace(text))
	if n := len(text); n > 2 && text[0] == '"' && text[n-1] == '"' && strings.Count(text, `"`) == 2 {
		text = strings.TrimSpace(text[1 : n-1]) // all of it is quoted
	}
	indent := ""
	for text != "" {
		raw := text
		if end := strings.IndexFunc(text, unicode.IsSpace); end >= 0 {
			raw = text[:end]
		}
		rest := strings.TrimLeftFunc(text[len(raw):], unicode.IsSpace)
		blank := text[len(raw) : len(text)-len(rest)]
		plain := withoutMarks(raw, rest)
		if (raw == "–" || raw == "—") && len(out) > 0 && endsInWord(out[len(out)-1].text) && beginsInWord(rest) {
			plain = "" // a dash between words; between numbers it may be a minus
		}
		if plain != "" {
			out = append(out, field{raw, plain, indent})
		}
		indent = ""
		if i := strings.LastIndexByte(blank, '\n'); i >= 0 {
			indent = blank[i+1:]
		}
		text = rest
	}
	return out
}

// withoutMarks returns a field without what only parts sentences, "" if it is nothing else. rest is the text after it. A mark is
// prose after a word of two letters or more; after a number, a single letter or a bracket only where the text ends or goes on
// with such a word, and "!" never is: 5! is a factorial. A question mark within a text may be a part of what it follows (String?).
func withoutMarks(raw, rest string) string {
	base := strings.TrimRight(raw, ".,:;?!")
	marks := raw[len(base):]
	switch {
	case base == "" && rest == "" && strings.Trim(marks, "?!") == "":
		return ""
	case base == "":
		return raw
	}
	word, goesOn := endsInWord(base), rest == "" || beginsInWord(rest)
	for _, m := range marks {
		prose := word || goesOn
		switch m {
		case '!':
			prose = word
		case ':':
			prose = (word || rest == "") && len(marks) == 1
		case ';':
			prose = rest == ""
		case '?':
			r, _ := utf8.DecodeRuneInString(rest)
			prose = rest == "" || word && unicode.IsUpper(r)
		}
		if !prose {
			return raw
		}
	}
	if s, ok := strings.CutSuffix(base, "s'"); ok && len(s) > 2 && !strings.ContainsAny(s, `'"`) {
		base = s + "s" // my parents' house
	}
	return base
}

// endsInWord reports whether a field ends in two letters; in one that is a word of its own, "I" and "a", it does too.
func endsInWord(s string) bool {
	if s == "I" || s == "i" {
		return true
	}
	r, n := utf8.DecodeLastRuneInString(s)
	q, _ := utf8.DecodeLastRuneInString(s[:len(s)-n])
	return unicode.IsLetter(r) && (unicode.IsLetter(q) || unicode.IsMark(q) || q == '\'') // can't
}

func beginsInWord(s string) bool {
	r, n := utf8.DecodeRuneInString(s)
	q, _ := utf8.DecodeRuneInString(s[n:])
	return unicode.IsLetter(r) && (unicode.IsLetter(q) || q == '\'') || r == 'I' || r == 'a' && q == ' '
}

// tellsByCase reports whether field i may be another in another case: a flag, code, a number's unit of one letter, a single letter
// but where a sentence begins.
func tellsByCase(fields []field, i int) bool {
	text := fields[i].text
	if text[0] == '-' || strings.ContainsAny(text, "_<>={}[]*^|~\\`") || text[0] == '$' && !hasDigit(text) {
		return true
	}
	letters, digits := 0, 0
	for _, r := range text {
		switch {
		case unicode.IsLetter(r):
			letters++
		case unicode.IsDigit(r):
			digits++
		case r == '+' || r == '#' || r == '&' || isCurrency(r):
			letters += 2 // C++, $5m: a name, an amount
		}
	}
	if letters != 1 {
		return false
	}
	if digits > 0 {
		return isDigitByte(text[0]) // 5M, not B12
	}
	starts := i == 0 || strings.IndexByte(".!?:", fields[i-1].raw[len(fields[i-1].raw)-1]) >= 0
	return !starts && !strings.EqualFold(text, "i")
}

// mayBeOneUnit reports whether two spellings of a field are one unit, if they are units.
func mayBeOneUnit(v, w string) bool {
	return sameUnitCase(unitCase(strings.TrimLeft(v, numerals)), unitCase(strings.TrimLeft(w, numerals)))
}
