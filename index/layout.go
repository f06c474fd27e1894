package index

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/reprise-cache/reprise/index/internal/kernel"
)

// A layout says which vectors of the large partitions lie in which list: what takes an index long to find out, in some bytes a
// vector. It holds no vectors. Filled with one through a [Loader], an index is where it was in the time that it takes to read the
// vectors; a layout of other vectors costs recall until the lists have been split anew, and nothing else.
//
// Its form, integers as unsigned varints where no width is said: the dimension; for each partition the length of its name, the name,
// how many lists; the code of each list's centre; the scale of each, float32, little-endian; for each list how many ids,
// and the ids in ascending order, each as the difference from the one before.

// ErrLayout: what should be a layout is none.
var ErrLayout = errors.New("index: bad layout")

// AppendLayout appends the index's layout to b, or nothing where no partition is large. Changes of a partition wait while it is looked at; searches do not.
func (x *Index) AppendLayout(b []byte) []byte {
	x.mu.RLock()
	parts := make(map[string]*partition, 16)
	for name, p := range x.parts {
		if len(p.view.Load().lists) > 1 {
			parts[name] = p
		}
	}
	x.mu.RUnlock()
	if len(parts) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(x.dim))
	var ids []uint64
	for name, p := range parts {
		p.mu.Lock()
		v := p.view.Load()
		if len(v.lists) > 1 && !p.dropped.Load() {
			b = binary.AppendUvarint(b, uint64(len(name)))
			b = append(b, name...)
			b = binary.AppendUvarint(b, uint64(len(v.lists)))
			b = append(b, v.centers...)
			for _, s := range v.scales {
				b = binary.LittleEndian.AppendUint32(b, math.Float32bits(s))
			}
			for _, l := range v.lists {
				ids = ids[:0]
				l.each(func(_ int, e *entry) { ids = append(ids, e.id) })
				slices.Sort(ids)
				b = binary.AppendUvarint(b, uint64(len(ids)))
				last := uint64(0)
				for _, id := range ids {
					b = binary.AppendUvarint(b, id-last)
					last = id
				}
			}
		}
		p.mu.Unlock()
	}
	return b
}

// layoutPlace is the list that a layout has an id in.
type layoutPlace struct {
	id   uint64
	list int32
}

// laidOut is a partition that is being filled by its layout, out of sight of searches.
type laidOut struct {
	p     *partition
	sizes []int         // of the lists
	ids   []layoutPlace // ascending
	next  int           // the first of ids that is not below the last one that was added
	rest  []loaded      // what the layout does not know
	gone  []uint64      // what was removed after it was added
}

type loaded struct {
	id  uint64
	vec []float32
}

// Loader fills an index. It is not safe for concurrent use, but for Encode beside Remove; the index may be searched and changed
// meanwhile, but for the ids that are still to be added, which its own Remove takes.
type Loader struct {
	x       *Index
	parts   map[string]*laidOut
	encoded bool
}

// Loader returns a loader that goes by a layout; nil: each vector finds its own place. A layout of another dimension, or one that
// is damaged, is refused with an error that wraps ErrLayout.
func (x *Index) Loader(layout []byte) (*Loader, error) {
	l := &Loader{x: x, parts: map[string]*laidOut{}}
	if layout == nil {
		return l, x.err
	}
	if x.err != nil {
		return nil, x.err
	}
	r := layoutReader{b: layout}
	if dim := r.number(kernel.MaxDim); r.err == nil && dim != x.dim {
		return nil, fmt.Errorf("%w: of dimension %d for an index of %d", ErrLayout, dim, x.dim)
	}
	for r.err == nil && len(r.b) > 0 {
		name := string(r.take(r.number(len(r.b))))
		part, err := r.partition(x)
		if err != nil {
			return nil, err
		}
		l.parts[name] = part
	}
	return l, r.err
}

// layoutReader takes a layout apart. Its first failure stays.
type layoutReader struct {
	b   []byte
	err error
}

func (r *layoutReader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrLayout, what)
	}
}

// number reads one that is at most most: what the bytes that are left could hold.
func (r *layoutReader) number(most int) int {
	n := r.wide()
	if n > uint64(most) {
		r.fail("a number is too large")
		return 0
	}
	return int(n)
}

func (r *layoutReader) wide() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.fail("it ends within a number")
		r.b = nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *layoutReader) take(n int) []byte {
	if r.err != nil || n > len(r.b) {
		r.fail("it is too short")
		return nil
	}
	b := r.b[:n:n]
	r.b = r.b[n:]
	return b
}

func (r *layoutReader) partition(x *Index) (*laidOut, error) {
	stride := kernel.Stride(x.dim)
	n := r.number(len(r.b) / (stride + 4))
	v := &view{lists: make([]*list, n), scales: make([]float32, n), spreads: make([]float32, n)}
	v.centers = slices.Clone(r.take(n * stride))
	scales := r.take(4 * n)
	if r.err != nil || n < 2 {
		r.fail("a partition has fewer than two lists")
		return nil, r.err
	}
	for i := range v.scales {
		v.scales[i] = math.Float32frombits(binary.LittleEndian.Uint32(scales[4*i:]))
		if s := v.scales[i]; !(s > 0 && s < 1) { // the largest element of a direction is below 1, and its code 127
			r.fail("a centre has no direction")
		}
	}
	v.signs = make([]uint64, kernel.Blocks(n)*kernel.Words(stride))
	for i := range n {
		kernel.SetSigns(v.signs, i, v.centers[i*stride:][:stride])
	}
	part := &laidOut{sizes: make([]int, n)}
	for i := range n {
		part.sizes[i] = r.number(len(r.b))
		id := uint64(0)
		for j := range part.sizes[i] {
			step := r.wide()
			if j > 0 && step == 0 || id+step < id {
				r.fail("ids are not in ascending order")
			}
			if r.err != nil {
				return nil, r.err
			}
			id += step
			part.ids = append(part.ids, layoutPlace{id, int32(i)})
		}
	}
	// An id that is in two lists is added to the first: Add moves past both.
	slices.SortStableFunc(part.ids, func(a, b layoutPlace) int { return cmp.Compare(a.id, b.id) })
	p, err := newPartition(x)
	if err != nil {
		return nil, err
	}
	for i, size := range part.sizes {
		v.lists[i] = newList(size+slack(size), stride)
	}
	p.byID = make(map[uint64]*entry, len(part.ids))
	p.view.Store(v)
	part.p = p
	return part, nil
}

// Add adds a vector, which it may scale in place and which must not change after. Ids ascend from one call to the next within a partition.
func (l *Loader) Add(name string, id uint64, vec []float32) error {
	part := l.parts[name]
	if part == nil {
		return l.x.Add(name, id, vec)
	}
	if err := l.x.unit(vec, vec); err != nil {
		return err
	}
	for part.next < len(part.ids) && part.ids[part.next].id < id {
		part.next++
	}
	if part.next == len(part.ids) || part.ids[part.next].id != id {
		part.rest = append(part.rest, loaded{id, vec})
		return nil
	}
	p, at := part.p, int(part.ids[part.next].list)
	part.next++
	if err := p.vectors.put(id, vec); err != nil {
		return err
	}
	e := &entry{id: id, vec: vec}
	p.view.Load().lists[at].pushBare(e, at)
	p.byID[id] = e
	p.count.Add(1)
	l.x.size.Add(1)
	return nil
}

// Remove forgets an id that was added.
func (l *Loader) Remove(name string, id uint64) error {
	part := l.parts[name]
	if part == nil {
		return l.x.Remove(name, id)
	}
	// Not at once: it would move rows, which the layout places.
	part.gone = append(part.gone, id)
	return l.x.Remove(name, id) // it may have been added while the loader was at work
}

// Encode does most of the work of Finish, on all cores, once all was added. Finish does it where it was not done, which takes
// longer than its caller may want to keep others waiting.
func (l *Loader) Encode() {
	for _, part := range l.parts {
		p := part.p
		v, stride := p.view.Load(), kernel.Stride(l.x.dim)
		var next atomic.Int64
		var wg sync.WaitGroup
		for range runtime.GOMAXPROCS(0) {
			wg.Go(func() {
				s := l.x.scratch.Get().(*scratch)
				defer l.x.scratch.Put(s)
				for {
					i := int(next.Add(1)) - 1
					if i >= len(v.lists) {
						return
					}
					list := v.lists[i]
					list.each(func(row int, e *entry) { list.encode(row, stride, e) })
					p.spread(s, v, i)
				}
			})
		}
		wg.Wait()
		var empty []int32
		for i, list := range v.lists {
			if list.live() == 0 {
				empty = append(empty, int32(i))
			}
		}
		v.suppose(empty)
	}
	l.encoded = true
}

// Finish shows searches what was added. Changes of a partition wait while it is moved; searches do not. The loader cannot be used
// after it.
func (l *Loader) Finish() error {
	if !l.encoded {
		l.Encode()
	}
	s := l.x.scratch.Get().(*scratch)
	defer l.x.scratch.Put(s)
	for name, part := range l.parts {
		p := part.p
		p.peak = p.count.Load()
		for _, v := range part.rest {
			if _, err := p.add(s, v.id, v.vec); err != nil {
				return err
			}
		}
		for _, id := range part.gone {
			if _, err := p.remove(s, id); err != nil {
				return err
			}
		}
		if p.count.Load() == 0 {
			continue
		}
		if err := l.install(s, name, p); err != nil {
			return err
		}
	}
	l.parts = nil
	return nil
}

// install puts a partition where searches find it, with what was added to its name meanwhile.
func (l *Loader) install(s *scratch, name string, p *partition) error {
	for {
		if done, err := l.replace(s, name, l.x.get(name), p); done || err != nil {
			return err
		}
		// Another came to that name, or what was there has gone; neither had been copied.
	}
}

// replace puts p in the place of the partition that is there, or of none, unless that has changed.
//
// Changes of what is there wait until p has its place, or one could be made to a vector that was copied and be lost. Searches go on
// in what is there; its count stays, for those that still look at it when p has come.
func (l *Loader) replace(s *scratch, name string, there, p *partition) (done bool, err error) {
	x := l.x
	if there != nil {
		there.mu.Lock()
		defer there.mu.Unlock()
		if !there.dropped.Load() {
			for _, list := range there.view.Load().lists {
				list.each(func(_ int, e *entry) {
					if err == nil {
						_, err = p.add(s, e.id, e.vec)
					}
				})
			}
			if err != nil {
				return false, err
			}
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.parts[name] != there {
		return false, nil
	}
	x.parts[name] = p
	if there != nil && !there.dropped.Swap(true) {
		x.size.Add(-there.count.Load())
	}
	return true, nil
}
