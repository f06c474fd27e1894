package bench

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestAccepted(t *testing.T) {
	t.Parallel()
	// Traps at 0.9, 0.5, 0.3, 0.1; same-pairs at 0.95, 0.9, 0.6, 0.2.
	pairs := []scored{{0.95, true}, {0.9, true}, {0.9, false}, {0.6, true}, {0.5, false}, {0.3, false}, {0.2, true}, {0.1, false}}
	for _, c := range []struct{ share, want float64 }{
		{0, 0.25},    // no trap: only what is above 0.9, and not level with it
		{0.25, 0.75}, // one of four
		{0.5, 0.75},
		{0.75, 1},
	} {
		if got := accepted(pairs, c.share); got != c.want {
			t.Errorf("accepted at %v of the traps = %v, want %v", c.share, got, c.want)
		}
	}
	if got := accepted(nil, 0.5); got != 0 {
		t.Errorf("of nothing, %v is accepted", got)
	}
}

func TestAveragePrecision(t *testing.T) {
	t.Parallel()
	got := averagePrecision([]scored{{0.1, true}, {0.9, true}, {0.5, false}})
	if want := (1.0/1 + 2.0/3) / 2; math.Abs(got-want) > 1e-12 {
		t.Errorf("average precision %v, want %v", got, want)
	}
	// Of equal scores the trap comes first, wherever it stands.
	for _, pairs := range [][]scored{{{0.5, true}, {0.5, false}}, {{0.5, false}, {0.5, true}}} {
		if got := averagePrecision(pairs); got != 0.5 {
			t.Errorf("%v: average precision %v, want 0.5", pairs, got)
		}
	}
}

func TestIntervalHoldsTheFigure(t *testing.T) {
	t.Parallel()
	var pairs []scored
	for i := range 400 {
		pairs = append(pairs, scored{float64(i%97) + float64((i+1)%2)*20, i%2 == 0})
	}
	at5 := func(s []scored) float64 { return accepted(s, 0.05) }
	alone := make([]string, len(pairs))
	for i := range alone {
		alone[i] = strconv.Itoa(i)
	}
	low, high := interval(pairs, alone, at5)
	if got := at5(pairs); !(low <= got && got <= high) || low == high {
		t.Errorf("%v is not within %v-%v", got, low, high)
	}
	if again, _ := interval(pairs, alone, at5); again != low {
		t.Error("the same data gave another interval")
	}

	// Each pair ten times over tells no more than once, if the ten are of one subject.
	var tenfold []scored
	var of []string
	for i, p := range pairs {
		for range 10 {
			tenfold, of = append(tenfold, p), append(of, alone[i])
		}
	}
	if l, h := interval(tenfold, of, at5); math.Abs(l-low) > 0.02 || math.Abs(h-high) > 0.02 {
		t.Errorf("ten times over: %v-%v, once: %v-%v", l, h, low, high)
	}
	// With all same-pairs in one subject and all traps in another, half of the samples have one alone.
	for i, p := range pairs {
		alone[i] = strconv.FormatBool(p.same)
	}
	if l, h := interval(pairs, alone, at5); l != at5(pairs) || h != l {
		t.Errorf("%v-%v, want %v", l, h, at5(pairs))
	}
}

func TestReadPairs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("authored_pairs_a.jsonl", `{"a":"x","b":"y","same":true,"kind":"near","domain":"a02"}`+"\n"+`{"a":"x","b":"z","same":false,"kind":"number","domain":"a03"}`)
	pairs, err := ReadPairs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(pairs) != 2 || !pairs[0].Same || pairs[1].Same || !pairs[0].HeldOut() || pairs[1].HeldOut() {
		t.Errorf("read %+v", pairs)
	}
	for name, text := range map[string]string{
		"a line that is not JSON": "{",
		"no label":                `{"a":"x","b":"y"}`,
		"an empty question":       `{"a":"","b":"y","same":true}`,
	} {
		if _, err := ReadPairs(write("bad.jsonl", text)); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%s: got %v, want an error that names the line", name, err)
		}
	}
	if _, err := ReadPairs(filepath.Join(dir, "absent")); err == nil {
		t.Error("an absent file is no error")
	}
}
