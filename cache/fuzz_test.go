package cache

import (
	"slices"
	"testing"
	"unicode/utf8"
)

// FuzzKeys looks for two different queries with one key. The second differs from the first by moving a cut.
func FuzzKeys(f *testing.F) {
	f.Add("ns", "user", "hello", "world", 3)
	f.Add("", "", "", "", 0)
	f.Fuzz(func(t *testing.T, ns, role, one, two string, cut int) {
		q := Query{Namespace: ns, Messages: []Message{{Role: role, Text: one}, {Role: "user", Text: two}}}
		partition, exact := q.keys()
		if p, e := q.keys(); p != partition || e != exact {
			t.Fatal("keys are not a function of the query")
		}
		joined := one + two
		if cut < 0 || cut > len(joined) {
			return
		}
		other := Query{Namespace: ns, Messages: []Message{{Role: role, Text: joined[:cut]}, {Role: "user", Text: joined[cut:]}}}
		p, e := other.keys()
		if same := joined[:cut] == one; same != (p == partition) || same != (e == exact) {
			t.Fatalf("%q|%q and %q|%q: partition equal %v, exact equal %v", one, two, joined[:cut], joined[cut:], p == partition, e == exact)
		}
		flat := Query{Namespace: ns, Messages: []Message{{Role: "user", Text: joined}}}
		if p, e := flat.keys(); p == partition || e == exact {
			t.Fatalf("one turn and two have the same key: %q, %q", one, two)
		}
	})
}

// FuzzGuards feeds the guards any two texts. They must return, find the same whichever text comes first, name what they
// go by, and have nothing against a text and itself.
func FuzzGuards(f *testing.F) {
	f.Add("turn on 2 lights from A to B", "turn off two lights `x`")
	f.Add("£-1,000.5m v1.2.3 24/7 a hundred and", "\"quoted\" 0xff https://x.y C:\\z")
	f.Fuzz(func(t *testing.T, a, b string) {
		if !utf8.ValidString(a) || !utf8.ValidString(b) {
			return // such texts never get here
		}
		x, y := analyse(a), analyse(b)
		if found := inspect(x, x, nil); len(found) > 0 {
			t.Errorf("%q differs from itself: %+v", a, found)
		}
		ab, ba := inspect(x, y, nil), inspect(y, x, nil)
		for _, v := range [...]struct{ here, there []finding }{{ab, ba}, {ba, ab}} {
			for _, f := range v.here {
				if f.token == "" || !slices.ContainsFunc(v.there, func(g finding) bool { return g.reason == f.reason && g.veto == f.veto }) {
					t.Errorf("%q, %q: %+v one way, %+v the other", a, b, ab, ba)
				}
			}
		}
	})
}
