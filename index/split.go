package index

import (
	"cmp"
	"maps"
	"math"
	"slices"

	"github.com/reprise-cache/reprise/index/internal/kernel"
)

const (
	// rounds is how often the centres of two halves are moved; more does not make the halves better by much.
	rounds = 4
	// neighbours is how many lists around a split one exchange rows with the halves.
	neighbours = 16
	// reach is how many lists around a split one its rows may go to. A cache of texts' vectors scatters further than that, but
	// products with all centres would make up most of the work of a million inserts.
	reach = 128
)

// center is the middle of a list's vectors: only its direction counts.
type center struct {
	code  []byte
	scale float32
}

// split makes two lists of one, by direction, and lets rows of the lists around go over to a half that is nearer to them, and
// the other way round. It costs a few milliseconds whatever the partition's size; the lists are never rebuilt as a whole.
//
// The exchange is that of SPFresh (Xu et al., SOSP 2023): without it, a boundary drawn when there were few vectors stays for good.
func (p *partition) split(s *scratch, at int) {
	v, stride := p.view.Load(), kernel.Stride(p.x.dim)
	h := halve(p.x.kernel, s, v.lists[at].copied(at, 0, stride), p.x.dim)
	right := len(v.lists)
	next := &view{lists: append(slices.Clip(v.lists), nil)}
	if right == 1 {
		next.centers, next.scales = slices.Concat(h.centers[0].code, h.centers[1].code), []float32{h.centers[0].scale, h.centers[1].scale}
		next.spreads = make([]float32, 2)
	} else {
		next.centers, next.scales = slices.Concat(v.centers, h.centers[1].code), append(slices.Clip(v.scales), h.centers[1].scale)
		next.spreads = append(slices.Clip(v.spreads), 0)
		copy(next.centers[at*stride:], h.centers[0].code)
		next.scales[at] = h.centers[0].scale
	}
	next.signs = make([]uint64, kernel.Blocks(len(next.lists))*kernel.Words(stride))
	copy(next.signs, v.signs)
	kernel.SetSigns(next.signs, at, h.centers[0].code)
	kernel.SetSigns(next.signs, right, h.centers[1].code)

	// Where each row of the lists concerned goes.
	type source struct {
		list *list
		at   int
		to   []int32
	}
	near := p.around(s, v, at)
	sources := []source{{h.list, at, p.leave(s, h, next, near, at, right)}}
	for _, i := range near[:min(len(near), neighbours)] {
		l := v.lists[i]
		to := make([]int32, l.n.Load())
		// Rows of this list that are nearer to a half.
		best := slices.Clone(p.scores(s, l, next, i))
		for row := range to {
			to[row] = int32(i)
		}
		for _, half := range []int{at, right} {
			for row, score := range p.scores(s, l, next, half) {
				if score > best[row] {
					best[row], to[row] = score, int32(half)
				}
			}
		}
		sources = append(sources, source{l, i, to})
	}

	coming := map[int32]int{}
	changed := map[int32]bool{int32(at): true, int32(right): true}
	receiving := map[int32]bool{}
	for _, src := range sources {
		for row, to := range src.to {
			if src.list.rows[row].Load() != nil {
				coming[to]++
				if to != int32(src.at) {
					changed[int32(src.at)], receiving[to] = true, true
				}
			}
		}
	}
	for i := range changed {
		next.lists[i] = newList(coming[i]+slack(coming[i]), stride)
	}
	for _, src := range sources {
		for row, to := range src.to {
			if src.list.rows[row].Load() == nil || to == int32(src.at) && !changed[to] {
				continue
			}
			if !changed[to] && next.lists[to].full() {
				next.lists[to] = next.lists[to].copied(int(to), slack(next.lists[to].live()), stride)
			}
			next.lists[to].pull(src.list, row, int(to))
		}
	}
	maps.Copy(receiving, changed)
	p.measure(s, next, maps.Keys(receiving))
	p.view.Store(next)
}

// leave says where the rows of a split list go: to the nearest of those lists of next that are near it, and to their half if
// none is nearer than that.
func (p *partition) leave(s *scratch, h *halves, next *view, near []int, at, right int) []int32 {
	n, stride := len(h.inRight), kernel.Stride(p.x.dim)
	near = append(near, at, right)
	centers := make([]byte, 0, len(near)*stride)
	for _, i := range near {
		centers = append(centers, next.centers[i*stride:][:stride]...)
	}
	to, half, stay := make([]int32, n), make([]int32, n), map[int32]int{}
	for row, inRight := range h.inRight {
		if half[row] = int32(at); inRight {
			half[row] = int32(right)
		}
		s.query.SetCode(h.list.codes[row*stride:][:stride])
		dots := s.products(len(near))
		p.x.kernel.Scan(dots, s.query, centers)
		best, top := half[row], float32(math.Inf(-1))
		for j, i := range near {
			if score := float32(dots[j]) * next.scales[i]; score > top || score == top && int32(i) == half[row] {
				best, top = int32(i), score
			}
		}
		to[row] = best
		stay[to[row]]++
	}
	// Where all want to be in the same half, a list would be split again and again.
	if max(stay[int32(at)], stay[int32(right)]) > n*7/8 {
		return half
	}
	return to
}

// around is the lists whose centres are nearest to that of a list, nearest first.
func (p *partition) around(s *scratch, v *view, at int) []int {
	if len(v.lists) == 1 {
		return nil
	}
	stride := kernel.Stride(p.x.dim)
	s.query.SetCode(v.centers[at*stride:][:stride])
	p.rank(s, v, 1)
	var found []int
	for len(found) < reach && len(s.order) > 0 {
		if i := int(s.nearest()); i != at {
			found = append(found, i)
		}
	}
	return found
}

// scores is how near each row of a list is to the centre of another, up to the row's scale. The next call overwrites it.
func (p *partition) scores(s *scratch, l *list, v *view, center int) []float32 {
	stride, n := kernel.Stride(p.x.dim), int(l.n.Load())
	s.query.SetCode(v.centers[center*stride:][:stride])
	s.scores = scan(p.x.kernel, s, l, v.scales[center], s.scores, n)
	return s.scores
}

// scan sets scores to the products of the query in s with n rows, times the query's scale.
func scan(k *kernel.Kernel, s *scratch, l *list, scale float32, scores []float32, n int) []float32 {
	dots := s.products(n)
	k.Scan(dots, s.query, l.codes[:n*l.stride()])
	scores = slices.Grow(scores[:0], n)[:n]
	for i, d := range dots {
		scores[i] = float32(d) * scale
	}
	return scores
}

// halves is what halve found.
type halves struct {
	list    *list
	centers [2]center
	inRight []bool
}

// halve divides the rows of a list without gaps by 2-means on the sphere, beginning with two rows that are far apart. Neither
// half gets less than an eighth: if the directions do not say otherwise, the order of nearness does.
func halve(k *kernel.Kernel, s *scratch, l *list, dim int) *halves {
	n, stride := int(l.n.Load()), l.stride()
	h := &halves{list: l, inRight: make([]bool, n)}
	var score [2][]float32
	row := 0
	for range 2 {
		s.query.SetCode(l.codes[row*stride:][:stride])
		score[0] = scan(k, s, l, 1, score[0], n)
		far := 0
		for i := range n {
			if score[0][i]*l.scales[i] < score[0][far]*l.scales[far] {
				far = i
			}
		}
		h.centers[0], h.centers[1] = h.centers[1], center{slices.Clone(l.codes[far*stride:][:stride]), l.scales[far]}
		row = far
	}
	for range rounds {
		for side, c := range h.centers {
			s.query.SetCode(c.code)
			score[side] = scan(k, s, l, c.scale, score[side], n)
		}
		rights := 0
		for i := range n {
			if h.inRight[i] = score[1][i] > score[0][i]; h.inRight[i] {
				rights++
			}
		}
		if min(rights, n-rights) < n/8 {
			order := make([]int, n)
			for i := range order {
				order[i] = i
			}
			slices.SortStableFunc(order, func(a, b int) int {
				return cmp.Compare(score[1][a]-score[0][a], score[1][b]-score[0][b])
			})
			for rank, i := range order {
				h.inRight[i] = rank >= n/2
			}
		}
		for side := range h.centers {
			if c, ok := h.middle(side == 1, dim); ok {
				h.centers[side] = c
			}
		}
	}
	return h
}

// middle is the centre of a half, unless its vectors cancel each other out.
func (h *halves) middle(right bool, dim int) (center, bool) {
	sum, stride := make([]float32, dim), h.list.stride()
	for i, r := range h.inRight {
		if r == right {
			kernel.Accumulate(sum, h.list.codes[i*stride:][:stride], h.list.scales[i])
		}
	}
	var sq float64
	for _, f := range sum {
		sq += float64(f) * float64(f)
	}
	if sq < 1e-12 {
		return center{}, false
	}
	for i := range sum {
		sum[i] /= float32(math.Sqrt(sq))
	}
	c := center{code: make([]byte, stride)}
	c.scale = kernel.Encode(c.code, sum)
	return c, true
}

// merge gives the rows of a list to the lists that are nearest to each and takes the list away. A search that began before may
// see a row in both.
func (p *partition) merge(s *scratch, at int) {
	v, stride := p.view.Load(), kernel.Stride(p.x.dim)
	last := len(v.lists) - 1
	next := &view{
		lists: slices.Clone(v.lists), centers: slices.Clone(v.centers), scales: slices.Clone(v.scales), spreads: slices.Clone(v.spreads),
		signs: slices.Clone(v.signs),
	}
	from, receiving := v.lists[at], map[int32]bool{}
	from.each(func(row int, _ *entry) {
		s.query.SetCode(from.codes[row*stride:][:stride])
		to := p.closest(s, v, at)
		l := next.lists[to]
		if l.full() {
			l = l.copied(to, slack(l.live()), stride)
			next.lists[to] = l
		}
		l.pull(from, row, to)
		receiving[int32(to)] = true
	})
	p.measure(s, next, maps.Keys(receiving))
	if at != last {
		next.lists[at], next.scales[at], next.spreads[at] = next.lists[last], next.scales[last], next.spreads[last]
		copy(next.centers[at*stride:(at+1)*stride], next.centers[last*stride:])
		kernel.CopySigns(next.signs, at, next.signs, last, kernel.Words(stride))
		next.lists[at].each(func(_ int, e *entry) { e.list = int32(at) })
	}
	next.lists, next.centers = next.lists[:last], next.centers[:last*stride]
	next.scales, next.spreads = next.scales[:last], next.spreads[:last]
	next.signs = next.signs[:kernel.Blocks(last)*kernel.Words(stride)]
	p.view.Store(next)
}
