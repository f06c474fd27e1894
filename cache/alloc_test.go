//go:build !race

package cache

import (
	"fmt"
	"testing"
)

// The exact tier is what most requests of a busy proxy see, so that its cost is asserted: one allocation, the
// Lookup itself, for a hit that is in memory. (The race detector allocates on its own.)
func TestExactHitAllocatesOnce(t *testing.T) {
	c := open(t, Options{Embedder: newBag(), Verifier: &yes{}})
	for _, mode := range []Conversation{ConversationStrict, ConversationJudged, ConversationLastTurn} {
		q := Query{Conversation: mode, Messages: []Message{
			{Role: "system", Text: "be brief"}, {Role: "user", Text: "what is the question"}, {Role: "assistant", Text: "nobody knows"},
			{Role: "user", Text: "what is the answer"},
		}}
		put(t, c, q, "42")
		got := testing.AllocsPerRun(200, func() {
			if l := c.Lookup(bg, q); l.Status != HitExact || l.Conversation != mode {
				t.Fatal(l.Status, l.Conversation)
			}
		})
		if got > 1 {
			t.Errorf("%v: %v allocations, want 1", mode, got)
		}
	}
}

func TestGuardsAllocateLittle(t *testing.T) {
	d := newDecider(Options{Embedder: newBag()})
	text := "how do I turn on two-factor authentication for my account"
	asked := analyse("how do I enable two-factor authentication for the account")
	got := testing.AllocsPerRun(50, func() {
		cand, e := []Candidate{{Text: text, Similarity: 1}}, make([]evidence, 1)
		d.screen(PolicyGuards, 0.5, false, asked, &cand[0], &e[0])
		d.weigh(PolicyGuards, cand, e)
	})
	if got > 20 {
		t.Errorf("%v allocations a candidate", got)
	}
	t.Log(fmt.Sprint(got, " allocations a candidate"))
}

// TestDecidingAllocatesLittle: how much five dense candidates allocate is asserted, so that it does not grow unseen.
func TestDecidingAllocatesLittle(t *testing.T) {
	d, ls := newDecider(Options{Embedder: newBag()}), newLedgers()
	cands, found := make([]Candidate, DefaultK), make([]evidence, DefaultK)
	got := testing.AllocsPerRun(50, func() { decideDense(d, ls, cands, found) })
	t.Logf("%v allocations for %d candidates", got, DefaultK)
	if got > 110 {
		t.Errorf("%v allocations for %d candidates, want 110 at most", got, DefaultK)
	}
}
