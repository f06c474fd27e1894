package room

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestAgainstModel holds the room's books against a map, through commits that come about and commits that do not.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := Limits{Entries: int64(rapid.IntRange(0, 30).Draw(t, "entries")), Bytes: int64(rapid.IntRange(0, 20_000).Draw(t, "bytes"))}
		own := map[string]Limits{"own": {Entries: int64(rapid.IntRange(1, 8).Draw(t, "own"))}}
		r := New(all, own, 1)
		have := map[uint64]Entry{}
		next := uint64(0)
		draw := func() Entry {
			next++
			return Entry{
				ID: next, Hash: uint64(rapid.IntRange(1, 50).Draw(t, "hash")) << 56, Namespace: rapid.SampledFrom([]string{"", "a", "own"}).Draw(t, "namespace"),
				Bytes: int64(rapid.IntRange(1, 4000).Draw(t, "size")), Worth: rapid.Float64Range(0, 1).Draw(t, "worth"),
			}
		}
		usage := func(model map[uint64]Entry, in func(Entry) bool) (u Usage) {
			for _, e := range model {
				if in(e) {
					u.add(e.Bytes, 1)
				}
			}
			return u
		}
		check := func() {
			if got, want := r.Usage(), usage(have, func(Entry) bool { return true }); got != want {
				t.Fatalf("usage %+v, want %+v", got, want)
			}
			for _, ns := range []string{"", "a", "own"} {
				if got, want := r.UsageOf(ns), usage(have, func(e Entry) bool { return e.Namespace == ns }); got != want {
					t.Fatalf("usage of %q %+v, want %+v", ns, got, want)
				}
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "commits") {
			before := maps.Clone(have)
			r.Begin()
			for range rapid.IntRange(0, 6).Draw(t, "changes") {
				ids := slices.Sorted(maps.Keys(have))
				switch what := rapid.IntRange(0, 3).Draw(t, "what"); {
				case what < 2 || len(ids) == 0:
					e := draw()
					r.Add(e)
					have[e.ID] = e
				case what == 2:
					r.Use(rapid.SampledFrom(ids).Draw(t, "used"))
				default:
					id := rapid.SampledFrom(ids).Draw(t, "removed")
					r.Remove(id)
					delete(have, id)
				}
			}
			ownBefore := usage(have, func(e Entry) bool { return e.Namespace == "own" })
			othersFit := !all.exceeded(usage(have, func(Entry) bool { return true }))
			for _, id := range r.Evict() {
				e, ok := have[id]
				if !ok {
					t.Fatalf("entry %d went twice, or was never there", id)
				}
				if othersFit && e.Namespace != "own" {
					t.Fatalf("a namespace over its limit (%+v) took from %q", ownBefore, e.Namespace)
				}
				delete(have, id)
			}
			if r.Over() || all.exceeded(usage(have, func(Entry) bool { return true })) {
				t.Fatalf("%+v kept, limits %+v", r.Usage(), all)
			}
			if rapid.Bool().Draw(t, "fails") {
				r.Rollback()
				have = before
			} else {
				r.Commit()
			}
			check()
		}
	})
}

// fill puts n entries in, asks for each as often as uses says, and returns what went.
func fill(r *Room, n int, entry func(i int) Entry, uses func(i int) int) (gone []uint64) {
	for i := range n {
		e := entry(i)
		r.Add(e)
		for range uses(i) {
			r.Use(e.ID)
		}
		gone = append(gone, r.Evict()...)
	}
	return gone
}

func hashOf(i int) uint64 { return uint64(i+1) * 0x9e3779b97f4a7c15 }

// TestWhatSavesLeastGoes varies one thing at a time: of dear and cheap, used and unused, small and large entries, the second goes.
func TestWhatSavesLeastGoes(t *testing.T) {
	for name, test := range map[string]struct {
		entry func(good bool, e *Entry)
		uses  int
	}{
		"price": {func(good bool, e *Entry) {
			if good {
				e.Worth = 100
			}
		}, 0},
		"uses": {func(bool, *Entry) {}, 5},
		"size": {func(good bool, e *Entry) {
			if !good {
				e.Bytes = 5000
			}
		}, 0},
	} {
		r := New(Limits{Bytes: 2_000_000}, nil, 1)
		add := func(i int) []uint64 {
			e := Entry{ID: uint64(i + 1), Hash: hashOf(i), Bytes: 1000, Worth: 1}
			test.entry(i%2 == 0, &e)
			r.Add(e)
			return r.Evict()
		}
		n := 0
		for ; r.Usage().Bytes < 1_990_000; n++ {
			if gone := add(n); len(gone) > 0 {
				t.Fatalf("%s: %d went while there was room", name, gone)
			}
		}
		for range test.uses { // again and again: what is asked some times in a row, and then no more, is another matter
			for i := 0; i < n; i += 2 {
				r.Use(uint64(i + 1))
			}
		}
		good, all := 0, 0
		for i := range n / 4 {
			for _, id := range add(n + i) {
				if all++; id%2 == 1 && id <= uint64(n) {
					good++
				}
			}
		}
		if all == 0 || good*20 > all {
			t.Errorf("%s: %d of %d that went were the ones to keep", name, good, all)
		}
	}
}

// TestSameSeedSameVictims: what goes is a matter of what came, and of nothing else.
func TestSameSeedSameVictims(t *testing.T) {
	run := func() []uint64 {
		rng := rand.New(rand.NewPCG(1, 2))
		r := New(Limits{Entries: 300}, nil, 7)
		return fill(r, 3000, func(i int) Entry {
			return Entry{ID: uint64(i + 1), Hash: hashOf(rng.IntN(900)), Bytes: 1, Worth: rng.Float64()}
		}, func(i int) int { return i % 3 })
	}
	if a, b := run(), run(); !slices.Equal(a, b) {
		t.Error("the same requests made other victims")
	}
}

// TestNewOnesStayForAWhile: whoever has just stored an answer finds it, in a room of any size.
func TestNewOnesStayForAWhile(t *testing.T) {
	for _, n := range []int{1, 2, 10, 1000} {
		r := New(Limits{Entries: int64(n)}, nil, 1)
		for i := range 5 * n {
			id := uint64(i + 1)
			r.Add(Entry{ID: id, Hash: hashOf(i), Bytes: 1, Worth: 1 / float64(i+1)}) // and though it is worth less than all others
			if slices.Contains(r.Evict(), id) {
				t.Fatalf("limit %d: entry %d went as soon as it came", n, id)
			}
			for range 3 {
				r.Use(1)
			}
		}
	}
}

// TestCountsSurvive: what was used before a restart counts after it.
func TestCountsSurvive(t *testing.T) {
	r := New(Limits{}, nil, 1)
	fill(r, 100, func(i int) Entry { return Entry{ID: uint64(i + 1), Hash: hashOf(i), Bytes: 1, Worth: 1} }, func(i int) int {
		return 0
	})
	for i := 1; i < 100; i += 2 {
		for range 10 {
			r.Use(uint64(i + 1))
		}
	}
	if used := r.TakeUsed(1000); len(used) != 50 || len(r.TakeUsed(1000)) != 0 {
		t.Fatalf("%d used entries", len(used))
	}
	again := New(Limits{Entries: 50}, nil, 1)
	for i := range 100 {
		c, ok := r.CountsOf(uint64(i + 1))
		if !ok {
			t.Fatal(i)
		}
		again.Load(Entry{ID: uint64(i + 1), Hash: hashOf(i), Bytes: 1, Worth: 1}, c)
	}
	gone := again.Evict()
	for _, id := range gone {
		if id%2 == 0 {
			t.Errorf("entry %d, which was used, went", id)
		}
	}
	if len(gone) != 50 {
		t.Errorf("%d went, want 50", len(gone))
	}
}

// TestMemory holds what an entry costs against what the package says.
func TestMemory(t *testing.T) {
	const n = 200_000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	r := New(Limits{Entries: n}, nil, 1)
	fill(r, n+n/4, func(i int) Entry { return Entry{ID: uint64(i + 1), Hash: hashOf(i), Bytes: 1, Worth: 1} }, func(int) int { return 0 })
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := float64(after.HeapAlloc-before.HeapAlloc) / n
	t.Logf("%.0f bytes an entry", each)
	if each > 260 {
		t.Errorf("%.0f bytes an entry", each)
	}
	runtime.KeepAlive(r)
}

func BenchmarkUse(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			r := New(Limits{Entries: int64(n)}, nil, 1)
			fill(r, n+10, func(i int) Entry { return Entry{ID: uint64(i + 1), Hash: hashOf(i), Bytes: 1, Worth: 1} }, func(int) int { return 0 })
			b.ReportAllocs()
			for i := range b.N {
				r.Use(uint64(i%n) + 1)
			}
		})
	}
}
