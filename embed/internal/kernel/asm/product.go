package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

const productSignature = "func(dst *float32, dstStride int, q *int8, qStride, groups int, w *int8, offset *int32, rowScale, colScale, bias *float32, rows int)"

// tile is a product of some rows with a panel of output channels. A panel's weights lie as the loop reads them: for every
// run of inputs, the weights of each of its channels.
type tile struct {
	v       isa
	vectors int // vectors of int32 sums a row, so the panel has vectors * floats channels
	run     int // neighbouring inputs that one 32-bit sum takes at once
	// activation is the bytes of an activation.
	activation int
	// offsets: a group's sums begin with the panel's offsets, else with zero.
	offsets bool
	// ahead is how many bytes ahead of its weights the loop asks for more; zero: it leaves that to the processor.
	ahead int
	// load loads a vector of weights.
	load func(m Mem, w VecVirtual)
	// sum adds the products of a run of activations, broadcast from a, with each vector of weights to acc.
	sum func(a Mem, weights, acc []VecVirtual)
}

// productVNNI multiplies up to six rows with a panel of 64 channels.
func productVNNI() {
	vnni(tile{v: widths[0], vectors: 4}).emit("productVNNI512", 6)
}

// productAVXVNNI multiplies up to six rows with a panel of 16 channels: twelve sums, two vectors of weights and the activations
// leave one of the sixteen registers free. encodeVEX makes it run without AVX-512.
//
// A pass reads every layer's weights anew, most of them from beyond the core's own caches. So each round of the loop asks for as
// many cache lines of weights as it uses up, of those that lie a group ahead: most often the next panel's.
func productAVXVNNI() {
	vnni(tile{v: widths[1], vectors: 2, ahead: 16 * group}).emit("productAVXVNNI", 6)
}

// vnni completes a tile that multiplies with VPDPBUSD, which takes four bytes at once. The activations are offset by 128, since
// it takes one unsigned operand, so the sums begin with -128 times the sum of the channel's weights.
func vnni(t tile) tile {
	t.run, t.activation, t.offsets, t.load = 4, 1, true, t.v.loadInts
	t.sum = func(a Mem, weights, acc []VecVirtual) {
		x := t.v.vec()
		VPBROADCASTD(a, x)
		for c := range weights {
			VPDPBUSD(weights[c], x, acc[c])
		}
	}
	return t
}

// productAVX2 multiplies up to six rows with a panel of 16 channels, in 16 bits: VPMADDWD adds two products in 32 bits, and the
// weights are widened as they are loaded. Multiplying bytes (VPMADDUBSW) instead needs the activation's size, the weight
// with its sign and VPMADDWD besides, and all of these compete for the same two units.
// It asks for weights ahead as productAVXVNNI does.
func productAVX2() {
	v := widths[1]
	t := tile{v: v, vectors: 2, run: 2, activation: 2, ahead: 16 * group}
	t.load = func(m Mem, w VecVirtual) { VPMOVSXBW(m, w) }
	t.sum = func(a Mem, weights, acc []VecVirtual) {
		x := v.vec()
		VPBROADCASTD(a, x)
		for c := range weights {
			s := v.vec()
			VPMADDWD(weights[c], x, s)
			VPADDD(s, acc[c], acc[c])
		}
	}
	t.emit("productAVX2", 6)
}

func (t tile) emit(name string, most int) {
	TEXT(name, NOSPLIT, productSignature)
	rows := param("rows")
	for n := 1; n < most; n++ {
		CMPQ(rows, Imm(uint64(n)))
		JEQ(LabelRef(fmt.Sprintf("rows%d", n)))
	}
	for n := most; n >= 1; n-- {
		if n < most {
			Label(fmt.Sprintf("rows%d", n))
		}
		t.body(n)
	}
}

// body is the code for so many rows.
func (t tile) body(rows int) {
	v := t.v
	label := func(s string) string { return fmt.Sprintf("%s%d", s, rows) }
	q, w, in := param("q"), param("w"), param("qStride")
	offset, rowScale := param("offset"), param("rowScale")
	third := GP64() // the length of three rows, to reach the fourth
	LEAQ(Mem{Base: in, Index: in, Scale: 2}, third)
	groups := param("groups")
	// What each group adds to: the bias at first, for every row the same, then the result so far.
	before, beforeStride := param("bias"), GP64()
	XORQ(beforeStride, beforeStride)

	Label(label("group"))
	acc := make([][]VecVirtual, rows)
	for r := range acc {
		acc[r] = v.vecs(t.vectors)
		for c, sum := range acc[r] {
			if t.offsets {
				v.loadInts(Mem{Base: offset, Disp: c * v.bytes()}, sum)
			} else {
				VPXOR(sum, sum, sum)
			}
		}
	}
	upper := GP64() // q of the fourth row
	LEAQ(Mem{Base: q, Index: third, Scale: 1}, upper)
	at := func(r, disp int) Mem {
		base := q
		if r >= 3 {
			base, r = upper, r-3
		}
		switch r {
		case 0:
			return Mem{Base: base, Disp: disp}
		case 1:
			return Mem{Base: base, Index: in, Scale: 1, Disp: disp}
		default:
			return Mem{Base: base, Index: in, Scale: 2, Disp: disp}
		}
	}
	const unroll = 2
	left := GP64()
	MOVQ(U32(uint32(group/t.run/unroll)), left)
	Label(label("inputs"))
	round := unroll * t.vectors * v.floats * t.run // bytes of weights
	for line := 0; t.ahead > 0 && line < round; line += 64 {
		PREFETCHT0(Mem{Base: w, Disp: t.ahead + line})
	}
	for u := range unroll {
		weights := v.vecs(t.vectors)
		for c := range weights {
			t.load(Mem{Base: w, Disp: (u*t.vectors + c) * v.floats * t.run}, weights[c])
		}
		for r := range rows {
			t.sum(at(r, u*t.run*t.activation), weights, acc[r])
		}
	}
	ADDQ(U32(uint32(round)), w)
	ADDQ(Imm(uint64(unroll*t.run*t.activation)), q)
	if rows > 3 {
		ADDQ(Imm(uint64(unroll*t.run*t.activation)), upper)
	}
	DECQ(left)
	JNZ(LabelRef(label("inputs")))

	// Dequantise: sum * (row's scale) * (channel's scale) + what was there.
	dst, dstStride, colScale := param("dst"), param("dstStride"), param("colScale")
	SHLQ(Imm(2), dstStride)
	source, scaleAt, scaleStride := GP64(), GP64(), param("groups")
	MOVQ(before, source)
	MOVQ(rowScale, scaleAt)
	SHLQ(Imm(2), scaleStride)
	for r := range rows {
		s := v.broadcast(Mem{Base: scaleAt})
		for c := range t.vectors {
			disp, f := c*v.bytes(), acc[r][c]
			VCVTDQ2PS(f, f)
			VMULPS(s, f, f)
			sum := v.vec()
			VMOVUPS(Mem{Base: colScale, Disp: disp}, sum)
			VFMADD213PS(Mem{Base: source, Disp: disp}, sum, f)
			VMOVUPS(f, Mem{Base: dst, Disp: disp})
		}
		if r < rows-1 {
			ADDQ(dstStride, dst)
			ADDQ(beforeStride, source)
			ADDQ(scaleStride, scaleAt)
		}
	}
	first := param("dst")
	MOVQ(first, before)
	MOVQ(dstStride, beforeStride)
	ADDQ(Imm(4), rowScale)
	if t.offsets {
		ADDQ(U32(uint32(t.vectors*v.bytes())), offset)
	}
	DECQ(groups)
	JNZ(LabelRef(label("group")))
	VZEROUPPER()
	RET()
}
