package embed

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/reprise-cache/reprise/embed/internal/kernel"
)

// load is the model on the named kernel, with its own memo.
func load(t testing.TB, name string) *MiniLM {
	t.Helper()
	k, err := kernel.New(name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := newMiniLM(minilmFile, minilmDigest, k)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// qualityTexts is the test's texts and the float model's vector of each.
func qualityTexts(t testing.TB) (texts []string, vectors [][]float32) {
	t.Helper()
	file, err := os.Open("testdata/quality_texts.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var text string
		if err := json.Unmarshal(lines.Bytes(), &text); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, text)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("testdata/quality_vectors.f16")
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) != 1000 || len(raw) != len(texts)*384*2 {
		t.Fatalf("%d texts and %d bytes of vectors, want 1000 and 384 float16 each", len(texts), len(raw))
	}
	for ; len(raw) > 0; raw = raw[384*2:] {
		v := make([]float32, 384)
		for d := range v {
			v[d] = float16(binary.LittleEndian.Uint16(raw[2*d:]))
		}
		vectors = append(vectors, v)
	}
	return texts, vectors
}

// float16 widens an IEEE 754 half, finite as all of the file's are.
func float16(h uint16) float32 {
	exponent, mantissa := int(h>>10&31), float64(h&1023)
	v := math.Ldexp(1024+mantissa, exponent-25)
	if exponent == 0 {
		v = math.Ldexp(mantissa, -24)
	}
	if h&0x8000 != 0 {
		v = -v
	}
	return float32(v)
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

// TestQuality holds the quantised encoder to the float32 model on texts of many kinds: each at least 0.995, the mean at least
// 0.9985. Kernels differ in rounding only, so those after the first, which are slower, read a sample of the shorter ones.
func TestQuality(t *testing.T) {
	texts, want := qualityTexts(t)
	step, longest := 1, math.MaxInt
	for _, name := range kernel.Names() {
		t.Run(name, func(t *testing.T) {
			m := load(t, name)
			least, sum, n, worst := 1.0, 0.0, 0, 0
			for i := 0; i < len(texts); i += step {
				if len(texts[i]) > longest {
					continue
				}
				got, err := m.Embed(context.Background(), texts[i:i+1])
				if err != nil {
					t.Fatal(err)
				}
				c := cosine(got[0], want[i])
				if c < 0.995 {
					t.Errorf("text %d, %.60q: cosine %.5f with the float model, want at least 0.995", i, texts[i], c)
				}
				if c < least {
					least, worst = c, i
				}
				sum += c
				n++
			}
			if sum/float64(n) < 0.9985 {
				t.Errorf("mean cosine %.5f with the float model, want at least 0.9985", sum/float64(n))
			}
			t.Logf("%d texts: least cosine %.5f (%.40q), mean %.5f", n, least, texts[worst], sum/float64(n))
		})
		step, longest = 40, 200
	}
}
