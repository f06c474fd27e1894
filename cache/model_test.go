package cache

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// modelEntry is what the model knows of a stored answer.
type modelEntry struct {
	id      ID
	body    string
	created time.Time
	expires time.Time // zero: never
}

// modelKey names a question in the model.
type modelKey struct{ ns, text string }

// TestModel drives a cache and a plain map with the same random operations, clock and restarts included, and
// compares what they answer. rapid prints the failing sequence, and its seed.
func TestModel(t *testing.T) {
	dir := t.TempDir()
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		path := filepath.Join(dir, fmt.Sprint(run, ".db"))
		synctest.Test(t, func(*testing.T) { runModel(rt, t, path) })
	})
}

func runModel(t *rapid.T, outer *testing.T, path string) {
	hot := rapid.SampledFrom([]int64{-1, 20_000, 0}).Draw(t, "hot bytes")
	// Whatever the options are that change how, and not what, the answers are the model's.
	options := Options{
		Embedder: newBag(), HotBytes: hot, SweepInterval: time.Minute, Mode: ModeSimple,
		OpenEarly:        rapid.Bool().Draw(t, "open early"),
		SnapshotInterval: rapid.SampledFrom([]time.Duration{-1, 0, time.Second}).Draw(t, "snapshot interval"),
	}
	c, err := Open(path, options)
	if err != nil {
		t.Fatal(err)
	}
	model := map[modelKey]modelEntry{}
	live := func(k modelKey) (modelEntry, bool) {
		e, ok := model[k]
		return e, ok && (e.expires.IsZero() || time.Now().Before(e.expires))
	}
	key := rapid.Custom(func(t *rapid.T) modelKey {
		return modelKey{
			ns:   rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "ns"),
			text: rapid.SampledFrom([]string{"", "one", "two", "three", "four"}).Draw(t, "text"),
		}
	})
	query := func(k modelKey) Query {
		q := ask(k.text)
		q.Namespace = k.ns
		return q
	}
	serial := 0
	t.Repeat(map[string]func(*rapid.T){
		"put": func(t *rapid.T) {
			k := key.Draw(t, "key")
			q := query(k)
			ttl := rapid.SampledFrom([]time.Duration{0, NoExpiry, 30 * time.Second, time.Hour}).Draw(t, "ttl")
			q.TTL = ttl
			serial++
			e := modelEntry{body: fmt.Sprint("body ", serial), created: time.Now()}
			if ttl > 0 {
				e.expires = e.created.Add(ttl)
			}
			var err error
			if e.id, err = c.Put(bg, q, Value{Body: []byte(e.body)}); err != nil {
				t.Fatal(err)
			}
			model[k] = e
		},
		"look": func(t *rapid.T) {
			k := key.Draw(t, "key")
			q := query(k)
			q.MaxAge = rapid.SampledFrom([]time.Duration{0, time.Second, time.Hour}).Draw(t, "max age")
			want, ok := live(k)
			ok = ok && (q.MaxAge == 0 || time.Since(want.created) <= q.MaxAge)
			l := c.Lookup(bg, q)
			if (l.Status == HitExact) != ok || l.Err != nil {
				t.Fatalf("%v: %v %v, want a hit: %v", k, l.Status, l.Err, ok)
			}
			if ok && (string(l.Entry.Value.Body) != want.body || l.Entry.ID != want.id) {
				t.Fatalf("%v: served %+v, want %+v", k, l.Entry, want)
			}
		},
		"get": func(t *rapid.T) {
			k := key.Draw(t, "key")
			want, ok := live(k)
			if e, err := c.Get(bg, want.id); (err == nil) != ok || ok && string(e.Value.Body) != want.body {
				t.Fatalf("%v: %+v %v, want %+v %v", k, e, err, want, ok)
			}
		},
		"delete": func(t *rapid.T) {
			k := key.Draw(t, "key")
			e, ok := model[k]
			_, isLive := live(k)
			// What has expired may have been swept or not; what has not must be there.
			if err := c.Delete(bg, e.id); err != nil && isLive || err == nil && !ok {
				t.Fatalf("%v: delete of %v: %v", k, e, err)
			}
			delete(model, k)
		},
		"purge": func(t *rapid.T) {
			ns := rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "ns")
			if _, err := c.Purge(bg, ns); err != nil {
				t.Fatal(err)
			}
			for k := range model {
				if k.ns == ns {
					delete(model, k)
				}
			}
		},
		"wait": func(t *rapid.T) {
			time.Sleep(rapid.SampledFrom([]time.Duration{time.Second, 40 * time.Second, 2 * time.Hour}).Draw(t, "wait")) // the bubble's clock
			synctest.Wait()
		},
		"compact": func(t *rapid.T) {
			if _, _, err := c.Compact(bg, nil); err != nil {
				t.Fatal(err)
			}
		},
		"restore": func(t *rapid.T) { // a backup takes the file's place
			backup, err := os.Create(path + ".backup")
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Backup(bg, backup)
			if err := errors.Join(err, backup.Close(), c.Close()); err != nil {
				t.Fatal(err)
			}
			if r, err := Restore(bg, backup.Name(), path, true); err != nil || !r.OK() {
				t.Fatal(r, err)
			}
			if c, err = Open(path, options); err != nil {
				t.Fatal(err)
			}
		},
		"move": func(t *rapid.T) { // all entries into a file of their own, under new ids
			other := path + ".moved"
			to, err := Open(other, options)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Export(bg, func(r *Record) error {
				_, err := to.Import(bg, r)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(c.Close(), to.Close(), os.Rename(other, path)); err != nil {
				t.Fatal(err)
			}
			if c, err = Open(path, options); err != nil {
				t.Fatal(err)
			}
			for k, e := range model {
				if _, ok := live(k); !ok {
					delete(model, k) // what has expired stays behind
					continue
				}
				e.id = c.Lookup(bg, query(k)).Entry.ID
				model[k] = e
			}
		},
		"reopen": func(t *rapid.T) {
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			if c, err = Open(path, options); err != nil {
				t.Fatal(err)
			}
		},
		"": func(t *rapid.T) {
			if err := c.WaitReady(bg); err != nil {
				t.Fatal(err)
			}
			alive := 0
			for k := range model {
				if _, ok := live(k); ok {
					alive++
				}
			}
			if s := c.Stats(); s.Entries < int64(alive) || s.Entries > int64(len(model)) || s.SweepErrors != 0 {
				t.Fatalf("%d entries, the model has %d, %d alive", s.Entries, len(model), alive)
			}
		},
	})
	closeSound(outer, c)
}
