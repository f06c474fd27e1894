package index

import (
	"cmp"
	"slices"

	"github.com/reprise-cache/reprise/index/internal/kernel"
)

const (
	// screenBelow is how many vectors are all screened by their codes: up to there, leaving something out saves next to nothing.
	screenBelow = 8_192
	// probeBelow is how many are looked at for the asking, and defaultProbe the share of a larger partition.
	probeBelow   = 65_536
	defaultProbe = 1.0 / 5
	// gathered is how many rows that came through are copied together before their codes are multiplied.
	gathered = 64
	// chunk is how many rows are multiplied before they are looked at; their products stay in the nearest cache.
	chunk = 256
)

// survivors is how many of the screen are scored exactly for k hits. Codes err by some 0.001; this many more than k hide it.
func survivors(k int) int { return max(32, 4*k) }

// scratch is what a search or a change works on, kept for the next.
type scratch struct {
	unit   []float32
	query  *kernel.Query
	dots   []int32
	found  []candidate
	order  []ranked
	scores []float32

	scale float32 // of the query of a search; changes have no use for it, and leave it as it was
	want  int     // how many of the best scores so far top keeps, ascending: as many as a search wants hits, if few
	top   []float32

	// What a search by signs works on, for vectors or for a centre: in how many signs the rows of a list, or the centres, differ,
	// and those that are gathered to be screened, with copies of their codes.
	differ []uint16
	tally  []int32 // how many centres differ in so many
	rows   []place
	codes  []byte
}

// place is where a row was found.
type place struct {
	list *list
	row  int
}

type candidate struct {
	score float32
	entry *entry
}

type ranked struct {
	score float32
	list  int32
}

func newScratch(dim int) *scratch {
	stride := kernel.Stride(dim)
	return &scratch{
		unit: make([]float32, dim), query: kernel.NewQuery(dim), dots: make([]int32, chunk),
		tally: make([]int32, stride+1), rows: make([]place, 0, gathered), codes: make([]byte, gathered*stride),
	}
}

// products is room for n products.
func (s *scratch) products(n int) []int32 {
	if n > len(s.dots) {
		s.dots = make([]int32, n+n/4)
	}
	return s.dots[:n]
}

func (p *partition) search(s *scratch, k int) []Hit {
	count := int(p.count.Load())
	k = min(k, count)
	if k == 0 {
		return nil
	}
	v := p.view.Load()
	s.scale, s.want = s.query.Set(s.unit), 0
	s.found, s.top = s.found[:0], s.top[:0]
	room := survivors(k)
	if count <= screenBelow || len(v.lists) == 1 || p.x.probe == 1 {
		p.screenAll(s, v, room)
		return s.best(k)
	}
	if k <= fewHits {
		s.want = k
	}
	p.probe(s, v, room)
	if len(s.found) < k { // most of what came through was removed
		s.found, s.want = s.found[:0], 0
		p.screenAll(s, v, room)
	}
	return s.best(k)
}

func (p *partition) screenAll(s *scratch, v *view, room int) {
	for _, l := range v.lists {
		p.screen(s, l, room)
	}
}

// rank fills order with the lists of v as a heap, nearest first to the query in s, whose scale it is told: with 1 for any other the
// order is the same, and the scores are no cosines.
func (p *partition) rank(s *scratch, v *view, scale float32) {
	dots := s.products(len(v.lists))
	p.x.kernel.Scan(dots, s.query, v.centers)
	s.order = s.order[:0]
	for i, dot := range dots {
		s.order = append(s.order, ranked{float32(dot) * v.scales[i] * scale, int32(i)})
	}
	s.heapify()
}

func (s *scratch) heapify() {
	for i := len(s.order)/2 - 1; i >= 0; i-- {
		s.sink(i)
	}
}

// nearest takes the nearest list out of order.
func (s *scratch) nearest() int32 {
	top, last := s.order[0].list, len(s.order)-1
	s.order[0] = s.order[last]
	s.order = s.order[:last]
	s.sink(0)
	return top
}

// sink restores the heap where only i may be out of place. The standard library's heap would box every element.
func (s *scratch) sink(i int) {
	h := s.order
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && h[child+1].score > h[child].score {
			child++
		}
		if h[i].score >= h[child].score {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}

// screen offers the rows of a list as candidates, by the product of codes, or exactly where it has none.
func (p *partition) screen(s *scratch, l *list, room int) {
	n := int(l.n.Load())
	stride := l.stride()
	if stride == 0 {
		for row := range n {
			if e := l.rows[row].Load(); e != nil {
				s.offer(dot(s.unit, e.vec), e, room)
			}
		}
		return
	}
	dots := s.products(chunk)
	for from := 0; from < n; from += chunk {
		to := min(from+chunk, n)
		p.x.kernel.Scan(dots[:to-from], s.query, l.codes[from*stride:to*stride])
		for i, scale := range l.scales[from:to] {
			score := float32(dots[i]) * scale * s.scale
			if len(s.found) == room && score <= s.found[0].score {
				continue
			}
			if e := l.rows[from+i].Load(); e != nil {
				s.offer(score, e, room)
			}
		}
	}
}

// offer keeps a candidate if it is among the best so far. found is a heap with the worst on top once it is full.
func (s *scratch) offer(score float32, e *entry, room int) {
	s.note(score)
	if len(s.found) < room {
		s.found = append(s.found, candidate{score, e})
		if len(s.found) == room {
			for i := room/2 - 1; i >= 0; i-- {
				s.sinkFound(i)
			}
		}
		return
	}
	if score > s.found[0].score {
		s.found[0] = candidate{score, e}
		s.sinkFound(0)
	}
}

// note keeps a score in top if it is among the best so far.
func (s *scratch) note(score float32) {
	if len(s.top) < s.want {
		at, _ := slices.BinarySearch(s.top, score)
		s.top = slices.Insert(s.top, at, score)
		return
	}
	if s.want == 0 || score <= s.top[0] {
		return
	}
	i := 0
	for ; i+1 < len(s.top) && s.top[i+1] < score; i++ {
		s.top[i] = s.top[i+1]
	}
	s.top[i] = score
}

// least is the score that a hit must have at least, by what was found so far, if enough was.
func (s *scratch) least(room int) (least float32, known bool) {
	switch {
	case s.want > 0 && len(s.top) == s.want:
		return s.top[0], true
	case s.want == 0 && len(s.found) == room:
		return s.found[0].score, true
	}
	return 0, false
}

func (s *scratch) sinkFound(i int) {
	h := s.found
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && h[child+1].score < h[child].score {
			child++
		}
		if h[i].score <= h[child].score {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}

// best scores the candidates exactly and returns the k best.
func (s *scratch) best(k int) []Hit {
	for i := range s.found {
		s.found[i].score = dot(s.unit, s.found[i].entry.vec)
	}
	slices.SortFunc(s.found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.entry.id, b.entry.id))
	})
	// A row that moved while this search ran may have been seen in both places.
	s.found = slices.CompactFunc(s.found, func(a, b candidate) bool { return a.entry == b.entry })
	hits := make([]Hit, min(k, len(s.found)))
	for i := range hits {
		hits[i] = Hit{s.found[i].entry.id, s.found[i].score}
	}
	clear(s.found[:cap(s.found)]) // or it would keep removed vectors alive
	return hits
}

// dot is the product of two vectors of the same length. It has eight sums, because one would wait for each addition.
func dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s [8]float32
	i := 0
	for ; i+8 <= len(a); i += 8 {
		x, y := a[i:i+8:i+8], b[i:i+8:i+8]
		s[0] += x[0] * y[0]
		s[1] += x[1] * y[1]
		s[2] += x[2] * y[2]
		s[3] += x[3] * y[3]
		s[4] += x[4] * y[4]
		s[5] += x[5] * y[5]
		s[6] += x[6] * y[6]
		s[7] += x[7] * y[7]
	}
	for ; i < len(a); i++ {
		s[0] += a[i] * b[i]
	}
	return (s[0] + s[1]) + (s[2] + s[3]) + ((s[4] + s[5]) + (s[6] + s[7]))
}
