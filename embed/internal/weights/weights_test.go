package weights

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// container joins a header and a data part to a file.
func container(header, data string) string {
	return string(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))) + header + data
}

const goodHeader = `{"__metadata__":{"format":"1"},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},` +
	`"b":{"dtype":"I8","shape":[1,3],"data_offsets":[8,11]},"v":{"dtype":"U8","shape":[4],"data_offsets":[11,15]}}`

const goodData = "\x00\x00\x80\x3f\x00\x00\x00\xc0\x01\xff\x7fa\nb\n"

func TestTensorsComeBack(t *testing.T) {
	file := container(goodHeader, goodData)
	f, err := Open(file, Digest(file), "1")
	if err != nil {
		t.Fatal(err)
	}
	if a, err := f.Float32("a", 2); err != nil || a[0] != 1 || a[1] != -2 {
		t.Errorf("a = %v, %v", a, err)
	}
	if b, err := f.Int8(new([]byte), "b", 1, 3); err != nil || b[0] != 1 || b[1] != -1 || b[2] != 127 {
		t.Errorf("b = %v, %v", b, err)
	}
	if v, err := f.Text("v"); err != nil || v != "a\nb\n" {
		t.Errorf("v = %q, %v", v, err)
	}
	if _, err := f.Float32("a", 3); !errors.Is(err, ErrTensor) {
		t.Errorf("another shape: %v", err)
	}
	if _, err := f.Int8(new([]byte), "a", 2); !errors.Is(err, ErrTensor) {
		t.Errorf("another type: %v", err)
	}
	if _, err := f.Text("absent"); !errors.Is(err, ErrTensor) {
		t.Errorf("absent: %v", err)
	}
}

func TestOtherFilesAreRefused(t *testing.T) {
	file := container(goodHeader, goodData)
	other := strings.Repeat("0", 64)
	_, err := Open(file, other, "1")
	if !errors.Is(err, ErrDigest) || !strings.Contains(err.Error(), other) || !strings.Contains(err.Error(), Digest(file)) {
		t.Errorf("bad digest: %v; want both digests named", err)
	}
	if _, err := Open(file, Digest(file), "2"); !errors.Is(err, ErrFormat) {
		t.Errorf("another version: %v", err)
	}
}

// packed is a file of one compressed tensor.
func packed(t testing.TB, data string) string {
	t.Helper()
	e, err := zstd.NewWriter(nil, zstd.WithSingleSegment(true))
	if err != nil {
		t.Fatal(err)
	}
	frame := e.EncodeAll([]byte(data), nil)
	return container(fmt.Sprintf(`{"b.zst":{"dtype":"U8","shape":[%d],"data_offsets":[0,%[1]d]}}`, len(frame)), string(frame))
}

func TestCompressedTensorsComeBack(t *testing.T) {
	file := packed(t, "\x01\xff\x7f\x80ab")
	f, err := Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	var released []string
	f.Release = func(part string) { released = append(released, part) }
	if b, err := f.Int8(new([]byte), "b", 2, 3); err != nil || !slices.Equal(b, []int8{1, -1, 127, -128, 'a', 'b'}) {
		t.Errorf("b = %v, %v", b, err)
	}
	if v, err := f.Text("b"); err != nil || v != "\x01\xff\x7f\x80ab" {
		t.Errorf("b = %q, %v", v, err)
	}
	if frame := f.data; !slices.Equal(released, []string{frame, frame}) {
		t.Errorf("released %q, want the frame once for each time it was read: %q", released, frame)
	}
	for _, shape := range [][]int64{{5}, {7}, {1 << 40}} {
		if _, err := f.Int8(new([]byte), "b", shape...); !errors.Is(err, ErrTensor) {
			t.Errorf("six bytes as %v: %v, want ErrTensor", shape, err)
		}
	}
	damaged, err := Parse(file[:len(file)-1] + "\x00")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := damaged.Int8(new([]byte), "b", 2, 3); !errors.Is(err, ErrTensor) {
		t.Errorf("a damaged frame: %v, %v, want ErrTensor", b, err)
	}
}

func TestNotFinite(t *testing.T) {
	nan := string(binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(math.NaN()))))
	f, err := Parse(container(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, nan))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Float32("a", 1); !errors.Is(err, ErrTensor) {
		t.Errorf("NaN: %v", err)
	}
}

func TestDamagedHeaders(t *testing.T) {
	for name, file := range map[string]string{
		"empty":            "",
		"short":            "1234567",
		"length past end":  "\xff\x00\x00\x00\x00\x00\x00\x00{}",
		"length overflows": "\xff\xff\xff\xff\xff\xff\xff\xff{}",
		"not JSON":         container("{", ""),
		"unknown type":     container(`{"a":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}`, goodData),
		"negative size":    container(`{"a":{"dtype":"I8","shape":[-1],"data_offsets":[0,1]}}`, goodData),
		"shape overflows":  container(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`, goodData),
		"past the end":     container(`{"a":{"dtype":"I8","shape":[99],"data_offsets":[0,99]}}`, goodData),
		"one offset":       container(`{"a":{"dtype":"I8","shape":[1],"data_offsets":[0]}}`, goodData),
		"before the start": container(`{"a":{"dtype":"I8","shape":[2],"data_offsets":[-1,1]}}`, goodData),
		"metadata":         container(`{"__metadata__":{"format":1}}`, goodData),
	} {
		if _, err := Parse(file); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, want ErrFormat", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(container(goodHeader, goodData))
	f.Add(container("{}", ""))
	f.Add("\xff\xff\xff\xff\xff\xff\xff\x7f{}")
	f.Add(packed(f, strings.Repeat("abc", 5)))
	f.Fuzz(func(t *testing.T, file string) {
		w, err := Parse(file)
		if err != nil {
			return
		}
		for name, info := range w.tensors {
			switch info.Type {
			case "F32":
				_, err = w.Float32(name, info.Shape...)
			case "I8":
				_, err = w.Int8(new([]byte), name, info.Shape...)
			case "U8":
				_, err = w.Text(name)
			}
			if err != nil && !errors.Is(err, ErrTensor) {
				t.Errorf("%q: %v", name, err)
			}
			if plain, ok := strings.CutSuffix(name, compressed); ok {
				if b, err := w.Int8(new([]byte), plain, 3, 5); err != nil && !errors.Is(err, ErrTensor) || err == nil && len(b) != 15 {
					t.Errorf("%q: %d values, %v", plain, len(b), err)
				}
				if _, err := w.Text(plain); err != nil && !errors.Is(err, ErrTensor) {
					t.Errorf("%q: %v", plain, err)
				}
			}
		}
	})
}
