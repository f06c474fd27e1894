package room

import (
	"maps"
	"slices"
	"sync"
)

// Room keeps what is stored within limits. It is safe for concurrent use, but changes are one goroutine's: those from
// Begin to Commit or Rollback are of one commit of the file.
type Room struct {
	limits map[string]Limits // of the namespaces that have their own
	names  []string          // of these, in order

	mu    sync.Mutex // guards all below
	shelf *shelf
	minis *minis
	undo  []change
	began bool
	dirty []uint64 // ids of items whose counts changed since they were last asked for
}

// change is what Rollback takes back.
type change struct {
	item  item
	added bool
}

// New makes a room for all, with limits of their own for some namespaces. The seed makes its choices repeatable.
func New(all Limits, namespaces map[string]Limits, seed uint64) *Room {
	return &Room{
		limits: namespaces, names: slices.Sorted(maps.Keys(namespaces)), shelf: newShelf(all, newOdds(), seed), minis: newMinis(all),
	}
}

// Begin starts a set of changes.
func (r *Room) Begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.undo, r.began = r.undo[:0], true
}

// Commit keeps the changes.
func (r *Room) Commit() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.undo, r.began = r.undo[:0], false
}

// Rollback undoes the changes: what was added is not there, and what was removed is back.
func (r *Room) Rollback() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := len(r.undo) - 1; i >= 0; i-- {
		if c := &r.undo[i]; c.added {
			r.shelf.drop(c.item.id)
		} else {
			r.shelf.put(c.item)
		}
	}
	r.undo, r.began = r.undo[:0], false
}

func (r *Room) note(it item, added bool) {
	if r.began {
		r.undo = append(r.undo, change{it, added})
	}
}

// Add takes in an entry that is new, or whose question was answered before: then it goes on from what is known of that.
func (r *Room) Add(e Entry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	it := r.item(e)
	r.shelf.tick()
	it.counts = r.shelf.past.take(it.hash)
	r.shelf.learn(&it.counts)
	it.counts.use(r.shelf.now)
	for i, n := range e.Brought {
		it.counts.sum[i] = max(it.counts.sum[i], n)
		it.used = it.used || n > 1 // by more than its having been stored
	}
	r.shelf.put(it)
	r.note(it, true)
	r.minis.added(&it, r.shelf)
	r.minis.ask(it.hash, it.bytes, it.worth)
}

func (r *Room) item(e Entry) item {
	return item{
		id: e.ID, hash: max(e.Hash, 1), bytes: e.Bytes, worth: logWorth(e.Worth),
		space: r.shelf.spaceOf(e.Namespace, r.limits[e.Namespace]),
	}
}

// Load takes in an entry that was stored before, with its counts; the zero Counts: it was not used since it was stored. Loading is
// no use, and no part of a set of changes.
func (r *Room) Load(e Entry, c Counts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.shelf
	if _, ok := s.at[e.ID]; ok {
		return
	}
	it := r.item(e)
	it.used = true // it has had its youth
	if it.counts = (counts{at: c.At, sum: c.Sum}); it.counts.sum[0] <= 0 {
		it.counts.at = s.now
		for i := range it.counts.sum {
			it.counts.sum[i] = 1
		}
	}
	s.now = max(s.now, it.counts.at)
	s.put(it)
	r.minis.added(&it, s)
}

// Counts is how often an entry was used, as it is to be kept over a restart.
type Counts struct {
	At  float64
	Sum [scales]float32
}

// Used is an entry with its counts.
type Used struct {
	ID uint64
	Counts
}

// CountsOf returns the counts of an entry; false: it is not there.
func (r *Room) CountsOf(id uint64) (c Counts, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, ok := r.shelf.at[id]
	if !ok {
		return c, false
	}
	it := &r.shelf.items[i]
	return Counts{it.counts.at, it.counts.sum}, true
}

// UsesOf returns how often an entry was used, by each half-life, as of now; nil: it is not there.
func (r *Room) UsesOf(id uint64) []float32 {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, ok := r.shelf.at[id]
	if !ok {
		return nil
	}
	n := &r.shelf.items[i].counts
	sum := n.sum
	for k := range sum {
		sum[k] *= float32(fading(max(0, r.shelf.now-n.at) / halfLives[k]))
	}
	return sum[:]
}

// TakeUsed returns up to limit entries that were used since they were last returned; fewer: these are all.
func (r *Room) TakeUsed(limit int) (used []Used) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for ; n < len(r.dirty) && len(used) < limit; n++ {
		i, ok := r.shelf.at[r.dirty[n]]
		if !ok {
			continue
		}
		it := &r.shelf.items[i]
		it.dirty = false
		used = append(used, Used{it.id, Counts{it.counts.at, it.counts.sum}})
	}
	r.dirty = r.dirty[:copy(r.dirty, r.dirty[n:])]
	return used
}

// Remove takes out an entry that was deleted, has expired, or was replaced.
func (r *Room) Remove(id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if it, ok := r.shelf.drop(id); ok {
		r.note(it, false)
		r.shelf.past.put(it.hash, it.counts) // of a replaced one, the next Add is about to ask
	}
}

// Use counts a use of an entry.
func (r *Room) Use(id uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i, ok := r.shelf.at[id]; ok {
		r.shelf.learn(&r.shelf.items[i].counts)
	}
	it := r.shelf.use(id)
	if it == nil {
		return
	}
	if !it.dirty {
		it.dirty = true
		r.dirty = append(r.dirty, id)
	}
	r.minis.ask(it.hash, it.bytes, it.worth)
}

// evictMost bounds what one Evict takes out. It is more than a commit brings, and so only met where limits have shrunk.
const evictMost = 4096

// Evict takes out what is above the limits, and returns it: of a namespace that has limits of its own, what is above them;
// then of all. More than a few thousand take several calls, see Over.
func (r *Room) Evict() (gone []uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.shelf
	for _, name := range r.names { // few, and named by the operator
		if i, ok := s.byName[name]; ok {
			sc := s.spaces[i]
			if !sc.limits.exceeded(sc.usage) {
				s.settle(sc)
			}
			for sc.limits.exceeded(sc.usage) && len(gone) < evictMost {
				gone = append(gone, r.evict(sc))
			}
		}
	}
	if !s.all.limits.exceeded(s.all.usage) {
		s.settle(&s.all)
	}
	for s.all.limits.exceeded(s.all.usage) && len(gone) < evictMost {
		if r.minis.rooms == nil {
			r.minis.begin(s)
		}
		s.way = ways[r.minis.best]
		gone = append(gone, r.evict(&s.all))
	}
	return gone
}

// Over reports whether something is above the limits.
func (r *Room) Over() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.shelf
	for _, name := range r.names {
		if i, ok := s.byName[name]; ok && s.spaces[i].limits.exceeded(s.spaces[i].usage) {
			return true
		}
	}
	return s.all.limits.exceeded(s.all.usage)
}

func (r *Room) evict(sc *scope) uint64 {
	s := r.shelf
	id := s.victim(sc)
	it, _ := s.drop(id)
	s.past.put(it.hash, it.counts)
	r.note(it, false)
	return id
}

// Usage is what is kept of all.
func (r *Room) Usage() Usage {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.shelf.all.usage
}

// UsageOf is what is kept of a namespace.
func (r *Room) UsageOf(namespace string) Usage {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i, ok := r.shelf.byName[namespace]; ok {
		return r.shelf.spaces[i].usage
	}
	return Usage{}
}
