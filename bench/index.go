package bench

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/philippgille/chromem-go"

	"github.com/reprise-cache/reprise/index"
)

// IndexOptions configures [Index]. The zero value measures drawn vectors alone.
type IndexOptions struct {
	Sizes    []int     // vectors of one partition; nil: 1,000, 10,000, 100,000
	Queries  int       // at each size; zero: 200
	Texts    []string  // files of texts to measure beside the drawn vectors; nil: none
	Progress io.Writer // nil: none

	Partitions int           // small ones to measure besides; zero: 100,000
	Serve      time.Duration // how long the largest partition is searched while it takes inserts; zero: five seconds
}

func (o IndexOptions) withDefaults() (IndexOptions, error) {
	if o.Sizes == nil {
		o.Sizes = DefaultIndexSizes()
	}
	for _, n := range o.Sizes {
		if n < indexDepth {
			return o, fmt.Errorf("bench: size %d is less than the %d vectors that a search looks for", n, indexDepth)
		}
	}
	if o.Queries < 0 {
		return o, fmt.Errorf("bench: queries %d must not be negative", o.Queries)
	}
	if o.Queries == 0 {
		o.Queries = 200
	}
	if o.Partitions < 0 || o.Serve < 0 {
		return o, fmt.Errorf("bench: partitions %d and serve %v must not be negative", o.Partitions, o.Serve)
	}
	o.Partitions, o.Serve = cmp.Or(o.Partitions, 100_000), cmp.Or(o.Serve, 5*time.Second)
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	return o, nil
}

// DefaultIndexSizes are the vectors of the partitions that [Index] measures if no sizes are given.
func DefaultIndexSizes() []int { return []int{1000, 10_000, 100_000} }

// indexDepth is how many neighbours a search looks for.
const indexDepth = 5

// IndexRow is one way of searching one partition.
type IndexRow struct {
	Source   string // "drawn" or "texts"
	Size     int
	Way      string // "chromem", "screen" (all 8-bit codes) or "default" (lists, signs, codes)
	P50, P99 time.Duration
	At1, At5 float64       // recall: share of the true nearest one and five that were found
	Build    time.Duration // of all vectors, one after the other
	Bytes    int           // of memory an entry, its vector included
}

// IndexReport is what [Index] measured.
type IndexReport struct {
	Machine Machine
	Queries int
	Rows    []IndexRow

	Serving    *IndexServing // of the largest drawn partition
	Partitions *IndexPartitions
}

// Index times searches of one partition, one at a time, in every way that the index has or could have: chromem's
// own query, which spreads over all cores; a screen of all 8-bit codes; and the default, which goes by lists and signs first.
// What is true is what a plain loop in float64 over all vectors says.
//
// Vectors are drawn as questions lie: 384 dimensions, topics with 50 questions each in the mean and far more in the popular ones, and
// some four wordings around each question. A wording's cosine with another of its question is 0.8, with one
// of another question of its topic 0.4. Queries are wordings that the partition does not hold. With texts, vectors are the
// encoder's, and queries are texts that were held back.
func Index(ctx context.Context, o IndexOptions) (*IndexReport, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	report := &IndexReport{Machine: ThisMachine(), Queries: o.Queries}
	measure := func(source string, set *vectorSet) error {
		set.solve()
		for _, way := range []string{"chromem", "screen", "default"} {
			fmt.Fprintf(o.Progress, "%s, %d vectors: %s\n", source, set.len(), way)
			row, x, err := set.measure(ctx, way)
			if err != nil {
				return err
			}
			if way == "default" && source == "drawn" && set.len() == slices.Max(o.Sizes) {
				fmt.Fprintf(o.Progress, "%s, %d vectors: inserts while serving\n", source, set.len())
				if report.Serving, err = set.serve(ctx, x, o.Serve); err != nil {
					return err
				}
			}
			row.Source = source
			report.Rows = append(report.Rows, row)
		}
		return nil
	}
	for _, n := range o.Sizes {
		if err := measure("drawn", drawnVectors(n, o.Queries)); err != nil {
			return nil, err
		}
	}
	fmt.Fprintf(o.Progress, "%d partitions\n", o.Partitions)
	if report.Partitions, err = measurePartitions(ctx, o.Partitions, o.Queries); err != nil {
		return nil, err
	}
	if len(o.Texts) > 0 {
		set, err := textVectors(ctx, o)
		if err != nil {
			return nil, err
		}
		if err := measure("texts", set); err != nil {
			return nil, err
		}
	}
	return report, nil
}

// vectorSet is the vectors of a partition, in one block, and queries with their true neighbours.
type vectorSet struct {
	dim     int
	block   []float32
	queries [][]float32
	truth   [][]float64 // by query, the cosines of the nearest, best first
}

func (s *vectorSet) len() int           { return len(s.block) / s.dim }
func (s *vectorSet) at(i int) []float32 { return s.block[i*s.dim:][:s.dim:s.dim] }
func (s *vectorSet) add(v []float32)    { s.block = append(s.block, v...) }
func (s *vectorSet) normalise(v []float32) {
	var sq float64
	for _, f := range v {
		sq += float64(f) * float64(f)
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sq))
	}
}

// drawnVectors draws a partition of n vectors and queries for it. The same numbers come every time.
func drawnVectors(n, queries int) *vectorSet {
	const dim, questionsOf, wordings = 384, 50, 4
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	s := &vectorSet{dim: dim, block: make([]float32, 0, n*dim)}
	around := func(v []float32, noise float32) []float32 {
		out := make([]float32, dim)
		for i := range out {
			out[i] = float32(rng.NormFloat64()) * noise / float32(math.Sqrt(dim))
			if v != nil {
				out[i] += v[i]
			}
		}
		s.normalise(out)
		return out
	}
	// Topics differ in how often they are asked about: the square of an even draw favours the first.
	topics := make([][]float32, n/(questionsOf*wordings)+1)
	for i := range topics {
		topics[i] = around(nil, 1)
	}
	questions := make([][]float32, n/wordings+1)
	for i := range questions {
		f := rng.Float64()
		questions[i] = around(topics[int(f*f*float64(len(topics)))], 1)
	}
	for range n {
		s.add(around(questions[rng.IntN(len(questions))], 0.5))
	}
	for range queries {
		s.queries = append(s.queries, around(questions[rng.IntN(len(questions))], 0.5))
	}
	return s
}

// solve finds what is true.
func (s *vectorSet) solve() {
	s.truth = make([][]float64, len(s.queries))
	work := make(chan int)
	done := make(chan struct{})
	workers := runtime.GOMAXPROCS(0)
	for range workers {
		go func() {
			for q := range work {
				s.truth[q] = s.nearest(s.queries[q])
			}
			done <- struct{}{}
		}()
	}
	for q := range s.queries {
		work <- q
	}
	close(work)
	for range workers {
		<-done
	}
}

func (s *vectorSet) nearest(q []float32) []float64 {
	var best []float64
	for i := range s.len() {
		var sum float64
		for j, f := range s.at(i) {
			sum += float64(f) * float64(q[j])
		}
		if len(best) < indexDepth || sum > best[len(best)-1] {
			at, _ := slices.BinarySearchFunc(best, sum, func(a, b float64) int { return cmp.Compare(b, a) })
			best = slices.Insert(best, at, sum)
			best = best[:min(len(best), indexDepth)]
		}
	}
	return best
}

// measure builds one kind of index of the set and times its searches. The index is nil if it is chromem's own.
func (s *vectorSet) measure(ctx context.Context, way string) (IndexRow, *index.Index, error) {
	row := IndexRow{Size: s.len(), Way: way}
	before := heapInUse()
	start := time.Now()
	search, x, err := s.build(ctx, way)
	if err != nil {
		return row, nil, err
	}
	row.Build = time.Since(start)
	row.Bytes = (heapInUse() - before) / s.len()
	var times []time.Duration
	var one, five int
	for i, q := range s.queries {
		if err := ctx.Err(); err != nil {
			return row, nil, err
		}
		start := time.Now()
		hits, err := search(q)
		times = append(times, time.Since(start))
		if err != nil {
			return row, nil, err
		}
		if len(hits) != indexDepth {
			return row, nil, fmt.Errorf("bench: %s found %d of %d", way, len(hits), indexDepth)
		}
		// By score, since equal ones may come in either order.
		const rounding = 1e-5
		if float64(hits[0].Score) >= s.truth[i][0]-rounding {
			one++
		}
		for _, h := range hits {
			if float64(h.Score) >= s.truth[i][indexDepth-1]-rounding {
				five++
			}
		}
	}
	row.P50, row.P99 = Quantile(times, 0.5), Quantile(times, 0.99)
	row.At1 = float64(one) / float64(len(s.queries))
	row.At5 = float64(five) / float64(indexDepth*len(s.queries))
	return row, x, nil
}

// build returns the search of an index of the set. Whoever drops it drops the index.
func (s *vectorSet) build(ctx context.Context, way string) (search func(q []float32) ([]index.Hit, error), x *index.Index, err error) {
	if way == "chromem" {
		docs, err := chromem.NewDB().CreateCollection("p", nil, func(context.Context, string) ([]float32, error) {
			return nil, errors.New("bench: a document without a vector")
		})
		if err != nil {
			return nil, nil, fmt.Errorf("bench: %w", err)
		}
		for i := range s.len() {
			doc := chromem.Document{ID: string(binary.BigEndian.AppendUint64(nil, uint64(i))), Embedding: slices.Clone(s.at(i))}
			if err := docs.AddDocument(ctx, doc); err != nil {
				return nil, nil, fmt.Errorf("bench: %w", err)
			}
		}
		return func(q []float32) ([]index.Hit, error) {
			found, err := docs.QueryEmbedding(ctx, q, indexDepth, nil, nil)
			if err != nil {
				return nil, fmt.Errorf("bench: %w", err)
			}
			var hits []index.Hit
			for _, f := range found {
				hits = append(hits, index.Hit{ID: binary.BigEndian.Uint64([]byte(f.ID)), Score: f.Similarity})
			}
			return hits, nil
		}, nil, nil
	}
	var o index.Options
	if way == "screen" {
		o.Probe = 1
	}
	x = index.NewWith(s.dim, o)
	for i := range s.len() {
		if i%4096 == 0 && ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		if err := x.Add("p", uint64(i), s.at(i)); err != nil {
			return nil, nil, err
		}
	}
	return func(q []float32) ([]index.Hit, error) { return x.Search("p", q, indexDepth) }, x, nil
}

// heapInUse is the bytes in use after a collection. The second one ends what pools hold.
func heapInUse() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// WriteText prints the report as a table.
func (r *IndexReport) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%s, kernel %s\n%d searches for the nearest %d, one at a time; recall against a plain loop in float64\n\n",
		r.Machine, index.Kernels()[0], r.Queries, indexDepth)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "vectors\tof\tsearch\tp50\tp99\trecall@1\trecall@5\tbuild\tbytes an entry\t")
	for _, row := range r.Rows {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%.3f\t%.3f\t%s\t%d\t\n", row.Source, row.Size, row.Way,
			milliseconds(row.P50), milliseconds(row.P99), row.At1, row.At5, row.Build.Round(time.Millisecond), row.Bytes)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if r.Serving != nil {
		r.Serving.writeText(w)
	}
	if r.Partitions != nil {
		r.Partitions.writeText(w)
	}
	return nil
}
