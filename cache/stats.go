package cache

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Stats is a snapshot of a cache's counters. All but the sizes count from Open.
type Stats struct {
	Lookups  map[Status]uint64 // look-ups by what came of them; every status is there
	Refusals map[Reason]uint64 // look-ups that served nothing, by why; only reasons that occurred

	Entries    int64 // stored, expired ones that the sweeper has not met included
	Bytes      int64 // of their bodies
	FileBytes  int64
	Vectors    int   // in the index
	Lacking    int64 // entries that have no vector yet: the embedder failed, or there was none
	Partitions int   // in the index

	Fills        uint64 // entries written by Fill, Put and Do
	FillErrors   uint64 // writes that the store refused
	FillsDropped uint64 // answers that Do handed out without storing them, because too many writes were waiting
	EmbedErrors  uint64 // embedder failures, in look-ups and fills
	VerifyErrors uint64 // verifier failures
	IndexErrors  uint64 // entries that are stored but could not be indexed
	Expired      uint64 // entries removed by the sweeper
	Evicted      uint64 // entries removed because there was no room for all
	SweepErrors  uint64 // sweeps that the store refused

	Snapshots      uint64 // written beside the file since Open
	SnapshotErrors uint64

	Load     LoadStats
	Writer   WriterStats
	Learning LearningStats

	Stages map[string]StageStats // "key", "embed", "search", "decide", "verify", "opinion", "load"
}

// WriterStats says what the file's writer has to do, and has done since Open.
type WriterStats struct {
	Waiting int64         // writes that were called for and are not on disk yet
	Room    int           // how many the queue takes; the callers of more wait, until their context ends
	Writes  uint64        // on disk
	Commits uint64        // that they took
	Failed  uint64        // commits that the file refused
	Time    time.Duration // of all commits
	Longest time.Duration // commit
}

// StageStats is the time that one stage of the look-ups took.
type StageStats struct {
	Count   uint64
	Sum     time.Duration
	Buckets [stageBuckets]uint64 // Buckets[i]: took less than 2^i microseconds, and not less than half of that; the last: all longer
}

const stageBuckets = 24 // the last bound is 2^22 µs, about four seconds

type stage struct {
	count, sum atomic.Uint64
	buckets    [stageBuckets]atomic.Uint64
}

func (s *stage) add(d time.Duration) {
	if d <= 0 {
		return
	}
	s.count.Add(1)
	s.sum.Add(uint64(d))
	s.buckets[min(bits.Len64(uint64(d/time.Microsecond)), stageBuckets-1)].Add(1)
}

func (s *stage) snapshot() StageStats {
	out := StageStats{Count: s.count.Load(), Sum: time.Duration(s.sum.Load())}
	for i := range s.buckets {
		out.Buckets[i] = s.buckets[i].Load()
	}
	return out
}

// counters are the live numbers behind Stats.
type counters struct {
	status  [numStatus]atomic.Uint64
	refused [len(reasons)]atomic.Uint64

	entries, bytes, lacking atomic.Int64

	fills, fillErrors, embedErrors, verifyErrors, indexErrors, expired, sweepErrors, evicted, learnErrors, labelsDropped atomic.Uint64
	fillsDropped, snapshots, snapshotErrors                                                                              atomic.Uint64

	key, embed, search, decide, verify, opinion, load stage
}

func (c *counters) count(l *Lookup) {
	c.status[l.Status].Add(1)
	if l.Reason != ReasonNone {
		for i := range reasons {
			if reasons[i] == l.Reason {
				c.refused[i].Add(1)
				break
			}
		}
	}
	switch l.Reason {
	case ReasonEmbed:
		c.embedErrors.Add(1)
	case ReasonVerify:
		c.verifyErrors.Add(1)
	}
	c.key.add(l.Timing.Key)
	c.embed.add(l.Timing.Embed)
	c.search.add(l.Timing.Search)
	c.decide.add(l.Timing.Decide)
	c.verify.add(l.Timing.Verify)
	c.opinion.add(l.Timing.Opinion)
	c.load.add(l.Timing.Load)
}

// memory counts an index change that failed. The file is the truth and has the entry; only its semantic tier
// misses it, until the next Open.
func (c *counters) memory(err error) {
	if err != nil {
		c.indexErrors.Add(1)
	}
}

// Stats returns the counters as they stand. Each is right by itself; together they are not of one instant.
func (c *Cache) Stats() Stats {
	n := &c.stats
	s := Stats{
		Lookups:      make(map[Status]uint64, numStatus),
		Refusals:     make(map[Reason]uint64),
		Entries:      n.entries.Load(),
		Bytes:        n.bytes.Load(),
		Lacking:      n.lacking.Load(),
		FileBytes:    c.store.FileBytes(),
		Fills:        n.fills.Load(),
		FillErrors:   n.fillErrors.Load(),
		FillsDropped: n.fillsDropped.Load(),
		EmbedErrors:  n.embedErrors.Load(),
		VerifyErrors: n.verifyErrors.Load(),
		IndexErrors:  n.indexErrors.Load(),
		Expired:      n.expired.Load(),
		Evicted:      n.evicted.Load(),
		SweepErrors:  n.sweepErrors.Load(),
		Snapshots:    n.snapshots.Load(), SnapshotErrors: n.snapshotErrors.Load(), Load: c.loadStats(),
		Writer:   WriterStats(c.store.Load()),
		Learning: c.learningStats(),
		Stages: map[string]StageStats{
			"key": n.key.snapshot(), "embed": n.embed.snapshot(), "search": n.search.snapshot(),
			"decide": n.decide.snapshot(), "verify": n.verify.snapshot(), "opinion": n.opinion.snapshot(), "load": n.load.snapshot(),
		},
	}
	for i := range n.status {
		s.Lookups[Status(i)] = n.status[i].Load()
	}
	for i := range n.refused {
		if v := n.refused[i].Load(); v > 0 {
			s.Refusals[reasons[i]] = v
		}
	}
	if c.index != nil {
		s.Vectors, s.Partitions = c.index.Size(), c.index.Partitions()
	}
	return s
}
