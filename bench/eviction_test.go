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
	o := EvictionOptions{Requests: 3000, Rooms: []float64{0.1}, Seeds: []uint64{1}}
	a, err := Eviction(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Eviction(context.Background(), o)
	if err != nil || !reflect.DeepEqual(a, b) {
		t.Errorf("two runs differ (%v)", err)
	}
	var out bytes.Buffer
	if err := a.WriteText(&out); err != nil || !strings.Contains(out.String(), "W-TinyLFU") {
		t.Errorf("%v\n%s", err, out.String())
	}
	for _, bad := range []EvictionOptions{{Requests: 10}, {Rooms: []float64{2}}, {Intents: []string{"no-such-file"}}} {
		if _, err := Eviction(context.Background(), bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}
