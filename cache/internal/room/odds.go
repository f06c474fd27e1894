package room

import "math"

// The table's sizes: by how often something was used over a long time, by how much of that was of late, both as of its last use, and by
// the time since.
const (
	oddsLong  = 8  // 1, 2, 4 ... 128 times by the longest half-life
	oddsShort = 3  // by a short one: once, the square root of that, as often
	oddsAge   = 16 // 1/128, 1/64 ... 256 turnovers
	oddsCells = oddsLong * oddsShort * oddsAge

	oddsLongScale, oddsShortScale = 3, 1 // of halfLives

	firstAge = -7 // log2 of turnovers
)

const (
	// probes is how many of what is known are looked at with each request, to tell how much waits in which cell.
	probes = 3
	// A request counts for half after so many turnovers, and no less than so many requests, which filling the table takes.
	oddsMemory, oddsRequests = 8, 8192
	// presumed is how much of what is presumed, in turnovers of an entry, is mixed in with what is learned.
	presumed = 2
	// relearn is after how many requests the index is worked out anew.
	relearn = 256
)

// odds learns from all requests how soon something is asked for again that was used so often, and so long ago. For what is here and for
// what is not forgotten yet alike, it counts requests by cell, and how long there was something in the cell to be asked for. That is
// LHD's hit density (Beckmann, Chen, Cidon 2018), but learned of what was given up as well, so that it does not depend on
// what was kept.
type odds struct {
	hits, seen [oddsCells]float64
	index      [oddsCells]float32 // log2 of the most uses a turnover that there are to be had from waiting
	weight     float64            // that the next request counts with: it grows, instead of the others shrinking
	due        int                // requests to go until the index is worked out
}

func newOdds() *odds {
	o := &odds{weight: 1}
	o.learn()
	return o
}

// spot is a place in the table: the cells around it, and what part each has in it.
type spot struct {
	cell [8]int16
	part [8]float32
}

func spotOf(c *counts, now float64) (s spot) {
	long, short := roughLog2(float64(c.sum[oddsLongScale])), roughLog2(float64(c.sum[oddsShortScale]))
	of := 0.0
	if long > 0.01 {
		of = (oddsShort - 1) * short / long
	}
	l, lPart := between(long, oddsLong)
	r, rPart := between(of, oddsShort)
	a, aPart := between(roughLog2(now-c.at)-firstAge, oddsAge)
	for k := range s.cell {
		dl, dr, da := k&1, k>>1&1, k>>2
		s.cell[k] = int16(((l+dl)*oddsShort+r+dr)*oddsAge + a + da)
		s.part[k] = lPart[dl] * rPart[dr] * aPart[da]
	}
	return s
}

// between returns the first of the two whole numbers below n that x lies between, and the parts that they have in x.
func between(x float64, n int) (first int, part [2]float32) {
	x = min(max(x, 0), float64(n-1))
	if !(x > 0) { // not a number, too
		x = 0
	}
	first = min(int(x), n-2)
	f := float32(x - float64(first))
	return first, [2]float32{1 - f, f}
}

// roughLog2 is exact for powers of two, and straight between them. Of what is not above zero it is very low.
func roughLog2(x float64) float64 {
	if !(x > 0) {
		return -1024
	}
	b := math.Float64bits(x)
	return float64(int64(b>>52)-1023) + float64(b&(1<<52-1))/(1<<52)
}

// log2 is the logarithm of the uses a turnover that are to be expected of what has such counts.
func (o *odds) log2(c *counts, now float64) float64 {
	s := spotOf(c, now)
	sum := float32(0)
	for k, part := range s.part {
		sum += part * o.index[s.cell[k]]
	}
	return float64(sum)
}

// asked counts a request for what had such counts.
func (o *odds) asked(c *counts, now float64) {
	s := spotOf(c, now)
	for k, part := range s.part {
		o.hits[s.cell[k]] += float64(part) * o.weight
	}
}

// waited counts that what has such counts was there to be asked for, for so many turnovers.
func (o *odds) waited(c *counts, now, turnovers float64) {
	s := spotOf(c, now)
	for k, part := range s.part {
		o.seen[s.cell[k]] += float64(part) * o.weight * turnovers
	}
}

// moved is called once a request, of a room of n.
func (o *odds) moved(n int) {
	o.weight *= 1 + math.Ln2/max(oddsMemory*float64(n), oddsRequests)
	if o.due--; o.due <= 0 {
		o.learn()
	}
}

// learn works out the index. To wait for a use is worth what can be had from it for the time spent, if one gives up waiting when it is best to
// (Gittins 1979): right after the last use little may be in sight of what comes round in a loop, but much for the time that it takes.
func (o *odds) learn() {
	o.due = relearn
	for i := range o.hits {
		o.hits[i] /= o.weight
		o.seen[i] /= o.weight
	}
	o.weight = 1
	var rate, width [oddsAge]float64
	for a := range width {
		width[a] = math.Exp2(firstAge+float64(a)) * (math.Sqrt2 - 1/math.Sqrt2)
	}
	width[0] = math.Exp2(firstAge) * math.Sqrt2
	for c := 0; c < oddsCells; c += oddsAge {
		long := float64(c / (oddsAge * oddsShort))
		for a := range rate {
			// Until more is known, what was used more is used more, and the less the longer ago it was.
			guess := math.Exp2(0.8*long) / (2 + 4*math.Exp2(firstAge+float64(a)))
			rate[a] = (o.hits[c+a] + presumed*guess) / (o.seen[c+a] + presumed)
		}
		for a := range rate {
			best, gain, spent := 0.0, 0.0, 0.0
			left := 1.0 // chance that it was not used yet
			for b := a; b < oddsAge; b++ {
				used := left * -math.Expm1(-rate[b]*width[b])
				gain += used
				spent += used / rate[b]
				left -= used
				best = max(best, gain/spent)
			}
			o.index[c+a] = float32(math.Log2(best))
		}
	}
}
