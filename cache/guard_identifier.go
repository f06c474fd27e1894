package cache

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
)

// The identifier guard: what names one particular thing must be the same in both questions. Two degrees:
//
//   - exact: code, URLs, e-mail addresses, paths, UUIDs and hex must be the same multiset, byte for byte;
//   - names: product codes, acronyms and words with a capital in mid-sentence may be written in either case, but
//     one that the other text has not at all is a difference.

var exactForms = regexp.MustCompile("(?s)```.*?```|`[^`\n]+`" + // code
	`|(?i:\b[a-z][a-z0-9+.-]*://[^\s<>"']+|\bwww\.[^\s<>"']+)` + // URLs
	`|[\pL\d._%+-]+@[\pL\d-]+(?:\.[\pL\d-]+)+` + // e-mail
	`|(?i:\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)` + // UUID
	`|(?i:\b0x[0-9a-f]+\b|\b[0-9a-f]{8,}\b)` + // hex
	`|(?i:\b[a-z]:\\[^\s"<>|]*)|(?:^|[\s("'])(?:~|\.{1,2})?/[\pL\d._-]+(?:/[\pL\d._-]*)*` + // paths
	`|\pL[\pL\d_]*\([^()\n]*\)|--?[a-z][a-z-]+\b`) // calls and flags: only kept where isExact says so

var quoted = regexp.MustCompile(`"([^"\n]{1,200})"|“([^”\n]{1,200})”`)

func identifierGuard(a, b *analysed, dst []finding) []finding {
	if token, both := exactDiffers(a.text, b.text); token != "" {
		dst = append(dst, finding{ReasonIdentifier, token, both})
	}
	if token, both := quoteDiffers(a.text, b.text); token != "" {
		dst = append(dst, finding{ReasonIdentifier, token, both})
	}
	if token := nameMissing(a.words, b.words, b.text); token != "" {
		dst = append(dst, finding{ReasonIdentifier, token, false})
	}
	if token := nameMissing(b.words, a.words, a.text); token != "" {
		dst = append(dst, finding{ReasonIdentifier, token, false})
	}
	return dst
}

// exacts returns what of a text must be equal byte for byte.
func exacts(text string) []string {
	if !strings.ContainsAny(text, "`/\\@(0123456789") && !strings.Contains(text, "--") && !strings.Contains(text, "ww.") {
		return nil // none of the forms can be there, and looking for them is the dearest thing that a guard does
	}
	var out []string
	for _, m := range exactForms.FindAllString(text, -1) {
		if m = strings.TrimRight(strings.TrimLeft(m, " \t\n(\"'"), ".,;:!?)"); isExact(m) {
			out = append(out, m)
		}
	}
	return out
}

// isExact drops what only looks like an identifier: a run of hex digits that is a number or a word (facade,
// deadbeef has no digit either), a call in prose, "and/or".
func isExact(m string) bool {
	if m == "" {
		return false
	}
	hasDigit := strings.ContainsFunc(m, unicode.IsDigit)
	hasLetter := strings.ContainsFunc(m, unicode.IsLetter)
	switch {
	case strings.HasPrefix(m, "`"), strings.Contains(m, "://"), strings.Contains(m, "@"), strings.HasPrefix(strings.ToLower(m), "www."):
		return true
	case strings.HasPrefix(m, "-"):
		return strings.HasPrefix(m, "--")
	case strings.HasSuffix(m, ")"):
		return true
	case strings.ContainsAny(m, `/\`):
		return hasLetter
	}
	return hasDigit && hasLetter
}

// exactDiffers returns the first of these that the other text lacks, and whether each text has one that the other
// lacks.
func exactDiffers(asked, stored string) (token string, both bool) {
	a, b := exacts(asked), exacts(stored)
	for _, x := range a {
		if i := slices.Index(b, x); i >= 0 {
			b = slices.Delete(b, i, i+1)
		} else if token == "" {
			token = x
		}
	}
	if token == "" && len(b) > 0 {
		return b[0], false
	}
	return token, len(b) > 0
}

// quoteDiffers: what is quoted in both must be quoted alike; what one quotes the other must at least contain. both
// says that both quote something that the other does not contain.
func quoteDiffers(asked, stored string) (token string, both bool) {
	if !strings.ContainsAny(asked, "\"“") && !strings.ContainsAny(stored, "\"“") {
		return "", false
	}
	mine, theirs := quotedOnly(asked, stored), quotedOnly(stored, asked)
	if mine == "" {
		return theirs, false
	}
	return mine, theirs != ""
}

// quotedOnly returns the first thing that a text quotes and the other does not contain.
func quotedOnly(text, other string) string {
	other = strings.ToLower(other)
	for _, m := range quoted.FindAllStringSubmatch(text, -1) {
		q := strings.TrimRight(m[1]+m[2], ".,;:!?")
		if q != "" && !strings.Contains(other, strings.ToLower(q)) {
			return q
		}
	}
	return ""
}

// plainCapitals are words that English writes with a capital, or in capitals, without naming anything.
var plainCapitals = map[string]bool{
	"i": true, "i'm": true, "i'd": true, "i've": true, "i'll": true, "ok": true, "faq": true, "asap": true, "pls": true,
	"please": true, "thanks": true, "hi": true, "hello": true, "hey": true, "thank": true, "cheers": true, "id": true,
	"btw": true, "fyi": true, "imo": true, "aka": true, "eg": true, "tv": true, "am": true, "pm": true, "a": true,
}

// nameMissing finds a name of one text that the other does not have in any case or form.
func nameMissing(from, in []word, inText string) string {
	names := properNames(from)
	if len(names) == 0 {
		return ""
	}
	have := map[string]bool{}
	var initials strings.Builder
	for _, w := range in {
		have[w.lower], have[stem(w.lower)], have[squeeze(w.lower)] = true, true, true
		for part := range strings.SplitSeq(w.lower, "-") {
			have[part] = true
			r, _ := utf8.DecodeRuneInString(part)
			initials.WriteRune(r)
		}
	}
	squeezed := squeeze(inText)
	for _, n := range names {
		switch {
		case have[n.lower], have[stem(n.lower)], have[squeeze(n.lower)]:
		case len(n.lower) >= 4 && strings.Contains(squeezed, squeeze(n.lower)): // e-mail, email; Wi-Fi, wifi
		case isAcronym(n.raw) && strings.Contains(initials.String(), n.lower): // SSO, single sign-on
		case spelledOut(n, from, in): // single sign-on, SSO
		case misspelt(n.lower, in):
		default:
			return n.raw
		}
	}
	return ""
}

// squeeze keeps the letters and digits, in lower case.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if isAlnum(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
}

// isAcronym reports two or more capitals, with a plural s perhaps.
func isAcronym(raw string) bool {
	raw = strings.TrimSuffix(strings.TrimSuffix(raw, "s"), "'")
	return len(raw) >= 2 && !strings.ContainsFunc(raw, func(r rune) bool { return !unicode.IsUpper(r) && !unicode.IsDigit(r) })
}

// misspelt reports whether the other text has the name but for one letter. Short names and codes are another's
// name by one letter as often as not (Iran, Iraq), and are not forgiven it.
func misspelt(name string, in []word) bool {
	if utf8.RuneCountInString(name) < 6 || strings.ContainsFunc(name, unicode.IsDigit) {
		return false
	}
	return slices.ContainsFunc(in, func(w word) bool { return levenshtein.ComputeDistance(name, w.lower) == 1 })
}

// spelledOut reports whether the other text has an acronym of the capitalised words around n.
func spelledOut(n word, from, in []word) bool {
	var initials strings.Builder
	for _, w := range from {
		for part := range strings.SplitSeq(w.lower, "-") {
			r, _ := utf8.DecodeRuneInString(part)
			initials.WriteRune(r)
		}
	}
	first, _ := utf8.DecodeRuneInString(n.lower)
	for _, w := range in {
		if len(w.raw) >= 2 && isAcronym(w.raw) && strings.ContainsRune(w.lower, first) && strings.Contains(initials.String(), w.lower) {
			return true
		}
	}
	return false
}

// properNames returns the words of a text that name something: with a capital where the sentence asks for none,
// or of letters and digits mixed. A text that is mostly in capitals says nothing by them.
func properNames(ws []word) []word {
	capitals := 0
	for _, w := range ws {
		if r, _ := utf8.DecodeRuneInString(w.raw); unicode.IsUpper(r) {
			capitals++
		}
	}
	title := len(ws) > 3 && capitals*10 > len(ws)*6
	var out []word
	for _, w := range ws {
		r, _ := utf8.DecodeRuneInString(w.raw)
		mixed := strings.ContainsFunc(w.raw, unicode.IsDigit) && strings.ContainsFunc(w.raw, unicode.IsLetter)
		base, _, _ := strings.Cut(w.lower, "'")
		switch {
		case plainCapitals[w.lower], plainCapitals[base]:
		case mixed:
			if _, used := numberAt([]word{w}); used == 0 && !common[w.lower] {
				out = append(out, w)
			}
		case title:
		case unicode.IsUpper(r) && (!w.start || isAcronym(w.raw)):
			w.lower = strings.TrimSuffix(w.lower, "'s")
			out = append(out, w)
		}
	}
	return out
}

// common are words of letters and digits that other words stand for as well.
var common = map[string]bool{"2fa": true, "2-fa": true, "mfa2": true, "24x7": true, "4x4": true, "b2b": true, "b2c": true, "p2p": true, "mp3": true, "mp4": true, "h2o": true, "co2": true}
