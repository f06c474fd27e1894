package cache

import (
	"math"
	"testing"
	"time"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// after returns the probability of a candidate that was p before, given what was learnt.
func after(e, part *store.Trait, p float64) float64 {
	a, _ := normal(e, entryVariance)
	b, _ := normal(part, partitionVariance)
	return sigmoid(logit(p) + a + b)
}

func TestLearnMovesTheOddsAsMuchAsTheLabelSurprises(t *testing.T) {
	label := func(p float64, right bool, weight float64) float64 {
		var e, part store.Trait
		c := learn(&e, &part, p, right, 0, weight, weight)
		add(&e, c.entryShift, c.entryCertain)
		add(&part, c.partitionShift, c.partitionCertain)
		return after(&e, &part, p)
	}
	if got := label(0.99, true, 1); got < 0.99 || got > 0.991 {
		t.Errorf("a right answer at 0.99 makes it %v: it was expected", got)
	}
	if got := label(0.99, false, 1); got > 0.93 || got < 0.5 {
		t.Errorf("a wrong answer at 0.99 makes it %v", got)
	}
	if got := label(0.5, true, 1); got < 0.6 || got > 0.85 {
		t.Errorf("a right answer at 0.5 makes it %v", got)
	}
	if r, w := label(0.5, true, 1), label(0.5, false, 1); math.Abs(r+w-1) > 1e-9 {
		t.Errorf("right %v and wrong %v are not mirror images at 0.5", r, w)
	}
	if half, whole := label(0.9, false, 0.5), label(0.9, false, 1); !(whole < half && half < 0.9) {
		t.Errorf("half a label gives %v, a whole one %v", half, whole)
	}
	if got := label(0.9, false, 0); got != label(0.9, true, 0) || math.Abs(got-0.9) > 1e-9 {
		t.Errorf("a label without weight gives %v", got)
	}
}

// TestLearnFindsTheTruth: labels of a partition whose answers are right half as often, in the odds, as the decision thinks.
func TestLearnFindsTheTruth(t *testing.T) {
	const seed = 5
	t.Logf("seed %d", seed)
	r := seeded(seed)
	var part store.Trait
	for range 400 {
		var e store.Trait // each label is about another question
		p := 0.5 + 0.4*r.Float64()
		truth := sigmoid(logit(p) - 0.7)
		c := learn(&e, &part, p, r.Float64() < truth, 0, 1, 1)
		add(&part, c.partitionShift, c.partitionCertain)
	}
	if mean, v := normal(&part, partitionVariance); math.Abs(mean+0.7) > 0.3 || v > 0.1 {
		t.Errorf("after 400 labels the partition's shift is %v (variance %v), want about -0.7", mean, v)
	}
}

func TestLearntIsTakenOutAgain(t *testing.T) {
	var e, part store.Trait
	first := learn(&e, &part, 0.8, false, 0, 1, 1)
	add(&e, first.entryShift, first.entryCertain)
	add(&part, first.partitionShift, first.partitionCertain)
	add(&e, -first.entryShift, -first.entryCertain)
	add(&part, -first.partitionShift, -first.partitionCertain)
	if got := after(&e, &part, 0.8); math.Abs(got-0.8) > 1e-12 {
		t.Errorf("after taking it out the probability is %v, want 0.8", got)
	}
}

func TestEvidenceFades(t *testing.T) {
	tr := store.Trait{Shift: -2, Certain: 1, Bad: 1, Sources: []store.Source{{ID: 1, Weight: 1}}}
	decay(&tr, int64(3*time.Hour), time.Hour)
	if tr.Shift != -0.25 || tr.Certain != 0.125 || tr.Sources[0].Weight != 0.125 || tr.Bad != 1 {
		t.Errorf("after three half-lives: %+v", tr)
	}
	decay(&tr, int64(time.Hour), time.Hour) // a clock that went back: nothing fades, but it does from there on
	if tr.Shift != -0.25 || tr.At != int64(time.Hour) {
		t.Errorf("after going back: %+v", tr)
	}
}

func TestAllowanceHoldsOutAgainstNewcomers(t *testing.T) {
	var s []store.Source
	if got := allowance(&s, 1, 5, 2); got != 2 {
		t.Fatalf("first: %v", got)
	}
	for id := uint64(100); id < 300; id++ { // many callers of little weight
		allowance(&s, id, 0.1, 2)
	}
	if got := allowance(&s, 1, 1, 2); got != 0 {
		t.Errorf("a caller that had its share gets %v more after 200 others", got)
	}
	if len(s) > maxSources {
		t.Errorf("%d sources are kept", len(s))
	}
	restore(s, 1, 1.5)
	if got := allowance(&s, 1, 5, 2); got != 1.5 {
		t.Errorf("after a withdrawal: %v", got)
	}
}
