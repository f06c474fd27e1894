package store

import (
	"sync"

	"go.etcd.io/bbolt"
)

// txn is a write transaction. What is written goes through its buckets, so that a compaction under way learns which rows it has to
// copy again; see compact.go.
type txn struct {
	*bbolt.Tx
	touched map[row]struct{} // nil: nobody wants to know
}

// row names a row of the file.
type row struct{ bucket, key string }

// Bucket returns a bucket of the transaction, which must be there, as Open has made sure of those of the format; else see has.
func (t *txn) Bucket(name []byte) bucket {
	return bucket{Bucket: t.Tx.Bucket(name), name: string(name), t: t}
}

// has reports whether there is such a bucket.
func (t *txn) has(name []byte) bool { return t.Tx.Bucket(name) != nil }

// bucket is a bucket of a write transaction.
type bucket struct {
	*bbolt.Bucket
	name string
	t    *txn
}

// Put writes a row.
func (b bucket) Put(key, value []byte) error {
	b.touch(key)
	return b.Bucket.Put(key, value)
}

// Delete removes a row; one that is not there is no error.
func (b bucket) Delete(key []byte) error {
	b.touch(key)
	return b.Bucket.Delete(key)
}

func (b bucket) touch(key []byte) {
	if b.t.touched != nil {
		b.t.touched[row{b.name, string(key)}] = struct{}{}
	}
}

// touchLog collects the rows that commits have touched while somebody copies the file.
type touchLog struct {
	mu   sync.Mutex // guards rows
	rows map[row]struct{}
	on   bool
}

// begin makes the log collect. It is called between two commits.
func (l *touchLog) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows, l.on = map[row]struct{}{}, true
}

// end makes it stop.
func (l *touchLog) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows, l.on = nil, false
}

// take returns what was touched since the last call.
func (l *touchLog) take() map[row]struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	rows := l.rows
	l.rows = map[row]struct{}{}
	return rows
}

// fresh is a set for one transaction; nil: nobody wants to know.
func (l *touchLog) fresh() map[row]struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.on {
		return nil
	}
	return map[row]struct{}{}
}

// add notes what a commit has touched, once it is over.
func (l *touchLog) add(rows map[row]struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.on {
		return
	}
	for r := range rows {
		l.rows[r] = struct{}{}
	}
}
