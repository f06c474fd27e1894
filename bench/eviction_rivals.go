package bench

import (
	"container/heap"
	"container/list"
)

// The policies that ours is held against, as their papers have them, with sizes in bytes. What is larger than the room is not kept.

// rivalItem is what a rival keeps of an answer.
type rivalItem struct {
	question uint32
	evictionObject
	uses  int
	queue int     // in which of the policy's queues it is
	at    float64 // last use
	pos   int     // in the heap
	score float64
}

// lru gives up what was not asked for the longest.
type lru struct {
	room, used int64
	l          *list.List
	m          map[uint32]*list.Element
}

func newLRU(room int64) *lru { return &lru{room: room, l: list.New(), m: map[uint32]*list.Element{}} }
func (p *lru) ask(k uint32, o evictionObject) bool {
	if e := p.m[k]; e != nil {
		p.l.MoveToFront(e)
		return true
	}
	if o.bytes > p.room {
		return false
	}
	p.m[k] = p.l.PushFront(&rivalItem{question: k, evictionObject: o})
	p.used += o.bytes
	for p.used > p.room {
		b := p.l.Back()
		x := b.Value.(*rivalItem)
		p.used -= x.bytes
		delete(p.m, x.question)
		p.l.Remove(b)
	}
	return false
}

// rivalHeap has what scores lowest at its top, of equals what was not asked for the longest.
type rivalHeap []*rivalItem

func (h rivalHeap) Len() int { return len(h) }
func (h rivalHeap) Less(i, j int) bool {
	return h[i].score < h[j].score || h[i].score == h[j].score && h[i].at < h[j].at
}
func (h rivalHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i]; h[i].pos, h[j].pos = i, j }
func (h *rivalHeap) Push(x any)   { e := x.(*rivalItem); e.pos = len(*h); *h = append(*h, e) }
func (h *rivalHeap) Pop() any     { o := *h; x := o[len(o)-1]; *h = o[:len(o)-1]; return x }

// heapPolicy gives up the top of its heap: LFU, which counts uses while an answer is kept, and GDSF (Cherkasova 1998), whose scores
// are raised by that of the last victim.
type heapPolicy struct {
	room, used int64
	h          rivalHeap
	m          map[uint32]*rivalItem
	tick       float64
	L          float64
	score      func(L float64, x *rivalItem) float64
	gd         bool
}

func newLFU(room int64) *heapPolicy {
	return &heapPolicy{room: room, m: map[uint32]*rivalItem{}, score: func(_ float64, x *rivalItem) float64 { return float64(x.uses) }}
}
func newGDSF(room int64) *heapPolicy {
	return &heapPolicy{room: room, gd: true, m: map[uint32]*rivalItem{}, score: func(L float64, x *rivalItem) float64 { return L + float64(x.uses)*x.price/float64(x.bytes) }}
}
func (p *heapPolicy) ask(k uint32, o evictionObject) bool {
	p.tick++
	if x := p.m[k]; x != nil {
		x.uses++
		x.at = p.tick
		x.score = p.score(p.L, x)
		heap.Fix(&p.h, x.pos)
		return true
	}
	if o.bytes > p.room {
		return false
	}
	for p.used+o.bytes > p.room {
		x := heap.Pop(&p.h).(*rivalItem)
		p.used -= x.bytes
		delete(p.m, x.question)
		if p.gd {
			p.L = x.score
		}
	}
	x := &rivalItem{question: k, evictionObject: o, uses: 1, at: p.tick}
	x.score = p.score(p.L, x)
	heap.Push(&p.h, x)
	p.m[k] = x
	p.used += o.bytes
	return false
}

// s3FIFO is of Yang, Zhang, Qiu, Yue, Rashmi: FIFO queues are all you need for cache eviction (SOSP 2023), with a tenth of the room for
// the small queue and a ghost of the size of the main one.
type s3FIFO struct {
	room, used, smallUsed, ghostUsed int64
	small, main, ghost               *list.List
	m, g                             map[uint32]*list.Element
}

func newS3FIFO(room int64) *s3FIFO {
	return &s3FIFO{room: room, small: list.New(), main: list.New(), ghost: list.New(), m: map[uint32]*list.Element{}, g: map[uint32]*list.Element{}}
}
func (p *s3FIFO) ask(k uint32, o evictionObject) bool {
	if e := p.m[k]; e != nil {
		x := e.Value.(*rivalItem)
		x.uses = min(x.uses+1, 3)
		return true
	}
	if o.bytes > p.room {
		return false
	}
	for p.used+o.bytes > p.room {
		p.evict()
	}
	x := &rivalItem{question: k, evictionObject: o}
	if e := p.g[k]; e != nil {
		p.ghostUsed -= e.Value.(*rivalItem).bytes
		p.ghost.Remove(e)
		delete(p.g, k)
		x.queue = 1
		p.m[k] = p.main.PushFront(x)
	} else {
		p.m[k] = p.small.PushFront(x)
		p.smallUsed += o.bytes
	}
	p.used += o.bytes
	return false
}
func (p *s3FIFO) evict() {
	if p.smallUsed*10 >= p.room || p.main.Len() == 0 {
		p.evictSmall()
	} else {
		p.evictMain()
	}
}
func (p *s3FIFO) evictSmall() {
	for p.small.Len() > 0 {
		b := p.small.Back()
		x := b.Value.(*rivalItem)
		p.small.Remove(b)
		p.smallUsed -= x.bytes
		if x.uses > 1 {
			x.queue, x.uses = 1, 0
			p.m[x.question] = p.main.PushFront(x)
			continue
		}
		delete(p.m, x.question)
		p.used -= x.bytes
		p.g[x.question] = p.ghost.PushFront(x)
		p.ghostUsed += x.bytes
		for p.ghostUsed > p.room*9/10 {
			g := p.ghost.Back()
			y := g.Value.(*rivalItem)
			p.ghost.Remove(g)
			delete(p.g, y.question)
			p.ghostUsed -= y.bytes
		}
		return
	}
	p.evictMain()
}
func (p *s3FIFO) evictMain() {
	for p.main.Len() > 0 {
		b := p.main.Back()
		x := b.Value.(*rivalItem)
		if x.uses > 0 {
			x.uses--
			p.main.MoveToFront(b)
			continue
		}
		p.main.Remove(b)
		delete(p.m, x.question)
		p.used -= x.bytes
		return
	}
}
