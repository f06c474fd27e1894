package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"go.etcd.io/bbolt"
)

// view runs fn in a transaction of the file, or of the one that a compaction has put in its place before fn begins.
func (s *Store) view(fn func(tx *bbolt.Tx) error) error {
	for {
		h := s.db.Load()
		switch ok, err := h.view(fn); {
		case ok:
			return err
		case s.db.Load() == h: // there is no other
			return ErrClosed
		}
	}
}

// ByKey returns the entry of an exact key; ok is false if there is none. A record that fails its checksum, or
// that belongs to another key, is a Fault. The body is a copy.
func (s *Store) ByKey(key [32]byte) (h Head, body []byte, ok bool, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		value := tx.Bucket(bucketKeys).Get(key[:])
		if value == nil {
			return nil
		}
		id, err := openID(key[:], value)
		if err != nil {
			return corrupt(bucketKeys, key[:], err)
		}
		h, body, ok, err = entry(tx, id)
		switch {
		case err != nil:
			return err
		case !ok:
			return corrupt(bucketKeys, key[:], fmt.Errorf("names entry %016x, which is not there", id))
		case h.Key != key:
			return corrupt(bucketKeys, key[:], fmt.Errorf("names entry %016x, which has another key", id))
		}
		return nil
	})
	return h, body, ok && err == nil, err
}

// ByID returns an entry; ok is false if there is none.
func (s *Store) ByID(id uint64) (h Head, body []byte, ok bool, err error) {
	err = s.view(func(tx *bbolt.Tx) (err error) {
		h, body, ok, err = entry(tx, id)
		return err
	})
	return h, body, ok && err == nil, err
}

func entry(tx *bbolt.Tx, id uint64) (h Head, body []byte, ok bool, err error) {
	h, ok, err = head(tx, id)
	if !ok || err != nil {
		return h, nil, ok, err
	}
	key := idKey(id)
	body, err = openBody(key, tx.Bucket(bucketBodies).Get(key))
	if err == nil && uint64(len(body)) != uint64(h.BodyLen) {
		err = fmt.Errorf("body of %d bytes instead of %d", len(body), h.BodyLen)
	}
	if err != nil {
		return h, nil, false, corrupt(bucketBodies, key, err)
	}
	return h, body, true, nil
}

func head(tx *bbolt.Tx, id uint64) (h Head, ok bool, err error) {
	key := idKey(id)
	value := tx.Bucket(bucketHeads).Get(key)
	if value == nil {
		return h, false, nil
	}
	if h, err = openHead(key, value); err != nil {
		return h, false, corrupt(bucketHeads, key, err)
	}
	return h, true, nil
}

// HeadResult is one answer of Heads.
type HeadResult struct {
	Head Head
	OK   bool  // the entry is there
	Err  error // its record is damaged
}

// Heads returns the heads of several entries as of one moment, in the order of ids.
func (s *Store) Heads(ids []uint64) ([]HeadResult, error) {
	out := make([]HeadResult, len(ids))
	err := s.view(func(tx *bbolt.Tx) error {
		for i, id := range ids {
			r := &out[i]
			r.Head, r.OK, r.Err = head(tx, id)
		}
		return nil
	})
	return out, err
}

// Scanned is what memory has to know of an entry.
type Scanned struct {
	Head   Head
	Vector []float32 // nil: none; the receiver's to keep
	Uses   Uses      // zero: none were written
}

// Scan returns up to limit entries with ids above after and up to last, by id, and the id to go on from; more is false at the end.
// It is for opening; each call is a transaction of its own, so that a scan holds none for long. A vector without an entry is damage,
// as is a record that fails its checksum.
func (s *Store) Scan(after, last uint64, limit int) (found []Scanned, next uint64, more bool, err error) {
	next = after
	found = make([]Scanned, 0, limit)
	err = s.view(func(tx *bbolt.Tx) error {
		var name, vk, vv []byte
		var vectors *bbolt.Cursor
		m, ok := s.Model()
		if ok {
			name = vectorBucket(m.generation)
			vectors = tx.Bucket(name).Cursor()
			vk, vv = vectors.Seek(idKey(after + 1))
		}
		uses := tx.Bucket(bucketUses).Cursor()
		uk, uv := uses.Seek(idKey(after + 1))
		c := tx.Bucket(bucketHeads).Cursor()
		for k, v := c.Seek(idKey(after + 1)); k != nil; k, v = c.Next() {
			h, err := openHead(k, v)
			if err != nil {
				return corrupt(bucketHeads, k, err)
			}
			if h.ID > last {
				break
			}
			if vk != nil && bytes.Compare(vk, k) < 0 {
				break // told below
			}
			if len(found) == limit {
				more = true
				return nil
			}
			e := Scanned{Head: h}
			if bytes.Equal(vk, k) {
				if e.Vector, err = openVector(vk, vv, m.Dim); err != nil {
					return corrupt(name, vk, err)
				}
				vk, vv = vectors.Next()
			}
			for uk != nil && bytes.Compare(uk, k) < 0 { // of no entry, which does no harm
				uk, uv = uses.Next()
			}
			if bytes.Equal(uk, k) {
				if e.Uses, err = openUses(uk, uv); err != nil {
					return corrupt(bucketUses, uk, err)
				}
			}
			found, next = append(found, e), h.ID
		}
		if vk != nil && bytes.Compare(vk, idKey(last)) <= 0 {
			return corrupt(name, vk, errors.New("vector without an entry"))
		}
		return nil
	})
	return found, next, more, err
}

// expired returns up to limit rows of bucket expiry that are at or before now, soonest first. Times before 1970 are negative, and their
// rows behind those of all others.
func expired(tx *bbolt.Tx, now int64, limit int) (rows [][]byte) {
	c := tx.Bucket(bucketExpiry).Cursor()
	for _, from := range [...]int64{math.MinInt64, 0} {
		for k, _ := c.Seek(expiryKey(from, 0)); k != nil && len(rows) < limit; k, _ = c.Next() {
			if len(k) != 16 {
				break
			}
			if at := int64(binary.BigEndian.Uint64(k)); at > now || at < from {
				break
			}
			rows = append(rows, bytes.Clone(k))
		}
	}
	return rows
}

// IDsOf returns up to limit ids of a namespace's entries that are above after and at most last, in order, and the
// id at which the search may go on; more is false at the end. Each call looks at a bounded number of entries, so
// that it never holds its transaction for long.
func (s *Store) IDsOf(namespace string, after, last uint64, limit int) (ids []uint64, next uint64, more bool, err error) {
	next = after
	err = s.view(func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketHeads).Cursor()
		looked := 0
		for k, v := c.Seek(idKey(after + 1)); k != nil; k, v = c.Next() {
			h, err := openHead(k, v)
			if err != nil {
				return corrupt(bucketHeads, k, err)
			}
			if h.ID > last {
				return nil
			}
			if looked == limit {
				more = true
				return nil
			}
			looked, next = looked+1, h.ID
			if h.Namespace == namespace {
				ids = append(ids, h.ID)
			}
		}
		return nil
	})
	return ids, next, more, err
}

// LastID returns the highest id given so far.
func (s *Store) LastID() (id uint64, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		id = tx.Bucket(bucketHeads).Sequence()
		return nil
	})
	return id, err
}

// Len counts the entries. It walks them.
func (s *Store) Len() (n int, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		n = tx.Bucket(bucketHeads).Stats().KeyN
		return nil
	})
	return n, err
}
