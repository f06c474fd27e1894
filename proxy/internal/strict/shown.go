package strict

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxName   = 64 // how much of a name an error repeats
	maxWord   = 24 // and of a word: no key is that short
	bareKey   = 32 // letters and digits in one run are a key from so many on, or hexadecimal digits of either sort
	shownHead = 3  // what is left of what is not repeated
)

// keyBegins are how the keys of providers, and the gateway's own, begin, in small letters.
var keyBegins = []string{"sk-", "sk_", "pk-", "rk-", "rpk_", "gsk_", "xai-", "hf_", "pplx-", "fw_", "aiza", "bearer "}

// Shown is a name that a caller gave, for an error about it: it tells a slip of the pen, and a key that was put in the place of a
// name by mistake is not told to whatever keeps the error. Keys begin like keyBegins, after a dot too, have a long run of letters and
// digits in them, or are long themselves.
func Shown(name string) string {
	if len(name) <= maxName && !likeKey(name) {
		return name
	}
	return name[:min(len(name), shownHead)] + "…"
}

// ShownWord is the same of what is short wherever it is right: a mode, a number, true or false.
func ShownWord(s string) string {
	if len(s) > maxWord {
		return s[:shownHead] + "…"
	}
	return Shown(s)
}

// ShownValue is a value as it may be repeated: a text may be a key that was put in the wrong place.
func ShownValue(v jsontext.Value) string {
	switch v.Kind() {
	case jsontext.KindNumber, jsontext.KindTrue, jsontext.KindFalse, jsontext.KindNull:
		return ShownWord(string(v))
	case jsontext.KindString:
		return "a string"
	case jsontext.KindBeginArray:
		return "an array"
	}
	return "an object"
}

func likeKey(s string) bool {
	s = strings.ToLower(s)
	for part := range strings.SplitSeq(s, ".") {
		part = strings.Trim(part, "\"' \t")
		for _, begin := range keyBegins {
			if strings.HasPrefix(part, begin) {
				return true
			}
		}
	}
	for run := range strings.FieldsFuncSeq(s, func(r rune) bool { return !isDigit(r) && !isLetter(r) }) {
		if len(run) >= bareKey && (strings.Trim(run, "0123456789abcdef") == "" || strings.ContainsFunc(run, isDigit) && strings.ContainsFunc(run, isLetter)) {
			return true
		}
	}
	return false
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

func isLetter(r rune) bool { return 'a' <= r && r <= 'z' } // of what is in small letters
