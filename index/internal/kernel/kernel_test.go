package kernel

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// plain is the sum that every kernel must give, of values and not of codes.
func plain(q *Query, row []byte) int32 {
	var sum int32
	for i, c := range row {
		sum += int32(q.bytes[i]) * (int32(c) - offset)
	}
	return sum
}

// agree holds every kernel to the plain sum for n rows of vectors of length dim whose elements draw gives.
func agree(t *testing.T, dim, n int, draw func() float32) {
	t.Helper()
	vec := make([]float32, dim)
	fill := func() []float32 {
		for i := range vec {
			vec[i] = draw()
		}
		return vec
	}
	q, stride := NewQuery(dim), Stride(dim)
	q.Set(fill())
	rows := make([]byte, n*stride)
	for r := range n {
		Encode(rows[r*stride:][:stride], fill())
	}
	signs, copied := make([]uint64, Blocks(n)*Words(dim)), make([]uint64, Blocks(n)*Words(dim))
	for r := range n {
		SetSigns(signs, n-1-r, rows[r*stride:][:stride])
	}
	for r := range n {
		CopySigns(copied, r, signs, n-1-r, Words(dim))
	}
	for _, k := range kernels {
		differ := make([]uint16, Blocks(n))
		k.Differ(differ, n, q, copied)
		for r := range n {
			want := uint16(0)
			for i, c := range rows[r*stride:][:stride] {
				if (c < offset) != (q.bytes[i] < 0) {
					want++
				}
			}
			if differ[r] != want {
				t.Fatalf("%s: dimension %d, row %d of %d: %d signs differ, want %d", k.name, dim, r, n, differ[r], want)
			}
		}
	}
	got := make([]int32, n+1)
	for _, k := range kernels {
		got[n] = 123456789 // a guard
		k.Scan(got[:n], q, rows)
		for r := range n {
			if want := plain(q, rows[r*stride:][:stride]); got[r] != want {
				t.Fatalf("%s: dimension %d, row %d of %d: %d, want %d", k.name, dim, r, n, got[r], want)
			}
		}
		if got[n] != 123456789 {
			t.Fatalf("%s: wrote past %d results", k.name, n)
		}
	}
}

func TestKernelsAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	normal := func() float32 { return float32(r.NormFloat64()) }
	for _, dim := range []int{1, 3, 16, 63, 64, 65, 100, 384, 1536} {
		for n := range 14 {
			agree(t, dim, n, normal)
		}
		agree(t, dim, 257, normal)
	}
	// Every element at its extreme, at the longest vector: where a sum would overflow.
	agree(t, MaxDim, 5, func() float32 { return 1 })
	agree(t, MaxDim, 5, func() float32 { return -1 })
	agree(t, 384, 9, func() float32 { return 0 })
}

func FuzzKernelsAgree(f *testing.F) {
	f.Add(uint64(1), uint16(384), uint8(9), 1.0)
	f.Add(uint64(2), uint16(7), uint8(1), 1e-35)
	f.Add(uint64(3), uint16(65), uint8(4), 1e30)
	f.Fuzz(func(t *testing.T, seed uint64, dim uint16, n uint8, scale float64) {
		if !(math.Abs(scale) < 1e37) {
			return
		}
		r := rand.New(rand.NewPCG(seed, 0))
		agree(t, 1+int(dim)%2000, int(n), func() float32 { return float32(r.NormFloat64() * scale) })
	})
}

// TestCodesHoldTheVector holds codes to half a step of the scale, and products of them to those of the vectors.
func TestCodesHoldTheVector(t *testing.T) {
	const dim = 384
	r := rand.New(rand.NewPCG(3, 4))
	unit := func() []float32 {
		v := make([]float32, dim)
		var sq float64
		for i := range v {
			v[i] = float32(r.NormFloat64())
			sq += float64(v[i]) * float64(v[i])
		}
		for i := range v {
			v[i] /= float32(math.Sqrt(sq))
		}
		return v
	}
	q, code, dst := NewQuery(dim), make([]byte, Stride(dim)), make([]int32, 1)
	for range 200 {
		a, b := unit(), unit()
		qs, cs := q.Set(a), Encode(code, b)
		var want float64
		for i := range a {
			want += float64(a[i]) * float64(b[i])
			if d := float64(code[i]) - offset - float64(b[i])/float64(cs); math.Abs(d) > 0.501 || code[i] == 0 {
				t.Fatalf("element %v became code %d of scale %v", b[i], code[i], cs)
			}
		}
		kernels[0].Scan(dst, q, code)
		if got := float64(dst[0]) * float64(qs) * float64(cs); math.Abs(got-want) > 0.005 {
			t.Fatalf("product %v, want %v", got, want)
		}
		q.Set(b)
		back, sum := NewQuery(dim), make([]float32, dim)
		back.SetCode(code)
		if !slices.Equal(back.bytes, q.bytes) || !slices.Equal(back.words, q.words) || back.excess != q.excess || !slices.Equal(back.signs, q.signs) {
			t.Fatal("the query of a vector and that of its code differ")
		}
		Accumulate(sum, code, cs)
		for i, f := range sum {
			if math.Abs(float64(f-b[i])) > 0.501*float64(cs) {
				t.Fatalf("element %v counts as %v", b[i], f)
			}
		}
	}
}

func TestNothingAllocates(t *testing.T) {
	v := []float32{1, 2, 3, -4}
	q, code, dst := NewQuery(4), make([]byte, 64), make([]int32, 1)
	for _, k := range kernels {
		if n := testing.AllocsPerRun(10, func() {
			q.Set(v)
			Encode(code, v)
			k.Scan(dst, q, code)
		}); n != 0 {
			t.Errorf("%s: %v allocations", k.name, n)
		}
	}
}

func TestSelection(t *testing.T) {
	for _, name := range []string{"avx1024", "", "Portable", "portable "} {
		if _, err := New(name); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "portable") {
			t.Errorf("%q: %v, want ErrUnknown and the known names", name, err)
		}
	}
	for _, name := range Names() {
		t.Setenv(Env, name)
		if k, err := Default(); err != nil || k.Name() != name {
			t.Errorf("%s=%s: %v, %v", Env, name, k, err)
		}
	}
	t.Setenv(Env, "")
	if k, err := Default(); err != nil || k.Name() != Names()[0] {
		t.Errorf("no choice: %v, %v", k, err)
	}
	for name, other := range instead {
		t.Setenv(Env, name)
		k, err := Default()
		if !slices.Contains(Names(), other) {
			if !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), name) {
				t.Errorf("%s=%s: %v, want ErrUnknown and the name", Env, name, err)
			}
		} else if err != nil || k.Name() != other {
			t.Errorf("%s=%s: %v, %v, want %s", Env, name, k, err, other)
		}
		if _, err := New(name); !errors.Is(err, ErrUnknown) {
			t.Errorf("%s: %v, want ErrUnknown", name, err)
		}
	}
	t.Setenv(Env, "none")
	if _, err := Default(); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), Env) {
		t.Errorf("a wrong choice: %v, want ErrUnknown and the variable's name", err)
	}
}

func BenchmarkScan(b *testing.B) {
	const dim, n = 384, 4096
	rows, dst, q := make([]byte, n*dim), make([]int32, n), NewQuery(dim)
	for _, k := range kernels {
		b.Run(k.name, func(b *testing.B) {
			b.SetBytes(n * dim)
			for b.Loop() {
				k.Scan(dst, q, rows)
			}
		})
	}
}
