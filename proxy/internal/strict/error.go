package strict

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/go-json-experiment/json/jsontext"
)

// Error is what is wrong with a value: where, and what to write instead.
type Error struct {
	Path    string // as targets[1].weight; "": the whole
	Code    string // invalid_config, unknown_field, unknown_provider, unknown_virtual_key, …
	Message string
}

// Error returns the message, which begins with the path.
func (e *Error) Error() string {
	if e.Path == "" {
		return "config: " + e.Message
	}
	return e.Path + ": " + e.Message
}

// Wrong is an *Error about the value at a path.
func Wrong(path, format string, args ...any) error {
	return &Error{Path: path, Code: "invalid_config", Message: fmt.Sprintf(format, args...)}
}

// maxErrors is how many complaints one text gets. A caller must not be able to ask for an answer of any size.
const maxErrors = 20

// errorList gathers complaints.
type errorList []error

// add notes a complaint, if there is one, and reports whether there is room for more.
func (l *errorList) add(err error) bool {
	if err != nil {
		*l = append(*l, All(err)...)
	}
	return len(*l) < maxErrors
}

func (l errorList) err() error {
	if len(l) < 2 {
		return errors.Join(l...)
	}
	return errors.Join(l[:min(len(l), maxErrors)]...)
}

// All takes apart what Read returns: every complaint by itself.
func All(err error) []error {
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		return j.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// Errors finds every *Error in what err wraps.
func Errors(err error) (out []*Error) {
	switch e := err.(type) {
	case *Error:
		return []*Error{e}
	case interface{ Unwrap() error }:
		return Errors(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			out = append(out, Errors(part)...)
		}
	}
	return out
}

// At runs a check that knows nothing of paths, and puts the path on the *Error that it returns.
func At[T any](path string, check func(T) error, v T) error {
	if check == nil {
		return nil
	}
	err := check(v)
	if e, ok := err.(*Error); ok {
		c := *e
		c.Path = path
		return &c
	}
	return err
}

// Join is the path of a member.
func Join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// Under is the path of a member whose name the client chose: fit to be repeated, and without a key that was put there by mistake.
func Under(path, name string) string { return Clip(Join(path, Shown(name))) }

// Clip keeps a path that a client wrote fit for a header, a log and a person.
func Clip(path string) string {
	clean := strings.Map(func(r rune) rune {
		if (r < ' ' || r > '~') && r != '…' { // which stands for what was left out
			return '?'
		}
		return r
	}, path)
	if len(clean) > 200 {
		return strings.ToValidUTF8(clean[:200], "") + "…"
	}
	return clean
}

// Unknown refuses a member of the object at a path, and names the one that was likely meant.
func Unknown(path, name string, known []string) error {
	e := &Error{Path: Under(path, name), Code: "unknown_field", Message: "unknown key"}
	best, cost := "", max(2, len(name)/3)+1
	for _, k := range known {
		if len(name) > 64 {
			break
		}
		if c := levenshtein.ComputeDistance(strings.ToLower(name), k); c < cost {
			best, cost = k, c
		}
	}
	if best != "" {
		e.Message += " (did you mean " + strconv.Quote(best) + "?)"
	} else {
		e.Message += ": the known ones are " + strings.Join(known, ", ")
	}
	return e
}

// syntax tells where the text is no JSON. The decoder's own words may quote it, and it may hold a key.
func syntax(path string, err error) error {
	var se *jsontext.SyntacticError
	switch {
	case errors.As(err, &se) && errors.Is(err, jsontext.ErrDuplicateName):
		return Wrong(path, "a name is given twice in one object")
	case errors.As(err, &se):
		return Wrong(path, "not valid JSON at byte %d", se.ByteOffset)
	}
	return Wrong(path, "not valid JSON: the text ends too early")
}
