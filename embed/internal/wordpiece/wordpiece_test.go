package wordpiece

import (
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reprise-cache/reprise/embed/internal/weights"
)

// model is the file that carries the vocabulary beside the weights.
const model = "../../model/minilm.safetensors"

var readVocabulary = sync.OnceValues(func() ([]string, error) {
	b, err := os.ReadFile(model)
	if err != nil {
		return nil, err
	}
	f, err := weights.Parse(string(b))
	if err != nil {
		return nil, err
	}
	text, err := f.Text("vocab")
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n"), err
})

func vocabulary(t testing.TB) []string {
	t.Helper()
	vocab, err := readVocabulary()
	if err != nil {
		t.Fatal(err)
	}
	return vocab
}

func tokenizer(t testing.TB) *Tokenizer {
	t.Helper()
	tok, err := New(vocabulary(t))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestEncodeAppends(t *testing.T) {
	got := tokenizer(t).Encode([]int32{-7}, "Hello, Wörld!", 512)
	want := []int32{-7, 101, 7592, 1010, 2088, 999, 102}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestPlainKeepsTextInItsSegment(t *testing.T) {
	tok := tokenizer(t)
	text := "refund [SEP] approved [CLS]"
	if got := tok.Encode(nil, text, 512); !slices.Equal(got, []int32{101, 25416, 8630, 102, 4844, 101, 102}) {
		t.Errorf("Encode: got %v; special tokens in the text are the tokens themselves, as in the reference", got)
	}
	ids, second := tok.Plain().EncodePair(nil, text, text, 512)
	separators := 0
	for i, id := range ids {
		if id == 102 {
			separators++
		}
		if id == 101 && i > 0 {
			t.Errorf("Plain: [CLS] at %d", i)
		}
	}
	if separators != 2 || ids[second-1] != 102 {
		t.Errorf("Plain: %d separators in %v, segment two at %d; want the two that EncodePair sets", separators, ids, second)
	}
}

func TestLimitsWithoutRoom(t *testing.T) {
	tok := tokenizer(t)
	dst := []int32{-7}
	for _, limit := range []int{-1 << 63, -1, 0, 1} {
		if got := tok.Encode(dst, "hello", limit); !slices.Equal(got, dst) {
			t.Errorf("Encode with limit %d: %v, want nothing appended", limit, got)
		}
	}
	for _, limit := range []int{-1 << 63, 0, 2} {
		if got, second := tok.EncodePair(dst, "hello", "you", limit); !slices.Equal(got, dst) || second != 1 {
			t.Errorf("EncodePair with limit %d: %v, %d, want nothing appended", limit, got, second)
		}
	}
	if got := tok.Encode(nil, "hello", 2); !slices.Equal(got, []int32{101, 102}) {
		t.Errorf("Encode with limit 2: %v", got)
	}
	if got := tok.Encode(nil, "hello", 1<<63-1); !slices.Equal(got, []int32{101, 7592, 102}) {
		t.Errorf("Encode with the greatest limit: %v", got)
	}
	if got, second := tok.EncodePair(nil, "hello", "you", 1<<63-1); !slices.Equal(got, []int32{101, 7592, 102, 2017, 102}) || second != 3 {
		t.Errorf("EncodePair with the greatest limit: %v, %d", got, second)
	}
}

// TestHostileTextsAreLinear reads texts that would take hours in quadratic time.
func TestHostileTextsAreLinear(t *testing.T) {
	const n = 300_000
	tok := tokenizer(t)
	for name, text := range map[string]string{
		"one word":           strings.Repeat("a", n),
		"spaces":             strings.Repeat(" ", n),
		"controls":           strings.Repeat("\x00", n),
		"brackets":           strings.Repeat("[", n),
		"open literals":      strings.Repeat("[SE", n),
		"separators":         strings.Repeat("[SEP]", n),
		"stripped marks":     "a" + strings.Repeat("\u0301", n),
		"marks out of order": "a" + strings.Repeat("\u08d4\u1b44", n/2),
		"marks and fences":   "a" + strings.Repeat("\u08d4\u0cc6\u1b44", n/3),
		"broken bytes":       strings.Repeat("\xf0\x9f", n),
		"hangul":             strings.Repeat("각", n),
		"han":                strings.Repeat("漢", n),
		"words of 100":       strings.Repeat(strings.Repeat("a", maxWord)+" ", n/maxWord),
		"almost a word":      strings.Repeat(strings.Repeat("a", maxWord-1)+"\U000e0fff ", n/maxWord),
	} {
		start := time.Now()
		tok.Encode(nil, text, 512)
		tok.EncodePair(nil, text, text, 512)
		if ids := tok.Encode(nil, text, 1<<62); ids[0] != 101 || ids[len(ids)-1] != 102 {
			t.Errorf("%s: ids do not begin with [CLS] and end with [SEP]", name)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s: %v for %d bytes", name, took, len(text))
		}
	}
}

// TestStopsAtTheCut would take tens of thousands of times as long if the rest of the text were read.
func TestStopsAtTheCut(t *testing.T) {
	tok := tokenizer(t)
	text := strings.Repeat("hello ", 10_000_000)
	start := time.Now()
	tok.Encode(nil, text, 128)
	if took := time.Since(start); took > 150*time.Millisecond {
		t.Errorf("%v for 128 ids at the head of 60 MB", took)
	}
}

func TestNoAllocationWithRoom(t *testing.T) {
	tok := tokenizer(t)
	dst := make([]int32, 0, 1024)
	text := "How do I reset my pässwörd? 비밀번호를 변경 [SEP] 東京"
	if n := testing.AllocsPerRun(100, func() {
		dst = tok.Encode(dst[:0], text, 512)
		dst, _ = tok.EncodePair(dst[:0], text, text, 512)
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func TestConcurrentUse(t *testing.T) {
	tok := tokenizer(t)
	want := tok.Encode(nil, "How do I reset my pässwörd?", 512)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if got := tok.Encode(nil, "How do I reset my pässwörd?", 512); !slices.Equal(got, want) {
					t.Errorf("got %v, want %v", got, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestNewRefusesBadVocabularies(t *testing.T) {
	good := []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "##a", "##"}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		vocab []string
		says  string
	}{
		{"none", nil, "[PAD]"},
		{"no separator", []string{"[PAD]", "[UNK]", "[CLS]", "[MASK]"}, "[SEP]"},
		{"empty token", append(slices.Clone(good), ""), "entry 8"},
		{"twice", append(slices.Clone(good), "##a"), `"##a"`},
		{"not UTF-8", append(slices.Clone(good), "\xff"), "entry 8"},
		{"too large", append(slices.Clone(good), strings.Repeat("a", maxNodes)), "at most"},
	} {
		if _, err := New(c.vocab); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want one that says %s", c.name, err, c.says)
		}
	}
}

func TestDamagedRuneTable(t *testing.T) {
	for _, text := range []string{
		"jump 41", "drop", "drop 41 42", "drop 110000", "drop XY", "drop 41-", "drop 41-50/3", "word 41 zz", "word 41 -50",
		"word 10FFFF 1", "mark 1", "mark 300 41", "mark x 41", "seq 41", "seq 41 110000",
	} {
		if _, err := parseRunes("# head\n" + text); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q: error %v, want one that names line 2", text, err)
		}
	}
}
