package requestlog

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// sample makes the file of a log with records on many pages, feedback and totals.
func sample(t *testing.T) []byte {
	t.Helper()
	l, path := open(t, Options{})
	for i := range 400 {
		l.Add(record(i))
	}
	l.AddFeedback("trace-3", []Caller{{}}, Feedback{ID: "f", Value: 1})
	flush(t, l)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// use writes and reads what a server does. What it may not do is panic, or hang.
func use(t *testing.T, l *Log) {
	r := l.Reader()
	for _, newestFirst := range []bool{true, false} {
		for range r.All(Filter{}, newestFirst) {
		}
	}
	_, _, _ = r.Page(Filter{TraceID: "trace-3"})
	_, _, _ = r.GroupCosts("namespace", time.Time{}, time.Now())
	l.Add(record(1))
	l.AddFeedback("trace-4", []Caller{{}}, Feedback{ID: "g", Value: 1})
	l.AmendFeedback([]Caller{{}}, Feedback{ID: "f", Value: -1})
	_ = l.Flush(t.Context())
	l.Stats()
	_ = l.Close()
}

// TestDamageNeverStopsServing flips bits, loses pages and cuts. Whatever is hit, the log opens: as it is, or as a new one while the
// damaged file is kept under another name, byte for byte.
func TestDamageNeverStopsServing(t *testing.T) {
	good := sample(t)
	seed := rand.Uint64()
	t.Logf("seed %d, file of %d bytes", seed, len(good))
	r := rand.New(rand.NewPCG(seed, 0))
	counts := map[string]int{}
	for i := range 250 {
		b := bytes.Clone(good)
		at := r.IntN(len(b))
		switch {
		case i%10 == 0:
			b = b[:max(1, at)]
		case i%10 == 1: // a lost write
			page := at &^ 4095
			clear(b[page : page+4096])
		case i%10 == 2: // and one in another's place
			copy(b[at&^4095:][:4096], b[r.IntN(len(b))&^4095:])
		default:
			if i%2 == 0 {
				at = at&^4095 + r.IntN(256)
			}
			b[at] ^= 1 << r.IntN(8)
		}
		path := filepath.Join(t.TempDir(), "requests.db")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var told bytes.Buffer
		l, err := Open(path, Options{Logger: slog.New(slog.NewTextHandler(&told, nil))})
		if errors.Is(err, ErrFormat) && strings.Contains(err.Error(), "it is of version") {
			counts["another version's, by its bytes"]++ // a digit became another one
			continue
		}
		if err != nil {
			t.Fatalf("change %d at %d: %v", i, at, err)
		}
		use(t, l)
		kept, err := filepath.Glob(path + ".damaged-*")
		if err != nil {
			t.Fatal(err)
		}
		switch len(kept) {
		case 0:
			counts["opened"]++
		case 1:
			counts["set aside"]++
			if was, err := os.ReadFile(kept[0]); err != nil || !bytes.Equal(was, b) {
				t.Fatalf("change %d at %d: what was set aside is not what was there: %v", i, at, err)
			}
			if s := told.String(); !strings.Contains(s, "damaged") || !strings.Contains(s, kept[0]) {
				t.Fatalf("change %d at %d: set aside, and told %q", i, at, s)
			}
			l := reopen(t, path, Options{})
			if found := all(t, l.Reader(), Filter{}, false); len(found) != 1 {
				t.Fatalf("change %d at %d: the new log has %d records", i, at, len(found))
			}
			_ = l.Close()
		default:
			t.Fatalf("change %d at %d: %q", i, at, kept)
		}
	}
	t.Logf("outcomes: %v", counts)
	if counts["opened"] == 0 || counts["set aside"] == 0 {
		t.Error("all of them are treated alike")
	}
}

// TestDamageOfTheRoot: of the page that names the buckets only a part can be read, or all of it but not what is in one of them. The
// file is kept as it was, and a new one begun.
func TestDamageOfTheRoot(t *testing.T) {
	good := sample(t)
	for name, spoil := range map[string]func(page []byte){ // pages that are no longer in use may look the same
		"an element": func(page []byte) { // the second, of 16 bytes as the header before: its offset, which follows four bytes of flags
			if bytes.Contains(page, []byte("costs")) && bytes.Contains(page, []byte("feedback")) && bytes.Contains(page, []byte("records")) {
				page[16+16+4+3] ^= 0x40
			}
		},
		"the salt's name": func(page []byte) {
			for at := bytes.Index(page, []byte("salt")); at >= 0; at = bytes.Index(page, []byte("salt")) {
				page[at] ^= 1
			}
		},
	} {
		b := bytes.Clone(good)
		for page := range slices.Chunk(b, os.Getpagesize()) {
			spoil(page)
		}
		path := filepath.Join(t.TempDir(), "requests.db")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := Open(path, Options{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_ = l.Close()
		kept, _ := filepath.Glob(path + ".damaged-*") // the pattern is good
		if len(kept) != 1 {
			t.Errorf("%s: %q", name, kept)
			continue
		}
		if was, err := os.ReadFile(kept[0]); err != nil || !bytes.Equal(was, b) {
			t.Errorf("%s: what was set aside is not what was there: %v", name, err)
		}
	}
}

// TestRotWhileOpen spoils the file under an open log, whose map shows it at once.
func TestRotWhileOpen(t *testing.T) {
	good := sample(t)
	for name, spoil := range map[string]func(path string) error{
		"cut": func(path string) error { return os.Truncate(path, int64(2*os.Getpagesize())) },
		"noise": func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt(bytes.Repeat([]byte{0x5A}, len(good)-2*os.Getpagesize()), int64(2*os.Getpagesize()))
			return errors.Join(err, f.Close())
		},
	} {
		path := filepath.Join(t.TempDir(), "requests.db")
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
		l := reopen(t, path, Options{})
		if err := spoil(path); err != nil {
			t.Fatal(err)
		}
		var err error
		for _, failed := range l.Reader().All(Filter{}, false) {
			err = failed
		}
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: reading: %v", name, err)
		}
		l.Add(record(1))
		if err := l.Flush(t.Context()); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: writing: %v", name, err)
		}
		use(t, l)
		if _, err := OpenReader(path); !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrBusy) {
			t.Errorf("%s: opened to read: %v", name, err)
		}
	}
}

func TestSetAsideKeepsEarlierOnes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "requests.db")
	now := time.Now()
	seen := map[string]bool{}
	for i := range 3 {
		if err := os.WriteFile(path, fmt.Append(nil, i), 0o600); err != nil {
			t.Fatal(err)
		}
		aside, err := setAside(path, now)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(aside); err != nil || string(b) != fmt.Sprint(i) || seen[aside] {
			t.Errorf("%s holds %q, %v", aside, b, err)
		}
		seen[aside] = true
	}
}

// TestRottenRowOfCosts holds that a row of a day's costs which cannot be read begins anew, and keeps nothing from being written.
func TestRottenRowOfCosts(t *testing.T) {
	var told bytes.Buffer
	l, _ := open(t, Options{Logger: slog.New(slog.NewTextHandler(&told, nil))})
	for range 3 {
		l.Add(record(1))
	}
	flush(t, l)
	rotten := keyOf(record(1)).encode()
	if err := l.store.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(bucketCosts).Put(rotten, []byte(`{"requests":3,"hits`)) }); err != nil {
		t.Fatal(err)
	}
	l.Add(record(1))
	l.Add(record(2))
	flush(t, l)
	var sum Totals
	if err := l.Reader().Costs(time.Time{}, time.Time{}, func(_ CostKey, t *Totals) { sum.Add(t) }); err != nil || sum.Requests != 2 {
		t.Errorf("%d requests are summed: %v", sum.Requests, err)
	}
	if s := l.Stats(); s.Written != 5 || s.Failed != 0 || strings.Count(told.String(), "begins anew") != 1 || !strings.Contains(told.String(), "model=openai/m1") {
		t.Errorf("%+v, and told %q", s, told.String())
	}
}
