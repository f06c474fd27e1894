package store

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// meanwhile is a context that has something happen when it is first asked whether it has ended.
type meanwhile struct {
	context.Context
	once sync.Once
	do   func()
}

func (m *meanwhile) Err() error {
	m.once.Do(m.do)
	return m.Context.Err()
}

// TestRestoreBesideAnotherMaker: who makes the file while it is restored keeps it, whether or not it was to be replaced: when that
// was asked for there was none, and nobody has its lock.
func TestRestoreBesideAnotherMaker(t *testing.T) {
	for _, replace := range []bool{false, true} {
		s := open(t, filepath.Join(t.TempDir(), "from"))
		if _, err := s.Put(bg, headOf(1, "a question"), []byte("an answer"), nil); err != nil {
			t.Fatal(err)
		}
		var copied bytes.Buffer
		if _, err := s.Backup(bg, &copied); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		from, to := filepath.Join(dir, "backup"), filepath.Join(dir, "to")
		if err := os.WriteFile(from, copied.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx := &meanwhile{Context: bg, do: func() {
			if err := os.WriteFile(to, []byte("another's"), 0o600); err != nil {
				t.Error(err)
			}
		}}
		_, err := Restore(ctx, from, to, replace, testTimeout)
		var f *Fault
		if !errors.As(err, &f) || f.Kind != Exists {
			t.Errorf("replace %v: restored over a file that was made meanwhile: %v", replace, err)
		}
		if b, err := os.ReadFile(to); err != nil || string(b) != "another's" {
			t.Errorf("replace %v: the other's file is %.40q, %v", replace, b, err)
		}
		if left, err := filepath.Glob(filepath.Join(dir, "*"+newInfix+"*")); err != nil || len(left) > 0 {
			t.Errorf("replace %v: left %v, %v", replace, left, err)
		}
	}
}
