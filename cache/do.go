package cache

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
)

// LoadFunc gets the answer from where it is made. Its context carries the values of the first caller's, but not
// its end: others may wait for the same answer. It ends when the cache is closed; a load that must end sooner sets
// a deadline of its own. The body belongs to the cache's callers afterwards; nobody may write to it.
type LoadFunc func(ctx context.Context) (Value, error)

// Result is what Do gives back.
type Result struct {
	Status     Status // of this caller's look-up: a hit, or what led to the load
	Value      Value
	Entry      *Entry  // of a hit, else nil
	ID         ID      // of the entry that was served or filled; 0: not stored
	Similarity float32 // see Lookup
	Shared     bool    // another caller's load gave the value
	Lookup     *Lookup // this caller's own look-up
	FillErr    error   // the value is good, but was not stored
}

// loaded is what a flight brings back.
type loaded struct {
	value     Value
	id        ID
	partition Digest // of the entry
	found     bool   // it was stored already
	fillErr   error
	closed    bool // nothing was loaded: the cache was closed since the look-up, and who waits loads for himself
}

// Do looks q up and, if nothing may be served, loads the answer and stores it. Callers who ask the very same
// question meanwhile share one load. An error is the load's, ctx's, or about q; a failing cache is none, and neither is one that
// is closed meanwhile, see Result.FillErr. A caller whose ctx ends leaves at once; the load that others may wait for goes on, and is
// stored under the messages that q had: once Do has returned they are the caller's again.
//
// A panic in load becomes an error to all who wait, as does runtime.Goexit (ErrExited), which t.FailNow calls for one.
func (c *Cache) Do(ctx context.Context, q Query, load LoadFunc) (*Result, error) {
	l := c.Lookup(ctx, q)
	switch {
	case l.invalid != nil:
		return nil, l.invalid
	case l.Status.Hit():
		if l.ShadowDue() {
			l.ShadowCheck(again(ctx, load))
		}
		return hit(l), nil
	case l.Status == Bypass || l.exact == Digest{}:
		v, err := safely(ctx, loadFunction, load)
		if err != nil {
			return nil, err
		}
		return &Result{Status: l.Status, Value: v, Lookup: l, FillErr: l.Err}, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err // nobody waits for the answer, which would have to be paid for
	}
	// A refresh must not be given the answer of a flight that may have found one in the file.
	key := string(l.exact[:])
	if l.Status == Refresh {
		key += "refresh"
	}
	l.q.Messages = slices.Clone(l.q.Messages) // what flies may outlive this call
	var mine bool
	done := c.flights.DoChan(key, func() (any, error) {
		mine = true
		return c.fly(ctx, l, load)
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-done:
		if r.Err != nil {
			return nil, r.Err
		}
		got := r.Val.(loaded)
		if got.closed {
			v, err := safely(ctx, loadFunction, load)
			if err != nil {
				return nil, err
			}
			return &Result{Status: l.Status, Value: v, Similarity: l.Similarity, Lookup: l, FillErr: ErrClosed}, nil
		}
		if got.id != 0 && (got.found || !mine) && l.q.TraceID != "" { // else Fill has noted it
			c.memory.traceExact(&l.q, exactTrace{l.exact, got.partition, c.now().UnixNano()})
		}
		return &Result{
			Status: l.Status, Value: got.value, ID: got.id, Similarity: l.Similarity,
			Shared: !mine, Lookup: l, FillErr: got.fillErr,
		}, nil
	}
}

// again makes a shadow check of a load.
func again(caller context.Context, load LoadFunc) CallFunc {
	return func(ctx context.Context) (Value, float64, error) {
		values, cancel := context.WithCancel(context.WithoutCancel(caller))
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		v, err := apart(values, loadFunction, load)
		return v, 0, err
	}
}

func hit(l *Lookup) *Result {
	return &Result{Status: l.Status, Value: l.Entry.Value, Entry: l.Entry, ID: l.Entry.ID, Similarity: l.Similarity, Lookup: l}
}

// dropAbove times as many writes as the writer's queue takes may wait; beyond them Do keeps no answer from its callers to store it.
const dropAbove = 4

// fly runs in the flight, on a goroutine of its own, for all who wait.
func (c *Cache) fly(ctx context.Context, l *Lookup, load LoadFunc) (any, error) {
	if !c.begin() {
		return loaded{closed: true}, nil
	}
	defer c.working.Done()
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	// Look again, now that nobody else flies for this key. Otherwise:
	//  1. A and B look up, and both miss.
	//  2. A flies: loads, fills, lands. Its flight is over.
	//  3. B, who was slow, finds no flight under way, starts one, and loads what A has just stored.
	if l.Status == Miss && l.Mode != ModeShadow {
		again := Lookup{c: c, q: l.q, exact: l.exact}
		if c.lookExact(&again) && again.Status == HitExact {
			return loaded{value: again.Entry.Value, id: again.Entry.ID, partition: again.Entry.partition, found: true}, nil
		}
	}
	v, err := apart(ctx, loadFunction, load)
	if err != nil {
		return nil, err
	}
	if w := c.store.Load(); w.Waiting >= dropAbove*int64(w.Room) {
		c.stats.fillsDropped.Add(1)
		return loaded{value: v, fillErr: ErrOverloaded}, nil
	}
	id, err := apart(ctx, "storing the answer", func(ctx context.Context) (ID, error) { return l.Fill(ctx, v) })
	return loaded{value: v, id: id, partition: l.partition, fillErr: err}, nil
}

// loadFunction is what errors call a LoadFunc.
const loadFunction = "the load function"

// safely runs what callers have brought and turns its panic into an error: singleflight would let it end the process, from a
// goroutine that no caller can guard. Beside the load that is what Fill calls, an Embedder and Options.ReadAnswer.
func safely[T any](ctx context.Context, what string, run func(context.Context) (T, error)) (v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("cache: %s panicked: %v\n%s", what, r, debug.Stack())
		}
	}()
	return run(ctx)
}

// apart is safely on a goroutine of its own, which runtime.Goexit may end: that is ErrExited then. It would end the flight's, and
// singleflight tells those who wait on a channel nothing of a flight that has no end.
func apart[T any](ctx context.Context, what string, run func(context.Context) (T, error)) (v T, err error) {
	err = fmt.Errorf("%w: %s", ErrExited, what)
	done := make(chan struct{})
	go func() {
		defer close(done)
		v, err = safely(ctx, what, run)
	}()
	<-done
	return v, err
}
