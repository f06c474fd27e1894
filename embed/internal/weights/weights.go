// Package weights reads the model files that embed carries: tensors in the safetensors container, which
// embed/train/convert.py writes.
//
// A file is eight bytes of header length (little endian), a JSON header that gives type, shape and place of every tensor, and the
// tensors' bytes. A tensor that is compressed stands there under its name and ".zst", as the bytes of one zstd frame. Parse checks the
// whole header, so that a tensor that it lists lies in the file. Tensors of bytes are views into the file, unless they are compressed, and
// cost no memory; float32 tensors are copied, because the file may lie at any address.
package weights

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/klauspost/compress/zstd"
)

// The errors of this package; match with errors.Is.
var (
	// ErrFormat: the file is not a container of this kind, or its version is not the one asked for.
	ErrFormat = errors.New("weights: bad format")
	// ErrDigest: the file's bytes are not those that the program was built for.
	ErrDigest = errors.New("weights: digest does not match")
	// ErrTensor: a tensor is absent or has another type or shape.
	ErrTensor = errors.New("weights: bad tensor")
)

// compressed ends the name of a tensor that is kept as a zstd frame.
const compressed = ".zst"

// maxText bounds a compressed text; a vocabulary has a quarter of a megabyte.
const maxText = 16 << 20

// maxHeader bounds the JSON header; that of a model with two hundred tensors has 30 KB.
const maxHeader = 1 << 20

// File is a parsed weights file. It may be used from several goroutines.
type File struct {
	// Release, if not nil, is called with the bytes of each compressed tensor once it is inflated: the file is not
	// read there again, so they need not stay in memory.
	Release func(part string)

	data    string // the tensors' bytes
	meta    map[string]string
	tensors map[string]tensor
}

type tensor struct {
	Type    string  `json:"dtype"`
	Shape   []int64 `json:"shape"`
	Offsets []int64 `json:"data_offsets"`
}

var typeSize = map[string]int64{"F32": 4, "I8": 1, "U8": 1}

// Digest is the lower-case hexadecimal SHA-256 of a file's bytes.
func Digest(file string) string {
	sum := sha256.Sum256(unsafe.Slice(unsafe.StringData(file), len(file)))
	return hex.EncodeToString(sum[:])
}

// Open parses file after it has checked that its digest is digest and that its metadata says version format.
func Open(file, digest, format string) (*File, error) {
	if got := Digest(file); got != digest {
		return nil, fmt.Errorf("%w: the file has sha256 %s, this program was built for %s: rebuild it with the matching file (embed/train)", ErrDigest, got, digest)
	}
	f, err := Parse(file)
	if err != nil {
		return nil, err
	}
	if got := f.Meta("format"); got != format {
		return nil, fmt.Errorf("%w: the file has format %q, this program reads %q: convert the model again (embed/train)", ErrFormat, got, format)
	}
	return f, nil
}

// Parse reads the header of a file and checks the place of every tensor.
func Parse(file string) (*File, error) {
	if len(file) < 8 {
		return nil, fmt.Errorf("%w: %d bytes, too short for a header", ErrFormat, len(file))
	}
	size := binary.LittleEndian.Uint64([]byte(file[:8]))
	if size > maxHeader || size > uint64(len(file)-8) {
		return nil, fmt.Errorf("%w: header of %d bytes in a file of %d", ErrFormat, size, len(file))
	}
	var header map[string]json.RawMessage
	if err := json.Unmarshal([]byte(file[8:8+size]), &header); err != nil {
		return nil, fmt.Errorf("%w: header: %w", ErrFormat, err)
	}
	f := &File{data: file[8+size:], tensors: make(map[string]tensor, len(header))}
	for name, raw := range header {
		if name == "__metadata__" {
			if err := json.Unmarshal(raw, &f.meta); err != nil {
				return nil, fmt.Errorf("%w: metadata: %w", ErrFormat, err)
			}
			continue
		}
		var t tensor
		if err := json.Unmarshal(raw, &t); err != nil {
			return nil, fmt.Errorf("%w: tensor %q: %w", ErrFormat, name, err)
		}
		if err := t.check(int64(len(f.data))); err != nil {
			return nil, fmt.Errorf("%w: tensor %q: %w", ErrFormat, name, err)
		}
		f.tensors[name] = t
	}
	return f, nil
}

// check proves that the tensor's bytes lie within a data part of the given size and fit its shape.
func (t tensor) check(size int64) error {
	want, ok := typeSize[t.Type]
	if !ok {
		return fmt.Errorf("type %q is none of F32, I8, U8", t.Type)
	}
	for _, d := range t.Shape {
		if d < 0 || (d > 0 && want > size/d) {
			return fmt.Errorf("shape %v does not fit in %d bytes", t.Shape, size)
		}
		want *= d
	}
	if len(t.Offsets) != 2 || t.Offsets[0] < 0 || t.Offsets[1] > size || t.Offsets[1]-t.Offsets[0] != want {
		return fmt.Errorf("offsets %v do not hold shape %v of %s in %d bytes", t.Offsets, t.Shape, t.Type, size)
	}
	return nil
}

// Meta is the value of a metadata key, or "".
func (f *File) Meta(key string) string { return f.meta[key] }

// find is the bytes of a tensor that must have the given type and shape.
func (f *File) find(name, typ string, shape []int64) (string, error) {
	t, ok := f.tensors[name]
	if !ok {
		return "", fmt.Errorf("%w: %q is absent", ErrTensor, name)
	}
	if t.Type != typ || (shape != nil && !slices.Equal(t.Shape, shape)) {
		return "", fmt.Errorf("%w: %q is %s%v, want %s%v", ErrTensor, name, t.Type, t.Shape, typ, shape)
	}
	return f.data[t.Offsets[0]:t.Offsets[1]], nil
}

// inflate is the bytes of a compressed tensor, which must be so many, or, where most is true, no more. They are put in room, if they
// fit there.
func (f *File) inflate(room []byte, name string, size int64, most bool) ([]byte, error) {
	b, err := f.find(name+compressed, "U8", nil)
	if err != nil {
		return nil, err
	}
	d, err := decoder()
	if err != nil {
		return nil, err
	}
	var header zstd.Header
	frame := unsafe.Slice(unsafe.StringData(b), len(b))
	if err := header.Decode(frame); err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrTensor, name+compressed, err)
	}
	if n := header.FrameContentSize; !header.HasFCS || n > uint64(size) || (!most && n != uint64(size)) {
		return nil, fmt.Errorf("%w: %q holds %d bytes, want %d", ErrTensor, name+compressed, n, size)
	}
	if uint64(cap(room)) < header.FrameContentSize {
		room = make([]byte, 0, header.FrameContentSize)
	}
	out, err := d.DecodeAll(frame, room[:0])
	if f.Release != nil {
		f.Release(b)
	}
	if err == nil && uint64(len(out)) != header.FrameContentSize {
		err = fmt.Errorf("%d bytes, want %d", len(out), header.FrameContentSize)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %q: %w", ErrTensor, name+compressed, err)
	}
	return out, nil
}

// decoder is one for all files; models are loaded seldom, and by several goroutines.
var decoder = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(1<<30))
})

// Int8 is the named tensor, which must not be written to: a view into the file or, of a compressed one, into *room, which grows as it must
// and holds the tensor until it is used again.
func (f *File) Int8(room *[]byte, name string, shape ...int64) ([]int8, error) {
	if _, ok := f.tensors[name+compressed]; ok {
		size := int64(1)
		for _, d := range shape {
			size *= d
		}
		b, err := f.inflate(*room, name, size, false)
		if err != nil || len(b) == 0 {
			return nil, err
		}
		*room = b
		return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(b))), len(b)), nil
	}
	b, err := f.find(name, "I8", shape)
	if err != nil || b == "" {
		return nil, err
	}
	return unsafe.Slice((*int8)(unsafe.Pointer(unsafe.StringData(b))), len(b)), nil
}

// Float32 is a copy of the named tensor. A value that is not finite is an error.
func (f *File) Float32(name string, shape ...int64) ([]float32, error) {
	b, err := f.find(name, "F32", shape)
	if err != nil {
		return nil, err
	}
	out := make([]float32, len(b)/4)
	for i := range out {
		bits := uint32(b[4*i]) | uint32(b[4*i+1])<<8 | uint32(b[4*i+2])<<16 | uint32(b[4*i+3])<<24
		out[i] = math.Float32frombits(bits)
		if bits&0x7f800000 == 0x7f800000 {
			return nil, fmt.Errorf("%w: %q[%d] is %v", ErrTensor, name, i, out[i])
		}
	}
	return out, nil
}

// Text is the bytes of the named one-dimensional U8 tensor as a string, of any length.
func (f *File) Text(name string) (string, error) {
	if _, ok := f.tensors[name+compressed]; ok {
		b, err := f.inflate(nil, name, maxText, true)
		return unsafe.String(unsafe.SliceData(b), len(b)), err
	}
	return f.find(name, "U8", nil)
}

// Has says whether the file has a tensor whose name begins so.
func (f *File) Has(prefix string) bool {
	for name := range f.tensors {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// Rows is the first dimension of the named tensor.
func (f *File) Rows(name string) (int, error) {
	t, ok := f.tensors[name]
	if !ok || len(t.Shape) == 0 {
		return 0, fmt.Errorf("%w: %q is absent or has no dimension", ErrTensor, name)
	}
	return int(t.Shape[0]), nil
}
