package cache

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
)

// judge is a verifier that knows what the test tells it.
type judge struct {
	p   map[string]float64 // by the candidate's text
	err error
	saw [][]string // the candidates of each call
}

func (j *judge) ID() string { return "judge/1" }

func (j *judge) Verify(ctx context.Context, question string, candidates []string) ([]float64, error) {
	j.saw = append(j.saw, candidates)
	out := make([]float64, len(candidates))
	for i, c := range candidates {
		out[i] = j.p[c]
	}
	return out, j.err
}

const (
	wipe  = "how do I wipe the phone before I sell it"
	erase = "how do I wipe the phone before we sell it"
	asked = "how do I wipe the phone before they sell it"
)

func TestVerifierHasTheLastWord(t *testing.T) {
	j := &judge{p: map[string]float64{wipe: 0.95, erase: 0.97}}
	c := open(t, Options{Embedder: newBag(), Verifier: j, Threshold: 0.7, MaxError: 0.07})
	put(t, c, ask(wipe), "A")
	put(t, c, ask(erase), "B")
	put(t, c, ask("how do I wipe the phone after they sell it"), "C") // the negation guard refuses it unseen

	l := expect(t, c, ask(asked), HitSemantic, "B")                         // the more probable one, not the first
	if p := l.Probability; !(p > 0.9 && p < 0.97) || l.Timing.Verify <= 0 { // a verifier that nobody has measured is not taken at its word
		t.Errorf("probability %v, time %v", p, l.Timing.Verify)
	}
	if len(j.saw) != 1 || len(j.saw[0]) != 2 {
		t.Errorf("the verifier was asked about %q, want one call with what the guards left", j.saw)
	}
	for _, cand := range l.Candidates {
		want := map[string]Reason{wipe: ReasonSecond, erase: ReasonNone}
		if w, known := want[cand.Text]; known && cand.Reason != w {
			t.Errorf("%q: reason %q, want %q", cand.Text, cand.Reason, w)
		}
	}

	j.p = map[string]float64{wipe: 0.5, erase: math.NaN()}
	if l = expect(t, c, ask(asked), Miss, ""); l.Reason != ReasonVerifier || l.Probability > 0.5 {
		t.Errorf("reason %q, probability %v", l.Reason, l.Probability)
	}
	expect(t, c, Query{Messages: ask(asked).Messages, Mode: ModeThreshold}, HitSemantic, "A") // plain cosine asks nobody
	calls := len(j.saw)
	expect(t, c, ask(wipe), HitExact, "A")
	expect(t, c, ask("what is the capital of peru called"), Miss, "")
	if len(j.saw) != calls {
		t.Error("the verifier was asked though nothing was left to judge")
	}
}

func TestVerifierFails(t *testing.T) {
	j := &judge{err: errors.New("no power")}
	c := open(t, Options{Embedder: newBag(), Verifier: j, Threshold: 0.7})
	put(t, c, ask(wipe), "A")
	l := expect(t, c, ask(asked), Degraded, "")
	if l.Reason != ReasonVerify || l.Err == nil || !strings.Contains(l.Err.Error(), "no power") || !strings.Contains(l.Err.Error(), "judge/1") {
		t.Errorf("reason %q, error %v", l.Reason, l.Err)
	}
	if n := c.Stats().VerifyErrors; n != 1 {
		t.Errorf("%d verifier errors counted, want 1", n)
	}
	// The answer is stored all the same, with the vector that was there already.
	if _, err := l.Fill(bg, Value{Body: []byte("B")}); err != nil {
		t.Fatal(err)
	}
	expect(t, c, ask(asked), HitExact, "B")
}

func TestVerifierOptions(t *testing.T) {
	path := t.TempDir() + "/cache.db"
	for field, o := range map[string]Options{
		"max error": {Embedder: newBag(), MaxError: 1.5},
		"verifier":  {Verifier: &judge{}},
	} {
		if _, err := Open(path, o); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: got %v, want ErrInvalid that names it", field, err)
		}
	}
	o, err := Options{Embedder: newBag(), Verifier: &judge{}}.withDefaults()
	if err != nil || o.Threshold != DefaultVerifiedThreshold || o.MaxError != DefaultMaxError {
		t.Errorf("defaults: threshold %v, max error %v, %v", o.Threshold, o.MaxError, err)
	}
}

func TestShadowDecidesAndServesNothing(t *testing.T) {
	c := open(t, Options{Embedder: newBag(), Threshold: 0.7, Mode: ModeShadow})
	id := put(t, c, ask(wipe), "A")
	l := expect(t, c, ask(wipe), Miss, "")
	if l.Entry != nil || l.WouldServe == nil || l.WouldServe.ID != id || l.WouldBe != HitExact || l.Reason != ReasonShadow {
		t.Errorf("exact: %+v", l)
	}
	l = expect(t, c, ask(erase), Miss, "")
	if l.WouldServe == nil || l.WouldBe != HitSemantic || l.Reason != ReasonShadow || l.Mode != ModeShadow || l.Probability == 0 {
		t.Errorf("semantic: %+v", l)
	}
	if l = expect(t, c, ask("what is the capital of peru called"), Miss, ""); l.WouldServe != nil || l.Reason != ReasonThreshold {
		t.Errorf("nothing to serve: %+v", l)
	}
	calls := 0
	for range 2 {
		r, err := c.Do(bg, ask(wipe), func(context.Context) (Value, error) { calls++; return Value{Body: []byte("B")}, nil })
		if err != nil || r.Status != Miss || string(r.Value.Body) != "B" {
			t.Errorf("%+v, %v", r, err)
		}
	}
	if calls != 2 {
		t.Errorf("%d calls, want 2: shadow always calls", calls)
	}
	// What shadow fills, the semantic mode finds.
	expect(t, c, Query{Messages: ask(erase).Messages, Mode: ModeSemantic}, HitSemantic, "B")
	if n := c.Stats().Refusals[ReasonShadow]; n != 4 {
		t.Errorf("%d look-ups counted as kept back, want 4", n)
	}
}

func TestExplainLeavesNoTrace(t *testing.T) {
	j := &judge{p: map[string]float64{wipe: 0.999, erase: 0.2}}
	c := open(t, Options{Embedder: newBag(), Verifier: j, Threshold: 0.5, MaxError: 0.02})
	put(t, c, ask(wipe), "A")
	put(t, c, ask(erase), "B")
	put(t, c, ask("how do I wipe 2 phones before they sell it"), "C")
	before := c.Stats()
	v := c.Explain(bg, ask(asked))
	if v.Status != HitSemantic || len(v.Candidates) != 3 || v.Budget.MaxError != 0.02 || v.Budget.Hits != 0 {
		t.Errorf("%+v", v)
	}
	for _, cand := range v.Candidates {
		if cand.Probability == 0 {
			t.Errorf("%q has no probability", cand.Text)
		}
	}
	if after := c.Stats(); after.Lookups[HitSemantic] != before.Lookups[HitSemantic] {
		t.Error("it was counted")
	}
	if l := expect(t, c, ask(asked), HitSemantic, "A"); l.Budget.Hits != 0 {
		t.Errorf("it was charged: %+v", l.Budget)
	}
	if v = c.Explain(bg, ask(asked)); v.Budget.Hits != 1 {
		t.Errorf("the hit was not charged: %+v", v.Budget)
	}
	if v = c.Explain(bg, Query{}); v.Status != Degraded || v.Err == nil {
		t.Errorf("an invalid query: %+v", v)
	}
}
