package cache

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/singleflight"

	"github.com/reprise-cache/reprise/cache/internal/room"
	"github.com/reprise-cache/reprise/cache/internal/store"
	"github.com/reprise-cache/reprise/index"
)

// Cache answers questions that it has an answer to. It is safe for concurrent use; see Open.
type Cache struct {
	path  string
	opts  Options // complete and checked
	store *store.Store
	index *index.Index // nil without an embedder
	hot   *hotTier
	room  *room.Room
	stats counters

	evicting int // what the commit under way removes for want of room; the store's writer's

	decider *Decider
	ledgers *ledgers

	memory   *memory
	labels   learner
	answers  atomic.Pointer[func([]byte) (Answer, bool)] // set by ReadAnswersBy
	shadow   shadow
	opinions opinions

	flights singleflight.Group

	loading      loading
	snapshotting sync.Mutex // guards snapshotAt and its file
	snapshotAt   uint64     // generation of the last snapshot

	closed  atomic.Bool
	ended   chan struct{}      // closed by Close, when all is over
	stop    context.CancelFunc // ends life
	life    context.Context    // ends with Close; the parent of loads that are shared
	closing sync.RWMutex       // guards adding to working against Close's wait
	working sync.WaitGroup     // upkeep, learners and loads under way
}

// Open opens or creates the cache's file and fills the index from it, or with o.OpenEarly leaves that to the background. The file is verified before it is used; a
// damaged one is refused with a *StoreError that says where. One process has it open at a time (ErrLocked).
//
// A file whose vectors were made by another model than o.Embedder's is refused with ErrModelMismatch, or embedded
// anew, as o.OnModelChange says. Without an embedder a file with vectors opens, and keeps them. Entries that lack their vector get
// it in the background.
func Open(path string, o Options) (*Cache, error) {
	opts, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Cache{path: path, opts: opts, hot: newHotTier(opts.HotBytes), decider: newDecider(opts), ledgers: newLedgers(), ended: make(chan struct{})}
	c.room = newRoom(&opts)
	c.life, c.stop = context.WithCancel(context.Background())
	if opts.Embedder != nil {
		c.index = index.New(opts.Embedder.Dim())
	}
	c.store, err = store.Open(path, store.Options{LockTimeout: opts.LockTimeout, OnCommit: c.committed, Keeper: keeper{c}})
	if err != nil {
		c.stop()
		return nil, storeErr(path, err)
	}
	dropHalfSnapshot(path)
	err = c.settleModel()
	if err == nil {
		err = c.startLearning()
	}
	if err == nil {
		err = c.beginLoading()
	}
	if err == nil && !opts.OpenEarly {
		c.load()
		err = c.Ready()
	}
	if err != nil {
		c.stop()
		return nil, errors.Join(err, storeErr(path, c.store.Close()))
	}
	c.working.Go(func() {
		<-c.loading.done
		c.shrink()
	})
	c.working.Go(c.upkeep)
	if c.index != nil {
		c.working.Go(c.supply)
	}
	if opts.OpenEarly {
		c.working.Go(c.load)
	}
	if opts.SnapshotInterval > 0 && c.index != nil {
		c.working.Go(c.keepSnapshots)
	}
	c.working.Go(c.remember)
	c.working.Go(func() { c.labels.work(c.life) })
	if opts.shadows() {
		for range shadowWorkers {
			c.working.Go(func() { c.shadow.work(c.life) })
		}
	}
	return c, nil
}

// startLearning reads what was learnt before.
func (c *Cache) startLearning() error {
	o := &c.opts
	c.memory = newMemory(o.HalfLife, o.maxErrorOf, o.OnTighten)
	c.memory.now = c.now
	c.labels.begin(labelQueue)
	c.shadow.begin(shadowQueue)
	c.shadow.ShadowOptions, c.shadow.draw = o.Shadow, rand.Float64
	c.shadow.accepted.Store(acceptedUnit)
	c.shadow.meter = meter{perMinute: o.Shadow.PerMinute, perDay: o.Shadow.PerDay, price: o.Shadow.Price}
	c.opinions.OpinionOptions = o.Opinion
	c.opinions.meter = meter{perMinute: o.Opinion.PerMinute, perDay: o.Opinion.PerDay, price: o.Opinion.Price}
	return storeErr(c.path, c.memory.load(c.store))
}

// Get returns an entry by its id, or ErrNotFound, also for one that has expired.
func (c *Cache) Get(ctx context.Context, id ID) (*Entry, error) {
	if err := c.usable(ctx); err != nil {
		return nil, err
	}
	h, body, ok, err := c.store.ByID(uint64(id))
	if err != nil {
		return nil, storeErr(c.path, err)
	}
	if ok {
		if e := entryOf(&h, body); e.refusal(c.now(), 0) == ReasonNone {
			return e, nil
		}
	}
	return nil, fmt.Errorf("%w: %v", ErrNotFound, id)
}

// Delete removes an entry by its id, or returns ErrNotFound. The removal is durable when it returns.
func (c *Cache) Delete(ctx context.Context, id ID) error {
	if err := c.usable(ctx); err != nil {
		return err
	}
	n, err := c.store.Delete(ctx, []uint64{uint64(id)})
	if err != nil {
		return storeErr(c.path, err)
	}
	if n == 0 {
		return fmt.Errorf("%w: %v", ErrNotFound, id)
	}
	return nil
}

// purgeBatch is how many entries one step of a purge, or of a sweep, looks at and removes.
const purgeBatch = 256

// Purge removes the entries that a namespace had when it was called, and returns how many it removed. It works in
// small commits, so that look-ups and writes go on; if it fails, or the process dies, some of them are left.
func (c *Cache) Purge(ctx context.Context, namespace string) (int, error) {
	if err := c.usable(ctx); err != nil {
		return 0, err
	}
	if err := validNamespace(namespace); err != nil {
		return 0, err
	}
	c.memory.forgetNamespace(namespace)
	last, err := c.store.LastID()
	if err != nil {
		return 0, storeErr(c.path, err)
	}
	removed := 0
	for after, more := uint64(0), true; more; {
		if err := c.usable(ctx); err != nil {
			return removed, err
		}
		var ids []uint64
		if ids, after, more, err = c.store.IDsOf(namespace, after, last, purgeBatch); err != nil {
			return removed, storeErr(c.path, err)
		}
		if len(ids) == 0 {
			continue
		}
		n, err := c.store.Delete(ctx, ids)
		removed += n
		if err != nil {
			return removed, storeErr(c.path, err)
		}
	}
	return removed, nil
}

// usable reports why a call may not begin.
func (c *Cache) usable(ctx context.Context) error {
	if c.closed.Load() {
		return ErrClosed
	}
	return ctx.Err()
}

// begin registers a load that Close has to wait for; false: the cache is closed.
func (c *Cache) begin() bool {
	c.closing.RLock()
	defer c.closing.RUnlock()
	if c.closed.Load() {
		return false
	}
	c.working.Add(1)
	return true
}

// Close cancels shared loads, waits for them and for accepted writes, and closes the file. Later calls return
// ErrClosed, or a Degraded look-up. Closing twice is harmless: the second call waits for the first, and returns nil. No load may
// call it, which would wait for itself.
func (c *Cache) Close() error {
	c.closing.Lock()
	first := c.closed.CompareAndSwap(false, true)
	c.closing.Unlock()
	if !first {
		<-c.ended
		return nil
	}
	defer close(c.ended)
	c.stop()
	c.working.Wait()
	_ = c.writeLearned(context.Background()) // counted; comparisons that were under way have learnt since remember ended
	c.writeUses(context.Background(), usesLast)
	if c.opts.SnapshotInterval >= 0 {
		_ = c.snapshot(context.Background()) // counted; without one the next Open takes longer
	}
	return storeErr(c.path, c.store.Close())
}

// unit returns v scaled to length 1, copied, or what is wrong with it.
func unit(v []float32, dim int) ([]float32, error) {
	if len(v) != dim {
		return nil, fmt.Errorf("vector of %d instead of %d", len(v), dim)
	}
	var sq float64
	for _, f := range v {
		sq += float64(f) * float64(f)
	}
	norm := math.Sqrt(sq)
	if !(norm > 0) || math.IsInf(norm, 0) { // a NaN or infinity anywhere ends up here
		return nil, fmt.Errorf("vector of length %v has no direction", norm)
	}
	out := make([]float32, dim)
	for i, f := range v {
		out[i] = float32(float64(f) / norm)
	}
	return out, nil
}
