package store

import (
	"bytes"
	"encoding/binary"

	"go.etcd.io/bbolt"
)

// Record is an entry as a whole.
type Record struct {
	Head   Head
	Body   []byte
	Vector []float32 // of the file's model; nil: none
}

// pageBytes bounds what one call of Page holds in memory, beside its last record.
const pageBytes = 4 << 20

// Page returns up to limit whole entries with ids above after and up to last, by id, and the id to go on from; more is false at the
// end. Each call is a transaction of its own, so that it holds none for long.
func (s *Store) Page(after, last uint64, limit int) (records []Record, next uint64, more bool, err error) {
	next = after
	err = s.view(func(tx *bbolt.Tx) error {
		size := 0
		c := tx.Bucket(bucketHeads).Cursor()
		for k, _ := c.Seek(idKey(after + 1)); k != nil; k, _ = c.Next() {
			if len(k) != 8 || binary.BigEndian.Uint64(k) > last {
				return nil
			}
			if len(records) == limit || size >= pageBytes {
				more = true
				return nil
			}
			h, body, _, err := entry(tx, binary.BigEndian.Uint64(k))
			if err != nil {
				return err
			}
			r := Record{Head: h, Body: body}
			if m, ok := s.Model(); ok {
				name := vectorBucket(m.generation)
				if value := tx.Bucket(name).Get(k); value != nil {
					if r.Vector, err = openVector(bytes.Clone(k), value, m.Dim); err != nil {
						return corrupt(name, k, err)
					}
				}
			}
			records, next, size = append(records, r), h.ID, size+len(body)
		}
		return nil
	})
	return records, next, more, err
}
