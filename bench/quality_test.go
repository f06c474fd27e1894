package bench

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWilson(t *testing.T) {
	// Newcombe (1998), table I: 81 of 263, and 0 of 20.
	for _, c := range [][4]float64{{81, 263, 0.2553, 0.3662}, {0, 20, 0, 0.1611}, {0, 0, 0, 1}} {
		low, high := Wilson(c[0], c[1])
		if math.Abs(low-c[2]) > 5e-4 || math.Abs(high-c[3]) > 5e-4 {
			t.Errorf("%v of %v: %.4f to %.4f, want %v to %v", c[0], c[1], low, high, c[2], c[3])
		}
	}
}

func TestMostWithin(t *testing.T) {
	s := []scored{{0.9, true}, {0.8, true}, {0.8, false}, {0.7, true}, {0.6, false}}
	for share, want := range map[float64]int{0: 1, 0.25: 3, 0.3: 3, 0.4: 3} {
		if got := mostWithin(s, share); got != want {
			t.Errorf("share %v: %d, want %d", share, got, want)
		}
	}
}

func TestQualityOfAFewPairs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "few.jsonl")
	lines := `{"a":"How do I reset my password?","b":"how do i reset my password","same":true,"kind":"near"}
{"a":"Can I return an item within 30 days?","b":"Can I return an item within 60 days?","same":false,"kind":"number"}
{"a":"How do I turn on dark mode?","b":"How do I turn off dark mode?","same":false,"kind":"negation"}
`
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	svg := filepath.Join(t.TempDir(), "curves.svg")
	r, err := Quality(t.Context(), QualityOptions{Pairs: path, SVG: svg})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range r.Rows {
		if row.Policy == "semantic" && (row.Right != 1 || row.Wrong != 0) {
			t.Errorf("%+v", row)
		}
	}
	var out strings.Builder
	if err := r.WriteText(&out); err != nil || !strings.Contains(out.String(), "negation") {
		t.Errorf("%v\n%s", err, out.String())
	}
	if drawn, err := os.ReadFile(svg); err != nil || !strings.Contains(string(drawn), "</svg>") {
		t.Errorf("svg: %v", err)
	}
}
