package index

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/reprise-cache/reprise/index/internal/kernel"
)

// clustered draws vectors as questions lie: many wordings of a question, many questions of a topic.
type clustered struct {
	r      *rand.Rand
	dim    int
	topics [][]float32
}

func newClustered(seed uint64, dim, topics int) *clustered {
	c := &clustered{r: rand.New(rand.NewPCG(seed, 0)), dim: dim}
	for range topics {
		c.topics = append(c.topics, c.near(nil, 1))
	}
	return c
}

// near is a vector of some length around another.
func (c *clustered) near(v []float32, noise float32) []float32 {
	out := make([]float32, c.dim)
	for i := range out {
		out[i] = float32(c.r.NormFloat64()) * noise
		if v != nil {
			out[i] += v[i]
		}
	}
	return out
}

func (c *clustered) draw() []float32 { return c.near(c.topics[c.r.IntN(len(c.topics))], 0.5) }

// check holds the writer's books of every partition to what its lists hold.
func (x *Index) check(t *testing.T) {
	t.Helper()
	total := 0
	for name, p := range x.parts {
		v, seen := p.view.Load(), map[uint64]bool{}
		for at, l := range v.lists {
			live := 0
			l.each(func(row int, e *entry) {
				live++
				if seen[e.id] || int(e.list) != at || int(e.row) != row || (p.byID != nil && p.byID[e.id] != e) {
					t.Fatalf("%s: id %d in list %d, row %d: twice, or not in the books (%d, %d)", name, e.id, at, row, e.list, e.row)
				}
				seen[e.id] = true
			})
			if live != l.live() {
				t.Fatalf("%s: list %d holds %d, says %d", name, at, live, l.live())
			}
		}
		if len(seen) != int(p.count.Load()) || len(seen) != p.vectors.docs.Count() || (p.byID != nil && len(p.byID) != len(seen)) {
			t.Fatalf("%s: %d entries, count %d, %d vectors, %d in the map", name, len(seen), p.count.Load(), p.vectors.docs.Count(), len(p.byID))
		}
		n, stride, words := len(v.lists), kernel.Stride(x.dim), kernel.Words(x.dim)
		if n > 1 && (len(v.centers) != n*stride || len(v.scales) != n || len(v.spreads) != n || len(v.signs) != kernel.Blocks(n)*words) {
			t.Fatalf("%s: %d lists, %d bytes of centres, %d scales, %d spreads, %d words of signs",
				name, n, len(v.centers), len(v.scales), len(v.spreads), len(v.signs))
		}
		signs := make([]uint64, len(v.signs))
		for at := range v.scales {
			kernel.SetSigns(signs, at, v.centers[at*stride:][:stride])
		}
		for at := range v.scales {
			a, b := make([]uint64, 8*words), make([]uint64, 8*words)
			kernel.CopySigns(a, 0, signs, at, words)
			kernel.CopySigns(b, 0, v.signs, at, words)
			if !slices.Equal(a, b) {
				t.Fatalf("%s: the centre of list %d has other signs", name, at)
			}
		}
		total += len(seen)
	}
	if total != x.Size() {
		t.Fatalf("size %d, want %d", x.Size(), total)
	}
}

// recall is the share of the k best by a plain scan of vecs that the index finds.
func recall(t *testing.T, x *Index, vecs map[uint64][]float32, queries [][]float32, k int) float64 {
	t.Helper()
	found, units := 0, make([][]float32, 0, len(vecs))
	for _, vec := range vecs {
		u := make([]float32, len(vec))
		if err := x.unit(u, vec); err != nil {
			t.Fatal(err)
		}
		units = append(units, u)
	}
	for _, q := range queries {
		unit := make([]float32, len(q))
		if err := x.unit(unit, q); err != nil {
			t.Fatal(err)
		}
		all := make([]float32, 0, len(vecs))
		for _, u := range units {
			all = append(all, dot(unit, u))
		}
		slices.Sort(all)
		worst := all[max(len(all)-k, 0)]
		hits, err := x.Search("p", q, k)
		if err != nil || len(hits) != min(k, len(all)) {
			t.Fatalf("%d hits of %d, %v", len(hits), k, err)
		}
		for _, h := range hits {
			if h.Score >= worst-1e-6 {
				found++
			}
		}
	}
	return float64(found) / float64(k*len(queries))
}

// TestLargePartition grows a partition through splits, thins it out through merges and takes it down to nothing.
func TestLargePartition(t *testing.T) {
	const dim, k = 64, 5
	for _, name := range Kernels() {
		t.Run(name, func(t *testing.T) {
			// One writer, so the race detector finds nothing here that it does not elsewhere; and kernels agree to the last bit.
			n := probeBelow + 4_000
			if raceEnabled || name != Kernels()[0] {
				n = 10_000
			}
			const seed = 11
			t.Logf("seed %d", seed)
			c := newClustered(seed, dim, 300)
			x := NewWith(dim, Options{Kernel: name})
			vecs := map[uint64][]float32{}
			for id := range uint64(n) {
				vecs[id] = c.draw()
				if err := x.Add("p", id, vecs[id]); err != nil {
					t.Fatal(err)
				}
			}
			x.check(t)
			lists := len(x.parts["p"].view.Load().lists)
			if lists < n/listRows {
				t.Errorf("%d vectors in %d lists", n, lists)
			}
			var queries [][]float32
			for range 40 {
				queries = append(queries, c.draw())
			}
			if r := recall(t, x, vecs, queries, k); r < 0.99 {
				t.Errorf("recall %.3f of %d", r, n)
			}
			if hits, err := x.Search("p", queries[0], n+1); err != nil || len(hits) != n {
				t.Errorf("%d hits of all %d, %v", len(hits), n, err)
			}
			thin := func(gone func(id uint64) bool) {
				for id := range uint64(n) {
					if vecs[id] != nil && gone(id) {
						if err := x.Remove("p", id); err != nil {
							t.Fatal(err)
						}
						delete(vecs, id)
					}
					if id%5000 == 0 {
						x.check(t)
					}
				}
				x.check(t)
			}
			thin(func(id uint64) bool { return id >= screenBelow+500 })
			if r := recall(t, x, vecs, queries, k); r < 0.99 {
				t.Errorf("recall %.3f of %d that are left, by lists", r, len(vecs))
			}
			thin(func(id uint64) bool { return id%20 != 0 })
			if now := len(x.parts["p"].view.Load().lists); now > lists/2 {
				t.Errorf("%d of %d lists are left of %d vectors", now, lists, len(vecs))
			}
			if r := recall(t, x, vecs, queries, k); r < 0.999 {
				t.Errorf("recall %.4f of %d that are all screened", r, len(vecs))
			}
			for id := range vecs {
				if err := x.Remove("p", id); err != nil {
					t.Fatal(err)
				}
			}
			if x.Size() != 0 || x.Partitions() != 0 {
				t.Errorf("left: %d in %d", x.Size(), x.Partitions())
			}
		})
	}
}

// TestSameVectors: vectors that no direction tells apart must not stop a list from being split, or lose one.
func TestSameVectors(t *testing.T) {
	x := New(8)
	for id := range uint64(5 * listRows) {
		if err := x.Add("p", id, []float32{1, 2, 3, 4, 5, 6, 7, 8}); err != nil {
			t.Fatal(err)
		}
	}
	x.check(t)
	hits, err := x.Search("p", []float32{8, 7, 6, 5, 4, 3, 2, 1}, 6*listRows)
	if err != nil || len(hits) != 5*listRows {
		t.Fatalf("%d hits, %v", len(hits), err)
	}
	for i, h := range hits {
		if h.ID != uint64(i) {
			t.Fatalf("hit %d is %d", i, h.ID)
		}
	}
}

// TestReadersSeeWhatStays searches for vectors that stay while others around them come and go, and with them lists: whatever
// moves, a vector that is there is found, once.
func TestReadersSeeWhatStays(t *testing.T) {
	const dim, stay, churn = 24, 3000, 6000
	c := newClustered(5, dim, 40)
	x := New(dim)
	vecs := make([][]float32, stay)
	for id := range vecs {
		vecs[id] = c.draw()
		if err := x.Add("p", uint64(id), vecs[id]); err != nil {
			t.Fatal(err)
		}
	}
	others := make([][]float32, churn)
	for i := range others {
		others[i] = c.draw()
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 9))
			for {
				select {
				case <-done:
					return
				default:
				}
				id := r.IntN(stay)
				hits, err := x.Search("p", vecs[id], 4)
				if err != nil {
					t.Error(err)
					return
				}
				seen := map[uint64]bool{}
				for _, h := range hits {
					if seen[h.ID] {
						t.Errorf("id %d twice", h.ID)
					}
					seen[h.ID] = true
				}
				if !seen[uint64(id)] {
					t.Errorf("id %d is there and was not found", id)
				}
			}
		})
	}
	for range 2 {
		for i, v := range others {
			if err := x.Add("p", uint64(stay+i), v); err != nil {
				t.Error(err)
			}
		}
		for i := range others {
			if err := x.Remove("p", uint64(stay+i)); err != nil {
				t.Error(err)
			}
		}
	}
	close(done)
	wg.Wait()
	x.check(t)
	if x.Len("p") != stay {
		t.Errorf("%d left, want %d", x.Len("p"), stay)
	}
}

func TestSearchAllocatesItsResultOnly(t *testing.T) {
	for _, n := range []int{10, 500, 3000, screenBelow + 1000} {
		c := newClustered(1, 32, 10)
		x := New(32)
		for id := range uint64(n) {
			if err := x.Add("p", id, c.draw()); err != nil {
				t.Fatal(err)
			}
		}
		q := c.draw()
		if got := testing.AllocsPerRun(100, func() { _, _ = x.Search("p", q, 5) }); got > 1 && !raceEnabled {
			t.Errorf("%d vectors: %v allocations", n, got)
		}
	}
}

// heap is the bytes in use after a collection.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // the first one ends what pools hold
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestMemory holds the bytes an entry, beside its vector, to bounds, and what is left after removals.
func TestMemory(t *testing.T) {
	const dim = 384
	for _, c := range []struct {
		partitions, entries int
		beside              int // bytes an entry beside 4 bytes an element
	}{
		{1, 20_000, 1100},
		{2000, 10, 700},
	} {
		t.Run(fmt.Sprintf("%dx%d", c.partitions, c.entries), func(t *testing.T) {
			source := newClustered(2, dim, 100)
			before := heap()
			x := New(dim)
			for i := range c.partitions * c.entries {
				if err := x.Add(fmt.Sprint(i%c.partitions), uint64(i), source.draw()); err != nil {
					t.Fatal(err)
				}
			}
			n := c.partitions * c.entries
			beside := (int(heap())-int(before))/n - 4*dim
			t.Logf("%d bytes an entry beside its vector", beside)
			if beside > c.beside {
				t.Errorf("%d bytes an entry beside its vector, want %d at most", beside, c.beside)
			}
			for i := range n {
				if i%20 >= 1 || i/c.partitions%10 > 0 {
					if err := x.Remove(fmt.Sprint(i%c.partitions), uint64(i)); err != nil {
						t.Fatal(err)
					}
				}
			}
			left := int(heap()) - int(before)
			t.Logf("%d of %d entries left in %d partitions: %d bytes an entry", x.Size(), n, x.Partitions(), left/max(x.Size(), 1))
			if per := left / max(x.Size(), 1); per > 4*dim+5*c.beside {
				t.Errorf("%d bytes for each of %d entries that are left", per, x.Size())
			}
			runtime.KeepAlive(x)
		})
	}
}
