package index

import (
	"slices"
	"testing"
)

// TestDroppedPartition: who found a partition before it was dropped finds it empty, and takes nothing from the index's size.
func TestDroppedPartition(t *testing.T) {
	const dim = 8
	x, s := New(dim), newScratch(dim)
	for id := range uint64(2) {
		if err := x.Add("p", id, []float32{1, 2, 3, 4, 5, 6, 7, 8}); err != nil {
			t.Fatal(err)
		}
	}
	p := x.get("p")
	x.Drop("p")
	if dropped, err := p.remove(s, 1); !dropped || err != nil {
		t.Errorf("removing from a dropped partition: dropped %v, %v", dropped, err)
	}
	if n := p.count.Load(); n != 0 || x.Size() != 0 {
		t.Errorf("the partition counts %d vectors, the index %d, want none", n, x.Size())
	}
	s.unit[0] = 1
	if hits := p.search(s, 5); len(hits) != 0 {
		t.Errorf("hits in a dropped partition: %v", hits)
	}
	if done, err := p.add(s, 3, slices.Clone(s.unit)); done || err != nil || x.Size() != 0 {
		t.Errorf("adding to a dropped partition: done %v, %v, size %d", done, err, x.Size())
	}
}
