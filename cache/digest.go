package cache

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"sync"
)

// Digest is a SHA-256 digest. The zero Digest stands for "nothing there".
type Digest [32]byte

// String returns the digest as 64 hex digits.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Hash returns the SHA-256 of the parts, each preceded by its length as eight bytes, so that moving a byte from
// one part to its neighbour changes the digest.
func Hash(parts ...[]byte) Digest {
	w := newKeyWriter()
	for _, p := range parts {
		w.bytes(p)
	}
	return w.sum()
}

// keyWriter collects length-prefixed parts in a pooled buffer and hashes them in one go. Feeding a hash.Hash
// instead would make every part escape to the heap, and the exact tier is to cost one allocation.
type keyWriter struct{ buf []byte }

// keyBufMax bounds the buffers that go back to the pool; one huge prompt must not pin its size for good.
const keyBufMax = 64 << 10

var keyWriters = sync.Pool{New: func() any { return &keyWriter{buf: make([]byte, 0, 1024)} }}

func newKeyWriter() *keyWriter { return keyWriters.Get().(*keyWriter) }

func (w *keyWriter) bytes(p []byte) {
	w.buf = binary.BigEndian.AppendUint64(w.buf, uint64(len(p)))
	w.buf = append(w.buf, p...)
}

func (w *keyWriter) string(s string) {
	w.buf = binary.BigEndian.AppendUint64(w.buf, uint64(len(s)))
	w.buf = append(w.buf, s...)
}

func (w *keyWriter) number(n int) { w.buf = binary.BigEndian.AppendUint64(w.buf, uint64(n)) }

func (w *keyWriter) bool(b bool) {
	if b {
		w.number(1)
	} else {
		w.number(0)
	}
}

// sum returns the digest and gives the writer back; it must not be used afterwards.
func (w *keyWriter) sum() Digest {
	d := Digest(sha256.Sum256(w.buf))
	if cap(w.buf) <= keyBufMax {
		w.buf = w.buf[:0]
		keyWriters.Put(w)
	}
	return d
}
