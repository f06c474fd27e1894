package bench

import (
	"fmt"
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

func TestClusteredWilson(t *testing.T) {
	near := func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }
	// Each of its own: as independent draws are.
	apart := map[string]cluster{}
	for i := range 50 {
		c := cluster{hits: 1}
		if i < 5 {
			c.wrong = 1
		}
		apart[fmt.Sprint(i)] = c
	}
	low, high := clusteredWilson(apart)
	if l, h := Wilson(5, 50); !near(low, l) || !near(high, h) {
		t.Errorf("50 clusters of one: %v to %v, want %v to %v", low, high, l, h)
	}
	// Asked ten times each, with the same outcome each time, they tell no more.
	for name, c := range apart {
		apart[name] = cluster{hits: 10 * c.hits, wrong: 10 * c.wrong}
	}
	if l, h := clusteredWilson(apart); !near(low, l) || !near(high, h) {
		t.Errorf("each ten times: %v to %v, want %v to %v", l, h, low, high)
	}
	// The heavy one is wrong: Kish's number alone would call that 1.7 draws or so, and the interval stays wide.
	if l, h := clusteredWilson(map[string]cluster{"a": {hits: 90, wrong: 90}, "b": {hits: 5}, "c": {hits: 5}}); h-l < 0.5 {
		t.Errorf("one cluster decides: %v to %v", l, h)
	}
	if l, h := clusteredWilson(nil); l != 0 || h != 1 {
		t.Errorf("nothing: %v to %v", l, h)
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
