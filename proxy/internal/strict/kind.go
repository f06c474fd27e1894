package strict

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Schema is a JSON Schema.
type Schema map[string]any

// Ref is a schema that stands under $defs.
func Ref(name string) Schema { return Schema{"$ref": "#/$defs/" + name} }

// AnyOf is a schema that any of several satisfies.
func AnyOf(of ...Schema) Schema { return Schema{"anyOf": of} }

// Kind is a sort of values: what reads one, and the schema of those that it reads. Where a rule cannot be written as a schema,
// the schema is the wider of the two.
type Kind[T any] struct {
	Schema Schema
	Read   func(path string, v jsontext.Value) (T, error)
}

// PlainText is the pattern of strings without control characters, as ECMA-262 and RE2 both read it.
const PlainText = `^[^\x00-\x1f\x7f]*$`

// Text is any string without control characters.
var Text = Kind[string]{Schema{"type": "string", "pattern": PlainText}, ReadText}

// ReadText reads such a string.
func ReadText(path string, v jsontext.Value) (string, error) {
	if v.Kind() != jsontext.KindString {
		return "", Wrong(path, "give a string")
	}
	b, err := jsontext.AppendUnquote(nil, []byte(v))
	if err != nil {
		return "", syntax(path, err)
	}
	if !utf8.Valid(b) || strings.ContainsFunc(string(b), func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", Wrong(path, "the string holds a control character")
	}
	return string(b), nil
}

// Filled is such a string that is not empty, and not longer than most bytes.
func Filled(most int) Kind[string] {
	return Kind[string]{Schema{"type": "string", "pattern": PlainText, "minLength": 1, "maxLength": most}, func(path string, v jsontext.Value) (string, error) {
		s, err := ReadText(path, v)
		if err == nil && (s == "" || len(s) > most) {
			return "", Wrong(path, "give a string of 1 to %d bytes", most)
		}
		return s, err
	}}
}

// Bool is true or false.
var Bool = Kind[bool]{Schema{"type": "boolean"}, func(path string, v jsontext.Value) (bool, error) {
	switch v.Kind() {
	case jsontext.KindTrue:
		return true, nil
	case jsontext.KindFalse:
		return false, nil
	}
	return false, Wrong(path, "give true or false")
}}

// Range bounds a number. Above is a bound that is not itself allowed.
type Range struct{ Min, Above, Max *float64 }

// ReadNumber reads a finite number.
func ReadNumber(path string, v jsontext.Value) (float64, error) {
	f, err := strconv.ParseFloat(string(v), 64)
	if v.Kind() != jsontext.KindNumber || err != nil || math.IsInf(f, 0) {
		return 0, Wrong(path, "give a number")
	}
	return f, nil
}

// Number is a number within a range; what says which in words, as "seconds, 0 or more".
func Number(r Range, what string) Kind[float64] {
	s := Schema{"type": "number"}
	for key, bound := range map[string]*float64{"minimum": r.Min, "exclusiveMinimum": r.Above, "maximum": r.Max} {
		if bound != nil {
			s[key] = *bound
		}
	}
	return Kind[float64]{s, func(path string, v jsontext.Value) (float64, error) {
		f, err := ReadNumber(path, v)
		if err != nil || r.Min != nil && f < *r.Min || r.Above != nil && f <= *r.Above || r.Max != nil && f > *r.Max {
			return 0, Wrong(path, "is %s: give %s", ShownValue(v), what)
		}
		return f, nil
	}}
}

// Whole is a whole number from low to high.
func Whole(low, high int) Kind[int] {
	return Kind[int]{Schema{"type": "integer", "minimum": low, "maximum": high}, func(path string, v jsontext.Value) (int, error) {
		f, err := ReadNumber(path, v)
		if err != nil || f != math.Trunc(f) || f < float64(low) || f > float64(high) {
			return 0, Wrong(path, "is %s: give a whole number from %d to %d", ShownValue(v), low, high)
		}
		return int(f), nil
	}}
}

// OneOf is one of a few words.
func OneOf(words ...string) Kind[string] {
	return Kind[string]{Schema{"enum": words}, func(path string, v jsontext.Value) (string, error) {
		s, err := ReadText(path, v)
		if err != nil || !slices.Contains(words, s) {
			word := ShownValue(v)
			if err == nil && len(s) <= maxWord {
				word = strconv.Quote(Shown(s))
			}
			return "", Wrong(path, "is %s: give %s", word, Or(words))
		}
		return s, nil
	}}
}

// Or lists words for a person.
func Or(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// List is an array of at least least items and at most most; most 0: no limit.
func List[T any](k Kind[T], least, most int) Kind[[]T] {
	s := Schema{"type": "array", "items": k.Schema}
	if least > 0 {
		s["minItems"] = least
	}
	if most > 0 {
		s["maxItems"] = most
	}
	return Kind[[]T]{s, func(path string, v jsontext.Value) ([]T, error) {
		out := []T{}
		err := Array(path, v, func(at string, v jsontext.Value) error {
			if most > 0 && len(out) == most {
				return Wrong(at, "is one too many: at most %d are allowed", most)
			}
			t, err := k.Read(at, v)
			out = append(out, t)
			return err
		})
		if err == nil && len(out) < least {
			return out, Wrong(path, "is empty: give at least %d", least)
		}
		return out, err
	}}
}

// Raw is a value that is read later, or by somebody else, who has the schema.
func Raw(s Schema) Kind[jsontext.Value] {
	return Kind[jsontext.Value]{s, func(_ string, v jsontext.Value) (jsontext.Value, error) { return v, nil }}
}
