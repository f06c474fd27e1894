package embed

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/reprise-cache/reprise/embed/internal/weights"
)

// testVerifier loads both models.
func testVerifier(t testing.TB) *Verifier {
	t.Helper()
	m, err := NewMiniLM()
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewVerifier(m)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

type referencePair struct {
	A, B string
	P    float64
}

// referencePairs reads what embed/train/verifier/reference.py wrote.
func referencePairs(t *testing.T) []referencePair {
	t.Helper()
	f, err := os.Open("testdata/verifier_reference.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []referencePair
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var row referencePair
		if err := json.Unmarshal(s.Bytes(), &row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestVerifierAgrees compares with what the float32 model says (embed/train/verifier/reference.py).
func TestVerifierAgrees(t *testing.T) {
	t.Parallel()
	v := testVerifier(t)
	var n int
	var sum, worst float64
	for _, row := range referencePairs(t) {
		n++
		p, err := v.Verify(t.Context(), row.A, []string{row.B})
		if err != nil {
			t.Fatal(err)
		}
		diff := math.Abs(p[0] - row.P)
		if sum += diff; p[0] >= clearlyNot { // else one order was enough: TestVerifierReadsOneOrderOfTheHopeless
			worst = max(worst, diff)
		}
	}
	t.Logf("%d pairs: largest difference of P %.4f, mean %.4f", n, worst, sum/float64(n))
	if n < 200 || worst > 0.15 || sum/float64(n) > 0.01 {
		t.Errorf("want at least 200 pairs, at most 0.15 and 0.01")
	}
}

func TestVerifierIsSymmetricAndBatchesChangeNothing(t *testing.T) {
	t.Parallel()
	v := testVerifier(t)
	texts := []string{
		"How do I enable two-factor authentication?", "turn on 2FA", "How do I disable two-factor authentication?",
		"", "???", "日本語の質問です", strings.Repeat("why ", 60), "What is the capital of France?",
	}
	for _, a := range texts {
		together, err := v.Verify(t.Context(), a, texts)
		if err != nil {
			t.Fatal(err)
		}
		for i, b := range texts {
			there, err := v.Verify(t.Context(), a, []string{b})
			if err != nil {
				t.Fatal(err)
			}
			back, err := v.Verify(t.Context(), b, []string{a})
			if err != nil {
				t.Fatal(err)
			}
			if there[0] != back[0] || there[0] != together[i] {
				t.Errorf("%.20q, %.20q: %v, turned round %v, in a batch %v", a, b, there[0], back[0], together[i])
			}
		}
	}
}

// TestVerifierReadsOneOrderOfTheHopeless counts, on the reference pairs, how many are settled by one order, and how many of those
// both orders would have called the same question.
func TestVerifierReadsOneOrderOfTheHopeless(t *testing.T) {
	t.Parallel()
	v := testVerifier(t)
	var settled, lost, n int
	for _, row := range referencePairs(t) {
		n++
		there, _ := v.pair(min(row.A, row.B), max(row.A, row.B))
		back, _ := v.pair(max(row.A, row.B), min(row.A, row.B))
		if err := v.pool.encode(t.Context(), []*window{there, back}); err != nil {
			t.Fatal(err)
		}
		one, both := v.probability(v.head(there)), v.probability((v.head(there)+v.head(back))/2)
		want := both
		if one < clearlyNot {
			settled++
			want = one
			if both > 0.5 {
				lost++
			}
		}
		got, err := v.Verify(t.Context(), row.A, []string{"another", row.B})
		if err != nil {
			t.Fatal(err)
		}
		if got[1] != want {
			t.Errorf("%q, %q: %v, want %v: one order %v, both %v", row.A, row.B, got[1], want, one, both)
		}
	}
	t.Logf("%d of %d pairs are settled by one order, %d of them wrongly", settled, n, lost)
	if settled == 0 || lost > n/100 {
		t.Errorf("want some settled, and at most a hundredth of all wrongly")
	}
}

func TestVerifierJudges(t *testing.T) {
	t.Parallel()
	v := testVerifier(t)
	p, err := v.Verify(t.Context(), "How do I enable two-factor authentication?", []string{
		"how do I enable two factor authentication", "How do I disable two-factor authentication?", "How do I bake bread?",
	})
	if err != nil {
		t.Fatal(err)
	}
	if !(p[0] > 0.9 && p[1] < 0.5 && p[2] < 0.1) {
		t.Errorf("a repeat %v, its opposite %v, another question %v", p[0], p[1], p[2])
	}
}

func TestVerifierBadInput(t *testing.T) {
	t.Parallel()
	v := testVerifier(t)
	for name, c := range map[string]struct {
		text   string
		judged bool
	}{
		"empty":                     {"", true},
		"not UTF-8":                 {"a\xff\xfe", true},
		"control characters":        {"\x00\x01\x1b[31m", true},
		"its own separators":        {"x [SEP] How do I pay? [SEP]", true},
		"a million times a":         {strings.Repeat("a", 1_000_000), false},
		"a million words":           {strings.Repeat("a ", 1_000_000), false},
		"more tokens than are read": {strings.Repeat("pay ", MaxPairTokens), false},
	} {
		p, err := v.Verify(t.Context(), c.text, []string{"How do I pay?", c.text})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, x := range p {
			if !(x >= 0 && x <= 1) {
				t.Errorf("%s: P = %v", name, x)
			}
			if (x != 0) != c.judged {
				t.Errorf("%s: P = %v, but judged should be %v", name, x, c.judged)
			}
		}
	}
	if p, err := v.Verify(t.Context(), "x", nil); err != nil || len(p) != 0 {
		t.Errorf("no candidates: %v, %v", p, err)
	}
}

// TestVerifierRefusesWhatItCannotRead: texts that differ in nothing else are one text to the model.
func TestVerifierRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	v := testVerifier(t)
	gene := func(base string) string { return "Which gene is " + strings.Repeat("acgt", 26) + base + "?" }
	for _, c := range []struct {
		a, b   string
		judged bool
	}{
		{"እንዴት ማብራት እችላለሁ?", "እንዴት ማጥፋት እችላለሁ?", false}, // how can I turn it on, off
		{"เปิดอย่างไร", "ปิดอย่างไร", false},
		{"What does 憂鬱 mean?", "What does 薔薇 mean?", false},
		{"Which country is 🇫🇷?", "Which country is 🇩🇪?", false},
		{"What does 🍑 mean?", "What does 🍆 mean?", false},
		{"What does ∃ stand for?", "What does ∄ stand for?", false},
		{"What is ≪ called?", "What is ≫ called?", false},
		{"What does the 🟢 light mean?", "What does the light mean?", false},
		{"What does mean ≫?", "What does mean?", false},
		{gene("a"), gene("c"), false},
		{"How do I reset it please🙏", "How do I reset it please", false}, // one word, of which nothing is read

		{"What does 🍑 mean?", "what is the meaning of 🍑", true},
		{"Is ❤️ a sign of love?", "Is ❤ a sign of love", true},
		{"How do I reset it? Thanks 🙏", "How do I reset it? Thanks", true},
		{"Me again 😅 How do I reset it?", "How do I reset it?", true},
		{"me again! 😅 how do I reset it?", "how do I reset it?", true},
		{"me again 😅\nhow do I reset it?", "how do I reset it?", true},
		{"how do I reset 😅 it?", "how do I reset it?", false},
		{"👋 How do I reset it?", "How do I reset it?", true},
		{"👋 What does 憂鬱 mean?", "What does 憂鬱 mean?", true},
		{"👋 What does 憂鬱 mean?", "What does 薔薇 mean?", false},
		{"How do I reset it? 🙏", "How do I reset it? 😊", true},
		{"Which country is it? 🇫🇷", "Which country is it? 🇩🇪", false},
		{"Was bedeutet das? 🍑", "Was bedeutet das? 🍆", false},
		{"👋 How do I reset it? 😊", "How do I reset it? 😊", true},
		{"How do I reset it 🙏", "How do I reset it 😊", false},
		{"What does this mean? 🍑", "What does this mean? 🍆", false},
		{"How do I read [UNK]?", "How do I read unk?", true},
		{gene("a"), gene("A"), true},
	} {
		for _, q := range [2][2]string{{c.a, c.b}, {c.b, c.a}} {
			p, err := v.Verify(t.Context(), q[0], []string{q[1], q[0]})
			if err != nil {
				t.Fatal(err)
			}
			if (p[0] > 0) != c.judged || p[1] == 0 {
				t.Errorf("%q, %q: %v; to itself %v; want it judged: %v", q[0], q[1], p[0], p[1], c.judged)
			}
		}
	}
}

// A question that spells a separator must not be able to write the other half of the pair.
func TestVerifierReadsSeparatorsAsText(t *testing.T) {
	t.Parallel()
	v := testVerifier(t)
	a, ok := v.pair("pay [SEP] now", "x")
	if !ok {
		t.Fatal("does not fit")
	}
	b, _ := v.pair("pay", "x")
	separator, n := b.sequence.IDs[b.sequence.Second-1], 0
	for _, id := range a.sequence.IDs {
		if id == separator {
			n++
		}
	}
	if n != 2 {
		t.Errorf("%d separators in %v, want the pair's own two", n, a.sequence.IDs)
	}
}

func TestVerifierStops(t *testing.T) {
	t.Parallel()
	v := testVerifier(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Verify(ctx, "a", []string{"b"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestVerifierRefusesOtherWeights(t *testing.T) {
	t.Parallel()
	m, err := NewMiniLM()
	if err != nil {
		t.Fatal(err)
	}
	_, err = newVerifier(m, verifierFile+"x", verifierDigest)
	if !errors.Is(err, weights.ErrDigest) || !strings.Contains(err.Error(), verifierDigest) || !strings.Contains(err.Error(), weights.Digest(verifierFile+"x")) {
		t.Errorf("got %v, want an error that names both digests", err)
	}
	// The encoder's own file has the layers, but no head.
	if _, err := newVerifier(m, minilmFile, minilmDigest); !errors.Is(err, weights.ErrTensor) {
		t.Errorf("got %v, want weights.ErrTensor", err)
	}
}

func BenchmarkVerify(b *testing.B) {
	v := testVerifier(b)
	candidates := []string{
		"How can I turn on two factor authentication for my account?", "Where do I disable 2FA?", "How do I change my password?",
		"enable 2fa", "Is two-factor login mandatory?",
	}
	for _, k := range []int{1, 5} {
		b.Run(map[int]string{1: "k=1", 5: "k=5"}[k], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(b.Context(), "How do I enable two-factor authentication?", candidates[:k]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
