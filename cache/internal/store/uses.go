package store

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
)

var bucketUses = []byte("uses")

// usesScales is how many half-lives uses are counted by.
const usesScales = 4

// Uses is how often an entry was asked for, fading by several half-lives.
type Uses struct {
	ID  uint64
	At  float64 // when the counts held, by a clock that moves with use
	Sum [usesScales]float32
}

func sealUses(key []byte, u *Uses) []byte {
	return seal(tagUses, key, 8+4*usesScales, func(b []byte) []byte {
		b = appendFloats(b, u.At)
		for _, f := range u.Sum {
			b = binary.BigEndian.AppendUint32(b, math.Float32bits(f))
		}
		return b
	})
}

func openUses(key, value []byte) (u Uses, err error) {
	if len(key) != 8 {
		return u, errKeyForm
	}
	p, err := unseal(tagUses, key, value)
	if err != nil {
		return u, err
	}
	r := reader{p: p}
	u.ID, u.At = binary.BigEndian.Uint64(key), r.float()
	for i := range u.Sum {
		u.Sum[i] = math.Float32frombits(binary.BigEndian.Uint32(r.take(4)))
		if r.err == nil && !(u.Sum[i] >= 0 && u.Sum[i] <= math.MaxFloat32) {
			r.err = errNotFinite
		}
	}
	if r.err == nil && u.At < 0 {
		r.err = errNotFinite
	}
	return u, r.end()
}

// PutUses writes the uses of entries that are there; others are left out.
func (s *Store) PutUses(ctx context.Context, uses []Uses) error {
	return s.do(ctx, 0, func(tx *txn) (Change, error) { return Change{}, putUses(tx, uses) })
}

func putUses(tx *txn, uses []Uses) error {
	heads, bucket := tx.Bucket(bucketHeads), tx.Bucket(bucketUses)
	var errs []error
	for i := range uses {
		key := idKey(uses[i].ID)
		if heads.Get(key) != nil {
			errs = append(errs, bucket.Put(key, sealUses(key, &uses[i])))
		}
	}
	return errors.Join(errs...)
}
