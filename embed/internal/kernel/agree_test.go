package kernel

import (
	"math/rand/v2"
	"strings"
	"testing"
)

var widths = []struct{ in, out int }{{Group, 64}, {Group, 3 * Group}, {4 * Group, Group}}

// values is q as plain int8, whatever form the kernel keeps it in.
func values(k *Kernel, q []int8) []int8 {
	width := k.QuantSize(1)
	out := make([]int8, len(q)/width)
	for i := range out {
		out[i] = q[i*width]
		if strings.HasSuffix(k.name, "vnni") { // offset by 128
			out[i] ^= -128
		}
	}
	return out
}

// agree compares every function of k with the portable one, on inputs drawn from r.
func agree(t *testing.T, k *Kernel, r *rand.Rand, rows int, scale float64) {
	t.Helper()
	plain := kernels[len(kernels)-1]
	for _, w := range widths {
		weights, colScale, bias := int8s(r, w.in*w.out), normals(r, w.out, 0.01), normals(r, w.out, scale)
		x, inverse := normals(r, rows*w.in, scale), normals(r, Group, 1)
		if w.in != Group {
			inverse = nil
		}
		q, qScale := make([]int8, k.QuantSize(len(x))), make([]float32, len(x)/Group)
		wantQ, wantScale := make([]int8, len(x)), make([]float32, len(x)/Group)
		k.Quantize(q, qScale, x, inverse)
		plain.Quantize(wantQ, wantScale, x, inverse)
		for i, v := range values(k, q) {
			if v != wantQ[i] || qScale[i/Group] != wantScale[i/Group] {
				t.Fatalf("%s: %d rows: value %d is %d of %v, portable %d of %v", k.name, rows, i, v, qScale[i/Group], wantQ[i], wantScale[i/Group])
			}
		}
		m, err := k.Pack(make([]int8, len(weights)), weights, colScale, bias, w.in, w.out)
		if err != nil {
			t.Fatal(err)
		}
		wantM, err := plain.Pack(make([]int8, len(weights)), weights, colScale, bias, w.in, w.out)
		if err != nil {
			t.Fatal(err)
		}
		for _, gelu := range []bool{false, true} {
			got, want := make([]float32, rows*w.out), make([]float32, rows*w.out)
			k.MatMul(got, m, q, qScale, gelu)
			plain.MatMul(want, wantM, wantQ, wantScale, gelu)
			if d := differ(got, want); !(d <= tolerance) {
				t.Errorf("%s: product of %d x %d with %d outputs, gelu %v: differs by %v", k.name, rows, w.in, w.out, gelu, d)
			}
		}
	}

	x, residual, weight, bias := normals(r, rows*Group, scale), normals(r, rows*Group, scale), normals(r, Group, 1), normals(r, Group, 1)
	want := append([]float32(nil), x...)
	k.AddNorm(x, residual, weight, bias)
	plain.AddNorm(want, residual, weight, bias)
	if d := differ(x, want); !(d <= tolerance) {
		t.Errorf("%s: norm of %d rows differs by %v", k.name, rows, d)
	}

	const heads = 2
	qkv := normals(r, rows*3*heads*HeadDim, scale)
	got, wantA := make([]float32, rows*heads*HeadDim), make([]float32, rows*heads*HeadDim)
	scratch := normals(r, AttendScratch(rows), 1e30)
	k.Attend(got, qkv, scratch, heads)
	plain.Attend(wantA, qkv, scratch, heads)
	// The softmax turns an error of a score into a relative one of its weight.
	if d := differ(got, wantA); !(d <= tolerance*max(1, scale*scale)) {
		t.Errorf("%s: attention over %d tokens differs by %v", k.name, rows, d)
	}
}

func TestKernelsAgree(t *testing.T) {
	for _, k := range kernels {
		t.Run(k.name, func(t *testing.T) {
			r := random()
			for rows := 1; rows <= 20; rows++ {
				agree(t, k, r, rows, 1)
			}
			for _, rows := range []int{33, 64} {
				agree(t, k, r, rows, 3)
			}
			agree(t, k, r, 5, 1e-35) // groups of next to nothing
		})
	}
}

// TestProductIsExact holds every kernel to exact sums where they are largest, which is where one that saturates fails.
func TestProductIsExact(t *testing.T) {
	const in, out, rows = 4 * Group, 64, 7
	w, x := make([]int8, in*out), make([]float32, rows*in)
	for i := range w {
		w[i] = 127
		if i/in%2 == 1 {
			w[i] = -127
		}
	}
	for i := range x {
		x[i] = 127
		if i/in%3 == 1 {
			x[i] = -127
		}
	}
	one := make([]float32, out)
	for i := range one {
		one[i] = 1
	}
	for _, k := range kernels {
		m, err := k.Pack(make([]int8, len(w)), w, one, make([]float32, out), in, out)
		if err != nil {
			t.Fatal(err)
		}
		q, scale, got := make([]int8, k.QuantSize(len(x))), make([]float32, len(x)/Group), make([]float32, rows*out)
		k.Quantize(q, scale, x, nil)
		k.MatMul(got, m, q, scale, false)
		for i, v := range got {
			want := float32(127 * 127 * in)
			if (i%out%2 == 1) != (i/out%3 == 1) {
				want = -want
			}
			if v != want {
				t.Fatalf("%s: row %d, channel %d: %v, want %v", k.name, i/out, i%out, v, want)
			}
		}
	}
}

// TestRowsDoNotMatter holds each row's result to be the same, to the last bit, whatever rows come with it.
func TestRowsDoNotMatter(t *testing.T) {
	const in, out, rows = 4 * Group, Group, 13
	r := random()
	w, colScale, bias, x := int8s(r, in*out), normals(r, out, 1), normals(r, out, 1), normals(r, rows*in, 1)
	for _, k := range kernels {
		m, err := k.Pack(make([]int8, len(w)), w, colScale, bias, in, out)
		if err != nil {
			t.Fatal(err)
		}
		q, scale, all := make([]int8, k.QuantSize(len(x))), make([]float32, len(x)/Group), make([]float32, rows*out)
		k.Quantize(q, scale, x, nil)
		k.MatMul(all, m, q, scale, true)
		one := make([]float32, out)
		for i := range rows {
			k.Quantize(q, scale, x[i*in:(i+1)*in], nil)
			k.MatMul(one, m, q[:k.QuantSize(in)], scale, true)
			if differ(one, all[i*out:(i+1)*out]) != 0 {
				t.Errorf("%s: row %d differs alone", k.name, i)
			}
		}
	}
}

func TestNothingAllocates(t *testing.T) {
	const rows = 9
	r := random()
	w, colScale, bias := int8s(r, Group*64), normals(r, 64, 1), normals(r, 64, 1)
	x, residual, weight := normals(r, rows*Group, 1), normals(r, rows*Group, 1), normals(r, Group, 1)
	scale, dst := make([]float32, rows), make([]float32, rows*Group)
	scratch := make([]float32, AttendScratch(rows))
	for _, k := range kernels {
		m, err := k.Pack(make([]int8, len(w)), w, colScale, bias, Group, 64)
		if err != nil {
			t.Fatal(err)
		}
		q := make([]int8, k.QuantSize(len(x)))
		if n := testing.AllocsPerRun(5, func() {
			k.Quantize(q, scale, x, weight)
			k.MatMul(dst, m, q, scale, true)
			k.AddNorm(x, residual, weight, weight)
			k.Attend(dst[:rows*4*HeadDim], x[:rows*12*HeadDim], scratch, 4)
		}); n != 0 {
			t.Errorf("%s: %v allocations", k.name, n)
		}
	}
}

func FuzzKernelsAgree(f *testing.F) {
	f.Add(uint64(1), uint8(1), 1.0)
	f.Add(uint64(2), uint8(7), 0.001)
	f.Add(uint64(3), uint8(17), 8.0)
	f.Fuzz(func(t *testing.T, seed uint64, rows uint8, scale float64) {
		if !(scale >= 1e-6 && scale <= 10) {
			return
		}
		for _, k := range kernels {
			agree(t, k, rand.New(rand.NewPCG(seed, 0)), 1+int(rows)%40, scale)
		}
	})
}
