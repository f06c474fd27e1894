package requestlog

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults of Options.
const (
	DefaultMaxBytes = 256 << 20
	DefaultMaxAge   = 30 * 24 * time.Hour
	DefaultQueue    = 4096
)

// MinBytes is the least that Options.MaxBytes may be.
const MinBytes = 1 << 20

const (
	batchRecords = 512
	batchBytes   = 4 << 20
	batchWait    = 250 * time.Millisecond // how long the first record of a commit waits for others
	queueBytes   = 64 << 20               // of records that wait
	complainEach = time.Minute
)

// Options configure a Log. Zero fields take the defaults above.
type Options struct {
	MaxBytes int64         // of the file
	MaxAge   time.Duration // of a record
	Queue    int           // records that may wait to be written
	Logger   *slog.Logger  // nil: none
}

// ErrClosed: the log was closed.
var ErrClosed = errors.New("requestlog: the log is closed")

// Stats are counters since Open.
type Stats struct {
	Written, Dropped, Failed uint64 // records
	Removed                  uint64 // records that made room or were too old
	Waiting                  int
	FileBytes, UsedBytes     int64
}

// Log is an open file. It is safe for concurrent use.
type Log struct {
	store   *store
	opt     Options
	queue   chan op
	waiting atomic.Int64 // bytes
	done    chan struct{}

	mu      sync.RWMutex // guards closed; held for reading around sends to queue
	closed  bool
	pending ledger // what is not in the file yet

	written, dropped, failed, removed atomic.Uint64
	complained                        time.Time // belongs to the writer
}

// op is something for the writer: one of its fields is set.
type op struct {
	record   *Record
	size     int64
	feedback *feedbackOp
	flush    chan<- error
}

type feedbackOp struct {
	trace  string
	by     []Caller
	given  []Feedback
	amends bool // one that is there already takes the new value
}

// Open opens the file, which no other process may have open, or makes it. A damaged one is set aside, under its name with
// ".damaged-" and the time, and a new one begun, which Options.Logger is told.
func Open(path string, o Options) (*Log, error) {
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	if o.MaxAge == 0 {
		o.MaxAge = DefaultMaxAge
	}
	if o.Queue == 0 {
		o.Queue = DefaultQueue
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.MaxBytes < MinBytes || o.MaxAge < 0 || o.Queue < 0 {
		return nil, fmt.Errorf("requestlog: %d bytes, %v, a queue of %d: give at least %d bytes and nothing negative", o.MaxBytes, o.MaxAge, o.Queue, MinBytes)
	}
	s, err := openOrBegin(path, o.Logger)
	if err != nil {
		return nil, err
	}
	l := &Log{store: s, opt: o, queue: make(chan op, o.Queue), done: make(chan struct{})}
	go l.write()
	return l, nil
}

// CallerOf digests a credential for this log; the zero credential is the zero Caller.
func (l *Log) CallerOf(credential [32]byte) (c Caller) {
	if credential == ([32]byte{}) {
		return c
	}
	m := hmac.New(sha256.New, l.store.salt)
	m.Write(credential[:])
	copy(c[:], m.Sum(nil))
	return c
}

// Add takes a record, which the log owns from now on, and reports whether it will be written. Its ID is given by the log.
// It never waits.
func (l *Log) Add(r *Record) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		l.dropped.Add(1)
		return false
	}
	r.bound()
	if r.kind() == Requests {
		l.pending.add(r)
	}
	return l.offer(op{record: r, size: r.size()})
}

// offer queues o, unless there is no room. Callers hold mu.
func (l *Log) offer(o op) bool {
	if l.waiting.Add(o.size) <= queueBytes {
		select {
		case l.queue <- o:
			return true
		default:
		}
	}
	l.waiting.Add(-o.size)
	l.dropped.Add(1)
	return false
}

// AddFeedback puts what one of the callers thought of a trace's last answer to him on its record, if that is there by the
// time that this is written. It never waits.
func (l *Log) AddFeedback(trace string, by []Caller, given ...Feedback) bool {
	return l.feedback(&feedbackOp{trace: trace, by: by, given: given})
}

// AmendFeedback gives an earlier feedback another value and weight.
func (l *Log) AmendFeedback(by []Caller, f Feedback) bool {
	return l.feedback(&feedbackOp{by: by, given: []Feedback{f}, amends: true})
}

func (l *Log) feedback(f *feedbackOp) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return !l.closed && l.offer(op{feedback: f, size: 512})
}

// Flush waits until all that was taken so far is in the file, or ctx ends.
func (l *Log) Flush(ctx context.Context) error {
	done := make(chan error, 1)
	l.mu.RLock()
	if l.closed {
		l.mu.RUnlock()
		return ErrClosed
	}
	var err error
	select {
	case l.queue <- op{flush: done}:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	l.mu.RUnlock()
	if err != nil {
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close writes what was taken and closes the file. Later calls do nothing.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	close(l.queue)
	l.mu.Unlock()
	<-l.done
	return l.store.close()
}

// Stats returns the counters as they stand.
func (l *Log) Stats() Stats {
	s := Stats{Written: l.written.Load(), Dropped: l.dropped.Load(), Failed: l.failed.Load(), Removed: l.removed.Load(), Waiting: len(l.queue)}
	s.FileBytes, s.UsedBytes = l.store.sizes()
	return s
}

// write is the one goroutine that writes.
func (l *Log) write() {
	defer close(l.done)
	for first := range l.queue {
		ops, flushed := l.gather(first)
		err := l.commit(ops)
		for _, f := range flushed {
			f <- err
		}
	}
	if err := l.commit(nil); err != nil { // totals of records that were dropped
		l.opt.Logger.Warn("the totals of the request log were not written", "error", err)
	}
}

// gather takes what comes soon after first, until it is enough for a commit or somebody waits for one.
func (l *Log) gather(first op) (ops []op, flushed []chan<- error) {
	timer := time.NewTimer(batchWait)
	defer timer.Stop()
	size := int64(0)
	for o, ok := first, true; ok; {
		l.waiting.Add(-o.size)
		size += o.size
		if o.flush != nil {
			return ops, append(flushed, o.flush)
		}
		ops = append(ops, o)
		if len(ops) >= batchRecords || size >= min(batchBytes, l.opt.MaxBytes/16) { // a commit needs room beside what it replaces
			return ops, flushed
		}
		select {
		case o, ok = <-l.queue:
		case <-timer.C:
			return ops, flushed
		}
	}
	return ops, flushed
}

// commit writes ops and the totals that wait. What cannot be written is lost, except for the totals.
func (l *Log) commit(ops []op) error {
	totals := l.pending.take()
	if len(ops) == 0 && len(totals) == 0 {
		return nil
	}
	var records uint64
	for _, o := range ops {
		if o.record != nil {
			records++
		}
	}
	removed, err := l.store.commit(ops, totals, l.opt, time.Now())
	if err != nil {
		l.pending.give(totals)
		l.failed.Add(records)
		if now := time.Now(); now.Sub(l.complained) >= complainEach {
			l.complained = now
			l.opt.Logger.Warn("the request log could not be written", "records", records, "error", err)
		}
		return err
	}
	l.written.Add(records)
	l.removed.Add(removed)
	return nil
}
