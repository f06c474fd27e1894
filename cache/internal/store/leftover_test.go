package store

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

func namesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestLeftoversGo opens a file beside what killed processes may have left, and what is not left over.
func TestLeftoversGo(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s[1].db")
	open(t, path).Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-2 * leftAfter)
	for name, c := range map[string]struct {
		content []byte
		at      time.Time
	}{
		"s[1].db.compact":   {whole[:len(whole)/2], time.Now()},
		"s[1].db.new-1":     {whole, long},
		"s[1].db.new-2":     {nil, long},
		"s[1].db.new-3":     {whole[:5000], long},
		"s[1].db.new-fresh": {whole, time.Now()},
		"s[1].db.new-held":  {whole, long},
		"s[1].db.news":      {whole, long},
		"s1.db.new-1":       {whole, long},
		"other.db.new-1":    {whole, long},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), c.content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	held, err := bbolt.Open(filepath.Join(dir, "s[1].db.new-held"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	for _, name := range namesIn(t, dir) {
		if name != "s[1].db.new-fresh" && name != "s[1].db.compact" {
			if err := os.Chtimes(filepath.Join(dir, name), long, long); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	want := []string{"other.db.new-1", "s1.db.new-1", "s[1].db", "s[1].db.new-fresh", "s[1].db.new-held", "s[1].db.news"}
	if got := namesIn(t, dir); !slices.Equal(got, want) {
		t.Errorf("%q is there, want %q", got, want)
	}
}

// TestSalvageTouchesNoOtherFile: beside what it reads and what it makes, a salvage leaves a folder as it was, whatever the files there
// are called.
func TestSalvageTouchesNoOtherFile(t *testing.T) {
	dir := t.TempDir()
	bad, to := filepath.Join(dir, "bad.db"), filepath.Join(dir, "good.db")
	s := open(t, bad)
	fillStore(t, s, 20)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	others := []string{"good.db.salvage", "good.db.new", "good.db.new-1", "good.db.compact", "good.db.index"}
	for _, name := range others {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := Salvage(bg, bad, to, testTimeout); err != nil || out.Entries != 20 {
		t.Fatalf("%+v, %v", out, err)
	}
	if _, err := Salvage(bg, bad, to, testTimeout); !errors.Is(err, ErrExists) {
		t.Errorf("a second time: %v", err)
	}
	for _, name := range others {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != name {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	want := slices.Sorted(slices.Values(append(others, "bad.db", "good.db")))
	if got := namesIn(t, dir); !slices.Equal(got, want) {
		t.Errorf("%q is there, want %q", got, want)
	}
}
