package cache

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/reprise-cache/reprise/cache/internal/store"
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

// FuzzSnapshot opens any bytes as a snapshot, also ones with a good digest: what is taken is what would have been written of its
// layout, and no later than the file.
func FuzzSnapshot(f *testing.F) {
	now := store.Snapshot{File: [16]byte{1, 2, 3}, Generation: 9, Vectors: 4}
	good := sealSnapshot(now, []byte("a layout"))
	f.Add(good, false)
	f.Add(good[:len(good)-sha256.Size], true)
	f.Add([]byte(snapshotMagic), true)
	f.Add([]byte(nil), false)
	f.Fuzz(func(t *testing.T, b []byte, seal bool) {
		if seal {
			sum := sha256.Sum256(b)
			b = append(slices.Clone(b), sum[:]...)
		}
		layout, at, err := openSnapshot(b, now)
		if err != nil {
			return
		}
		then := now
		then.Generation = at
		if at > now.Generation || !bytes.Equal(sealSnapshot(then, layout), b) {
			t.Errorf("%x was taken for commit %d with layout %x", b, at, layout)
		}
	})
}

// FuzzGuards feeds the guards any two texts. They must return, find the same whichever text comes first, name what they
// go by, and have nothing against a text and itself.
func FuzzGuards(f *testing.F) {
	f.Add("turn on 2 lights from A to B", "turn off two lights `x`")
	f.Add("£-1,000.5m v1.2.3 24/7 a hundred and", "\"quoted\" 0xff https://x.y C:\\z")
	f.Add("", "?")
	f.Add("C++ -d 5! \"5\" a[1:]\n IT", "c# -D 5 '5' a[1]\n  it")
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

// FuzzQuantities feeds the parsers of numbers, units, dates and times any text. What they find must lie within the text, in
// order, without overlap, be the same as itself, and say what it goes by.
func FuzzQuantities(f *testing.F) {
	for _, text := range []string{
		"1h30 5'7 5 feet 7 inches, £-1,000.5m v1.2.3 24/7 a hundred and 3/4 12/05/2024 2024-13-45",
		"at 3 p.m. or half past nine on the 12th of March 2024, Rs 500, 3-for-2, 10-year-old, twenty-first, 180 degrees celsius",
		"99999999999999999999 1e9 ٣ 5k million per cent quarter to May 31 0/0 -5.-5",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a := analyse(text)
		last := -1
		for i := range a.numbers {
			n := &a.numbers[i]
			if n.first < last || n.first > n.last || n.last >= len(a.words) || n.token == "" || n.value != n.value || !n.same(n) {
				t.Errorf("%q: number %+v after word %d", text, *n, last)
			}
			last = n.first
		}
		last = -1
		for i := range a.moments {
			m := &a.moments[i]
			if m.first <= last || m.first > m.last || m.last >= len(a.words) || m.token == "" || !m.same(m) {
				t.Errorf("%q: moment %+v after word %d", text, *m, last)
			}
			last = m.last
		}
	})
}
