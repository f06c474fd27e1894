package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"time"

	"go.etcd.io/bbolt"

	"github.com/reprise-cache/reprise/cache/boltfile"
)

// Salvaged is what became of a damaged file's content.
type Salvaged struct {
	Entries int // kept, with their bodies
	Vectors int // of them
	Learned int // traits, rates and traces that were kept

	Lost    []Head // entries whose body is not whole
	Unnamed int    // whole bodies whose entry is not
	Twice   int    // entries that were left out, because a later one has their key
	NoModel bool   // whose vectors they are was not to be read, so that none was kept

	Problems []Problem // of the damaged file
}

// Salvage writes what is whole in a damaged file, which no store may have open, to a new one. What is whole is told by each record's
// own checksum; those below a bad branch of the tree count if the free list is sound, so that nothing which was removed comes back.
// The damaged file is only read.
func Salvage(ctx context.Context, from, to string, lockTimeout time.Duration) (*Salvaged, error) {
	if _, err := os.Lstat(to); err == nil {
		return nil, sorted(fmt.Errorf("%w: %s", ErrExists, to))
	}
	unlock, err := lockShared(from, lockTimeout)
	if err != nil {
		return nil, err
	}
	defer unlock()
	f, size, err := openFile(from)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	v := &salvage{out: &Salvaged{}, heads: map[uint64]*Head{}, bodies: map[uint64]int{}, keys: map[[32]byte]uint64{}}
	_, err = boltfile.Walk(ctx, f, size, boltfile.Visitor{
		Problem: func(p Problem) { v.out.Problems = append(v.out.Problems, p) },
		Item:    func(bucket string, _ uint64, key, value []byte) { v.look(kindOf(bucket), key, value) },
		Orphan:  func(_ uint64, key, value []byte) { v.look(guess(key, value), key, value) },
	})
	if err != nil {
		return nil, sorted(err)
	}
	v.choose()

	temp, err := newBeside(to)
	if err != nil {
		return nil, err
	}
	defer os.Remove(temp)
	if v.dst, err = openCopy(temp); err != nil {
		return nil, err
	}
	v.start()
	_, err = boltfile.Walk(ctx, f, size, boltfile.Visitor{
		Problem: func(Problem) {}, // known
		Item: func(bucket string, _ uint64, key, value []byte) {
			if g, ok := generationOf(bucket); !ok || v.model != nil && g == v.model.generation {
				v.keep(kindOf(bucket), key, value)
			}
		},
		Orphan: func(_ uint64, key, value []byte) {
			// While another model's vectors were being made, these may be of either.
			if kind := guess(key, value); kind != tagVector || !v.next {
				v.keep(kind, key, value)
			}
		},
	})
	v.flush()
	err = errors.Join(sorted(err), v.err, guarded(v.dst.Sync), guarded(v.dst.Close))
	if err != nil {
		return nil, err
	}
	if err := giveName(temp, to); err != nil {
		return nil, sorted(err)
	}
	return v.out, sorted(boltfile.SyncDir(filepath.Dir(to)))
}

// salvage is the state of one.
type salvage struct {
	out     *Salvaged
	model   *Model
	next    bool // vectors of another model were being made
	vectors bool // there are some
	heads   map[uint64]*Head
	bodies  map[uint64]int
	keys    map[[32]byte]uint64 // the latest entry of each key

	dst  *bbolt.DB
	rows map[string][]keyValue // by bucket, to be written
	size int
	err  error
}

// kindOf is the tag of a bucket's records; 0: unknown, or they are made anew.
func kindOf(bucket string) byte {
	switch bucket {
	case "meta":
		return tagMeta
	case "heads":
		return tagHead
	case "bodies":
		return tagBody
	case "learned":
		return tagLearned
	case "traces":
		return tagTrace
	case "uses":
		return tagUses
	}
	if _, ok := generationOf(bucket); ok {
		return tagVector
	}
	return 0
}

// guess finds the kind of a record by its checksum, which counts the kind.
func guess(key, value []byte) byte {
	for _, tag := range []byte{tagHead, tagBody, tagVector, tagLearned, tagTrace, tagUses, tagMeta} {
		if _, _, err := unsealVersion(tag, key, value); err == nil {
			return tag
		}
	}
	return 0
}

// look is the first pass: who is there.
func (v *salvage) look(kind byte, key, value []byte) {
	switch kind {
	case tagMeta:
		switch string(key) {
		case string(metaModel):
			if m, err := openModel(key, value); err == nil {
				v.model = &m
			}
		case string(metaNext):
			v.next = true
		}
	case tagHead:
		if h, err := openHead(key, value); err == nil {
			v.heads[h.ID] = &h
		}
	case tagVector:
		v.vectors = true
	case tagBody:
		// Decompressed, since a checksum only says that it is what was written.
		if body, err := openBody(key, value); err == nil && len(key) == 8 {
			v.bodies[binary.BigEndian.Uint64(key)] = len(body)
		}
	}
}

// choose settles which entries are kept.
func (v *salvage) choose() {
	for id, h := range v.heads {
		if n, ok := v.bodies[id]; !ok || n != int(h.BodyLen) {
			v.out.Lost = append(v.out.Lost, *h)
			delete(v.heads, id)
		}
	}
	sort.Slice(v.out.Lost, func(i, j int) bool { return v.out.Lost[i].ID < v.out.Lost[j].ID })
	for id, h := range v.heads {
		v.keys[h.Key] = max(v.keys[h.Key], id)
	}
	for id, h := range v.heads {
		if v.keys[h.Key] != id {
			v.out.Twice++
			delete(v.heads, id)
		}
	}
	for id := range v.bodies {
		if v.heads[id] == nil {
			v.out.Unnamed++
		}
	}
	v.out.Unnamed -= v.out.Twice
	v.out.Entries = len(v.heads)
	v.out.NoModel = v.model == nil && v.vectors
}

// start writes what is made anew: model, keys, expiry, and the sequence of the ids.
func (v *salvage) start() {
	v.rows = map[string][]keyValue{}
	last := uint64(0)
	for id, h := range v.heads {
		last = max(last, id)
		v.row(bucketKeys, h.Key[:], sealID(h.Key[:], id))
		if h.Expires != 0 {
			v.row(bucketExpiry, expiryKey(h.Expires, id), nil)
		}
	}
	for _, h := range v.out.Lost {
		last = max(last, h.ID) // ids are never used twice
	}
	v.err = errors.Join(v.err, guarded(func() error {
		return v.dst.Update(func(tx *bbolt.Tx) error {
			if v.model != nil {
				if _, err := tx.CreateBucket(vectorBucket(v.model.generation)); err != nil {
					return err
				}
				if err := tx.Bucket(bucketMeta).Put(metaModel, sealModel(metaModel, *v.model)); err != nil {
					return err
				}
			}
			return tx.Bucket(bucketHeads).SetSequence(last)
		})
	}))
}

// keep is the second pass: what is whole, and of an entry that is kept, is copied.
func (v *salvage) keep(kind byte, key, value []byte) {
	switch kind {
	case tagLearned:
		if _, _, err := openLearned(key, value); err == nil {
			v.out.Learned++
			v.row(bucketLearned, key, value)
		}
		return
	case tagTrace:
		if _, err := openTrace(key, value); err == nil {
			v.out.Learned++
			v.row(bucketTraces, key, value)
		}
		return
	}
	if len(key) != 8 || v.heads[binary.BigEndian.Uint64(key)] == nil {
		return
	}
	switch kind {
	case tagHead:
		if _, err := openHead(key, value); err == nil {
			v.row(bucketHeads, key, value)
		}
	case tagBody:
		if _, err := bodySize(key, value); err == nil {
			v.row(bucketBodies, key, value)
		}
	case tagUses:
		if _, err := openUses(key, value); err == nil {
			v.row(bucketUses, key, value)
		}
	case tagVector:
		if v.model == nil {
			return
		}
		if _, err := openVector(key, value, v.model.Dim); err == nil {
			v.out.Vectors++
			v.row(vectorBucket(v.model.generation), key, value)
		}
	}
}

func (v *salvage) row(bucket, key, value []byte) {
	v.rows[string(bucket)] = append(v.rows[string(bucket)], keyValue{slices.Clone(key), slices.Clone(value)})
	if v.size += len(key) + len(value); v.size >= copyBytes {
		v.flush()
	}
}

func (v *salvage) flush() {
	for name, rows := range v.rows {
		if v.err == nil {
			v.err = putRows(v.dst, []byte(name), rows)
		}
	}
	clear(v.rows)
	v.size = 0
}
