package cache

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
)

// seer is a verifier for many at once that knows what the test tells it, by the candidate's text.
type seer struct{ p map[string]float64 }

func (s *seer) ID() string { return "seer/1" }

func (s *seer) Verify(_ context.Context, _ string, candidates []string) ([]float64, error) {
	out := make([]float64, len(candidates))
	for i, c := range candidates {
		out[i] = s.p[c]
	}
	return out, nil
}

// TestFitDecision: what is fitted is read again, is of the models that it was fitted for, and believes a verifier that is right.
func TestFitDecision(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	j := &seer{p: map[string]float64{}}
	var pairs []LabelledPair
	for i := range 240 {
		thing := fmt.Sprintf("%c%c%c", 'a'+i%26, 'a'+i/26, 'a'+i%7)
		p := LabelledPair{A: "how do I open the " + thing + " box", B: "how can I open the " + thing + " box", Same: i%2 == 0, Source: "test", Group: thing}
		j.p[p.A] = 0.7 + 0.3*r.Float64()
		if !p.Same {
			p.B = "how can I open the " + thing + " lid"
			j.p[p.A] = 0.3 * r.Float64()
		}
		pairs = append(pairs, p)
	}
	o := Options{Embedder: newBag(), Verifier: j}
	fitted, err := FitDecision(t.Context(), o, pairs)
	if err != nil {
		t.Fatal(err)
	}
	data, err := fitted.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if o.Decision, err = ParseDecision(data); err != nil {
		t.Fatal(err)
	}
	d, err := NewDecider(o)
	if err != nil {
		t.Fatal(err)
	}
	if !d.Fitted() {
		t.Error("a decision is not of the models that it was fitted for")
	}
	same, err := d.Pair(t.Context(), ask(pairs[0].A), ask(pairs[0].B), PolicySemantic)
	trap, err2 := d.Pair(t.Context(), ask(pairs[1].A), ask(pairs[1].B), PolicySemantic)
	if err != nil || err2 != nil || !(same.Probability > 0.8 && trap.Probability < 0.2) {
		t.Errorf("probabilities %v of a same pair, %v of a trap; %v, %v", same.Probability, trap.Probability, err, err2)
	}

	for name, c := range map[string]struct {
		o     Options
		pairs []LabelledPair
	}{
		"no verifier":   {Options{Embedder: newBag()}, pairs},
		"too few pairs": {o, pairs[:20]},
		"no embedder":   {Options{}, pairs},
	} {
		if _, err := FitDecision(t.Context(), c.o, c.pairs); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
