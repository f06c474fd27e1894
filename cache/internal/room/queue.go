package room

// queue is first in, first out.
type queue struct {
	ids  []uint64
	from int
}

func (q *queue) len() int     { return len(q.ids) - q.from }
func (q *queue) head() uint64 { return q.ids[q.from] }

func (q *queue) push(id uint64) {
	if q.from > len(q.ids)/2+16 {
		q.ids = q.ids[:copy(q.ids, q.ids[q.from:])]
		q.from = 0
	}
	q.ids = append(q.ids, id)
}

func (q *queue) pop() { q.from++ }
