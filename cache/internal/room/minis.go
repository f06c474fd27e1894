package room

import (
	"math"
)

const (
	// miniEntries is how many entries a simulated room has at least, once the real one has more.
	miniEntries = 1024
	// memory is over how many turnovers of a simulated room its savings count for half.
	memory = 6
	// evidence is how many standard deviations another way must have saved more by to take over.
	evidence = 1
)

// minis are rooms that are only simulated, one for each way, for a sample of the questions and with limits that are smaller
// in proportion. What they save tells which way is right for the traffic. They begin when something has to go for the first
// time: until then, all would have everything.
type minis struct {
	limits Limits
	shift  int      // of 2^shift questions, one is in the sample
	sample []uint64 // ids of the real room's entries that are in the sample, and of some that are gone; until they begin
	rooms  []*shelf
	saved  [len(ways)]float64
	apart  [len(ways)][len(ways)]float64 // squares of what one of two ways saved and the other did not: the difference's variance
	best   int
	weight float64 // that the next saving counts with: it grows, instead of the others shrinking
}

func newMinis(limits Limits) *minis { return &minis{limits: limits, best: startWay, weight: 1} }

// sees reports whether a question is in the sample.
func (m *minis) sees(hash uint64) bool { return m.shift == 0 || hash>>(64-m.shift) == 0 }

// added notes an entry of the real room before the simulations begin.
func (m *minis) added(it *item, real *shelf) {
	if m.rooms != nil || m.limits.none() || !m.sees(it.hash) {
		return
	}
	m.sample = append(m.sample, it.id)
	if len(m.sample) >= 2*miniEntries {
		m.filter(real)
	}
}

// filter forgets what is gone, and takes half of the sample if there is still too much.
func (m *minis) filter(real *shelf) {
	for round := range 2 {
		kept := m.sample[:0]
		for _, id := range m.sample {
			if i, ok := real.at[id]; ok && m.sees(real.items[i].hash) {
				kept = append(kept, id)
			}
		}
		m.sample = kept
		if round == 0 && len(kept) >= 3*miniEntries/2 {
			m.shift++
		}
	}
}

// begin starts the simulations with what the real room has.
func (m *minis) begin(real *shelf) {
	m.filter(real)
	for range ways {
		m.rooms = append(m.rooms, nil)
	}
	for w := range ways {
		s := newShelf(m.scaled(), real.odds, uint64(w))
		s.way, s.now = ways[w], real.now
		s.spaceOf("", Limits{})
		for _, id := range m.sample {
			it := real.items[real.at[id]]
			it.id, it.space, it.dirty = it.hash, 0, false
			if _, ok := s.at[it.id]; !ok {
				s.put(it)
			}
		}
		s.settle(&s.all)
		m.trim(s)
		m.rooms[w] = s
	}
	m.sample = nil
}

func (m *minis) scaled() Limits {
	l := Limits{Entries: m.limits.Entries >> m.shift, Bytes: m.limits.Bytes >> m.shift}
	if m.limits.Entries > 0 {
		l.Entries = max(l.Entries, 1)
	}
	return l
}

// trim has a simulated room keep its limits.
func (m *minis) trim(s *shelf) {
	if !s.all.limits.exceeded(s.all.usage) {
		s.settle(&s.all)
	}
	for s.all.limits.exceeded(s.all.usage) {
		gone, _ := s.drop(s.victim(&s.all))
		s.past.put(gone.hash, gone.counts)
	}
}

// thin halves the sample, and the simulated rooms with it.
func (m *minis) thin() {
	m.shift++
	for _, s := range m.rooms {
		s.all.limits = m.scaled()
		var out []uint64
		for i := range s.items {
			if !m.sees(s.items[i].hash) {
				out = append(out, s.items[i].id)
			}
		}
		for _, id := range out {
			s.drop(id)
		}
		m.trim(s)
	}
}

// ask is a request that the real room met: each simulated one has the answer, or gets it.
func (m *minis) ask(hash uint64, bytes int64, worth float32) {
	if m.rooms == nil || !m.sees(hash) {
		return
	}
	saves := math.Exp2(float64(worth)) * m.weight
	var had [len(ways)]bool
	for i, s := range m.rooms {
		if had[i] = s.use(hash) != nil; had[i] {
			m.saved[i] += saves
			continue
		}
		it := item{id: hash, hash: hash, bytes: bytes, worth: worth}
		it.counts = s.past.take(hash)
		it.counts.use(s.now)
		s.put(it)
		m.trim(s)
	}
	m.compare(had, saves)
	n := len(m.rooms[m.best].items)
	m.weight *= math.Exp2(1 / (memory * float64(max(n, 64))))
	if m.weight > 1e100 {
		for i := range m.saved {
			m.saved[i] /= m.weight
			for j := range m.apart[i] {
				m.apart[i][j] /= m.weight * m.weight
			}
		}
		m.weight = 1
	}
	if n >= 4*miniEntries {
		m.thin()
	}
}

// compare finds the best way, after a request whose answer those had that say so. A lead is one only if it is more than chance makes,
// which is told by the requests that the two did not agree on.
func (m *minis) compare(had [len(ways)]bool, saves float64) {
	for i := range had {
		for j := range had {
			if had[i] != had[j] {
				m.apart[i][j] += saves * saves
			}
		}
	}
	for i := range m.saved {
		if m.saved[i] > m.saved[m.best]+evidence*math.Sqrt(m.apart[i][m.best]) {
			m.best = i
		}
	}
}
