package cache

import (
	"time"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// How long feedback may come after an answer: for this long, and for this many answers that are no exact hits. These
// survive a restart. Exact hits, of which there may be a hundred thousand a second, are remembered in memory only, the last
// few thousand of them.
const (
	traceLife     = 7 * 24 * time.Hour
	maxTraces     = 32 << 10
	maxExact      = 8 << 10
	maxOutcomes   = 8   // answers under one trace id that feedback is spread over
	MaxTraceBytes = 256 // longest trace id that is remembered
)

type traceKey [16]byte

// keyOfTrace names a trace. The source is part of it: nobody can speak of what another key was answered.
func keyOfTrace(source Digest, trace string) traceKey {
	w := newKeyWriter()
	w.bytes(source[:])
	w.string(trace)
	d := w.sum()
	return traceKey(d[:16])
}

// traces are the answers that feedback may come for. It is guarded by its memory's lock.
type traces struct {
	byKey map[traceKey]*store.Trace
	order []traceKey // a ring, oldest at next once it is full
	next  int

	exact      map[traceKey]exactTrace
	exactOrder []traceKey
	exactNext  int
}

// exactTrace is what is remembered of an exact hit. It holds no pointer, and the maps and rings that it lies in do not
// grow, so that remembering one allocates nothing.
type exactTrace struct {
	key, partition Digest
	at             int64
}

func newTraces() traces {
	return traces{byKey: map[traceKey]*store.Trace{}, exact: map[traceKey]exactTrace{}}
}

// add notes an outcome, and returns the trace, and the one that had to make room for it.
func (ts *traces) add(key traceKey, source Digest, now int64, o store.Outcome) (t *store.Trace, gone *traceKey) {
	t = ts.byKey[key]
	if t == nil {
		t = &store.Trace{Key: key, At: now, Source: source, Weight: -1}
		gone = ts.insert(t)
	}
	if len(t.Outcomes) < maxOutcomes {
		t.Outcomes = append(t.Outcomes, o)
	}
	return t, gone
}

func (ts *traces) insert(t *store.Trace) (gone *traceKey) {
	key := traceKey(t.Key)
	ts.byKey[key] = t
	if len(ts.order) < maxTraces {
		ts.order = append(ts.order, key)
		return nil
	}
	old := ts.order[ts.next]
	ts.order[ts.next] = key
	ts.next = (ts.next + 1) % maxTraces
	if _, ok := ts.byKey[old]; ok && old != key {
		delete(ts.byKey, old)
		return &old
	}
	return nil
}

func (ts *traces) addExact(key traceKey, e exactTrace) {
	if _, known := ts.exact[key]; known {
		ts.exact[key] = e
		return
	}
	if len(ts.exactOrder) < maxExact {
		ts.exactOrder = append(ts.exactOrder, key)
	} else {
		delete(ts.exact, ts.exactOrder[ts.exactNext])
		ts.exactOrder[ts.exactNext] = key
		ts.exactNext = (ts.exactNext + 1) % maxExact
	}
	ts.exact[key] = e
}

// get returns a trace that is young enough; nil: there is none. One that is only known for an exact hit becomes a whole one.
func (ts *traces) get(key traceKey, source Digest, now int64) (t *store.Trace, gone *traceKey) {
	if t = ts.byKey[key]; t != nil && now-t.At <= int64(traceLife) && t.Source == source {
		return t, nil
	}
	if e, ok := ts.exact[key]; ok && t == nil {
		return ts.add(key, source, now, store.Outcome{Kind: uint8(HitExact), Entry: e.key, Question: e.key, Partition: e.partition, Probability: 1})
	}
	return nil, nil
}

// expire removes what is too old, and returns it.
func (ts *traces) expire(now int64) (gone []traceKey) {
	for key, t := range ts.byKey {
		if now-t.At > int64(traceLife) {
			delete(ts.byKey, key)
			gone = append(gone, key)
		}
	}
	return gone
}
