package embed

import (
	"slices"
	"strings"
	"testing"

	"github.com/reprise-cache/reprise/embed/internal/kernel"
)

// FuzzEmbed holds that any string has a unit vector, and the same one each time.
func FuzzEmbed(f *testing.F) {
	m, again := load(f, kernel.Names()[0]), load(f, kernel.Names()[0])
	for _, text := range []string{"", "hello", "caf\xe9", "\xff\xfe", "[SEP]", strings.Repeat("x", 300), "你好 🌍\u200d\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v := embedOne(t, m, text)
		checkUnit(t, text, v)
		if !slices.Equal(v, embedOne(t, again, text)) {
			t.Error("another vector the second time")
		}
	})
}
