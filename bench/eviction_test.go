package bench

import (
	"bytes"
	"context"
	"math"
	"reflect"
	"strings"
	"testing"
)

// TestRivalsKeepTheirRoom replays a trace of unequal sizes through every policy, by way of a room that fits all: then only first
// asks cost, whatever the policy, and through one that fits little, where none may save more than is ever asked again.
func TestRivalsKeepTheirRoom(t *testing.T) {
	for kind := range evictionKinds {
		trace := evictionMade(kind, 2000, false, 5)
		var all, first float64
		seen := map[uint32]bool{}
		for _, q := range trace.asked {
			all += trace.objects[q].price
			if !seen[q] {
				seen[q] = true
				first += trace.objects[q].price
			}
		}
		most := 1 - first/all
		for i, s := range evictionSaved(trace, 1, 1) {
			// What keeps a part of the room for new answers, or for a ghost's, may lose a little even then.
			if s > most+1e-9 || s < most-0.05 {
				t.Errorf("%s, %s: saved %v with room for all, want %v", trace.name, evictionPolicies[i], s, most)
			}
		}
		for i, s := range evictionSaved(trace, 0.1, 1) {
			if s < 0 || s > most || math.IsNaN(s) {
				t.Errorf("%s, %s: saved %v with little room, most is %v", trace.name, evictionPolicies[i], s, most)
			}
		}
	}
}

// TestLRUAndLFU play a stream by hand.
func TestLRUAndLFU(t *testing.T) {
	one := evictionObject{1, 1}
	for _, test := range []struct {
		name string
		p    evictor
		want string
	}{{"LRU", newLRU(2), "--+-+-"}, {"LFU", newLFU(2), "--+-+-"}} {
		var got strings.Builder
		for _, q := range []uint32{1, 2, 1, 3, 1, 2} { // 3 pushes 2 out
			if test.p.ask(q, one) {
				got.WriteByte('+')
			} else {
				got.WriteByte('-')
			}
		}
		if got.String() != test.want {
			t.Errorf("%s: %s, want %s", test.name, got.String(), test.want)
		}
	}
}

// TestEviction: the same seeds give the same figures, and they are printed.
func TestEviction(t *testing.T) {
	o := EvictionOptions{Requests: 1000, Rooms: []float64{0.1}, Seeds: []uint64{1, 2}}
	a, err := Eviction(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Eviction(context.Background(), o)
	if err != nil || !reflect.DeepEqual(a, b) {
		t.Errorf("two runs differ (%v)", err)
	}
	var out bytes.Buffer
	if err := a.WriteText(&out); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"W-TinyLFU", "* zipf", "equal prices, * kinds: ahead in", "unequal prices, others: ahead in"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	for _, bad := range []EvictionOptions{{Requests: 10}, {Rooms: []float64{2}}, {Intents: []string{"no-such-file"}}} {
		if _, err := Eviction(context.Background(), bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

// TestEvictionVerdict: a difference is one if it is beyond its interval, and can be seen in the table.
func TestEvictionVerdict(t *testing.T) {
	for _, test := range []struct {
		ours []float64 // LRU saves 0.5, LFU, of one trace, more, but not in the mean
		want int
	}{
		{[]float64{0.52, 0.525, 0.515}, 1},
		{[]float64{0.48, 0.475, 0.485}, -1},
		{[]float64{0.6, 0.45, 0.5}, 0},
		{[]float64{0.50001, 0.50001, 0.50001}, 0},
		{[]float64{0.9}, 0},
	} {
		var row EvictionRow
		for i, ours := range test.ours {
			row.Saved = append(row.Saved, []float64{0.5, 0.2 * float64(i), 0, 0, 1, ours})
		}
		if got := row.verdict(); got != test.want {
			mean, half := row.Margin()
			t.Errorf("%v: verdict %d (%v ± %v), want %d", test.ours, got, mean, half, test.want)
		}
	}
	// Of 1, 2, 3, 4, 5: 3, and 2.776 times the root of 2.5/5.
	if mean, half := meanInterval([]float64{1, 2, 3, 4, 5}); math.Abs(mean-3) > 1e-12 || math.Abs(half-1.963) > 0.001 {
		t.Errorf("%v ± %v", mean, half)
	}
}

// TestWTinyLFUBooks: what its queues hold is what it says they do, and each item is in one of them.
func TestWTinyLFUBooks(t *testing.T) {
	trace := evictionMade(0, 4000, false, 5)
	p := newWTinyLFU(400_000, 100)
	for i, q := range trace.asked {
		p.ask(q, trace.objects[q])
		if i%50 != 0 {
			continue
		}
		var used [3]int64
		n := 0
		for queue, l := range p.queues {
			for e := l.Front(); e != nil; e = e.Next() {
				x := e.Value.(*rivalItem)
				used[queue] += x.bytes
				n++
				if x.queue != queue || p.m[x.question] != e {
					t.Fatalf("request %d: question %d is lost", i, x.question)
				}
			}
		}
		if used != p.used || n != len(p.m) || used[0]+used[1]+used[2] > p.room {
			t.Fatalf("request %d: queues hold %v, books say %v; %d items, %d known; room %d", i, used, p.used, n, len(p.m), p.room)
		}
	}
}
