package wordpiece

import (
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// referenceRow is one line of testdata/lines.jsonl.gz or pairs.jsonl.gz, which embed/train/tokenizer_reference.py
// writes from what the Python library answers.
type referenceRow struct {
	Text, Hex string // Hex: bytes that are not UTF-8
	A, B      string
	Max       int
	IDs       []int32
	Plain     []int32 // with special tokens read as plain text, where that differs
	Second    int
}

func readRows(t *testing.T, file string) []referenceRow {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var rows []referenceRow
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r referenceRow
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%s, line %d: %v", file, len(rows)+1, err)
		}
		if r.Plain == nil {
			r.Plain = r.IDs
		}
		rows = append(rows, r)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestLinesEqualReference(t *testing.T) {
	rows := readRows(t, "testdata/lines.jsonl.gz")
	if len(rows) != 10_000 {
		t.Fatalf("testdata has %d lines, not 10,000", len(rows))
	}
	tok := tokenizer(t)
	plain := tok.Plain()
	equal := 0
	for i, r := range rows {
		text := r.Text
		if r.Hex != "" {
			b, err := hex.DecodeString(r.Hex)
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		got, gotPlain := tok.Encode(nil, text, r.Max), plain.Encode(nil, text, r.Max)
		if slices.Equal(got, r.IDs) && slices.Equal(gotPlain, r.Plain) {
			equal++
			continue
		}
		t.Errorf("line %d: %+q, max %d\n got %v\nwant %v\n got %v plain\nwant %v plain", i+1, text, r.Max, got, r.IDs, gotPlain, r.Plain)
	}
	t.Logf("%d of %d lines equal", equal, len(rows))
}

func TestPairsEqualReference(t *testing.T) {
	rows := readRows(t, "testdata/pairs.jsonl.gz")
	if len(rows) != 1000 {
		t.Fatalf("testdata has %d pairs, not 1,000", len(rows))
	}
	tok := tokenizer(t)
	plain := tok.Plain()
	equal := 0
	for i, r := range rows {
		got, second := tok.EncodePair([]int32{-7}, r.A, r.B, r.Max)
		gotPlain, _ := plain.EncodePair([]int32{-7}, r.A, r.B, r.Max)
		if slices.Equal(got[1:], r.IDs) && slices.Equal(gotPlain[1:], r.Plain) && second == r.Second+1 && got[0] == -7 {
			equal++
			continue
		}
		t.Errorf("pair %d: %+q and %+q, max %d\n got %v, second %d\nwant %v, second %d\n got %v plain\nwant %v plain",
			i+1, r.A, r.B, r.Max, got[1:], second-1, r.IDs, r.Second, gotPlain[1:], r.Plain)
	}
	t.Logf("%d of %d pairs equal", equal, len(rows))
}

// TestWordsEqualReference compares what stands before the vocabulary, where an unknown token hides nothing: the words
// of a text around every code point, by one digest a block of 4,096.
func TestWordsEqualReference(t *testing.T) {
	data, err := os.ReadFile("testdata/words.txt")
	if err != nil {
		t.Fatal(err)
	}
	tok := tokenizer(t)
	blocks, points := 0, 0
	for line := range strings.Lines(string(data)) {
		var start rune
		var want string
		if _, err := fmt.Sscanf(line, "%x %s", &start, &want); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		h := sha256.New()
		for r := start; r < start+4096; r++ {
			if r < 0xD800 || r >= 0xE000 {
				text := "x\u1DFB" + string(r) + "\u1B44y\u1B44" + string(r) + "\u302Ez"
				io.WriteString(h, strings.Join(words(tok, text), "\x00")+"\n")
				points++
			}
		}
		if got := hex.EncodeToString(h.Sum(nil)); got != want {
			t.Errorf("block %06X: digest %s, want %s", start, got, want)
		}
		blocks++
	}
	if points != 0x110000-0x800 {
		t.Errorf("%d code points compared, want all", points)
	}
	t.Logf("%d code points in %d blocks compared", points, blocks)
}

// words returns the normalized words of a text that are not longer than maxWord.
func words(tok *Tokenizer, text string) []string {
	var w word
	var all []string
	for i := 0; ; {
		var id int32
		if i, id = w.next(tok, text, i); id < 0 && w.n == 0 {
			return all
		}
		if id < 0 {
			all = append(all, string(w.runes[:w.n]))
		}
	}
}
