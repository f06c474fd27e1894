package index

import (
	"cmp"
	"slices"

	"github.com/reprise-cache/reprise/index/internal/kernel"
)

const (
	// screenBelow is how many vectors are all screened by their codes, and sieveBelow how many are all sieved by their signs:
	// up to there, leaving something out saves next to nothing.
	screenBelow = 8_192
	sieveBelow  = 65_536
	// defaultProbe is the share of a larger partition that is sieved, in the lists nearest to the query.
	defaultProbe = 1.0 / 4
	// sieved is how many rows the sieve lets through for each that is scored exactly: signs err by some 0.07 of a cosine.
	sieved = 32
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

	// What a sieve works on: the chosen lists, in how many signs their rows differ, how many rows differ in so many, and
	// those that are gathered to be screened, with copies of their codes.
	runs   []run
	differ []uint16
	tally  [2][]int32 // of every other row, because neighbours often have the same number and would wait for each other
	rows   []place
	codes  []byte
}

// run is a list and how many of its rows a search looks at.
type run struct {
	list *list
	n    int
}

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
		tally: [2][]int32{make([]int32, stride+1), make([]int32, stride+1)}, rows: make([]place, 0, gathered), codes: make([]byte, gathered*stride),
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
	s.query.Set(s.unit)
	s.found = s.found[:0]
	room := survivors(k)
	if count <= screenBelow || len(v.lists) == 1 || p.x.probe == 1 {
		p.screenAll(s, v, room)
		return s.best(k)
	}
	if left := max(sieveBelow, sieved*room, int(p.x.probe*float64(count))); left >= count {
		for _, l := range v.lists {
			s.runs = append(s.runs, run{l, int(l.n.Load())})
		}
	} else {
		p.rank(s, v)
		for left > 0 && len(s.order) > 0 {
			l := v.lists[s.nearest()]
			n := int(l.n.Load())
			s.runs = append(s.runs, run{l, n})
			left -= n
		}
	}
	p.sieve(s, room)
	if len(s.found) < k { // most of what came through was removed
		s.found = s.found[:0]
		p.screenAll(s, v, room)
	}
	return s.best(k)
}

func (p *partition) screenAll(s *scratch, v *view, room int) {
	for _, l := range v.lists {
		p.screen(s, l, room)
	}
}

// sieve looks at the signs of all rows of the chosen lists, and screens those that differ in the fewest.
func (p *partition) sieve(s *scratch, room int) {
	total := 0
	for _, r := range s.runs {
		total += r.n
	}
	s.differ = slices.Grow(s.differ[:0], total)[:total]
	at, words, stride := s.differ, kernel.Words(p.x.dim), kernel.Stride(p.x.dim)
	clear(s.tally[0])
	clear(s.tally[1])
	for _, r := range s.runs {
		kernel.Differ(at[:r.n], s.query, r.list.signs[:r.n*words])
		for i, d := range at[:r.n] {
			s.tally[i&1][d]++
		}
		at = at[r.n:]
	}
	cut, sum := 0, 0
	for ; cut < len(s.tally[0])-1; cut++ {
		if sum += int(s.tally[0][cut] + s.tally[1][cut]); sum >= sieved*room {
			break
		}
	}
	at = s.differ
	for _, r := range s.runs {
		for row, d := range at[:r.n] {
			if int(d) > cut {
				continue
			}
			copy(s.codes[len(s.rows)*stride:][:stride], r.list.codes[row*stride:])
			s.rows = append(s.rows, place{r.list, row})
			if len(s.rows) == cap(s.rows) {
				p.score(s, room)
			}
		}
		at = at[r.n:]
	}
	p.score(s, room)
	clear(s.runs)
	s.runs = s.runs[:0]
}

// score offers the gathered rows as candidates.
func (p *partition) score(s *scratch, room int) {
	dots := s.products(len(s.rows))
	p.x.kernel.Scan(dots, s.query, s.codes[:len(s.rows)*kernel.Stride(p.x.dim)])
	for i, r := range s.rows {
		if e := r.list.rows[r.row].Load(); e != nil {
			s.offer(float32(dots[i])*r.list.scales[r.row], e, room)
		}
	}
	clear(s.rows)
	s.rows = s.rows[:0]
}

// rank fills order with the lists of v as a heap, nearest first.
func (p *partition) rank(s *scratch, v *view) {
	dots := s.products(len(v.lists))
	p.x.kernel.Scan(dots, s.query, v.centers)
	s.order = s.order[:0]
	for i, dot := range dots {
		s.order = append(s.order, ranked{float32(dot) * v.scales[i], int32(i)})
	}
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
			score := float32(dots[i]) * scale
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
