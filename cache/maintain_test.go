package cache

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFileMessagesNameTheRightFile expects what is said of a copy's two files to be said of the one that it is about, and of a
// problem of the whole file no place.
func TestFileMessagesNameTheRightFile(t *testing.T) {
	dir := t.TempDir()
	empty, there := filepath.Join(dir, "empty.db"), filepath.Join(dir, "there.db")
	for name, text := range map[string]string{empty: "", there: "precious"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Restore(bg, empty, filepath.Join(dir, "new.db"), false)
	if err != nil || r.OK() || r.Path != empty {
		t.Fatalf("%+v, %v", r, err)
	}
	if s := r.Problems[0].String(); !strings.HasPrefix(s, "the file is empty") {
		t.Error(s)
	}
	if _, err := Salvage(bg, empty, there); err == nil || !strings.Contains(err.Error(), there) || strings.Contains(err.Error(), empty) {
		t.Error(err)
	}
	if _, err := CheckFile(bg, filepath.Join(dir, "none.db")); err == nil || strings.Contains(err.Error(), "permissions") {
		t.Error(err)
	}
}
