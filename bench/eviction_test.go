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

// TestRivalsByHand plays streams that were worked out by hand from what the policies' papers say, each so that another policy, or this
// one without one of its parts, would find something else.
func TestRivalsByHand(t *testing.T) {
	const dear, large = 10, 20
	objects := map[uint32]evictionObject{dear: {bytes: 1, price: 3}, large: {bytes: 2, price: 4}}
	tiny := func(room int64) evictor { return newWTinyLFU(room, int(room)) } // its window is too small to keep anything
	for _, test := range []struct {
		name   string
		p      evictor
		stream []uint32
		want   string
	}{
		// 3 pushes out what was not asked for the longest: 2 here, 1 there, however often that was asked for.
		{"LRU", newLRU(2), []uint32{1, 2, 1, 3, 1, 2}, "--+-+-"},
		{"LRU", newLRU(2), []uint32{1, 1, 2, 3, 1}, "-+---"},
		// 1 was asked for more often than 2. What was pushed out begins to count anew: 2 goes again, for 3.
		{"LFU", newLFU(2), []uint32{1, 1, 2, 3, 1}, "-+--+"},
		{"LFU", newLFU(2), []uint32{1, 1, 2, 2, 1, 3, 2, 3, 1}, "-+-++---+"},
		// A price of 3 outlasts one of 1, but not for ever, since scores rise by that of what has gone: 2, 3, then the dear one. At twice
		// the size a price of 4 is worth 2.
		{"GDSF", newGDSF(2), []uint32{dear, 2, 3, dear}, "---+"},
		{"GDSF", newGDSF(2), []uint32{dear, 2, 3, 4, 5, dear}, "------"},
		{"GDSF", newGDSF(3), []uint32{dear, large, 2, dear}, "---+"},
		// 1 was asked for twice while in the small queue and moves on to the main one; 2 and 3 go by. The ghost remembers 3, and later 6,
		// which therefore begin in the main queue. There 8 pushes out 6, since 1 and 3 were asked for again and get a second chance.
		{"S3-FIFO", newS3FIFO(3), []uint32{1, 1, 1, 2, 3, 4, 5, 1, 3, 6, 7, 3, 6, 8, 1, 3, 6}, "-++----+---+--++-"},
		// 3 is not let in until it is asked for more often than 2, which would have to go; nor is 2 then in the place of 1.
		{"W-TinyLFU", tiny(2), []uint32{1, 2, 3, 1, 3, 3, 2, 1}, "---+-+-+"},
		// What would push out two has to be asked for more often than both together: from the third time on.
		{"W-TinyLFU", tiny(2), []uint32{1, 2, large, large, large, large}, "-----+"},
	} {
		var got strings.Builder
		for _, q := range test.stream {
			o, special := objects[q]
			if !special {
				o = evictionObject{bytes: 1, price: 1}
			}
			if test.p.ask(q, o) {
				got.WriteByte('+')
			} else {
				got.WriteByte('-')
			}
		}
		if got.String() != test.want {
			t.Errorf("%s, %v: %s, want %s", test.name, test.stream, got.String(), test.want)
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
	for _, want := range []string{"W-TinyLFU", "* zipf", "equal prices, * kinds: ahead in", "unequal prices, others: ahead in", "by chance"} {
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
