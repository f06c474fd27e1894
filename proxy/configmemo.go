package proxy

import (
	"crypto/sha256"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/reprise-cache/reprise/proxy/internal/route"
)

const (
	configMemo   = 512       // request configs that are remembered as they were read
	memoPatterns = 1_000_000 // size of the patterns in all of them: a count alone would let few callers fill the memory with theirs
)

// configs remembers the request configs seen last as they were read, as many as there is room for.
type configs struct {
	mu       sync.Mutex // guards all below
	seen     *simplelru.LRU[[sha256.Size]byte, *route.Config]
	patterns int // size of those in seen
}

func newConfigs() (*configs, error) {
	m := &configs{}
	var err error
	m.seen, err = simplelru.NewLRU(configMemo, func(_ [sha256.Size]byte, c *route.Config) { m.patterns -= c.Patterns() })
	return m, err
}

// get returns the config of a key, nil if it is not remembered.
func (m *configs) get(key [sha256.Size]byte) *route.Config {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, _ := m.seen.Get(key)
	return c
}

func (m *configs) add(key [sha256.Size]byte, c *route.Config) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.seen.Contains(key) { // two requests have read it at once
		return
	}
	m.seen.Add(key, c)
	for m.patterns += c.Patterns(); m.patterns > memoPatterns; {
		m.seen.RemoveOldest()
	}
}
