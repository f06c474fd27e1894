package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reprise-cache/reprise/cache/internal/room"
	"github.com/reprise-cache/reprise/cache/internal/store"
	"github.com/reprise-cache/reprise/index"
)

// loading is how what is in the file gets into memory: the counts, and the index, by the snapshot's layout where there is one that
// fits. Until it has ended, commits go through it, so that an entry is taken in once, and not after it is gone.
type loading struct {
	done chan struct{} // closed at the end

	mu     sync.Mutex    // guards what follows, and orders each step of the load with commits
	loader *index.Loader // nil: no index, or it is over
	last   uint64        // the highest id that there was at the beginning; later ones come by commits
	taken  uint64        // up to which id entries were taken in
	gone   map[uint64]struct{}
	over   bool
	err    error
	took   time.Duration

	active       atomic.Bool // false: over, and commits need not ask
	read, total  atomic.Int64
	fromSnapshot atomic.Bool
	snapshot     atomic.Pointer[string] // why it was not used; nil: it was, or there is none
}

// LoadStats says how far memory knows the file.
type LoadStats struct {
	Ready        bool          // the semantic tier knows every entry
	Read         int64         // entries that it knows
	Total        int64         // entries that there were when the cache was opened
	FromSnapshot bool          // the index was laid out as the snapshot says
	Refused      string        // why there is a snapshot that was not used; "": none, or it was
	Took         time.Duration // zero: not ready
}

// loadStep is how many entries are taken in at a time; commits wait meanwhile.
const loadStep = 1024

// load reads the file into memory.
func (c *Cache) load() {
	l := &c.loading
	began := time.Now()
	err := c.loadAll()
	if l.loader != nil && err == nil {
		l.loader.Encode() // without the lock, which commits wait for
	}
	l.mu.Lock()
	if l.loader != nil && err == nil {
		err = l.loader.Finish()
	}
	l.loader, l.gone, l.over, l.err = nil, nil, true, err
	l.took = time.Since(began)
	l.active.Store(false)
	l.mu.Unlock()
	close(l.done)
}

// loadAll reads on one goroutine and fills the index on another: each takes about as long as the other.
func (c *Cache) loadAll() error {
	l := &c.loading
	g, ctx := errgroup.WithContext(c.life)
	steps := make(chan []store.Scanned, 4)
	g.Go(func() error {
		defer close(steps)
		for after, more := uint64(0), true; more; {
			var found []store.Scanned
			var err error
			// Between commits: what is gone from the file, memory has been told of, and what it has been told of later, the scan has found. Else
			// a removal that the scan did not see any more, but of which memory hears after it, would be counted off though it never was counted.
			_, between := c.store.Between(ctx, func() { found, after, more, err = c.store.Scan(after, l.last, loadStep) })
			if err = cmp.Or(between, err); err != nil {
				return storeErr(c.path, err)
			}
			select {
			case steps <- found:
			case <-ctx.Done():
				return ErrClosed
			}
		}
		return nil
	})
	g.Go(func() error {
		for found := range steps {
			if err := c.takeAll(found); err != nil {
				return err
			}
		}
		return nil
	})
	return g.Wait()
}

func (c *Cache) takeAll(found []store.Scanned) error {
	l := &c.loading
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range found {
		e := &found[i]
		if _, ok := l.gone[e.Head.ID]; !ok {
			c.take(&e.Head, e.Vector)
			c.room.Load(c.roomEntry(&e.Head), room.Counts{At: e.Uses.At, Sum: e.Uses.Sum})
			if l.loader != nil && e.Vector != nil {
				if err := l.loader.Add(string(e.Head.Partition[:]), e.Head.ID, e.Vector); err != nil {
					return fmt.Errorf("cache: entry %v: %w", ID(e.Head.ID), err)
				}
			}
		}
		l.taken = e.Head.ID
	}
	l.read.Add(int64(len(found)))
	return nil
}

// take counts an entry that is in the file.
func (c *Cache) take(h *store.Head, vec []float32) {
	c.stats.entries.Add(1)
	c.stats.bytes.Add(int64(h.BodyLen))
	if h.Semantic && vec == nil {
		c.stats.lacking.Add(1)
	}
}

// leave counts one that is no more.
func (c *Cache) leave(r *store.Removed) {
	c.stats.entries.Add(-1)
	c.stats.bytes.Add(-int64(r.BodyLen))
	if r.Lacked {
		c.stats.lacking.Add(-1)
	}
	c.room.Remove(r.ID) // it was, in the commit, unless it was taken in during that
}

// committed brings memory up to a commit. It runs on the store's writer goroutine, commit by commit, so that two
// writes to one key reach memory in the order in which they reached the file. What is removed goes first: a
// replaced entry must not be found beside the new one.
func (c *Cache) committed(ch store.Change) {
	if l := &c.loading; l.active.Load() {
		l.mu.Lock()
		defer l.mu.Unlock()
	}
	for i := range ch.Removed {
		r := &ch.Removed[i]
		if r.Key == [32]byte{} { // its head was damaged, and did not say
			c.hot.dropID(ID(r.ID))
		} else {
			c.hot.drop(r.Key, ID(r.ID))
		}
		if c.loading.ahead(r.ID) {
			continue // it was never taken in, and now will not be
		}
		c.leave(r)
		c.stats.memory(c.unindex(r))
	}
	if h := ch.Put; h != nil {
		c.take(h, ch.Vector)
		c.hot.put(h.Key, entryOf(h, ch.Body))
		if c.index != nil && ch.Vector != nil {
			c.stats.memory(c.index.Add(string(h.Partition[:]), h.ID, ch.Vector))
		}
	}
	for i := range ch.Embedded { // not before the load is over
		e := &ch.Embedded[i]
		c.stats.lacking.Add(-1)
		c.stats.memory(c.index.Add(string(e.Partition[:]), e.ID, e.Vector))
	}
}

// ahead notes that an entry is gone which the load has not come to, and reports whether it is one. The caller holds mu, or the load
// is over.
func (l *loading) ahead(id uint64) bool {
	if !l.active.Load() || l.over || id > l.last || id <= l.taken {
		return false
	}
	l.gone[id] = struct{}{}
	return true
}

// unindex takes an entry out of the index. The caller holds the load's mu, or the load is over.
func (c *Cache) unindex(r *store.Removed) error {
	switch {
	case c.index == nil:
		return nil
	case c.loading.active.Load() && c.loading.loader != nil:
		return c.loading.loader.Remove(string(r.Partition[:]), r.ID)
	}
	return c.index.Remove(string(r.Partition[:]), r.ID)
}

// beginLoading readies the load; commits may come from here on.
func (c *Cache) beginLoading() error {
	l := &c.loading
	l.done, l.gone = make(chan struct{}), map[uint64]struct{}{}
	last, err := c.store.LastID()
	if err != nil {
		return storeErr(c.path, err)
	}
	total, err := c.store.Len()
	if err != nil {
		return storeErr(c.path, err)
	}
	l.last = last
	l.total.Store(int64(total))
	if c.index != nil {
		if l.loader, err = c.layOut(); err != nil {
			return err
		}
	}
	l.active.Store(true)
	return nil
}

// ErrLoading: the semantic tier does not know every entry yet; see Options.OpenEarly.
var ErrLoading = errors.New("cache: the index is being filled from the file")

// Ready returns nil if the semantic tier knows every entry, ErrLoading if it is still being filled, or why it could not be. The
// exact tier does not wait for it.
func (c *Cache) Ready() error {
	select {
	case <-c.loading.done:
	default:
		return ErrLoading
	}
	c.loading.mu.Lock()
	defer c.loading.mu.Unlock()
	return c.loading.err
}

// WaitReady waits until the semantic tier knows every entry, or ctx ends; it returns what Ready does then.
func (c *Cache) WaitReady(ctx context.Context) error {
	select {
	case <-c.loading.done:
		return c.Ready()
	case <-ctx.Done():
		return errors.Join(ErrLoading, ctx.Err())
	}
}

func (c *Cache) loadStats() LoadStats {
	l := &c.loading
	s := LoadStats{Ready: c.Ready() == nil, Read: l.read.Load(), Total: l.total.Load(), FromSnapshot: l.fromSnapshot.Load()}
	if why := l.snapshot.Load(); why != nil {
		s.Refused = *why
	}
	if s.Ready {
		s.Took = l.took
	}
	return s
}
