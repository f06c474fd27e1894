package kernel

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// tolerance is the difference that float rounding may make between two kernels, relative to the largest value of a result.
const tolerance = 1e-5

// random is a source of test data that every run repeats.
func random() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }

func normals(r *rand.Rand, n int, scale float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64() * scale)
	}
	return x
}

func int8s(r *rand.Rand, n int) []int8 {
	x := make([]int8, n)
	for i := range x {
		x[i] = int8(r.IntN(255) - 127)
	}
	return x
}

// differ is the largest difference of two results, relative to the largest value.
func differ(got, want []float32) float64 {
	var most, peak float64
	for i := range want {
		peak = max(peak, math.Abs(float64(want[i])))
		d := math.Abs(float64(got[i]) - float64(want[i]))
		if !(d <= most) {
			most = d
		}
	}
	return most / max(peak, 1e-30)
}

func TestGELU(t *testing.T) {
	for x := -12.0; x <= 12; x += 1.0 / 512 {
		want := x * 0.5 * (1 + math.Erf(x/math.Sqrt2))
		if got := float64(geluScalar(float32(x))); math.Abs(got-want) > 2e-5 {
			t.Fatalf("gelu(%v) = %v, want %v", x, got, want)
		}
	}
}

func TestExp(t *testing.T) {
	for x := -80.0; x <= 0; x += 1.0 / 512 {
		want := math.Exp(float64(float32(x)))
		if got := float64(expScalar(float32(x))); math.Abs(got/want-1) > 1e-5 {
			t.Fatalf("exp(%v) = %v, want %v", x, got, want)
		}
	}
	if got := expScalar(-1e30); got < 0 || got > 1e-37 {
		t.Errorf("exp(-1e30) = %v", got)
	}
}

// TestPortableProduct holds the portable product to a plain sum, in float64.
func TestPortableProduct(t *testing.T) {
	r := random()
	k, err := New("portable")
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range []int{Group, 4 * Group} {
		const rows, out = 3, 64
		w, scale, bias := int8s(r, in*out), normals(r, out, 0.01), normals(r, out, 1)
		q, rowScale := int8s(r, rows*in), normals(r, rows*in/Group, 0.01)
		// The sums that come nearest to a field's bounds: all weights and all activations at their extremes.
		for i := range in {
			w[i], w[in+i], w[2*in+i] = 127, -127, 127
			q[i], q[in+i] = 127, -127
		}
		m, err := k.Pack(make([]int8, len(w)), w, scale, bias, in, out)
		if err != nil {
			t.Fatal(err)
		}
		got, want := make([]float32, rows*out), make([]float32, rows*out)
		k.MatMul(got, m, q, rowScale, false)
		for i := range rows {
			for o := range out {
				sum := float64(bias[o])
				for j := range in {
					sum += float64(q[i*in+j]) * float64(w[o*in+j]) * float64(rowScale[(i*in+j)/Group]) * float64(scale[o])
				}
				want[i*out+o] = float32(sum)
			}
		}
		if d := differ(got, want); d > tolerance {
			t.Errorf("width %d: differs by %v", in, d)
		}
	}
}

func TestQuantizeRoundTrip(t *testing.T) {
	r := random()
	x, inverse := normals(r, 5*Group, 3), make([]float32, Group)
	for i := range inverse {
		inverse[i] = 0.5 + r.Float32()
	}
	clear(x[:Group]) // a row of zeros has scale 0
	x[2*Group+7] = -1000
	scale := make([]float32, 5)
	for _, k := range kernels {
		q := make([]int8, k.QuantSize(len(x)))
		for _, inv := range [][]float32{nil, inverse} {
			k.Quantize(q, scale, x, inv)
			back := values(k, q)
			for i, v := range x {
				if inv != nil {
					v *= inv[i%Group]
				}
				if d := math.Abs(float64(back[i])*float64(scale[i/Group]) - float64(v)); d > float64(scale[i/Group])*0.5001 || back[i] == -128 {
					t.Fatalf("%s: value %d: %v became %d of %v", k.Name(), i, v, back[i], scale[i/Group])
				}
			}
		}
	}
}

func TestUnknownNames(t *testing.T) {
	for _, name := range []string{"avx1024", "", "Portable", "portable "} {
		if _, err := New(name); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "portable") {
			t.Errorf("%q: %v, want ErrUnknown and the known names", name, err)
		}
	}
}

func TestEnvironmentSelects(t *testing.T) {
	for _, name := range Names() {
		t.Setenv(Env, name)
		if k, err := Default(); err != nil || k.Name() != name {
			t.Errorf("%s=%s: %v, %v", Env, name, k, err)
		}
	}
	t.Setenv(Env, "")
	if k, err := Default(); err != nil || k.Name() != Names()[0] {
		t.Errorf("unset: %v, %v", k, err)
	}
	t.Setenv(Env, "nonsense")
	if _, err := Default(); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), Env) {
		t.Errorf("nonsense: %v, want ErrUnknown and the variable's name", err)
	}
}

func TestPackRefuses(t *testing.T) {
	k := kernels[len(kernels)-1]
	good := make([]int8, Group*64)
	if _, err := k.Pack(make([]int8, len(good)), good, make([]float32, 64), make([]float32, 64), Group, 64); err != nil {
		t.Error(err)
	}
	if _, err := k.Pack(make([]int8, len(good)-1), good[1:], make([]float32, 64), make([]float32, 64), Group, 64); err == nil {
		t.Error("a missing weight is accepted")
	}
	if _, err := k.Pack(make([]int8, len(good)), good, make([]float32, 64), make([]float32, 64), 64, Group); err == nil {
		t.Error("an input of 64 is accepted")
	}
	good[5] = -128
	if _, err := k.Pack(make([]int8, len(good)), good, make([]float32, 64), make([]float32, 64), Group, 64); err == nil {
		t.Error("a weight of -128 is accepted")
	}
}
