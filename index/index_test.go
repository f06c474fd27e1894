package index_test

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/reprise-cache/reprise/index"
)

const dim = 16

func vector(r *rand.Rand) []float32 {
	v := make([]float32, dim)
	for i := range v {
		v[i] = float32(r.NormFloat64())
	}
	return v
}

// brute is the slow and plain index that the real one must agree with.
type brute map[string]map[uint64][]float32

func (b brute) add(part string, id uint64, v []float32) {
	if b[part] == nil {
		b[part] = map[uint64][]float32{}
	}
	b[part][id] = slices.Clone(v)
}

func (b brute) scores(part string, q []float32) map[uint64]float64 {
	out := map[uint64]float64{}
	for id, v := range b[part] {
		var dot, qq, vv float64
		for i := range v {
			dot += float64(v[i]) * float64(q[i])
			qq += float64(q[i]) * float64(q[i])
			vv += float64(v[i]) * float64(v[i])
		}
		out[id] = dot / math.Sqrt(qq*vv)
	}
	return out
}

// agree checks a search against the brute scan: as many hits, in order, each with its true score, and none that
// was left out better than the worst that came in. Equal scores at the cut may go either way.
func agree(t *testing.T, hits []index.Hit, scores map[uint64]float64, k int) {
	t.Helper()
	const eps = 1e-5
	if want := min(k, len(scores)); len(hits) != want {
		t.Fatalf("%d hits, want %d", len(hits), want)
	}
	got := map[uint64]bool{}
	for i, h := range hits {
		if got[h.ID] {
			t.Fatalf("id %d twice", h.ID)
		}
		got[h.ID] = true
		if s, ok := scores[h.ID]; !ok || math.Abs(s-float64(h.Score)) > eps {
			t.Fatalf("id %d has score %v, brute force says %v (there: %v)", h.ID, h.Score, s, ok)
		}
		if i > 0 && cmp.Or(cmp.Compare(hits[i].Score, hits[i-1].Score), cmp.Compare(hits[i-1].ID, hits[i].ID)) > 0 {
			t.Fatalf("hits out of order: %v", hits)
		}
	}
	for id, s := range scores {
		if !got[id] && len(hits) > 0 && s > float64(hits[len(hits)-1].Score)+eps {
			t.Fatalf("id %d with score %v was left out of %v", id, s, hits)
		}
	}
}

func TestAgreesWithBruteForce(t *testing.T) {
	const seed = 7
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, seed))
	x, b := index.New(dim), brute{}
	shared := vector(r) // added under many ids: ties
	for step := range 4000 {
		part, id := fmt.Sprint("p", r.IntN(4)), uint64(r.IntN(200))
		switch r.IntN(6) {
		case 0:
			if err := x.Remove(part, id); err != nil {
				t.Fatal(err)
			}
			delete(b[part], id)
		case 1:
			if err := x.Add(part, id, shared); err != nil {
				t.Fatal(err)
			}
			b.add(part, id, shared)
		case 2:
			q, k := vector(r), 1+r.IntN(12)
			if r.IntN(3) == 0 {
				q = shared
			}
			hits, err := x.Search(part, q, k)
			if err != nil {
				t.Fatal(err)
			}
			agree(t, hits, b.scores(part, q), k)
		default:
			v := vector(r)
			if err := x.Add(part, id, v); err != nil {
				t.Fatal(err)
			}
			b.add(part, id, v)
		}
		if step%500 == 499 {
			x.Drop("p0")
			delete(b, "p0")
		}
	}
	size := 0
	for part, ids := range b {
		size += len(ids)
		if x.Len(part) != len(ids) {
			t.Errorf("partition %s has %d, want %d", part, x.Len(part), len(ids))
		}
	}
	if x.Size() != size {
		t.Errorf("size %d, want %d", x.Size(), size)
	}
}

func TestBadVectors(t *testing.T) {
	good := vector(rand.New(rand.NewPCG(1, 1)))
	with := func(f float32) []float32 {
		v := slices.Clone(good)
		v[3] = f
		return v
	}
	for _, c := range []struct {
		name string
		vec  []float32
		want error
	}{
		{"nil", nil, index.ErrDimension},
		{"short", good[1:], index.ErrDimension},
		{"long", append(slices.Clone(good), 1), index.ErrDimension},
		{"zero", make([]float32, dim), index.ErrVector},
		{"NaN", with(float32(math.NaN())), index.ErrVector},
		{"+Inf", with(float32(math.Inf(1))), index.ErrVector},
		{"-Inf", with(float32(math.Inf(-1))), index.ErrVector},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := index.New(dim)
			if err := x.Add("p", 1, c.vec); !errors.Is(err, c.want) {
				t.Errorf("Add: %v, want %v", err, c.want)
			}
			if x.Size() != 0 || x.Partitions() != 0 {
				t.Errorf("a refused vector left %d vectors in %d partitions", x.Size(), x.Partitions())
			}
			if _, err := x.Search("p", c.vec, 1); !errors.Is(err, c.want) {
				t.Errorf("Search: %v, want %v", err, c.want)
			}
		})
	}
	// Large and small ones have a direction, although their squares have no float32.
	x := index.New(dim)
	for id, f := range []float32{math.MaxFloat32, math.SmallestNonzeroFloat32} {
		v := make([]float32, dim)
		v[0] = f
		if err := x.Add("p", uint64(id), v); err != nil {
			t.Errorf("%v: %v", f, err)
		}
	}
	if hits, err := x.Search("p", with(0), 2); err != nil || len(hits) != 2 || hits[0].Score != hits[1].Score {
		t.Errorf("extremes: %v, %v", hits, err)
	}
}

func TestEdges(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	x := index.New(dim)
	if hits, err := x.Search("nowhere", vector(r), 3); err != nil || len(hits) != 0 {
		t.Errorf("no partition: %v, %v", hits, err)
	}
	if err := x.Remove("nowhere", 1); err != nil {
		t.Errorf("removing what is not there: %v", err)
	}
	v := vector(r)
	kept := slices.Clone(v)
	if err := x.Add("p", 1, v); err != nil {
		t.Fatal(err)
	}
	clear(v) // the index has its own copy
	for _, k := range []int{-1, 0} {
		if hits, err := x.Search("p", kept, k); err != nil || len(hits) != 0 {
			t.Errorf("k = %d: %v, %v", k, hits, err)
		}
	}
	hits, err := x.Search("p", kept, 10)
	if err != nil || len(hits) != 1 || hits[0].ID != 1 || math.Abs(float64(hits[0].Score)-1) > 1e-6 {
		t.Errorf("k over the size: %v, %v", hits, err)
	}
	if err := x.Remove("p", 1); err != nil || x.Partitions() != 0 {
		t.Errorf("an empty partition stays: %d, %v", x.Partitions(), err)
	}
}

// TestConcurrent lets writers, removers and searchers loose on few partitions, so that partitions come and go
// under the searches. The race detector watches; in the end what must be there is.
func TestConcurrent(t *testing.T) {
	x := index.New(dim)
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 3))
			for i := range 300 {
				id := uint64(w*1000 + i)
				if err := x.Add("churn", id, vector(r)); err != nil {
					t.Error(err)
				}
				if err := x.Add("stay", id, vector(r)); err != nil {
					t.Error(err)
				}
				if _, err := x.Search("churn", vector(r), 8); err != nil {
					t.Error(err)
				}
				if err := x.Remove("churn", id); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if x.Len("churn") != 0 || x.Len("stay") != 1200 || x.Partitions() != 1 {
		t.Errorf("left: churn %d, stay %d, partitions %d", x.Len("churn"), x.Len("stay"), x.Partitions())
	}
}

func BenchmarkSearch(b *testing.B) {
	for _, n := range []int{1_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			const dim = 384
			r := rand.New(rand.NewPCG(4, 4))
			x := index.New(dim)
			v := make([]float32, dim)
			for id := range n {
				for i := range v {
					v[i] = float32(r.NormFloat64())
				}
				if err := x.Add("p", uint64(id), v); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				if _, err := x.Search("p", v, 5); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
