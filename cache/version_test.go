package cache

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestOpensVersion1 opens a file that the first version of the format made: its answers are served, it can be learnt
// from, and it is sound before and after.
func TestOpensVersion1(t *testing.T) {
	path := unpack(t, "testdata/version1.db.gz")
	r, err := CheckFile(bg, path)
	if err != nil || !r.OK() || r.Version != 1 {
		t.Fatalf("before: %+v, %v", r, err)
	}
	c := open(t, Options{Embedder: newBag(), Threshold: 0.8}, path)
	expect(t, c, ask("how do I turn on two-factor login"), HitExact, "A1")
	expect(t, c, ask("where is my invoice please"), HitSemantic, "A2")
	if r, err = c.Check(bg); err != nil || !r.OK() || r.Version != 5 || r.Entries != 2 {
		t.Fatalf("after: %+v, %v", r, err)
	}
}

// unpack writes what a .gz file holds to a new file.
func unpack(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "old.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
