package route

import (
	"bytes"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// Checks are what a config is held to that only the gateway knows. A nil one accepts everything. They return an *Error
// without a path, or nil; Cache returns one with its path.
type Checks struct {
	Provider   func(name string) error
	VirtualKey func(name string) error
	Host       func(url string) error
	Cache      func(path string, v jsontext.Value) error
	Override   func(path string, t *Target) error // may change t, whose overriding members were just read
	Saved      func(name string) (Saved, error)   // finds the saved config that a target names; nil: it is not looked at

	Prefix string // of every path, as "config" where the config is a part of something; "": none
	Self   string // the id of the saved config that is read, as pc-x@3, so that it cannot lead back to itself; "": none
	NoKeys bool   // the config is one to keep, which holds no key
}

// Saved is a saved config.
type Saved struct {
	ID   string // with its version: pc-x@3
	Text []byte
}

// Parse reads a request config: one JSON object. Outer, if not nil, is what the request's headers say; it fills in what the
// config leaves open. The error holds every complaint, an *Error each; see strict.All.
func Parse(src []byte, outer *Target, checks Checks) (*Config, error) {
	p := parser{checks: checks, cfg: &Config{}}
	if checks.Self != "" {
		p.within = []string{checks.Self}
	}
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
	within []string // the saved configs that are being read, outermost first
	effort effort

	groupName string // the spelling of the root's targets
}

func (p *parser) target(path string, v jsontext.Value, depth int) (*Target, error) {
	if depth > MaxDepth {
		return nil, wrong(path, "targets are nested more than %d deep", MaxDepth)
	}
	if p.count++; p.count > MaxTargets+1 {
		return nil, wrong(path, "more than %d targets", MaxTargets)
	}
	r := &reading{p: p, t: &Target{weight: 1, saved: len(p.within) > 0}, path: path, depth: depth}
	err := targetFields.Read(r, path, v)
	if err == nil { // else what is held against each other may not be there
		err = r.end()
	}
	return r.t, err
}

// saved reads the config that a target names, as the one target of it.
func (r *reading) saved(path, name string) error {
	p := r.p
	if p.checks.Saved == nil {
		return nil
	}
	s, err := p.checks.Saved(name)
	if err != nil {
		return strict.At(path, func(string) error { return err }, name)
	}
	if slices.Contains(p.within, s.ID) {
		return wrong(path, "is %s, which leads back to itself: %s", s.ID, strings.Join(append(slices.Clone(p.within), s.ID), ", "))
	}
	p.within = append(p.within, s.ID)
	defer func() { p.within = p.within[:len(p.within)-1] }()
	t, err := p.target(path, jsontext.Value(bytes.TrimSpace(s.Text)), r.depth+1)
	r.t.Targets = []*Target{t}
	return err
}

// statusCodes are HTTP statuses.
var statusCodes = strict.List(strict.Whole(100, 599), 0, 0)

// milliseconds is a time limit.
var milliseconds = func() strict.Kind[time.Duration] {
	whole := strict.Whole(1, 86_400_000)
	return strict.Kind[time.Duration]{Schema: whole.Schema, Read: func(path string, v jsontext.Value) (time.Duration, error) {
		n, err := whole.Read(path, v)
		return time.Duration(n) * time.Millisecond, err
	}}
}()

// share is a weight.
var share = strict.Number(strict.Range{Min: new(float64)}, "a number, 0 or more")

// heaviest is what the weights of a group may not add up to.
const heaviest = 1e300

// positive reports whether a draw can be made among weights of that sum.
func positive(sum float64) bool { return sum > 0 && sum < heaviest && !math.IsNaN(sum) }

// URLWord reports whether s may stand in a host name or a path without changing where it leads.
func URLWord(s string) bool {
	if s == "" || len(s) > 64 || strings.Trim(s, ".") == "" {
		return false
	}
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

// urlWord is such a word.
var urlWord = strict.Kind[string]{
	Schema: strict.Schema{"type": "string", "maxLength": 64, "pattern": `^[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*$`},
	Read: func(path string, v jsontext.Value) (string, error) {
		s, err := strict.ReadText(path, v)
		if err == nil && !URLWord(s) {
			return "", wrong(path, "give 1 to 64 letters, digits, \"-\", \"_\" and \".\"")
		}
		return s, err
	},
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
			return nil, wrong(path, "%q is not the name of a header", strict.Shown(n))
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

// headerName is the name of a header, of which HeaderNames has the last word.
var headerName = strict.Kind[string]{
	Schema: strict.Schema{"type": "string", "pattern": `^ *[A-Za-z0-9_-]{1,64} *$`, "not": strict.Schema{"pattern": notForwarded()}},
	Read:   strict.ReadText,
}

// notForwarded is the pattern of the names that are not forwarded, whatever their letters' case.
func notForwarded() string {
	var names []string
	for n := range unforwardable {
		names = append(names, anyCase(n))
	}
	slices.Sort(names)
	return "^ *((" + strings.Join(names, "|") + ") *$|" + anyCase("X-Portkey-") + "|" + anyCase("X-Reprise-") + ")"
}

// anyCase is a pattern in the syntax that schemas have, which knows no flags.
func anyCase(s string) string {
	var b strings.Builder
	for _, c := range s {
		if l, u := strings.ToLower(string(c)), strings.ToUpper(string(c)); l != u {
			b.WriteString("[" + l + u + "]")
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}
