package cache

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Signs, the identifier guard's fourth degree: marks that are no punctuation but say something of their own, = and !=, the ++ of
// C++, the - of -x. Models that were trained on prose make little of them. Where the texts are otherwise close, it is conclusive
// if each has one that the other lacks, or if what has one stands without it in the other text.

// signClose is how close they must be.
const signClose = 0.6

// sign is one mark, or several in a row.
type sign struct {
	key   string // as written, with the word that it belongs to
	word  int    // that word; -1: it stands between two
	bound bool   // the word is another without it
	prose bool   // it may be no more than a dash, a bar or an arrow in prose: not conclusive against another such
}

func signFindings(p *pair, dst []finding) []finding {
	if len(p.a.signs) == 0 && len(p.b.signs) == 0 {
		return dst
	}
	a, b := missingSigns(p.a.signs, p.b.signs), missingSigns(p.b.signs, p.a.signs)
	token := ""
	switch i := slices.IndexFunc(a, loud); {
	case len(a) > 0 && len(b) > 0 && (i >= 0 || slices.ContainsFunc(b, loud)):
		token = a[max(i, 0)].key
	default:
		if token = p.b.unsigned(p.a, a); token == "" {
			token = p.a.unsigned(p.b, b)
		}
	}
	if token == "" || p.closeness(p.a.apartAt(p.b, a).and(p.b.apartAt(p.a, b))) < signClose {
		return dst
	}
	return append(dst, finding{ReasonIdentifier, token, true})
}

// apartAt counts the words of the signs that the other text has not.
func (a *analysed) apartAt(b *analysed, signs []sign) (l left) {
	for _, s := range signs {
		if s.word >= 0 {
			l.add(&a.words[s.word], b)
		}
	}
	return l
}

func loud(s sign) bool { return !s.prose }

// missingSigns returns the signs that the other list has not, or not as often.
func missingSigns(list, other []sign) (out []sign) {
	there := make(map[string]int, len(other))
	for _, o := range other {
		there[o.key]++
	}
	for _, s := range list {
		if there[s.key]--; there[s.key] < 0 {
			out = append(out, s)
		}
	}
	return out
}

// signWords name signs: where one stands beside a word, that is not without it.
var signWords = map[string]bool{
	"plus": true, "minus": true, "positive": true, "negative": true, "sharp": true, "star": true, "factorial": true,
	"prime": true, "not": true, "hash": true, "inverse": true, "string": true,
}

// unsigned returns the key of the first of these signs whose word the text a has without any sign.
func (a *analysed) unsigned(from *analysed, signs []sign) string {
	var signed map[int]bool // words of a that have a sign
	looked := map[string]bool{}
	for _, s := range signs {
		if !s.bound || looked[from.words[s.word].lower] {
			continue
		}
		w := &from.words[s.word]
		looked[w.lower] = true
		for _, at := range a.stemmed(w.stem) {
			i := int(at)
			if a.words[i].lower != w.lower || i > 0 && signWords[a.words[i-1].lower] || i+1 < len(a.words) && signWords[a.words[i+1].lower] {
				continue
			}
			if signed == nil {
				signed = make(map[int]bool, len(a.signs))
				for _, o := range a.signs {
					if o.bound {
						signed[o.word] = true
					}
				}
			}
			if !signed[i] {
				return s.key
			}
		}
	}
	return ""
}

const (
	operators   = "=<>≈|^&±√~" // whatever they stand between
	arithmetic  = "+-*/%"      // between numbers and single letters
	signPrefix  = "-!~&*√±"
	partingSign = ".,;:?" // what may follow a sign that ends a sentence or a part of one
)

// plainSigns has operators in the form that keyboards have.
var plainSigns = strings.NewReplacer("−", "-", "×", "*", "·", "*", "÷", "/", "≠", "!=", "≤", "<=", "≥", ">=")

// signScan is what findSigns works out of the whole text, once and only if it is asked: a text may be long, and of nothing but marks.
type signScan struct {
	attaches int8      // whether marks end its sentences right after a word; 0: not known yet
	lone     [2][3]int // how often each of the two quotes stands between blanks, by where in the three bytes it is; 0: not known yet
	quoted   [2]bool   // whether a quotation in such marks is open at the byte `at`
	at       int
	prev     rune
}

// isLone reports whether a gap of three bytes with the quote q, and for a double one the quote, occurs but once in the text.
func (s *signScan) isLone(text, gap, q string) bool {
	kind, count := quoteKind(rune(q[0])), q
	if q == "'" {
		count = gap
	}
	n := &s.lone[kind][strings.IndexByte(gap, q[0])]
	if *n == 0 {
		*n = strings.Count(text, count)
	}
	return *n == 1
}

// findSigns looks between the words.
func (a *analysed) findSigns() (out []sign) {
	s := signScan{prev: ' '}
	for i := 0; i <= len(a.words); i++ {
		if i < len(a.words) {
			out = a.within(&s, out, i)
		}
		gap := a.gap(i)
		if gap == " " { // nearly always
			gap = ""
		} else if q := strings.Trim(gap, " "); (q == `"` || q == "'") && len(gap) == 3 && s.isLone(a.text, gap, q) {
			out = append(out, sign{key: q, word: -1}) // escape ' in SQL
		}
		for at := 0; at < len(gap); {
			r, n := utf8.DecodeRuneInString(gap[at:])
			if !isMark(r) {
				at += n
				continue
			}
			end := at + n
			for end < len(gap) {
				r, n := utf8.DecodeRuneInString(gap[end:])
				if !isMark(r) {
					break
				}
				end += n
			}
			out = a.read(&s, out, gap[at:end], i, at == 0 && i > 0, end == len(gap) && i < len(a.words))
			at = end
		}
	}
	return out
}

func isMark(r rune) bool {
	switch r {
	case ' ', '"', '\'', '“', '”', '‘', '’', '(', ')', '[', ']', '{', '}', '`':
		return false
	}
	return !unicode.IsSpace(r) && !isAlnum(r)
}

// read appends the signs that a run of marks before word i is; after and before say that nothing parts it from the words.
func (a *analysed) read(s *signScan, out []sign, run string, i int, after, before bool) []sign {
	run = plainSigns.Replace(run)
	if !before && len(run) > 1 {
		run = strings.TrimRight(run, partingSign)
	}
	if (run == "." || run == ";") && !before && !after && i > 0 && a.isArgument(s, run, i) {
		return append(out, sign{key: a.words[i-1].lower + " " + run, word: i - 1, bound: true})
	}
	if head, ok := strings.CutSuffix(run, "-"); ok && before && strings.ContainsAny(head, operators+"+*/(,:") {
		return a.read(s, a.read(s, out, head, i, after, false), "-", i, false, true) // e^-x
	}
	switch {
	case before && strings.HasSuffix(run, `\`): // \d, \D
		return append(out, sign{key: `\` + a.words[i].raw, word: i})
	case before && !after:
		return a.prefix(out, run, i)
	case after && !before:
		if key := a.suffix(run, i-1); key != "" {
			return append(out, sign{key: key, word: i - 1, bound: true})
		}
	}
	between := a.operand(i-1) && a.operand(i)
	if between && run == "**" {
		run = "^"
	}
	switch {
	case strings.ContainsAny(run, operators):
		return append(out, sign{key: run, word: -1, prose: !between && isProse(run)})
	case strings.Trim(run, arithmetic) == "" && between && !(strings.ContainsAny(run, "-%") && (a.isArticle(i-1) || a.isArticle(i))):
		return append(out, sign{key: run, word: -1})
	case run == ";" && between && after && before && !hasDigit(a.words[i-1].raw+a.words[i].raw): // a;b, a:b
		return append(out, sign{key: run, word: i})
	}
	return out
}

// isArgument reports whether a mark by itself before word i is a part of a command (docker build ., what does git add . do) and not the
// end of a sentence in a text that has all marks parted from its words.
func (a *analysed) isArgument(s *signScan, run string, i int) bool {
	if i < len(a.words) {
		w := &a.words[i]
		if w.at > 0 && a.text[w.at-1] == '-' { // find . -name
			return true
		}
		if (a.goesOnAfterName(i) || run == ";" && w.content && a.words[i-1].content) && s.attachesMarks(a.text) {
			return true
		}
	}
	return len(a.words) <= 6 && !slices.ContainsFunc(a.words, func(w word) bool { return !w.content || w.raw != w.lower })
}

// attachesMarks reports whether a mark ends a sentence of the text right after a word.
func (s *signScan) attachesMarks(text string) bool {
	if s.attaches == 0 {
		s.attaches = -1
		for i := 1; i < len(text); i++ {
			if strings.IndexByte(".,?!", text[i]) >= 0 && isLetterOrDigitByte(text[i-1]|0x20) && (i+1 == len(text) || text[i+1] == ' ' || text[i+1] == '\n') {
				s.attaches = 1
				break
			}
		}
	}
	return s.attaches > 0
}

// nameWithin is how many words after a "does" the verb that it belongs to may stand.
const nameWithin = 16

// goesOnAfterName reports whether a sentence goes on at word i in the way that it does after a name: what does it do, what does it mean.
func (a *analysed) goesOnAfterName(i int) bool {
	switch a.words[i].raw {
	case "do", "work", "mean", "return":
		return slices.ContainsFunc(a.words[max(0, i-1-nameWithin):i-1], func(w word) bool { return w.lower == "does" || w.lower == "do" || w.lower == "did" })
	case "in", "vs", "method", "macro", "function":
		return true
	}
	return false
}

// isProse reports whether an operator is written between words as well: Settings > Privacy, terms & conditions.
func isProse(run string) bool {
	switch run {
	case ">", "<", ">>", "->", "=>", "&", "|", "~":
		return true
	}
	return false
}

// prefix appends the sign that marks before a word are: -d, --force, !x, *p, √2; a hyphen before a line is none.
func (a *analysed) prefix(out []sign, run string, i int) []sign {
	w := &a.words[i]
	letter, digit := utf8.RuneCountInString(w.raw) == 1 && !hasDigit(w.raw), isDigitByte(w.raw[0])
	switch {
	case strings.Trim(run, "-") == "" && len(run) <= 2 && !digit && !letter:
		if strings.HasSuffix(strings.TrimRight(a.text[:w.at], "-− \t"), "\n") {
			return out
		}
		return append(out, sign{key: run + w.raw, word: i})
	case strings.Trim(run, signPrefix) == "" && (letter || digit && strings.ContainsAny(run, "√±")):
		return append(out, sign{key: run + w.raw, word: i, bound: true})
	case strings.ContainsAny(run, operators):
		return append(out, sign{key: run, word: -1, prose: isProse(run) && !a.operand(i)})
	}
	return out
}

// optionalTypes are types that a question mark makes another type of, if the sentence goes on after it. Else it is punctuation: is it in
// Paris? please; how do I parse a string? please.
var optionalTypes = map[string]bool{
	"String": true, "Int": true, "Bool": true, "Boolean": true, "Double": true, "Float": true, "Char": true, "string": true, "int": true, "bool": true,
}

// afterTypes are words that a sentence goes on with after a type.
var afterTypes = map[string]bool{
	"mean": true, "to": true, "and": true, "or": true, "vs": true, "in": true, "is": true, "as": true, "from": true, "into": true,
	"instead": true, "type": true, "types": true, "variable": true, "parameter": true, "property": true,
}

// reckoning are words of texts that calculate.
var reckoning = map[string]bool{
	"calculate": true, "compute": true, "evaluate": true, "simplify": true, "solve": true, "prove": true, "factorial": true, "factorials": true,
	"equal": true, "equals": true, "value": true, "sum": true, "divide": true, "divided": true, "divides": true, "divisible": true,
	"multiply": true, "multiplied": true, "plus": true, "minus": true, "digits": true, "zeros": true, "zeroes": true, "derivative": true,
}

// isFactorial reports whether what looks like a factorial, word i with its mark, is more than an exclamation: I am 30! How do I save;
// today I turned 30! At the end of a text of several words it is that only if the text calculates.
func (a *analysed) isFactorial(i int) bool {
	if i+1 < len(a.words) {
		return !allCapitals(a.words[i+1].raw[:1])
	}
	if len(a.words) <= 2 || strings.ContainsAny(a.text, "=^√×÷") || slices.ContainsFunc(a.words, func(w word) bool { return reckoning[w.lower] }) {
		return true
	}
	switch a.words[i-1].lower {
	case "what's", "whats":
		return true
	case "is": // what is 5!, how much is it
		before := a.words[i-2].lower
		return before == "what" || before == "much" || before == "big" || before == "large"
	}
	return false
}

// isNamedWith reports whether an exclamation mark belongs to the name before it, in a text of more than that: what does sort! do, what
// is user.save! for. Elsewhere a sentence that goes on in small letters was typed by who minds no case: hi! do I need a visa.
func (a *analysed) isNamedWith(i int) bool {
	w := &a.words[i]
	rest := strings.TrimLeft(a.text[w.at+len(w.raw):], "!")
	if i == 0 || !w.content && !isUsed(a.words[i-1].lower) || hasDigit(w.raw) || utf8.RuneCountInString(w.raw) < 2 || allCapitals(w.raw) || strings.HasSuffix(a.text[:w.at], "#") || rest != "" && rest[0] != ' ' { // #REF!
		return false
	}
	inner := strings.ContainsAny(w.raw, "._")
	if i+1 == len(a.words) {
		return inner
	}
	return a.goesOnAfterName(i+1) || inner && a.words[i+1].raw == a.words[i+1].lower
}

// isUsed reports words that are followed by what they speak of, even where that is a little word: use try! in Swift.
func isUsed(before string) bool { return before == "use" || before == "using" || before == "does" }

// suffix returns the sign that marks after a word are, with it: C++, F#, A*, O-, n!, Disney+, String?.
func (a *analysed) suffix(run string, i int) string {
	w := &a.words[i]
	letters := utf8.RuneCountInString(w.raw)
	if hasDigit(w.raw) {
		letters = 0
	}
	ok := false
	switch run {
	case "++", "--":
		ok = letters > 0
	case "+":
		ok = letters > 0 && !strings.HasPrefix(w.lower, "lgbt") // 18+ is "over 18" as well, LGBT+ "and others"
	case "#":
		ok = letters == 1 || letters == 2
	case "*":
		ok = letters == 1
	case "-":
		ok = (letters == 1 || w.raw == "AB") && allCapitals(w.raw) && !a.isArticle(i) // a blood group, or a mark at school
	case "!":
		ok = letters == 0 && strings.Trim(w.raw, "0123456789") == "" || letters == 1 && !allCapitals(w.raw) && !a.isArticle(i)
		ok = ok && a.isFactorial(i)
		ok = ok || a.isNamedWith(i)
	case "!!":
		ok = a.isNamedWith(i)
	case "?":
		ok = optionalTypes[w.raw] && i+1 < len(a.words) && afterTypes[a.words[i+1].raw]
	}
	if !ok {
		return ""
	}
	return w.lower + run
}

// within appends what word i itself holds: a sign between two operands (5-3), or quotes about one (is "5" a number).
func (a *analysed) within(s *signScan, out []sign, i int) []sign {
	w := &a.words[i]
	if len(w.raw) > 3 && !hasDigit(w.raw) { // nearly all words
		return out
	}
	if k := strings.IndexAny(w.raw, "-/"); k > 0 && isOperand(w.raw[:k]) && isOperand(w.raw[k+1:]) {
		out = append(out, sign{key: w.raw[k : k+1], word: -1, prose: true})
	}
	if len(w.raw) == 3 && w.raw[1] == ':' && !hasDigit(w.raw) {
		out = append(out, sign{key: ":", word: i, prose: true})
	}
	if !isOperand(w.raw) {
		return out
	}
	open := plainQuote(utf8.DecodeLastRuneInString(a.text[:w.at]))
	shut := plainQuote(utf8.DecodeRuneInString(a.text[w.at+len(w.raw):]))
	digit := hasDigit(w.raw)
	switch {
	case open != 0 && open == shut && w.raw == "I": // the word
	case open != 0 && open == shut:
		return append(out, sign{key: string(open) + w.lower, word: i, bound: digit})
	case shut != 0 && s.isQuoted(a.text, w.at, shut): // 'plan b'
	case open == 0 && shut == '\'' && !digit: // f'
		return append(out, sign{key: w.lower + "'", word: i, bound: true})
	case open == 0 && shut != 0 && digit: // 5", five inches; 5', five feet
		return append(out, sign{key: w.lower + string(shut), word: i})
	}
	return out
}

func plainQuote(r rune, _ int) rune {
	switch r {
	case '"', '“', '”':
		return '"'
	case '\'', '‘', '’':
		return '\''
	}
	return 0
}

// isQuoted reports whether a quotation in such marks that began in the text before the byte to has not ended in it. The bytes of one
// scan must not go down.
func (s *signScan) isQuoted(text string, to int, mark rune) bool {
	for s.at < to {
		r, n := utf8.DecodeRuneInString(text[s.at:])
		s.at += n
		if q := plainQuote(r, 0); q != 0 {
			open := &s.quoted[quoteKind(q)]
			if next, _ := utf8.DecodeRuneInString(text[s.at:]); *open {
				*open = isAlnum(next) // don't
			} else {
				*open = !isAlnum(s.prev)
			}
		}
		s.prev = r
	}
	return s.quoted[quoteKind(mark)]
}

func quoteKind(quote rune) int {
	if quote == '"' {
		return 0
	}
	return 1
}

// operand reports whether word i is what one calculates with.
func (a *analysed) operand(i int) bool {
	return i >= 0 && i < len(a.words) && isOperand(a.words[i].raw)
}

// isOperand reports a number or a single letter.
func isOperand(s string) bool {
	if s == "" {
		return false
	}
	r, n := utf8.DecodeRuneInString(s)
	return n == len(s) && isAlnum(r) || strings.Trim(s, numerals+"-−") == "" && hasDigit(s)
}

func (a *analysed) isArticle(i int) bool {
	l := a.words[i].lower
	return l == "a" || l == "i"
}
