package bench

import (
	"container/list"
	"math"
)

// wTinyLFU is of Einziger, Friedman, Manes: TinyLFU, a highly efficient cache admission policy (2017), with the window that is fitted
// by climbing (Einziger, Eytan, Friedman, Manes, Adaptive software cache management, 2018) and the admission of aggregated victims for
// sizes (Lightweight robust size aware cache management, 2021).
type wTinyLFU struct {
	room         int64
	queues       [3]*list.List // by the numbers below
	used         [3]int64
	windowMax    int64
	protectedMax int64
	m            map[uint32]*list.Element
	sketch       [4][]uint8
	adds, sample int
	hits, reqs   int
	prevRate     float64
	step         float64
}

const (
	window = iota
	probation
	protected
)

func newWTinyLFU(room int64, entries int) *wTinyLFU {
	p := &wTinyLFU{room: room, m: map[uint32]*list.Element{}, sample: 10 * entries, step: -0.0625 * float64(room)}
	for i := range p.queues {
		p.queues[i] = list.New()
	}
	width := 64
	for width < 2*entries {
		width *= 2
	}
	for i := range p.sketch {
		p.sketch[i] = make([]uint8, width)
	}
	p.split(room / 100)
	return p
}

// split gives the window a part of the room, and four fifths of the rest to what is protected.
func (p *wTinyLFU) split(forWindow int64) {
	p.windowMax, p.protectedMax = forWindow, (p.room-forWindow)*8/10
}

func (p *wTinyLFU) put(x *rivalItem, queue int) {
	x.queue = queue
	p.m[x.question] = p.queues[queue].PushFront(x)
	p.used[queue] += x.bytes
}

// remove takes out the item of an element: the only place where an item leaves its queue.
func (p *wTinyLFU) remove(e *list.Element) *rivalItem {
	x := e.Value.(*rivalItem)
	p.queues[x.queue].Remove(e)
	p.used[x.queue] -= x.bytes
	delete(p.m, x.question)
	return x
}

func (p *wTinyLFU) touch(e *list.Element) { p.queues[e.Value.(*rivalItem).queue].MoveToFront(e) }

func (p *wTinyLFU) idx(k uint32, i int) uint32 {
	h := uint64(k)*0x9E3779B97F4A7C15 + uint64(i)*0xBF58476D1CE4E5B9
	h ^= h >> 31
	h *= 0x94D049BB133111EB
	h ^= h >> 29
	return uint32(h) & uint32(len(p.sketch[0])-1)
}
func (p *wTinyLFU) freq(k uint32) int {
	m := 15
	for i := range p.sketch {
		m = min(m, int(p.sketch[i][p.idx(k, i)]))
	}
	return m
}
func (p *wTinyLFU) inc(k uint32) {
	added := false
	for i := range p.sketch {
		c := &p.sketch[i][p.idx(k, i)]
		if *c < 15 {
			*c++
			added = true
		}
	}
	if added {
		p.adds++
		if p.adds >= p.sample {
			for i := range p.sketch {
				for j := range p.sketch[i] {
					p.sketch[i][j] /= 2
				}
			}
			p.adds /= 2
		}
	}
}
func (p *wTinyLFU) ask(k uint32, o evictionObject) bool {
	p.inc(k)
	p.reqs++
	e := p.m[k]
	switch {
	case e != nil && e.Value.(*rivalItem).queue == probation:
		p.hits++
		p.put(p.remove(e), protected)
		p.demote()
	case e != nil:
		p.hits++
		p.touch(e)
	case o.bytes <= p.room:
		p.put(&rivalItem{question: k, evictionObject: o}, window)
		p.balance()
	}
	p.climb()
	return e != nil
}

// demote keeps what is protected within its part.
func (p *wTinyLFU) demote() {
	for p.used[protected] > p.protectedMax {
		p.put(p.remove(p.queues[protected].Back()), probation)
	}
}

// balance keeps the window within its part: what leaves it is admitted if it is asked for more than what has to go for it.
func (p *wTinyLFU) balance() {
	for p.used[window] > p.windowMax && p.queues[window].Len() > 0 {
		x := p.remove(p.queues[window].Back())
		mainMax := p.room - p.windowMax
		if x.bytes > mainMax {
			continue
		}
		need := x.bytes - (mainMax - p.used[probation] - p.used[protected])
		victims, uses := p.victims(need)
		if need > 0 && p.freq(x.question) <= uses {
			for _, v := range victims { // they are not the next again, as in the paper
				p.touch(v)
			}
			continue
		}
		for _, v := range victims {
			p.remove(v)
		}
		p.put(x, probation)
	}
}

// victims are what has to go for so many bytes, and how often they are asked for together.
func (p *wTinyLFU) victims(need int64) (victims []*list.Element, uses int) {
	for _, q := range []int{probation, protected} {
		for e := p.queues[q].Back(); e != nil && need > 0; e = e.Prev() {
			v := e.Value.(*rivalItem)
			victims = append(victims, e)
			uses += p.freq(v.question)
			need -= v.bytes
		}
	}
	return victims, uses
}

// climb fits the window's part to the traffic: on in the same direction while hits grow, back where they shrink.
func (p *wTinyLFU) climb() {
	if p.reqs < p.sample {
		return
	}
	rate := float64(p.hits) / float64(p.reqs)
	d := rate - p.prevRate
	amount := p.step
	if d < 0 {
		amount = -p.step
	}
	if d >= 0.05 || d <= -0.05 {
		p.step = math.Copysign(0.0625*float64(p.room), amount)
	} else {
		p.step = amount * 0.98
	}
	p.prevRate = rate
	p.hits, p.reqs = 0, 0
	p.split(min(max(p.windowMax+int64(amount), p.room/200), p.room*8/10))
	p.demote()
	p.balance()
	for p.used[probation]+p.used[protected] > p.room-p.windowMax { // the main part shrank: what it is over moves to the window
		b := p.queues[probation].Back()
		if b == nil {
			b = p.queues[protected].Back()
		}
		p.put(p.remove(b), window)
	}
	for p.used[window]+p.used[probation]+p.used[protected] > p.room {
		p.remove(p.queues[window].Back())
	}
}
