package index

import (
	"slices"
	"sync"
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
	if done, err := p.remove(s, 1); done || err != nil {
		t.Errorf("removing from a dropped partition: done %v, %v", done, err)
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
	if err := x.Add("q", 1, s.unit); err != nil {
		t.Fatal(err)
	}
	q := x.get("q")
	if done, err := q.remove(s, 1); !done || err != nil || !q.dropped.Load() || x.Size() != 0 {
		t.Errorf("removing the last: done %v, %v, dropped %v, size %d", done, err, q.dropped.Load(), x.Size())
	}
}

// TestChangesWhileALoaderFinishes removes some of what came while a loader was at work, as the loader moves it to a partition of
// its own, and searches for the rest: what was removed is gone, and what stays is found at any time.
func TestChangesWhileALoaderFinishes(t *testing.T) {
	const dim, seed, loaded, came = 24, 31, 3000, 4000
	t.Logf("seed %d", seed)
	c := newClustered(seed, dim, 40)
	vecs := make([][]float32, loaded+came)
	before, x := New(dim), New(dim)
	for id := range vecs {
		vecs[id] = c.draw()
		to := before
		if id >= loaded {
			to = x
		}
		if err := to.Add("p", uint64(id), vecs[id]); err != nil {
			t.Fatal(err)
		}
	}
	l, err := x.Loader(before.AppendLayout(nil))
	if err != nil {
		t.Fatal(err)
	}
	for id, v := range vecs[:loaded] {
		if err := l.Add("p", uint64(id), slices.Clone(v)); err != nil {
			t.Fatal(err)
		}
	}
	l.Encode()
	var wg sync.WaitGroup
	wg.Go(func() {
		for id := loaded; id < len(vecs); id += 2 {
			if err := x.Remove("p", uint64(id)); err != nil {
				t.Error(err)
				return
			}
			for _, c := range []struct {
				id   int
				want bool
			}{{id, false}, {id + 1, true}} {
				hits, err := x.Search("p", vecs[c.id], 4)
				found := slices.ContainsFunc(hits, func(h Hit) bool { return h.ID == uint64(c.id) })
				if err != nil || found != c.want {
					t.Errorf("id %d: found %v, want %v, among %v, %v", c.id, found, c.want, hits, err)
					return
				}
			}
		}
	})
	if err := l.Finish(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	x.check(t)
	if n := x.Len("p"); n != loaded+came/2 {
		t.Errorf("%d vectors, want %d", n, loaded+came/2)
	}
}
