package bert

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/reprise-cache/reprise/embed/internal/kernel"
	"github.com/reprise-cache/reprise/embed/internal/weights"
)

// file is the embedded model, read once for all tests.
var file = sync.OnceValues(func() (*weights.File, error) {
	b, err := os.ReadFile("../../model/minilm.safetensors")
	if err != nil {
		return nil, err
	}
	return weights.Parse(string(b))
})

func load(t testing.TB, name string) *Model {
	t.Helper()
	f, err := file()
	if err != nil {
		t.Fatal(err)
	}
	k, err := kernel.New(name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Load(f, k)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func never() bool { return false }

// sequence is n token ids, the special ones at the ends.
func sequence(n, seed int) Sequence {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(1996 + (i*7919+seed*104729)%20000)
	}
	ids[0], ids[n-1] = 101, 102
	return Sequence{IDs: ids}
}

// TestPackingDoesNotMatter holds each token's vector to be the same, to the last bit, alone and in a batch.
func TestPackingDoesNotMatter(t *testing.T) {
	pair := sequence(21, 9)
	pair.Second = 10
	batch := []Sequence{sequence(2, 1), sequence(17, 2), pair, sequence(3, 3), sequence(40, 4)}
	for _, name := range kernel.Names() {
		m := load(t, name)
		a := m.NewArena(128)
		rows, err := m.Run(a, batch, never)
		if err != nil {
			t.Fatal(err)
		}
		all := slices.Clone(rows)
		for i, s := range batch {
			n := len(s.IDs) * Hidden
			one, err := m.Run(a, batch[i:i+1], never)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(one, all[:n]) {
				t.Errorf("%s: sequence %d differs alone", name, i)
			}
			all = all[n:]
		}
	}
}

// TestKernelsAgree holds the hidden states of all kernels to be the same but for what rounding does: where a value lies on the
// boundary between two quantised ones, kernels may fall to either side, and the layers carry that on.
func TestKernelsAgree(t *testing.T) {
	batch := []Sequence{sequence(12, 1), sequence(33, 2)}
	run := func(name string) []float32 {
		m := load(t, name)
		rows, err := m.Run(m.NewArena(64), batch, never)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	want := run("portable")
	for _, name := range kernel.Names() {
		got := run(name)
		for i := 0; i < len(want); i += Hidden {
			var ab, aa, bb float64
			for d := range Hidden {
				a, b := float64(got[i+d]), float64(want[i+d])
				ab, aa, bb = ab+a*b, aa+a*a, bb+b*b
			}
			if c := ab / math.Sqrt(aa*bb); !(c > 0.999) {
				t.Errorf("%s: token %d: cosine %v with the portable kernel", name, i/Hidden, c)
			}
		}
	}
}

func TestSecondSegmentMatters(t *testing.T) {
	m, s := load(t, kernel.Names()[0]), sequence(10, 1)
	a := m.NewArena(16)
	rows, err := m.Run(a, []Sequence{s}, never)
	if err != nil {
		t.Fatal(err)
	}
	plain := slices.Clone(rows)
	s.Second = 5
	if rows, err = m.Run(a, []Sequence{s}, never); err != nil {
		t.Fatal(err)
	}
	if slices.Equal(rows, plain) {
		t.Error("the segments make no difference")
	}
}

func TestBadInput(t *testing.T) {
	m := load(t, kernel.Names()[0])
	a := m.NewArena(64)
	for name, batch := range map[string][]Sequence{
		"no sequence":    nil,
		"no token":       {sequence(5, 1), {}},
		"id below 0":     {{IDs: []int32{101, -1, 102}}},
		"id past end":    {{IDs: []int32{101, 30522, 102}}},
		"second past":    {{IDs: []int32{101, 102}, Second: 3}},
		"second below 0": {{IDs: []int32{101, 102}, Second: -1}},
		"arena too full": {sequence(40, 1), sequence(40, 2)},
		"too long":       {sequence(m.Positions()+1, 1)},
	} {
		if _, err := m.Run(a, batch, never); !errors.Is(err, ErrInput) {
			t.Errorf("%s: %v, want ErrInput", name, err)
		}
	}
}

// TestStop counts that the encoder asks before each layer, and ends at once when it is told to.
func TestStop(t *testing.T) {
	m := load(t, kernel.Names()[0])
	a := m.NewArena(16)
	asked := 0
	if _, err := m.Run(a, []Sequence{sequence(4, 1)}, func() bool { asked++; return asked == 3 }); !errors.Is(err, ErrStopped) || asked != 3 {
		t.Errorf("%v after %d questions, want ErrStopped after 3", err, asked)
	}
}

func TestNothingAllocates(t *testing.T) {
	for _, name := range kernel.Names() {
		m, batch := load(t, name), []Sequence{sequence(5, 1), sequence(9, 2)}
		a := m.NewArena(16)
		if n := testing.AllocsPerRun(2, func() {
			if _, err := m.Run(a, batch, never); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations a run", name, n)
		}
	}
}

// fileOf is a weights file of tensors of zeros, by name.
func fileOf(t *testing.T, shapes map[string][]int64) *weights.File {
	t.Helper()
	header, size := map[string]any{}, int64(0)
	for name, shape := range shapes {
		n, kind := int64(4), "F32"
		if strings.HasSuffix(name, ".weight") && len(shape) == 2 {
			n, kind = 1, "I8"
		}
		for _, d := range shape {
			n *= d
		}
		header[name] = map[string]any{"dtype": kind, "shape": shape, "data_offsets": []int64{size, size + n}}
		size += n
	}
	head, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	f, err := weights.Parse(string(binary.LittleEndian.AppendUint64(nil, uint64(len(head)))) + string(head) + string(make([]byte, size)))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// shapes is what a model without word embeddings has, of the given layers and positions.
func shapes(positions int64, layers ...int) map[string][]int64 {
	all := map[string][]int64{"position": {positions, Hidden}, "type": {segments, Hidden}, "norm.weight": {Hidden}, "norm.bias": {Hidden}}
	for _, i := range layers {
		name := layerName(i)
		for matrix, d := range map[string][2]int64{"qkv": {3 * Hidden, Hidden}, "out": {Hidden, Hidden}, "up": {inner, Hidden}, "down": {Hidden, inner}} {
			all[name+matrix+".weight"], all[name+matrix+".scale"], all[name+matrix+".bias"] = d[:], d[:1], d[:1]
			if d[1] == Hidden && matrix != "out" {
				all[name+matrix+".smooth"] = d[1:]
			}
		}
		for _, part := range []string{"norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"} {
			all[name+part] = []int64{Hidden}
		}
	}
	return all
}

// TestTheFileSaysHowDeep holds the layers and positions of a model to be those of its file, beside an encoder of others.
func TestTheFileSaysHowDeep(t *testing.T) {
	encoder := load(t, "portable")
	if encoder.Layers() != 6 || encoder.Positions() != 256 {
		t.Errorf("the encoder has %d layers and %d positions", encoder.Layers(), encoder.Positions())
	}
	m, err := encoder.LoadBeside(fileOf(t, shapes(20, 0, 1, 2)))
	if err != nil {
		t.Fatal(err)
	}
	if m.Layers() != 3 || m.Positions() != 20 {
		t.Errorf("%d layers, %d positions, want 3 and 20", m.Layers(), m.Positions())
	}
	a, asked := m.NewArena(64), 0
	if _, err := m.Run(a, []Sequence{sequence(20, 1)}, func() bool { asked++; return false }); err != nil || asked != 3 {
		t.Errorf("ran %d layers: %v", asked, err)
	}
	if _, err := m.Run(a, []Sequence{sequence(21, 1)}, never); !errors.Is(err, ErrInput) {
		t.Errorf("21 tokens in 20 positions: %v, want ErrInput", err)
	}
}

func TestLoadRefusesAnotherDepth(t *testing.T) {
	encoder := load(t, "portable")
	deep := shapes(8)
	for i := range maxLayers + 1 {
		deep[layerName(i)+"norm1.bias"] = []int64{Hidden}
	}
	partial := shapes(8, 0, 1)
	delete(partial, layerName(1)+"norm2.bias")
	for name, c := range map[string]struct {
		shapes map[string][]int64
		says   string
	}{
		"no layers":     {shapes(8), "layer.0."},
		"too many":      {deep, "layer.24."},
		"a gap":         {shapes(8, 0, 2), "layer.1."},
		"half a layer":  {partial, "layer.1.norm2.bias"},
		"no positions":  {shapes(0, 0), "position"},
		"too many rows": {shapes(maxPositions+1, 0), "position"},
	} {
		if _, err := encoder.LoadBeside(fileOf(t, c.shapes)); !errors.Is(err, weights.ErrTensor) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want ErrTensor that names %s", name, err, c.says)
		}
	}
}

func TestLoadRefusesAnotherModel(t *testing.T) {
	f, err := weights.Parse("\x02\x00\x00\x00\x00\x00\x00\x00{}")
	if err != nil {
		t.Fatal(err)
	}
	k, err := kernel.Default()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Load(f, k); !errors.Is(err, weights.ErrTensor) {
		t.Errorf("%v, want ErrTensor", err)
	}
}
