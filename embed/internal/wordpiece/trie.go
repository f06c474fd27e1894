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

// newTrie makes room for so many tokens, of two nodes each that no other shares; insert finds more if it must.
func newTrie(tokens int) *trie {
	t := &trie{ids: []int32{-1, -1}}
	t.resize(1 << bits.Len(uint(4*tokens+firstFree)))
	return t
}

// resize gives the table so many slots, a power of two: the fewest that leave it at most half full, since what a processor's
// cache holds decides how long insert and longest take.
func (t *trie) resize(slots int) {
	old := t.edges
	t.edges, t.shift = make([]uint64, slots), uint8(64-bits.Len(uint(slots-1)))
	for _, e := range old {
		if e != 0 {
			t.edges[t.slot(int32(e>>42), rune(e>>21&(1<<21-1)))] = e
		}
	}
	t.ids = append(make([]int32, 0, slots/2), t.ids...)
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
			if 2*len(t.ids) >= len(t.edges) {
				t.resize(2 * len(t.edges))
				i = t.slot(node, r)
			}
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
