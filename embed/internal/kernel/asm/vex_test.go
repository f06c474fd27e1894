package main

import (
	"testing"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

func TestVPDPBUSD(t *testing.T) {
	// As GNU as 2.40 assembles them; it names the operands in the same order.
	for _, c := range []struct {
		signed, unsigned, sums reg.Register
		want                   string
	}{
		{reg.Y0, reg.Y0, reg.Y0, "$0x507de2c4; BYTE $0xc0 // VPDPBUSD Y0, Y0, Y0"},
		{reg.Y4, reg.Y5, reg.Y6, "$0x5055e2c4; BYTE $0xf4 // VPDPBUSD Y4, Y5, Y6"},
		{reg.Y1, reg.Y2, reg.Y3, "$0x506de2c4; BYTE $0xd9 // VPDPBUSD Y1, Y2, Y3"},
		{reg.Y12, reg.Y13, reg.Y2, "$0x5015c2c4; BYTE $0xd4 // VPDPBUSD Y12, Y13, Y2"},
		{reg.Y7, reg.Y8, reg.Y15, "$0x503d62c4; BYTE $0xff // VPDPBUSD Y7, Y8, Y15"},
		{reg.Y15, reg.Y0, reg.Y8, "$0x507d42c4; BYTE $0xc7 // VPDPBUSD Y15, Y0, Y8"},
		{reg.Y8, reg.Y15, reg.Y0, "$0x5005c2c4; BYTE $0xc0 // VPDPBUSD Y8, Y15, Y0"},
		{reg.Y15, reg.Y15, reg.Y15, "$0x500542c4; BYTE $0xff // VPDPBUSD Y15, Y15, Y15"},
	} {
		got, err := vexVPDPBUSD([]operand.Op{c.signed, c.unsigned, c.sums})
		if err != nil || got.Asm() != c.want {
			t.Errorf("%s, %v, want %s", got.Asm(), err, c.want)
		}
	}
	for _, ops := range [][]operand.Op{
		{reg.Y1, reg.Y2},
		{reg.Y1, reg.Y2, reg.Y16},
		{reg.X1, reg.Y2, reg.Y3},
		{operand.Mem{Base: reg.RAX}, reg.Y2, reg.Y3},
	} {
		if got, err := vexVPDPBUSD(ops); err == nil {
			t.Errorf("%v is encoded: %s", ops, got.Asm())
		}
	}
}
