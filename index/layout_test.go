package index_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/reprise-cache/reprise/index"
)

// TestLayoutRestores fills an index by another's layout, with vectors that have come and gone since and some that come and go
// meanwhile, and expects the hits of one that was filled one by one.
func TestLayoutRestores(t *testing.T) {
	const seed, n = 21, 6000
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, seed))
	type row struct {
		part string
		vec  []float32
	}
	rows := map[uint64]row{}
	before := index.New(dim)
	for id := uint64(1); id <= n; id++ {
		part := "large"
		if id%5 == 0 {
			part = fmt.Sprint("small ", id%50)
		}
		rows[id] = row{part, vector(r)}
		if err := before.Add(part, id, rows[id].vec); err != nil {
			t.Fatal(err)
		}
	}
	layout := before.AppendLayout(nil)
	for _, l := range [][]byte{layout, nil} {
		now := map[uint64]row{}
		for id, v := range rows {
			if id%7 != 0 { // gone since
				now[id] = v
			}
		}
		for id := uint64(n + 1); id < n+300; id++ { // came since
			now[id] = row{"large", vector(r)}
		}
		x := index.New(dim)
		loader, err := x.Loader(l)
		if err != nil {
			t.Fatal(err)
		}
		ids := make([]uint64, 0, len(now))
		for id := range now {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		for i, id := range ids {
			if err := loader.Add(now[id].part, id, slices.Clone(now[id].vec)); err != nil {
				t.Fatal(err)
			}
			if i%100 == 50 { // meanwhile one goes, and one comes
				gone := ids[i-r.IntN(50)]
				if err := loader.Remove(now[gone].part, gone); err != nil {
					t.Fatal(err)
				}
				delete(now, gone)
				fresh := row{now[id].part, vector(r)}
				if fresh.part == "" {
					fresh.part = "large"
				}
				if err := x.Add(fresh.part, n+1000+uint64(i), fresh.vec); err != nil {
					t.Fatal(err)
				}
				now[n+1000+uint64(i)] = fresh
			}
		}
		if err := loader.Finish(); err != nil {
			t.Fatal(err)
		}
		plain, b := index.New(dim), brute{}
		for id, v := range now {
			b.add(v.part, id, v.vec)
			if err := plain.Add(v.part, id, v.vec); err != nil {
				t.Fatal(err)
			}
		}
		if x.Size() != len(now) || x.Partitions() != plain.Partitions() {
			t.Errorf("%d vectors in %d partitions, want %d in %d", x.Size(), x.Partitions(), len(now), plain.Partitions())
		}
		for range 40 {
			q := vector(r)
			for _, part := range []string{"large", "small 10"} {
				hits, err := x.Search(part, q, 5)
				if err != nil {
					t.Fatal(err)
				}
				agree(t, hits, b.scores(part, q), 5)
			}
		}
		for id, v := range now { // everything can be found again to be removed
			if err := x.Remove(v.part, id); err != nil {
				t.Fatal(err)
			}
		}
		if x.Size() != 0 || x.Partitions() != 0 {
			t.Errorf("%d vectors in %d partitions are left", x.Size(), x.Partitions())
		}
	}
}

// TestLoaderAmongSearches loads while others search and add; the race detector watches.
func TestLoaderAmongSearches(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	before := index.New(dim)
	vecs := make([][]float32, 3000)
	for id := range vecs {
		vecs[id] = vector(r)
		if err := before.Add("p", uint64(id), vecs[id]); err != nil {
			t.Fatal(err)
		}
	}
	x := index.New(dim)
	loader, err := x.Loader(before.AppendLayout(nil))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for w := range 2 {
		own := rand.New(rand.NewPCG(4, uint64(w)))
		wg.Go(func() {
			for i := range 500 {
				if err := x.Add("p", uint64(10_000+1000*w+i), vector(own)); err != nil {
					t.Error(err)
				}
				if _, err := x.Search("p", vector(own), 5); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for id, v := range vecs {
		if err := loader.Add("p", uint64(id), slices.Clone(v)); err != nil {
			t.Fatal(err)
		}
	}
	if err := loader.Finish(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if n := x.Len("p"); n != 4000 {
		t.Errorf("%d vectors", n)
	}
}

func TestBadLayouts(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	x := index.New(dim)
	for id := range uint64(1500) {
		if err := x.Add("p", id, vector(r)); err != nil {
			t.Fatal(err)
		}
	}
	layout := x.AppendLayout(nil)
	for n := range layout { // cut anywhere
		_, err := index.New(dim).Loader(layout[:n])
		if n == 1 { // the dimension by itself: a layout of no partition
			if err != nil {
				t.Errorf("cut after the dimension: %v", err)
			}
		} else if !errors.Is(err, index.ErrLayout) {
			t.Fatalf("cut at %d: %v, want ErrLayout", n, err)
		}
	}
	if _, err := index.New(dim + 1).Loader(layout); !errors.Is(err, index.ErrLayout) {
		t.Errorf("another dimension: %v", err)
	}
}

// FuzzLayout feeds the reader anything, and fills an index by what it accepts.
func FuzzLayout(f *testing.F) {
	r := rand.New(rand.NewPCG(6, 6))
	x := index.New(2)
	for id := range uint64(600) {
		if err := x.Add("p", id, vector(r)[:2]); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(x.AppendLayout(nil))
	f.Fuzz(func(t *testing.T, layout []byte) {
		x := index.New(2)
		l, err := x.Loader(layout)
		if err != nil {
			return
		}
		for id := range uint64(100) {
			if err := l.Add("p", id, []float32{1, float32(id)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Finish(); err != nil {
			t.Fatal(err)
		}
		if hits, err := x.Search("p", []float32{0, 1}, 100); err != nil || x.Len("p") != 100 || len(hits) != 100 {
			t.Errorf("%d of 100 vectors, %d hits, %v", x.Len("p"), len(hits), err)
		}
	})
}
