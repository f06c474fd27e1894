package store

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	berrors "go.etcd.io/bbolt/errors"
)

// TestKinds sorts what the system and bbolt say, wrapped as they wrap it.
func TestKinds(t *testing.T) {
	for err, want := range map[error]Kind{
		&os.PathError{Op: "write", Path: "a.db", Err: syscall.ENOSPC}: Full,
		&os.PathError{Op: "write", Path: "a.db", Err: syscall.EDQUOT}: Full,
		fmt.Errorf("file resize error: %s", syscall.EFBIG):            Full,
		&os.PathError{Op: "open", Path: "a.db", Err: syscall.EROFS}:   ReadOnly,
		&os.PathError{Op: "open", Path: "a.db", Err: syscall.EACCES}:  ReadOnly,
		&os.PathError{Op: "pwrite", Path: "a.db", Err: syscall.EIO}:   IO,
		berrors.ErrTimeout: Locked, berrors.ErrChecksum: Corrupt, fmt.Errorf("a: %w", ErrExists): Exists,
	} {
		var f *Fault
		if got := sorted(err); !errors.As(got, &f) || f.Kind != want || !errors.Is(got, err) {
			t.Errorf("%v: %+v, want kind %d", err, f, want)
		}
	}
}
