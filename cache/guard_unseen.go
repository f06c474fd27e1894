package cache

import (
	"slices"
	"strings"
	"unicode"
)

// What the models cannot see, the identifier guard's last degree: they know neither case nor accents nor white space, and make little of
// a comma. Where two texts have the same words it is conclusive if case tells two things apart (what does IT do, what does it do; see
// guard_case.go), if accents do, if they indent the same lines otherwise or break them elsewhere, or if marks differ in a text that asks
// about marks. Flags and the units of numbers are with the signs and numbers.

func unseenFindings(p *pair, dst []finding) []finding {
	if token, veto := unseen(p.a, p.b); token != "" {
		return append(dst, finding{ReasonIdentifier, token, veto})
	}
	return dst
}

// unseen returns what tells two texts of the same words apart, and whether it is conclusive; "": nothing does.
func unseen(a, b *analysed) (token string, veto bool) {
	if len(a.words) == 0 || len(a.words) != len(b.words) || a.text == b.text {
		return "", false
	}
	accent, surely := "", false // the first word with other accents
	for i := range a.words {
		x, y := a.words[i].lower, b.words[i].lower
		if x == y {
			continue
		}
		if isASCII(x) && isASCII(y) {
			return "", false
		}
		alike, apart := accents(x, y)
		if !alike {
			return "", false
		}
		if accent == "" || apart && !surely {
			accent, surely = a.words[i].raw, apart
		}
	}
	if accent != "" && (surely || a.asksOfWords()) {
		return accent, true
	}
	if token, veto = caseFindings(a, b); veto {
		return token, true
	}
	for _, differs := range [...]func(a, b *analysed) string{indentedOtherwise, brokenOtherwise, markedOtherwise, quotedOtherwise} {
		if token := differs(a, b); token != "" {
			return token, true
		}
	}
	return token, false
}

// asksOfWords reports whether the text asks what a word means, or how it is said, so that an accent may make it another.
func (a *analysed) asksOfWords() bool {
	return slices.ContainsFunc(a.words, func(w word) bool {
		switch w.stem {
		case "mean", "pronounc", "pronunciation", "translat", "translation", "spel", "spell", "say", "said", "word":
			return true
		}
		return languages[w.lower]
	})
}

// indentedOtherwise returns the first line of a that is indented otherwise than the same line of b, if the two have as many.
func indentedOtherwise(a, b *analysed) string {
	if !strings.Contains(a.text, "\n") || !strings.Contains(b.text, "\n") {
		return ""
	}
	x, y := strings.Split(strings.TrimSpace(a.text), "\n"), strings.Split(strings.TrimSpace(b.text), "\n")
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

// gap is what stands before word i.
func (a *analysed) gap(i int) string {
	if i == 0 {
		return a.text[:a.words[0].at]
	}
	w := &a.words[i-1]
	return a.text[w.at+len(w.raw) : a.words[i].at]
}

// brokenOtherwise returns the first word that begins a line in one text of code and goes on with one in the other. Where a mark ends the
// line before it, the break says no more than that; prose may be wrapped anywhere.
func brokenOtherwise(a, b *analysed) string {
	if !strings.Contains(a.text, "\n") && !strings.Contains(b.text, "\n") || !a.looksLikeCode() && !b.looksLikeCode() {
		return ""
	}
	for i := 1; i < len(a.words); i++ {
		x, y := a.gap(i), b.gap(i)
		if k, l := strings.IndexByte(x, '\n'), strings.IndexByte(y, '\n'); (k < 0) != (l < 0) && !endsInMark(x[:max(k, 0)]) && !endsInMark(y[:max(l, 0)]) {
			return a.words[i].raw
		}
	}
	return ""
}

// endsInMark reports whether a line ends in a mark that ends or parts sentences.
func endsInMark(line string) bool {
	line = strings.TrimRightFunc(line, unicode.IsSpace)
	return line != "" && strings.IndexByte(".,:;?!", line[len(line)-1]) >= 0
}

// codeWords are what one talks of in a text that holds code.
var codeWords = map[string]bool{
	"bash": true, "zsh": true, "shell": true, "script": true, "terminal": true, "echo": true, "print": true, "printf": true, "command": true, "commands": true,
	"code": true, "python": true, "javascript": true, "csv": true, "yaml": true, "json": true, "sql": true, "dockerfile": true, "makefile": true,
}

// looksLikeCode reports whether a text may hold code: by its marks, or by what it talks of.
func (a *analysed) looksLikeCode() bool {
	return len(a.signs) > 0 || strings.ContainsAny(a.text, "=(){}[]<>#$\\|_`;") || commaInside(a.text) ||
		slices.ContainsFunc(a.words, func(w word) bool { return codeWords[w.lower] })
}

// commaInside reports a comma between two letters, as in a row of values.
func commaInside(s string) bool {
	for i := 1; i+1 < len(s); i++ {
		if s[i] == ',' && isLetterOrDigitByte(s[i-1]|0x20) && isLetterOrDigitByte(s[i+1]|0x20) {
			return true
		}
	}
	return false
}

// asksOfMarks returns the word by which the text asks about marks, or about how something is written; -1: it does not.
func (a *analysed) asksOfMarks() int {
	for i := range a.words {
		switch l := a.words[i].lower; l {
		case "comma", "commas", "semicolon", "semicolons":
			if i == 0 || a.words[i-1].lower != "inverted" {
				return i
			}
		case "characters", "letters", "words", "lines", "rows", "spaces", "sentences":
			if i > 0 && a.words[i-1].lower == "many" || i > 1 && a.words[i-1].lower == "of" && a.words[i-2].lower == "number" {
				return i
			}
		case "question", "sentence":
			if i > 0 && (a.words[i-1].lower == "this" || a.words[i-1].lower == "a" && i > 1 && a.words[i-2].lower == "this") {
				return i
			}
		case "right", "correct", "correctly", "grammatical":
			if i+1 < len(a.words) && strings.HasPrefix(a.gap(i+1), ":") {
				return i
			}
		default:
			if formatWords[l] || strings.HasPrefix(l, "punctuat") || strings.HasPrefix(l, "apostrophe") || strings.HasPrefix(l, "capitali") || strings.HasPrefix(l, "hyphenat") {
				return i
			}
		}
	}
	return -1
}

// markedOtherwise returns the word before which marks differ in two texts that ask about marks. What follows a colon is what they ask
// about, and must be the same to the byte; else all must be that stands between words.
func markedOtherwise(a, b *analysed) string {
	i := max(a.asksOfMarks(), b.asksOfMarks())
	if i < 0 {
		return ""
	}
	if x, y := a.afterColon(i), b.afterColon(i); x != y && x != "" && y != "" {
		return a.words[i].raw
	}
	format, commas, first := formatWords[a.words[i].lower], 0, ""
	for i := 1; i < len(a.words); i++ {
		x, y := a.gap(i), b.gap(i)
		if x == y || slices.Equal(strings.Fields(unwrapped(x)), strings.Fields(unwrapped(y))) {
			continue
		}
		if first == "" {
			first = a.words[i].raw
		}
		if strings.Trim(x, " ,") != "" || strings.Trim(y, " ,") != "" {
			return a.words[i].raw
		}
		commas++
	}
	if commas > 1 || commas == 1 && !format { // in a CSV, please
		return first
	}
	return ""
}

// formatWords name formats that are talked of as often as written.
var formatWords = map[string]bool{"csv": true, "yaml": true, "yml": true, "json": true, "regex": true, "regexp": true}

// afterColon returns what follows the first colon after word i; "" if that is the question itself: commas in JSON: which way?
func (a *analysed) afterColon(i int) string {
	from := a.words[i].at
	_, rest, ok := strings.Cut(a.text[from:], ":")
	if rest = strings.TrimSpace(rest); !ok || rest == "" || strings.HasPrefix(a.words[i].lower, "punctuat") {
		return rest
	}
	for j := i + 1; j < len(a.words); j++ {
		if a.words[j].at >= len(a.text)-len(rest) {
			switch a.words[j].lower {
			case "what", "what's", "which", "who", "whose", "how", "why", "when", "where", "is", "are", "do", "does", "can", "should":
				return ""
			}
			break
		}
	}
	return rest
}

// quotedOtherwise returns a curly quote where the other text has a straight one, if it is code that is quoted.
func quotedOtherwise(a, b *analysed) string {
	const curly = "“”‘’"
	if !strings.ContainsAny(a.text, curly) && !strings.ContainsAny(b.text, curly) {
		return ""
	}
	if !slices.ContainsFunc(a.words, func(w word) bool { return quotingWords[w.lower] }) && !strings.ContainsAny(a.text, "\\=`") && !beforeLetter(a.text, '$') {
		return ""
	}
	for i := 0; i <= len(a.words); i++ {
		x, y := a.quotesBefore(i), b.quotesBefore(i)
		if strings.ContainsAny(x, curly) != strings.ContainsAny(y, curly) && x != "" && y != "" {
			return x
		}
	}
	return ""
}

// quotingWords are what one talks of in a text in which a curly quote is no quote.
var quotingWords = map[string]bool{"bash": true, "zsh": true, "shell": true, "echo": true, "printf": true, "quotes": true}

// quotesBefore returns the quotes that stand before word i; after the last one for one more.
func (a *analysed) quotesBefore(i int) string {
	gap := ""
	switch n := len(a.words); {
	case i < n:
		gap = a.gap(i)
	default:
		gap = a.text[a.words[n-1].at+len(a.words[n-1].raw):]
	}
	return strings.Map(func(r rune) rune {
		if plainQuote(r, 0) == 0 {
			return -1
		}
		return r
	}, gap)
}
