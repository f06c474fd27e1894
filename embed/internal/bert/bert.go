// Package bert is a transformer encoder with the width of all-MiniLM-L6-v2: token ids in, one vector a token out. How many
// layers it has, and how many positions, is the weights file's to say.
//
// Sequences of any lengths go in together and are packed one after the other, so no padding is computed; a sequence's
// vectors do not depend on what it was packed with, to the last bit. Matrices are int8 (see embed/train/convert.py for the
// scheme), everything else float32, in the order of the original BERT: norm after each residual.
package bert

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/reprise-cache/reprise/embed/internal/kernel"
	"github.com/reprise-cache/reprise/embed/internal/pages"
	"github.com/reprise-cache/reprise/embed/internal/weights"
)

// The shape of a model.
const (
	Hidden   = 384  // width of a token's vector
	heads    = 12   // attention heads, of kernel.HeadDim each
	inner    = 1536 // width of the feed-forward layer
	segments = 2
	// layerWeights is how many weights the matrices of a layer have.
	layerWeights = (3*Hidden + Hidden + inner + inner) * Hidden
	// maxLayers and maxPositions bound what a file may ask for.
	maxLayers    = 24
	maxPositions = 512
)

// The errors of this package; match with errors.Is.
var (
	// ErrInput: a sequence is empty or too long, or has an id that the vocabulary has not.
	ErrInput = errors.New("bert: bad input")
	// ErrStopped: the caller's stop function ended the work.
	ErrStopped = errors.New("bert: stopped")
)

// Model is an encoder's weights. It is immutable, so any number of goroutines may use it, each with its own Arena.
type Model struct {
	k         *kernel.Kernel
	words     []int8 // one row an id, a view into the weights file
	wordScale []float32
	position  []float32 // one row a position: the longest sequence
	segment   []float32
	norm      norm
	layers    []layer
}

type norm struct{ weight, bias []float32 }

// linear is a matrix with the factors that its input is multiplied by before it is quantised; nil means none.
type linear struct {
	matrix  *kernel.Matrix
	inverse []float32
}

type layer struct {
	qkv, out, up, down linear
	norm1, norm2       norm
}

// Load builds the encoder from a weights file, in the layout that k wants. It keeps views into the file.
func Load(f *weights.File, k *kernel.Kernel) (*Model, error) {
	l := loader{f: f, k: k}
	m := &Model{wordScale: l.float32("word.scale", int64(l.rows("word.weight", math.MaxInt32)))}
	m.words = l.int8("word.weight", int64(len(m.wordScale)), Hidden)
	m.load(&l)
	return m, l.err
}

// LoadBeside builds an encoder, of as many layers as its own file has, from a file without word embeddings: it was trained
// with those of m, and shares them.
func (m *Model) LoadBeside(f *weights.File) (*Model, error) {
	l := loader{f: f, k: m.k}
	beside := &Model{words: m.words, wordScale: m.wordScale}
	beside.load(&l)
	return beside, l.err
}

// load reads all but the word embeddings.
func (m *Model) load(l *loader) {
	m.k = l.k
	m.position = l.float32("position", int64(l.rows("position", maxPositions)), Hidden)
	m.segment = l.float32("type", segments, Hidden)
	m.norm = l.norm("norm")
	m.layers = make([]layer, l.layers())
	packed := make([]int8, len(m.layers)*layerWeights)
	pages.Huge(packed)
	// To inflate and pack the matrices is most of what a start costs, so all processors do it.
	workers := make([]loader, min(runtime.GOMAXPROCS(0), len(m.layers)))
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range workers {
		workers[w] = loader{f: l.f, k: l.k, room: make([]byte, 0, inner*Hidden)}
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(m.layers); i = int(next.Add(1)) - 1 {
				workers[w].packed = packed[i*layerWeights:][:layerWeights]
				m.layers[i] = workers[w].layer(layerName(i))
			}
		})
	}
	wg.Wait()
	for _, w := range workers {
		l.keep(w.err)
	}
}

// Positions is the length of the longest sequence that the model reads.
func (m *Model) Positions() int { return len(m.position) / Hidden }

// Layers is how many layers the model has.
func (m *Model) Layers() int { return len(m.layers) }

// Sequence is one input: token ids, special tokens included.
type Sequence struct {
	IDs    []int32
	Second int // the index at which segment 1 begins; zero: all of it is segment 0
}

// Arena is the scratch memory of one goroutine at a time, for models of one kernel.
type Arena struct {
	tokens                     int
	x, side, qkv, context, mid []float32
	quant                      []int8
	scale                      []float32
	attend                     []float32
}

// NewArena makes room for batches of up to tokens tokens, about 16 KB each.
func (m *Model) NewArena(tokens int) *Arena {
	return &Arena{
		tokens:  tokens,
		x:       make([]float32, tokens*Hidden),
		side:    make([]float32, tokens*Hidden),
		qkv:     make([]float32, tokens*3*Hidden),
		context: make([]float32, tokens*Hidden),
		mid:     make([]float32, tokens*inner),
		quant:   make([]int8, m.k.QuantSize(tokens*inner)),
		scale:   make([]float32, tokens*inner/kernel.Group),
		attend:  make([]float32, kernel.AttendScratch(min(tokens, m.Positions()))),
	}
}

// Run computes the last hidden states of a batch: one row of Hidden values a token, sequence after sequence. The result lies in
// the arena, so it is valid until the arena's next use. Run asks stop before each layer and returns ErrStopped once it is true.
func (m *Model) Run(a *Arena, batch []Sequence, stop func() bool) ([]float32, error) {
	n, err := m.check(a, batch)
	if err != nil {
		return nil, err
	}
	x, side := a.x[:n*Hidden], a.side[:n*Hidden]
	m.lookUp(x, side, batch)
	m.k.AddNorm(x, side, m.norm.weight, m.norm.bias)
	qkv, context, mid := a.qkv[:n*3*Hidden], a.context[:n*Hidden], a.mid[:n*inner]
	for i := range m.layers {
		if stop() {
			return nil, ErrStopped
		}
		l := &m.layers[i]
		m.apply(a, qkv, x, l.qkv, false)
		at := 0
		for _, s := range batch {
			end := at + len(s.IDs)
			m.k.Attend(context[at*Hidden:end*Hidden], qkv[at*3*Hidden:end*3*Hidden], a.attend, heads)
			at = end
		}
		m.apply(a, side, context, l.out, false)
		m.k.AddNorm(x, side, l.norm1.weight, l.norm1.bias)
		m.apply(a, mid, x, l.up, true)
		m.apply(a, side, mid, l.down, false)
		m.k.AddNorm(x, side, l.norm2.weight, l.norm2.bias)
	}
	return x, nil
}

// check counts the tokens of a batch.
func (m *Model) check(a *Arena, batch []Sequence) (int, error) {
	n := 0
	for i, s := range batch {
		if len(s.IDs) == 0 || len(s.IDs) > m.Positions() || s.Second < 0 || s.Second > len(s.IDs) {
			return 0, fmt.Errorf("%w: sequence %d has %d tokens and a second segment at %d: 1 to %d are possible", ErrInput, i, len(s.IDs), s.Second, m.Positions())
		}
		for _, id := range s.IDs {
			if id < 0 || int(id) >= len(m.wordScale) {
				return 0, fmt.Errorf("%w: sequence %d has the id %d; the vocabulary ends at %d", ErrInput, i, id, len(m.wordScale)-1)
			}
		}
		n += len(s.IDs)
	}
	if n == 0 || n > a.tokens {
		return 0, fmt.Errorf("%w: a batch of %d tokens; the arena has room for 1 to %d", ErrInput, n, a.tokens)
	}
	return n, nil
}

// lookUp writes the words' embeddings to x and the sum of those of position and segment to side.
func (m *Model) lookUp(x, side []float32, batch []Sequence) {
	for _, s := range batch {
		for i, id := range s.IDs {
			word, scale := m.words[int(id)*Hidden:][:Hidden], m.wordScale[id]
			segment := m.segment[:Hidden]
			if s.Second > 0 && i >= s.Second {
				segment = m.segment[Hidden:]
			}
			position := m.position[i*Hidden:][:Hidden]
			for d, w := range word {
				x[d] = float32(w) * scale
				side[d] = position[d] + segment[d]
			}
			x, side = x[Hidden:], side[Hidden:]
		}
	}
}

// apply quantises x and multiplies it with l.
func (m *Model) apply(a *Arena, dst, x []float32, l linear, gelu bool) {
	q, scale := a.quant[:m.k.QuantSize(len(x))], a.scale[:len(x)/kernel.Group]
	m.k.Quantize(q, scale, x, l.inverse)
	m.k.MatMul(dst, l.matrix, q, scale, gelu)
}

// loader reads tensors and keeps the first error, so that Load reads as a list of what the model has.
type loader struct {
	f      *weights.File
	k      *kernel.Kernel
	room   []byte // of one compressed matrix, until it is packed
	packed []int8 // where the next matrices go
	err    error
}

func (l *loader) keep(err error) {
	if l.err == nil {
		l.err = err
	}
}

// rows is the first dimension of a tensor, which must be in 1..most.
func (l *loader) rows(name string, most int) int {
	n, err := l.f.Rows(name)
	if err == nil && (n < 1 || n > most) {
		err = fmt.Errorf("%w: %q has %d rows: 1 to %d are possible", weights.ErrTensor, name, n, most)
	}
	l.keep(err)
	if l.err != nil {
		return 0
	}
	return n
}

func layerName(i int) string { return fmt.Sprintf("layer.%d.", i) }

// layers counts the layers that the file has a tensor of, which must be the first 1 to maxLayers: with one left out, what
// follows it would otherwise be passed over in silence.
func (l *loader) layers() int {
	n := 0
	for n <= maxLayers && l.f.Has(layerName(n)) {
		n++
	}
	switch {
	case n == 0:
		l.keep(fmt.Errorf("%w: no tensor of %q: the file has no layers", weights.ErrTensor, layerName(0)))
	case n > maxLayers:
		l.keep(fmt.Errorf("%w: tensors of %q: 1 to %d layers are possible", weights.ErrTensor, layerName(maxLayers), maxLayers))
	default:
		for i := n + 1; i <= maxLayers; i++ {
			if l.f.Has(layerName(i)) {
				l.keep(fmt.Errorf("%w: tensors of %q, but none of %q", weights.ErrTensor, layerName(i), layerName(n)))
			}
		}
	}
	if l.err != nil {
		return 0
	}
	return n
}

func (l *loader) float32(name string, shape ...int64) []float32 {
	v, err := l.f.Float32(name, shape...)
	l.keep(err)
	return v
}

func (l *loader) int8(name string, shape ...int64) []int8 {
	v, err := l.f.Int8(&l.room, name, shape...)
	l.keep(err)
	return v
}

func (l *loader) norm(name string) norm {
	return norm{l.float32(name+".weight", Hidden), l.float32(name+".bias", Hidden)}
}

func (l *loader) layer(name string) layer {
	return layer{
		qkv:   l.linear(name+"qkv", Hidden, 3*Hidden, true),
		out:   l.linear(name+"out", Hidden, Hidden, false),
		up:    l.linear(name+"up", Hidden, inner, true),
		down:  l.linear(name+"down", inner, Hidden, false),
		norm1: l.norm(name + "norm1"),
		norm2: l.norm(name + "norm2"),
	}
}

func (l *loader) linear(name string, in, out int, smooth bool) linear {
	w, scale, bias := l.int8(name+".weight", int64(out), int64(in)), l.float32(name+".scale", int64(out)), l.float32(name+".bias", int64(out))
	var inverse []float32
	if smooth {
		inverse = l.float32(name+".smooth", int64(in))
		for i, v := range inverse {
			inverse[i] = 1 / v
		}
	}
	if l.err != nil {
		return linear{}
	}
	if out == 3*Hidden {
		scaleQueries(scale, bias)
	}
	matrix, err := l.k.Pack(l.packed[:in*out], w, scale, bias, in, out)
	l.packed = l.packed[in*out:]
	l.keep(err)
	return linear{matrix, inverse}
}

// scaleQueries folds the attention's division by the root of the head's width into the queries' part of a matrix.
func scaleQueries(scale, bias []float32) {
	factor := float32(1 / math.Sqrt(kernel.HeadDim))
	for i := range Hidden {
		scale[i] *= factor
		bias[i] *= factor
	}
}
