package store

import (
	"sync/atomic"
	"time"
)

// Load is what the writer has to do and has done, since the store was opened.
type Load struct {
	Waiting int64         // writes that were called for and are not yet answered
	Room    int           // how many of them the queue takes; the callers of more wait, until their context ends
	Writes  uint64        // that were committed
	Commits uint64        // that they took
	Failed  uint64        // commits that the file refused
	Time    time.Duration // of all commits
	Longest time.Duration // commit
}

// load is the live numbers behind Load.
type load struct {
	waiting                 atomic.Int64
	writes, commits, failed atomic.Uint64
	time, longest           atomic.Int64
}

// commit notes one commit of n writes.
func (l *load) commit(n int, took time.Duration, err error) {
	if err != nil {
		l.failed.Add(1)
		return
	}
	l.writes.Add(uint64(n))
	l.commits.Add(1)
	l.time.Add(int64(took))
	l.longest.Store(max(l.longest.Load(), int64(took))) // the writer is the only one that stores
}

// Load returns the writer's numbers.
func (s *Store) Load() Load {
	l := &s.load
	return Load{
		Waiting: l.waiting.Load(), Room: cap(s.queue), Writes: l.writes.Load(), Commits: l.commits.Load(), Failed: l.failed.Load(),
		Time: time.Duration(l.time.Load()), Longest: time.Duration(l.longest.Load()),
	}
}
