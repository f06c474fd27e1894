package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// attend computes one head for four queries, or for one: their scores against all keys, the softmax, the weighted
// sum of the values. keys holds a row of what is added to each key's score (0, or a large negative value for the padding
// to a multiple of 16 keys), then the keys transposed, one row a dimension. p has a row of scores for each query. Each
// query's result is computed by the same operations in the same order whether it comes alone or with three others.
func attend(v isa) {
	for _, queries := range []int{4, 1} {
		TEXT(fmt.Sprintf("attend%d_%s", queries, v.suffix), NOSPLIT, "func(dst *float32, dstStride int, q, keys, v *float32, stride int, p *float32, n, padded int)")
		attendBody(v, queries)
	}
}

func attendBody(v isa, queries int) {
	q, keys, p := param("q"), param("keys"), param("p")
	stride, padded := param("stride"), param("padded")
	SHLQ(Imm(2), stride)
	SHLQ(Imm(2), padded)
	// A row is a base, the first or the third, plus a step or none, since an address has one index.
	row := func(base GPVirtual, step GPVirtual) func(i int) (GPVirtual, GPVirtual, int) {
		pair := GP64()
		LEAQ(Mem{Base: base, Index: step, Scale: 2}, pair)
		return func(i int) (GPVirtual, GPVirtual, int) {
			if i >= 2 {
				return pair, step, i - 2
			}
			return base, step, i
		}
	}
	address := func(b, step GPVirtual, times, disp int) Mem {
		if times == 0 {
			return Mem{Base: b, Disp: disp}
		}
		return Mem{Base: b, Index: step, Scale: 1, Disp: disp}
	}

	// Scores. With AVX-512 two vectors of keys at a time, as long as there are two: each broadcast of a query's value then serves
	// twice, and there are enough sums under way to hide how long one takes.
	qRow := row(q, stride)
	peaks := v.vecs(queries)
	for r := range peaks {
		VBROADCASTSS(f32(-3e38), peaks[r])
	}
	left, out := GP64(), GP64()
	MOVQ(padded, left)
	MOVQ(p, out)
	scores := func(vectors int) {
		acc := v.vecs(queries * vectors)
		for r := range queries {
			for c := range vectors {
				VMOVUPS(Mem{Base: keys, Disp: c * v.bytes()}, acc[r*vectors+c])
			}
		}
		key := GP64()
		MOVQ(keys, key)
		for d := range headDim {
			ADDQ(padded, key)
			ks := v.vecs(vectors)
			for c := range vectors {
				VMOVUPS(Mem{Base: key, Disp: c * v.bytes()}, ks[c])
			}
			for r := range queries {
				b, s, times := qRow(r)
				x := v.broadcast(address(b, s, times, 4*d))
				for c := range vectors {
					VFMADD231PS(x, ks[c], acc[r*vectors+c])
				}
			}
		}
		outRow := row(out, padded)
		for r := range queries {
			for c := range vectors {
				b, s, times := outRow(r)
				VMOVUPS(acc[r*vectors+c], address(b, s, times, c*v.bytes()))
				VMAXPS(acc[r*vectors+c], peaks[r], peaks[r])
			}
		}
		ADDQ(U32(uint32(vectors*v.bytes())), keys)
		ADDQ(U32(uint32(vectors*v.bytes())), out)
		SUBQ(U32(uint32(vectors*v.bytes())), left)
	}
	const vectors = 2
	Label("scores")
	if v.floats == 16 {
		CMPQ(left, U32(uint32(vectors*v.bytes())))
		JB(LabelRef("lastScores"))
	}
	scores(vectors)
	JNZ(LabelRef("scores"))
	if v.floats == 16 {
		JMP(LabelRef("softmax"))
		Label("lastScores")
		scores(1)
		Label("softmax")
	}

	// Softmax, but for the division.
	sums := v.vecs(queries)
	MOVQ(p, out)
	exp := v.exp()
	for r := range queries {
		v.reduce(VMAXPS, peaks[r])
		sums[r] = v.zero()
		loop(fmt.Sprintf("exp%d", r), padded, v.bytes(), func(i GPVirtual) {
			t, m := v.vec(), Mem{Base: out, Index: i, Scale: 1}
			VMOVUPS(m, t)
			VSUBPS(peaks[r], t, t)
			exp(t)
			VADDPS(t, sums[r], sums[r])
			VMOVUPS(t, m)
		})
		v.reduce(VADDPS, sums[r])
		ADDQ(padded, out)
	}

	// The weighted sum of the values: with AVX2 in two halves, for want of registers.
	n := param("n")
	dst, dstStride, values := param("dst"), param("dstStride"), param("v")
	SHLQ(Imm(2), dstStride)
	SHLQ(Imm(2), n)
	pRow := row(p, padded)
	dstRow := row(dst, dstStride)
	const half = 2
	for part := 0; part < headDim; part += half * v.floats {
		acc := v.vecs(queries * half)
		for i := range acc {
			acc[i] = v.zero()
		}
		value := GP64()
		MOVQ(values, value)
		// The index runs to n over the scores; rows p and p + 2 padded are addressed with it.
		pAt, pAt2 := GP64(), GP64()
		MOVQ(p, pAt)
		b2, _, _ := pRow(2)
		if queries > 2 {
			MOVQ(b2, pAt2)
		}
		loop(fmt.Sprintf("values%d", part), n, 4, func(GPVirtual) {
			vs := v.vecs(half)
			for c := range half {
				VMOVUPS(Mem{Base: value, Disp: 4*part + c*v.bytes()}, vs[c])
			}
			for r := range queries {
				b := pAt
				if r >= 2 {
					b = pAt2
				}
				x := v.broadcast(address(b, padded, r%2, 0))
				for c := range half {
					VFMADD231PS(x, vs[c], acc[r*half+c])
				}
			}
			ADDQ(stride, value)
			ADDQ(Imm(4), pAt)
			if queries > 2 {
				ADDQ(Imm(4), pAt2)
			}
		})
		for r := range queries {
			for c := range half {
				b, s, times := dstRow(r)
				VDIVPS(sums[r], acc[r*half+c], acc[r*half+c])
				VMOVUPS(acc[r*half+c], address(b, s, times, 4*part+c*v.bytes()))
			}
		}
	}
	VZEROUPPER()
	RET()
}

// transpose writes the keys of count times four tokens as columns: four values of a token in keys become one of each of
// four rows.
func transpose() {
	TEXT("transpose4", NOSPLIT, "func(keys, k *float32, stride, padded, count int)")
	keys, k, stride, padded, count := param("keys"), param("k"), param("stride"), param("padded"), param("count")
	SHLQ(Imm(2), stride)
	SHLQ(Imm(2), padded)
	Label("tokens")
	pair, to := GP64(), GP64()
	LEAQ(Mem{Base: k, Index: stride, Scale: 2}, pair)
	MOVQ(keys, to)
	for d := 0; d < headDim; d += 4 {
		var in, mix, out [4]VecVirtual
		for i := range in {
			in[i], mix[i], out[i] = XMM(), XMM(), XMM()
		}
		VMOVUPS(Mem{Base: k, Disp: 4 * d}, in[0])
		VMOVUPS(Mem{Base: k, Index: stride, Scale: 1, Disp: 4 * d}, in[1])
		VMOVUPS(Mem{Base: pair, Disp: 4 * d}, in[2])
		VMOVUPS(Mem{Base: pair, Index: stride, Scale: 1, Disp: 4 * d}, in[3])
		VUNPCKLPS(in[1], in[0], mix[0])
		VUNPCKHPS(in[1], in[0], mix[1])
		VUNPCKLPS(in[3], in[2], mix[2])
		VUNPCKHPS(in[3], in[2], mix[3])
		VUNPCKLPD(mix[2], mix[0], out[0])
		VUNPCKHPD(mix[2], mix[0], out[1])
		VUNPCKLPD(mix[3], mix[1], out[2])
		VUNPCKHPD(mix[3], mix[1], out[3])
		for _, o := range out {
			VMOVUPS(o, Mem{Base: to})
			ADDQ(padded, to)
		}
	}
	LEAQ(Mem{Base: pair, Index: stride, Scale: 2}, k)
	ADDQ(Imm(16), keys)
	DECQ(count)
	JNZ(LabelRef("tokens"))
	RET()
}
