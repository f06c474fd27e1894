package cache

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
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
	if os.Geteuid() == 0 {
		return // who may everything is told nothing
	}
	path := filepath.Join(dir, "a.db")
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
	at := now().UnixNano()
	m := newMemory(DefaultHalfLife, func(string) float64 { return 0.01 }, nil)
	entry, partition := Hash([]byte("entry")), Hash([]byte("partition"))
	m.mu.Lock()
	m.teach(&label{
		entry: entry, partition: partition, namespace: "ns", probability: 0.9, right: false, weight: 1, from: fromFeedback, by: alice,
	}, at+10*year)
	checked(&m.rate("ns", at+10*year).Rate, 1, true)
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
