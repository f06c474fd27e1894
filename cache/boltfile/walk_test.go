package boltfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const lockTimeout = 10 * time.Second

// sample makes a file with a bucket of many pages, large values, a small bucket in line, an empty one, and free pages.
func sample(t testing.TB) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "sample.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
	if err != nil {
		t.Fatal(err)
	}
	put := func(n, from int) error {
		return db.Update(func(tx *bbolt.Tx) error {
			for _, name := range []string{"empty", "large", "many", "small"} {
				if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
					return err
				}
			}
			for i := range n {
				if err := tx.Bucket([]byte("many")).Put(fmt.Appendf(nil, "key %06d", from+i), bytes.Repeat([]byte{byte(i)}, i%90)); err != nil {
					return err
				}
			}
			return errors.Join(tx.Bucket([]byte("large")).Put([]byte("l"), make([]byte, 20_000)), tx.Bucket([]byte("small")).Put([]byte("s"), []byte("value")))
		})
	}
	err = errors.Join(put(600, 0), put(20, 300), put(20, 100), db.Close())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func walk(b []byte) (problems []Problem) {
	_, err := Walk(context.Background(), bytes.NewReader(b), int64(len(b)), Visitor{Problem: func(p Problem) { problems = append(problems, p) }})
	if err != nil {
		panic(err) // the context does not end, and there is no disk to fail
	}
	return problems
}

// readAll has bbolt read, check and write a file. bbolt's check runs on a goroutine of its own: a panic there ends the test.
func readAll(path string) error {
	return Guard(func() error {
		db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: lockTimeout, FreelistType: bbolt.FreelistMapType, NoSync: true})
		if err != nil {
			return err
		}
		err = db.Update(func(tx *bbolt.Tx) error {
			return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
				if err := b.ForEach(func(k, v []byte) error { _ = len(k) + len(bytes.Clone(v)); return nil }); err != nil {
					return err
				}
				return b.Put([]byte("zz"), []byte("new"))
			})
		})
		return errors.Join(err, db.View(func(tx *bbolt.Tx) error {
			for err := range tx.Check() {
				return err
			}
			return nil
		}), db.Close())
	})
}

// TestWhatIsFoundSoundIs flips bits, most of them where the structure is, loses pages and cuts. Both ways to walk a file must
// find the same, and bbolt must be able to live with whatever they pass.
func TestWhatIsFoundSoundIs(t *testing.T) {
	path := sample(t)
	if err := errors.Join(Verify(path, lockTimeout), readAll(path)); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	seed := rand.Uint64()
	t.Logf("seed %d, file of %d bytes", seed, len(good))
	r := rand.New(rand.NewPCG(seed, 0))
	passed, refused := 0, 0
	for i := range 500 {
		b := bytes.Clone(good)
		at := r.IntN(len(b))
		switch {
		case i%30 == 0: // a lost write: another page's content
			copy(b[at&^4095:][:4096], b[r.IntN(len(b))&^4095:])
		case i%30 == 1:
			b = b[:at]
		case i%3 > 0:
			at = at&^4095 + r.IntN(256)
			fallthrough
		default:
			b[at] ^= 1 << r.IntN(8)
		}
		sound := len(walk(b)) == 0
		for _, atOnce := range []int{1, 4, refsAtOnce} {
			if ok, err := isSound(t.Context(), bytes.NewReader(b), int64(len(b)), atOnce); err != nil || ok != sound {
				t.Fatalf("change %d at %d: sound in the order of the file, %d at a time: %v, %v; in that of the trees: %v", i, at, atOnce, ok, err, sound)
			}
		}
		if i%10 > 3 {
			continue // bbolt takes its time
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var d *Damage
		switch err := Verify(path, lockTimeout); {
		case err == nil && sound:
			passed++
			if err := readAll(path); err != nil {
				t.Fatalf("change %d at %d: passed, and then: %v", i, at, err)
			}
		case sound || !errors.As(err, &d) || d.Problem.What == "":
			t.Fatalf("change %d at %d: %v", i, at, err)
		default:
			refused++
		}
	}
	t.Logf("%d passed, %d refused", passed, refused)
	if passed == 0 || refused == 0 {
		t.Error("all of them are treated alike")
	}
}

// TestMetaHeaders damages what the checksums of the meta pages do not cover and bbolt goes by: the pages' numbers and types.
func TestMetaHeaders(t *testing.T) {
	good, err := os.ReadFile(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	second := os.Getpagesize()
	for _, at := range []int{0, 7, 8, 9, second, second + 7, second + 8, second + 9} {
		b := bytes.Clone(good)
		b[at] ^= 0x10
		if found := walk(b); len(found) == 0 {
			t.Errorf("byte %d of the file: nothing was found", at)
		}
	}
}

func TestVerify(t *testing.T) {
	path := sample(t)
	dir := filepath.Dir(path)
	if IsNew(path) || IsNew(dir) {
		t.Error("what is there is new")
	}
	none := filepath.Join(dir, "none")
	if err := Verify(none, lockTimeout); !errors.Is(err, fs.ErrNotExist) || !IsNew(none) {
		t.Errorf("no file: %v", err)
	}
	if err := Verify(dir, lockTimeout); err == nil {
		t.Error("a folder passes")
	}

	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write := func(b []byte) string {
		t.Helper()
		if err := os.WriteFile(none, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return none
	}
	if !IsNew(write(nil)) {
		t.Error("an empty file is not new")
	}
	magic := bytes.Clone(good)
	magic[16], magic[os.Getpagesize()+16] = 0, 0
	for _, c := range []struct {
		name    string
		content []byte
		bolt    bool
		what    string
	}{
		{"text", []byte(strings.Repeat("no database ", 5000)), false, "magic"},
		{"short", []byte("no"), false, "cannot be read"},
		{"both metas", magic, false, "magic"},
		{"zeros", make([]byte, 1<<16), true, "magic"},
		{"cut", good[:len(good)/8], true, "cut off"},
	} {
		var d *Damage
		err := Verify(write(c.content), lockTimeout)
		if !errors.As(err, &d) || d.Bolt != c.bolt || !strings.Contains(err.Error(), c.what) {
			t.Errorf("%s: %v, %+v", c.name, err, d)
		}
	}

	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := Verify(path, time.Millisecond); !errors.Is(err, berrors.ErrTimeout) {
		t.Errorf("a file that is open: %v", err)
	}
}

func TestGuard(t *testing.T) {
	if err := Guard(func() error { panic("page 3") }); !errors.Is(err, ErrPanicked) || !strings.Contains(err.Error(), "page 3") {
		t.Error(err)
	}
	want := errors.New("as it is")
	if err := Guard(func() error { return want }); err != want {
		t.Error(err)
	}
}

// FuzzWalk writes anything anywhere in a good file, cuts it, and walks it.
func FuzzWalk(f *testing.F) {
	good, err := os.ReadFile(sample(f))
	if err != nil {
		f.Fatal(err)
	}
	if p := walk(good); len(p) > 0 {
		f.Fatalf("%+v", p)
	}
	f.Add(uint32(16), []byte{1}, uint32(0))
	f.Add(uint32(4096+8), []byte{0xff, 0xff}, uint32(8192))
	f.Fuzz(func(t *testing.T, at uint32, write []byte, cut uint32) {
		b := bytes.Clone(good)
		copy(b[int(at)%len(b):], write)
		if cut > 0 {
			b = b[:int(cut)%len(b)]
		}
		if p := walk(b); len(p) == 0 && cut > 0 && len(b) < 3*512 {
			t.Error("a file of three pages or fewer is found sound")
		}
	})
}
