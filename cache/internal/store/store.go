package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.etcd.io/bbolt"

	"github.com/reprise-cache/reprise/cache/boltfile"
)

var (
	bucketMeta   = []byte("meta")
	bucketHeads  = []byte("heads")
	bucketBodies = []byte("bodies")
	bucketKeys   = []byte("keys")
	bucketExpiry = []byte("expiry")

	metaFormat = []byte("format")
	metaModel  = []byte("model")
	metaNext   = []byte("next")
	metaFile   = []byte("file")
)

// Options configures a store.
type Options struct {
	LockTimeout time.Duration // how long to wait for another process's lock; must be positive
	// OnCommit is told of every change, in the order of the commits, on the writer goroutine, before the call that
	// made the change returns. It must not write to the store. nil: nobody is told.
	OnCommit func(Change)
	// Keeper says what has to go for what comes; nil: nothing.
	Keeper Keeper
}

// Keeper keeps the file within limits. It is called on the writer goroutine.
type Keeper interface {
	// Fit takes in what the writes of a commit are about to change, and names the entries that have to go for it, in the same commit,
	// and the uses of those that came and stay.
	Fit(changes []Change) (gone []uint64, uses []Uses)
	// Done tells whether the commit came about. If not, all is as it was before Fit, which then may not have been called.
	Done(committed bool)
}

// Change is what one write did.
type Change struct {
	Put      *Head      // the entry that was written; nil: none
	Vector   []float32  // of Put; nil: none
	Body     []byte     // of Put
	Removed  []Removed  // entries that are gone: replaced, deleted, expired
	Embedded []Embedded // entries that got the vector which they lacked
}

// Embedded is an entry that got its vector later.
type Embedded struct {
	ID        uint64
	Partition [32]byte
	Vector    []float32
}

// Removed identifies an entry that is gone.
type Removed struct {
	ID        uint64
	Partition [32]byte
	Key       [32]byte
	BodyLen   uint32
	Lacked    bool // it may have been embedded, and had no vector
}

// Store is an open file. It is safe for concurrent use.
type Store struct {
	db   atomic.Pointer[handle] // another after a compaction
	path string
	opts Options

	file    atomic.Pointer[[16]byte] // identity of the file: no two that were made, compacted or salvaged have the same
	touched touchLog
	load    load

	disk disk // of a compaction

	compacting sync.Mutex     // held by the compaction under way
	olds       sync.WaitGroup // files that were compacted away, while somebody reads them

	model atomic.Pointer[Model] // nil: no embedder was ever used

	sendMu sync.RWMutex // guards closed and sends on queue, so that Close never closes it under a sender
	closed bool
	queue  chan *request
	done   chan struct{} // closed when the writer has ended

	broken atomic.Pointer[Fault] // set when a write panicked inside bbolt: what memory holds is then unknown
}

// Open opens or creates the file. The whole page structure is verified before anything is mapped; see the package
// comment. Failures are *Fault.
func Open(path string, o Options) (*Store, error) {
	if err := create(path); err != nil {
		return nil, err
	}
	if err := verifyStructure(path, o.LockTimeout); err != nil {
		return nil, err
	}
	s := &Store{path: path, opts: o, disk: realDisk, queue: make(chan *request, maxBatch), done: make(chan struct{})}
	db, err := openBolt(path, o.LockTimeout)
	if err != nil {
		return nil, err
	}
	s.db.Store(&handle{DB: db})
	removeLeftovers(path)
	err = guarded(func() error {
		old, err := s.readMeta()
		if err == nil && old {
			err = s.upgrade()
		}
		return err
	})
	if err != nil {
		_ = guarded(db.Close) // the first error is the one to tell
		return nil, err
	}
	go s.write()
	return s, nil
}

// mapAhead is how much address space the file's map gets, which costs none of the memory: where bbolt has to make the map larger,
// writes wait for every read under way, and later reads for the write, so that one long read, as a backup's, would stop all others.
var mapAhead int64 = 64 << 30

func mapSize() int {
	if runtime.GOOS == "windows" || strconv.IntSize < 64 { // Windows would make the file that large
		return 0
	}
	return int(mapAhead)
}

// openBolt opens the file for writing.
func openBolt(path string, lockTimeout time.Duration) (db *bbolt.DB, err error) {
	const attempts = 3
	for attempt := 1; ; attempt++ {
		o := boltOptions(lockTimeout)
		o.InitialMmapSize = mapSize()
		var f *os.File
		o.OpenFile = func(name string, flag int, mode os.FileMode) (_ *os.File, err error) {
			f, err = os.OpenFile(name, flag, mode)
			return f, err
		}
		open := func() (err error) {
			db, err = bbolt.Open(path, 0o600, o)
			return err
		}
		err := guarded(open)
		if errors.Is(err, syscall.ENOMEM) { // address space is scarce here
			o.InitialMmapSize = 0
			err = guarded(open)
		}
		if err != nil {
			return nil, err
		}
		// While this one waited for the lock, the process that had it may have compacted: then the lock is of a file without a name.
		same, err := named(path, f)
		if err == nil && same {
			return db, nil
		}
		if err == nil && attempt == attempts {
			err = &Fault{Kind: Locked, Err: errors.New("another process keeps replacing the file")}
		}
		_ = guarded(db.Close)
		if err != nil {
			return nil, sorted(err)
		}
	}
}

// named reports whether the path still leads to the open file.
func named(path string, f *os.File) (bool, error) {
	is, err := f.Stat()
	if err != nil {
		return false, err
	}
	at, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(is, at), err
}

func boltOptions(lockTimeout time.Duration) *bbolt.Options {
	return &bbolt.Options{Timeout: lockTimeout, FreelistType: bbolt.FreelistMapType, NoStatistics: true}
}

// create makes a new file whole before it gets its name, so that a process killed meanwhile leaves no half-made
// database behind. Of two that create at once the second one's link fails, and it opens the first one's.
func create(path string) error {
	if _, err := os.Stat(path); err == nil || !errors.Is(err, os.ErrNotExist) {
		return sorted(err)
	}
	temp, err := newBeside(path)
	if err != nil {
		return err
	}
	defer os.Remove(temp)
	if err := giveName(temp, path); err != nil && !errors.Is(err, ErrExists) {
		return sorted(err)
	}
	return sorted(boltfile.SyncDir(filepath.Dir(path)))
}

// newBeside makes a file without entries beside path, under a name that nothing has, and returns that.
func newBeside(path string) (temp string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+newInfix+"*")
	if err != nil {
		return "", sorted(err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // the first error is the one to tell
		}
	}()
	if err := f.Close(); err != nil {
		return "", sorted(err)
	}
	db, err := bbolt.Open(f.Name(), 0o600, boltOptions(time.Second))
	if err != nil {
		return "", sorted(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range bucketsOf(formatVersion) {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return errors.Join(putVersion(tx), putIdentity(tx))
	})
	return f.Name(), sorted(errors.Join(err, db.Close()))
}

func putVersion(tx *bbolt.Tx) error {
	version := binary.BigEndian.AppendUint32(nil, formatVersion)
	return tx.Bucket(bucketMeta).Put(metaFormat, sealBytes(tagMeta, metaFormat, version))
}

// putIdentity makes the file one of its own.
func putIdentity(tx *bbolt.Tx) error {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails
	return tx.Bucket(bucketMeta).Put(metaFile, sealBytes(tagMeta, metaFile, id))
}

// upgrade brings a file of an older version up to date, in one transaction: versions 2 and 4 added buckets, version 3 the
// identity. Rows stay as they are.
func (s *Store) upgrade() error {
	err := s.db.Load().Update(func(tx *bbolt.Tx) error {
		for _, name := range [][]byte{bucketLearned, bucketTraces, bucketUses} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return errors.Join(putVersion(tx), putIdentity(tx))
	})
	if err != nil {
		return err
	}
	_, err = s.readMeta()
	return err
}

// verifyStructure refuses a file whose pages are not sound, naming the first problem in the order of the trees.
func verifyStructure(path string, lockTimeout time.Duration) error {
	err := boltfile.Verify(path, lockTimeout)
	var d *boltfile.Damage
	if errors.As(err, &d) {
		return damage(d.Problem)
	}
	return sorted(err)
}

// lockShared keeps writers of other processes out.
func lockShared(path string, timeout time.Duration) (unlock func(), err error) {
	unlock, err = boltfile.LockShared(path, timeout)
	return unlock, sorted(err)
}

func openFile(path string) (*os.File, int64, error) {
	f, size, err := boltfile.OpenFile(path)
	return f, size, sorted(err)
}

// readMeta checks the version and the buckets, and learns the model. It reports whether the file is of an older version.
func (s *Store) readMeta() (old bool, err error) {
	err = s.db.Load().View(func(tx *bbolt.Tx) error {
		meta := tx.Bucket(bucketMeta)
		if meta == nil {
			return corrupt(bucketMeta, nil, errors.New("bucket is missing: not a file of this program, or one that lost it"))
		}
		version, err := openFormat(metaFormat, meta.Get(metaFormat))
		if err != nil {
			return corrupt(bucketMeta, metaFormat, err)
		}
		if version < firstVersion || version > formatVersion {
			return &Fault{Kind: Format, Bucket: string(bucketMeta), Err: fmt.Errorf("the file has version %d, this program knows %d to %d", version, firstVersion, formatVersion)}
		}
		old = version < formatVersion
		for _, name := range bucketsOf(version)[1:] {
			if tx.Bucket(name) == nil {
				return corrupt(name, nil, errors.New("bucket is missing"))
			}
		}
		if !old {
			id, err := openIdentity(metaFile, meta.Get(metaFile))
			if err != nil {
				return corrupt(bucketMeta, metaFile, err)
			}
			s.file.Store(&id)
		}
		value := meta.Get(metaModel)
		if value == nil {
			return nil
		}
		m, err := openModel(metaModel, value)
		if err != nil {
			return corrupt(bucketMeta, metaModel, err)
		}
		if tx.Bucket(vectorBucket(m.generation)) == nil {
			return corrupt(vectorBucket(m.generation), nil, errors.New("bucket is missing"))
		}
		s.model.Store(&m)
		return nil
	})
	return old, err
}

// bucketsOf lists the buckets that a file of that version always has.
func bucketsOf(version uint32) [][]byte {
	names := [][]byte{bucketMeta, bucketHeads, bucketBodies, bucketKeys, bucketExpiry}
	if version >= 2 {
		names = append(names, bucketLearned, bucketTraces)
	}
	if version >= 4 {
		names = append(names, bucketUses)
	}
	return names
}

// Model returns the model whose vectors the file holds; ok is false if there has been none yet.
func (s *Store) Model() (m Model, ok bool) {
	if p := s.model.Load(); p != nil {
		return *p, true
	}
	return Model{}, false
}

// FileBytes returns the size of the file.
func (s *Store) FileBytes() int64 {
	st, err := os.Stat(s.path)
	if err != nil {
		return 0 // a statistic; the next read or write tells the reason
	}
	return st.Size()
}

// Snapshot is what identifies the state of a file: no two files share File, and Generation grows with every commit to one.
type Snapshot struct {
	File       [16]byte
	Generation uint64
	Vectors    uint32 // the generation of the vectors; 0: none
	LastID     uint64 // the highest id given so far
}

// Snapshot returns the state as of the last commit.
func (s *Store) Snapshot() (Snapshot, error) {
	n := Snapshot{File: *s.file.Load()}
	if m, ok := s.Model(); ok {
		n.Vectors = m.generation
	}
	err := s.view(func(tx *bbolt.Tx) error {
		n.Generation, n.LastID = uint64(tx.ID()), tx.Bucket(bucketHeads).Sequence()
		return nil
	})
	return n, err
}

// Between runs fn between two commits, and returns the state then.
func (s *Store) Between(ctx context.Context, fn func()) (n Snapshot, err error) {
	err = s.exclusive(ctx, func() (err error) {
		fn()
		n, err = s.Snapshot()
		return err
	})
	return n, err
}

// Close waits for the accepted writes, then closes the file. Later calls return ErrClosed.
//
// After a write that panicked inside bbolt, its locks may never be released, and its own Close would wait for them
// for good. Then the file stays mapped and locked until the process ends, and Close returns what had happened.
func (s *Store) Close() error {
	s.sendMu.Lock()
	if s.closed {
		s.sendMu.Unlock()
		return nil
	}
	s.closed = true
	close(s.queue)
	s.sendMu.Unlock()
	<-s.done
	s.olds.Wait()
	if f := s.broken.Load(); f != nil {
		return f
	}
	return s.db.Load().close()
}
