package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

const testTimeout = 100 * time.Millisecond

var bg = context.Background()

func open(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(path, Options{LockTimeout: testTimeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		sound(t, path)
	})
	return s
}

// sound fails the test if the file has a problem.
func sound(t *testing.T, path string) *Report {
	t.Helper()
	r, err := CheckFile(bg, path, testTimeout)
	if err != nil {
		t.Fatalf("check: %v", err)
	}
	for _, p := range r.Problems {
		t.Errorf("check: %+v", p)
	}
	return r
}

func headOf(n int, text string) Head {
	h := Head{Created: int64(n) + 1, Namespace: "ns", Text: text, Semantic: true}
	binary.BigEndian.PutUint64(h.Key[:], uint64(n))
	h.Partition[0] = byte(n % 3)
	return h
}

func unitVector(n, dim int) []float32 {
	v := make([]float32, dim)
	v[n%dim] = 1
	return v
}

func body(n int) []byte { return bytes.Repeat([]byte{byte(n), byte(n >> 8), 0xA5}, 20+n%700) } // most of them are compressed

// noCommit fails every commit that removes something, at its end.
type noCommit struct{ Keeper }

func (noCommit) Fit(changes []Change) ([]uint64, []Uses) {
	for i := range changes {
		if changes[i].Removed != nil {
			panic("no")
		}
	}
	return nil, nil
}

func (noCommit) Done(bool) {}

// TestAFailedCommitRemovesNothing, and does not say that it did.
func TestAFailedCommitRemovesNothing(t *testing.T) {
	for name, remove := range map[string]func(*Store) (int, error){
		"delete": func(s *Store) (int, error) { return s.Delete(bg, []uint64{1}) },
		"sweep":  func(s *Store) (int, error) { return s.Sweep(bg, math.MaxInt64, 10) },
	} {
		s, err := Open(filepath.Join(t.TempDir(), "a.db"), Options{LockTimeout: testTimeout, Keeper: noCommit{}})
		if err != nil {
			t.Fatal(err)
		}
		h := headOf(1, "text")
		h.Expires = 1000
		if _, err := s.Put(bg, h, body(1), nil); err != nil {
			t.Fatal(err)
		}
		if n, err := remove(s); err == nil || n != 0 {
			t.Errorf("%s: %d, %v", name, n, err)
		}
		if n, err := s.Len(); err != nil || n != 1 {
			t.Errorf("%s: %d entries left, %v", name, n, err)
		}
		_ = s.Close() // tells of the commit that failed
	}
}

// fillStore puts n entries, some of which expire and some of which have vectors.
func fillStore(t *testing.T, s *Store, n int) {
	t.Helper()
	if _, ok := s.Model(); !ok {
		if err := s.SetModel(bg, Model{ID: "m1", Dim: 8}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		h := headOf(i, fmt.Sprint("text ", i))
		if i%4 == 0 {
			h.Expires = int64(1000 + i)
		}
		var vec []float32
		if i%2 == 0 {
			vec = unitVector(i, 8)
		}
		if _, err := s.Put(bg, h, body(i), vec); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Learn(bg, func() *Learning { return learning(n / 4) }); err != nil {
		t.Fatal(err)
	}
}

func TestPutReadOverwriteDelete(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	var changes []Change
	s, err := Open(path, Options{LockTimeout: testTimeout, OnCommit: func(c Change) { changes = append(changes, c) }})
	if err != nil {
		t.Fatal(err)
	}
	h := headOf(1, "first")
	h.Expires = 50
	id1, err := s.Put(bg, h, []byte("one"), nil)
	if err != nil {
		t.Fatal(err)
	}
	h.Text, h.Expires = "second", 0
	id2, err := s.Put(bg, h, []byte("two"), nil)
	if err != nil || id2 <= id1 {
		t.Fatalf("ids %d, %d: %v", id1, id2, err)
	}
	got, b, ok, err := s.ByKey(h.Key)
	if err != nil || !ok || got.ID != id2 || got.Text != "second" || string(b) != "two" || got.BodyLen != 3 {
		t.Errorf("by key: %+v %q %v %v", got, b, ok, err)
	}
	if _, _, ok, err := s.ByID(id1); ok || err != nil {
		t.Errorf("the replaced entry is there: %v %v", ok, err)
	}
	if last := changes[len(changes)-1]; len(last.Removed) != 1 || last.Removed[0].ID != id1 || last.Put.ID != id2 {
		t.Errorf("change: %+v", last)
	}
	if n, err := s.Delete(bg, []uint64{id1, id2}); n != 1 || err != nil {
		t.Errorf("delete: %d %v", n, err)
	}
	if _, _, ok, err := s.ByKey(h.Key); ok || err != nil {
		t.Errorf("after delete: %v %v", ok, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put(bg, h, nil, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("put after close: %v", err)
	}
	if _, _, _, err := s.ByKey(h.Key); !errors.Is(err, ErrClosed) {
		t.Errorf("read after close: %v", err)
	}
	if r := sound(t, path); r.Entries != 0 {
		t.Errorf("%d entries left", r.Entries)
	}
}

func TestSweepTakesOnlyTheDue(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "s.db"))
	fillStore(t, s, 40) // 10 of them expire, at 1000, 1004, …, 1036
	for _, want := range []int{3, 2, 0} {
		if n, err := s.Sweep(bg, 1016, 3); n != want || err != nil {
			t.Errorf("swept %d, %v; want %d", n, err, want)
		}
	}
	if n, err := s.Len(); n != 35 || err != nil {
		t.Errorf("%d left, %v", n, err)
	}
}

func TestScanGivesHeadsWithTheirVectors(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "s.db"))
	fillStore(t, s, 30)
	for _, limit := range []int{1, 7, 30, 100} {
		seen := 0
		err := scanAll(s, limit, func(e Scanned) {
			n := int(binary.BigEndian.Uint64(e.Head.Key[:]))
			if (e.Vector != nil) != (n%2 == 0) || e.Vector != nil && e.Vector[n%8] != 1 {
				t.Errorf("entry %d has vector %v", n, e.Vector)
			}
			seen++
		})
		if err != nil || seen != 30 {
			t.Errorf("%d at a time: saw %d: %v", limit, seen, err)
		}
	}
}

// scanAll scans the whole file.
func scanAll(s *Store, limit int, fn func(Scanned)) error {
	for after, more := uint64(0), true; more; {
		var found []Scanned
		var err error
		if found, after, more, err = s.Scan(after, math.MaxUint64, limit); err != nil {
			return err
		}
		for _, e := range found {
			fn(e)
		}
	}
	return nil
}

func TestSecondProcessIsTurnedAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	open(t, path)
	var f *Fault
	if _, err := Open(path, Options{LockTimeout: testTimeout}); !errors.As(err, &f) || f.Kind != Locked {
		t.Errorf("second open: %v", err)
	}
	if _, err := CheckFile(bg, path, testTimeout); !errors.As(err, &f) || f.Kind != Locked {
		t.Errorf("check of an open file: %v", err)
	}
}

func TestUnknownVersionIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	if err := create(path); err != nil {
		t.Fatal(err)
	}
	db, err := bbolt.Open(path, 0o600, boltOptions(testTimeout))
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(bucketMeta).Put(metaFormat, sealBytes(tagMeta, metaFormat, []byte{0, 0, 0, 99}))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	var f *Fault
	if _, err := Open(path, Options{LockTimeout: testTimeout}); !errors.As(err, &f) || f.Kind != Format || !strings.Contains(err.Error(), "99") {
		t.Errorf("open: %v", err)
	}
}

func TestNotADatabase(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "text": "hello", "long text": strings.Repeat("not a database ", 5000), "zeros": strings.Repeat("\x00", 40000),
	} {
		path := filepath.Join(t.TempDir(), "s.db")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		var f *Fault
		if s, err := Open(path, Options{LockTimeout: testTimeout}); !errors.As(err, &f) || f.Kind != Corrupt {
			t.Errorf("%s: %v, %v", name, s, err)
		}
		if r, err := CheckFile(bg, path, testTimeout); err != nil || len(r.Problems) == 0 {
			t.Errorf("%s: check: %+v, %v", name, r, err)
		}
		if after, err := os.ReadFile(path); err != nil || string(after) != content {
			t.Errorf("%s: the file was changed", name)
		}
	}
	if _, err := Open(t.TempDir(), Options{LockTimeout: testTimeout}); err == nil {
		t.Error("a directory was opened")
	}
}

// TestDamage flips single bytes all over a file, and cuts it everywhere. Whatever is hit, opening refuses with a
// Fault, or every body that is served is the right one; and nothing panics. What a check finds clean must be whole.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s.db")
	s, err := Open(path, Options{LockTimeout: testTimeout})
	if err != nil {
		t.Fatal(err)
	}
	const entries = 120
	fillStore(t, s, entries)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const seed = 11
	t.Logf("seed %d, file of %d bytes", seed, len(whole))
	r := rand.New(rand.NewPCG(seed, seed))
	bad := filepath.Join(dir, "bad.db")
	counts := map[string]int{}
	try := func(what string, content []byte) {
		if err := os.WriteFile(bad, content, 0o600); err != nil {
			t.Fatal(err)
		}
		counts[damaged(t, what, bad, entries)]++
	}
	for i := range 1000 {
		at := r.IntN(len(whole))
		if i%3 == 0 { // where the structure is: page headers, elements, metas
			at = at&^4095 + r.IntN(256)
			at = min(at, len(whole)-1)
		}
		content := bytes.Clone(whole)
		content[at] ^= 1 << r.IntN(8)
		try(fmt.Sprint("flip at ", at), content)
	}
	for range 60 {
		n := r.IntN(len(whole))
		try(fmt.Sprint("cut at ", n), whole[:n])
	}
	for range 40 { // a lost write: a page of zeros, or another page's content
		content := bytes.Clone(whole)
		page := r.IntN(len(whole)/4096) * 4096
		clear(content[page : page+4096])
		if r.IntN(2) == 0 {
			from := r.IntN(len(whole)/4096) * 4096
			copy(content[page:page+4096], whole[from:from+4096])
		}
		try(fmt.Sprint("page lost at ", page), content)
	}
	t.Logf("outcomes: %v", counts)
}

// damaged opens a damaged file and reads all of it. It returns what became of it.
func damaged(t *testing.T, what, path string, entries int) string {
	t.Helper()
	var f *Fault
	r, err := CheckFile(bg, path, testTimeout)
	if err != nil {
		t.Fatalf("%s: check: %v", what, err)
	}
	clean := len(r.Problems) == 0
	s, err := Open(path, Options{LockTimeout: testTimeout})
	if err != nil {
		if !errors.As(err, &f) || f.Kind != Corrupt && f.Kind != Format {
			t.Fatalf("%s: open: %v", what, err)
		}
		if clean {
			t.Fatalf("%s: open refuses (%v) what check finds clean", what, err)
		}
		return "refused"
	}
	defer s.Close()
	faults, found := 0, 0
	if err := scanAll(s, 50, func(Scanned) {}); err != nil {
		faults++
	}
	for i := range entries {
		h := headOf(i, fmt.Sprint("text ", i))
		got, b, ok, err := s.ByKey(h.Key)
		switch {
		case err != nil && !errors.As(err, &f):
			t.Fatalf("%s: entry %d: %v", what, i, err)
		case err != nil:
			faults++
		case ok && (!bytes.Equal(b, body(i)) || got.Text != h.Text):
			t.Fatalf("%s: entry %d was served wrong: %+v", what, i, got)
		case ok:
			found++
		}
	}
	if clean && (faults > 0 || found != entries) {
		t.Fatalf("%s: check finds it clean, but %d of %d entries are found and %d reads fail", what, found, entries, faults)
	}
	if clean {
		return "harmless"
	}
	return "opened, reads refused"
}

func TestModelSwitchSurvivesAnInterruption(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s, err := Open(path, Options{LockTimeout: testTimeout})
	if err != nil {
		t.Fatal(err)
	}
	fillStore(t, s, 20)
	cut := errors.New("cut short")
	m2 := Model{ID: "m2", Dim: 4}
	half := func(next Generation) error {
		heads, _, _, _, err := next.Missing(0, 7)
		if err != nil {
			return err
		}
		for _, h := range heads {
			if err := next.Put(bg, []Vector{{h.ID, unitVector(int(h.ID), 4)}}); err != nil {
				return err
			}
		}
		return cut
	}
	if err := s.StartModel(bg, m2, half); !errors.Is(err, cut) {
		t.Fatal(err)
	}
	if m, _ := s.Model(); m.ID != "m1" {
		t.Errorf("the model changed to %s before the end", m.ID)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	sound(t, path)

	s = open(t, path)
	missing := 0
	err = s.StartModel(bg, m2, func(next Generation) error {
		heads, _, _, more, err := next.Missing(0, 100)
		if err != nil || more {
			return fmt.Errorf("missing: more %v, %w", more, err)
		}
		missing = len(heads)
		for _, h := range heads {
			if err := next.Put(bg, []Vector{{h.ID, unitVector(int(h.ID), 4)}}); err != nil {
				return err
			}
		}
		return next.Finish(bg)
	})
	if err != nil || missing != 13 {
		t.Errorf("resumed with %d missing: %v", missing, err)
	}
	if m, _ := s.Model(); m.ID != "m2" {
		t.Errorf("model %s after the switch", m.ID)
	}
	if err := scanAll(s, 50, func(e Scanned) {
		if len(e.Vector) != 4 {
			t.Errorf("entry %d has a vector of %d", e.Head.ID, len(e.Vector))
		}
	}); err != nil {
		t.Error(err)
	}
}
