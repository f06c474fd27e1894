// Package kernel multiplies a query with rows of 8-bit codes, in portable Go and, where the processor has them, in vector
// instructions.
//
// A vector's code has one byte an element: the element divided by the vector's scale, rounded to -127..127, plus 128, so
// that it is unsigned, as the vector instruction wants one side to be. Rows are padded to a multiple of 64 elements. The sums
// are integers and exact: every kernel gives the same.
//
// A [Kernel] is immutable and may be used from several goroutines. Nothing here allocates but [NewQuery].
package kernel

import "math"

const (
	// lane is what a row's length is a multiple of: the bytes that the widest kernel takes at once.
	lane = 64
	// offset is what an element's code has more than its value.
	offset = 128
	// most is the largest magnitude of a value.
	most = 127
)

// Stride is the length of the code of a vector of dim elements.
func Stride(dim int) int { return (dim + lane - 1) / lane * lane }

// MaxDim is the longest vector whose sums fit into 32 bits: at most 255 times 127 an element.
const MaxDim = math.MaxInt32 / (255 * most) / lane * lane

// Encode writes the code of v, of length Stride(len(v)), and returns its scale. v must be finite.
func Encode(code []byte, v []float32) (scale float32) {
	code = code[:Stride(len(v))]
	inverse, scale := scales(v)
	head := code[:len(v)]
	for i, f := range v {
		head[i] = byte(round(float32(f*inverse)) + offset) // the conversion keeps the product from being fused with a sum
	}
	for i := len(v); i < len(code); i++ {
		code[i] = offset
	}
	return scale
}

// scales is the scale of v and its inverse. Below the first bound the inverse would be infinite; such a vector is a zero vector.
func scales(v []float32) (inverse, scale float32) {
	// Without their sign, finite numbers are in the order of their bits; comparing those takes a third of the time. Four at a time do
	// not wait for each other.
	var a, b, c, d uint32
	rest := v
	for ; len(rest) >= 4; rest = rest[4:] {
		a = max(a, math.Float32bits(rest[0])&^signBit)
		b = max(b, math.Float32bits(rest[1])&^signBit)
		c = max(c, math.Float32bits(rest[2])&^signBit)
		d = max(d, math.Float32bits(rest[3])&^signBit)
	}
	for _, f := range rest {
		a = max(a, math.Float32bits(f)&^signBit)
	}
	peak := math.Float32frombits(max(a, b, c, d))
	if peak < 1e-30 {
		return 0, 0
	}
	return most / peak, peak / most
}

// round is the nearest integer, of two the even one, for -127..127 and the little more that rounding may have made of it. Of floats
// between 2^23 and 2^24 the last bit is worth 1, so that the sum's low bits are the integer: no branch by the sign, and no bounds.
func round(f float32) int32 {
	return int32(math.Float32bits(f+roundBy)) - int32(roundBits)
}

const (
	roundBy   = 3 << 22 // as far from either end of that range as can be
	roundBits = 0x4b400000
)

const signBit = 1 << 31

// Query is a vector in the form that every kernel wants to have it in. It may be set anew, and then not be in use.
type Query struct {
	dim    int
	bytes  []int8
	words  []int16 // the same, for kernels that multiply in 16 bits
	signs  []uint64
	excess int32 // what every sum has too much, since the codes of the rows are offset
}

// NewQuery returns a query of zeros for vectors of length dim.
func NewQuery(dim int) *Query {
	n := Stride(dim)
	return &Query{dim: dim, bytes: make([]int8, n), words: make([]int16, n), signs: make([]uint64, n/lane)}
}

// Set makes q the query of v and returns its scale. v must be finite.
func (q *Query) Set(v []float32) (scale float32) {
	inverse, scale := scales(v)
	q.excess = 0
	for i, f := range v[:q.dim] {
		n := round(float32(f * inverse))
		q.bytes[i], q.words[i] = int8(n), int16(n)
		q.excess += offset * n
	}
	q.sign()
	return scale
}

func (q *Query) sign() {
	for w := range q.signs {
		var word uint64
		for i, v := range q.bytes[w*lane:][:lane] {
			word |= uint64(^byte(v)>>7) << i
		}
		q.signs[w] = word
	}
}

// SetCode makes q the query of the vector of a code, whose scale it shares.
func (q *Query) SetCode(code []byte) {
	q.excess = 0
	for i, c := range code[:len(q.bytes)] {
		n := int32(c) - offset
		q.bytes[i], q.words[i] = int8(n), int16(n)
		q.excess += offset * n
	}
	q.sign()
}

// Accumulate adds the vector of a code and its scale to sum.
func Accumulate(sum []float32, code []byte, scale float32) {
	code = code[:len(sum)]
	for i := range sum {
		sum[i] += float32(int32(code[i])-offset) * scale
	}
}

// Kernel is one implementation.
type Kernel struct {
	name   string
	scan   func(dst []int32, q *Query, rows []byte)
	differ func(dst []uint16, n int, q *Query, signs []uint64)
}

// Name is the kernel's name, as REPRISE_KERNEL spells it.
func (k *Kernel) Name() string { return k.name }

// Scan sets dst to the products of q with the rows, of which there are len(dst). Times both scales, they are the dot products
// of the vectors, but for what rounding lost.
func (k *Kernel) Scan(dst []int32, q *Query, rows []byte) {
	if len(rows) != len(dst)*len(q.bytes) {
		panic("kernel: scan: not as many rows as results")
	}
	if len(dst) > 0 {
		k.scan(dst, q, rows)
	}
}

// scanPortable is the plain loop; the others must agree with it.
func scanPortable(dst []int32, q *Query, rows []byte) {
	for r := range dst {
		row := rows[r*len(q.bytes):][:len(q.bytes)]
		// Four sums, because one would wait for each addition.
		var a, b, c, d int32
		for i := 0; i+4 <= len(row); i += 4 {
			x, y := q.words[i:i+4:i+4], row[i:i+4:i+4]
			a += int32(x[0]) * int32(y[0])
			b += int32(x[1]) * int32(y[1])
			c += int32(x[2]) * int32(y[2])
			d += int32(x[3]) * int32(y[3])
		}
		dst[r] = a + b + c + d - q.excess
	}
}
