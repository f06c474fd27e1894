package bench

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/reprise-cache/reprise/index"
)

// IndexPartitions is what many small partitions cost.
type IndexPartitions struct {
	Partitions int
	Each       int           // entries of one
	Build      time.Duration // of all
	Bytes      int           // of memory an entry, its vector included
	P50, P99   time.Duration // of a search of one
	Remove     time.Duration // of all but one entry of each
	Left       int           // bytes an entry after that
	Empty      int           // bytes that are left of each partition once its last entry was removed
}

// partitionEntries is how many entries a small partition has.
const partitionEntries = 10

func measurePartitions(ctx context.Context, n, queries int) (*IndexPartitions, error) {
	const dim = 384
	r := &IndexPartitions{Partitions: n, Each: partitionEntries}
	rng := rand.New(rand.NewPCG(4, uint64(n)))
	vec := make([]float32, dim)
	draw := func() []float32 {
		for i := range vec {
			vec[i] = rng.Float32() - 0.5
		}
		return vec
	}
	names := make([]string, n)
	for i := range names {
		names[i] = "tenant " + strconv.Itoa(i)
	}
	before := heapInUse()
	start := time.Now()
	x := index.New(dim)
	for id := range n * partitionEntries {
		if id%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err := x.Add(names[id%n], uint64(id), draw()); err != nil {
			return nil, err
		}
	}
	r.Build = time.Since(start)
	r.Bytes = (heapInUse() - before) / x.Size()
	var times []time.Duration
	for range queries {
		name, q := names[rng.IntN(n)], draw()
		start := time.Now()
		hits, err := x.Search(name, q, indexDepth)
		times = append(times, time.Since(start))
		if err != nil {
			return nil, err
		}
		if len(hits) != indexDepth {
			return nil, fmt.Errorf("bench: a partition of %d has %d hits", partitionEntries, len(hits))
		}
	}
	r.P50, r.P99 = Quantile(times, 0.5), Quantile(times, 0.99)
	remove := func(from, to int) error {
		for id := from; id < to; id++ {
			if err := x.Remove(names[id%n], uint64(id)); err != nil {
				return err
			}
		}
		return ctx.Err()
	}
	start = time.Now()
	if err := remove(n, n*partitionEntries); err != nil {
		return nil, err
	}
	r.Remove = time.Since(start)
	r.Left = (heapInUse() - before) / x.Size()
	if err := remove(0, n); err != nil {
		return nil, err
	}
	r.Empty = max(heapInUse()-before, 0) / n
	if x.Partitions() != 0 { // and x is in use until here
		return nil, fmt.Errorf("bench: %d partitions are left of none", x.Partitions())
	}
	return r, nil
}

func (r *IndexPartitions) writeText(w io.Writer) {
	fmt.Fprintf(w, "\n%d partitions of %d: built in %s, %d bytes an entry, search p50 %s, p99 %s;\n"+
		"all but one of each removed in %s: %d bytes an entry; all removed: %d bytes a partition\n",
		r.Partitions, r.Each, r.Build.Round(time.Millisecond), r.Bytes, milliseconds(r.P50), milliseconds(r.P99),
		r.Remove.Round(time.Millisecond), r.Left, r.Empty)
}
