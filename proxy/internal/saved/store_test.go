package saved

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// wantsBraces is a check that takes what begins with a brace.
func wantsBraces(text []byte) error {
	if !bytes.HasPrefix(text, []byte("{")) {
		return errors.New("targets[0].weight: is wrong")
	}
	return nil
}

func mustOpen(t *testing.T, dir string) *Store {
	t.Helper()
	s, err := Open(dir, wantsBraces)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func write(t *testing.T, dir, base, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, base), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// text is what a version of a config says; "" if there is none.
func text(s *Store, id string, n int) string {
	v, err := s.View().Get(id, n)
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(v.Text))
}

func TestVersions(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, dir)
	for i, config := range []string{`{"a":1}`, `{"a":2}`, `{"a":2}`, `{"a":3}`} {
		v, isNew, err := s.Put("pc-x", []byte(config), nil)
		if want := []int{1, 2, 2, 3}[i]; err != nil || v.N != want || isNew == (i == 2) {
			t.Errorf("put %d: version %d, new %v, %v", i, v.N, isNew, err)
		}
	}
	if text(s, "pc-x", 0) != `{"a":3}` || text(s, "pc-x", 1) != `{"a":1}` || text(s, "pc-x", 4) != "" || text(s, "pc-y", 0) != "" {
		t.Error("a version has another's text")
	}
	// Another process that opens the folder sees the same.
	if other := mustOpen(t, dir); text(other, "pc-x", 2) != `{"a":2}` || len(other.View().Versions("pc-x")) != 3 {
		t.Error("the folder does not have it all")
	}
	if err := s.Delete("pc-x", nil); err != nil {
		t.Fatal(err)
	}
	if text(s, "pc-x", 0) != "" || text(s, "pc-x", 3) != "" || len(s.View().IDs()) != 0 {
		t.Error("it is still there")
	}
	if err := s.Delete("pc-x", nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	// A number that somebody may have written down never means something else.
	if v, _, err := s.Put("pc-x", []byte(`{"a":9}`), nil); err != nil || v.N != 5 || text(mustOpen(t, dir), "pc-x", 1) != "" {
		t.Errorf("after the deletion: version %d, %v", v.N, err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 2 {
		t.Errorf("the folder has %v", files)
	}
}

func TestRefused(t *testing.T) {
	s := mustOpen(t, t.TempDir())
	for _, id := range []string{"", ".", "..", ".x", "a/b", "a@1", "a b", strings.Repeat("x", 65), "é"} {
		if _, _, err := s.Put(id, []byte("{}"), nil); err == nil {
			t.Errorf("%q is taken for an id", id)
		}
	}
	no := errors.New("no")
	if _, _, err := s.Put("a", []byte("{}"), func(v *View) error {
		if got, err := v.Get("a", 0); err != nil || got.N != 1 {
			t.Errorf("the view to come: %+v, %v", got, err)
		}
		return no
	}); !errors.Is(err, no) || text(s, "a", 0) != "" {
		t.Errorf("got %v", err)
	}
}

// TestFullFolder holds that a folder which has as many files as it may can be made room in.
func TestFullFolder(t *testing.T) {
	dir := t.TempDir()
	for i := range maxFiles {
		write(t, dir, fmt.Sprintf("pc-%d@%d.json", i/2, 1+i%2), `{}`)
	}
	s := mustOpen(t, dir)
	if _, _, err := s.Put("another", []byte("{}"), nil); !errors.Is(err, ErrFull) {
		t.Errorf("into a full folder: %v", err)
	}
	if err := s.Delete("pc-7", nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Put("another", []byte("{}"), nil); err != nil || text(s, "pc-7", 0) != "" || len(s.Problems()) > 0 {
		t.Errorf("after a deletion: %v, %v", err, s.Problems())
	}
	if n := len(mustOpen(t, dir).View().IDs()); n != maxFiles/2 {
		t.Errorf("%d configs, want %d", n, maxFiles/2)
	}
}

// TestOthersWrite has the folder change under an open store.
func TestOthersWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		write(t, dir, "pc-x.json", `{"a":1}`)
		s := mustOpen(t, dir)
		number := s.View().Number
		if text(s, "pc-x", 1) != `{"a":1}` {
			t.Error("a file without a number is not version 1")
		}
		write(t, dir, "pc-x@2.json", `{"a":2}`)
		write(t, dir, "pc-y.json", `{"b":1}`)
		if text(s, "pc-x", 0) != `{"a":1}` {
			t.Error("the folder was read at once, which costs")
		}
		time.Sleep(freshFor)
		if text(s, "pc-x", 0) != `{"a":2}` || text(s, "pc-y", 0) != `{"b":1}` || s.View().Number == number {
			t.Error("what others wrote does not count")
		}
		// What cannot be used counts as what it was, and is told of.
		write(t, dir, "pc-x@2.json", `spoilt`)
		write(t, dir, "pc-x@3.json", `spoilt as well`)
		write(t, dir, "pc-x@1.json", `{"a":7}`)
		write(t, dir, "not a name.json", `{}`)
		write(t, dir, "notes.txt", "anything")
		time.Sleep(freshFor)
		problems := s.Problems()
		if text(s, "pc-x", 0) != `{"a":2}` || len(problems) != 4 {
			t.Errorf("pc-x is %s; problems:\n%s", text(s, "pc-x", 0), strings.Join(problems, "\n"))
		}
		for _, part := range []string{"pc-x@2.json: targets[0].weight", "pc-x@3.json: targets[0].weight", "is version 1 of pc-x, and so is", "not a name.json: is not the name"} {
			if !slices.ContainsFunc(problems, func(p string) bool { return strings.Contains(p, part) }) {
				t.Errorf("nothing is said of %q", part)
			}
		}
		if _, err := Open(dir, wantsBraces); err == nil || strings.Count(err.Error(), "\n") != 3 {
			t.Errorf("a new start is told: %v", err)
		}
		for _, base := range []string{"pc-x@2.json", "pc-x@3.json", "pc-x@1.json", "not a name.json"} {
			if err := os.Remove(filepath.Join(dir, base)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(freshFor)
		if text(s, "pc-x", 0) != `{"a":1}` || len(s.Problems()) != 0 {
			t.Error("what others removed still counts")
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		time.Sleep(freshFor)
		if text(s, "pc-x", 0) != `{"a":1}` || len(s.Problems()) != 1 {
			t.Error("a folder that is gone takes its configs with it")
		}
	})
}

// TestManyWriters has two stores save to one folder at once: every text gets a version of its own.
func TestManyWriters(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	const each = 10
	saved := make([][]int, 2)
	for w := range saved {
		s := mustOpen(t, dir)
		wg.Go(func() {
			for i := range each {
				v, _, err := s.Put("pc-x", fmt.Appendf(nil, `{"writer":%d,"i":%d}`, w, i), nil)
				if err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
				saved[w] = append(saved[w], v.N)
			}
		})
	}
	wg.Wait()
	s := mustOpen(t, dir)
	for w, numbers := range saved {
		for i, n := range numbers {
			if got, want := text(s, "pc-x", n), fmt.Sprintf(`{"writer":%d,"i":%d}`, w, i); got != want {
				t.Errorf("version %d is %s, want %s", n, got, want)
			}
		}
	}
	if n := len(s.View().Versions("pc-x")); n != 2*each {
		t.Errorf("%d versions, want %d", n, 2*each)
	}
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"pc-x.json", "pc-x@3.json", "a@0.json", "@1.json", ".json", "a@1@2.json"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, base string) {
		id, n, ok := parseName(base)
		if !ok {
			return
		}
		if n < 1 || !ValidID(id) || strings.ContainsAny(id, "/@\\\x00") || id[0] == '.' {
			t.Errorf("%q is version %d of %q", base, n, id)
		}
	})
}
