package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

const (
	formatVersion = 5 // of the file, in meta/format
	firstVersion  = 1 // the oldest that is still opened, and brought up to date
	recordVersion = 1 // of a sealed value
	sealOverhead  = 5
	headFixed     = 87 // bytes of a head before what it cost, or its namespace
	headSpent     = 16 // bytes of what it cost and took

	flagSemantic = 1
	flagSpent    = 2 // what the answer cost and took precedes the namespace
)

// Tags go into the checksums, so that a record is only whole in its own bucket.
const (
	tagMeta   = 'm'
	tagHead   = 'h'
	tagBody   = 'b'
	tagKey    = 'k'
	tagVector = 'v'

	tagLearned = 'l'
	tagTrace   = 't'
	tagUses    = 'u'
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var (
	errShort    = errors.New("record is too short")
	errChecksum = errors.New("record fails its checksum")
)

// Head is everything of an entry but its body and its vector.
type Head struct {
	ID        uint64
	Partition [32]byte
	Key       [32]byte
	Created   int64 // Unix nanoseconds
	Expires   int64 // Unix nanoseconds; 0: never
	BodyLen   uint32
	Semantic  bool    // the text may be embedded
	Cost      float64 // of making the answer, in US dollars; 0: not known
	Took      int64   // nanoseconds that making it took; 0: not known
	Namespace string
	Text      string

	Brought [usesScales]float32 // uses elsewhere, of an entry that is put; the Keeper counts on from them. No part of the record
}

// Model is the identity of the embedder that made a generation of vectors.
type Model struct {
	ID         string
	Dim        int
	generation uint32
}

func idKey(id uint64) []byte { return binary.BigEndian.AppendUint64(nil, id) }

func expiryKey(expires int64, id uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(expires)), id)
}

func checksum(tag byte, key, record []byte) uint32 {
	sum := crc32.Update(0, castagnoli, []byte{tag})
	sum = crc32.Update(sum, castagnoli, key)
	return crc32.Update(sum, castagnoli, record)
}

// seal frames what fill appends to the record.
func seal(tag byte, key []byte, size int, fill func([]byte) []byte) []byte {
	return sealVersion(tag, recordVersion, key, size, fill)
}

func sealVersion(tag, version byte, key []byte, size int, fill func([]byte) []byte) []byte {
	rec := make([]byte, 1, size+sealOverhead)
	rec[0] = version
	rec = fill(rec)
	return binary.BigEndian.AppendUint32(rec, checksum(tag, key, rec))
}

func sealBytes(tag byte, key, payload []byte) []byte {
	return seal(tag, key, len(payload), func(b []byte) []byte { return append(b, payload...) })
}

// unseal returns the payload of a sealed value, which lies within it.
func unseal(tag byte, key, value []byte) ([]byte, error) {
	version, p, err := unsealVersion(tag, key, value)
	if err == nil && version != recordVersion {
		return nil, fmt.Errorf("record version %d is unknown", version)
	}
	return p, err
}

func unsealVersion(tag byte, key, value []byte) (version byte, payload []byte, err error) {
	if len(value) < sealOverhead {
		return 0, nil, errShort
	}
	rec, sum := value[:len(value)-4], binary.BigEndian.Uint32(value[len(value)-4:])
	if checksum(tag, key, rec) != sum {
		return 0, nil, errChecksum
	}
	return rec[0], rec[1:], nil
}

func sealHead(h *Head) []byte {
	return seal(tagHead, idKey(h.ID), headFixed+headSpent+len(h.Namespace)+4+len(h.Text), func(b []byte) []byte {
		b = append(b, h.Partition[:]...)
		b = append(b, h.Key[:]...)
		b = binary.BigEndian.AppendUint64(b, uint64(h.Created))
		b = binary.BigEndian.AppendUint64(b, uint64(h.Expires))
		b = binary.BigEndian.AppendUint32(b, h.BodyLen)
		var flags byte
		if h.Semantic {
			flags |= flagSemantic
		}
		if h.Cost != 0 || h.Took != 0 {
			flags |= flagSpent
		}
		b = append(b, flags)
		b = binary.BigEndian.AppendUint16(b, uint16(len(h.Namespace)))
		if flags&flagSpent != 0 {
			b = appendFloats(b, h.Cost)
			b = binary.BigEndian.AppendUint64(b, uint64(h.Took))
		}
		b = append(b, h.Namespace...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(h.Text)))
		return append(b, h.Text...)
	})
}

// openHead decodes a head. Its strings are copies; nothing of it points into value.
func openHead(key, value []byte) (Head, error) {
	var h Head
	if len(key) != 8 {
		return h, fmt.Errorf("id of %d bytes instead of 8", len(key))
	}
	p, err := unseal(tagHead, key, value)
	if err != nil {
		return h, err
	}
	if len(p) < headFixed+4 {
		return h, errShort
	}
	h.ID = binary.BigEndian.Uint64(key)
	copy(h.Partition[:], p)
	copy(h.Key[:], p[32:])
	h.Created = int64(binary.BigEndian.Uint64(p[64:]))
	h.Expires = int64(binary.BigEndian.Uint64(p[72:]))
	h.BodyLen = binary.BigEndian.Uint32(p[80:])
	flags := p[84]
	if flags&^(flagSemantic|flagSpent) != 0 {
		return h, fmt.Errorf("unknown flags %#x", flags)
	}
	h.Semantic = flags&flagSemantic != 0
	n := int(binary.BigEndian.Uint16(p[85:]))
	p = p[headFixed:]
	if flags&flagSpent != 0 {
		if len(p) < headSpent {
			return h, errShort
		}
		r := reader{p: p[:headSpent]}
		h.Cost, h.Took = r.float(), r.time()
		if r.err == nil && (h.Cost < 0 || h.Took < 0) {
			r.err = errNotFinite
		}
		if r.err != nil {
			return h, r.err
		}
		p = p[headSpent:]
	}
	if len(p) < n+4 {
		return h, errShort
	}
	h.Namespace = string(p[:n])
	p = p[n:]
	if uint64(binary.BigEndian.Uint32(p)) != uint64(len(p)-4) {
		return h, errors.New("text length disagrees with the record's")
	}
	h.Text = string(p[4:])
	return h, nil
}

func sealID(key []byte, id uint64) []byte { return sealBytes(tagKey, key, idKey(id)) }

func openID(key, value []byte) (uint64, error) {
	if len(key) != 32 {
		return 0, fmt.Errorf("exact key of %d bytes instead of 32", len(key))
	}
	p, err := unseal(tagKey, key, value)
	if err != nil {
		return 0, err
	}
	if len(p) != 8 {
		return 0, fmt.Errorf("id of %d bytes instead of 8", len(p))
	}
	return binary.BigEndian.Uint64(p), nil
}

func sealVector(key []byte, vec []float32) []byte {
	return seal(tagVector, key, 4*len(vec), func(b []byte) []byte {
		for _, f := range vec {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
		}
		return b
	})
}

// unitTolerance is how far from 1 the length of a stored vector may be.
const unitTolerance = 1e-3

func openVector(key, value []byte, dim int) ([]float32, error) {
	p, err := unseal(tagVector, key, value)
	if err != nil {
		return nil, err
	}
	if len(p) != 4*dim {
		return nil, fmt.Errorf("vector of %d bytes instead of %d", len(p), 4*dim)
	}
	vec := make([]float32, dim)
	var sq, other float64 // two sums do not wait for each other
	i := 0
	for ; i+1 < dim; i += 2 {
		two := binary.LittleEndian.Uint64(p[4*i:])
		f, g := math.Float32frombits(uint32(two)), math.Float32frombits(uint32(two>>32))
		vec[i], vec[i+1] = f, g
		sq += float64(f) * float64(f)
		other += float64(g) * float64(g)
	}
	if i < dim {
		vec[i] = math.Float32frombits(binary.LittleEndian.Uint32(p[4*i:]))
		sq += float64(vec[i]) * float64(vec[i])
	}
	if norm := math.Sqrt(sq + other); !(math.Abs(norm-1) <= unitTolerance) {
		return nil, fmt.Errorf("vector of length %v instead of 1", norm)
	}
	return vec, nil
}

func sealModel(key []byte, m Model) []byte {
	return seal(tagMeta, key, 8+len(m.ID), func(b []byte) []byte {
		b = binary.BigEndian.AppendUint32(b, m.generation)
		b = binary.BigEndian.AppendUint32(b, uint32(m.Dim))
		return append(b, m.ID...)
	})
}

func openModel(key, value []byte) (Model, error) {
	p, err := unseal(tagMeta, key, value)
	if err != nil {
		return Model{}, err
	}
	if len(p) < 8 {
		return Model{}, errShort
	}
	return Model{
		generation: binary.BigEndian.Uint32(p),
		Dim:        int(binary.BigEndian.Uint32(p[4:])),
		ID:         string(p[8:]),
	}, nil
}

func openFormat(key, value []byte) (uint32, error) {
	p, err := unseal(tagMeta, key, value)
	if err != nil {
		return 0, err
	}
	if len(p) != 4 {
		return 0, errShort
	}
	return binary.BigEndian.Uint32(p), nil
}

func openIdentity(key, value []byte) (id [16]byte, err error) {
	p, err := unseal(tagMeta, key, value)
	if err == nil && len(p) != len(id) {
		err = fmt.Errorf("identity of %d bytes instead of %d", len(p), len(id))
	}
	copy(id[:], p)
	return id, err
}

func vectorBucket(generation uint32) []byte { return fmt.Appendf(nil, "vectors/%08x", generation) }
