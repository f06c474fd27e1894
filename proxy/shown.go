package proxy

import (
	"strings"

	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// shown is a name that a caller gave, and shownWord what should have been a word or a number, as errors repeat them: without a key
// that was put there by mistake.
func shown(name string) string { return strict.Shown(name) }

func shownWord[T string | []byte](s T) string { return strict.ShownWord(string(s)) }

// shownPath is the path of a request, as errors repeat it.
func shownPath[T string | []byte](path T) string {
	parts := strings.Split(string(path), "/")
	for i, part := range parts {
		parts[i] = shown(part)
	}
	return strings.Join(parts, "/")
}
