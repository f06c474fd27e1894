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
	same := sameWord
	if allCapitals(a.text) || allCapitals(b.text) {
		same = sameShouted
	}
	if !slices.EqualFunc(a.words, b.words, same) {
		return false
	}
	x, y := unwrapped(a.text), unwrapped(b.text)
	if !sameQuotes(x, y) || !sameFields(fieldsOf(x), fieldsOf(y)) {
		return false
	}
	token, _ := unseen(a, b)
	return token == ""
}

// sameWord reports whether two words are one but for case. What is a function word in one case and a name in the other (it, IT;
// us, US) is not.
func sameWord(a, b word) bool {
	if a.lower != b.lower {
		return false
	}
	return a.straight() == b.straight() || !littleWords[a.lower] || len(a.raw) < 2 || !(allCapitals(a.raw) || allCapitals(b.raw))
}

// sameShouted is sameWord for texts of which one is in capitals: only what names something in capitals may be another word.
func sameShouted(a, b word) bool {
	return a.lower == b.lower && (a.raw == b.raw || !littleWords[a.lower] || !capitalNames[a.lower])
}

func allCapitals(s string) bool { return strings.ToUpper(s) == s }

// field is what stands between two blanks.
type field struct {
	raw    string
	text   string // raw without the marks that end a sentence or part one
	indent string // of the line that it begins
	breaks bool   // it begins a line, and the one before ends neither in a mark nor where prose is wrapped
}

// wrapped is how long a line is, in bytes, that may be no more than wrapped.
const wrapped = 40

// endsEarly reports whether a line ends neither in a mark nor where prose is wrapped, so that its end may say something.
func endsEarly(line string) bool { return len(line) < wrapped && !endsInMark(line) }

func sameFields(x, y []field) bool {
	if len(x) != len(y) {
		return false
	}
	for i := range x {
		v, w := &x[i], &y[i]
		if v.indent != w.indent || v.breaks != w.breaks || !strings.EqualFold(v.text, w.text) {
			return false
		}
		if v.text != w.text && (caseApart(v.text, w.text) != caseless || oneLetter(x, i) || oneLetter(y, i) || !mayBeOneUnit(v.text, w.text)) {
			return false
		}
	}
	return true
}

var plainMarks = strings.NewReplacer("’", "'", "‘", "'", "“", `"`, "”", `"`, "…", "...")

// unwrapped returns a text in plain marks, without quotes around all of it.
func unwrapped(text string) string {
	text = strings.TrimSpace(plainMarks.Replace(text))
	if n := len(text); n > 2 && text[0] == '"' && text[n-1] == '"' && strings.Count(text, `"`) == 2 {
		text = strings.TrimSpace(text[1 : n-1])
	}
	return text
}

// sameQuotes reports whether two texts quote the same, to the byte.
func sameQuotes(a, b string) bool {
	if !strings.Contains(a, `"`) && !strings.Contains(b, `"`) {
		return true
	}
	x, y := strings.Split(a, `"`), strings.Split(b, `"`)
	for i := 1; i < len(x) && i < len(y); i += 2 {
		if x[i] != y[i] {
			return false
		}
	}
	return len(x) == len(y)
}

func fieldsOf(text string) (out []field) {
	indent, breaks, line := "", false, text // line: from where the current one begins
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
			out = append(out, field{raw, plain, indent, breaks})
		}
		indent, breaks = "", false
		if i := strings.IndexByte(blank, '\n'); i >= 0 {
			indent, breaks = blank[strings.LastIndexByte(blank, '\n')+1:], endsEarly(line[:len(line)-len(text)+len(raw)+i])
			line = rest
		}
		text = rest
	}
	return out
}

// withoutMarks returns a field without what only parts sentences, "" if it is nothing else. rest is the text after it. A mark is
// prose after a word of two letters or more; after a number, a single letter or a bracket only where the text ends or goes on
// with such a word, and "!" never is: 5! is a factorial. A question mark or an exclamation mark within a text may be a part of what it
// follows (String?, sort!), and does end a sentence only where the next begins with a capital.
func withoutMarks(raw, rest string) string {
	base := strings.TrimRight(raw, ".,:;?!")
	marks := raw[len(base):]
	switch {
	case base == "" && rest == "" && strings.Trim(marks, "?!") == "":
		return ""
	case base == "":
		return raw
	}
	word, goesOn := endsInWord(strings.TrimSuffix(base, "/")), rest == "" || beginsInWord(rest)
	for _, m := range marks {
		prose := word || goesOn
		switch m {
		case '!':
			r, _ := utf8.DecodeRuneInString(rest)
			prose = word && (rest == "" || unicode.IsUpper(r)) && !strings.ContainsAny(base, "._(")
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
	if host, ok := strings.CutSuffix(base, "/"); ok && isHost(host) {
		return host // example.com/
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

// oneLetter reports whether field i may be another in another case because it holds but one letter: a number's unit, or a letter by
// itself but where a sentence begins.
func oneLetter(fields []field, i int) bool {
	text := fields[i].text
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
