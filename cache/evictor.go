package cache

import "github.com/reprise-cache/reprise/cache/internal/room"

// Evictor is what decides in a cache which entries make way, by itself, for measuring. It is one goroutine's at a time.
type Evictor struct {
	room *room.Room
	ids  map[uint64]uint64 // of what is kept, by question
	asks map[uint64]uint64 // and back
	last uint64
}

// NewEvictor makes one that keeps up to maxBytes. The seed makes its choices repeatable.
func NewEvictor(maxBytes int64, seed uint64) *Evictor {
	return &Evictor{room: room.New(room.Limits{Bytes: maxBytes}, nil, seed), ids: map[uint64]uint64{}, asks: map[uint64]uint64{}}
}

// Ask asks for the answer to a question, which is named by a hash, and reports whether it is kept. If not, it is from here on; each
// time that it is served it saves worth.
func (e *Evictor) Ask(question uint64, bytes int64, worth float64) (kept bool) {
	if id, ok := e.ids[question]; ok {
		e.room.Use(id)
		return true
	}
	e.last++
	e.ids[question], e.asks[e.last] = e.last, question
	e.room.Add(room.Entry{ID: e.last, Hash: question, Bytes: bytes, Worth: worth})
	for _, id := range e.room.Evict() {
		delete(e.ids, e.asks[id])
		delete(e.asks, id)
	}
	return false
}

// Bytes is how much is kept.
func (e *Evictor) Bytes() int64 { return e.room.Usage().Bytes }
