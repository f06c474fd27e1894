package index

import (
	"cmp"
	"slices"
	"testing"

	"github.com/reprise-cache/reprise/index/internal/kernel"
)

// TestAround holds the lists around each to a plain sort, in a scratch that no search has used before: an index is mostly filled
// before it is searched.
func TestAround(t *testing.T) {
	const dim, n, seed = 64, 12_000, 17
	t.Logf("seed %d", seed)
	c := newClustered(seed, dim, 300)
	x := New(dim)
	for id := range uint64(n) {
		if err := x.Add("p", id, c.draw()); err != nil {
			t.Fatal(err)
		}
	}
	p := x.parts["p"]
	v, stride := p.view.Load(), kernel.Stride(dim)
	if len(v.lists) <= reach+1 {
		t.Fatalf("%d lists: too few for some to be out of reach", len(v.lists))
	}
	for at := range v.lists {
		center := kernel.NewQuery(dim)
		center.SetCode(v.centers[at*stride:][:stride])
		dots := make([]int32, len(v.lists))
		x.kernel.Scan(dots, center, v.centers)
		near := func(i int) float32 { return float32(dots[i]) * v.scales[i] }
		var want []float32
		for i := range v.lists {
			if i != at {
				want = append(want, near(i))
			}
		}
		slices.SortFunc(want, func(a, b float32) int { return cmp.Compare(b, a) })
		found := p.around(newScratch(dim), v, at)
		if len(found) != reach {
			t.Fatalf("%d lists around list %d, want %d", len(found), at, reach)
		}
		seen := map[int]bool{at: true}
		for rank, i := range found {
			if seen[i] || near(i) != want[rank] {
				t.Fatalf("around list %d, number %d is list %d at %v, want one at %v that was not named before", at, rank, i, near(i), want[rank])
			}
			seen[i] = true
		}
	}
}
