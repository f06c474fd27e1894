package bench

import "container/list"

// wTinyLFU is of Einziger, Friedman, Manes: TinyLFU, a highly efficient cache admission policy (2017), with the window that is fitted
// by climbing (Einziger, Eytan, Friedman, Manes, Adaptive software cache management, 2018) and the admission of aggregated victims for
// sizes (Lightweight robust size aware cache management, 2021).
type wTinyLFU struct {
	room                    int64
	window, probation, prot *list.List
	wUsed, pUsed, tUsed     int64
	wMax, tMax              int64
	m                       map[uint32]*list.Element
	sketch                  [4][]uint8
	adds, sample            int
	hits, reqs              int
	prevRate, step          float64
	n                       int
}

func newWTinyLFU(room int64, entries int) *wTinyLFU {
	p := &wTinyLFU{room: room, window: list.New(), probation: list.New(), prot: list.New(), m: map[uint32]*list.Element{}}
	p.n = entries
	w := 64
	for w < p.n*2 {
		w *= 2
	}
	for i := range p.sketch {
		p.sketch[i] = make([]uint8, w)
	}
	p.sample = 10 * p.n
	p.wMax = room / 100
	p.tMax = (room - p.wMax) * 8 / 10
	p.step = -0.0625 * float64(room)
	return p
}
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
	if e != nil {
		p.hits++
		x := e.Value.(*rivalItem)
		switch x.queue {
		case 0:
			p.window.MoveToFront(e)
		case 1:
			p.probation.Remove(e)
			p.pUsed -= x.bytes
			x.queue = 2
			p.m[k] = p.prot.PushFront(x)
			p.tUsed += x.bytes
			p.demote()
		case 2:
			p.prot.MoveToFront(e)
		}
	} else if o.bytes <= p.room {
		p.m[k] = p.window.PushFront(&rivalItem{question: k, evictionObject: o})
		p.wUsed += o.bytes
		p.balance()
	}
	p.climb()
	return e != nil
}
func (p *wTinyLFU) demote() {
	for p.tUsed > p.tMax {
		b := p.prot.Back()
		x := b.Value.(*rivalItem)
		p.prot.Remove(b)
		p.tUsed -= x.bytes
		x.queue = 1
		p.m[x.question] = p.probation.PushFront(x)
		p.pUsed += x.bytes
	}
}
func (p *wTinyLFU) balance() {
	for p.wUsed > p.wMax && p.window.Len() > 0 {
		b := p.window.Back()
		x := b.Value.(*rivalItem)
		p.window.Remove(b)
		p.wUsed -= x.bytes
		mainMax := p.room - p.wMax
		free := mainMax - p.pUsed - p.tUsed
		if x.bytes > mainMax {
			delete(p.m, x.question)
			continue
		}
		// aggregated victims
		need := x.bytes - free
		var vs []*list.Element
		vf := 0
		ok := true
		it := p.probation.Back()
		inProt := false
		for got := int64(0); got < need; {
			if it == nil {
				if inProt {
					break
				}
				inProt = true
				it = p.prot.Back()
				continue
			}
			v := it.Value.(*rivalItem)
			vs = append(vs, it)
			vf += p.freq(v.question)
			got += v.bytes
			it = it.Prev()
		}
		if need > 0 {
			f := p.freq(x.question)
			ok = f > vf
		}
		if !ok {
			delete(p.m, x.question)
			// victims get promoted (touch) as in the paper
			for _, v := range vs {
				y := v.Value.(*rivalItem)
				if y.queue == 1 {
					p.probation.MoveToFront(v)
				} else {
					p.prot.MoveToFront(v)
				}
			}
			continue
		}
		for _, v := range vs {
			y := v.Value.(*rivalItem)
			delete(p.m, y.question)
			if y.queue == 1 {
				p.probation.Remove(v)
				p.pUsed -= y.bytes
			} else {
				p.prot.Remove(v)
				p.tUsed -= y.bytes
			}
		}
		x.queue = 1
		p.m[x.question] = p.probation.PushFront(x)
		p.pUsed += x.bytes
	}
}
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
		s := 0.0625 * float64(p.room)
		if amount < 0 {
			s = -s
		}
		p.step = s
	} else {
		p.step = amount * 0.98
	}
	p.prevRate = rate
	p.hits, p.reqs = 0, 0
	w := min(max(p.wMax+int64(amount), p.room/200), p.room*8/10)
	p.wMax = w
	p.tMax = (p.room - w) * 8 / 10
	p.demote()
	p.balance()
	// main too large now: evict its overflow
	for p.pUsed+p.tUsed > p.room-p.wMax {
		b := p.probation.Back()
		if b == nil {
			b = p.prot.Back()
			x := b.Value.(*rivalItem)
			p.prot.Remove(b)
			p.tUsed -= x.bytes
			x.queue = 0
			p.m[x.question] = p.window.PushFront(x)
			p.wUsed += x.bytes
			continue
		}
		x := b.Value.(*rivalItem)
		p.probation.Remove(b)
		p.pUsed -= x.bytes
		x.queue = 0
		p.m[x.question] = p.window.PushFront(x)
		p.wUsed += x.bytes
	}
	for p.wUsed+p.pUsed+p.tUsed > p.room {
		b := p.window.Back()
		x := b.Value.(*rivalItem)
		p.window.Remove(b)
		p.wUsed -= x.bytes
		delete(p.m, x.question)
	}
}
