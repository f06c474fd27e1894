package room

import (
	"math/rand/v2"
	"testing"
)

// traffic asks a room for answers, which are put in where they are missing.
type traffic struct {
	room *Room
	ids  map[int]uint64 // of what is kept, by question
	asks map[uint64]int
	last uint64
}

func newTraffic(l Limits) *traffic {
	return &traffic{room: New(l, nil, 1), ids: map[int]uint64{}, asks: map[uint64]int{}}
}

func (t *traffic) ask(question int, worth float64) (kept bool) {
	if id, ok := t.ids[question]; ok {
		t.room.Use(id)
		return true
	}
	t.last++
	t.ids[question], t.asks[t.last] = t.last, question
	t.room.Add(Entry{ID: t.last, Hash: hashOf(question), Bytes: 1, Worth: worth})
	for _, id := range t.room.Evict() {
		delete(t.ids, t.asks[id])
		delete(t.asks, id)
	}
	return false
}

// kept is how many of the questions from one number up to another are kept.
func (t *traffic) kept(from, to int) (n int) {
	for q := from; q < to; q++ {
		if _, ok := t.ids[q]; ok {
			n++
		}
	}
	return n
}

// TestScan: a run of questions that are asked once leaves what is asked for again and again, though it is eight times the room.
func TestScan(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	tr := newTraffic(Limits{Entries: 500})
	for i := range 12_000 {
		tr.ask(rng.IntN(300), 1)
		if i%4 == 0 { // something that is asked once, so that it is known what becomes of such
			tr.ask(1000+i, 1)
		}
	}
	for i := range 4000 {
		tr.ask(100_000+i, 1)
	}
	if n := tr.kept(0, 300); n < 290 {
		t.Errorf("%d of 300 are left", n)
	}
}

// TestAgeing: what was asked for much, and is no more, makes way for what is asked for now.
func TestAgeing(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	tr := newTraffic(Limits{Entries: 400})
	for range 20_000 {
		tr.ask(rng.IntN(300), 1)
	}
	for range 4000 {
		tr.ask(1000+rng.IntN(380), 1)
	}
	if n := tr.kept(1000, 1380); n < 340 {
		t.Errorf("%d of the 380 that are asked for now are kept, %d of the others", n, tr.kept(0, 300))
	}
}

// TestLoop: of twice as much as there is room for, in turn over and over, a good part is found. By "least recently used" it would be nothing.
func TestLoop(t *testing.T) {
	tr := newTraffic(Limits{Entries: 500})
	found := 0
	for i := range 20_000 {
		if tr.ask(i%1000, 1) && i >= 10_000 {
			found++
		}
	}
	if found < 3000 {
		t.Errorf("%d of 10,000 found, of which 5,000 could be", found)
	}
}

// TestUnequalPrices: of what is asked for alike, the dear is kept; of cheap and dear alike, what is asked for much more.
func TestUnequalPrices(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 3))
	tr := newTraffic(Limits{Entries: 300})
	for range 30_000 {
		q := rng.IntN(600) // even ones are dear
		tr.ask(q, []float64{10, 1}[q%2])
	}
	dear := 0
	for q := 0; q < 600; q += 2 {
		dear += tr.kept(q, q+1)
	}
	if dear < 260 {
		t.Errorf("%d of 300 dear ones are kept in a room for 300", dear)
	}
}

// TestOdds shows the table a loop, in which everything is asked for two turnovers after it was: what will soon be asked is worth most.
func TestOdds(t *testing.T) {
	o := newOdds()
	at := func(age float64) float64 {
		c := counts{at: 10, sum: [scales]float32{1, 1, 1, 1}}
		return o.log2(&c, 10+age)
	}
	if !(at(0.1) > at(10)) {
		t.Errorf("before anything is known, %v after 0.1 turnovers, %v after 10", at(0.1), at(10))
	}
	rng := rand.New(rand.NewPCG(1, 4))
	for range 20_000 {
		c := counts{sum: [scales]float32{1, 1, 1, 1}}
		o.asked(&c, 2)
		for range 4 {
			o.waited(&c, 2*rng.Float64(), 0.5)
		}
		o.moved(100)
	}
	if near, far := at(1.9), at(0.1); near < far+0.5 {
		t.Errorf("just before its turn %v, long before %v", near, far)
	}
	for _, c := range []counts{{}, {sum: [scales]float32{-1, -1, -1, -1}}, {at: 20, sum: [scales]float32{1e30, 1e30, 1e30, 1e30}}} {
		if x := o.log2(&c, 10); x != x || x > 100 || x < -100 {
			t.Errorf("%+v: %v", c, x)
		}
	}
}
