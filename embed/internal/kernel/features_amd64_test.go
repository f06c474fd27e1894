package kernel

import (
	"encoding/binary"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestInstructionSets holds the generated code to the processor features that vectorKernels asks for. A machine with AVX-512
// runs anything, so a test that runs the code would not notice a register or an instruction that others lack.
func TestInstructionSets(t *testing.T) {
	file, err := os.ReadFile("vector_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	// MMX+ is how the generator names what the first SSE brought beside its vectors, prefetching among it: every amd64 has it.
	narrow := []string{"MMX+", "SSE", "AVX", "AVX2", "FMA3"}
	wide := append([]string{"AVX512F", "AVX512VL", "AVX512VNNI"}, narrow...)
	beyond := regexp.MustCompile(`\b([XY](1[6-9]|2\d|3[01])|Z\d+|K[0-7])\b`)
	functions := regexp.MustCompile(`(?m)^// Requires: (.*)\nTEXT ·(\w+)\(SB\)`).FindAllSubmatchIndex(file, -1)
	if n := strings.Count(string(file), "\nTEXT "); n != len(functions) || n == 0 {
		t.Fatalf("%d functions, %d of them with their features", n, len(functions))
	}
	for i, at := range functions {
		features, name, end := string(file[at[2]:at[3]]), string(file[at[4]:at[5]]), len(file)
		if i+1 < len(functions) {
			end = functions[i+1][0]
		}
		allowed := narrow
		if name == "productAVXVNNI" {
			allowed = append([]string{"AVXVNNI"}, narrow...)
		}
		if strings.HasSuffix(name, "512") {
			allowed = wide
		} else if r := beyond.Find(file[at[1]:end]); r != nil {
			t.Errorf("%s uses %s, which AVX2 has not", name, r)
		}
		for _, f := range strings.Split(features, ", ") {
			if !slices.Contains(allowed, f) {
				t.Errorf("%s needs %s; its kernel is chosen without it", name, f)
			}
		}
	}
}

// TestBytesAreTheInstruction reads the instructions that the generated code has as bytes, which no assembler checks and few machines
// run, back into what the comment beside them says.
func TestBytesAreTheInstruction(t *testing.T) {
	file, err := os.ReadFile("vector_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^\tLONG +\$0x([0-9a-f]{8}); BYTE \$0x([0-9a-f]{2}) // (.+)$`).FindAllStringSubmatch(string(file), -1)
	if n := len(regexp.MustCompile(`\b(BYTE|WORD|LONG|QUAD)\b`).FindAll(file, -1)); n != 2*len(lines) || n == 0 {
		t.Fatalf("%d directives, of which %d instructions could be read", n, len(lines))
	}
	for _, l := range lines {
		long, err := strconv.ParseUint(l[1], 16, 32)
		if err != nil {
			t.Fatal(err)
		}
		last, err := strconv.ParseUint(l[2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		if got := disassemble(append(binary.LittleEndian.AppendUint32(nil, uint32(long)), byte(last))); got != l[3] {
			t.Errorf("%s: the bytes are %s", strings.TrimSpace(l[0]), got)
		}
	}
}

// TestDisassemble holds disassemble to what GNU as 2.40 makes of the instruction, written with {vex} before it.
func TestDisassemble(t *testing.T) {
	for code, want := range map[string]string{
		"\xc4\xe2\x7d\x50\xc0": "VPDPBUSD Y0, Y0, Y0",
		"\xc4\xe2\x55\x50\xf4": "VPDPBUSD Y4, Y5, Y6",
		"\xc4\xe2\x6d\x50\xd9": "VPDPBUSD Y1, Y2, Y3",
		"\xc4\xc2\x15\x50\xd4": "VPDPBUSD Y12, Y13, Y2",
		"\xc4\x62\x3d\x50\xff": "VPDPBUSD Y7, Y8, Y15",
		"\xc4\x42\x7d\x50\xc7": "VPDPBUSD Y15, Y0, Y8",
		"\xc4\xc2\x05\x50\xc0": "VPDPBUSD Y8, Y15, Y0",
		"\xc4\x42\x05\x50\xff": "VPDPBUSD Y15, Y15, Y15",
		"\xc4\xe2\x79\x50\xc0": "unknown", // on X registers
		"\xc4\xe2\x7d\x51\xc0": "unknown", // VPDPBUSDS
		"\xc4\xe2\x7d\x50\x00": "unknown", // from memory
	} {
		if got := disassemble([]byte(code)); got != want {
			t.Errorf("% x is %s, want %s", code, got, want)
		}
	}
}

// disassemble names the instruction of five bytes, as Go's assembler would: VPDPBUSD on Y registers in the VEX encoding
// (VEX.256.66.0F38.W0 50 /r in Intel's manual), or "unknown". A register's high bit is inverted, as all of vvvv is.
func disassemble(code []byte) string {
	if code[0] != 0xc4 || code[1]&0x5f != 0x42 || code[2]&0x87 != 0x05 || code[3] != 0x50 || code[4] < 0xc0 {
		return "unknown"
	}
	high := func(bit byte) byte { return 8 &^ (code[1] >> bit << 3) }
	return fmt.Sprintf("VPDPBUSD Y%d, Y%d, Y%d", high(5)|code[4]&7, ^code[2]>>3&15, high(7)|code[4]>>3&7)
}
