package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"

	"github.com/reprise-cache/reprise/cache/boltfile"
)

// Backup writes the file as of one moment to w, while reads and writes go on, and returns its size. Pages that are freed meanwhile
// are used again only after it, so that a slow w makes the file grow.
func (s *Store) Backup(ctx context.Context, w io.Writer) (n int64, err error) {
	err = s.view(func(tx *bbolt.Tx) (err error) {
		n, err = tx.WriteTo(&writerUntil{ctx, w})
		return err
	})
	return n, err
}

// writerUntil fails once its context has ended.
type writerUntil struct {
	ctx context.Context
	w   io.Writer
}

func (w *writerUntil) Write(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.w.Write(b)
}

// ErrExists: Restore was not told to replace the file that is there.
var ErrExists = errors.New("store: the file is there already")

// Restore makes a copy of a sound file the one at path, which no store may have open. It has the name once it is whole and on disk,
// and an identity of its own. The report is of the copy; if it lists problems, nothing was changed.
func Restore(ctx context.Context, from, path string, replace bool, lockTimeout time.Duration) (*Report, error) {
	unlock := func() {}
	if _, err := os.Stat(path); err == nil {
		if !replace {
			return nil, sorted(fmt.Errorf("%w: %s", ErrExists, path))
		}
		if unlock, err = lockShared(path, lockTimeout); err != nil {
			return nil, err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return nil, sorted(err)
	} else {
		replace = false // nothing that is there was locked
	}
	defer unlock()
	temp, err := copyFile(ctx, from, path)
	if err != nil {
		return nil, sorted(err)
	}
	defer os.Remove(temp) // no longer there if all goes well
	r, err := CheckFile(ctx, temp, lockTimeout)
	if err != nil || len(r.Problems) > 0 {
		return r, err
	}
	if r.Version >= 3 { // an older one gets its identity when it is opened
		if err := reidentify(temp); err != nil {
			return nil, err
		}
	}
	if replace {
		err = os.Rename(temp, path)
	} else {
		err = giveName(temp, path)
	}
	if err != nil {
		return nil, sorted(err)
	}
	return r, sorted(boltfile.SyncDir(filepath.Dir(path)))
}

// giveName gives a file a name that none has. A rename would replace the file of someone who made one meanwhile, and who would
// then hold the lock of a file without a name. On a file system without links there is nothing better.
func giveName(temp, path string) error {
	err := os.Link(temp, path)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist), exists(path):
		return fmt.Errorf("%w: %s", ErrExists, path)
	}
	return os.Rename(temp, path)
}

// copyFile copies a file beside path, and syncs it.
func copyFile(ctx context.Context, from, path string) (temp string, err error) {
	src, err := os.Open(from)
	if err != nil {
		return "", err
	}
	defer src.Close()
	dst, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+newInfix+"*")
	if err != nil {
		return "", err
	}
	_, err = io.Copy(&writerUntil{ctx, dst}, src)
	if err = errors.Join(err, dst.Sync(), dst.Close()); err != nil {
		_ = os.Remove(dst.Name()) // the first error is the one to tell
	}
	return dst.Name(), err
}

func reidentify(path string) error {
	return guarded(func() error {
		db, err := bbolt.Open(path, 0o600, boltOptions(time.Second))
		if err != nil {
			return err
		}
		return errors.Join(db.Update(putIdentity), db.Close())
	})
}
