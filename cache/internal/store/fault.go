package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	berrors "go.etcd.io/bbolt/errors"

	"github.com/reprise-cache/reprise/cache/boltfile"
)

// ErrClosed is returned by calls on a store that was closed.
var ErrClosed = errors.New("store: closed")

// Kind sorts faults by what can be done about them.
type Kind uint8

const (
	IO       Kind = iota // the operating system refused
	Corrupt              // the file is damaged
	Format               // the file is of an unknown version
	Locked               // another process has the file
	Full                 // no room on the disk, or for this user, or in a file of this kind
	ReadOnly             // file, folder or disk may not be written
	Exists               // the file is there and was not to be replaced
)

// Fault is a failure of the file, with the place.
type Fault struct {
	Kind   Kind
	Bucket string
	Key    string // hex
	Page   uint64
	Err    error
}

func (f *Fault) Error() string {
	return fmt.Sprintf("store: bucket %q key %q page %d: %v", f.Bucket, f.Key, f.Page, f.Err)
}

func (f *Fault) Unwrap() error { return f.Err }

func corrupt(bucket, key []byte, err error) *Fault {
	return &Fault{Kind: Corrupt, Bucket: string(bucket), Key: hex.EncodeToString(key), Err: err}
}

// guarded is boltfile.Guard with errors that have their kind.
func guarded(fn func() error) error { return sorted(boltfile.Guard(fn)) }

// damage turns a problem into the error that refuses the file.
func damage(p Problem) *Fault {
	return &Fault{Kind: Corrupt, Bucket: p.Bucket, Key: p.Key, Page: p.Page, Err: errors.New(p.What)}
}

// sorted gives bbolt's and the operating system's errors their kind.
func sorted(err error) error {
	var f *Fault
	switch {
	case err == nil, errors.As(err, &f), errors.Is(err, ErrClosed), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, boltfile.ErrPanicked):
		return &Fault{Kind: Corrupt, Err: err}
	case errors.Is(err, berrors.ErrDatabaseNotOpen):
		return ErrClosed
	case errors.Is(err, ErrExists):
		return &Fault{Kind: Exists, Err: err}
	case isFull(err):
		return &Fault{Kind: Full, Err: err}
	case errors.Is(err, syscall.EROFS), errors.Is(err, os.ErrPermission), errors.Is(err, berrors.ErrDatabaseReadOnly):
		return &Fault{Kind: ReadOnly, Err: err}
	case errors.Is(err, berrors.ErrTimeout):
		return &Fault{Kind: Locked, Err: err}
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch),
		errors.Is(err, berrors.ErrInvalidMapping):
		return &Fault{Kind: Corrupt, Err: err}
	}
	return &Fault{Kind: IO, Err: err}
}

// isFull reports whether the system has no room for what was to be written. bbolt passes some of its errors on as text only.
func isFull(err error) bool {
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, full) || strings.HasSuffix(err.Error(), full.Error()) {
			return true
		}
	}
	return errors.Is(err, berrors.ErrMaxSizeReached)
}
