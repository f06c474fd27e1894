package index

import (
	"cmp"
	"slices"

	"github.com/reprise-cache/reprise/index/internal/kernel"
)

const (
	// wholeBelow is how many vectors are screened whatever the share: below it ranking the lists saves little.
	wholeBelow = 16_384
	// defaultProbe is the share of a larger partition that is screened, in the lists nearest to the query.
	defaultProbe = 1.0 / 16
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
	return &scratch{unit: make([]float32, dim), query: kernel.NewQuery(dim), dots: make([]int32, chunk)}
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
	room, left := survivors(k), max(wholeBelow, int(p.x.probe*float64(count)))
	if count <= left || len(v.lists) == 1 {
		for _, l := range v.lists {
			p.screen(s, l, room)
		}
	} else {
		p.rank(s, v)
		for left > 0 && len(s.order) > 0 {
			l := v.lists[s.nearest()]
			p.screen(s, l, room)
			left -= int(l.n.Load())
		}
	}
	return s.best(k)
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
