package store

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"unsafe"

	"go.etcd.io/bbolt"
)

var cuts = flag.Int("cuts", 200, "power cuts that TestPowerCut simulates")

// written is one write that bbolt made.
type written struct {
	at   int64
	data []byte
	size int64 // of the file then; bbolt makes it larger, and syncs that, before it writes there
	lazy bool  // bbolt was told to sync nothing
}

// record has note told of every write on its way to the file. bbolt has a place for that, which it does not export; should it go,
// this panics, and with it the test.
func record(db *bbolt.DB, path func() string, note func(written)) {
	field := reflect.ValueOf(db).Elem().FieldByName("ops").FieldByName("writeAt")
	write := (*func([]byte, int64) (int, error))(unsafe.Pointer(field.UnsafeAddr()))
	through := *write
	*write = func(b []byte, at int64) (int, error) {
		st, err := os.Stat(path())
		if err != nil {
			return 0, err
		}
		note(written{at, bytes.Clone(b), max(st.Size(), at+int64(len(b))), db.NoSync})
		return through(b, at)
	}
}

const (
	sector   = 512 // what a disk writes whole or not at all
	cutPage  = 4096
	cutKeys  = 40
	cutSteps = 160
)

// meta reports whether a write is of a meta page, before which bbolt syncs the file, and after.
func (w *written) meta() bool { return w.at < 2*cutPage && !w.lazy }

// busy puts, replaces and deletes, and knows what the file has to hold.
type busy struct {
	t     *testing.T
	r     *rand.Rand
	s     *Store
	step  int
	ids   map[int]uint64
	state map[int]string
}

func (b *busy) change() {
	b.t.Helper()
	b.step++
	b.state = maps.Clone(b.state)
	n := b.r.IntN(cutKeys)
	if b.r.IntN(4) == 0 && b.ids[n] != 0 {
		if _, err := b.s.Delete(bg, []uint64{b.ids[n]}); err != nil {
			b.t.Fatal(err)
		}
		delete(b.state, n)
		delete(b.ids, n)
		return
	}
	answer := fmt.Sprint(b.step, " ", string(bytes.Repeat([]byte{byte('a' + b.step%26)}, b.r.IntN(300))), noise(b.r, b.r.IntN(6000)))
	id, err := b.s.Put(bg, headOf(n, "text"), []byte(answer), unitVector(n, 8))
	if err != nil {
		b.t.Fatal(err)
	}
	b.ids[n], b.state[n] = id, answer
}

// cutsFit reports whether pages have the size that power cuts are replayed in.
func cutsFit(t *testing.T) bool {
	if os.Getpagesize() == cutPage {
		return true
	}
	t.Logf("pages of %d bytes: nothing to do, since bbolt's have the system's size", os.Getpagesize())
	return false
}

// beforeCuts opens a store whose writes are to be recorded, and returns its file's content before them.
func beforeCuts(t *testing.T) (r *rand.Rand, path string, s *Store, image []byte) {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	path = filepath.Join(t.TempDir(), "s.db")
	s = open(t, path)
	if err := s.SetModel(bg, Model{ID: "m", Dim: 8}); err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return rand.New(rand.NewPCG(seed, 0)), path, s, image
}

// TestPowerCut records the writes of a run of puts, replacements, deletions and sweeps, and replays them up to a random one, of
// those after the last sync some whole, some in part, some not at all, in any order. The file must be sound each time, and hold
// exactly what was acknowledged, or the one commit that was under way as well.
func TestPowerCut(t *testing.T) {
	if !cutsFit(t) {
		return
	}
	r, path, s, image := beforeCuts(t)
	dir := filepath.Dir(path)
	var writes []written
	record(s.db.Load().DB, func() string { return path }, func(w written) { writes = append(writes, w) })

	// states[i] is what the file holds once the first after[i] writes are on disk.
	states, after := []map[int]string{{}}, []int{0}
	b := &busy{t: t, r: r, s: s, ids: map[int]uint64{}, state: map[int]string{}}
	for range cutSteps {
		b.change()
		states, after = append(states, b.state), append(after, len(writes))
	}

	counts := map[string]int{}
	for range *cuts {
		cut := r.IntN(len(writes) + 1)
		file, lost := replay(r, image, writes[:cut])
		bad := filepath.Join(dir, "cut.db")
		if err := os.WriteFile(bad, file, 0o600); err != nil {
			t.Fatal(err)
		}
		acknowledged := 0
		// A commit whose last write is the last before the cut was not synced, and so not acknowledged.
		for acknowledged+1 < len(after) && after[acknowledged+1] < cut {
			acknowledged++
		}
		if lost > 0 {
			counts["writes lost or torn"]++
		}
		counts["cuts"]++
		report, err := CheckFile(bg, bad, testTimeout)
		if err != nil || len(report.Problems) > 0 {
			t.Fatalf("cut after write %d of %d: %v %+v", cut, len(writes), err, report.Problems)
		}
		got := answers(t, bad)
		switch {
		case maps.Equal(got, states[acknowledged]):
			counts["as acknowledged"]++
		case acknowledged+1 < len(states) && maps.Equal(got, states[acknowledged+1]):
			counts["with the commit under way"]++
		default:
			t.Fatalf("cut after write %d of %d: %d answers are not those of commit %d", cut, len(writes), len(got), acknowledged)
		}
	}
	t.Logf("%d writes recorded; %v", len(writes), counts)
	if counts["writes lost or torn"] == 0 {
		t.Error("no write was ever lost: the simulation simulates nothing")
	}
}

func noise(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

// replay returns the file after a power cut behind the last of the writes, and how many of them did not get there whole.
func replay(r *rand.Rand, image []byte, writes []written) (file []byte, lost int) {
	return replayFrom(r, image, writes, synced(writes))
}

// synced is how many of the writes bbolt has synced itself.
func synced(writes []written) int {
	n := len(writes)
	for n > 0 && !writes[n-1].meta() {
		n--
	}
	// A cut behind a meta page's write finds it on its way still, but everything before it synced.
	if n == len(writes) && n > 0 {
		n--
	}
	return n
}

// replayFrom applies the first writes whole, of the rest some whole, some in part, some not at all, in any order.
func replayFrom(r *rand.Rand, image []byte, writes []written, synced int) (file []byte, lost int) {
	file = bytes.Clone(image)
	apply := func(w *written, from, to int) {
		if grow := w.size - int64(len(file)); grow > 0 {
			file = append(file, make([]byte, grow)...)
		}
		copy(file[w.at+int64(from):], w.data[from:to])
	}
	for i := range writes[:synced] {
		apply(&writes[i], 0, len(writes[i].data))
	}
	rest := writes[synced:]
	for _, i := range r.Perm(len(rest)) {
		w := &rest[i]
		switch r.IntN(3) {
		case 0:
			lost++
		case 1:
			apply(w, 0, len(w.data))
		default:
			for from := 0; from < len(w.data); from += sector {
				if r.IntN(2) == 0 {
					apply(w, from, min(from+sector, len(w.data)))
				} else {
					lost++
				}
			}
		}
	}
	return file, lost
}

// answers is what a file holds, by the number of the question.
func answers(t *testing.T, path string) map[int]string {
	t.Helper()
	s, err := Open(path, Options{LockTimeout: testTimeout})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got := map[int]string{}
	for n := range cutKeys {
		_, b, ok, err := s.ByKey(headOf(n, "").Key)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			got[n] = string(b)
		}
	}
	if n, err := s.Len(); err != nil || n != len(got) {
		t.Fatalf("%d entries, %d of them found: %v", n, len(got), err)
	}
	return got
}
