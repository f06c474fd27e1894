package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// questionOf is the n-th question of a partition large enough to be laid out. Its three words are shared with others', and tell it
// from all.
func questionOf(n int) Query {
	return ask(fmt.Sprintf("a%d b%d c%d", n%40, n/40, (n*7)%31))
}

// trios embeds such questions, so that no two are the same.
func trios() *bagEmbedder {
	return &bagEmbedder{id: "trios", dim: 128, make: func(text string) []float32 {
		v := make([]float32, 128)
		var a, b, c int
		if _, err := fmt.Sscanf(strings.ToLower(text), "a%d b%d c%d", &a, &b, &c); err == nil {
			v[a], v[40+b], v[80+c] = 1, 1, 1
		}
		v[127] = 0.01
		return v
	}}
}

// many fills a new file and closes it, and returns its path.
func many(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cache.db")
	c := open(t, Options{Embedder: trios(), Threshold: 0.99, SweepInterval: -1}, path)
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			for i := w; i < n; i += 16 {
				if _, err := c.Put(bg, questionOf(i), Value{Body: []byte(fmt.Sprint("body ", i))}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// reopened opens a file and expects the semantic tier to know exactly the questions for which there says so.
func reopened(t *testing.T, path string, n int, there func(int) bool) (LoadStats, *Cache) {
	t.Helper()
	c := open(t, Options{Embedder: trios(), Threshold: 0.99, SweepInterval: -1}, path)
	count := int64(0)
	for i := range n {
		q := questionOf(i)
		q.Messages[0].Text = strings.ToUpper(q.Messages[0].Text) // another exact key, the same vector
		want, body := Miss, ""
		if there(i) {
			want, body, count = HitSemantic, fmt.Sprint("body ", i), count+1
		}
		if i%40 == 0 || i%4 == 0 && !there(i) {
			expect(t, c, q, want, body)
		}
	}
	if s := c.Stats(); s.Entries != count || int64(s.Vectors) != count || s.Load.Read != count || !s.Load.Ready {
		t.Errorf("%d entries, %d vectors, load %+v; want %d", s.Entries, s.Vectors, s.Load, count)
	}
	return c.Stats().Load, c
}

func TestSnapshot(t *testing.T) {
	const n = 1240
	path := many(t, n)
	whole, err := os.ReadFile(snapshotPath(path))
	if err != nil {
		t.Fatal(err)
	}
	all := func(int) bool { return true }
	load, c := reopened(t, path, n, all)
	if !load.FromSnapshot {
		t.Errorf("the snapshot was not used: %+v", load)
	}
	// What came and went after it is known, too, when only the old one is left, as after a crash.
	for i := range 60 {
		if err := c.Delete(bg, c.Lookup(bg, questionOf(i*3)).Entry.ID); err != nil {
			t.Fatal(err)
		}
	}
	for i := n; i < n+50; i++ {
		put(t, c, questionOf(i), fmt.Sprint("body ", i))
	}
	closeSound(t, c)
	if err := os.WriteFile(snapshotPath(path), whole, 0o600); err != nil {
		t.Fatal(err)
	}
	changed := func(i int) bool { return i%3 != 0 || i >= 180 }
	load, c = reopened(t, path, n+50, changed)
	if !load.FromSnapshot {
		t.Errorf("the older snapshot was not used: %+v", load)
	}
	closeSound(t, c)

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	older, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(snapshotPath(many(t, n)))
	if err != nil {
		t.Fatal(err)
	}
	for what, bad := range map[string][]byte{
		"cut": whole[:r.IntN(len(whole))], "empty": {}, "text": []byte("not a snapshot"), "another file": other,
		"digest": func() []byte {
			b := bytes.Clone(whole)
			b[r.IntN(len(b))] ^= 1 << r.IntN(8)
			return b
		}(),
	} {
		if err := os.WriteFile(snapshotPath(path), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		load, c = reopened(t, path, n+50, changed)
		if load.FromSnapshot || load.Refused == "" {
			t.Errorf("%s: %+v", what, load)
		}
		closeSound(t, c)
	}
	// What a process left that was killed while it wrote one goes, and the one before counts.
	if err := errors.Join(os.WriteFile(snapshotPath(path), whole, 0o600), os.WriteFile(snapshotPath(path)+newSuffix, whole[:len(whole)/2], 0o600)); err != nil {
		t.Fatal(err)
	}
	if load, c = reopened(t, path, n+50, changed); !load.FromSnapshot {
		t.Errorf("a half-written one beside it: %+v", load)
	}
	if _, err := os.Stat(snapshotPath(path) + newSuffix); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the half-written one: %v", err)
	}
	closeSound(t, c)
	// A copy of the file that is put back is older than its snapshot.
	c = open(t, Options{Embedder: trios()}, path)
	put(t, c, ask("one more"), "x")
	closeSound(t, c)
	if err := os.WriteFile(path, older, 0o600); err != nil {
		t.Fatal(err)
	}
	if load, _ = reopened(t, path, n+50, changed); load.FromSnapshot || !strings.Contains(load.Refused, "put back") {
		t.Errorf("a snapshot from the future: %+v", load)
	}
}

// TestOpenEarly writes and removes while the index is being filled. In the end memory knows what the file holds.
// TestSnapshotErrors holds that a snapshot which fails is counted, wherever it does, and one that its caller gave up is not.
func TestSnapshotErrors(t *testing.T) {
	c := open(t, Options{Embedder: newBag()})
	put(t, c, ask("a question"), "an answer")
	left, leave := context.WithCancel(bg)
	leave()
	if err := c.snapshot(left); !errors.Is(err, context.Canceled) || c.Stats().SnapshotErrors != 0 {
		t.Errorf("given up: %v, %d counted", err, c.Stats().SnapshotErrors)
	}
	if err := c.store.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.snapshot(bg); err == nil || c.stats.snapshotErrors.Load() != 1 {
		t.Errorf("%v, %d counted", err, c.stats.snapshotErrors.Load())
	}
}

func TestOpenEarly(t *testing.T) {
	const n = 1240
	path := many(t, n)
	for round := range 4 {
		if round%2 == 1 {
			if err := os.Remove(snapshotPath(path)); err != nil {
				t.Fatal(err)
			}
		}
		c := open(t, Options{Embedder: trios(), Threshold: 0.99, SweepInterval: -1, OpenEarly: true}, path)
		first := round * 100
		expect(t, c, questionOf(n-1), HitExact, fmt.Sprint("body ", n-1)) // the exact tier does not wait
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for i := first + w; i < first+100; i += 4 {
					l := c.Lookup(bg, questionOf(i))
					if l.Status != HitExact {
						t.Errorf("%d: %v", i, l.Status)
						continue
					}
					if err := c.Delete(bg, l.Entry.ID); err != nil {
						t.Error(err)
					}
					if _, err := c.Put(bg, questionOf(n-1-i), Value{Body: []byte(fmt.Sprint("body ", n-1-i))}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if err := c.WaitReady(bg); err != nil {
			t.Fatal(err)
		}
		if s := c.Stats(); s.Entries != int64(n-first-100) || s.Vectors != n-first-100 || s.IndexErrors != 0 {
			t.Errorf("round %d: %d entries, %d vectors, %d index errors", round, s.Entries, s.Vectors, s.IndexErrors)
		}
		closeSound(t, c)
		_, c = reopened(t, path, n, func(i int) bool { return i >= first+100 })
		closeSound(t, c)
	}
}

// TestCloseWhileLoading closes a cache that is not ready.
func TestCloseWhileLoading(t *testing.T) {
	path := many(t, 1240)
	for range 5 {
		c := open(t, Options{Embedder: trios(), OpenEarly: true}, path)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	reopened(t, path, 1240, func(int) bool { return true })
}
