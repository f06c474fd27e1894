package keys

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/reprise-cache/reprise/cache/boltfile"
)

// resealSuffix is what the file is called until it is whole.
const resealSuffix = ".reseal"

// Reseal seals all secrets anew with another key or passphrase, and returns how many virtual keys there are. The file is
// written beside the old one, whole, and then takes its name: a crash leaves either of the two, and what bbolt kept of the
// old boxes in pages that it does not use any more is gone with the old file. Copies that were made before still open by
// the old key. On Windows, where the new file could not take the name, it is errors.ErrUnsupported before anything is done.
func (s *Store) Reseal(k SealKey) (sealed int, err error) {
	if k.none() {
		return 0, wrong("seal_key", "there is none: give the key or the passphrase to seal with from now on")
	}
	if err := boltfile.ReplacesOpen(s.system); err != nil {
		return 0, fmt.Errorf("keys: sealing anew: %w: stop the gateway, and do it to a copy of the file on Linux or macOS", err)
	}
	next, seal, err := newSeal(k) // before the lock: argon2id takes its time
	if err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.opens(); err != nil {
		return 0, err
	}
	virtuals := map[string]*virtual{}
	for name, v := range s.virtuals() {
		text, err := s.sealer.open(v.rec.Box, v.rec.context())
		if err != nil {
			return 0, err
		}
		rec := v.rec
		rec.Box = next.seal(text, rec.context())
		virtuals[name] = &virtual{rec: rec, meter: v.meter, turns: v.turns}
	}
	path, err := filepath.EvalSymlinks(s.path) // or the link would be replaced
	if err != nil {
		return 0, fmt.Errorf("keys: %w", err)
	}
	temp := path + resealSuffix
	db, err := s.rewrite(temp, &seal, virtuals)
	if err != nil {
		return 0, err
	}
	if err := os.Rename(temp, path); err != nil {
		return 0, errors.Join(fmt.Errorf("keys: %w", err), db.Close(), os.Remove(temp))
	}
	old := s.db
	s.db, s.sealer = db, next
	s.virtual.Store(&virtuals)
	if err := errors.Join(boltfile.SyncDir(filepath.Dir(path)), old.Close()); err != nil {
		return 0, fmt.Errorf("keys: all is sealed anew, but a power cut might bring the old file back: %w", err)
	}
	return len(virtuals), nil
}

// opens reports whether the file was sealed and there is no key to open it with. Callers hold s.mu.
func (s *Store) opens() error {
	return s.view(func(tx *bbolt.Tx) error {
		if s.sealer == nil && tx.Bucket(bucketMeta).Get([]byte(metaSeal)) != nil {
			return ErrNoSealKey
		}
		return nil
	})
}

// rewrite makes a file that has all that the present one has, but another seal and other boxes. Callers hold s.mu.
func (s *Store) rewrite(temp string, seal *sealRecord, virtuals map[string]*virtual) (db *bbolt.DB, err error) {
	if err := removeIfThere(temp); err != nil { // of one that was killed
		return nil, err
	}
	if db, err = bbolt.Open(temp, 0o600, boltOptions()); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	err = s.view(func(from *bbolt.Tx) error {
		return db.Update(func(to *bbolt.Tx) error {
			for _, name := range buckets {
				b, err := to.CreateBucket(name)
				if err == nil {
					err = from.Bucket(name).ForEach(func(k, v []byte) (err error) {
						if bytes.Equal(name, bucketVirtual) {
							if v, err = encode(&virtuals[string(k)].rec); err != nil {
								return err
							}
						}
						return b.Put(k, v)
					})
				}
				if err != nil {
					return err
				}
			}
			rec, err := encode(seal)
			if err != nil {
				return err
			}
			return to.Bucket(bucketMeta).Put([]byte(metaSeal), rec)
		})
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("keys: %w", err), db.Close(), os.Remove(temp))
	}
	return db, nil
}

// dropLeftover removes what a process left that was killed while it sealed anew. Callers have the file's lock, as it had.
func dropLeftover(path string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return removeIfThere(path + resealSuffix)
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}
