package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// quantize: the largest absolute value of each group, then 127 over it times each value, rounded to even by the
// conversion. The result is bytes offset by 128, as VPDPBUSD wants its unsigned operand, or words (not with AVX-512).
func quantize(name string, v isa, words bool) {
	TEXT(name, NOSPLIT, "func(q *int8, scale, x, inverse *float32, groups int)")
	q, scale, x, inverse, groups := param("q"), param("scale"), param("x"), param("inverse"), param("groups")
	sign := v.vec()
	bits := GP32()
	MOVL(U32(0x7fffffff), bits)
	if v.floats == 16 {
		VPBROADCASTD(bits, sign)
	} else {
		VMOVD(bits, sign.AsX())
		VPBROADCASTD(sign.AsX(), sign)
	}
	end := GP64()
	MOVQ(U32(4*group), end)
	c127 := XMM()
	VMOVSS(f32(127), c127)
	flip := v.vec() // turns a byte into one that is offset by 128
	inOrder := v.vec()
	if !words {
		MOVL(U32(0x80808080), bits)
		if v.floats == 16 {
			VPBROADCASTD(bits, flip)
		} else {
			VMOVD(bits, flip.AsX())
			VPBROADCASTD(flip.AsX(), flip)
			order := GP64()
			MOVQ(U64(0x0703060205010400), order)
			VMOVQ(order, inOrder.AsX())
			VPMOVZXBD(inOrder.AsX(), inOrder)
		}
	}

	Label("group")
	peaks := v.vecs(2)
	for i := range peaks {
		peaks[i] = v.zero()
	}
	loop("peak", end, 2*v.bytes(), func(i GPVirtual) {
		for n, p := range peaks {
			t := v.vec()
			VMOVUPS(Mem{Base: x, Index: i, Scale: 1, Disp: n * v.bytes()}, t)
			VMULPS(Mem{Base: inverse, Index: i, Scale: 1, Disp: n * v.bytes()}, t, t)
			if v.floats == 16 {
				VPANDD(sign, t, t)
			} else {
				VANDPS(sign, t, t)
			}
			VMAXPS(t, p, p)
		}
	})
	VMAXPS(peaks[1], peaks[0], peaks[0])
	v.reduce(VMAXPS, peaks[0])
	peak, factor, s := peaks[0].AsX(), v.vec(), XMM()
	VDIVSS(c127, peak, s)
	VMOVSS(s, Mem{Base: scale})
	// A peak that is next to nothing has the factor 0, since 127 over it would overflow.
	if v.floats == 16 {
		VPXORD(factor, factor, factor)
	} else {
		VPXOR(factor, factor, factor)
	}
	VUCOMISS(f32(1e-30), peak)
	JBE(LabelRef("tiny"))
	VDIVSS(peak, c127, s)
	VBROADCASTSS(s, factor)
	Label("tiny")
	at := GP64()
	MOVQ(q, at)
	whole := func(i GPVirtual, n int) VecVirtual {
		t := v.vec()
		VMOVUPS(Mem{Base: x, Index: i, Scale: 1, Disp: n * v.bytes()}, t)
		VMULPS(Mem{Base: inverse, Index: i, Scale: 1, Disp: n * v.bytes()}, t, t)
		VMULPS(factor, t, t)
		VCVTPS2DQ(t, t)
		return t
	}
	switch {
	case words:
		// Two vectors of dwords become one of words; VPACKSSDW interleaves their halves, VPERMQ undoes it.
		loop("round", end, 2*v.bytes(), func(i GPVirtual) {
			a := whole(i, 0)
			VPACKSSDW(whole(i, 1), a, a)
			VPERMQ(Imm(0xd8), a, a)
			VMOVDQU(a, Mem{Base: at})
			ADDQ(Imm(32), at)
		})
	case v.floats == 16:
		loop("round", end, v.bytes(), func(i GPVirtual) {
			b := XMM()
			VPMOVSDB(whole(i, 0), b)
			VPXOR(flip.AsX(), b, b)
			VMOVDQU(b, Mem{Base: at})
			ADDQ(Imm(16), at)
		})
	default:
		// Four vectors of dwords become one of bytes, whose runs of four VPERMD puts in order.
		loop("round", end, 4*v.bytes(), func(i GPVirtual) {
			a, b := whole(i, 0), whole(i, 2)
			VPACKSSDW(whole(i, 1), a, a)
			VPACKSSDW(whole(i, 3), b, b)
			VPACKSSWB(b, a, a)
			VPERMD(a, inOrder, a)
			VPXOR(flip, a, a)
			VMOVDQU(a, Mem{Base: at})
			ADDQ(Imm(32), at)
		})
	}
	MOVQ(at, q)
	ADDQ(U32(4*group), x)
	ADDQ(Imm(4), scale)
	DECQ(groups)
	JNZ(LabelRef("group"))
	VZEROUPPER()
	RET()
}

// addNorm: three passes over a row that stays in the first cache: the sum, the squares, the result.
func addNorm(v isa) {
	TEXT("addNorm"+v.suffix, NOSPLIT, "func(x, residual, weight, bias *float32, width, rows int, perWidth float32)")
	x, residual, weight, bias, end, rows := param("x"), param("residual"), param("weight"), param("bias"), param("width"), param("rows")
	per := XMM()
	Load(Param("perWidth"), per)
	SHLQ(Imm(2), end)
	perAll := v.vec()
	VBROADCASTSS(per, perAll)

	Label("row")
	sums := v.vecs(2)
	for i := range sums {
		sums[i] = v.zero()
	}
	loop("sum", end, 2*v.bytes(), func(i GPVirtual) {
		for n, s := range sums {
			at, t := Mem{Base: x, Index: i, Scale: 1, Disp: n * v.bytes()}, v.vec()
			VMOVUPS(at, t)
			VADDPS(Mem{Base: residual, Index: i, Scale: 1, Disp: n * v.bytes()}, t, t)
			VMOVUPS(t, at)
			VADDPS(t, s, s)
		}
	})
	mean := sums[0]
	VADDPS(sums[1], mean, mean)
	v.reduce(VADDPS, mean)
	VMULPS(perAll, mean, mean)

	squares := v.vecs(2)
	for i := range squares {
		squares[i] = v.zero()
	}
	loop("squares", end, 2*v.bytes(), func(i GPVirtual) {
		for n, s := range squares {
			t := v.vec()
			VMOVUPS(Mem{Base: x, Index: i, Scale: 1, Disp: n * v.bytes()}, t)
			VSUBPS(mean, t, t)
			VFMADD231PS(t, t, s)
		}
	})
	inverse := squares[0]
	VADDPS(squares[1], inverse, inverse)
	v.reduce(VADDPS, inverse)
	VMULPS(perAll, inverse, inverse)
	s, one := inverse.AsX(), XMM()
	VADDSS(f32(1e-12), s, s)
	VSQRTSS(s, s, s)
	VMOVSS(f32(1), one)
	VDIVSS(s, one, s)
	VBROADCASTSS(s, inverse)

	loop("scale", end, v.bytes(), func(i GPVirtual) {
		at, t, w := Mem{Base: x, Index: i, Scale: 1}, v.vec(), v.vec()
		VMOVUPS(at, t)
		VSUBPS(mean, t, t)
		VMULPS(inverse, t, t)
		VMOVUPS(Mem{Base: weight, Index: i, Scale: 1}, w)
		VFMADD213PS(Mem{Base: bias, Index: i, Scale: 1}, w, t)
		VMOVUPS(t, at)
	})
	ADDQ(end, x)
	ADDQ(end, residual)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// gelu: the polynomial of scalar.go, four vectors at a time.
func gelu(v isa) {
	TEXT("gelu"+v.suffix, NOSPLIT, "func(x *float32, n int)")
	x, end := param("x"), param("n")
	SHLQ(Imm(2), end)
	const wide = 4
	high, low, half, one, shrink := v.broadcast(f32(5)), v.broadcast(f32(-5)), v.broadcast(f32(0.5)), v.broadcast(f32(1)), v.broadcast(f32(2.0/25))
	loop("values", end, wide*v.bytes(), func(i GPVirtual) {
		// AVX2 has too few registers for four at once, but nothing keeps the processor from starting the next two early.
		step := wide
		if v.floats == 8 {
			step = 2
		}
		for at := 0; at < wide; at += step {
			c, u, p := v.vecs(step), v.vecs(step), v.vecs(step)
			for n := range step {
				VMINPS(Mem{Base: x, Index: i, Scale: 1, Disp: (at + n) * v.bytes()}, high, c[n])
				VMAXPS(low, c[n], c[n])
				VMULPS(c[n], c[n], u[n])
				VFMSUB132PS(shrink, one, u[n])
			}
			top := v.broadcast(f32(geluPoly[len(geluPoly)-1]))
			for n := range step {
				VMOVAPS(top, p[n])
			}
			for k := len(geluPoly) - 2; k >= 0; k-- {
				a := v.broadcast(f32(geluPoly[k]))
				for n := range step {
					VFMADD213PS(a, u[n], p[n])
				}
			}
			for n := range step {
				m := Mem{Base: x, Index: i, Scale: 1, Disp: (at + n) * v.bytes()}
				VFMADD213PS(half, c[n], p[n])
				VMULPS(m, p[n], p[n])
				VMOVUPS(p[n], m)
			}
		}
	})
	VZEROUPPER()
	RET()
}

// exp is code that replaces its operand by e to its power, by the polynomial of scalar.go. AVX-512 has registers for its
// constants, which are loaded here, and an instruction that multiplies by a power of two, however small.
func (v isa) exp() func(t VecVirtual) {
	constant := func(x float32) func() VecVirtual {
		if v.floats == 16 {
			r := v.broadcast(f32(x))
			return func() VecVirtual { return r }
		}
		return func() VecVirtual { return v.broadcast(f32(x)) }
	}
	log2e, magic := constant(1.4426950408889634), constant(3<<22)
	var poly [len(expPoly)]func() VecVirtual
	for k, c := range expPoly {
		poly[k] = constant(c)
	}
	return func(t VecVirtual) {
		VMULPS(log2e(), t, t)
		if v.floats == 8 {
			VMAXPS(v.broadcast(f32(-126)), t, t)
		}
		n, p, m := v.vec(), v.vec(), magic()
		VADDPS(m, t, n)
		VSUBPS(m, n, n)
		VSUBPS(n, t, t)
		VMOVAPS(poly[len(poly)-1](), p)
		for k := len(poly) - 2; k >= 0; k-- {
			VFMADD213PS(poly[k](), t, p)
		}
		if v.floats == 16 {
			VSCALEFPS(n, p, t)
			return
		}
		// 2^n: n + 127 in the exponent's bits.
		VADDPS(v.broadcast(f32(127)), n, n)
		VCVTPS2DQ(n, n)
		VPSLLD(Imm(23), n, n)
		VMULPS(n, p, t)
	}
}
