// Package kernel holds the arithmetic of the transformer: int8 matrix products, layer norm, GELU and attention, in
// portable Go and, where the processor has them, in vector instructions.
//
// A [Kernel] is one such set; [Default] picks the best that the machine can run. They are, fastest first:
//
//   - avx512vnni: AVX-512 with VNNI, which multiplies 64 bytes with one instruction;
//   - avxvnni: AVX2 with AVX-VNNI, the same instruction on 32 bytes, for processors without AVX-512;
//   - avx2: AVX2 alone, which multiplies 16 words of 16 bits;
//   - portable: Go.
//
// All were tested and timed on a processor that has them, but for avxvnni: on one that lacks its instruction, which was carried
// out in software where the processor refused it, and timed with the same instruction in the encoding of AVX-512.
//
// Activations are quantised symmetrically to
// -127..127 with one scale for each group of [Group] values of a row, weights to -127..127 with one scale an output
// channel. The integer sums are exact on every path, because no path can saturate: that is why -128 never occurs. What
// differs between paths is float rounding only (order of sums, fused multiply-add): a value of any function here is within
// 1e-5 of the portable one, relative to the largest of the result, given the same input; attention multiplies that by
// the square of its input's size where it is above 1, since a softmax turns a score's error into a relative one.
//
// Matrices are row-major without padding. Nothing here allocates but [Kernel.Pack], and it little. A Kernel and a Matrix are
// immutable and may be used from several goroutines; slices that a call writes may not be shared.
package kernel

import (
	"bytes"
	"fmt"
	"unsafe"
)

const (
	// Group is the number of neighbouring values of a row that share a scale; the width of every matrix's input is a multiple.
	Group = 384
	// HeadDim is the width of an attention head.
	HeadDim = 32
	// normEps is the constant that the model's layer norms add to the variance.
	normEps = 1e-12
)

// Matrix is a weight matrix in the layout of the kernel that packed it.
type Matrix struct {
	In, Out int       // width of its input and of its output
	Scale   []float32 // one an output channel
	Bias    []float32 // one an output channel
	data    []int8    // in the kernel's layout
	offset  []int32   // what a sum begins with, where activations are offset: one a group and channel
}

// Kernel is one implementation of the arithmetic.
type Kernel struct {
	name string
	impl impl
}

// impl is what an implementation provides. Lengths were checked by the Kernel method of the same name.
type impl interface {
	pack(m *Matrix, w []int8)
	// width is the bytes of a quantised activation.
	width() int
	quantize(q []int8, scale, x, inverse []float32)
	matMul(dst []float32, m *Matrix, q []int8, scale []float32, gelu bool)
	addNorm(x, residual, weight, bias []float32)
	attend(dst, qkv, scratch []float32, heads int)
}

// Name is the kernel's name, as REPRISE_KERNEL spells it.
func (k *Kernel) Name() string { return k.name }

// Pack prepares an out x in matrix of int8 weights (one row an output channel, values in -127..127) for this kernel. The weights
// are copied into room, which has their length; it, the scales and the biases are kept. in must be a multiple of Group and out
// of 64, which is so for every matrix of the model.
func (k *Kernel) Pack(room, w []int8, scale, bias []float32, in, out int) (*Matrix, error) {
	if in <= 0 || out <= 0 || in%Group != 0 || out%64 != 0 || len(w) != in*out || len(room) != len(w) || len(scale) != out || len(bias) != out {
		return nil, fmt.Errorf("kernel: matrix of %d x %d with %d weights, room for %d, %d scales and %d biases: the input must be a multiple of %d, the output of 64", out, in, len(w), len(room), len(scale), len(bias), Group)
	}
	if i := bytes.IndexByte(asBytes(w), 0x80); i >= 0 {
		return nil, fmt.Errorf("kernel: weight %d is -128, which is outside -127..127", i)
	}
	m := &Matrix{In: in, Out: out, Scale: scale, Bias: bias, data: room}
	k.impl.pack(m, w)
	return m, nil
}

// asBytes is w as plain bytes, which the standard library searches and reads words from.
func asBytes(w []int8) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w))), len(w))
}

// QuantSize is the length of the quantised form of n values: some kernels keep a value in more than a byte.
func (k *Kernel) QuantSize(n int) int { return n * k.impl.width() }

// Quantize writes the int8 form of x to q, as this kernel's MatMul wants it, and the scale of each group to scale. If inverse is not nil, x is multiplied by it
// first, value by value; it has the length of a group, so rows must have it too.
func (k *Kernel) Quantize(q []int8, scale, x, inverse []float32) {
	if len(x)%Group != 0 || (inverse != nil && len(inverse) != Group) {
		panic("kernel: quantize: width is not a multiple of the group")
	}
	k.impl.quantize(q[:k.QuantSize(len(x))], scale[:len(x)/Group], x, inverse)
}

// MatMul computes dst = q times m, dequantised, plus m's bias, for the rows in q, and applies the GELU if asked.
func (k *Kernel) MatMul(dst []float32, m *Matrix, q []int8, scale []float32, gelu bool) {
	rows := len(q) / k.QuantSize(m.In)
	if rows == 0 || len(q) != rows*k.QuantSize(m.In) {
		panic("kernel: matmul: input is not whole rows")
	}
	k.impl.matMul(dst[:rows*m.Out], m, q, scale[:rows*m.In/Group], gelu)
}

// AddNorm replaces each row of x, as wide as weight (a multiple of 32), by the layer norm of x + residual.
func (k *Kernel) AddNorm(x, residual, weight, bias []float32) {
	if len(weight) == 0 || len(weight)%32 != 0 || len(x)%len(weight) != 0 || len(bias) != len(weight) {
		panic("kernel: norm: x is not whole rows of a multiple of 32")
	}
	k.impl.addNorm(x, residual[:len(x)], weight, bias)
}

// AttendScratch is the number of float32 that Attend needs for a sequence of n tokens: one head's keys, transposed, with a row
// that masks the padding, and the scores of a few queries.
func AttendScratch(n int) int { return (HeadDim + 1 + attendQueries) * roundUp(n, 16) }

// attendQueries is how many queries the vector kernels handle at once.
const attendQueries = 4

// Attend computes the attention of one sequence. A row of qkv holds the queries of all heads, then the keys, then the values,
// with the queries already divided by the root of HeadDim; a row of dst holds the result of all heads.
func (k *Kernel) Attend(dst, qkv, scratch []float32, heads int) {
	n := len(qkv) / (3 * heads * HeadDim)
	if n == 0 || len(qkv) != n*3*heads*HeadDim {
		panic("kernel: attend: qkv is not whole rows")
	}
	k.impl.attend(dst[:n*heads*HeadDim], qkv, scratch[:AttendScratch(n)], heads)
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
