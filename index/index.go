package index

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"

	"github.com/reprise-cache/reprise/index/internal/kernel"
)

// Errors that callers may want to tell apart, with errors.Is.
var (
	// ErrDimension: a vector's length is not the index's dimension.
	ErrDimension = errors.New("index: wrong dimension")
	// ErrVector: a vector has no direction: it is zero, or holds a NaN or an infinity.
	ErrVector = errors.New("index: vector has no direction")
	// ErrOptions: the index was made with options that cannot be.
	ErrOptions = errors.New("index: bad options")
)

// Hit is one found vector. Score is the cosine with the query, in -1..1 up to rounding.
type Hit struct {
	ID    uint64
	Score float32
}

// Options configures an index. The zero value is what [New] takes.
type Options struct {
	// Probe is the share of a partition, in 0..1, that a search looks at at most, in the lists nearest to the query; it may always
	// look at 65,536 vectors. Zero: 1/5. With 1 a search multiplies the codes of all, for those who would rather wait.
	Probe float64
	// Kernel names the implementation of the screen's arithmetic, one of [Kernels]. Empty: what the environment variable
	// REPRISE_KERNEL says, or the fastest. All find the same.
	Kernel string
}

// Kernels names the implementations of the screen's arithmetic that this machine can run, fastest first.
func Kernels() []string { return kernel.Names() }

// Index holds vectors by partition and id. The zero Index is not usable; see New.
type Index struct {
	dim     int
	probe   float64
	kernel  *kernel.Kernel
	err     error // of the options; every call that takes a vector returns it
	scratch sync.Pool
	size    atomic.Int64

	// mu guards the map only, and is never held while something is searched, copied or rebuilt. It is taken after a partition's.
	mu    sync.RWMutex
	parts map[string]*partition
}

// New returns an empty index of vectors of length dim. It panics if dim is not positive: that is a slip in the
// program, not input.
func New(dim int) *Index { return NewWith(dim, Options{}) }

// NewWith is New with options. Options that cannot be make every Add and Search fail with an error that wraps ErrOptions.
func NewWith(dim int, o Options) *Index {
	if dim <= 0 {
		panic(fmt.Sprintf("index: dimension %d is not positive", dim))
	}
	x := &Index{dim: dim, probe: o.Probe, parts: map[string]*partition{}}
	x.kernel, x.err = chosen(dim, o)
	if o.Probe == 0 {
		x.probe = defaultProbe
	}
	x.scratch.New = func() any { return newScratch(dim) }
	return x
}

func chosen(dim int, o Options) (k *kernel.Kernel, err error) {
	if dim > kernel.MaxDim {
		return nil, fmt.Errorf("%w: dimension %d is more than %d", ErrOptions, dim, kernel.MaxDim)
	}
	if !(o.Probe >= 0 && o.Probe <= 1) {
		return nil, fmt.Errorf("%w: a search of %v of a partition: use a share in 0..1", ErrOptions, o.Probe)
	}
	if o.Kernel != "" {
		k, err = kernel.New(o.Kernel)
	} else {
		k, err = kernel.Default()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOptions, err)
	}
	return k, nil
}

// Add stores a copy of vec under the id; the same id in the same partition is overwritten.
func (x *Index) Add(partition string, id uint64, vec []float32) error {
	unit := make([]float32, len(vec))
	if err := x.unit(unit, vec); err != nil {
		return err
	}
	s := x.scratch.Get().(*scratch)
	defer x.scratch.Put(s)
	for {
		p, err := x.make(partition)
		if err != nil {
			return err
		}
		if done, err := p.add(s, id, unit); done || err != nil {
			return err
		}
		// It was dropped between the two calls; the map has another or none.
	}
}

// Remove forgets an id. An id or partition that is not there is no error. A partition that becomes empty is dropped.
func (x *Index) Remove(partition string, id uint64) error {
	p := x.get(partition)
	if p == nil {
		return nil
	}
	s := x.scratch.Get().(*scratch)
	defer x.scratch.Put(s)
	for ; p != nil; p = x.get(partition) {
		done, err := p.remove(s, id)
		if p.dropped.Load() {
			x.forget(partition, p)
		}
		if done || err != nil {
			return err
		}
		// It was dropped between the two calls: by a loader, for one, that moved what it held to another.
	}
	return nil
}

// Search returns the k nearest of a partition, best first, equal scores by ascending id; fewer if it holds fewer,
// none if it does not exist or k is not positive. Which of several with the k-th score come in is not defined.
func (x *Index) Search(partition string, vec []float32, k int) ([]Hit, error) {
	s := x.scratch.Get().(*scratch)
	defer x.scratch.Put(s)
	if err := x.unit(s.unit, vec); err != nil {
		return nil, err
	}
	if k <= 0 {
		return nil, nil
	}
	p := x.get(partition)
	if p == nil {
		return nil, nil
	}
	return p.search(s, k), nil
}

// Drop forgets a partition.
func (x *Index) Drop(partition string) {
	for p := x.get(partition); p != nil; p = x.get(partition) {
		done := p.drop()
		x.forget(partition, p)
		if done {
			return
		}
		// It was dropped before; see Remove.
	}
}

// Len returns how many vectors a partition holds.
func (x *Index) Len(partition string) int {
	if p := x.get(partition); p != nil {
		return int(p.count.Load())
	}
	return 0
}

// Size returns how many vectors all partitions hold.
func (x *Index) Size() int { return int(x.size.Load()) }

// Partitions returns how many partitions hold vectors.
func (x *Index) Partitions() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.parts)
}

func (x *Index) get(name string) *partition {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.parts[name]
}

// make returns the partition of that name, and a new one if there is none or if it was dropped.
func (x *Index) make(name string) (*partition, error) {
	if p := x.get(name); p != nil && !p.dropped.Load() {
		return p, nil
	}
	fresh, err := newPartition(x)
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if p := x.parts[name]; p != nil && !p.dropped.Load() {
		return p, nil
	}
	x.parts[name] = fresh
	return fresh, nil
}

// forget takes a dropped partition out of the map, unless another has its place by now.
func (x *Index) forget(name string, p *partition) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.parts[name] == p {
		delete(x.parts, name)
	}
}

// unit sets dst to vec scaled to length 1. The sum is in float64, since the square of a large float32 is no float32.
func (x *Index) unit(dst, vec []float32) error {
	if x.err != nil {
		return x.err
	}
	if len(vec) != x.dim {
		return fmt.Errorf("%w: vector of %d in an index of %d", ErrDimension, len(vec), x.dim)
	}
	sq := squares(vec)
	switch {
	case math.Abs(sq-1) < 1e-7: // rounding would have made as much of it
		copy(dst, vec)
		return nil
	case math.IsNaN(sq), math.IsInf(sq, 0):
		for i, f := range vec {
			if v := float64(f); math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("%w: element %d is %v", ErrVector, i, f)
			}
		}
	case sq == 0:
		return fmt.Errorf("%w: all %d elements are zero", ErrVector, x.dim)
	}
	norm := math.Sqrt(sq)
	for i, f := range vec {
		dst[i] = float32(float64(f) / norm)
	}
	return nil
}

// squares is the sum of the squares of v, in four parts that do not wait for each other.
func squares(v []float32) float64 {
	var a, b, c, d float64
	for ; len(v) >= 4; v = v[4:] {
		a += float64(v[0]) * float64(v[0])
		b += float64(v[1]) * float64(v[1])
		c += float64(v[2]) * float64(v[2])
		d += float64(v[3]) * float64(v[3])
	}
	for _, f := range v {
		a += float64(f) * float64(f)
	}
	return a + b + (c + d)
}
