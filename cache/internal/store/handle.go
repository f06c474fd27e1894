package store

import (
	"sync"

	"go.etcd.io/bbolt"
)

// handle is an open file that may be closed while others read it.
//
// bbolt's own Close waits for the reads under way while it holds a lock that every read needs to begin and to end: one long read, as a
// backup's, would hold up all the others until it is over.
type handle struct {
	*bbolt.DB
	using sync.RWMutex // held for reading by each read, and by close for good
}

// view runs fn in a transaction; ok is false, and fn was not run, if the file is closed or about to be.
func (h *handle) view(fn func(tx *bbolt.Tx) error) (ok bool, err error) {
	if !h.using.TryRLock() {
		return false, nil
	}
	defer h.using.RUnlock()
	return true, guarded(func() error { return h.View(fn) })
}

// close closes the file once the reads under way have ended, and lets none begin meanwhile. It is called once.
func (h *handle) close() error {
	h.using.Lock()
	return guarded(h.Close)
}
