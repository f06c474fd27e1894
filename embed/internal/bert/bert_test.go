package bert

import (
	"errors"
	"math"
	"os"
	"slices"
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
		"too long":       {sequence(Positions+1, 1)},
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
