package store

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"sort"
	"time"

	"go.etcd.io/bbolt"

	"github.com/reprise-cache/reprise/cache/boltfile"
)

// Problem is one thing that is wrong with a file.
type Problem = boltfile.Problem

// Report is what a check found.
type Report struct {
	Version   uint32
	Model     Model
	Entries   int
	Vectors   int   // in use
	Lacking   int   // entries that may be embedded and have no vector in use; not a problem
	Expired   int   // entries past their time that are still there; not a problem
	Bytes     int64 // of the bodies
	FileBytes int64

	StoredBytes int64 // of the bodies, as the file keeps them
	Pages       uint64
	Problems    []Problem
}

// CheckFile checks a file that no store has open. The error is about reading it; damage is in the report.
func CheckFile(ctx context.Context, path string, lockTimeout time.Duration) (*Report, error) {
	unlock, err := lockShared(path, lockTimeout)
	if err != nil {
		return nil, err
	}
	f, size, err := openFile(path)
	if err != nil {
		unlock()
		return nil, err
	}
	defer f.Close()
	r, err := check(ctx, f, size)
	unlock()
	if err != nil || len(r.Problems) > 0 {
		return r, err
	}
	// A second opinion, which only a sound file may be given: on a bad page bbolt's own check can fault in a
	// goroutine where nobody can recover.
	var db *bbolt.DB
	err = guarded(func() (err error) {
		o := boltOptions(lockTimeout)
		o.ReadOnly, o.PreLoadFreelist = true, true
		db, err = bbolt.Open(path, 0, o)
		return err
	})
	if err != nil {
		return r, err
	}
	err = guarded(func() error {
		return db.View(func(tx *bbolt.Tx) error {
			for problem := range tx.Check() {
				r.Problems = append(r.Problems, Problem{What: problem.Error()})
			}
			return nil
		})
	})
	return r, errors.Join(err, guarded(db.Close))
}

// Check checks the open file. Writes wait meanwhile; reads do not.
func (s *Store) Check(ctx context.Context) (r *Report, err error) {
	err = s.exclusive(ctx, func() error {
		f, size, err := openFile(s.path)
		if err != nil {
			return err
		}
		defer f.Close()
		r, err = check(ctx, f, size)
		return err
	})
	return r, err
}

// checkedHead is what the checker keeps of a head until it has met the entry's other records.
type checkedHead struct {
	key     [32]byte
	expires int64
	bodyLen uint32

	semantic bool
}

// checker meets the buckets in the order of their names, bodies before heads. It therefore collects what the
// records say of each other and compares at the end; only the models must be known earlier, and "meta" does come
// before "vectors".
type checker struct {
	r       *Report
	heads   map[uint64]*checkedHead
	bodies  map[uint64]uint32
	keys    map[[32]byte]uint64
	expiry  map[uint64]int64
	uses    []uint64
	vectors map[uint32]map[uint64]bool // by generation
	next    *Model
	model   *Model
	buckets map[string]bool
	format  bool

	identity bool
}

func check(ctx context.Context, f io.ReaderAt, size int64) (*Report, error) {
	c := &checker{
		r:     &Report{FileBytes: size},
		heads: map[uint64]*checkedHead{}, bodies: map[uint64]uint32{}, keys: map[[32]byte]uint64{},
		expiry: map[uint64]int64{}, vectors: map[uint32]map[uint64]bool{}, buckets: map[string]bool{},
	}
	pages, err := boltfile.Walk(ctx, f, size, boltfile.Visitor{
		Problem: func(p Problem) { c.r.Problems = append(c.r.Problems, p) },
		Item:    c.item,
		Bucket:  func(name string) { c.buckets[name] = true },
	})
	c.r.Pages = pages
	if err != nil {
		return c.r, sorted(err)
	}
	if pages == 0 {
		return c.r, nil // no meta page: nothing else can be said
	}
	c.compare()
	return c.r, nil
}

func (c *checker) problem(bucket string, page uint64, key []byte, format string, args ...any) {
	c.r.Problems = append(c.r.Problems, Problem{Bucket: bucket, Key: hex.EncodeToString(key), Page: page, What: fmt.Sprintf(format, args...)})
}

func (c *checker) item(bucket string, page uint64, key, value []byte) {
	if err := c.record(bucket, key, value); err != nil {
		c.problem(bucket, page, key, "%v", err)
	}
}

// record checks one record by itself and notes what it says of others.
func (c *checker) record(bucket string, key, value []byte) error {
	switch bucket {
	case "meta":
		return c.meta(key, value)
	case "heads":
		h, err := openHead(key, value)
		if err != nil {
			return err
		}
		c.heads[h.ID] = &checkedHead{key: h.Key, expires: h.Expires, bodyLen: h.BodyLen, semantic: h.Semantic}
		if h.Expires != 0 && h.Expires <= time.Now().UnixNano() {
			c.r.Expired++
		}
	case "bodies":
		n, err := bodySize(key, value)
		if err != nil {
			return err
		}
		if len(key) != 8 {
			return errKeyForm
		}
		c.bodies[binary.BigEndian.Uint64(key)] = uint32(n)
		c.r.Bytes += int64(n)
		c.r.StoredBytes += int64(len(value) - sealOverhead)
	case "keys":
		id, err := openID(key, value)
		if err != nil {
			return err
		}
		c.keys[[32]byte(key)] = id
	case "expiry":
		if len(key) != 16 || len(value) != 0 {
			return errKeyForm
		}
		c.expiry[binary.BigEndian.Uint64(key[8:])] = int64(binary.BigEndian.Uint64(key))
	case "learned":
		_, _, err := openLearned(key, value)
		return err
	case "traces":
		_, err := openTrace(key, value)
		return err
	case "uses":
		u, err := openUses(key, value)
		if err != nil {
			return err
		}
		c.uses = append(c.uses, u.ID)
	default:
		return c.vector(bucket, key, value)
	}
	return nil
}

var errKeyForm = errors.New("record is not of its bucket's form")

func (c *checker) meta(key, value []byte) error {
	switch string(key) {
	case string(metaFormat):
		version, err := openFormat(key, value)
		if err != nil {
			return err
		}
		if c.format, c.r.Version = true, version; version < firstVersion || version > formatVersion {
			return fmt.Errorf("format version %d is unknown to this program", version)
		}
	case string(metaFile):
		_, err := openIdentity(key, value)
		c.identity = err == nil
		return err
	case string(metaModel), string(metaNext):
		m, err := openModel(key, value)
		if err != nil {
			return err
		}
		if string(key) == string(metaModel) {
			c.model, c.r.Model = &m, m
		} else {
			c.next = &m
		}
	default:
		return errors.New("unknown record")
	}
	return nil
}

func (c *checker) vector(bucket string, key, value []byte) error {
	generation, ok := generationOf(bucket)
	if !ok {
		return errors.New("record in an unknown bucket")
	}
	m := c.modelOf(generation)
	if m == nil {
		return errors.New("vector of a generation that no model owns")
	}
	if len(key) != 8 {
		return errKeyForm
	}
	if _, err := openVector(key, value, m.Dim); err != nil {
		return err
	}
	ids := c.vectors[generation]
	if ids == nil {
		ids = map[uint64]bool{}
		c.vectors[generation] = ids
	}
	ids[binary.BigEndian.Uint64(key)] = true
	return nil
}

func (c *checker) modelOf(generation uint32) *Model {
	for _, m := range []*Model{c.model, c.next} {
		if m != nil && m.generation == generation {
			return m
		}
	}
	return nil
}

// compare checks what the records say of each other.
func (c *checker) compare() {
	for _, name := range bucketsOf(c.r.Version) {
		if !c.buckets[string(name)] {
			c.problem(string(name), 0, nil, "bucket is missing")
		}
	}
	if !c.format {
		c.problem("meta", 0, metaFormat, "record is missing")
	}
	if c.r.Version >= 3 && !c.identity {
		c.problem("meta", 0, metaFile, "record is missing")
	}
	for name := range c.buckets {
		if g, ok := generationOf(name); ok && c.modelOf(g) == nil {
			c.problem(name, 0, nil, "vectors of a generation that no model owns")
		}
	}
	if c.model != nil && !c.buckets[string(vectorBucket(c.model.generation))] {
		c.problem(string(vectorBucket(c.model.generation)), 0, nil, "bucket is missing")
	}

	var found []Problem
	add := func(bucket string, key []byte, format string, args ...any) {
		found = append(found, Problem{Bucket: bucket, Key: hex.EncodeToString(key), What: fmt.Sprintf(format, args...)})
	}
	c.r.Entries = len(c.heads)
	var used map[uint64]bool
	if c.model != nil {
		used = c.vectors[c.model.generation]
	}
	c.r.Vectors = len(used)
	for id, h := range c.heads {
		if h.semantic && !used[id] {
			c.r.Lacking++
		}
		key := idKey(id)
		if n, ok := c.bodies[id]; !ok {
			add("heads", key, "entry has no whole body")
		} else if n != h.bodyLen {
			add("bodies", key, "body of %d bytes instead of %d", n, h.bodyLen)
		}
		if named, ok := c.keys[h.key]; !ok {
			add("heads", key, "the entry's exact key %x is not in bucket keys", h.key)
		} else if named != id {
			add("heads", key, "the entry's exact key %x names entry %016x", h.key, named)
		}
		if at := c.expiry[id]; at != h.expires {
			add("heads", key, "entry expires at %d, bucket expiry says %d", h.expires, at)
		}
	}
	for id := range c.bodies {
		if c.heads[id] == nil {
			add("bodies", idKey(id), "body without a whole entry")
		}
	}
	for key, id := range c.keys {
		if c.heads[id] == nil {
			add("keys", key[:], "names entry %016x, which is not there whole", id)
		}
	}
	for id, at := range c.expiry {
		if c.heads[id] == nil {
			add("expiry", expiryKey(at, id), "expiry without a whole entry")
		}
	}
	for _, id := range c.uses {
		if c.heads[id] == nil {
			add("uses", idKey(id), "uses without a whole entry")
		}
	}
	for generation, ids := range c.vectors {
		for id := range ids {
			if c.heads[id] == nil {
				add(string(vectorBucket(generation)), idKey(id), "vector without a whole entry")
			}
		}
	}
	sort.Slice(found, func(i, j int) bool {
		a, b := &found[i], &found[j]
		return cmp.Or(cmp.Compare(a.Bucket, b.Bucket), cmp.Compare(a.Key, b.Key), cmp.Compare(a.What, b.What)) < 0
	})
	c.r.Problems = append(c.r.Problems, found...)
}
