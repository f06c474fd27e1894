package demo

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestServerTiming(t *testing.T) {
	for header, want := range map[string]map[string]time.Duration{
		"":                               {},
		"key;dur=0.012, embed;dur=4":     {"key": 12 * time.Microsecond, "embed": 4 * time.Millisecond},
		`up;desc="a b";dur=1.5`:          {"up": 1500 * time.Microsecond},
		"a;dur=x, b;dur=-1, ;dur=1,c, ,": {},
	} {
		if got := parseServerTiming(header); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

func FuzzServerTiming(f *testing.F) {
	f.Add("key;dur=0.1, embed;dur=3")
	f.Add(";;;,,=dur=")
	f.Fuzz(func(t *testing.T, header string) {
		for name, d := range parseServerTiming(header) {
			if name == "" || d < 0 {
				t.Errorf("%q: stage %q took %v", header, name, d)
			}
		}
	})
}

// sample is a run of one ask of each fate.
func sample() []outcome {
	return []outcome{
		{n: 1, ask: ask{Text: "a", FAQ: "x", Kind: "first"}, status: "SEMANTIC MISS", similarity: math.NaN(), faq: "x", prompt: 10, completion: 20, elapsed: 100 * time.Millisecond},
		{n: 2, ask: ask{Text: "a", FAQ: "x", Kind: "repeat"}, status: statusHit, similarity: 1, faq: "x", prompt: 10, completion: 20, elapsed: time.Millisecond, stages: map[string]time.Duration{"key": time.Microsecond}},
		{n: 3, ask: ask{Text: "b", FAQ: "x", Kind: "near"}, status: statusSemanticHit, similarity: 0.9, faq: "x", prompt: 10, completion: 20, elapsed: 5 * time.Millisecond},
		{n: 4, ask: ask{Text: "c", FAQ: "y", Kind: kindTrap, TrapOf: "x"}, status: statusSemanticHit, similarity: 0.95, faq: "x", prompt: 10, completion: 20, elapsed: 5 * time.Millisecond},
		{n: 5, ask: ask{Text: "d", Kind: kindTrap, TrapOf: "x"}, status: "SEMANTIC MISS", similarity: 0.93, refused: parseReason("guard=negation token=not"), elapsed: 100 * time.Millisecond},
		{n: 6, ask: ask{Text: "e", FAQ: "z", Kind: "first"}, status: "SEMANTIC MISS", similarity: 0.3, refused: parseReason("threshold"), faq: "z", elapsed: 100 * time.Millisecond},
		{n: 7, ask: ask{Text: "f", FAQ: "z", Kind: "near"}, status: "SEMANTIC MISS", similarity: 0.9, refused: parseReason("budget"), faq: "z", elapsed: 100 * time.Millisecond},
		{n: 8, ask: ask{Text: "g", FAQ: "z", Kind: "near"}, status: "SEMANTIC MISS", similarity: 0.9, refused: parseReason("volatile token=today"), faq: "z", elapsed: 100 * time.Millisecond},
	}
}

func TestTotals(t *testing.T) {
	p := price{Model: "m", Currency: "USD", InputPerMillion: 2, OutputPerMillion: 10, Date: "2026-05", Source: "s"}
	got := sum(sample(), p, time.Second)
	if got.Asks != 8 || got.Distinct != 7 || got.Exact != 1 || got.Semantic != 2 || got.Provider != 5 || got.Wrong != 1 || got.Traps != 2 || got.Trapped != 1 {
		t.Errorf("%+v", got)
	}
	if got.PromptTokens != 30 || got.CompletionTokens != 60 || math.Abs(got.Saved-(30*2+60*10)/1e6) > 1e-12 {
		t.Errorf("saved %d and %d tokens, %v", got.PromptTokens, got.CompletionTokens, got.Saved)
	}
	if !reflect.DeepEqual(got.Guards, map[string]int{"negation": 1}) {
		t.Errorf("guards %v", got.Guards)
	}
	var out strings.Builder
	if err := got.write(&out, Options{Concurrency: 2}, p); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"37.5 %; 1 exact, 2 semantic", "guards refused 1 (negation 1), the verifier 0, the error budget 1; nothing similar enough 2; other reasons 1", "1 of 2",
		"0.0007 USD", "0.95  c  (served x, should be y)", "end to end, SEMANTIC HIT", "1 µs",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q:\n%s", want, out.String())
		}
	}
}

func TestTable(t *testing.T) {
	rows := sample()
	var plain strings.Builder
	p := newTable(&plain, len(rows), false)
	p.header()
	for i := range rows {
		p.add(&rows[i])
	}
	p.finish()
	if strings.Contains(plain.String(), "\x1b") || strings.Count(plain.String(), "\n") != len(rows)+1 {
		t.Errorf("plain output:\n%s", plain.String())
	}
	for _, want := range []string{"WRONG: served x, should be y", "refused by negation: not", "not similar enough", "refused by the error budget", "8/8"} {
		if !strings.Contains(plain.String(), want) {
			t.Errorf("lacks %q:\n%s", want, plain.String())
		}
	}
	var narrow strings.Builder
	n := &table{w: &narrow, total: len(rows), width: 50}
	for i := range rows {
		n.add(&rows[i])
	}
	for line := range strings.Lines(strings.ReplaceAll(narrow.String(), clearLine, "\n")) {
		if len([]rune(strings.TrimRight(line, "\n"))) > 50 {
			t.Errorf("line is wider than the terminal: %q", line)
		}
	}
}
