package cache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// TestClockStepsBack reads a file whose entries were written by a clock that was ahead. They are young, not old, and expire when they
// said they would.
func TestClockStepsBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ahead.db")
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(48 * time.Hour) // the bubble's clock, which begins anew in the next one
		c := open(t, Options{Embedder: newBag(), Threshold: 0.8}, path)
		brief := ask("how long does this one live")
		brief.TTL = time.Hour
		put(t, c, brief, "A1")
		put(t, c, ask("and how long does that one"), "A2")
	})
	synctest.Test(t, func(t *testing.T) {
		c := open(t, Options{Embedder: newBag(), Threshold: 0.8}, path)
		young := ask("how long does this one live")
		young.MaxAge = time.Second
		if l := expect(t, c, young, HitExact, "A1"); l.Entry.Created.Before(time.Now()) {
			t.Error("the clock did not step back: the test shows nothing")
		}
		expect(t, c, ask("and how long does that one"), HitExact, "A2")
		put(t, c, ask("and how long does that one"), "A3") // replaces what is of later
		expect(t, c, ask("and how long does that one"), HitExact, "A3")
		time.Sleep(50 * time.Hour)
		expect(t, c, ask("how long does this one live"), Miss, "")
		expect(t, c, ask("and how long does that one"), HitExact, "A3")
	})
}

// TestUnwritable names the file, the reason and the remedy where the file cannot be made or opened.
func TestUnwritable(t *testing.T) {
	dir := t.TempDir()
	var e *StoreError
	if _, err := Open(filepath.Join(dir, "none", "a.db"), Options{}); !errors.As(err, &e) || e.Hint == "" || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: %v", err)
	}
	path := filepath.Join(dir, "a.db")
	if os.Geteuid() == 0 { // who may everything is refused nothing: what the store says of others is made
		err := storeErr(path, &store.Fault{Kind: store.ReadOnly, Err: os.ErrPermission})
		if !errors.As(err, &e) || e.Hint == "" || !errors.Is(err, ErrReadOnly) || !errors.Is(err, os.ErrPermission) {
			t.Errorf("a file that may only be read: %v", err)
		}
		return
	}
	closeSound(t, open(t, Options{}, path))
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("a file that may only be read: %v", err)
	}
}

// TestClockThatWasAheadHoldsNothingUp: after a clock that was years ahead was set right, what was learnt under it fades like all else, and
// calls that are limited by the minute are made again.
func TestClockThatWasAheadHoldsNothingUp(t *testing.T) {
	const year = int64(365 * 24 * time.Hour)
	at := time.Now().UnixNano()
	m := newMemory(DefaultHalfLife, func(string) float64 { return 0.01 }, nil)
	entry, partition := Hash([]byte("entry")), Hash([]byte("partition"))
	m.mu.Lock()
	m.teach(&label{
		entry: entry, partition: partition, namespace: "ns", probability: 0.9, right: false, weight: 1, from: fromFeedback, by: alice,
	}, at+10*year)
	m.rate("ns", at+10*year).check(0.01, 1, true)
	m.mu.Unlock()
	learnt, _ := m.recall(entry, partition, at)
	m.prune(at)
	m.prune(at + year)
	if faded, _ := m.recall(entry, partition, at+year); !(learnt < -0.1 && faded > learnt/100) {
		t.Errorf("a year after, %v is still %v", learnt, faded)
	}
	if share := m.rates["ns"]; share != nil && share.Sum > 0.01 {
		t.Errorf("a year after, a check still counts %v", share.Sum)
	}

	calls := meter{perMinute: 1}
	ahead := time.Unix(0, at+10*year)
	if !calls.take(ahead) || calls.take(ahead) {
		t.Error("one call a minute was to be made")
	}
	if !calls.take(time.Unix(0, at)) {
		t.Error("no call is made until the clock is as far as it was")
	}
}

// TestClockOfItsOwn puts questions to a cache at times that the test says, as where past traffic is put to it: what is stored is dated,
// ages and expires by them, whatever the machine's clock says, and a sweep removes what they are past.
func TestClockOfItsOwn(t *testing.T) {
	var at atomic.Int64
	began := time.Date(2020, 2, 28, 9, 0, 0, 0, time.UTC)
	c := open(t, Options{
		Embedder: newBag(), Threshold: 0.8, TTL: 24 * time.Hour, Now: func() time.Time { return time.Unix(0, at.Load()) },
	})
	to := func(d time.Duration) { at.Store(began.Add(d).UnixNano()) }
	to(0)
	near := "how long does this one live in here"
	put(t, c, ask("how long does this one live in there"), "A1")
	if l := expect(t, c, ask(near), HitSemantic, "A1"); l.Entry == nil || !l.Entry.Created.Equal(began) || !l.Entry.Expires.Equal(began.Add(24*time.Hour)) {
		t.Errorf("stored at %v: %+v", began, l.Entry)
	}
	to(2 * time.Hour)
	young := ask(near)
	young.MaxAge = time.Hour
	expect(t, c, young, Miss, "")
	expect(t, c, ask(near), HitSemantic, "A1")
	to(25 * time.Hour)
	if l := expect(t, c, ask("how long does this one live in there"), Miss, ""); l.Reason != ReasonExpired {
		t.Errorf("reason %q", l.Reason)
	}
	expect(t, c, ask(near), Miss, "")
	if err := c.Sweep(bg); err != nil || c.Stats().Entries != 0 {
		t.Errorf("%d entries after the sweep, %v", c.Stats().Entries, err)
	}
	to(0)
	put(t, c, ask("what of a clock that goes back"), "A2")
	expect(t, c, ask("what of a clock that goes back"), HitExact, "A2")
}

// TestClockIsAskedUnderNoLock: a caller's clock may look at the cache that asks it.
func TestClockIsAskedUnderNoLock(t *testing.T) {
	var of atomic.Pointer[memory]
	c := open(t, Options{SweepInterval: -1, Now: func() time.Time {
		if m := of.Load(); m != nil {
			if !m.mu.TryLock() {
				t.Error("the memory is locked")
			} else {
				m.mu.Unlock()
			}
		}
		return time.Now()
	}})
	m, body := c.memory, []byte("an answer")
	d, _ := c.answerDigest(body)
	m.mu.Lock()
	m.trait(store.EntryTrait, alice, time.Now().UnixNano()).Shun = d
	m.mu.Unlock()
	of.Store(m)
	m.leaveOpen(cell{2, 3}, bob)
	c.filling(alice, body)
	of.Store(nil)
	if _, gone := m.recall(alice, bob, time.Now().UnixNano()); !gone {
		t.Error("the answer that was shunned is not demoted: the test shows nothing")
	}
}

// TestClockBefore1970: times that are negative in the file expire, and are swept, as others are.
func TestClockBefore1970(t *testing.T) {
	var at atomic.Int64
	c := open(t, Options{TTL: time.Hour, SweepInterval: -1, Now: func() time.Time { return time.Unix(0, at.Load()) }})
	began := time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, then := range []time.Time{began, time.Unix(0, 0).Add(-time.Hour), time.Unix(0, 0)} {
		at.Store(then.UnixNano())
		q := ask(fmt.Sprint("what happens in case ", i))
		put(t, c, q, "A")
		expect(t, c, q, HitExact, "A")
		later := ask(fmt.Sprint("what happens later in case ", i))
		later.TTL = 100 * 365 * 24 * time.Hour
		put(t, c, later, "B")
		at.Add(int64(2 * time.Hour))
		if l := expect(t, c, q, Miss, ""); l.Reason != ReasonExpired {
			t.Errorf("%v: reason %q", then, l.Reason)
		}
		if err := c.Sweep(bg); err != nil || c.Stats().Entries != int64(i+1) {
			t.Errorf("%v: %d entries after the sweep, %v", then, c.Stats().Entries, err)
		}
	}
}
