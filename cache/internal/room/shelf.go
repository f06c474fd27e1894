package room

import (
	"math"
	"math/rand/v2"
)

const (
	// sampled entries are looked at for each victim, beside the pooled ones, which are the lowest of earlier samples.
	sampled = 24
	pooled  = 16
	// novelty is what an entry that was not used since it was added stands back by, in powers of two. Of equals, those that are
	// here stay, or a loop over more than there is room for would find nothing.
	novelty = 0.25
	// settled is how many new entries are compared for each victim, so that their queue does not grow.
	settled = 4
)

// shelf holds entries, and finds those that save least. It is one goroutine's at a time.
type shelf struct {
	items  []item
	at     map[uint64]int32 // id to index in items
	spaces []*scope         // of the namespaces
	byName map[string]int32
	all    scope
	past   *past
	odds   *odds   // of the real room: simulated ones go by them, and do not add to them
	now    float64 // turnovers
	way    way     // by which victims are found
	rng    *rand.Rand
}

// scope is what is bounded together: all, or a namespace.
type scope struct {
	limits  Limits
	usage   Usage
	pool    [pooled]pooledItem
	pooled  int
	members []uint32 // indexes in items, of a namespace that has limits
	fresh   queue    // new entries, oldest first
}

// pooledItem is a victim in waiting, or what is left of one.
type pooledItem struct {
	id    uint64
	score float64
}

func newShelf(limits Limits, odds *odds, seed uint64) *shelf {
	return &shelf{
		at: map[uint64]int32{}, byName: map[string]int32{}, all: scope{limits: limits}, past: newPast(64), odds: odds, way: ways[startWay],
		rng: rand.New(rand.NewPCG(seed, 0x5eed)),
	}
}

// tick moves time on by one use.
func (s *shelf) tick() { s.now += 1 / float64(max(len(s.items), 64)) }

// spaceOf returns the index of a namespace, made if need be.
func (s *shelf) spaceOf(name string, limits Limits) int32 {
	i, ok := s.byName[name]
	if !ok {
		i = int32(len(s.spaces))
		s.byName[name] = i
		s.spaces = append(s.spaces, &scope{limits: limits})
	}
	return i
}

// put takes an item in, whose id is not there.
func (s *shelf) put(it item) {
	sp := s.spaces[it.space]
	i := int32(len(s.items))
	if !sp.limits.none() {
		it.member = int32(len(sp.members))
		sp.members = append(sp.members, uint32(i))
	}
	s.items = append(s.items, it)
	s.at[it.id] = i
	if !it.used {
		s.all.fresh.push(it.id)
		if !sp.limits.none() {
			sp.fresh.push(it.id)
		}
	}
	sp.usage.add(it.bytes, 1)
	s.all.usage.add(it.bytes, 1)
	if len(s.items) > s.past.room() {
		s.past = s.past.grown()
	}
}

// drop takes an item out.
func (s *shelf) drop(id uint64) (it item, ok bool) {
	i, ok := s.at[id]
	if !ok {
		return it, false
	}
	it = s.items[i]
	sp := s.spaces[it.space]
	if !sp.limits.none() {
		last := sp.members[len(sp.members)-1]
		sp.members[it.member] = last
		s.items[last].member = it.member
		sp.members = sp.members[:len(sp.members)-1]
	}
	last := int32(len(s.items) - 1)
	if i != last {
		moved := s.items[last]
		s.items[i] = moved
		s.at[moved.id] = i
		if sp := s.spaces[moved.space]; !sp.limits.none() {
			sp.members[moved.member] = uint32(i)
		}
	}
	s.items = s.items[:last]
	delete(s.at, id)
	sp.usage.add(it.bytes, -1)
	s.all.usage.add(it.bytes, -1)
	return it, true
}

// use counts a use.
func (s *shelf) use(id uint64) *item {
	s.tick()
	i, ok := s.at[id]
	if !ok {
		return nil
	}
	it := &s.items[i]
	it.counts.use(s.now)
	it.used = true
	return it
}

// learn takes notice of a request for what had such counts; zero: for what is not known.
func (s *shelf) learn(c *counts) {
	if c.sum[0] > 0 {
		s.odds.asked(c, s.now)
	}
	n := len(s.items)
	slots := n + s.past.room()
	each := float64(slots) / float64(probes*max(n, 64)) // each probe stands for many, for the time of one request
	for range probes {
		if i := s.rng.IntN(slots); i < n {
			s.odds.waited(&s.items[i].counts, s.now, each)
		} else if c := s.past.slot(i - n); c != nil {
			s.odds.waited(c, s.now, each)
		}
	}
	s.odds.moved(n)
}

// score is what an item saves for the room that it takes, in powers of two.
func (s *shelf) score(it *item, l Limits) float64 {
	var uses float64
	if s.way.scale == learned {
		uses = s.odds.log2(&it.counts, s.now)
	} else {
		uses = it.counts.log2(s.way.scale, s.now)
	}
	return uses + float64(it.worth) - math.Log2(l.share(it.bytes))
}

// victim names the item of a scope that is to be given up. The scope is not empty.
func (s *shelf) victim(sc *scope) uint64 {
	n := int(sc.usage.Entries)
	s.refresh(sc)
	// A new entry is spared, unless it is so large that much else would have to go for it.
	spared := max(0.01, 4*sc.limits.share(sc.usage.Bytes/max(sc.usage.Entries, 1)))
	var reserve pooledItem // if all that is met is spared
	reserve.score = math.Inf(1)
	for draw := range min(sampled, n) {
		i := uint32(draw) // of few, all
		if n > sampled {
			i = uint32(s.rng.IntN(n))
		}
		if sc != &s.all {
			i = sc.members[i]
		}
		it := &s.items[i]
		c := pooledItem{it.id, s.score(it, sc.limits)}
		if s.young(it) && sc.limits.share(it.bytes) <= spared {
			if c.score < reserve.score {
				reserve = c
			}
			continue
		}
		sc.offer(c)
	}
	if sc.pooled == 0 {
		return reserve.id
	}
	// The oldest of the new ones has to be worth more than the lowest of the others, and somewhat more: of equals, those that
	// are here stay, or a loop over more than there is room for would find nothing.
	for range settled {
		it := s.graduate(sc)
		if it == nil {
			break
		}
		if s.score(it, sc.limits)-novelty < sc.pool[sc.pooled-1].score {
			return it.id
		}
	}
	sc.pooled--
	return sc.pool[sc.pooled].id
}

// young reports whether an item is too new to be a victim. The clock takes a room of few for one of 64; of those few it is the same part
// that is young.
func (s *shelf) young(it *item) bool {
	return !it.used && s.now-it.counts.at < s.way.youth*min(1, float64(len(s.items))/64)
}

// graduate returns the oldest item that was not used since it was added, and is young no more; nil: there is none.
func (s *shelf) graduate(sc *scope) *item {
	for sc.fresh.len() > 0 {
		i, ok := s.at[sc.fresh.head()]
		if ok && s.young(&s.items[i]) {
			return nil
		}
		sc.fresh.pop()
		if ok && !s.items[i].used {
			return &s.items[i]
		}
	}
	return nil
}

// settle lets those that are young no more stay without a comparison, while there is room for all.
func (s *shelf) settle(sc *scope) {
	for s.graduate(sc) != nil {
	}
}

// refresh brings the pool up to date: what is gone leaves it, and what was used since has another score.
func (s *shelf) refresh(sc *scope) {
	old, n := sc.pool, sc.pooled
	sc.pooled = 0
	for _, c := range old[:n] {
		if i, ok := s.at[c.id]; ok {
			sc.offer(pooledItem{c.id, s.score(&s.items[i], sc.limits)})
		}
	}
}

// offer puts a candidate into the pool, the lowest last; the highest makes way.
func (sc *scope) offer(c pooledItem) {
	at := 0
	for at < sc.pooled && sc.pool[at].score > c.score {
		at++
	}
	for i := range sc.pooled {
		if sc.pool[i].id == c.id {
			return
		}
	}
	if sc.pooled == pooled {
		if at == 0 {
			return
		}
		copy(sc.pool[:], sc.pool[1:at])
		sc.pool[at-1] = c
		return
	}
	copy(sc.pool[at+1:], sc.pool[at:sc.pooled])
	sc.pool[at] = c
	sc.pooled++
}
