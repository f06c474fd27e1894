package cache

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Case that tells things apart. In prose it says nothing: people type Rome, rome and ROME. It says something in code, formats, paths and
// single letters, where a text asks what letters are, and in a few names that are words.

// caseDegree is how much it says that a field is in another case in the other text.
type caseDegree uint8

const (
	caseless   caseDegree = iota // nothing: Rome, rome
	caseCounts                   // enough not to take one for the other: [x], [X]
	caseMinded                   // they are two things where whoever wrote them minds case: my_Var, src/Foo.java
	caseTells                    // they are two things: %Y, getElementByID
)

// caseApart compares two fields that are equal but for case.
func caseApart(v, w string) caseDegree {
	_, first := utf8.DecodeRuneInString(v)
	switch {
	case v == w:
		return caseless
	case len(v) != len(w): // a letter whose other case is longer
		return caseCounts
	case len(v) == first: // see lone
		return caseless
	case strings.Contains(v, `\`), beforeLetter(v, '%'), len(v) <= maxMode && beforeLetter(v, '+'):
		return caseTells
	case isPattern(v) && isPattern(w):
		if oneCase(v) && oneCase(w) { // DD/MM/YYYY, to who formats none
			return caseMinded
		}
		return caseTells
	case !oneCase(v[first:]) && !oneCase(w[first:]) && v[first:] != w[first:] && !strings.Contains(v, "-") && (ofCode(v) || ofCode(w)): // not US-Based
		return caseTells
	case v[0] == '$' && !hasDigit(v), strings.ContainsAny(v, "=^"):
		return caseMinded
	}
	if i := strings.IndexByte(v, '/'); i >= 0 {
		switch {
		case strings.Contains(v, "://"): // an address, which must be the same to the byte
			return caseCounts
		case isHost(v[:i]):
			if v[i:] == w[i:] {
				return caseless
			}
			return caseTells
		case i == 0 || strings.ContainsAny(v, "._~") || hasDigit(v):
			return caseMinded
		}
		return caseless // HTML/CSS
	}
	if v[0] != '_' && strings.Contains(v, "_") {
		return caseMinded
	}
	if strings.IndexByte(v, '.') > 0 && v[first:] != w[first:] && !isHost(v) && !isAbbreviation(v) {
		return caseMinded
	}
	if v[0] == '-' || strings.ContainsAny(v, "_<>{}[]*|~`") {
		return caseCounts
	}
	return caseless
}

// ofCode reports what may be a name in code, where each capital counts, by its marks or because it begins with a small letter. Of a
// product's capitals people are not sure: MySQL, MySql.
func ofCode(s string) bool {
	if s = strings.TrimLeft(s, `"'([`); !strings.ContainsAny(s, "([") { // not a call
		s = strings.TrimRight(s, `"'),]`)
	}
	if isHost(s) && strings.Count(s, ".") == 1 && !strings.ContainsAny(s, "@:/") || smallProducts[strings.ToLower(s)] { // Node.JS, macOs
		return false
	}
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLower(r) || hasDigit(s) || strings.ContainsAny(s, "._()[]{}<>=$:*|^~`")
}

// smallProducts are products that begin with a small letter, or are begun with one, and have capitals within.
var smallProducts = map[string]bool{"macos": true, "ipados": true, "watchos": true, "mysql": true, "phpmyadmin": true, "openai": true, "chatgpt": true}

// maxMode is the longest mode that a file is given: ug+rwX.
const maxMode = 6

func oneCase(s string) bool { return s == strings.ToLower(s) || s == strings.ToUpper(s) }

// beforeLetter reports whether a mark stands in a field right before a letter: %d, u+x.
func beforeLetter(s string, mark byte) bool {
	for i := range len(s) - 1 {
		if s[i] == mark && isLetterByte(s[i+1]) {
			return true
		}
	}
	return false
}

// isPattern reports a pattern such as dates and times are formatted by: parts that are one letter each, repeated, as yyyy-MM-dd.
func isPattern(s string) bool {
	parts, repeated := 1, false
	for i := range len(s) {
		switch c := s[i]; {
		case strings.IndexByte("-/:.", c) >= 0:
			if i == 0 || i+1 == len(s) || !isLetterOrDigitByte(s[i+1]|0x20) {
				return false
			}
			parts++
		case !isLetterByte(c):
			return false
		case i > 0 && s[i-1] == c:
			repeated = true
		case i > 0 && isLetterOrDigitByte(s[i-1]|0x20):
			return false
		}
	}
	return parts > 1 && repeated
}

// hostEndings are the last parts of names that are not told apart by case: example.com, Node.js.
var hostEndings = map[string]bool{
	"com": true, "org": true, "net": true, "io": true, "co": true, "uk": true, "de": true, "fr": true, "eu": true, "in": true, "ai": true,
	"app": true, "dev": true, "edu": true, "gov": true, "info": true, "me": true, "tv": true, "us": true, "ca": true, "au": true, "js": true,
}

func isHost(s string) bool {
	i := strings.LastIndexByte(s, '.')
	return i > 0 && hostEndings[strings.ToLower(s[i+1:])]
}

// isAbbreviation reports parts of a letter or two: U.S, p.m, Ph.D.
func isAbbreviation(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if len(part) > 2 {
			return false
		}
	}
	return true
}

// lone reports whether word i is a single letter that names something by itself (what is R in statistics), not with a word beside it
// (vitamin C, plan b, C programming), and not one of several to choose from (A or B).
func (a *analysed) lone(i int) bool {
	w := &a.words[i]
	if utf8.RuneCountInString(w.raw) != 1 || hasDigit(w.raw) || i == 0 || a.isArticle(i) {
		return false
	}
	if strings.TrimSpace(a.gap(i)) != "" || i+1 < len(a.words) && strings.ContainsAny(a.gap(i+1), "+#&-–/") { // AT&T, C++
		return false
	}
	if w.raw[0] >= utf8.RuneSelf { // Σ, σ
		return true
	}
	prev := &a.words[i-1]
	switch prev.lower {
	case "in", "with", "for", "or", "a", "an", "using", "use":
		return false
	}
	return !prev.content && !hasDigit(prev.raw) && !(i+1 < len(a.words) && (a.words[i+1].content || a.words[i+1].lower == "or"))
}

// capitalNames are words that name something in capitals.
var capitalNames = map[string]bool{
	"it": true, "us": true, "who": true, "ice": true, "soap": true, "rest": true, "salt": true, "stem": true, "cobra": true,
}

// properNames are words that name something with a capital.
var properNames = map[string]bool{"windows": true, "polish": true, "turkey": true, "china": true}

// letterFunctions are what is made of letters, and differs with their case; in the text of a question it says so. Of what is true here only
// whoever asks can say whether he minds case.
var letterFunctions = map[string]bool{
	"md5": true, "sha": true, "sha1": true, "sha256": true, "sha512": true, "sha-1": true, "sha-256": true, "sha-512": true, "crc32": true, "base64": true,
	"ascii": true, "unicode": true, "uppercase": true, "lowercase": true, "case-sensitive": true, "rot13": true,
	"hash": false, "keyword": false, "keywords": false, "regex": false, "regexp": false, "spell": false, "spelled": false, "spelling": false,
}

// asksOfLetters returns the words that the text asks the letters of, first to last, and whether what it asks differs with their case in
// any text; first is -1 if it asks nothing of the kind. After "of" they are known; else all that is in another case may be meant.
func (a *analysed) asksOfLetters() (first, last int, surely bool) {
	for i := range a.words {
		strong, ok := letterFunctions[a.words[i].lower]
		if !ok && strings.HasPrefix(a.words[i].lower, "capitali") {
			strong, ok = true, true
		}
		if !ok || a.words[i].lower == "hash" && !a.besideHash(i-1) && !a.besideHash(i+1) {
			continue
		}
		for j := i + 1; j < len(a.words) && j <= i+3; j++ {
			if l := a.words[j].lower; l != "of" && l != "for" || j+1 == len(a.words) {
				continue
			}
			switch first = j + 1; a.words[first].lower {
			case "a", "an", "the", "my": // a file
				return -1, -1, false
			}
			for last = first; last+1 < len(a.words) && !prepositions[a.words[last+1].lower]; {
				last++
			}
			return first, last, strong
		}
		return 1, len(a.words) - 1, false
	}
	return -1, -1, false
}

// besideHash reports whether there is a word i by which a hash is one of letters, and no dish.
func (a *analysed) besideHash(i int) bool {
	if i < 0 || i >= len(a.words) {
		return false
	}
	switch a.words[i].lower {
	case "of", "function", "functions", "key", "keys":
		return true
	}
	return false
}

// placedBy returns the preposition that says of word i what is used, or where, not what is asked about: regex in Python, spelling in
// the Word app; "": there is none.
func (a *analysed) placedBy(i int) string {
	for far := 0; i > 0 && !littleWords[a.words[i].lower]; i-- {
		switch a.words[i].stem {
		case "match", "find", "accept", "return", "equal", "replac": // regex in Python match Foo
			return ""
		}
		if far++; far > 3 {
			return ""
		}
	}
	switch a.words[i].lower {
	case "a", "an", "the", "my":
		i = max(0, i-1)
	}
	switch l := a.words[i].lower; l {
	case "in", "on", "with", "using", "by", "from": // not "to": a regex to match Foo
		return l
	}
	return ""
}

// prepositions end what is asked about.
var prepositions = map[string]bool{"in": true, "with": true, "using": true, "by": true, "on": true, "as": true, "from": true, "to": true}

// caseFindings says what case tells apart in two texts of the same words: a word, and whether that is conclusive.
func caseFindings(a, b *analysed) (token string, veto bool) {
	if a.text == b.text {
		return "", false
	}
	minded, careless := a.mindsCase() && b.mindsCase(), a.dropsCase(b) || b.dropsCase(a)
	first, last, surely := a.asksOfLetters()
	see := func(w string, conclusive bool) {
		if token == "" || conclusive && !veto {
			token, veto = w, conclusive
		}
	}
	for i := range a.words {
		x, y := &a.words[i], &b.words[i]
		if x.straight() == y.straight() {
			continue
		}
		_, isFunction := letterFunctions[x.lower]
		switch capitals := allCapitals(x.raw) != allCapitals(y.raw); {
		case !sameUnitCase(unitCase(x.raw), unitCase(y.raw)) && (x.lower != "cal" || i > 0 && hasDigit(a.words[i-1].raw)), // how many Mb are a Gb; not Cal Poly
			a.markedLetter(i) && b.markedLetter(i),
			minded && capitals && (capitalNames[x.lower] && !(i > 0 && a.words[i-1].lower == "the") || a.counted(i)), // the us is no pronoun
			minded && !x.start && !y.start && properNames[x.lower]:
			see(x.raw, true)
		case a.lone(i) && b.lone(i):
			see(x.raw, minded)
		case first >= 0 && first <= i && i <= last && !isFunction && x.lower != "i" && (surely || !careless):
			// A regex for lines with Foo; a regex with Python.
			if by := a.placedBy(i); by == "" || by == "with" {
				see(x.raw, surely || minded && by == "")
			}
		}
	}
	if veto {
		return token, veto
	}
	v, w := fieldsOf(unwrapped(a.text)), fieldsOf(unwrapped(b.text))
	if len(v) != len(w) {
		return token, veto
	}
	for i := range v {
		if _, first := utf8.DecodeRuneInString(v[i].text); !strings.EqualFold(v[i].text, w[i].text) ||
			i == 0 && len(v[i].text) == len(w[i].text) && v[i].text[first:] == w[i].text[first:] { // a sentence begins
			continue
		}
		switch caseApart(v[i].text, w[i].text) {
		case caseTells:
			see(v[i].text, true)
		case caseMinded:
			see(v[i].text, !careless && (minded || !oneCase(v[i].text) || !oneCase(w[i].text)))
		}
	}
	return token, veto
}

// markedLetter reports a single letter right after a mark that begins with it: %d, :q, $x; not R&D, AT&T.
func (a *analysed) markedLetter(i int) bool {
	w := &a.words[i]
	before := strings.TrimRight(a.text[:w.at], "%:$@#/")
	prev, _ := utf8.DecodeLastRuneInString(before)
	return len(before) < w.at && !isAlnum(prev) && utf8.RuneCountInString(w.raw) == 1
}

// counted reports an m after a number: 5 M, molar; 5 m. Before what is counted it is a million in any case: 5m users.
func (a *analysed) counted(i int) bool {
	digits := strings.TrimSuffix(a.words[i].lower, "m")
	if digits == a.words[i].lower || !(isOperand(digits) || digits == "" && a.operand(i-1)) {
		return false
	}
	if i+1 == len(a.words) {
		return true
	}
	next := &a.words[i+1]
	return !(next.lower == "people" || next.content && strings.HasSuffix(next.lower, "s") && !strings.HasSuffix(next.lower, "ss"))
}

// dropsCase reports whether the text is all in one case, and the other a sentence, or has capitals in several words.
func (a *analysed) dropsCase(b *analysed) bool {
	if len(a.words) > 2 && allCapitals(a.text) {
		return true
	}
	if a.text != strings.ToLower(a.text) {
		return false
	}
	capitals := 0
	for i := range b.words {
		if b.words[i].straight() != b.words[i].lower {
			if capitals++; i == 0 || capitals > 1 {
				return true
			}
		}
	}
	return false
}

// mindsCase reports whether whoever wrote the text minds case: it begins with a capital, and there are words without one.
func (a *analysed) mindsCase() bool {
	lower := func(w word) bool { return w.straight() == w.lower && len(w.raw) > 1 && !hasDigit(w.raw) }
	i := slices.IndexFunc(a.words, func(w word) bool { return !hasDigit(w.raw) })
	if i < 0 || !slices.ContainsFunc(a.words, lower) {
		return false
	}
	r, _ := utf8.DecodeRuneInString(a.words[i].raw)
	return unicode.IsUpper(r)
}
