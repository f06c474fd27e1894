package kernel

import "math/bits"

// A vector's signs are a coarser code: a bit an element, set unless it is negative. How many signs two vectors differ in
// tells roughly what angle is between them: of 384, some 122 at a cosine of 0.54, give or take 9.

// Words is the length of the signs of a vector of dim elements.
func Words(dim int) int { return Stride(dim) / lane }

// Signs writes the signs of the vector of a code.
func Signs(dst []uint64, code []byte) {
	for w := range dst {
		var word uint64
		for i, c := range code[w*lane:][:lane] {
			word |= uint64(c>>7) << i
		}
		dst[w] = word
	}
}

// Differ sets dst to the number of signs that q has otherwise than each of the rows, of which there are len(dst). It is plain
// Go on every kernel: the compiler knows the processor's instruction, and the loop is as fast as memory.
func Differ(dst []uint16, q *Query, rows []uint64) {
	words := len(q.signs)
	if len(rows) != len(dst)*words {
		panic("kernel: signs: not as many rows as results")
	}
	if words == 6 { // 384 elements, the model's
		a, b, c, d, e, f := q.signs[0], q.signs[1], q.signs[2], q.signs[3], q.signs[4], q.signs[5]
		for r := range dst {
			row := rows[r*6 : r*6+6 : r*6+6]
			dst[r] = uint16(bits.OnesCount64(row[0]^a) + bits.OnesCount64(row[1]^b) + bits.OnesCount64(row[2]^c) +
				bits.OnesCount64(row[3]^d) + bits.OnesCount64(row[4]^e) + bits.OnesCount64(row[5]^f))
		}
		return
	}
	for r := range dst {
		n := 0
		for w, word := range rows[r*words:][:words] {
			n += bits.OnesCount64(word ^ q.signs[w])
		}
		dst[r] = uint16(n)
	}
}
