package cache

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// holds compares the cache's books with what its file has, entry by entry.
func holds(t interface {
	Helper()
	Fatalf(string, ...any)
}, c *Cache) RoomStats {
	t.Helper()
	want, vectors := RoomStats{MaxEntries: max(0, c.opts.MaxEntries), MaxBytes: max(0, c.opts.MaxBytes)}, 0
	for after, more := uint64(0), true; more; {
		var found []store.Scanned
		var err error
		if found, after, more, err = c.store.Scan(after, math.MaxUint64, 100); err != nil {
			t.Fatalf("scan: %v", err)
		}
		for i := range found {
			want.Entries++
			want.Bytes += c.sizeOf(&found[i].Head)
			if found[i].Vector != nil {
				vectors++
			}
		}
	}
	got, s := c.Room(), c.Stats()
	if got != want || s.Entries != want.Entries || s.Vectors != vectors {
		t.Fatalf("room %+v, statistics %d entries and %d vectors; the file has %+v and %d", got, s.Entries, s.Vectors, want, vectors)
	}
	if want.MaxEntries > 0 && got.Entries > want.MaxEntries || want.MaxBytes > 0 && got.Bytes > want.MaxBytes {
		t.Fatalf("above the limits: %+v", got)
	}
	for name, n := range c.opts.Namespaces {
		if r := c.RoomOf(name); n.MaxEntries > 0 && r.Entries > n.MaxEntries || n.MaxBytes > 0 && r.Bytes > n.MaxBytes {
			t.Fatalf("namespace %q is above its limits: %+v", name, r)
		}
	}
	return got
}

// fitted waits until a cache that was opened is within its limits, which Open has done in the background. The books know what goes as
// soon as it is picked, the file once it is committed: a commit of one's own is behind any that is under way.
func fitted(t interface{ Fatalf(string, ...any) }, c *Cache) {
	for {
		if err := c.store.Fit(bg); err != nil {
			t.Fatalf("fit: %v", err)
		}
		if !c.room.Over() {
			return
		}
	}
}

// TestLimitsHold puts, replaces, asks, deletes, and opens anew with other limits, and holds the books against the file each time.
func TestLimitsHold(t *testing.T) {
	dir := t.TempDir()
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		path := filepath.Join(dir, fmt.Sprint(run, ".db"))
		opened := func() *Cache {
			o := Options{
				Embedder: newBag(), MaxError: 1, SweepInterval: -1,
				MaxEntries: int64(rapid.SampledFrom([]int{NoLimit, 3, 12}).Draw(t, "entries")),
				MaxBytes:   int64(rapid.SampledFrom([]int{NoLimit, 9_000, 30_000}).Draw(t, "bytes")),
				Namespaces: map[string]NamespaceOptions{"own": {MaxEntries: int64(rapid.IntRange(1, 4).Draw(t, "own"))}},
			}
			c, err := Open(path, o)
			if err != nil {
				t.Fatalf("open: %v", err)
			}
			fitted(t, c)
			return c
		}
		c := opened()
		defer func() { _ = c.Close() }()
		var ids []ID
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			q := in(rapid.SampledFrom([]string{"", "own"}).Draw(t, "namespace"), fmt.Sprint("question number ", rapid.IntRange(0, 15).Draw(t, "question")))
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0, 1, 2:
				id, err := c.Put(bg, q, Value{Body: []byte(strings.Repeat("x", rapid.IntRange(0, 3000).Draw(t, "length"))), Cost: rapid.Float64Range(0, 0.1).Draw(t, "cost"), Took: time.Second})
				if err != nil {
					t.Fatalf("put: %v", err)
				}
				ids = append(ids, id)
			case 3:
				c.Lookup(bg, q)
			case 4:
				if len(ids) > 0 {
					_ = c.Delete(bg, rapid.SampledFrom(ids).Draw(t, "deleted")) // it may have gone before
				}
			default:
				if err := c.Close(); err != nil {
					t.Fatalf("close: %v", err)
				}
				c = opened()
			}
			holds(t, c)
		}
		r, err := c.Check(bg)
		if err != nil || !r.OK() {
			t.Fatalf("check: %+v, %v", r, err)
		}
	})
}

// TestDearAnswersStay: of answers that are asked for alike, those stay that cost more to make.
func TestDearAnswersStay(t *testing.T) {
	c := open(t, Options{MaxEntries: 100})
	for i := range 200 {
		v := Value{Body: []byte("an answer"), Cost: 0.0001}
		if i%2 == 0 {
			v.Cost = 0.01
		}
		if _, err := c.Put(bg, ask(fmt.Sprint("question ", i)), v); err != nil {
			t.Fatal(err)
		}
	}
	holds(t, c)
	dear := 0
	for i := 0; i < 200; i += 2 {
		if l := c.Lookup(bg, ask(fmt.Sprint("question ", i))); l.Status == HitExact {
			dear++
			if l.Entry.Value.Cost != 0.01 {
				t.Errorf("question %d: cost %v", i, l.Entry.Value.Cost)
			}
		}
	}
	if dear < 90 {
		t.Errorf("%d of 100 dear answers stayed", dear)
	}
	if n := c.Stats().Evicted; n != 100 {
		t.Errorf("%d evicted, want 100", n)
	}
}

// TestUsesSurvive: what was asked for before a restart stays when there is less room after it.
func TestUsesSurvive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache.db")
	c, err := Open(path, Options{SweepInterval: -1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		put(t, c, ask(fmt.Sprint("question ", i)), "an answer")
	}
	for i := range 20 {
		for range 4 {
			expect(t, c, ask(fmt.Sprint("question ", 3*i)), HitExact, "an answer")
		}
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = open(t, Options{MaxEntries: 20, SweepInterval: -1}, path)
	fitted(t, c)
	holds(t, c)
	for i := range 20 {
		expect(t, c, ask(fmt.Sprint("question ", 3*i)), HitExact, "an answer")
	}
}

// TestVerdictOutlivesEviction: an answer that was found wrong for other questions is not served to them when it was evicted and
// bought again.
func TestVerdictOutlivesEviction(t *testing.T) {
	c := open(t, Options{Embedder: newBag(), Threshold: 0.5, MaxEntries: 5})
	const question, reworded = "how do I reset my router password", "how do I reset my router password please"
	id := put(t, c, ask(question), "hold the button")
	expect(t, c, ask(reworded), HitSemantic, "hold the button")
	if err := c.Judge(bg, id, JudgedWrong); err != nil {
		t.Fatal(err)
	}
	expect(t, c, ask(reworded), Miss, "")
	for i := range 100 {
		put(t, c, ask(fmt.Sprint("something else ", i)), strings.Repeat("dear ", 1000))
	}
	if l := c.Lookup(bg, ask(question)); l.Status.Hit() {
		t.Fatal("it was not evicted")
	}
	put(t, c, ask(question), "hold the button")
	expect(t, c, ask(question), HitExact, "hold the button")
	expect(t, c, ask(reworded), Miss, "")
}

// TestTooLargeForTheLimits is refused, with the limit's name.
func TestTooLargeForTheLimits(t *testing.T) {
	c := open(t, Options{MaxBytes: 2000, Namespaces: map[string]NamespaceOptions{"small": {MaxBytes: 1000}}})
	v := Value{Body: make([]byte, 1500)}
	if _, err := c.Put(bg, in("", "q"), v); err != nil {
		t.Error(err)
	}
	if _, err := c.Put(bg, in("small", "q"), v); err == nil || !strings.Contains(err.Error(), `MaxBytes of the namespace "small" is 1000`) {
		t.Errorf("error %v", err)
	}
	if _, err := c.Put(bg, in("", "p"), Value{Body: make([]byte, 2500)}); err == nil || !strings.Contains(err.Error(), "Options.MaxBytes is 2000") {
		t.Errorf("error %v", err)
	}
	for _, v := range []Value{{Cost: -1}, {Took: -1}} {
		if _, err := c.Put(bg, ask("q"), v); err == nil {
			t.Errorf("%+v was taken", v)
		}
	}
	holds(t, c)
}
