package cache

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// The identifier guard: what names one particular thing must be the same in both questions. Six degrees:
//
//   - exact: code, URLs, e-mail addresses, paths, UUIDs and hex must be the same, byte for byte;
//   - quotations must be the same but for case, and what one text quotes the other must at least say;
//   - names: see guard_name.go;
//   - signs: see guard_sign.go;
//   - case, accents, marks, quotes and white space, of which the models see little or nothing: see guard_unseen.go;
//   - emoji, signs and words of other scripts, which a model may not read at all: see guard_unread.go.
//
// Two of one shape that differ are a veto; one that the other text lacks is a doubt.

// exactClose is how close the rest of the texts must be for two of one shape that differ to be conclusive. People shorten
// code and calls when they ask, but not addresses.
var exactClose = [...]float64{codeShape: 0.6, urlShape: 0.3, mailShape: 0.3, pathShape: 0.4, hexShape: 0.3, callShape: 0.6, indexShape: 0.6, flagShape: 0.5}

// quoteClose is the same for quotations.
const quoteClose = 0.6

func identifierGuard(p *pair, dst []finding) []finding {
	if x, y, ok := exactDiffers(p.a.exacts, p.b.exacts); ok {
		veto := y.text != "" && p.closeness(p.a.apartIn(p.b, x.text).and(p.b.apartIn(p.a, y.text))) >= exactClose[x.shape]
		dst = append(dst, finding{ReasonIdentifier, x.text, veto})
	}
	if token, veto := quoteDiffers(p); token != "" {
		dst = append(dst, finding{ReasonIdentifier, token, veto})
	}
	return unseenFindings(p, signFindings(p, nameFindings(p, dst)))
}

// shape is the kind of an exact identifier.
type shape uint8

const (
	codeShape shape = iota
	urlShape
	mailShape
	pathShape
	hexShape
	callShape
	indexShape
	flagShape
)

// exact is a part of a text that must be equal byte for byte.
type exact struct {
	text  string
	shape shape
}

var exactForms = regexp.MustCompile("(?s)```.*?```|`[^`\n]+`" + // code
	`|(?i:\b[a-z][a-z0-9+.-]*://[^\s<>"']+|\bwww\.[^\s<>"']+)` + // URLs
	`|[\pL\d._%+-]+@[\pL\d-]+(?:\.[\pL\d-]+)+` + // e-mail
	`|(?i:\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)` + // UUID
	`|(?i:\b0x[0-9a-f]+\b|\b[0-9a-f]{8,}\b)` + // hex
	`|(?i:\b[a-z]:\\[^\s"<>|]*)|(?:^|[\s("'])(?:~|\.{1,2})?/[\pL\d._-]+(?:/[\pL\d._-]*)*` + // paths
	`|\pL[\pL\d_.]*'*\([^()\n]*\)|\pL[\pL\d_.]*\[[^\[\]\n]*\]|--[a-z][a-z-]+\b`) // calls, indices, flags

// exacts returns what of a text must be equal byte for byte.
func exacts(text string) (out []exact) {
	if !mayHoldExact(text) {
		return nil // looking for the forms is the dearest thing that a guard does
	}
	for _, m := range exactForms.FindAllString(text, -1) {
		m = strings.TrimLeft(m, " \t\n(\"'")
		if !strings.HasSuffix(m, "()") {
			m = strings.TrimRight(m, ".,;:!?")
		}
		if s, ok := shapeOf(m); ok {
			if s == urlShape && strings.HasSuffix(m, "/") && strings.Count(strings.Replace(m, "://", "", 1), "/") == 1 {
				m = m[:len(m)-1] // the host's own address, with its path or without
			}
			out = append(out, exact{m, s})
		}
	}
	return out
}

// mayHoldExact reports whether any of the forms can be there: each has one of these signs, or is hex of some length.
func mayHoldExact(text string) bool {
	if strings.ContainsAny(text, "`/\\@([") || strings.Contains(text, "--") || strings.Contains(text, "ww.") {
		return true
	}
	run, digit := 0, false
	for i := range len(text) {
		switch c := text[i] | 0x20; {
		case text[i] >= '0' && text[i] <= '9':
			digit = true
			run++
		case c >= 'a' && c <= 'f' || c == 'x' || text[i] == '-':
			run++
		default:
			run, digit = 0, false
		}
		if digit && run >= 3 && (run >= 8 || text[i-run+1] == '0' && text[i-run+2]|0x20 == 'x') {
			return true
		}
	}
	return false
}

// shapeOf drops what only looks like an identifier: a run of hex digits that is a number or a word (facade), a
// parenthesis in prose, "and/or".
func shapeOf(m string) (shape, bool) {
	if m == "" {
		return 0, false
	}
	hasLetter := strings.ContainsFunc(m, unicode.IsLetter)
	switch {
	case strings.HasPrefix(m, "`"):
		return codeShape, true
	case strings.Contains(m, "://"), len(m) > 4 && strings.EqualFold(m[:4], "www."):
		return urlShape, true
	case strings.Contains(m, "@"):
		return mailShape, true
	case strings.HasPrefix(m, "--"):
		return flagShape, true
	case strings.HasSuffix(m, ")"):
		return callShape, true
	case strings.HasSuffix(m, "]"):
		return indexShape, true
	case strings.ContainsAny(m, `/\`):
		return pathShape, hasLetter
	}
	return hexShape, hasDigit(m) && hasLetter
}

// exactDiffers returns the first of these that the other text lacks, and one of its shape, if there is one, that this
// text lacks.
func exactDiffers(a, b []exact) (x, y exact, ok bool) {
	for i := range a {
		if slices.Contains(b, a[i]) {
			continue
		}
		if !ok {
			x, ok = a[i], true
		}
		for j := range b {
			if b[j].shape == a[i].shape && !slices.Contains(a, b[j]) {
				return a[i], b[j], true
			}
		}
	}
	for j := range b {
		if !ok && !slices.Contains(a, b[j]) {
			x, ok = b[j], true
		}
	}
	return x, exact{}, ok
}

var quoted = regexp.MustCompile(`"([^"\n]{1,200})"|“([^”\n]{1,200})”`)

// quoteDiffers: what is quoted in both must be quoted alike; what one quotes the other must at least contain.
func quoteDiffers(p *pair) (token string, veto bool) {
	asked, stored := p.a.text, p.b.text
	if !strings.ContainsAny(asked, "\"“") && !strings.ContainsAny(stored, "\"“") {
		return "", false
	}
	mine, theirs := quotedOnly(asked, stored), quotedOnly(stored, asked)
	switch {
	case mine == "":
		return theirs, false
	case theirs == "":
		return mine, false
	}
	slip := nearly(strings.ToLower(mine), strings.ToLower(theirs)) && !slices.Equal(strings.Fields(mine), strings.Fields(theirs)) // not "a  b", "a b"
	return mine, p.closeness(p.a.apartIn(p.b, mine).and(p.b.apartIn(p.a, theirs))) >= quoteClose && !slip
}

// quotedOnly returns the first thing that a text quotes and the other does not contain.
func quotedOnly(text, other string) string {
	other = strings.ToLower(other)
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		q := strings.Trim(m[1]+m[2], " .,;:!?")
		if q != "" && !strings.Contains(other, strings.ToLower(q)) {
			return q
		}
	}
	return ""
}
