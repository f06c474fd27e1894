package index

import (
	"sync/atomic"

	"github.com/reprise-cache/reprise/index/internal/kernel"
)

// entry is one vector. Its id and vector never change and are what readers look at; its place belongs to the partition's writer.
type entry struct {
	id   uint64
	vec  []float32 // chromem's own
	list int32     // of the current view
	row  int32
}

// list is a run of rows that is screened in one go. Readers share it with one writer: rows below n are written once, before n
// says so, and only ever become nil after.
type list struct {
	n      atomic.Int32
	dead   int                     // rows that were removed; the writer's
	rows   []atomic.Pointer[entry] // as many as there is room for
	codes  []byte                  // empty in a list that is not screened
	scales []float32
	signs  []uint64 // by blocks, as package kernel keeps them
}

// newList makes room for some rows. A stride of 0 makes a list without codes.
func newList(room, stride int) *list {
	l := &list{rows: make([]atomic.Pointer[entry], room)}
	if stride > 0 {
		l.codes, l.scales = make([]byte, room*stride), make([]float32, room)
		l.signs = make([]uint64, kernel.Blocks(room)*kernel.Words(stride))
	}
	return l
}

func (l *list) live() int { return int(l.n.Load()) - l.dead }

func (l *list) full() bool { return int(l.n.Load()) == len(l.rows) }

func (l *list) stride() int { return len(l.codes) / max(len(l.rows), 1) }

// push appends an entry whose code must still be made. There must be room.
func (l *list) push(e *entry, at int) {
	n := l.n.Load()
	if stride := l.stride(); stride > 0 {
		l.encode(int(n), stride, e)
	}
	l.pushBare(e, at)
}

// pushBare is push without the code, which readers must not get to see before it is made.
func (l *list) pushBare(e *entry, at int) {
	n := l.n.Load()
	e.list, e.row = int32(at), n
	l.rows[n].Store(e)
	l.n.Store(n + 1)
}

// encode makes the code of a row.
func (l *list) encode(row, stride int, e *entry) {
	code := l.codes[row*stride:][:stride]
	l.scales[row] = kernel.Encode(code, e.vec)
	kernel.SetSigns(l.signs, row, code)
}

// pull appends a row of another list with its code. There must be room.
func (l *list) pull(from *list, row, at int) {
	e := from.rows[row].Load()
	n, stride := l.n.Load(), l.stride()
	if stride > 0 && from.stride() == 0 {
		l.push(e, at)
		return
	}
	if stride > 0 {
		copy(l.codes[int(n)*stride:][:stride], from.codes[row*stride:])
		kernel.CopySigns(l.signs, int(n), from.signs, row, kernel.Words(stride))
		l.scales[n] = from.scales[row]
	}
	e.list, e.row = int32(at), n
	l.rows[n].Store(e)
	l.n.Store(n + 1)
}

// each calls f with every row that holds an entry.
func (l *list) each(f func(row int, e *entry)) {
	for row := range int(l.n.Load()) {
		if e := l.rows[row].Load(); e != nil {
			f(row, e)
		}
	}
}

// copied is the list's entries at its place in the view, in a new list with room for some more.
func (l *list) copied(at, more, stride int) *list {
	c := newList(l.live()+more, stride)
	l.each(func(row int, _ *entry) { c.pull(l, row, at) })
	return c
}

// view is the lists of a partition at one time, with the code of the centre of each. Readers take one and keep it; a writer
// that moves rows makes another.
type view struct {
	lists   []*list
	centers []byte
	signs   []uint64 // of the centres, by blocks
	scales  []float32
	// spreads is how near the vectors of each list are to its centre: their mean cosine when rows last came from another list or went
	// to one. Those that were added since, as to the nearest centre, or removed are taken to be like the others.
	spreads []float32
}

// with is the view with one list in the place of another.
func (v *view) with(at int, l *list) *view {
	next := *v
	next.lists = append([]*list(nil), v.lists...)
	next.lists[at] = l
	return &next
}
