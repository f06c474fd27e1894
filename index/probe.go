package index

import (
	"iter"
	"math"
	"slices"

	"github.com/reprise-cache/reprise/index/internal/kernel"
)

const (
	// screened is how many vectors, those of the lists nearest to the query, are screened by their codes before signs decide: enough
	// to know about what score a hit must have.
	screened = 4096
	// generous is by how much the best vector of a list may be nearer to the query than the list's centre and spread alone would have
	// it. Were a list's vectors spread alike in all directions, 3.5/sqrt(384) = 0.18 would be plenty; they are not, since
	// a list may hold parts of several topics. On 115,000 texts 0.6 finds 0.987 of the nearest five, 0.65 0.99, 0.7 0.998, at half as
	// much again as 0.6.
	generous = 0.7
	// usualSpread is what a list is taken to have of which nothing is known, nor of any other: with it, whatever centre is at a cosine of
	// 0.4 to 0.7 from a query promises all but the most that it could with any spread.
	usualSpread = 0.7
	// doubt is how many standard deviations more signs than expected a vector may have otherwise than the query.
	doubt = 2
	// fewHits is how many hits a search keeps the least score of as it goes. One for more goes by the survivors' least.
	fewHits = 32
)

// probe looks at the lists nearest to the query, but for those that do not promise a hit, until none does, or the index's share of
// the partition was looked at. A list promises the score that its best vector is likely to have at most.
//
// Vectors of the first lists are screened by their codes. Of further ones, those are whose signs are likely enough for the
// least score that would still be a hit: two vectors differ in a sign as often as their angle has it (Charikar, STOC 2002).
func (p *partition) probe(s *scratch, v *view, room int) {
	p.rank(s, v, s.scale)
	most := max(probeBelow, int(p.x.probe*float64(p.count.Load())))
	stride := kernel.Stride(p.x.dim)
	for seen := 0; len(s.order) > 0; {
		least, known := s.least(room)
		near := s.order[0].score
		if seen >= screened && known && (seen >= most || mostPromise(near) < least) {
			break
		}
		at := s.nearest()
		if seen >= screened && known && promise(near, v.spreads[at]) < least {
			continue
		}
		l := v.lists[at]
		n := int(l.n.Load())
		if seen += n; seen <= screened || !known {
			p.screen(s, l, room)
			continue
		}
		cut := p.cut(least)
		whole := kernel.Blocks(n)
		s.differ = slices.Grow(s.differ[:0], whole)[:whole]
		p.x.kernel.Differ(s.differ, n, s.query, l.signs)
		for row, d := range s.differ[:n] {
			if d > cut {
				continue
			}
			copy(s.codes[len(s.rows)*stride:][:stride], l.codes[row*stride:])
			s.rows = append(s.rows, place{l, row})
			if len(s.rows) == cap(s.rows) {
				p.score(s, room)
			}
		}
	}
	p.score(s, room)
}

// cut is in how many signs a vector of some cosine with the query is likely to differ at most.
func (p *partition) cut(cosine float32) uint16 {
	share := math.Acos(min(max(float64(cosine), -1), 1)) / math.Pi
	n := float64(p.x.dim)
	return uint16(min(n, n*share+doubt*math.Sqrt(n*share*(1-share))))
}

// score offers the gathered rows as candidates.
func (p *partition) score(s *scratch, room int) {
	dots := s.products(len(s.rows))
	p.x.kernel.Scan(dots, s.query, s.codes[:len(s.rows)*kernel.Stride(p.x.dim)])
	for i, r := range s.rows {
		if e := r.list.rows[r.row].Load(); e != nil {
			s.offer(float32(dots[i])*r.list.scales[r.row]*s.scale, e, room)
		}
	}
	clear(s.rows)
	s.rows = s.rows[:0]
}

// promise is the score that the best vector of a list is likely to have at most: near is the cosine of the query and the list's
// centre, spread that of the centre and the list's vectors, on average. Where both lie in the same
// direction from the centre, the cosine would be that of the difference of the angles, with 1 for generous.
func promise(near, spread float32) float32 {
	beside := max(0, 1-near*near) * max(0, 1-spread*spread)
	return near*spread + generous*float32(math.Sqrt(float64(beside)))
}

// mostPromise is what a list of any spread promises at most whose centre is so near, or further away.
func mostPromise(near float32) float32 {
	near = min(max(near, 0), 1)
	return float32(math.Sqrt(float64(near*near + generous*generous*(1-near*near))))
}

// measure brings the spreads of some lists of v up to date.
func (p *partition) measure(s *scratch, v *view, lists iter.Seq[int32]) {
	var empty []int32
	for at := range lists {
		if !p.spread(s, v, int(at)) {
			empty = append(empty, at)
		}
	}
	v.suppose(empty)
}

// spread sets the spread of a list of v to the mean cosine of its rows with its centre. It says whether there are rows.
func (p *partition) spread(s *scratch, v *view, at int) (known bool) {
	l := v.lists[at]
	var sum float32
	live := 0
	for row, score := range p.scores(s, l, v, at) {
		if l.rows[row].Load() != nil {
			sum += score * l.scales[row]
			live++
		}
	}
	if live > 0 {
		v.spreads[at] = sum / float32(live)
	}
	return live > 0
}

// suppose sets the spreads of lists without rows to what the others have on average. Rows may come to them, and searches pass over
// those of a list that promises too little.
func (v *view) suppose(empty []int32) {
	if len(empty) == 0 {
		return
	}
	for _, at := range empty {
		v.spreads[at] = 0
	}
	mean, others := float32(usualSpread), len(v.spreads)-len(empty)
	if others > 0 {
		var sum float32
		for _, spread := range v.spreads {
			sum += spread
		}
		mean = sum / float32(others)
	}
	for _, at := range empty {
		v.spreads[at] = mean
	}
}
