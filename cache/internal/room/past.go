package room

// past remembers the counts of questions whose entries were given up. It is a table of buckets; in a full one the oldest
// makes way.
type past struct {
	buckets []pastBucket
	mask    uint64
}

const pastWays = 4

type pastBucket [pastWays]struct {
	hash   uint64 // 0: free
	counts counts
}

// newPast makes a table for about n questions.
func newPast(n int) *past {
	size := 1
	for size*pastWays < n {
		size *= 2
	}
	return &past{buckets: make([]pastBucket, size), mask: uint64(size - 1)}
}

// room is how many questions it can hold.
func (p *past) room() int { return len(p.buckets) * pastWays }

// slot returns the counts in one of its places; nil: that is free.
func (p *past) slot(i int) *counts {
	if e := &p.buckets[i/pastWays][i%pastWays]; e.hash != 0 {
		return &e.counts
	}
	return nil
}

func (p *past) put(hash uint64, c counts) {
	b := &p.buckets[hash&p.mask]
	at := 0
	for i := range b {
		if b[i].hash == hash || b[i].hash == 0 {
			at = i
			break
		}
		if b[i].counts.at < b[at].counts.at {
			at = i
		}
	}
	b[at].hash, b[at].counts = hash, c
}

// take removes and returns the counts of a question; zero: nothing is known.
func (p *past) take(hash uint64) (c counts) {
	b := &p.buckets[hash&p.mask]
	for i := range b {
		if b[i].hash == hash {
			c, b[i].hash = b[i].counts, 0
			return c
		}
	}
	return c
}

// grown returns a table of twice the size with the same contents.
func (p *past) grown() *past {
	g := newPast(2 * p.room())
	for i := range p.buckets {
		for _, e := range p.buckets[i] {
			if e.hash != 0 {
				g.put(e.hash, e.counts)
			}
		}
	}
	return g
}
