// Package weights reads the model files that embed carries: tensors in the safetensors container, which
// embed/train/convert.py writes.
//
// A file is eight bytes of header length (little endian), a JSON header that gives type, shape and place of every tensor, and the
// tensors' bytes. Parse checks the whole header, so that a tensor that it lists can always be read. Tensors of bytes are
// views into the file and cost no memory; float32 tensors are copied, because the file may lie at any address.
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
	"unsafe"
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

// maxHeader bounds the JSON header; that of a model with two hundred tensors has 30 KB.
const maxHeader = 1 << 20

// File is a parsed weights file. It is immutable, so it may be used from several goroutines.
type File struct {
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

// Int8 is the named tensor as a view into the file: it must not be written to.
func (f *File) Int8(name string, shape ...int64) ([]int8, error) {
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
