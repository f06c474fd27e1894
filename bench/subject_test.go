package bench

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

func TestSubjects(t *testing.T) {
	t.Parallel()
	of := subjects([]Pair{
		{A: "x", B: "y"}, {A: "z", B: "v"}, {A: "w", B: "Y"}, {A: "W", B: "u"}, // three hang together, whatever their case
		{A: "x", B: "y", Domain: "a02"}, {A: "p", B: "q", Domain: "a02"}, {A: "p", B: "q", Domain: "a07"},
	})
	var groups []int
	seen := map[string]int{}
	for _, s := range of {
		if _, known := seen[s]; !known {
			seen[s] = len(seen)
		}
		groups = append(groups, seen[s])
	}
	if want := []int{0, 1, 0, 0, 2, 2, 3}; !slices.Equal(groups, want) {
		t.Errorf("%v: groups %v, want %v", of, groups, want)
	}
	if of := subjects([]Pair{{A: "x", B: "y", Domain: "a02"}, {A: "x", B: "z", Domain: "a02"}}); of[0] == of[1] {
		t.Errorf("a subject that has all the pairs: %v", of)
	}
}

func TestTallyInterval(t *testing.T) {
	t.Parallel()
	width := func(t tally) float64 { low, high := t.interval(); return high - low }
	made := func(subjects, hits, wrongIn int) tally { // five hits a subject are wrong in as many as that
		of := tally{}
		for i := range subjects {
			for j := range hits {
				of.add(fmt.Sprint(i), i < wrongIn && j < 5)
			}
		}
		return of
	}
	low, high := Wilson(5, 50)
	single := tally{}
	for i := range 50 {
		single.add(fmt.Sprint(i), i < 5)
	}
	// Hits of their own are as independent ones are, but for what fifty cannot tell of their spread.
	if l, h := single.interval(); math.Abs(l-low) > 0.004 || math.Abs(h-high) > 0.008 || h-l < high-low {
		t.Errorf("50 subjects of one hit: %v-%v, independent: %v-%v", l, h, low, high)
	}
	if five, one := width(made(20, 10, 4)), width(spread(20, 10)); five < 1.3*one {
		t.Errorf("20 wrong in 4 subjects: width %v, evenly in 20: %v", five, one)
	}
	if l, h := (tally{}).interval(); l != 0 || h != 1 {
		t.Errorf("nothing: %v-%v", l, h)
	}
	if l, h := made(20, 10, 0).interval(); l != 0 || h < 0.018 || h > 0.025 {
		t.Errorf("none wrong of 200: %v-%v", l, h)
	}
}

// spread is a tally in which one hit of each subject is wrong.
func spread(subjects, hits int) tally {
	of := tally{}
	for i := range subjects {
		for j := range hits {
			of.add(fmt.Sprint(i), j == 0)
		}
	}
	return of
}

// TestStudent checks the expansion against the table's last entries and published ones beyond.
func TestStudent(t *testing.T) {
	t.Parallel()
	for df, want := range map[int]float64{1: 12.706, 15: 2.131, 16: 2.120, 20: 2.086, 30: 2.042, 51: 2.008, 120: 1.980, 100_000: 1.960} {
		if got := student(df); math.Abs(got-want) > 6e-4 {
			t.Errorf("%d degrees of freedom: %v, want %v", df, got, want)
		}
	}
}
