package boltfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Damage is what makes Verify refuse a file.
type Damage struct {
	Problem Problem  // the first in the order of the trees
	Buckets []string // those at the top that were found
	Bolt    bool     // there is something of a bbolt file; else it never was one, as far as can be seen
}

// Error names the place, and quotes nothing of the content.
func (d *Damage) Error() string { return fmt.Sprintf("page %d: %s", d.Problem.Page, d.Problem.What) }

// IsNew reports whether bbolt would begin a file at path: there is none, or an empty one.
func IsNew(path string) bool {
	st, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist) || err == nil && st.Mode().IsRegular() && st.Size() == 0
}

// Verify walks the file's pages. Damage is a *Damage; another process's lock that is not let go of in time, bbolt's ErrTimeout.
func Verify(path string, lockTimeout time.Duration) error {
	unlock, err := LockShared(path, lockTimeout)
	if err != nil {
		return err
	}
	defer unlock()
	f, size, err := OpenFile(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if ok, err := isSound(context.Background(), f, size, refsAtOnce); ok || err != nil {
		return err
	}
	var d *Damage
	var buckets []string
	_, err = Walk(context.Background(), f, size, Visitor{
		Problem: func(p Problem) {
			if d == nil {
				d = &Damage{Problem: p}
			}
		},
		Bucket: func(name string) { buckets = append(buckets, name) },
	})
	if err != nil || d == nil {
		return err
	}
	d.Buckets, d.Bolt = buckets, isBolt(f)
	return d
}

// isBolt reports whether one of the meta pages has bbolt's magic number. A file whose first pages are all zeros counts too:
// that is what a power cut leaves of one whose size was on disk before its content.
func isBolt(f io.ReaderAt) bool {
	for off := int64(0); off <= 16<<20; off = max(1024, off*2) {
		var b [pageHeader + metaSize]byte
		if n, err := f.ReadAt(b[:], off); err != nil && (n == 0 || !errors.Is(err, io.EOF)) {
			return false
		}
		if b == ([pageHeader + metaSize]byte{}) && off == 0 || order.Uint32(b[pageHeader:]) == boltMagic {
			return true
		}
	}
	return false
}

// OpenFile opens a regular file to be read, and says how large it is.
func OpenFile(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, st.Size(), nil
}

// LockShared takes the lock that bbolt takes for reading. bbolt looks at the meta pages meanwhile; a complaint
// about them means that the lock was free, and is left to the walk, which says more.
func LockShared(path string, timeout time.Duration) (unlock func(), err error) {
	var db *bbolt.DB
	err = Guard(func() (err error) {
		db, err = bbolt.Open(path, 0, &bbolt.Options{Timeout: timeout, ReadOnly: true, NoStatistics: true})
		return err
	})
	switch {
	case err == nil:
		return func() { _ = Guard(db.Close) }, nil // read only: nothing to lose
	case errors.Is(err, berrors.ErrTimeout), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return nil, err
	}
	return func() {}, nil
}

// ErrPanicked marks an error that was a panic or a memory fault.
var ErrPanicked = errors.New("reading a page failed")

// Guard runs fn, turning a panic and a fault on the mapped file into an error. bbolt reads through the map and
// asserts what it finds there, so that a page that rots after it was verified would otherwise end the process.
func Guard(fn func() error) (err error) {
	old := debug.SetPanicOnFault(true) // of this goroutine only
	defer debug.SetPanicOnFault(old)
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", ErrPanicked, r)
		}
	}()
	return fn()
}
