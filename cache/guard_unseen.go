package cache

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// What the models cannot see, the identifier guard's fifth degree: they know neither case nor accents nor white space, and make little of
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
	accent, surely, asked := "", false, false // the first word with other accents
	scanned := false                          // for what asks of any word
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
		if !apart && strings.Contains(loans, " "+unaccented(x)+" ") {
			continue
		}
		if accent == "" || apart && !surely {
			accent, surely = a.words[i].raw, apart
		}
		switch forms := a.words[i].group != 0 && a.words[i].group == b.words[i].group; {
		case surely || asked:
		case a.asksBeside(i) || forms && a.asksWithin(max(0, i-3), i):
			asked = true
		case !forms && !scanned:
			asked, scanned = a.asksWithin(0, len(a.words)), true
		}
	}
	if accent != "" && (surely || asked) {
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

// loans are words that English has with accents or without, and that are no other words without them.
const loans = " cafe cafes naive naively naivete cliche cliches fiance fiances fiancee fiancees facade facades decor debut debuts entree entrees" +
	" jalapeno jalapenos pinata pinatas creme brulee souffle souffles sauteed sauteing puree pureed crepe crepes voila deja apropos" +
	" doppelganger protege proteges seance seances soiree soirees communique melee matinee smorgasbord aioli gruyere acai "

// asksBeside reports whether the text asks right beside word i what it means, or how it is said, so that an accent may make it another.
func (a *analysed) asksBeside(i int) bool {
	before, after := "", ""
	if i > 0 {
		before = a.words[i-1].stem
	}
	if i+1 < len(a.words) {
		after = a.words[i+1].stem
	}
	switch before {
	case "say", "said", "word":
		return true
	case "is", "what", "what's", "whats": // what is año in Spanish
		if after == "in" && i+2 < len(a.words) && languages[a.words[i+2].lower] {
			return true
		}
	}
	return after == "said" || after == "mean"
}

// asksWithin reports whether words from..to-1 ask what a word means, or how it is said. They are few before one that has a form with the
// accent and one without: what does résumé mean, but not how to say on a résumé.
func (a *analysed) asksWithin(from, to int) bool {
	for j := from; j < to; j++ {
		switch a.words[j].stem {
		case "mean", "pronounc", "pronunciation", "translat", "translation", "spel", "spell":
			return true
		case "word": // a Spanish word, the word; not in Word
			if j == 0 || a.words[j].raw != "word" {
				continue
			}
			switch before := a.words[j-1].lower; before {
			case "a", "the", "this", "that", "which", "what":
				return true
			default:
				if languages[before] {
					return true
				}
			}
		}
	}
	return false
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

// gap is what stands between word i and the one before it; there is one more than there are words.
func (a *analysed) gap(i int) string {
	from, to := 0, len(a.text)
	if i > 0 {
		from = a.words[i-1].at + len(a.words[i-1].raw)
	}
	if i < len(a.words) {
		to = a.words[i].at
	}
	return a.text[from:to]
}

// brokenOtherwise returns the first word that begins a line in one text of code and goes on with one in the other, if that line ended
// early. Prose may be wrapped anywhere.
func brokenOtherwise(a, b *analysed) string {
	if !strings.Contains(a.text, "\n") && !strings.Contains(b.text, "\n") || !a.looksLikeCode() && !b.looksLikeCode() {
		return ""
	}
	for i := 1; i < len(a.words); i++ {
		if x, y := a.lineBefore(i), b.lineBefore(i); x == "" && endsEarly(y) && y != "" || y == "" && endsEarly(x) && x != "" {
			return a.words[i].raw
		}
	}
	return ""
}

// lineBefore returns the line that ends before word i and holds the word before it; "" if none does.
func (a *analysed) lineBefore(i int) string {
	end := strings.IndexByte(a.gap(i), '\n')
	if end < 0 {
		return ""
	}
	w := &a.words[i-1]
	text := a.text[:w.at+len(w.raw)+end]
	if n := len(text) - 2*wrapped; n > 0 {
		text = text[n:] // longer than wrapped, with the break before it or not
	}
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// endsInMark reports whether a line ends in a mark that ends or parts sentences.
func endsInMark(line string) bool {
	line = strings.TrimRightFunc(line, unicode.IsSpace)
	return line != "" && strings.IndexByte(".,:;?!", line[len(line)-1]) >= 0
}

// codeWords are what one talks of in a text that holds code.
var codeWords = map[string]bool{
	"bash": true, "zsh": true, "shell": true, "terminal": true, "echo": true, "printf": true,
	"python": true, "javascript": true, "csv": true, "yaml": true, "json": true, "sql": true, "dockerfile": true, "makefile": true,
}

// looksLikeCode reports whether a text may hold code: by its marks, or by what it talks of.
func (a *analysed) looksLikeCode() bool {
	return slices.ContainsFunc(a.signs, loud) || strings.ContainsAny(a.text, "={}[]<>\\|_`") || commaInside(a.text) || marksCode(a.text) ||
		slices.ContainsFunc(a.words, func(w word) bool { return codeWords[w.lower] }) || a.showsCode()
}

// marksCode reports a mark that is one of code where it stands, and one of prose elsewhere: $x, not $20; f(x), not file(s); a comment,
// not order #5; x=1;y, not "; then".
func marksCode(s string) bool {
	for i := 0; i+1 < len(s); i++ {
		after := i > 0 && isLetterOrDigitByte(s[i-1]|0x20)
		switch next := s[i+1]; s[i] {
		case '$':
			if !isDigitByte(next) && next != '.' && next != ' ' {
				return true
			}
		case '(':
			if after && !strings.HasPrefix(s[i:], "(s)") && !strings.HasPrefix(s[i:], "(es)") {
				return true
			}
		case '#':
			if next == ' ' || next == '!' {
				return true
			}
		case ';':
			if !after || next != ' ' && next != '\n' {
				return true
			}
		}
	}
	return false
}

// showsCode reports whether the text says that code follows: what does this command do: ...
func (a *analysed) showsCode() bool {
	for i := 1; i < len(a.words); i++ {
		switch a.words[i].lower {
		case "code", "command", "commands", "script", "program":
			if before := a.words[i-1].lower; before == "this" || before == "these" || before == "following" {
				return a.colonAfter(i)
			}
		}
	}
	return false
}

// colonAfter reports a colon between two words after word i.
func (a *analysed) colonAfter(i int) bool {
	for i++; i < len(a.words); i++ {
		if strings.Contains(a.gap(i), ":") {
			return true
		}
	}
	return false
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
	looked := false // whether something is shown after the first "this question"
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
		case "question", "sentence": // which one asks to be looked at, not to be answered
			if !looked && i > 0 && (a.words[i-1].lower == "this" || a.words[i-1].lower == "a" && i > 1 && a.words[i-2].lower == "this") {
				if looked = true; a.showsAfter(i) {
					return i
				}
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

// showsAfter reports whether a text or a quotation stands after word i, and not only the question itself: I have this question: how do I.
func (a *analysed) showsAfter(i int) bool {
	return strings.ContainsAny(a.text[a.words[i].at:], "\"“”") || a.colonAfter(i) && (a.words[i].lower == "sentence" || a.afterColon(i) != "")
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
	table, pattern := a.words[i].lower == "csv", strings.HasPrefix(a.words[i].lower, "regex")
	for i := 1; i < len(a.words); i++ {
		x, y := a.gap(i), b.gap(i)
		if x == y || slices.Equal(strings.Fields(unwrapped(x)), strings.Fields(unwrapped(y))) {
			continue
		}
		if format && a.partsProse(i, pattern) && b.partsProse(i, pattern) && !(table && a.partsContent(i)) {
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

// partsProse reports whether between word i and the one before it is no more than what parts or ends sentences, right after a word of
// two letters or more, or a "?" or "!" before a capital. In a pattern, ".", "?" and "!" end a sentence only before one.
func (a *analysed) partsProse(i int, pattern bool) bool {
	gap := a.gap(i)
	marks := strings.TrimRightFunc(gap, unicode.IsSpace)
	if strings.Trim(marks, ".,?!") != "" || marks == gap {
		return false
	}
	first, _ := utf8.DecodeRuneInString(a.words[i].raw)
	switch {
	case marks == "":
		return true
	case !endsInWord(a.words[i-1].raw):
		return !pattern && unicode.IsUpper(first) && strings.Trim(marks, "?!") == ""
	}
	return !pattern || strings.Trim(marks, ",") == "" || unicode.IsUpper(first)
}

// partsContent reports whether word i and the one before it are such as a table may hold.
func (a *analysed) partsContent(i int) bool {
	return !littleWords[a.words[i].lower] && !littleWords[a.words[i-1].lower]
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
	if !a.quotesCode() && !b.quotesCode() {
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

// quotesCode reports whether what a text quotes may be code.
func (a *analysed) quotesCode() bool {
	return strings.ContainsAny(a.text, "\\=`") || beforeLetter(a.text, '$') || slices.ContainsFunc(a.words, func(w word) bool { return quotingWords[w.lower] })
}

// quotingWords are what one talks of in a text in which a curly quote is no quote.
var quotingWords = map[string]bool{"bash": true, "zsh": true, "shell": true, "echo": true, "printf": true, "quotes": true}

// quotesBefore returns the quotes of gap i.
func (a *analysed) quotesBefore(i int) string {
	return strings.Map(func(r rune) rune {
		if plainQuote(r, 0) == 0 {
			return -1
		}
		return r
	}, a.gap(i))
}
