package index

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/philippgille/chromem-go"
)

// Errors that callers may want to tell apart, with errors.Is.
var (
	// ErrDimension: a vector's length is not the index's dimension.
	ErrDimension = errors.New("index: wrong dimension")
	// ErrVector: a vector has no direction: it is zero, or holds a NaN or an infinity.
	ErrVector = errors.New("index: vector has no direction")
)

// Hit is one found vector. Score is the cosine with the query, in -1..1 up to rounding.
type Hit struct {
	ID    uint64
	Score float32
}

// Index holds vectors by partition and id. The zero Index is not usable; see New.
type Index struct {
	dim int

	// mu guards the map and the life of its collections: Add holds it for writing only to make a collection, and
	// Remove to drop an empty one, so that no vector is ever added to a collection that was dropped.
	mu    sync.RWMutex
	parts map[string]*chromem.Collection
}

// New returns an empty index of vectors of length dim. It panics if dim is not positive: that is a slip in the
// program, not input.
func New(dim int) *Index {
	if dim <= 0 {
		panic(fmt.Sprintf("index: dimension %d is not positive", dim))
	}
	return &Index{dim: dim, parts: map[string]*chromem.Collection{}}
}

// Add stores a copy of vec under the id; the same id in the same partition is overwritten.
func (x *Index) Add(partition string, id uint64, vec []float32) error {
	unit, err := x.unit(vec)
	if err != nil {
		return err
	}
	doc := chromem.Document{ID: docID(id), Embedding: unit}
	x.mu.RLock()
	if part := x.parts[partition]; part != nil {
		defer x.mu.RUnlock()
		return add(part, doc)
	}
	x.mu.RUnlock()

	x.mu.Lock()
	defer x.mu.Unlock()
	part := x.parts[partition]
	if part == nil {
		if part, err = newCollection(); err != nil {
			return err
		}
		x.parts[partition] = part
	}
	return add(part, doc)
}

// newCollection makes a collection of a database of its own. A shared one would keep a second map of all
// partitions under a second lock.
func newCollection() (*chromem.Collection, error) {
	part, err := chromem.NewDB().CreateCollection("p", nil, noEmbedding)
	if err != nil {
		return nil, fmt.Errorf("index: making a partition: %w", err)
	}
	return part, nil
}

// noEmbedding stands where chromem wants a function for documents without a vector. There are none.
func noEmbedding(context.Context, string) ([]float32, error) {
	return nil, errors.New("index: a document without a vector")
}

func add(part *chromem.Collection, doc chromem.Document) error {
	if err := part.AddDocument(context.Background(), doc); err != nil {
		return fmt.Errorf("index: adding: %w", err)
	}
	return nil
}

// Remove forgets an id. An id or partition that is not there is no error. A partition that becomes empty is dropped.
func (x *Index) Remove(partition string, id uint64) error {
	x.mu.Lock() // for writing: an Add between the deletion and the look at what is left would be lost
	defer x.mu.Unlock()
	part := x.parts[partition]
	if part == nil {
		return nil
	}
	if err := part.Delete(context.Background(), nil, nil, docID(id)); err != nil {
		return fmt.Errorf("index: removing: %w", err)
	}
	if part.Count() == 0 {
		delete(x.parts, partition)
	}
	return nil
}

// Search returns the k nearest of a partition, best first, equal scores by ascending id; fewer if it holds fewer,
// none if it does not exist or k is not positive. Which of several with the k-th score come in is not defined.
func (x *Index) Search(partition string, vec []float32, k int) ([]Hit, error) {
	unit, err := x.unit(vec)
	if err != nil {
		return nil, err
	}
	if k <= 0 {
		return nil, nil
	}
	x.mu.RLock()
	part := x.parts[partition]
	x.mu.RUnlock()
	if part == nil {
		return nil, nil
	}
	found, err := query(part, unit, k)
	if err != nil {
		return nil, err
	}
	hits := make([]Hit, len(found))
	for i, f := range found {
		hits[i] = Hit{ID: binary.BigEndian.Uint64([]byte(f.ID)), Score: f.Similarity}
	}
	slices.SortFunc(hits, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID))
	})
	return hits, nil
}

// query asks for at most as many as there are, because chromem makes more an error. Removals may shrink the
// collection between the count and the query; then it counts again. Holding mu throughout would make every
// removal wait for every scan.
func query(part *chromem.Collection, unit []float32, k int) (found []chromem.Result, err error) {
	for range 16 {
		n := min(k, part.Count())
		if n == 0 {
			return nil, nil
		}
		if found, err = part.QueryEmbedding(context.Background(), unit, n, nil, nil); err == nil {
			return found, nil
		}
	}
	return nil, fmt.Errorf("index: searching: %w", err)
}

// Drop forgets a partition.
func (x *Index) Drop(partition string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.parts, partition)
}

// Len returns how many vectors a partition holds.
func (x *Index) Len(partition string) int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if part := x.parts[partition]; part != nil {
		return part.Count()
	}
	return 0
}

// Size returns how many vectors all partitions hold. It counts, partition by partition.
func (x *Index) Size() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	n := 0
	for _, part := range x.parts {
		n += part.Count()
	}
	return n
}

// Partitions returns how many partitions hold vectors.
func (x *Index) Partitions() int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.parts)
}

// unit returns a copy of vec scaled to length 1. chromem scales too, but within a tolerance, and in place of an
// error it divides by zero. The sum is in float64, since the square of a large float32 is no float32.
func (x *Index) unit(vec []float32) ([]float32, error) {
	if len(vec) != x.dim {
		return nil, fmt.Errorf("%w: vector of %d in an index of %d", ErrDimension, len(vec), x.dim)
	}
	var sq float64
	for i, f := range vec {
		if v := float64(f); math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%w: element %d is %v", ErrVector, i, f)
		}
		sq += float64(f) * float64(f)
	}
	if sq == 0 {
		return nil, fmt.Errorf("%w: all %d elements are zero", ErrVector, x.dim)
	}
	norm := math.Sqrt(sq)
	unit := make([]float32, len(vec))
	for i, f := range vec {
		unit[i] = float32(float64(f) / norm)
	}
	return unit, nil
}

// docID is the id as eight bytes: half of what hex digits would take.
func docID(id uint64) string {
	return string(binary.BigEndian.AppendUint64(nil, id))
}
