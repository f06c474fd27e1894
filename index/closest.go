package index

import (
	"slices"

	"github.com/reprise-cache/reprise/index/internal/kernel"
)

const (
	// closestBelow is how many centres are all multiplied to find the nearest: below, it costs less than what would save it.
	closestBelow = 512
	// closestOf is how many at least, those whose signs differ least, are multiplied where there are more.
	closestOf = 256
)

// closest is the list whose centre is nearest to the query in s, but for one. Of many it goes by the signs first: to multiply
// all would read some megabytes for each insert into a million.
func (p *partition) closest(s *scratch, v *view, but int) int {
	n, best, top := len(v.lists), -1, float32(0)
	offer := func(i int, dot int32) {
		if score := float32(dot) * v.scales[i]; i != but && (best < 0 || score > top) {
			best, top = i, score
		}
	}
	if n <= closestBelow {
		dots := s.products(n)
		p.x.kernel.Scan(dots, s.query, v.centers)
		for i, d := range dots {
			offer(i, d)
		}
		return best
	}
	whole, stride := kernel.Blocks(n), kernel.Stride(p.x.dim)
	s.differ = slices.Grow(s.differ[:0], whole)[:whole]
	p.x.kernel.Differ(s.differ, n, s.query, v.signs)
	clear(s.tally)
	for _, d := range s.differ[:n] {
		s.tally[d]++
	}
	cut, sum := 0, 0
	for sum < closestOf {
		sum += int(s.tally[cut])
		cut++
	}
	near := make([]int32, 0, gathered)
	scan := func() {
		dots := s.products(len(near))
		p.x.kernel.Scan(dots, s.query, s.codes[:len(near)*stride])
		for j, i := range near {
			offer(int(i), dots[j])
		}
		near = near[:0]
	}
	for i, d := range s.differ[:n] {
		if int(d) < cut {
			copy(s.codes[len(near)*stride:][:stride], v.centers[i*stride:])
			if near = append(near, int32(i)); len(near) == gathered {
				scan()
			}
		}
	}
	scan()
	return best
}
