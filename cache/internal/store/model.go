package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
)

// Vectors of another model are written to a generation of their own and put in use by one transaction at the end,
// so that a file never mixes two models, whenever the process dies. SetModel and StartModel are for opening: no entry may be put
// meanwhile. What the generation in use lacks may be added at any time: see Current.

// SetModel makes m the model of a file that has none yet.
func (s *Store) SetModel(ctx context.Context, m Model) error {
	if old, ok := s.Model(); ok {
		return fmt.Errorf("store: the file already has the model %s", old.ID)
	}
	return s.StartModel(ctx, m, func(g Generation) error { return g.Finish(ctx) })
}

// Generation is one model's vectors: those in use, or those that are being made to replace them.
type Generation struct {
	s     *Store
	model Model
}

// Current is the generation in use; false: none is.
func (s *Store) Current() (Generation, bool) {
	m, ok := s.Model()
	return Generation{s: s, model: m}, ok
}

// Vector is a vector with the id of its entry.
type Vector struct {
	ID  uint64
	Vec []float32
}

// StartModel begins a generation of vectors for m, or goes on with the one that an earlier process began for the
// same m, and hands it to fill, which writes the vectors and finishes it.
func (s *Store) StartModel(ctx context.Context, m Model, fill func(Generation) error) error {
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
	return fill(Generation{s: s, model: m})
}

func dropBucket(tx *txn, name []byte) error {
	if !tx.has(name) {
		return nil
	}
	return tx.DeleteBucket(name)
}

// missingLook is how many entries one call of Missing looks at, at most, so that it never holds its transaction for long.
const missingLook = 4096

// Missing returns up to limit heads above after that may be embedded and have no vector in this generation, by id,
// the id to go on from, and how many entries it looked at; more is false at the end.
func (g Generation) Missing(after uint64, limit int) (heads []Head, next uint64, looked int, more bool, err error) {
	next = after
	err = g.s.view(func(tx *bbolt.Tx) error {
		vectors := tx.Bucket(vectorBucket(g.model.generation)).Cursor()
		vk, _ := vectors.Seek(idKey(after + 1))
		c := tx.Bucket(bucketHeads).Cursor()
		for k, v := c.Seek(idKey(after + 1)); k != nil; k, v = c.Next() {
			if len(heads) == limit || looked == missingLook {
				more = true
				return nil
			}
			h, err := openHead(k, v)
			if err != nil {
				return corrupt(bucketHeads, k, err)
			}
			next, looked = h.ID, looked+1
			for vk != nil && bytes.Compare(vk, k) < 0 {
				vk, _ = vectors.Next()
			}
			if h.Semantic && !bytes.Equal(vk, k) {
				heads = append(heads, h)
			}
		}
		return nil
	})
	return heads, next, looked, more, err
}

// Put writes vectors of this generation, of entries that are there still.
func (g Generation) Put(ctx context.Context, vecs []Vector) error {
	return g.s.do(ctx, 0, func(tx *txn) (Change, error) {
		var c Change
		m, ok := g.s.Model()
		inUse := ok && m.generation == g.model.generation
		bucket := tx.Bucket(vectorBucket(g.model.generation))
		for _, v := range vecs {
			h, there, err := head(tx.Tx, v.ID)
			if err != nil {
				return c, err
			}
			key := idKey(v.ID)
			if !there || bucket.Get(key) != nil {
				continue
			}
			if err := bucket.Put(key, sealVector(key, v.Vec)); err != nil {
				return c, err
			}
			if inUse {
				c.Embedded = append(c.Embedded, Embedded{ID: v.ID, Partition: h.Partition, Vector: v.Vec})
			}
		}
		return c, nil
	})
}

// Finish puts the generation in use and drops the one before.
func (g Generation) Finish(ctx context.Context) error {
	err := g.s.do(ctx, 0, func(tx *txn) (Change, error) {
		meta := tx.Bucket(bucketMeta)
		err := errors.Join(meta.Put(metaModel, sealModel(metaModel, g.model)), meta.Delete(metaNext))
		if old, ok := g.s.Model(); ok {
			err = errors.Join(err, dropBucket(tx, vectorBucket(old.generation)))
		}
		return Change{}, err
	})
	if err != nil {
		return err
	}
	g.s.model.Store(&g.model)
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
