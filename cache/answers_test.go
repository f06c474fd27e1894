package cache

import (
	"context"
	"errors"
	"testing"
)

// sayer is a verifier that gives every pair the same probability.
type sayer struct {
	p   float64
	err error
}

func (s *sayer) ID() string { return "sayer/1" }
func (s *sayer) Verify(_ context.Context, _ string, candidates []string) ([]float64, error) {
	out := make([]float64, len(candidates))
	for i := range out {
		out[i] = s.p
	}
	return out, s.err
}

func TestCompareAnswers(t *testing.T) {
	s := &sayer{}
	c := open(t, Options{Embedder: newBag(), Verifier: s})
	failing := errors.New("out of order")
	for _, x := range []struct {
		what string
		a, b string
		p    float64 // the verifier's
		want Agreement
	}{
		{"equal bytes", "\xff\x00", "\xff\x00", 0, Same},
		{"no text", "\xff\x00", "\xff\x01", 1, Unsure},
		{"letter case, space and the full stop", "Press the  button.", "press the button", 0, Same},
		{"nothing said", "Press the button", " ", 1, Different},
		{"members in another order", `{"a":1,"b":[true,null]}`, `{ "b":[true,null], "a":1.0 }`, 0, Same},
		{"another number", `{"a":1}`, `{"a":2}`, 1, Different},
		{"long numbers", `{"a":12345678901234567890}`, `{"a":12345678901234567891}`, 1, Different},
		{"another truth", `{"a":true}`, `{"a":false}`, 1, Different},
		{"another type", `{"a":"1"}`, `{"a":1}`, 1, Different},
		{"a member more", `{"a":1}`, `{"a":1,"b":2}`, 1, Different},
		{"another name", `{"a":1}`, `{"b":1}`, 1, Different},
		{"an element more", `[1,2]`, `[1,2,3]`, 1, Different},
		{"elements in another order", `[1,2]`, `[2,1]`, 1, Different},
		{"a value in a string", `{"city":"Paris"}`, `{"city":"Lyon"}`, 1, Different},
		{"arguments in a string", `{"arguments":"{\"city\":\"Paris\"}"}`, `{"arguments":"{ \"city\": \"Paris\" }"}`, 0, Same},
		{"other arguments in a string", `{"arguments":"{\"city\":\"Paris\"}"}`, `{"arguments":"{ \"city\": \"Lyon\" }"}`, 1, Different},
		{"structure and text", `{"a":1}`, `one`, 1, Different},
		{"prose inside a structure, alike", `{"a":"you can press the green button"}`, `{"a":"you may press the green button"}`, 0.95, Same},
		{"prose inside a structure, in doubt", `{"a":"you can press the green button"}`, `{"a":"you may press the green button"}`, 0.5, Unsure},
		{"other words, sure", "You can press the green button there.", "The green button there can be pressed by you.", 0.95, Same},
		{"other words, in doubt", "You can press the green button there.", "The green button there can be pressed by you.", 0.5, Unsure},
		{"other words, unlikely, but nothing names a difference", "You can press the green button there.", "The green button there can be pressed by you.", 0.01, Unsure},
		{"a number differs and the verifier agrees", "Press the button for 5 seconds.", "Press the button for 10 seconds.", 0.01, Different},
		{"a number differs and the verifier thinks otherwise", "Press the button for 5 seconds.", "Press the button for 10 seconds.", 0.97, Unsure},
		{"the verifier could not read it", "Press the button for 5 seconds.", "Press the button for 10 seconds.", 0, Unsure},
	} {
		s.p, s.err = x.p, nil
		for _, pair := range [][2]string{{x.a, x.b}, {x.b, x.a}} {
			if got := c.compare(bg, []byte(pair[0]), []byte(pair[1])); got.what != x.want || (got.what == Unsure) != (got.weight == 0) {
				t.Errorf("%s: %q and %q are %+v, want %v", x.what, pair[0], pair[1], got, x.want)
			}
		}
		if s.err = failing; x.want == Different && x.p == 0.01 {
			if got := c.compare(bg, []byte(x.a), []byte(x.b)).what; got != Unsure {
				t.Errorf("%s: with a failing verifier %v", x.what, got)
			}
		}
	}
}

func TestAnswerDigest(t *testing.T) {
	c := open(t, Options{Embedder: newBag()})
	digest := func(s string) [16]byte { d, _ := c.answerDigest([]byte(s)); return d }
	if digest(`{"a":1,"b":"x"}`) != digest(` { "b":"x", "a":1 }`) || digest("Yes.") != digest(" yes ") {
		t.Error("one answer has two digests")
	}
	if digest(`{"a":1}`) == digest(`{"a":2}`) || digest("yes") == digest("no") {
		t.Error("two answers have one digest")
	}
	if _, ok := c.answerDigest([]byte{0xff}); ok {
		t.Error("what is no text has a digest")
	}
}

// FuzzCompareAnswers: any two bodies can be compared, the order does not matter, and a body agrees with itself.
func FuzzCompareAnswers(f *testing.F) {
	f.Add([]byte(`{"a":[1,"x",{"b":null}]}`), []byte(`{"a":[1.0,"y",{"b":null}]}`))
	f.Add([]byte("Press the button."), []byte("press  the button"))
	f.Add([]byte(`{"a":"[1]"}`), []byte(`{"a":"[1.0]"}`))
	f.Add([]byte(`[1e400]`), []byte(`[1E400]`))
	o := Options{Embedder: newBag(), Verifier: &sayer{p: 0.95}}
	c := &Cache{opts: o, decider: newDecider(o)}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		x, y := c.compare(bg, a, b), c.compare(bg, b, a)
		if x.what == Same && y.what == Different || x.what == Different && y.what == Same {
			t.Errorf("%q and %q: %+v one way, %+v the other", a, b, x, y)
		}
		if got := c.compare(bg, a, append([]byte(nil), a...)); got != (comparison{what: Same, weight: 1}) {
			t.Errorf("%q with itself: %+v", a, got)
		}
		if x.weight < 0 || x.weight > 1 || x.doubt < 0 || x.doubt > 1-sureAnswer {
			t.Errorf("%+v", x)
		}
		dx, okx := c.answerDigest(a)
		dy, oky := c.answerDigest(b)
		if okx && oky && dx == dy && x.what == Different {
			t.Errorf("%q and %q differ, and have one digest", a, b)
		}
	})
}
