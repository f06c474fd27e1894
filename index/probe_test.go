package index

import (
	"slices"
	"testing"
)

// TestSpreadsOfReceivers: whenever a split or a merge moves rows, the lists that they came to know how near theirs are.
func TestSpreadsOfReceivers(t *testing.T) {
	const dim, n, seed = 32, 3000, 41
	t.Logf("seed %d", seed)
	c, x := newClustered(seed, dim, 60), New(dim)
	at := map[uint64]int32{} // where each was
	moved := func(lists int) (count int) {
		p := x.parts["p"]
		v := p.view.Load()
		for id, e := range p.byID {
			was, known := at[id]
			at[id] = e.list
			// A merge gives the last list's place to another; that is not a move.
			if !known || was == e.list || len(v.lists) < lists && int(was) == lists-1 {
				continue
			}
			count++
			is := v.spreads[e.list]
			if p.spread(newScratch(dim), v, int(e.list)); v.spreads[e.list] != is {
				t.Fatalf("of %d lists now, %d before: list %d, which rows came to, has spread %v, want %v",
					len(v.lists), lists, e.list, is, v.spreads[e.list])
			}
		}
		return count
	}
	splits, merges := 0, 0
	for id := range uint64(n) {
		lists := 1
		if p := x.get("p"); p != nil {
			lists = len(p.view.Load().lists)
		}
		if err := x.Add("p", id, c.draw()); err != nil {
			t.Fatal(err)
		}
		if p := x.parts["p"]; len(p.view.Load().lists) != lists {
			splits += moved(lists)
		} else if p.byID != nil {
			at[id] = p.byID[id].list
		}
	}
	for id := range uint64(n - 100) {
		lists := len(x.parts["p"].view.Load().lists)
		if err := x.Remove("p", id); err != nil {
			t.Fatal(err)
		}
		delete(at, id)
		if now := len(x.parts["p"].view.Load().lists); now != lists && now > 1 {
			merges += moved(lists)
		}
	}
	if splits < 100 || merges < 100 {
		t.Errorf("%d rows moved by splits, %d by merges: too few to tell", splits, merges)
	}
}

// TestEmptyLists fills an index by a layout that is stale: of half the lists nothing is left. Rows that come to them later are found
// where lists are probed, as those of other lists are.
func TestEmptyLists(t *testing.T) {
	const dim, k, seed, old = 64, 5, 43, screenBelow + 3000
	t.Logf("seed %d", seed)
	c, before, x := newClustered(seed, dim, 300), New(dim), New(dim)
	vecs := map[uint64][]float32{}
	for id := range uint64(old) {
		vecs[id] = c.draw()
		if err := before.Add("p", id, vecs[id]); err != nil {
			t.Fatal(err)
		}
	}
	l, err := x.Loader(before.AppendLayout(nil))
	if err != nil {
		t.Fatal(err)
	}
	var later []uint64
	for id := range uint64(old) {
		if before.parts["p"].byID[id].list%2 == 0 {
			later = append(later, id)
		} else if err := l.Add("p", id, slices.Clone(vecs[id])); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Finish(); err != nil {
		t.Fatal(err)
	}
	v, empty := x.parts["p"].view.Load(), 0
	for at, l := range v.lists {
		if sum, n := float32(0), float32(0); l.live() == 0 {
			empty++
			for i, other := range v.lists {
				if other.live() > 0 {
					sum, n = sum+v.spreads[i], n+1
				}
			}
			if d := v.spreads[at] - sum/n; max(d, -d) > 1e-5 {
				t.Fatalf("list %d of %d is empty and has spread %v, the others have %v on average", at, len(v.lists), v.spreads[at], sum/n)
			}
		}
	}
	if empty < len(v.lists)/3 {
		t.Errorf("%d of %d lists are empty: too few to tell", empty, len(v.lists))
	}
	for _, id := range later {
		if err := x.Add("p", id, vecs[id]); err != nil {
			t.Fatal(err)
		}
	}
	x.check(t)
	var queries [][]float32
	for range 40 {
		queries = append(queries, c.draw())
	}
	if r := recall(t, x, vecs, queries, k); r < 0.99 {
		t.Errorf("recall %.3f of %d, half of them in lists that were empty", r, len(vecs))
	}
}
