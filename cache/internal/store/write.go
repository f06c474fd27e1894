package store

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"go.etcd.io/bbolt"

	"github.com/reprise-cache/reprise/cache/boltfile"
)

// Group commit: the writer takes what has queued up since the last commit began, and commits it as
// one. bbolt's own Batch instead waits a fixed delay for company, which costs a lone writer that delay every time.
const (
	maxBatch      = 128     // writes in one commit
	maxBatchBytes = 8 << 20 // of bodies in one commit, so that a dirty transaction stays small

	// pace is the least time from the beginning of a commit of several writes to the next one's. Each commit writes its own pages of
	// the trees and syncs the file: one upon the other, of a few writes each, they take a core that look-ups need. A commit of a full
	// batch takes longer than that anyway; one who writes alone waits only behind a commit of several.
	pace = 4 * time.Millisecond
)

type request struct {
	size  int
	apply func(tx *txn) (Change, error)
	alone func() error // instead of apply: runs while no write is under way
	err   chan error   // buffered: the writer never waits for a caller
}

// do hands a write to the writer and waits for its commit. ctx only counts until the writer has it: what is
// queued will be committed, and the caller is told.
func (s *Store) do(ctx context.Context, size int, apply func(tx *txn) (Change, error)) error {
	return s.wait(ctx, &request{size: size, apply: apply})
}

// exclusive runs fn on the writer goroutine, between two commits.
func (s *Store) exclusive(ctx context.Context, fn func() error) error {
	return s.wait(ctx, &request{alone: fn})
}

func (s *Store) wait(ctx context.Context, r *request) error {
	r.err = make(chan error, 1)
	s.load.waiting.Add(1)
	defer s.load.waiting.Add(-1)
	if err := s.send(ctx, r); err != nil {
		return err
	}
	return <-r.err
}

func (s *Store) send(ctx context.Context, r *request) error {
	s.sendMu.RLock()
	defer s.sendMu.RUnlock()
	if s.closed {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case s.queue <- r:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// write is the writer goroutine. It ends when the queue is closed and empty.
func (s *Store) write() {
	defer close(s.done)
	var batch []*request
	var next time.Time // when the next commit may begin
	for r := range s.queue {
		time.Sleep(time.Until(next))
		for size := 0; r != nil && r.alone == nil; r = s.poll() {
			batch = append(batch, r)
			if size += r.size; len(batch) == maxBatch || size >= maxBatchBytes {
				r = nil
				break
			}
		}
		if len(batch) > 0 {
			if len(batch) > 1 {
				next = time.Now().Add(pace)
			}
			s.commit(batch)
			clear(batch) // or the array would hold the last batch's bodies until the next one
			batch = batch[:0]
		}
		if r != nil {
			r.err <- guarded(r.alone)
		}
	}
}

// poll returns what waits in the queue; nil: nothing does, or it is closed and empty.
func (s *Store) poll() *request {
	select {
	case r := <-s.queue:
		return r
	default:
		return nil
	}
}

// commit commits the batch as one, or, if a member fails, every member by itself: a bbolt transaction cannot take
// back a part of itself.
func (s *Store) commit(batch []*request) {
	changes := make([]Change, len(batch), len(batch)+1)
	began := time.Now()
	err := s.transact(func(tx *txn) error {
		for i, r := range batch {
			var err error
			if changes[i], err = r.apply(tx); err != nil {
				return err
			}
		}
		if s.opts.Keeper == nil {
			return nil
		}
		// A change of its own, told after the others: it may remove what they put.
		evicted := Change{}
		vectors := s.vectors(tx)
		gone, uses := s.opts.Keeper.Fit(changes)
		for _, id := range gone {
			if err := remove(tx, vectors, id, &evicted); err != nil {
				return err
			}
		}
		if evicted.Removed != nil {
			changes = append(changes, evicted)
		}
		return putUses(tx, uses)
	})
	if s.opts.Keeper != nil {
		s.opts.Keeper.Done(err == nil)
	}
	s.load.commit(len(batch), time.Since(began), err)
	if err != nil && len(batch) > 1 {
		for i := range batch {
			s.commit(batch[i : i+1])
		}
		return
	}
	if err == nil && s.opts.OnCommit != nil {
		for _, c := range changes {
			s.opts.OnCommit(c)
		}
	}
	for _, r := range batch {
		r.err <- err
	}
}

// transact runs fn in a write transaction. After a panic inside bbolt nothing is known about what it holds in
// memory, so that no further write is let in: the file itself is whole as of the last commit.
func (s *Store) transact(fn func(tx *txn) error) error {
	if f := s.broken.Load(); f != nil {
		return f
	}
	touched := s.touched.fresh()
	err := guarded(func() error {
		return s.db.Load().Update(func(tx *bbolt.Tx) error {
			tx.DB().AllocSize = growth(tx.Size())
			return fn(&txn{Tx: tx, touched: touched})
		})
	})
	s.touched.add(touched) // of a commit that failed, too: copying a row again does no harm
	var f *Fault
	if errors.Is(err, boltfile.ErrPanicked) && errors.As(err, &f) {
		s.broken.Store(f)
	}
	return err
}

// growth is by how much the file grows beyond what it needs, so that not every commit has to grow it.
func growth(size int64) int { return int(min(max(size/8, 64<<10), 16<<20)) }

// Put writes an entry, replacing the one with the same exact key, and returns its id, which is new. The head's ID
// and BodyLen are set by the store; vec must be nil, or a unit vector of the file's model.
func (s *Store) Put(ctx context.Context, h Head, body []byte, vec []float32) (uint64, error) {
	return s.put(ctx, h, body, vec, false)
}

// PutNewer is Put, unless the entry with the same exact key was created then or later, as of the commit: then it returns 0 and no error.
func (s *Store) PutNewer(ctx context.Context, h Head, body []byte, vec []float32) (uint64, error) {
	return s.put(ctx, h, body, vec, true)
}

func (s *Store) put(ctx context.Context, h Head, body []byte, vec []float32, newer bool) (uint64, error) {
	p := pack(body)
	err := s.do(ctx, len(p.payload), func(tx *txn) (Change, error) {
		var c Change
		keys, heads := tx.Bucket(bucketKeys), tx.Bucket(bucketHeads)
		if value := keys.Get(h.Key[:]); value != nil {
			// A damaged row is simply overwritten; Check will list the entry that it named.
			if old, err := openID(h.Key[:], value); err == nil {
				if have, ok, err := head(tx.Tx, old); newer && ok && err == nil && have.Created >= h.Created {
					h.ID = 0
					return c, nil
				}
				if err := remove(tx, s.vectors(tx), old, &c); err != nil {
					return c, err
				}
			}
		}
		id, err := heads.NextSequence()
		if err != nil {
			return c, err
		}
		h.ID, h.BodyLen = id, uint32(len(body))
		key := idKey(id)
		err = errors.Join(
			heads.Put(key, sealHead(&h)),
			tx.Bucket(bucketBodies).Put(key, p.seal(key)),
			keys.Put(h.Key[:], sealID(h.Key[:], id)))
		if h.Expires != 0 {
			err = errors.Join(err, tx.Bucket(bucketExpiry).Put(expiryKey(h.Expires, id), nil))
		}
		if vec != nil {
			vectors := s.vectors(tx)
			if vectors.Bucket == nil {
				return c, errors.New("vector for a file without a model")
			}
			err = errors.Join(err, vectors.Put(key, sealVector(key, vec)))
		}
		put := h
		c.Put, c.Vector, c.Body = &put, vec, body
		return c, err
	})
	return h.ID, err
}

// vectors returns the bucket of the vectors in use; one of nil: none yet.
func (s *Store) vectors(tx *txn) bucket {
	m, ok := s.Model()
	if !ok {
		return bucket{}
	}
	return tx.Bucket(vectorBucket(m.generation))
}

// remove deletes an entry's records and notes it in c. An entry whose head is damaged is deleted all the same, so
// that a refill heals it; its expiry row, whose key is not known then, stays until the sweeper meets it.
func remove(tx *txn, vectors bucket, id uint64, c *Change) error {
	h, ok, err := head(tx.Tx, id)
	var f *Fault
	if err != nil && !errors.As(err, &f) {
		return err
	}
	if !ok && err == nil {
		return nil
	}
	r := Removed{ID: id}
	key := idKey(id)
	errs := []error{tx.Bucket(bucketHeads).Delete(key), tx.Bucket(bucketBodies).Delete(key)}
	if uses := tx.Bucket(bucketUses); uses.Get(key) != nil {
		errs = append(errs, uses.Delete(key))
	}
	r.Lacked = ok && h.Semantic
	if vectors.Bucket != nil {
		r.Lacked = r.Lacked && vectors.Get(key) == nil
		errs = append(errs, vectors.Delete(key))
	}
	if ok {
		r.Partition, r.Key, r.BodyLen = h.Partition, h.Key, h.BodyLen
		if h.Expires != 0 {
			errs = append(errs, tx.Bucket(bucketExpiry).Delete(expiryKey(h.Expires, id)))
		}
		// The key may meanwhile name another entry, in a file that was damaged once.
		keys := tx.Bucket(bucketKeys)
		if named, err := openID(h.Key[:], keys.Get(h.Key[:])); err == nil && named == id {
			errs = append(errs, keys.Delete(h.Key[:]))
		}
	}
	c.Removed = append(c.Removed, r)
	return errors.Join(errs...)
}

// Delete removes entries and returns how many there were.
func (s *Store) Delete(ctx context.Context, ids []uint64) (n int, err error) {
	err = s.do(ctx, 0, func(tx *txn) (Change, error) {
		var c Change
		vectors := s.vectors(tx)
		for _, id := range ids {
			if err := remove(tx, vectors, id, &c); err != nil {
				return c, err
			}
		}
		n = len(c.Removed)
		return c, nil
	})
	if err != nil {
		n = 0 // the commit did not come about
	}
	return n, err
}

// Fit has the Keeper say what has to go, with nothing that comes.
func (s *Store) Fit(ctx context.Context) error {
	return s.do(ctx, 0, func(*txn) (Change, error) { return Change{}, nil })
}

// Sweep removes up to limit entries that expired at or before now (Unix nanoseconds) and returns how many expiry
// rows it took; fewer than limit means that none is left.
func (s *Store) Sweep(ctx context.Context, now int64, limit int) (n int, err error) {
	// Looking first keeps a sweep that finds nothing from costing a commit.
	var due bool
	err = s.view(func(tx *bbolt.Tx) error {
		due = len(expired(tx, now, 1)) > 0
		return nil
	})
	if err != nil || !due {
		return 0, err
	}
	err = s.do(ctx, 0, func(tx *txn) (Change, error) {
		var c Change
		vectors := s.vectors(tx)
		rows := expired(tx.Tx, now, limit)
		for _, row := range rows {
			id := binary.BigEndian.Uint64(row[8:])
			h, ok, err := head(tx.Tx, id)
			if err == nil && ok && h.Expires == int64(binary.BigEndian.Uint64(row)) {
				if err := remove(tx, vectors, id, &c); err != nil {
					return c, err
				}
				continue
			}
			if err := tx.Bucket(bucketExpiry).Delete(row); err != nil {
				return c, err
			}
		}
		n = len(rows)
		return c, nil
	})
	if err != nil {
		n = 0 // the commit did not come about
	}
	return n, err
}
