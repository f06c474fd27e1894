package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"go.etcd.io/bbolt"
)

// dump is every row of a file but its identity.
func dump(t *testing.T, s *Store) map[row]string {
	t.Helper()
	rows := map[row]string{}
	if err := s.view(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			rows[row{string(name), "sequence"}] = fmt.Sprint(b.Sequence())
			return b.ForEach(func(k, v []byte) error {
				if string(k) != string(metaFile) {
					rows[row{string(name), "=" + string(k)}] = string(v)
				}
				return nil
			})
		})
	}); err != nil {
		t.Fatal(err)
	}
	return rows
}

func same(t *testing.T, what string, a, b map[row]string) {
	t.Helper()
	if len(a) != len(b) {
		t.Errorf("%s: %d rows, then %d", what, len(a), len(b))
	}
	for r, v := range a {
		if b[r] != v {
			t.Errorf("%s: row %q is %q, was %q", what, r, b[r], v)
			return
		}
	}
}

func TestCompactKeepsEveryRow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := open(t, path)
	fillStore(t, s, 900)
	ids := make([]uint64, 0, 700)
	for id := uint64(1); id <= 700; id++ {
		ids = append(ids, id)
	}
	if _, err := s.Delete(bg, ids); err != nil {
		t.Fatal(err)
	}
	before, size := dump(t, s), s.FileBytes()
	was, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Compact(bg, nil); err != nil {
		t.Fatal(err)
	}
	same(t, "compaction", before, dump(t, s))
	is, err := s.Snapshot()
	if err != nil || is.File == was.File || is.LastID != was.LastID {
		t.Errorf("state %+v became %+v, %v", was, is, err)
	}
	if now := s.FileBytes(); now > size*2/3 {
		t.Errorf("%d bytes became %d", size, now)
	}
	if r, err := s.Check(bg); err != nil || len(r.Problems) > 0 {
		t.Errorf("check: %+v %v", r, err)
	}
	after := dump(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	same(t, "reopening", after, dump(t, s))
}

// TestCompactAmongWrites compacts again and again while others put, replace, delete, sweep, learn and read. Every acknowledged
// write is there in the end, and every read finds the answer of its question.
func TestCompactAmongWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := open(t, path)
	fillStore(t, s, 600)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	const writers, keys = 4, 400
	last := make([]map[int]uint64, writers)
	for w := range writers {
		last[w] = map[int]uint64{}
		r := rand.New(rand.NewPCG(seed, uint64(w)))
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				n := 10_000 + keys*w + r.IntN(keys)
				switch r.IntN(5) {
				case 0:
					if _, err := s.Delete(bg, []uint64{last[w][n]}); err != nil {
						t.Error(err)
					}
					delete(last[w], n)
				case 1:
					if _, err := s.Sweep(bg, 1400, 3); err != nil {
						t.Error(err)
					}
				case 2:
					if err := s.Learn(bg, func() *Learning { return learning(1 + r.IntN(50)) }); err != nil {
						t.Error(err)
					}
				default:
					id, err := s.Put(bg, headOf(n, fmt.Sprint("text ", n)), body(n), unitVector(n, 8))
					if err != nil {
						t.Error(err)
					}
					last[w][n] = id
				}
			}
		})
	}
	for w := range 2 {
		r := rand.New(rand.NewPCG(seed, uint64(100+w)))
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				n := 10_000 + r.IntN(writers*keys)
				h, b, ok, err := s.ByKey(headOf(n, "").Key)
				if err != nil || ok && (!bytes.Equal(b, body(n)) || h.Text != fmt.Sprint("text ", n)) {
					t.Errorf("%d: %+v %v", n, h, err)
				}
			}
		})
	}
	for range 6 {
		if err := s.Compact(bg, nil); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	wg.Wait()
	for w := range last {
		for n := 10_000 + keys*w; n < 10_000+keys*(w+1); n++ {
			id, want := last[w][n], false
			if _, want = last[w][n]; !want {
				id = 0
			}
			if h, _, ok, err := s.ByKey(headOf(n, "").Key); err != nil || ok != want || h.ID != id {
				t.Errorf("%d: entry %d, there %v, %v; want %d, %v", n, h.ID, ok, err, id, want)
			}
		}
	}
}

// slowWriter takes nothing until it may.
type slowWriter struct {
	bytes.Buffer
	begun, goOn chan struct{}
}

func (w *slowWriter) Write(b []byte) (int, error) {
	if w.begun != nil {
		close(w.begun)
		w.begun = nil
	}
	<-w.goOn
	return w.Buffer.Write(b)
}

// TestCompactAmidASlowBackup: the file that was compacted away stays open for the backup, and what reads it beside that, or is about to, does
// not wait until the backup is over.
func TestCompactAmidASlowBackup(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "s.db"))
	fillStore(t, s, 600)
	ids := make([]uint64, 0, 500)
	for id := uint64(1); id <= 500; id++ {
		ids = append(ids, id)
	}
	if _, err := s.Delete(bg, ids); err != nil {
		t.Fatal(err)
	}
	old := s.db.Load()

	var wg sync.WaitGroup
	w := &slowWriter{begun: make(chan struct{}), goOn: make(chan struct{})}
	backing := w.begun
	wg.Go(func() {
		if _, err := s.Backup(bg, w); err != nil {
			t.Error(err)
		}
	})
	<-backing
	reading, look, read := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		read <- s.view(func(tx *bbolt.Tx) error {
			close(reading)
			<-look
			if n := tx.Bucket(bucketHeads).Stats().KeyN; n != 100 {
				return fmt.Errorf("%d entries", n)
			}
			return nil
		})
	}()
	<-reading
	if err := s.Compact(bg, nil); err != nil {
		t.Fatal(err)
	}
	if s.db.Load() == old {
		t.Fatal("nothing was compacted away: the test shows nothing")
	}
	for { // until the old file is about to be closed
		if ok, _ := old.view(func(*bbolt.Tx) error { return nil }); !ok {
			break
		}
		runtime.Gosched()
	}
	close(look)
	if err := <-read; err != nil {
		t.Errorf("a read of the old file: %v", err)
	}
	if n, err := s.Len(); n != 100 || err != nil {
		t.Errorf("a read of the new file: %d entries, %v", n, err)
	}
	fillStore(t, s, 10)

	close(w.goOn)
	wg.Wait()
	backup := filepath.Join(dir, "backup")
	if err := os.WriteFile(backup, w.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := CheckFile(bg, backup, testTimeout); err != nil || len(r.Problems) > 0 || r.Entries != 100 {
		t.Errorf("backup: %+v %v", r, err)
	}
}

// TestClosedStoreIsNotRead: whoever comes after Close is told.
func TestClosedStoreIsNotRead(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "s.db"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Len(); !errors.Is(err, ErrClosed) {
		t.Errorf("a read: %v", err)
	}
	if _, err := s.Backup(bg, new(bytes.Buffer)); !errors.Is(err, ErrClosed) {
		t.Errorf("a backup: %v", err)
	}
}

// TestCompactLeavesWhatIsSmall: a file that is as small as it gets keeps its size and its identity, and a compaction of any file makes it
// no larger, whatever its size.
func TestCompactLeavesWhatIsSmall(t *testing.T) {
	for _, n := range []int{0, 1, 2, 5, 20, 100} {
		path := filepath.Join(t.TempDir(), "s.db")
		s := open(t, path)
		fillStore(t, s, n)
		before, size := dump(t, s), s.FileBytes()
		for range 2 {
			was := *s.file.Load()
			if err := s.Compact(bg, nil); err != nil {
				t.Fatal(err)
			}
			now := s.FileBytes()
			if now > size || (now == size) != (*s.file.Load() == was) {
				t.Errorf("%d entries: %d bytes became %d, another file: %v", n, size, now, *s.file.Load() != was)
			}
			size = now
		}
		if err := s.Compact(bg, nil); err != nil || s.FileBytes() != size {
			t.Errorf("%d entries: %d bytes became %d, %v", n, size, s.FileBytes(), err)
		}
		same(t, "compaction", before, dump(t, s))
		if names := namesIn(t, filepath.Dir(path)); len(names) != 1 {
			t.Errorf("%q is there", names)
		}
		fillStore(t, s, n+1) // it goes on to be used
	}
}

// TestCompactGivesUp is ended by its context, and leaves nothing behind.
func TestCompactGivesUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := open(t, path)
	fillStore(t, s, 300)
	before := dump(t, s)
	ctx, cancel := context.WithCancel(bg)
	if err := s.Compact(ctx, func(int64, int64) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(compactPath(path)); !os.IsNotExist(err) {
		t.Errorf("something is left: %v", err)
	}
	same(t, "giving up", before, dump(t, s))
	// What a killed process leaves is removed by the next one.
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(compactPath(path), []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, path)
	if _, err := os.Stat(compactPath(path)); !os.IsNotExist(err) {
		t.Errorf("something is left: %v", err)
	}
	if err := s.Compact(bg, nil); err != nil {
		t.Error(err)
	}
}

// TestCompactOnWindows touches nothing where the last step could not be done.
func TestCompactOnWindows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	s := open(t, path)
	fillStore(t, s, 3)
	before := dump(t, s)
	s.disk.system = "windows"
	s.disk.open = func(string) (*bbolt.DB, error) { t.Error("a file was made"); return nil, errors.New("made") }
	if err := s.Compact(bg, nil); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "export the entries") {
		t.Error(err)
	}
	same(t, "refusing", before, dump(t, s))
	fillStore(t, s, 1) // it goes on to be used
}

// TestBackupIsOfOneMoment restores a backup that was taken while each write changed two entries alike.
func TestBackupIsOfOneMoment(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "s.db"))
	fillStore(t, s, 500)
	var backup bytes.Buffer
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				if _, err := s.Put(bg, headOf(i%50, "again"), body(i), nil); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for i := range 5 {
		backup.Reset()
		if _, err := s.Backup(bg, &backup); err != nil {
			t.Fatal(err)
		}
		path, to := filepath.Join(dir, fmt.Sprint(i, ".backup")), filepath.Join(dir, fmt.Sprint(i, ".db"))
		if err := os.WriteFile(path, backup.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Restore(bg, path, to, false, testTimeout)
		if err != nil || len(r.Problems) > 0 || r.Entries != 500 {
			t.Fatalf("%+v %v", r, err)
		}
		restored := open(t, to)
		if *restored.file.Load() == *s.file.Load() {
			t.Error("the restored file has the identity of the first")
		}
	}
	close(stop)
	wg.Wait()
	var f *Fault
	if _, err := Restore(bg, filepath.Join(dir, "0.backup"), s.path, true, testTimeout); !errors.As(err, &f) || f.Kind != Locked {
		t.Errorf("a file in use was replaced: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bad.backup"), backup.Bytes()[:backup.Len()/2], 0o600); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, "bad.db")
	if r, err := Restore(bg, filepath.Join(dir, "bad.backup"), to, false, testTimeout); err != nil || len(r.Problems) == 0 {
		t.Errorf("half a backup: %+v %v", r, err)
	}
	if _, err := os.Stat(to); !os.IsNotExist(err) {
		t.Errorf("half a backup was restored: %v", err)
	}
}

// TestSalvage damages files in every way, and expects a sound file with every entry that was whole, each with its own body, and none
// that had been removed.
func TestSalvage(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s.db")
	s, err := Open(path, Options{LockTimeout: testTimeout})
	if err != nil {
		t.Fatal(err)
	}
	const entries = 400
	fillStore(t, s, entries)
	var gone []uint64
	for id := uint64(3); id <= entries; id += 7 {
		gone = append(gone, id)
	}
	if _, err := s.Delete(bg, gone); err != nil {
		t.Fatal(err)
	}
	if err := s.PutUses(bg, []Uses{{ID: 1, At: 1}, {ID: 2, At: 2}, {ID: entries, At: 3}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, seed))
	uses := 0
	bad, kept, worst := filepath.Join(dir, "bad.db"), 0, entries
	const rounds = 60
	for i := range rounds {
		content := bytes.Clone(whole)
		page := 2 + r.IntN(len(content)/4096-2)
		switch i % 3 {
		case 0:
			content[r.IntN(len(content)-8192)+8192] ^= 1 << r.IntN(8)
		case 1:
			clear(content[page*4096 : (page+1)*4096])
		case 2:
			for j := range 512 {
				content[page*4096+j] ^= byte(r.IntN(256))
			}
		}
		if err := os.WriteFile(bad, content, 0o600); err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(dir, fmt.Sprint("saved", i, ".db"))
		out, err := Salvage(bg, bad, to, testTimeout)
		if err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
		saved := open(t, to)
		if n, err := saved.Len(); err != nil || n != out.Entries {
			t.Errorf("round %d: %d entries, the report says %d, %v", i, n, out.Entries, err)
		}
		if err := saved.view(func(tx *bbolt.Tx) error {
			uses += tx.Bucket(bucketUses).Stats().KeyN
			return nil
		}); err != nil {
			t.Error(err)
		}
		kept, worst = kept+out.Entries, min(worst, out.Entries)
		for n := range entries {
			id := uint64(n + 1)
			h, b, ok, err := saved.ByKey(headOf(n, "").Key)
			if err != nil || ok && (h.ID != id || !bytes.Equal(b, body(n)) || h.ID%7 == 3) {
				t.Errorf("round %d: entry %d: %+v %v", i, n, h, err)
			}
		}
	}
	alive := entries - len(gone)
	t.Logf("of %d entries, %.1f were saved on average, %d at worst", alive, float64(kept)/rounds, worst)
	if uses < rounds*2 {
		t.Errorf("%d of %d rows of uses were saved", uses, rounds*3)
	}
	if kept < rounds*alive*9/10 {
		t.Error("one bad page costs more than a tenth of the entries")
	}
}
