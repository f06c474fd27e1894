package keys

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/reprise-cache/reprise/cache/boltfile"
)

const (
	formatVersion = 1
	recordVersion = 1
	saveDelay     = time.Second

	defaultLockTimeout = 500 * time.Millisecond
)

var (
	bucketMeta    = []byte("meta")
	bucketGateway = []byte("gateway")
	bucketVirtual = []byte("virtual")
	bucketSpend   = []byte("spend")
	buckets       = [][]byte{bucketMeta, bucketGateway, bucketVirtual, bucketSpend}

	metaFormat = "format"
	metaSeal   = "seal"
)

// Options configure a store.
type Options struct {
	Seal        SealKey       // none: virtual keys can neither be made nor used
	LockTimeout time.Duration // how long to wait for another process; zero: half a second
}

// Store is an open file of keys. It is safe for concurrent use.
type Store struct {
	path   string
	system string // as runtime.GOOS has it; tests name another

	mu      sync.Mutex // one change at a time; guards db and sealer
	db      *bbolt.DB
	sealer  *sealer // nil: no key to seal with
	gateway atomic.Pointer[map[string]*Gateway]
	virtual atomic.Pointer[map[string]*virtual]

	saveMu sync.Mutex // guards what follows
	save   *time.Timer
	closed bool
	saved  func(error) // is told of each attempt to write what was spent; nil: nobody
}

// Open opens the file, or makes it, and checks all that is in it.
func Open(path string, o Options) (*Store, error) {
	if o.LockTimeout == 0 {
		o.LockTimeout = defaultLockTimeout
	}
	s := &Store{path: path, system: runtime.GOOS}
	s.gateway.Store(&map[string]*Gateway{})
	s.virtual.Store(&map[string]*virtual{})
	var err error
	if s.db, err = openFile(path, o.LockTimeout); err != nil {
		return nil, err
	}
	err = os.Chmod(path, 0o600)
	if err == nil {
		err = dropLeftover(path)
	}
	if err == nil {
		err = guarded(func() error { return s.load(o.Seal) })
	}
	if err != nil {
		_ = boltfile.Guard(s.db.Close) // there is an error to tell already
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func boltOptions() *bbolt.Options {
	return &bbolt.Options{FreelistType: bbolt.FreelistMapType, NoStatistics: true}
}

// openFile opens the file that has the name, once its pages are found sound. While it waited for the lock, the process that
// had it may have put another in its place: then the lock is of a file without a name.
func openFile(path string, lockTimeout time.Duration) (*bbolt.DB, error) {
	const attempts = 3
	for range attempts {
		var f *os.File
		o := boltOptions()
		o.Timeout = lockTimeout
		o.OpenFile = func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
			f, err = os.OpenFile(name, flag, mode)
			return f, err
		}
		if !boltfile.IsNew(path) {
			if err := boltfile.Verify(path, lockTimeout); err != nil {
				return nil, opening(path, err)
			}
		}
		var db *bbolt.DB
		err := boltfile.Guard(func() (err error) {
			db, err = bbolt.Open(path, 0o600, o)
			return err
		})
		if err != nil {
			return nil, opening(path, err)
		}
		is, err := f.Stat()
		at, atErr := os.Stat(path)
		if err == nil && atErr == nil && os.SameFile(is, at) {
			return db, nil
		}
		if err := boltfile.Guard(db.Close); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s: %w", path, ErrLocked)
}

// opening says what kept the file from being opened.
func opening(path string, err error) error {
	var d *boltfile.Damage
	switch {
	case errors.As(err, &d) && !d.Bolt:
		return fmt.Errorf("%s: %w: it is no bbolt file", path, ErrDamaged)
	case errors.As(err, &d):
		return fmt.Errorf("%s: %w: %w", path, ErrDamaged, d)
	case errors.Is(err, boltfile.ErrPanicked):
		return fmt.Errorf("%s: %w: %w", path, ErrDamaged, boltfile.ErrPanicked)
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("%s: %w", path, ErrLocked)
	}
	return fmt.Errorf("keys: %w", err)
}

// guarded runs fn on the open file. What a page had that could not be read is not told.
func guarded(fn func() error) error {
	err := boltfile.Guard(fn)
	if errors.Is(err, boltfile.ErrPanicked) {
		return fmt.Errorf("%w: %w", ErrDamaged, boltfile.ErrPanicked)
	}
	return err
}

func (s *Store) view(fn func(*bbolt.Tx) error) error {
	return guarded(func() error { return s.db.View(fn) })
}

func (s *Store) update(fn func(*bbolt.Tx) error) error {
	return guarded(func() error { return s.db.Update(fn) })
}

// load reads the whole file.
func (s *Store) load(k SealKey) error {
	var seal *sealRecord
	fresh := false
	err := s.db.View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		if meta == nil {
			if name, _ := tx.Cursor().First(); name != nil {
				return fmt.Errorf("%w: it is another program's, or a cache's", ErrDamaged)
			}
			fresh = true
			return nil
		}
		switch v := string(meta.Get([]byte(metaFormat))); v {
		case strconv.Itoa(formatVersion):
		case "":
			return fmt.Errorf("%w: it is another program's, or a cache's", ErrDamaged)
		default:
			return fmt.Errorf("%w: %.20q, this program reads %d", ErrVersion, v, formatVersion)
		}
		if b := meta.Get([]byte(metaSeal)); b != nil {
			seal = &sealRecord{}
			if err := decode(b, seal); err != nil {
				return fmt.Errorf("%w (meta/seal)", err)
			}
		}
		return s.readAll(tx)
	})
	switch {
	case err != nil:
		return err
	case fresh:
		err = s.db.Update(func(tx *bbolt.Tx) error {
			for _, b := range buckets {
				if _, err := tx.CreateBucket(b); err != nil {
					return err
				}
			}
			return tx.Bucket(bucketMeta).Put([]byte(metaFormat), []byte(strconv.Itoa(formatVersion)))
		})
		if err != nil {
			return fmt.Errorf("keys: %w", err)
		}
	}
	return s.unseal(k, seal)
}

func (s *Store) readAll(tx *bbolt.Tx) error {
	if err := tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
		for _, b := range buckets {
			if string(b) == string(name) {
				return nil
			}
		}
		return fmt.Errorf("%w: a bucket %.40q, which is none of ours", ErrDamaged, name)
	}); err != nil {
		return err
	}
	spent := map[string]Spent{}
	gateway, virtuals := map[string]*Gateway{}, map[string]*virtual{}
	for _, one := range []struct {
		bucket []byte
		read   func(key string, b []byte) error
	}{
		{bucketMeta, func(key string, b []byte) error {
			if b == nil || key != metaFormat && key != metaSeal {
				return ErrDamaged
			}
			return nil
		}},
		{bucketSpend, func(key string, b []byte) error {
			var v Spent
			err := decode(b, &v)
			spent[key] = v
			return err
		}},
		{bucketGateway, func(key string, b []byte) error {
			var rec gatewayRecord
			if err := decode(b, &rec); err != nil {
				return err
			}
			scopes, err := ParseScopes(rec.Scopes)
			if err != nil || rec.ID != key {
				return ErrDamaged
			}
			gateway[key] = &Gateway{rec: rec, scopes: scopes, meter: newMeter(rec.Limits, spent["g/"+key]), store: s}
			return nil
		}},
		{bucketVirtual, func(key string, b []byte) error {
			var rec virtualRecord
			if err := decode(b, &rec); err != nil {
				return err
			}
			if rec.Name != key || rec.Count < 1 || rec.Count > maxSecrets {
				return ErrDamaged
			}
			virtuals[key] = &virtual{rec: rec, meter: newMeter(rec.Limits, spent["v/"+key]), turns: &turns{}}
			return nil
		}},
	} {
		b := tx.Bucket(one.bucket)
		if b == nil {
			return fmt.Errorf("%w: the bucket %s is missing", ErrDamaged, one.bucket)
		}
		if err := b.ForEach(func(k, v []byte) error {
			if err := one.read(string(k), v); err != nil {
				return fmt.Errorf("%w (%s/%.80q)", err, one.bucket, k)
			}
			return nil
		}); err != nil {
			return err
		}
	}
	s.gateway.Store(&gateway)
	s.virtual.Store(&virtuals)
	return nil
}

// unseal opens all boxes with the key, or seals a file that has no seal yet.
func (s *Store) unseal(k SealKey, rec *sealRecord) (err error) {
	switch {
	case rec == nil && len(s.virtuals()) > 0:
		return fmt.Errorf("%w: it has sealed secrets and no seal", ErrDamaged)
	case k.none():
		return nil
	case rec == nil:
		var made sealRecord
		if s.sealer, made, err = newSeal(k); err != nil {
			return err
		}
		return s.write(bucketMeta, metaSeal, &made)
	}
	if s.sealer, err = k.open(*rec); err != nil {
		return err
	}
	for name, v := range s.virtuals() {
		if err := v.unseal(s.sealer); err != nil {
			return fmt.Errorf("%w (virtual/%q)", err, name)
		}
	}
	return nil
}

// Sealed reports whether there are virtual keys and no key to open them with.
func (s *Store) Sealed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sealer == nil && len(s.virtuals()) > 0
}

func (s *Store) gateways() map[string]*Gateway { return *s.gateway.Load() }
func (s *Store) virtuals() map[string]*virtual { return *s.virtual.Load() }

// setGateway and setVirtual replace the whole map, which requests read without a lock. Callers hold s.mu.
func (s *Store) setGateway(g *Gateway) {
	m := maps.Clone(s.gateways())
	m[g.rec.ID] = g
	s.gateway.Store(&m)
}

func (s *Store) setVirtual(name string, v *virtual) {
	m := maps.Clone(s.virtuals())
	if v == nil {
		delete(m, name)
	} else {
		m[name] = v
	}
	s.virtual.Store(&m)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode makes a record.
func encode(v any) ([]byte, error) {
	text, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	b := make([]byte, 5, 5+len(text))
	b[0] = recordVersion
	binary.LittleEndian.PutUint32(b[1:], crc32.Checksum(text, castagnoli))
	return append(b, text...), nil
}

// decode reads one. Its errors quote nothing of it.
func decode(b []byte, v any) error {
	switch {
	case len(b) < 5:
		return fmt.Errorf("%w: a record is cut off", ErrDamaged)
	case b[0] != recordVersion:
		return fmt.Errorf("%w: a record of version %d", ErrVersion, b[0])
	case crc32.Checksum(b[5:], castagnoli) != binary.LittleEndian.Uint32(b[1:]):
		return fmt.Errorf("%w: a record's checksum is wrong", ErrDamaged)
	}
	if err := json.Unmarshal(b[5:], v, json.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("%w: a record cannot be read", ErrDamaged)
	}
	return nil
}

func (s *Store) write(bucket []byte, key string, v any) error {
	b, err := encode(v)
	if err != nil {
		return err
	}
	if err := s.update(func(tx *bbolt.Tx) error { return tx.Bucket(bucket).Put([]byte(key), b) }); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}

// remove deletes a virtual key and what was spent by it.
func (s *Store) remove(name string) error {
	if err := s.update(func(tx *bbolt.Tx) error {
		return errors.Join(tx.Bucket(bucketVirtual).Delete([]byte(name)), tx.Bucket(bucketSpend).Delete([]byte("v/"+name)))
	}); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}

// saveSoon has what was spent written within saveDelay. One write serves all that is spent until it comes.
func (s *Store) saveSoon() {
	s.saveMu.Lock()
	defer s.saveMu.Unlock()
	if s.save != nil || s.closed {
		return
	}
	s.save = time.AfterFunc(saveDelay, func() {
		s.saveMu.Lock()
		s.save = nil
		s.saveMu.Unlock()
		err := s.Save()
		if s.saved != nil {
			s.saved(err)
		}
	})
}

// OnSave has f told of each attempt to write what was spent. Call it before anything is.
func (s *Store) OnSave(f func(error)) { s.saved = f }

// Save writes what was spent and is not written yet.
func (s *Store) Save() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]Spent{}
	meters := map[string]*meter{}
	add := func(key string, m *meter) {
		if v, ok := m.unsaved(); ok {
			out[key], meters[key] = v, m
		}
	}
	for id, g := range s.gateways() {
		add("g/"+id, g.meter)
	}
	for name, v := range s.virtuals() {
		add("v/"+name, v.meter)
	}
	if len(out) == 0 {
		return nil
	}
	err := s.update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(bucketSpend)
		for key, v := range out {
			rec, err := encode(&v)
			if err == nil {
				err = b.Put([]byte(key), rec)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		for _, m := range meters {
			m.unwritten()
		}
		return fmt.Errorf("keys: %w", err)
	}
	return nil
}

// Close writes what was spent and lets go of the file.
func (s *Store) Close() error {
	s.saveMu.Lock()
	if s.closed {
		s.saveMu.Unlock()
		return nil
	}
	s.closed = true
	if s.save != nil {
		s.save.Stop()
	}
	s.saveMu.Unlock()
	err := s.Save()
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(err, guarded(s.db.Close))
}

// Path is where the file is.
func (s *Store) Path() string { return s.path }
