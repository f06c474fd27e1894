package route

import (
	"bytes"
	"errors"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/agnivade/levenshtein"
	"github.com/go-json-experiment/json/jsontext"
)

// Checks are what a config is held to that only the gateway knows. A nil one accepts everything. They return an *Error
// without a path, or nil; Cache returns one with its path.
type Checks struct {
	Provider   func(name string) error
	VirtualKey func(name string) error
	Host       func(url string) error
	Cache      func(path string, v jsontext.Value) error
	Override   func(path string, t *Target) error // may change t, whose overriding members were just read

	Prefix string // of every path, as "config" where the config is a part of something; "": none
}

// Parse reads a request config: one JSON object. Outer, if not nil, is what the request's headers say; it fills in what the
// config leaves open. The error is an *Error.
func Parse(src []byte, outer *Target, checks Checks) (*Config, error) {
	p := parser{checks: checks, cfg: &Config{}}
	root, err := p.target(checks.Prefix, jsontext.Value(bytes.TrimSpace(src)), 0)
	if err != nil {
		return nil, err
	}
	if outer == nil {
		outer = &Target{}
	}
	return p.finish(root, outer)
}

// Simple is the config of a request without one: t is its only target.
func Simple(t *Target, checks Checks) (*Config, error) {
	p := parser{checks: checks, cfg: &Config{}}
	return p.finish(&Target{}, t)
}

type parser struct {
	checks Checks
	cfg    *Config
	count  int

	groupName string // the spelling of the root's targets
}

// object calls each with every member of v, in order. Names must be unique and text valid UTF-8.
func object(path string, v jsontext.Value, each func(name string, v jsontext.Value) error) error {
	if v.Kind() != jsontext.KindBeginObject {
		return wrong(path, "give a JSON object")
	}
	d := jsontext.NewDecoder(bytes.NewReader(v))
	if _, err := d.ReadToken(); err != nil {
		return syntax(path, err)
	}
	for d.PeekKind() != jsontext.KindEndObject {
		t, err := d.ReadToken()
		if err != nil {
			return syntax(path, err)
		}
		name := t.String()
		value, err := d.ReadValue()
		if err != nil {
			return syntax(path, err)
		}
		if err := each(name, value.Clone()); err != nil {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return syntax(path, err)
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return wrong(path, "something follows the JSON object")
	}
	return nil
}

func array(path string, v jsontext.Value, each func(path string, v jsontext.Value) error) error {
	if v.Kind() != jsontext.KindBeginArray {
		return wrong(path, "give a JSON array")
	}
	d := jsontext.NewDecoder(bytes.NewReader(v))
	if _, err := d.ReadToken(); err != nil {
		return syntax(path, err)
	}
	for i := 0; d.PeekKind() != jsontext.KindEndArray; i++ {
		value, err := d.ReadValue()
		if err != nil {
			return syntax(path, err)
		}
		if err := each(path+"["+strconv.Itoa(i)+"]", value.Clone()); err != nil {
			return err
		}
	}
	return nil
}

// syntax tells where the text is no JSON. The decoder's own words may quote it, and it may hold a key.
func syntax(path string, err error) error {
	var se *jsontext.SyntacticError
	switch {
	case errors.As(err, &se) && errors.Is(err, jsontext.ErrDuplicateName):
		return wrong(path, "a name is given twice in one object")
	case errors.As(err, &se):
		return wrong(path, "not valid JSON at byte %d", se.ByteOffset)
	}
	return wrong(path, "not valid JSON: the text ends too early")
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func (p *parser) target(path string, v jsontext.Value, depth int) (*Target, error) {
	if depth > MaxDepth {
		return nil, wrong(path, "targets are nested more than %d deep", MaxDepth)
	}
	if p.count++; p.count > MaxTargets+1 {
		return nil, wrong(path, "more than %d targets", MaxTargets)
	}
	r := &reading{p: p, t: &Target{weight: 1}, path: path, depth: depth}
	err := object(path, v, func(name string, v jsontext.Value) error {
		at := join(path, name)
		for i := range targetFields {
			if f := &targetFields[i]; f.Name == name {
				if v.Kind() == jsontext.KindNull { // as many clients say that they say nothing
					return nil
				}
				return f.set(r, at, v)
			}
		}
		return unknown(at, name, fieldNames(targetFields))
	})
	if err == nil {
		err = r.end()
	}
	return r.t, err
}

// unknown refuses a member, and names the one that was likely meant.
func unknown(path, name string, known []string) error {
	e := &Error{Path: clip(path), Code: "unknown_field", Message: "unknown key"}
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

// clip keeps a path that a client wrote fit for a header, a log and a person.
func clip(path string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, path)
	if len(clean) > 200 {
		return clean[:200] + "…"
	}
	return clean
}

func str(path string, v jsontext.Value) (string, error) {
	if v.Kind() != jsontext.KindString {
		return "", wrong(path, "give a string")
	}
	b, err := jsontext.AppendUnquote(nil, []byte(v))
	if err != nil {
		return "", syntax(path, err)
	}
	if !utf8.Valid(b) || strings.ContainsFunc(string(b), func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", wrong(path, "the string holds a control character")
	}
	return string(b), nil
}

func boolean(path string, v jsontext.Value) (bool, error) {
	switch v.Kind() {
	case jsontext.KindTrue:
		return true, nil
	case jsontext.KindFalse:
		return false, nil
	}
	return false, wrong(path, "give true or false")
}

func num(path string, v jsontext.Value) (float64, error) {
	f, err := strconv.ParseFloat(string(v), 64)
	if v.Kind() != jsontext.KindNumber || err != nil || math.IsInf(f, 0) {
		return 0, wrong(path, "give a number")
	}
	return f, nil
}

func whole(path string, v jsontext.Value, low, high int) (int, error) {
	f, err := num(path, v)
	if err != nil || f != math.Trunc(f) || f < float64(low) || f > float64(high) {
		return 0, wrong(path, "is %.20s: give a whole number from %d to %d", v, low, high)
	}
	return int(f), nil
}

func codes(path string, v jsontext.Value) ([]int, error) {
	out := []int{}
	err := array(path, v, func(at string, v jsontext.Value) error {
		n, err := whole(at, v, 100, 599)
		out = append(out, n)
		return err
	})
	return out, err
}

func milliseconds(path string, v jsontext.Value) (time.Duration, error) {
	n, err := whole(path, v, 1, 86_400_000)
	return time.Duration(n) * time.Millisecond, err
}

// HeaderNames reads a list of header names as they are forwarded, and refuses those that belong to a connection or to
// the gateway.
func HeaderNames(path string, names []string) ([]string, error) {
	var out []string
	for _, n := range names {
		n = strings.TrimSpace(n)
		key := http.CanonicalHeaderKey(n)
		ok := n != "" && len(n) <= 64
		for _, c := range []byte(n) {
			ok = ok && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_')
		}
		if !ok {
			return nil, wrong(path, "%.40q is not the name of a header", n)
		}
		if unforwardable[key] || strings.HasPrefix(key, "X-Portkey-") || strings.HasPrefix(key, "X-Reprise-") {
			return nil, wrong(path, "the header %s cannot be forwarded: it concerns the connection or the gateway", strings.ToLower(key))
		}
		out = append(out, key)
	}
	return out, nil
}

var unforwardable = map[string]bool{
	"Connection": true, "Proxy-Connection": true, "Keep-Alive": true, "Te": true, "Trailer": true, "Upgrade": true,
	"Transfer-Encoding": true, "Proxy-Authenticate": true, "Proxy-Authorization": true,
	"Content-Length": true, "Content-Encoding": true, "Host": true, "Expect": true,
}
