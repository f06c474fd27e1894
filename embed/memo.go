package embed

import (
	"crypto/sha256"
	"slices"

	lru "github.com/hashicorp/golang-lru/v2"
)

// memoSize is the number of texts whose vectors are remembered, at about 1.7 KB each.
const memoSize = 1024

// memo remembers the vectors of recent texts. It keys them by digest rather than by text, so that its memory has a
// bound whatever the texts' lengths are, and a collision would need a broken SHA-256.
type memo struct {
	vectors *lru.Cache[[sha256.Size]byte, []float32]
}

func newMemo() (memo, error) {
	c, err := lru.New[[sha256.Size]byte, []float32](memoSize)
	return memo{c}, err
}

// get is a copy of the text's vector, which the caller may change, or nil.
func (m memo) get(text string) []float32 {
	v, _ := m.vectors.Get(sha256.Sum256([]byte(text)))
	return slices.Clone(v)
}

// add remembers a copy of v.
func (m memo) add(text string, v []float32) {
	m.vectors.Add(sha256.Sum256([]byte(text)), slices.Clone(v))
}
