package index

import (
	"sync"
	"sync/atomic"

	"github.com/reprise-cache/reprise/index/internal/kernel"
)

const (
	// smallBelow is how many vectors a partition holds before it gets codes and a map: below it, reading the vectors costs
	// less than the memory would. A partition that shrinks keeps them until it holds less than half as many.
	smallBelow = 64
	// listRows is how many rows a list holds before it is split, and mergeBelow how few before its rows go to others.
	listRows   = 128
	mergeBelow = 8
)

// partition is the vectors of one name. Searches read its view and nothing else; they never wait. One writer at a time changes it.
type partition struct {
	x     *Index
	view  atomic.Pointer[view]
	count atomic.Int64
	// dropped says that the index has forgotten it, or is about to: nothing may be added or removed any more.
	dropped atomic.Bool

	mu      sync.Mutex // guards what follows, and changes to the above
	vectors vectors
	byID    map[uint64]*entry // nil while the partition is small
	peak    int64             // the largest count since the maps were made: Go's maps do not shrink
}

func newPartition(x *Index) (*partition, error) {
	vs, err := newVectors()
	if err != nil {
		return nil, err
	}
	p := &partition{x: x, vectors: vs}
	p.view.Store(&view{lists: []*list{newList(0, 0)}})
	return p, nil
}

// add stores a vector of length 1, which must not change any more. It does nothing if the partition was dropped.
func (p *partition) add(s *scratch, id uint64, unit []float32) (done bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dropped.Load() {
		return false, nil
	}
	if err := p.vectors.put(id, unit); err != nil {
		return true, err
	}
	if old := p.find(id); old != nil {
		p.bury(old)
		p.tidy(s, int(old.list))
	}
	p.place(s, &entry{id: id, vec: unit})
	p.peak = max(p.peak, p.count.Load())
	return true, nil
}

// remove forgets an id, and drops a partition that becomes empty. It does nothing if the partition was dropped before.
func (p *partition) remove(s *scratch, id uint64) (done bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dropped.Load() {
		return false, nil
	}
	e := p.find(id)
	if e == nil {
		return true, nil
	}
	if err := p.vectors.remove(id); err != nil {
		return true, err
	}
	at := int(e.list)
	p.bury(e)
	delete(p.byID, id)
	if p.count.Load() == 0 {
		p.dropped.Store(true)
		return true, nil
	}
	p.tidy(s, at)
	return true, p.shrink()
}

// drop makes the partition one that the index has forgotten. It does nothing if it was before.
func (p *partition) drop() (done bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dropped.Swap(true) {
		return false
	}
	p.x.size.Add(-p.count.Swap(0))
	return true
}

func (p *partition) find(id uint64) (found *entry) {
	if p.byID != nil {
		return p.byID[id]
	}
	p.view.Load().lists[0].each(func(_ int, e *entry) {
		if e.id == id {
			found = e
		}
	})
	return found
}

// bury takes an entry out of its list.
func (p *partition) bury(e *entry) {
	l := p.view.Load().lists[e.list]
	l.rows[e.row].Store(nil)
	l.dead++
	p.count.Add(-1)
	p.x.size.Add(-1)
}

// place puts an entry into the list whose centre is nearest.
func (p *partition) place(s *scratch, e *entry) {
	v := p.view.Load()
	at := 0
	if len(v.lists) > 1 {
		s.query.Set(e.vec)
		at = p.closest(s, v, -1)
	}
	l := v.lists[at]
	if l.full() {
		stride := 0
		if len(v.lists) > 1 || l.live() >= smallBelow {
			stride = kernel.Stride(p.x.dim)
		}
		l = l.copied(at, slack(l.live()), stride)
		p.view.Store(v.with(at, l))
		if stride > 0 && p.byID == nil {
			p.mapAll()
		}
	}
	l.push(e, at)
	if p.byID != nil {
		p.byID[e.id] = e
	}
	p.count.Add(1)
	p.x.size.Add(1)
	if l.live() > listRows {
		p.split(s, at)
	}
}

// slack is how much room a list of n rows gets beyond them.
func slack(n int) int { return 4 + n/8 }

// tidy frees what an entry's removal left behind in a list, once it is worth it.
func (p *partition) tidy(s *scratch, at int) {
	v := p.view.Load()
	l := v.lists[at]
	live := l.live()
	switch {
	case len(v.lists) > 1 && live < mergeBelow:
		p.merge(s, at)
	case l.dead >= 8 && l.dead > live/2:
		stride := l.stride()
		if len(v.lists) == 1 && live < smallBelow/2 {
			stride, p.byID = 0, nil
		}
		p.view.Store(v.with(at, l.copied(at, slack(live), stride)))
	}
}

// shrink makes the maps anew once most of what they held is gone.
func (p *partition) shrink() error {
	if p.peak < 1024 || p.count.Load() > p.peak/4 {
		return nil
	}
	fresh, err := newVectors()
	if err != nil {
		return err
	}
	for _, l := range p.view.Load().lists {
		l.each(func(_ int, e *entry) {
			if err == nil {
				err = fresh.put(e.id, e.vec)
			}
		})
	}
	if err != nil {
		return err
	}
	p.vectors, p.peak = fresh, p.count.Load()
	if p.byID != nil {
		p.mapAll()
	}
	return nil
}

func (p *partition) mapAll() {
	p.byID = make(map[uint64]*entry, p.count.Load())
	for _, l := range p.view.Load().lists {
		l.each(func(_ int, e *entry) { p.byID[e.id] = e })
	}
}
