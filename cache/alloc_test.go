//go:build !race

package cache

import (
	"fmt"
	"testing"
)

// The exact tier is what most requests of a busy proxy see, so that its cost is asserted: one allocation, the
// Lookup itself, for a hit that is in memory. (The race detector allocates on its own.)
func TestExactHitAllocatesOnce(t *testing.T) {
	c := open(t, Options{Embedder: newBag()})
	q := Query{Messages: []Message{{Role: "system", Text: "be brief"}, {Role: "user", Text: "what is the answer"}}}
	put(t, c, q, "42")
	got := testing.AllocsPerRun(200, func() {
		if l := c.Lookup(bg, q); l.Status != HitExact {
			t.Fatal(l.Status)
		}
	})
	if got > 1 {
		t.Errorf("%v allocations, want 1", got)
	}
}

func TestGuardsAllocateLittle(t *testing.T) {
	cand := Candidate{Text: "how do I turn on two-factor authentication for my account", Similarity: 1}
	asked := analyse("how do I enable two-factor authentication for the account")
	got := testing.AllocsPerRun(50, func() {
		screen(ModeSemantic, 0.5, false, asked, &cand)
	})
	if got > 100 {
		t.Errorf("%v allocations a candidate", got)
	}
	t.Log(fmt.Sprint(got, " allocations a candidate"))
}
