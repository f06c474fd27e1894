package cache

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// some is evidence drawn at random.
func some(rng *rand.Rand) *evidence {
	texts := []string{
		"how do I cancel my order", "can I cancel order 1234 please", "cancel it", "why was my order of 2 lamps cancelled",
		"what does the C++ compiler do", "what does the C compiler do", "turn the lights on", "turn off the light",
	}
	a, b := analyse(texts[rng.IntN(len(texts))]), analyse(texts[rng.IntN(len(texts))])
	return &evidence{similarity: rng.Float64(), verifier: rng.Float64(), verified: true, words: differ(a, b), found: inspect(a, b, nil)}
}

func TestProbabilityRisesWithSimilarityAndVerifier(t *testing.T) {
	d := shipped()
	rng := rand.New(rand.NewPCG(3, 3))
	for range 300 {
		e := some(rng)
		for _, p := range Policies {
			last := 0.0
			for i := range 60 {
				e.similarity = float64(i) / 59
				got := d.probability(p, e, 0)
				if !(got >= last && got >= 0 && got < 1) {
					t.Fatalf("%s: similarity %v: %v after %v", p, e.similarity, got, last)
				}
				last = got
			}
			last = 0
			for i := range 60 {
				e.verifier = float64(i) / 59
				got := d.probability(p, e, 0)
				if !(got >= last && got >= 0 && got < 1) {
					t.Fatalf("%s: verifier %v: %v after %v", p, e.verifier, got, last)
				}
				last = got
			}
			if up, down := d.probability(p, e, 1), d.probability(p, e, -1); !(up >= last && down <= last) {
				t.Fatalf("%s: a shift moves %v to %v and %v", p, last, up, down)
			}
		}
		e.verifier, e.similarity = math.NaN(), 0.9
		for _, p := range Policies {
			if got := d.probability(p, e, 0); math.IsNaN(got) {
				t.Fatalf("%s: a verifier that gives NaN", p)
			}
		}
	}
}

func TestForeignModelsAreNotTakenAtTheirWord(t *testing.T) {
	d := shipped()
	for _, c := range []struct {
		embedder, verifier string
		policy             Policy
		known              bool
	}{
		{d.file.Embedder, d.file.Verifier, PolicySemantic, true},
		{d.file.Embedder, "", PolicyGuards, true},
		{"other", d.file.Verifier, PolicyJudged, true},
		{d.file.Embedder, "other", PolicySemantic, false},
		{"other", "", PolicySemantic, false},
	} {
		if p, known := d.choose(c.embedder, c.verifier); p != c.policy || known != c.known {
			t.Errorf("%+v: %s, %v", c, p, known)
		}
	}
	a, b := analyse("how do I bake bread"), analyse("how can I bake some bread")
	for i := range 101 {
		x := float64(i) / 100
		e := &evidence{similarity: x, verifier: x, words: differ(a, b)}
		if p := d.foreign(true, e, 0); p > x && x > 0.01 || p > 0.99 {
			t.Errorf("a verifier's %v is believed as %v", x, p)
		}
		if p := d.foreign(false, e, 0); p > x || p > 0.99 {
			t.Errorf("a cosine of %v is believed as %v", x, p)
		}
	}
}

func TestDifference(t *testing.T) {
	for _, c := range []struct {
		a, b    string
		content [2]int
		twin    bool
		symbols bool
		turned  bool
	}{
		{"How do I reset my password?", "how do i reset my password", [2]int{}, true, false, false},
		{"reset my password", "reset my pasword", [2]int{}, false, false, false},
		{"the job of a C++ developer", "the job of a C developer", [2]int{}, false, true, false},
		{"does it work", "does IT work", [2]int{}, false, false, false},
		{"dog bites postman", "postman bites dog", [2]int{}, false, false, true},
		{"cancel my order", "cancel my flight", [2]int{1, 1}, false, false, false},
	} {
		d := differ(analyse(c.a), analyse(c.b))
		if d.content != c.content || d.twin != c.twin || d.symbols != c.symbols || d.turned != c.turned {
			t.Errorf("%q, %q: %+v, want %+v", c.a, c.b, d, c)
		}
	}
}

func TestParseDecision(t *testing.T) {
	data, err := shipped().Encode()
	if err != nil {
		t.Fatal(err)
	}
	if d, err := ParseDecision(data); err != nil || d.file.Verifier != shipped().file.Verifier || len(d.Reliability(PolicySemantic)) == 0 {
		t.Fatalf("the decision does not survive being written: %v", err)
	}
	for what, change := range map[string][2]string{
		"JSON":    {"{", "["},
		"version": {`"version": 1`, `"version": 9`},
		"unknown": {`"bias"`, `"bais": 1, "weights": {"no such column": 1}, "bias"`},
		"policy":  {`"semantic": {`, `"semantics": {`},
	} {
		bad := strings.Replace(string(data), change[0], change[1], 1)
		if what == "unknown" {
			bad = strings.Replace(string(data), `"weights": {`, `"weights": {"no such column": 1,`, 1)
		}
		if _, err := ParseDecision([]byte(bad)); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func FuzzDiffer(f *testing.F) {
	f.Add("How do I use C++?", "how do i use c")
	f.Add("\xff#", "")
	f.Add("Is -x. A 5 M?\n .5", "is -X a 5M!\n  5'")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := analyse(a), analyse(b)
		d, back := differ(x, y), differ(y, x)
		if d.twin != back.twin || d.symbols != back.symbols || d.content[0] < 0 || d.content[1] < 0 {
			t.Errorf("%+v, the other way round %+v", d, back)
		}
		if self := differ(x, x); !self.twin || self.content != [2]int{} {
			t.Errorf("%q and itself: %+v", a, self)
		}
		e := evidence{similarity: 0.9, verifier: 0.9, words: d}
		if p := shipped().probability(PolicySemantic, &e, 0); !(p >= 0 && p < 1) {
			t.Errorf("probability %v", p)
		}
	})
}

// TestNoDecision: a decision without curves, and a policy that a decision does not have, are told, and end no process.
func TestNoDecision(t *testing.T) {
	if _, err := NewDecider(Options{Embedder: newBag(), Decision: new(Decision)}); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "ParseDecision") {
		t.Errorf("a decision without curves: %v", err)
	}
	d, err := NewDecider(Options{Embedder: newBag()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Pair(bg, ask("one question"), ask("another question"), "guess"); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), "guess") {
		t.Errorf("an unknown policy: %v", err)
	}
	if s := d.Standing("guess"); s != (Standing{}) {
		t.Errorf("an unknown policy stands at %+v", s)
	}
}
