// Command asm writes the vector code of the package above it, with avo. Run it in this folder:
//
//	go run . -out ../scan_amd64.s -stubs ../scan_amd64.go -pkg kernel
//
// It is a module of its own, so that the library does not depend on the generator.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// rows is how many rows are multiplied at once: enough to hide the latency of a sum behind the others, and as many sums as
// fill the 128 bits that a fold of them ends in.
const rows = 4

func main() {
	ConstraintExpr("amd64")
	scan("scanVNNI512", "q *int8", vnni)
	scan("scanAVX2", "q *int16", avx2)
	differ()
	Generate()
}

// step adds the products of 64 elements at offset i of each row to acc. Beside the width of the sums, it is what the two functions differ in.
type step func(q GPVirtual, row []GPVirtual, i GPVirtual, acc []VecVirtual)

// scan emits dst[r] = the sum of row r times q, for n rows (a multiple of rows, not 0) of stride bytes (a multiple of 64, not 0).
func scan(name, query string, add step) {
	TEXT(name, NOSPLIT, "func(dst *int32, row *uint8, "+query+", stride, n int)")
	dst, row, q, stride, n := param("dst"), param("row"), param("q"), param("stride"), param("n")
	wide := name == "scanVNNI512"

	Label("rows")
	at := make([]GPVirtual, rows)
	acc := make([]VecVirtual, rows)
	for r := range at {
		at[r] = GP64()
		if r == 0 {
			MOVQ(row, at[0])
		} else {
			LEAQ(Mem{Base: at[r-1], Index: stride, Scale: 1}, at[r])
		}
		if wide {
			acc[r] = ZMM()
			VPXORD(acc[r], acc[r], acc[r])
		} else {
			acc[r] = YMM()
			VPXOR(acc[r], acc[r], acc[r])
		}
	}
	i := GP64()
	XORQ(i, i)
	Label("elements")
	add(q, at, i, acc)
	ADDQ(Imm(64), i)
	CMPQ(i, stride)
	JB(LabelRef("elements"))

	y := make([]VecVirtual, rows)
	for r := range y {
		y[r] = acc[r]
		if wide {
			y[r] = YMM()
			VEXTRACTI64X4(Imm(1), acc[r], y[r])
			VPADDD(acc[r].AsY(), y[r], y[r])
		}
	}
	VPHADDD(y[1], y[0], y[0])
	VPHADDD(y[3], y[2], y[2])
	VPHADDD(y[2], y[0], y[0])
	x := XMM()
	VEXTRACTI128(Imm(1), y[0], x)
	VPADDD(y[0].AsX(), x, x)
	VMOVDQU(x, Mem{Base: dst})

	ADDQ(Imm(4*rows), dst)
	LEAQ(Mem{Base: at[rows-1], Index: stride, Scale: 1}, row)
	SUBQ(Imm(rows), n)
	JNZ(LabelRef("rows"))
	VZEROUPPER()
	RET()
}

// vnni multiplies 64 bytes with one VPDPBUSD, which takes an unsigned operand (the row) and a signed one (the query).
func vnni(q GPVirtual, row []GPVirtual, i GPVirtual, acc []VecVirtual) {
	query := ZMM()
	VMOVDQU32(Mem{Base: q, Index: i, Scale: 1}, query)
	for r := range row {
		code := ZMM()
		VMOVDQU32(Mem{Base: row[r], Index: i, Scale: 1}, code)
		VPDPBUSD(query, code, acc[r])
	}
}

// avx2 multiplies in 16 bits: VPMADDUBSW on bytes would saturate. The query is kept in 16 bits, rows are widened as they are
// loaded.
func avx2(q GPVirtual, row []GPVirtual, i GPVirtual, acc []VecVirtual) {
	for part := range 4 {
		query := YMM()
		VMOVDQU(Mem{Base: q, Index: i, Scale: 2, Disp: 32 * part}, query)
		for r := range row {
			code := YMM()
			VPMOVZXBW(Mem{Base: row[r], Index: i, Scale: 1, Disp: 16 * part}, code)
			VPMADDWD(query, code, code)
			VPADDD(code, acc[r], acc[r])
		}
	}
}

// differ emits dst[r] = the number of signs that row r has otherwise than q, for n blocks (not 0) of 8 rows of words words (not 0).
// A block has the first word of each of its rows, then the second, and so on.
func differ() {
	TEXT("differ512", NOSPLIT, "func(dst *uint16, block *uint64, q *uint64, words, n int)")
	dst, block, q, words, n := param("dst"), param("block"), param("q"), param("words"), param("n")
	Label("blocks")
	sum, i := ZMM(), GP64()
	VPXORQ(sum, sum, sum)
	XORQ(i, i)
	Label("words")
	w := ZMM()
	VPBROADCASTQ(Mem{Base: q, Index: i, Scale: 8}, w)
	VPXORQ(Mem{Base: block}, w, w)
	VPOPCNTQ(w, w)
	VPADDQ(w, sum, sum)
	ADDQ(Imm(64), block)
	INCQ(i)
	CMPQ(i, words)
	JB(LabelRef("words"))
	narrow := XMM()
	VPMOVQW(sum, narrow)
	VMOVDQU(narrow, Mem{Base: dst})
	ADDQ(Imm(16), dst)
	DECQ(n)
	JNZ(LabelRef("blocks"))
	VZEROUPPER()
	RET()
}

// param loads the named parameter into a fresh register.
func param(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }
