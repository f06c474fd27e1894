package kernel

import (
	"encoding/binary"
	"math/bits"
)

// A vector's signs are a coarser code: a bit an element, set unless it is negative. How many signs two vectors differ in
// tells roughly what angle is between them: of 384, some 122 at a cosine of 0.54, give or take 9.
//
// Signs of rows are kept by blocks of eight rows: the first word of each, then the second of each, and so on, so that one
// instruction has the same word of all eight.

// block is how many rows a block of signs has.
const block = 8

// Words is the length of the signs of a vector of dim elements.
func Words(dim int) int { return Stride(dim) / lane }

// Blocks is how many rows the blocks of n rows have room for.
func Blocks(n int) int { return (n + block - 1) / block * block }

// SetSigns writes the signs of a row's code to blocks. Rows are written one at a time; other rows may be read meanwhile.
func SetSigns(signs []uint64, row int, code []byte) {
	words := len(code) / lane
	at := row/block*block*words + row%block
	for w := range words {
		var word uint64
		for i := range lane / 8 {
			word |= tops(binary.LittleEndian.Uint64(code[w*lane+8*i:])) << (8 * i)
		}
		signs[at+w*block] = word
	}
}

// tops gathers the highest bit of each byte, the first byte's as the lowest: the product has each where the last byte is, once.
func tops(bytes uint64) uint64 {
	return bytes >> 7 & 0x0101010101010101 * 0x0102040810204080 >> 56
}

// CopySigns writes the signs that row from of other blocks has.
func CopySigns(signs []uint64, row int, others []uint64, from, words int) {
	to, at := row/block*block*words+row%block, from/block*block*words+from%block
	for w := range words {
		signs[to+w*block] = others[at+w*block]
	}
}

// Differ sets the first n of dst to the number of signs that q has otherwise than each of the first n rows. What it makes of the rest of
// the last block is not said: dst, like signs, has room for whole blocks.
func (k *Kernel) Differ(dst []uint16, n int, q *Query, signs []uint64) {
	if len(dst) < Blocks(n) || len(signs) < Blocks(n)*len(q.signs) {
		panic("kernel: signs: fewer rows or results than there should be")
	}
	if n > 0 {
		k.differ(dst, n, q, signs)
	}
}

// differPortable is plain Go, which knows the processor's instruction for a word. It reads no row beyond n: another might be writing it.
func differPortable(dst []uint16, n int, q *Query, signs []uint64) {
	words := len(q.signs)
	whole := n / block
	for b := range whole {
		var sum [block]int
		for w, word := range q.signs {
			rows := (*[block]uint64)(signs[(b*words+w)*block:])
			for i := range sum {
				sum[i] += bits.OnesCount64(rows[i] ^ word)
			}
		}
		out := (*[block]uint16)(dst[b*block:])
		for i := range out {
			out[i] = uint16(sum[i])
		}
	}
	for r := whole * block; r < n; r++ {
		sum := 0
		for w, word := range q.signs {
			sum += bits.OnesCount64(signs[(whole*words+w)*block+r%block] ^ word)
		}
		dst[r] = uint16(sum)
	}
}
