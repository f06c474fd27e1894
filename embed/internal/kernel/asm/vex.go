package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/ir"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/reg"
)

// encodeVEX writes every VPDPBUSD on 256 bits of a function as bytes, in the VEX encoding, which AVX-VNNI brought. avo and Go's
// assembler know the EVEX one alone, which a processor without AVX-512 does not run. It goes last, when the registers are
// allocated: up to here it is an instruction like any other.
func encodeVEX(fn *ir.Function) error {
	changed := false
	for _, i := range fn.Instructions() {
		if i.Opcode != "VPDPBUSD" || !operand.IsYMM(i.Operands[len(i.Operands)-1]) {
			continue
		}
		code, err := vexVPDPBUSD(i.Operands)
		if err != nil {
			return fmt.Errorf("%s: %w", fn.Name, err)
		}
		i.Opcode, i.Operands, i.ISA, changed = "LONG", []operand.Op{code}, []string{"AVXVNNI"}, true
	}
	if changed {
		fn.ISA = nil
		return pass.RequiredISAExtensions(fn)
	}
	return nil
}

// vexCode is an instruction of five bytes as the operand of a LONG: the rest of the line follows it.
type vexCode struct {
	bytes  [5]byte
	source string
}

// Asm implements operand.Op.
func (c vexCode) Asm() string {
	b := c.bytes
	return fmt.Sprintf("$0x%02x%02x%02x%02x; BYTE $0x%02x // %s", b[3], b[2], b[1], b[0], b[4], c.source)
}

// vexVPDPBUSD encodes VPDPBUSD on three of Y0 to Y15, in the order of Go's assembler: signed bytes, unsigned bytes, sums. Intel's
// manual gives it as VEX.256.66.0F38.W0 50 /r, with the sums in ModRM.reg, the unsigned bytes in VEX.vvvv and the
// signed ones in ModRM.r/m. The prefix holds all its register bits inverted.
func vexVPDPBUSD(ops []operand.Op) (vexCode, error) {
	if len(ops) != 3 {
		return vexCode{}, fmt.Errorf("VPDPBUSD has %d operands, want 3", len(ops))
	}
	var n [3]byte
	for i, op := range ops {
		r, ok := op.(reg.Physical)
		if !ok || !operand.IsYMM(op) || r.PhysicalIndex() > 15 {
			return vexCode{}, fmt.Errorf("VPDPBUSD has the operand %s, want one of Y0 to Y15", op.Asm())
		}
		n[i] = byte(r.PhysicalIndex())
	}
	signed, unsigned, sums := n[0], n[1], n[2]
	const (
		x     = 1 << 6 // no index register
		m0F38 = 2
		l256  = 1 << 2
		p66   = 1
	)
	return vexCode{
		bytes: [5]byte{
			0xc4,
			^sums>>3<<7 | x | ^signed>>3&1<<5 | m0F38,
			^unsigned&15<<3 | l256 | p66,
			0x50,
			0xc0 | sums&7<<3 | signed&7,
		},
		source: fmt.Sprintf("VPDPBUSD %s, %s, %s", ops[0].Asm(), ops[1].Asm(), ops[2].Asm()),
	}, nil
}
