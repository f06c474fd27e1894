package room

import "math"

// Entry is what the room has to know of a stored answer.
type Entry struct {
	ID        uint64
	Hash      uint64 // of the question, which keeps it when it is answered anew
	Namespace string
	Bytes     int64
	Worth     float64 // what each use saves, in any unit; not above zero: as little as can be

	Brought [scales]float32 // how often it was used elsewhere, by each half-life; zero: not at all
}

// Limits bound what is kept. Zero is no limit.
type Limits struct {
	Entries int64
	Bytes   int64
}

func (l Limits) none() bool { return l.Entries <= 0 && l.Bytes <= 0 }

// share is the part of the limits that an entry takes.
func (l Limits) share(bytes int64) (s float64) {
	if l.Entries > 0 {
		s = 1 / float64(l.Entries)
	}
	if l.Bytes > 0 {
		s += float64(bytes) / float64(l.Bytes)
	}
	return s
}

// exceeded reports whether a usage is above the limits.
func (l Limits) exceeded(u Usage) bool {
	return l.Entries > 0 && u.Entries > l.Entries || l.Bytes > 0 && u.Bytes > l.Bytes
}

// Usage is what is kept.
type Usage struct {
	Entries int64
	Bytes   int64
}

func (u *Usage) add(bytes, sign int64) {
	u.Entries += sign
	u.Bytes += sign * bytes
}

// item is an entry in the room.
type item struct {
	id     uint64
	hash   uint64
	counts counts
	worth  float32 // log2
	space  int32   // index of its namespace
	member int32   // position among the namespace's members, if these are kept
	used   bool    // since it was added
	dirty  bool    // used since its counts were last asked for
	bytes  int64
}

// leastWorth stands for nothing, and for what is too little to tell.
const leastWorth = 1e-12

func logWorth(w float64) float32 {
	if !(w > leastWorth) {
		w = leastWorth
	}
	return float32(math.Log2(min(w, math.MaxFloat32)))
}
