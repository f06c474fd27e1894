package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
)

// Vectors of another model are written to a generation of their own and put in use by one transaction at the end,
// so that a file never mixes two models, whenever the process dies. Both calls below are for opening: no Put may
// run meanwhile.

// SetModel makes m the model of a file that has none yet.
func (s *Store) SetModel(ctx context.Context, m Model) error {
	if old, ok := s.Model(); ok {
		return fmt.Errorf("store: the file already has the model %s", old.ID)
	}
	return s.StartModel(ctx, m, func(next Next) error { return next.Finish(ctx) })
}

// Next is a generation of vectors that is being made.
type Next struct {
	s     *Store
	model Model
}

// Vector is a vector with the id of its entry.
type Vector struct {
	ID  uint64
	Vec []float32
}

// StartModel begins a generation of vectors for m, or goes on with the one that an earlier process began for the
// same m, and hands it to fill, which writes the vectors and finishes it.
func (s *Store) StartModel(ctx context.Context, m Model, fill func(Next) error) error {
	err := s.do(ctx, 0, func(tx *txn) (Change, error) {
		meta := tx.Bucket(bucketMeta)
		if value := meta.Get(metaNext); value != nil {
			next, err := openModel(metaNext, value)
			if err != nil {
				return Change{}, corrupt(bucketMeta, metaNext, err)
			}
			if next.ID == m.ID && next.Dim == m.Dim {
				m = next
				return Change{}, nil
			}
			if err := dropBucket(tx, vectorBucket(next.generation)); err != nil {
				return Change{}, err
			}
			m.generation = next.generation + 1
		} else if current, ok := s.Model(); ok {
			m.generation = current.generation + 1
		} else {
			m.generation = 1
		}
		if _, err := tx.CreateBucket(vectorBucket(m.generation)); err != nil {
			return Change{}, err
		}
		return Change{}, meta.Put(metaNext, sealModel(metaNext, m))
	})
	if err != nil {
		return err
	}
	return fill(Next{s: s, model: m})
}

func dropBucket(tx *txn, name []byte) error {
	if !tx.has(name) {
		return nil
	}
	return tx.DeleteBucket(name)
}

// Missing returns up to limit heads above after that may be embedded and have no vector in this generation, by id,
// the id to go on from, and how many entries it looked at; more is false at the end.
func (n Next) Missing(after uint64, limit int) (heads []Head, next uint64, looked int, more bool, err error) {
	next = after
	err = n.s.view(func(tx *bbolt.Tx) error {
		vectors := tx.Bucket(vectorBucket(n.model.generation))
		c := tx.Bucket(bucketHeads).Cursor()
		for k, v := c.Seek(idKey(after + 1)); k != nil; k, v = c.Next() {
			if len(heads) == limit {
				more = true
				return nil
			}
			h, err := openHead(k, v)
			if err != nil {
				return corrupt(bucketHeads, k, err)
			}
			next, looked = h.ID, looked+1
			if h.Semantic && vectors.Get(k) == nil {
				heads = append(heads, h)
			}
		}
		return nil
	})
	return heads, next, looked, more, err
}

// Put writes vectors of this generation.
func (n Next) Put(ctx context.Context, vecs []Vector) error {
	return n.s.do(ctx, 0, func(tx *txn) (Change, error) {
		bucket := tx.Bucket(vectorBucket(n.model.generation))
		for _, v := range vecs {
			key := idKey(v.ID)
			if err := bucket.Put(key, sealVector(key, v.Vec)); err != nil {
				return Change{}, err
			}
		}
		return Change{}, nil
	})
}

// Finish puts the generation in use and drops the one before.
func (n Next) Finish(ctx context.Context) error {
	err := n.s.do(ctx, 0, func(tx *txn) (Change, error) {
		meta := tx.Bucket(bucketMeta)
		err := errors.Join(meta.Put(metaModel, sealModel(metaModel, n.model)), meta.Delete(metaNext))
		if old, ok := n.s.Model(); ok {
			err = errors.Join(err, dropBucket(tx, vectorBucket(old.generation)))
		}
		return Change{}, err
	})
	if err != nil {
		return err
	}
	n.s.model.Store(&n.model)
	return nil
}

// DropNext forgets a re-embedding that an earlier process did not finish. Entries that were written or removed
// since would make its vectors wrong.
func (s *Store) DropNext(ctx context.Context) error {
	var pending bool
	err := s.view(func(tx *bbolt.Tx) error {
		pending = tx.Bucket(bucketMeta).Get(metaNext) != nil
		return nil
	})
	if err != nil || !pending {
		return err
	}
	return s.do(ctx, 0, func(tx *txn) (Change, error) {
		meta := tx.Bucket(bucketMeta)
		next, err := openModel(metaNext, bytes.Clone(meta.Get(metaNext)))
		if err != nil {
			return Change{}, corrupt(bucketMeta, metaNext, err)
		}
		return Change{}, errors.Join(dropBucket(tx, vectorBucket(next.generation)), meta.Delete(metaNext))
	})
}

// generationOf reads a vector bucket's name; ok is false if it is not one.
func generationOf(name string) (generation uint32, ok bool) {
	if len(name) != len("vectors/00000000") {
		return 0, false
	}
	if _, err := fmt.Sscanf(name, "vectors/%08x", &generation); err != nil {
		return 0, false
	}
	return generation, string(vectorBucket(generation)) == name
}
