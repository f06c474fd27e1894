// Command asm writes the vector kernels of the package above it, with avo. Run it in this folder:
//
//	go run . -out ../vector_amd64.s -stubs ../vector_amd64.go -pkg kernel
//
// It is a module of its own, so that the library does not depend on the generator. Every function is written once for a vector
// width and comes out twice, for AVX-512 (suffix 512) and for AVX2 (suffix 256); only the integer product has a body for each
// way to multiply, and its input a form for each: words for AVX2, bytes for VPDPBUSD, of 512 bits or of 256.
package main

import (
	"flag"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	. "github.com/mmcloughlin/avo/reg"
)

// group must be the package's Group, headDim its HeadDim.
const (
	group   = 384
	headDim = 32
)

// isa is a vector width: 16 floats with AVX-512, 8 with AVX2.
type isa struct {
	suffix string
	floats int
}

var widths = []isa{{"512", 16}, {"256", 8}}

// vec is a fresh vector register.
func (v isa) vec() VecVirtual {
	if v.floats == 16 {
		return ZMM()
	}
	return YMM()
}

// vecs is n fresh vector registers.
func (v isa) vecs(n int) []VecVirtual {
	out := make([]VecVirtual, n)
	for i := range out {
		out[i] = v.vec()
	}
	return out
}

// loadInts loads a vector of integers.
func (v isa) loadInts(m Mem, r VecVirtual) {
	if v.floats == 16 {
		VMOVDQU32(m, r)
	} else {
		VMOVDQU(m, r)
	}
}

// bytes is the size of a vector.
func (v isa) bytes() int { return 4 * v.floats }

func main() {
	ConstraintExpr("amd64")
	for _, v := range widths {
		quantize("quantize"+v.suffix, v, v.floats == 8)
		addNorm(v)
		gelu(v)
		attend(v)
	}
	transpose()
	quantize("quantizeBytes256", widths[1], false)
	productVNNI()
	productAVXVNNI()
	productAVX2()
	evex := flag.Bool("evex", false, "leave VPDPBUSD in its EVEX form everywhere: to run the avxvnni kernel where there is AVX-512 VNNI but not AVX-VNNI")
	flag.Parse()
	if !*evex {
		pass.Compile = pass.Concat(pass.Compile, pass.FunctionPass(encodeVEX))
	}
	Generate()
}

// f32 is a float32 constant in the data section, shared by all that ask for the same value.
func f32(value float32) Mem {
	m, ok := constants[value]
	if !ok {
		m = ConstData(constantName(len(constants)), F32(value))
		constants[value] = m
	}
	return m
}

var constants = map[float32]Mem{}

func constantName(n int) string { return "f32c" + string(rune('A'+n/26)) + string(rune('A'+n%26)) }

// broadcast loads a float32 into every lane of a fresh register.
func (v isa) broadcast(from Op) VecVirtual {
	r := v.vec()
	VBROADCASTSS(from, r)
	return r
}

// zero is a fresh register of zeros.
func (v isa) zero() VecVirtual {
	r := v.vec()
	if v.floats == 16 {
		VPXORD(r, r, r)
	} else {
		VPXOR(r, r, r)
	}
	return r
}

// reduce folds r's lanes with op and leaves the result in every lane of r.
func (v isa) reduce(op func(...Op), r VecVirtual) {
	y, x := YMM(), XMM()
	if v.floats == 16 {
		VEXTRACTF64X4(Imm(1), r, y)
		op(y, r.AsY(), y)
	} else {
		VMOVAPS(r, y)
	}
	VEXTRACTF128(Imm(1), y, x)
	op(x, y.AsX(), x)
	swapped := XMM()
	VPERMILPS(Imm(0x4e), x, swapped)
	op(swapped, x, x)
	VPERMILPS(Imm(0xb1), x, swapped)
	op(swapped, x, x)
	VBROADCASTSS(x, r)
}

// loop runs body with a counter from 0 to below end (a register) in steps, which end must be a multiple of. end must not be 0.
func loop(name string, end GPVirtual, step int, body func(i GPVirtual)) {
	i := GP64()
	XORQ(i, i)
	Label(name)
	body(i)
	ADDQ(U32(uint32(step)), i)
	CMPQ(i, end)
	JB(LabelRef(name))
}

// param loads the named parameter into a fresh register.
func param(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }
