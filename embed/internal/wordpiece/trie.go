package wordpiece

import "math/bits"

// The trie has two roots, as a piece at the start of a word and one inside it are different tokens.
const (
	rootStart = iota
	rootInside
	firstFree
)

// maxNodes bounds the nodes so that an edge fits in 64 bits: 22 for the node, 21 for the rune, 21 for the child.
const maxNodes = 1 << 21

// trie holds the vocabulary. All edges lie in one hash table with open addressing, which needs less memory than
// a table a node, and one cache line a step. Zero marks a free slot: no edge leads to node 0.
type trie struct {
	edges []uint64
	shift uint8
	ids   []int32 // of the token that ends at the node, or -1
}

func newTrie(runes int) *trie {
	size := 1 << bits.Len(uint(runes*2)) // at most half full
	return &trie{edges: make([]uint64, size), shift: uint8(64 - bits.Len(uint(size-1))), ids: []int32{-1, -1}}
}

// slot returns where the edge from node over r is, or where it would go.
func (t *trie) slot(node int32, r rune) int {
	key := uint64(node)<<21 | uint64(r)
	i := int(key * 0x9E3779B97F4A7C15 >> t.shift) // Fibonacci hashing: 2^64 over the golden ratio
	for t.edges[i] != 0 && t.edges[i]>>21 != key {
		i = (i + 1) & (len(t.edges) - 1)
	}
	return i
}

// child returns the node that r leads to, or 0.
func (t *trie) child(node int32, r rune) int32 {
	return int32(t.edges[t.slot(node, r)] & (1<<21 - 1))
}

// insert adds a token below root, and reports whether it was new.
func (t *trie) insert(root int32, token string, id int32) bool {
	node := root
	for _, r := range token {
		i := t.slot(node, r)
		if t.edges[i] == 0 {
			t.edges[i] = (uint64(node)<<21|uint64(r))<<21 | uint64(len(t.ids))
			t.ids = append(t.ids, -1)
		}
		node = int32(t.edges[i] & (1<<21 - 1))
	}
	if t.ids[node] >= 0 {
		return false
	}
	t.ids[node] = id
	return true
}

// longest returns the id of the longest token below root that word begins with, and its length in runes, or -1.
func (t *trie) longest(root int32, word []rune) (id int32, length int) {
	id = -1
	node := root
	for i, r := range word {
		if node = t.child(node, r); node == 0 {
			break
		}
		if t.ids[node] >= 0 {
			id, length = t.ids[node], i+1
		}
	}
	return id, length
}
