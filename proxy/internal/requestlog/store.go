package requestlog

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/reprise-cache/reprise/cache/boltfile"
)

// The file: meta has the version and the salt of callers; records has JSON by ID; traces has, for each record, its trace
// id, a NUL and its ID; feedback has the ID of the record that a feedback is on; costs has Totals by CostKey.
var (
	bucketMeta     = []byte("meta")
	bucketRecords  = []byte("records")
	bucketTraces   = []byte("traces")
	bucketFeedback = []byte("feedback")
	bucketCosts    = []byte("costs")

	buckets = [][]byte{bucketMeta, bucketRecords, bucketTraces, bucketFeedback, bucketCosts}

	keyVersion = []byte("version")
	keySalt    = []byte("salt")
)

const (
	version   = "1"
	saltBytes = 32
)

const lockWait = time.Second

// store is the file. One goroutine writes.
type store struct {
	db     *bolt.DB
	salt   []byte
	last   ID // the writer's
	rows   rowCount
	broken atomic.Bool // a write panicked inside bbolt: what memory holds is then unknown, and nothing more is written
}

// openStore opens the file; see damage.go for one that is bad.
func openStore(path string, readOnly bool) (*store, error) {
	if readOnly || !boltfile.IsNew(path) {
		if err := opening(path, boltfile.Verify(path, lockWait)); err != nil {
			return nil, err
		}
	}
	s := &store{}
	err := boltfile.Guard(func() (err error) {
		s.db, err = bolt.Open(path, 0o600, &bolt.Options{Timeout: lockWait, ReadOnly: readOnly, FreelistType: bolt.FreelistMapType})
		return err
	})
	if err != nil {
		return nil, opening(path, err)
	}
	err = boltfile.Guard(func() error {
		empty := false // an Update writes to the file even if it changes nothing, and a damaged one is to be kept as it was
		err := s.db.View(func(tx *bolt.Tx) error {
			k, _ := tx.Cursor().First()
			empty = k == nil
			return nil
		})
		if empty && !readOnly {
			err = s.db.Update(prepare)
		}
		if err != nil {
			return err
		}
		return s.db.View(s.load)
	})
	if err != nil {
		_ = boltfile.Guard(s.db.Close) // there is an error to tell already
		return nil, opening(path, err)
	}
	return s, nil
}

// prepare makes what a new file has to have.
func prepare(tx *bolt.Tx) error {
	for _, b := range buckets {
		if _, err := tx.CreateBucket(b); err != nil {
			return err
		}
	}
	salt := make([]byte, saltBytes)
	if _, err := rand.Read(salt); err != nil {
		return err
	}
	meta := tx.Bucket(bucketMeta)
	return errors.Join(meta.Put(keyVersion, []byte(version)), meta.Put(keySalt, salt))
}

func (s *store) load(tx *bolt.Tx) error {
	var names []string
	err := tx.ForEach(func(name []byte, _ *bolt.Bucket) error {
		names = append(names, string(name))
		return nil
	})
	if err != nil {
		return err
	}
	if !ours(names) {
		return ErrFormat
	}
	for _, b := range buckets {
		if tx.Bucket(b) == nil {
			return corrupt("bucket " + string(b))
		}
	}
	meta := tx.Bucket(bucketMeta)
	switch v := meta.Get(keyVersion); {
	case string(v) == version:
	case len(v) > 0 && len(bytes.Trim(v, "0123456789")) == 0:
		return fmt.Errorf("%w: it is of version %.20s", ErrFormat, v)
	default:
		return corrupt("its version")
	}
	if s.salt = bytes.Clone(meta.Get(keySalt)); len(s.salt) != saltBytes {
		return corrupt("its salt")
	}
	if k, _ := tx.Bucket(bucketRecords).Cursor().Last(); len(k) == 8 {
		s.last = ID(binary.BigEndian.Uint64(k))
	}
	return nil
}

// close closes the file. After a write that panicked inside bbolt its locks may never be released, and its own Close would wait
// for them for good: then the file stays open until the process ends.
func (s *store) close() error {
	if s.broken.Load() {
		return corrupt("a page")
	}
	return guarded(s.db.Close)
}

// view runs f in a read transaction, which must be short: pages that were freed during it are not used again before its end.
func (s *store) view(f func(*bolt.Tx) error) error {
	err := guarded(func() error { return s.db.View(f) })
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}

// sizes returns the size of the file, and how much of it is not free.
func (s *store) sizes() (file, used int64) {
	_ = s.view(func(tx *bolt.Tx) error { // a statistic
		file = tx.Size()
		return nil
	})
	return file, file - s.free()
}

func (s *store) free() int64 {
	n := s.db.Stats()
	return int64(n.FreePageN+n.PendingPageN) * int64(s.db.Info().PageSize)
}

// update runs f in the write transaction.
func (s *store) update(f func(*bolt.Tx) error) error {
	err := guarded(func() error { return s.db.Update(f) })
	if errors.Is(err, boltfile.ErrPanicked) {
		s.broken.Store(true)
	}
	return err
}

func idKey(id ID) []byte { return binary.BigEndian.AppendUint64(nil, uint64(id)) }

func traceKey(trace string, id ID) []byte {
	b := append([]byte(trace), 0)
	return binary.BigEndian.AppendUint64(b, uint64(id))
}

// commit writes ops and totals in one transaction, and says how many old records made room for them.
func (s *store) commit(ops []op, totals map[CostKey]*Totals, o Options, now time.Time) (removed uint64, err error) {
	if s.broken.Load() {
		return 0, corrupt("a page")
	}
	last, rows, used := s.last, s.rows, int64(0)
	free := s.free()
	err = s.update(func(tx *bolt.Tx) error {
		used = tx.Size() - free
		encoded, size, err := s.encode(ops, now)
		if err != nil {
			return err
		}
		if removed, err = makeRoom(tx, used+2*size-o.MaxBytes*3/4, now.Add(-o.MaxAge)); err != nil {
			return err
		}
		records, traces := tx.Bucket(bucketRecords), tx.Bucket(bucketTraces)
		records.FillPercent = 0.95 // they come in order
		for i, op := range ops {
			switch {
			case op.record != nil:
				r := op.record
				err = errors.Join(records.Put(idKey(r.ID), encoded[i]), traces.Put(traceKey(r.TraceID, r.ID), nil))
				if r.W3CTraceID != "" {
					err = errors.Join(err, traces.Put(traceKey(r.W3CTraceID, r.ID), nil))
				}
			case op.feedback != nil:
				err = putFeedback(tx, op.feedback)
			}
			if err != nil {
				return err
			}
		}
		return s.addTotals(tx, totals, now, o.Logger)
	})
	if err != nil {
		s.last, s.rows = last, rows
		s.rows.ok = false
	}
	return removed, err
}

// encode gives the records their IDs and writes them out.
func (s *store) encode(ops []op, now time.Time) (encoded [][]byte, size int64, err error) {
	encoded = make([][]byte, len(ops))
	for i, o := range ops {
		if o.record == nil {
			continue
		}
		s.last = max(s.last+1, ID(max(0, now.UnixNano())))
		o.record.ID = s.last
		if encoded[i], err = o.record.encode(); err != nil {
			return nil, 0, err
		}
		size += int64(len(encoded[i]))
	}
	return encoded, size, nil
}

// makeRoom removes the oldest records until as many bytes of them are gone, and those that were written before the moment.
// Where that is not enough the oldest days of the costs go.
func makeRoom(tx *bolt.Tx, excess int64, before time.Time) (removed uint64, err error) {
	records := tx.Bucket(bucketRecords)
	limit := ID(max(0, before.UnixNano()))
	c := records.Cursor()
	for k, v := c.First(); k != nil; k, v = c.First() {
		var id ID // 0, and so the oldest, if the key is none that was written
		if len(k) == 8 {
			id = ID(binary.BigEndian.Uint64(k))
		}
		if excess <= 0 && id >= limit || removed >= 16*batchRecords {
			return removed, nil
		}
		excess -= int64(len(k) + len(v))
		if err := forget(tx, id, v); err != nil {
			return removed, err
		}
		if err := c.Delete(); err != nil {
			return removed, err
		}
		removed++
	}
	costs := tx.Bucket(bucketCosts).Cursor()
	for k, v := costs.First(); k != nil && excess > 0; k, v = costs.First() {
		excess -= int64(len(k) + len(v))
		if err := costs.Delete(); err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// forget removes what leads to a record. One that cannot be read has nothing that does.
func forget(tx *bolt.Tx, id ID, v []byte) error {
	r, err := decode(v)
	if err != nil {
		return nil
	}
	traces := tx.Bucket(bucketTraces)
	err = traces.Delete(traceKey(r.TraceID, id))
	if r.W3CTraceID != "" {
		err = errors.Join(err, traces.Delete(traceKey(r.W3CTraceID, id)))
	}
	for _, f := range r.Feedback {
		err = errors.Join(err, tx.Bucket(bucketFeedback).Delete([]byte(f.ID)))
	}
	return err
}
