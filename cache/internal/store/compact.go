package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"go.etcd.io/bbolt"

	"github.com/reprise-cache/reprise/cache/boltfile"
)

// Compaction writes what is in the file to a new one, in the order of the keys and without gaps, and puts that in its place, while
// reads and writes go on:
//
//  1. From here on every commit notes which rows it touches.
//  2. Copy all buckets, a few megabytes a transaction. Each of these sees another moment of the file; rows that change after they
//     were copied, or before, are among those noted.
//  3. Copy the noted rows again, those noted meanwhile, and so on, until few are left.
//  4. Between two commits: copy the last of them, sync the new file, give it the old one's name, use it. A new file that came out no
//     smaller is dropped instead.
//
// Killed before the last step's renaming, the old file is as it was, and Open removes what there is of the new one. After it the new
// one is whole. The file gets an identity of its own, since its commits are counted anew.

// errNoGain: the new file came out no smaller than the old one.
var errNoGain = errors.New("store: the file is as small as its content allows")

// ErrBusy: a compaction is under way already.
var ErrBusy = errors.New("store: a compaction is under way")

const (
	copyBytes   = 4 << 20 // of one transaction while copying
	fewRows     = 512     // that may be left for the writer to copy while others wait
	copyRounds  = 16      // after which they are copied, few or not
	compactFill = 0.9     // of a page, so that not every later row splits one
)

// disk is what a compaction does to files, beside what bbolt writes. Tests stand in between.
type disk struct {
	system  string // as runtime.GOOS has it
	open    func(path string) (*bbolt.DB, error)
	sync    func(*bbolt.DB) error
	rename  func(from, to string) error
	syncDir func(dir string) error
}

var realDisk = disk{system: runtime.GOOS, open: openCopy, sync: (*bbolt.DB).Sync, rename: os.Rename, syncDir: boltfile.SyncDir}

func compactPath(path string) string { return path + ".compact" }

// Compact makes the file as small as its content allows, or leaves it as it is if it is that already. progress, if not nil, is told how many of about how many bytes are copied.
// It needs room for the new file beside the old one, and a system that renames open files: on another it is errors.ErrUnsupported.
func (s *Store) Compact(ctx context.Context, progress func(done, total int64)) error {
	if err := boltfile.ReplacesOpen(s.disk.system); err != nil {
		return fmt.Errorf("store: compaction: %w: export the entries, and import them into a new file", err)
	}
	if !s.compacting.TryLock() {
		return ErrBusy
	}
	defer s.compacting.Unlock()
	if progress == nil {
		progress = func(int64, int64) {}
	}
	temp := compactPath(s.path)
	if err := os.Remove(temp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return sorted(err)
	}
	if err := s.exclusive(ctx, func() error { s.touched.begin(); return nil }); err != nil {
		return err
	}
	defer s.touched.end()
	dst, err := s.disk.open(temp)
	if err != nil {
		return err
	}
	err = s.copyTo(ctx, dst, progress)
	if err == nil {
		err = s.exclusive(ctx, func() error { return s.swap(dst, temp) })
	}
	if s.db.Load().DB != dst { // an error, of copying or before the swap
		dropped := errors.Join(guarded(dst.Close), os.Remove(temp))
		if errors.Is(err, errNoGain) {
			return dropped
		}
		err = errors.Join(err, dropped)
	}
	return err
}

// openCopy opens a new file that is synced at the end only.
func openCopy(path string) (db *bbolt.DB, err error) {
	o := boltOptions(0)
	o.NoSync, o.InitialMmapSize = true, mapSize()
	err = guarded(func() (err error) {
		db, err = bbolt.Open(path, 0o600, o)
		return err
	})
	return db, err
}

// copyTo does steps 2 and 3.
func (s *Store) copyTo(ctx context.Context, dst *bbolt.DB, progress func(done, total int64)) error {
	var names [][]byte
	var total, done int64
	err := s.view(func(tx *bbolt.Tx) error {
		total = tx.Size()
		return tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
			names = append(names, bytes.Clone(name))
			return nil
		})
	})
	for _, name := range names {
		for after, more := []byte(nil), true; more && err == nil; {
			if err = ctx.Err(); err != nil {
				break
			}
			var rows []keyValue
			if rows, more, err = s.rowsAfter(name, after); err != nil {
				break
			}
			if err = putRows(dst, name, rows); err != nil {
				break
			}
			for _, r := range rows {
				after, done = r.key, done+int64(len(r.key)+len(r.value))
			}
			progress(min(done, total), total)
		}
	}
	for range copyRounds {
		if err != nil {
			return err
		}
		rows := s.touched.take()
		if err = s.copyRows(dst, rows); len(rows) <= fewRows {
			break
		}
	}
	if err == nil {
		err = guarded(func() error { return s.disk.sync(dst) }) // most of the work of the last one, while nobody waits
	}
	return err
}

type keyValue struct{ key, value []byte }

// rowsAfter returns the next rows of a bucket, as copies; nil: from its beginning.
func (s *Store) rowsAfter(name, after []byte) (rows []keyValue, more bool, err error) {
	err = s.view(func(tx *bbolt.Tx) error {
		b := tx.Bucket(name)
		if b == nil {
			return fmt.Errorf("bucket %s was dropped while it was copied", name)
		}
		c, size := b.Cursor(), 0
		k, v := c.First()
		if after != nil {
			if k, v = c.Seek(after); bytes.Equal(k, after) {
				k, v = c.Next()
			}
		}
		for ; k != nil; k, v = c.Next() {
			if size >= copyBytes {
				more = true
				return nil
			}
			rows, size = append(rows, keyValue{bytes.Clone(k), bytes.Clone(v)}), size+len(k)+len(v)
		}
		return nil
	})
	return rows, more, err
}

// growthOfCopy is by how much a copy grows beyond what it needs: less than a file that goes on growing.
func growthOfCopy(size int64) int { return int(min(max(size/16, int64(os.Getpagesize())), 16<<20)) }

func putRows(dst *bbolt.DB, name []byte, rows []keyValue) error {
	return guarded(func() error {
		return dst.Update(func(tx *bbolt.Tx) error {
			tx.DB().AllocSize = growthOfCopy(tx.Size())
			b, err := tx.CreateBucketIfNotExists(name)
			if err != nil {
				return err
			}
			b.FillPercent = compactFill
			for _, r := range rows {
				if err := b.Put(r.key, r.value); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// copyRows makes the rows in dst what they are now.
func (s *Store) copyRows(dst *bbolt.DB, rows map[row]struct{}) error {
	if len(rows) == 0 {
		return nil
	}
	return s.view(func(from *bbolt.Tx) error {
		return dst.Update(func(to *bbolt.Tx) error {
			for r := range rows {
				src, b := from.Bucket([]byte(r.bucket)), to.Bucket([]byte(r.bucket))
				if src == nil || b == nil {
					return fmt.Errorf("bucket %s came or went while the file was copied", r.bucket)
				}
				var err error
				if value := src.Get([]byte(r.key)); value != nil {
					err = b.Put([]byte(r.key), value)
				} else {
					err = b.Delete([]byte(r.key))
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// swap is step 4. It runs on the writer goroutine.
func (s *Store) swap(dst *bbolt.DB, temp string) error {
	if f := s.broken.Load(); f != nil {
		return f
	}
	if err := s.copyRows(dst, s.touched.take()); err != nil {
		return err
	}
	err := s.view(func(from *bbolt.Tx) error {
		return dst.Update(func(to *bbolt.Tx) error {
			err := from.ForEach(func(name []byte, b *bbolt.Bucket) error {
				return to.Bucket(name).SetSequence(b.Sequence())
			})
			return errors.Join(err, putIdentity(to))
		})
	})
	if err == nil {
		err = guarded(func() error { return s.disk.sync(dst) })
	}
	if err != nil {
		return err
	}
	now, err := os.Stat(temp)
	if err != nil {
		return sorted(err)
	}
	if now.Size() >= s.FileBytes() {
		return errNoGain
	}
	dst.NoSync = false
	id, err := identityOf(dst)
	if err != nil {
		return err
	}
	if err := s.disk.rename(temp, s.path); err != nil {
		return sorted(err)
	}
	old := s.db.Swap(&handle{DB: dst})
	s.file.Store(&id)
	s.olds.Go(func() { _ = old.close() }) // waits for the reads that are under way in it; nothing is lost with it
	if err := s.disk.syncDir(filepath.Dir(s.path)); err != nil {
		// A power cut may bring the old file back. Nothing that is written from here on could be promised.
		f := &Fault{Kind: IO, Err: fmt.Errorf("the compacted file's name may not be on disk, so that nothing more is written: %w", err)}
		s.broken.Store(f)
		return f
	}
	return nil
}

func identityOf(db *bbolt.DB) (id [16]byte, err error) {
	err = guarded(func() error {
		return db.View(func(tx *bbolt.Tx) (err error) {
			id, err = openIdentity(metaFile, tx.Bucket(bucketMeta).Get(metaFile))
			return err
		})
	})
	return id, err
}
