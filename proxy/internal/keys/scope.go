package keys

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// Scopes are what a gateway key may do.
type Scopes uint8

const (
	Call     Scopes = 1 << iota // ask questions, and use what is below /v1/
	Feedback                    // say what an answer was worth
	Read                        // look at what the admin API shows
	Admin                       // change it, and look at it

	AllScopes = Call | Feedback | Read | Admin
)

var scopeNames = []string{"call", "feedback", "read", "admin"}

// ScopeNames lists the scopes by their names.
func ScopeNames() []string { return slices.Clone(scopeNames) }

// ErrScope: a word is no scope.
var ErrScope = errors.New("keys: not a scope")

// ParseScopes reads a list of names.
func ParseScopes(names []string) (Scopes, error) {
	var s Scopes
	for _, n := range names {
		i := slices.Index(scopeNames, n)
		if i < 0 {
			return 0, fmt.Errorf("%w: %q: use some of %s", ErrScope, strict.ShownWord(n), strings.Join(scopeNames, ", "))
		}
		s |= 1 << i
	}
	return s, nil
}

// Allow reports whether s has what is needed. Who may change things may look at them.
func (s Scopes) Allow(need Scopes) bool {
	if s&Admin != 0 {
		s |= Read
	}
	return s&need == need
}

// Names lists the scopes that s has.
func (s Scopes) Names() []string {
	out := []string{}
	for i, n := range scopeNames {
		if s&(1<<i) != 0 {
			out = append(out, n)
		}
	}
	return out
}

// String joins the names with commas.
func (s Scopes) String() string { return strings.Join(s.Names(), ",") }
