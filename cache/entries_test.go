package cache

import (
	"context"
	"errors"
	"fmt"
	"testing"
)

func variantOf(s string) Digest { return Hash([]byte(s)) }

func TestSearch(t *testing.T) {
	c := open(t, Options{Embedder: newBag(), Threshold: 0.7})
	q := func(text string) Query {
		return Query{Namespace: "n", Scope: variantOf("s"), Messages: []Message{{Role: "user", Text: text}}}
	}
	put := func(text, variant, body string) ID {
		t.Helper()
		id, err := c.PutVariant(bg, q(text), variantOf(variant), Value{Body: []byte(body)})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	search := func(q Query, s Search) (got []string) {
		t.Helper()
		found, err := c.Search(bg, q, s)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range found {
			got = append(got, fmt.Sprintf("%s %v", m.Entry.Value.Body, m.Exact))
		}
		return got
	}
	want := func(what string, got []string, want ...string) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	put("how do I reset my phone", "a", "A")
	put("how do I reset my phone", "b", "old")
	put("how do I reset my phone", "b", "B") // of one variant there is one
	put("how can I reset my phone", "a", "C")
	both := Search{Limit: 9, Exact: true, Semantic: true}
	only := func(body string) Search {
		s := both
		s.Filter = func(e *Entry) bool { return string(e.Value.Body) == body }
		return s
	}
	if got := search(q("how do I reset my phone"), both); len(got) != 3 || got[2] != "C false" {
		t.Errorf("got %q", got)
	}
	want("one", search(q("how do I reset my phone"), Search{Exact: true, Semantic: true, Filter: only("B").Filter}), "B true")
	want("exact only", search(q("how can I reset my phone"), Search{Limit: 9, Exact: true}), "C true")
	want("another wording, exact only", search(q("how could I reset my phone"), Search{Limit: 9, Exact: true}))
	want("filtered", search(q("how do I reset my phone"), only("C")), "C false")
	want("a guard", search(q("how do I not reset my phone"), both))
	far := q("how do I reset my phone")
	far.Threshold = 1
	if got := search(far, both); len(got) != 2 {
		t.Errorf("with a threshold of 1: got %q", got)
	}
	for name, change := range map[string]func(*Query){
		"namespace": func(q *Query) { q.Namespace = "m" },
		"scope":     func(q *Query) { q.Scope = variantOf("t") },
		"role":      func(q *Query) { q.Messages = []Message{{Role: "system", Text: q.Messages[0].Text}} },
		"mode":      func(q *Query) { q.Mode = ModeOff },
		"shadow":    func(q *Query) { q.Mode = ModeShadow },
		"no store":  func(q *Query) { q.NoStore = true },
	} {
		other := q("how do I reset my phone")
		change(&other)
		want(name, search(other, both))
	}
	if _, err := c.Search(bg, Query{}, both); !errors.Is(err, ErrInvalid) {
		t.Errorf("got %v", err)
	}
}

// TestSearchFilterLooksFar holds that a filter which few entries pass still finds them.
func TestSearchFilterLooksFar(t *testing.T) {
	c := open(t, Options{Embedder: newBag(), Threshold: 0.7})
	q := Query{Messages: []Message{{Role: "user", Text: "how do I reset my phone"}}}
	for i := range 300 {
		if _, err := c.PutVariant(bg, q, variantOf(fmt.Sprint(i)), Value{Body: fmt.Append(nil, i)}); err != nil {
			t.Fatal(err)
		}
	}
	found, err := c.Search(bg, q, Search{Exact: true, Filter: func(e *Entry) bool { return string(e.Value.Body) == "299" }})
	if err != nil || len(found) != 1 {
		t.Errorf("got %v, %v", found, err)
	}
}

func TestDeleteFromPartition(t *testing.T) {
	c := open(t, Options{Embedder: newBag()})
	mine := Query{Namespace: "n", Scope: variantOf("s"), Messages: []Message{{Role: "user", Text: "a"}}}
	other := mine
	other.Scope = variantOf("t")
	var ids []ID
	for i, q := range []Query{mine, mine, other} {
		id, err := c.PutVariant(bg, q, variantOf(fmt.Sprint(i)), Value{Body: fmt.Append(nil, i)})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := c.DeleteFrom(bg, mine, ids[2]); !errors.Is(err, ErrNotFound) {
		t.Errorf("another partition's entry: got %v", err)
	}
	if err := c.DeleteFrom(bg, mine, ids[0]); err != nil {
		t.Error(err)
	}
	if err := c.DeleteFrom(bg, mine, ids[0]); !errors.Is(err, ErrNotFound) {
		t.Errorf("an entry that is gone: got %v", err)
	}
	n, err := c.DeleteMatching(bg, mine, func(*Entry) bool { return true })
	if err != nil || n != 1 {
		t.Errorf("got %d, %v", n, err)
	}
	if _, err := c.Get(bg, ids[2]); err != nil {
		t.Errorf("another partition's entry is gone: %v", err)
	}
}

// TestSearchAndVolatileQuestions: whoever keeps answers with variants finds that to a question whose answer changes by itself by the same
// text, and by no other, as in a look-up.
func TestSearchAndVolatileQuestions(t *testing.T) {
	c := open(t, Options{Embedder: newBag(), Threshold: 0.7})
	find := func(text string) (got []string) {
		t.Helper()
		found, err := c.Search(bg, ask(text), Search{Limit: 9, Exact: true, Semantic: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range found {
			got = append(got, string(m.Entry.Value.Body))
		}
		return got
	}
	for i, variant := range []Digest{{}, variantOf("a")} {
		text := fmt.Sprintf("what is the weather in town %d like", i)
		if _, err := c.PutVariant(bg, ask(text), variant, Value{Body: []byte(text)}); err != nil {
			t.Fatal(err)
		}
		if got := find(text); len(got) != 1 || got[0] != text {
			t.Errorf("by the same text: %q", got)
		}
		if got := find(text + " outside"); len(got) != 0 {
			t.Errorf("by another, which asks for the weather, too: %q", got)
		}
		expect(t, c, ask(text+" outside"), Miss, "")
		if got := find(fmt.Sprintf("what is the town %d like", i)); len(got) != 0 {
			t.Errorf("by another, which does not: %q", got)
		}
	}
	put(t, c, ask("who is the prime minister of that country"), "somebody")
	if got := find("who is the current prime minister of that country"); len(got) != 0 {
		t.Errorf("a question that asks for what is so now is served %q", got)
	}
}

// endsAt is a context that has ended when it is asked for the n-th time.
type endsAt struct {
	context.Context
	n int
}

func (c *endsAt) Err() error {
	if c.n--; c.n <= 0 {
		return context.Canceled
	}
	return nil
}

// TestPurgesEndWithTheirContext, though nothing matches.
func TestPurgesEndWithTheirContext(t *testing.T) {
	c := open(t, Options{})
	put(t, c, ask("a question"), "an answer")
	if n, err := c.Purge(&endsAt{bg, 2}, "another"); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("purge: %d, %v", n, err)
	}
	n, err := c.DeleteMatching(&endsAt{bg, 2}, ask("x"), func(*Entry) bool { return false })
	if n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("delete: %d, %v", n, err)
	}
}

// TestSearchKeepsWhatNeedsNoVerifier: the same text is found whatever becomes of the verifier.
func TestSearchKeepsWhatNeedsNoVerifier(t *testing.T) {
	down := errors.New("the verifier is down")
	c := open(t, Options{Embedder: newBag(), Verifier: &judge{err: down}, Threshold: 0.7})
	for _, text := range []string{wipe, erase} {
		if _, err := c.PutVariant(bg, ask(text), variantOf("a"), Value{Body: []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
	both := Search{Limit: 9, Exact: true, Semantic: true}
	got, err := c.Search(bg, ask(wipe), both)
	if err != nil || len(got) != 1 || !got[0].Exact || string(got[0].Entry.Value.Body) != wipe {
		t.Errorf("%+v, %v", got, err)
	}
	if s := c.Stats(); s.VerifyErrors != 1 {
		t.Errorf("%d failures of the verifier are counted", s.VerifyErrors)
	}
	if got, err := c.Search(bg, ask(asked), both); !errors.Is(err, down) || got != nil {
		t.Errorf("without an exact match: %+v, %v", got, err)
	}
}
