package cache

import (
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// hotTier keeps recently used entries by exact key, bounded by the bytes of what they hold. It is never ahead of
// the file and never behind it: commits reach it in order through put and drop, on the store's writer goroutine,
// and a reader that has loaded an entry from the file may only offer it if nothing was committed since.
type hotTier struct {
	shards [16]hotShard
}

type hotShard struct {
	mu    sync.Mutex // guards all below
	lru   *simplelru.LRU[Digest, *Entry]
	epoch uint64 // raised by every commit that touches the shard
	bytes int64
	limit int64 // of bytes; zero: nothing is kept
}

// entryOverhead is about what an entry costs beside its strings and body: the struct, the list element, the map.
const entryOverhead = 352

func newHotTier(limit int64) *hotTier {
	t := &hotTier{}
	for i := range t.shards {
		s := &t.shards[i]
		s.limit = max(0, limit) / int64(len(t.shards))
		// The count is bounded by the bytes, so that the list's own limit only has to be out of reach.
		s.lru, _ = simplelru.NewLRU[Digest, *Entry](int(s.limit/entryOverhead)+2, nil)
	}
	return t
}

func (t *hotTier) shard(key *Digest) *hotShard { return &t.shards[key[0]%byte(len(t.shards))] }

func cost(e *Entry) int64 {
	return int64(len(e.Value.Body)+len(e.Text)+len(e.Namespace)) + entryOverhead
}

// get returns the entry of a key, and the shard's epoch for offer.
func (t *hotTier) get(key *Digest) (*Entry, uint64) {
	s := t.shard(key)
	s.mu.Lock()
	e, _ := s.lru.Get(*key)
	epoch := s.epoch
	s.mu.Unlock()
	return e, epoch
}

// offer adds an entry that was read from the file after get returned that epoch. It is dropped if a commit has
// touched the shard since: the entry may be the one that the commit replaced.
func (t *hotTier) offer(key Digest, e *Entry, epoch uint64) {
	s := t.shard(&key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.epoch == epoch {
		s.set(key, e)
	}
}

// put notes a committed entry.
func (t *hotTier) put(key Digest, e *Entry) {
	s := t.shard(&key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	s.set(key, e)
}

// drop notes that the entry of that id is gone.
func (t *hotTier) drop(key Digest, id ID) {
	s := t.shard(&key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch++
	if e, ok := s.lru.Peek(key); ok && e.ID == id {
		s.remove(key, e)
	}
}

// dropID notes that an entry is gone whose key is not known.
func (t *hotTier) dropID(id ID) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		s.epoch++
		for _, key := range s.lru.Keys() {
			if e, ok := s.lru.Peek(key); ok && e.ID == id {
				s.remove(key, e)
			}
		}
		s.mu.Unlock()
	}
}

func (s *hotShard) remove(key Digest, e *Entry) {
	s.lru.Remove(key)
	s.bytes -= cost(e)
}

func (s *hotShard) set(key Digest, e *Entry) {
	if old, ok := s.lru.Peek(key); ok {
		s.remove(key, old)
	}
	if cost(e) > s.limit/4 { // one huge body must not push out everything else
		return
	}
	s.lru.Add(key, e)
	s.bytes += cost(e)
	for s.bytes > s.limit {
		_, old, _ := s.lru.RemoveOldest()
		s.bytes -= cost(old)
	}
}
