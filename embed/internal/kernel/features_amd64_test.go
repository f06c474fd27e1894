package kernel

import (
	"os"
	"regexp"
	"slices"
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
