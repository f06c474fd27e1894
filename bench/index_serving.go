package bench

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/reprise-cache/reprise/index"
)

// IndexServing is what inserts do to the searches of a partition, and where its memory is.
type IndexServing struct {
	Size             int
	Rate             int           // inserts a second that were asked for
	Inserted         int           // in Took
	Took             time.Duration // as long as it had to, if the rate was not kept up
	IdleP50, IdleP99 time.Duration // of searches, one at a time, without inserts
	BusyP50, BusyP99 time.Duration // with them: lists are split all the while
	Memory           []IndexMemory // the places that hold the most, largest first
}

// IndexMemory is what one function of the index has allocated and is in use.
type IndexMemory struct {
	Function string
	Bytes    int // an entry
}

// insertRate is how many entries a second a partition takes while it is searched.
const insertRate = 2000

// serve inserts into an index of the set and searches it meanwhile.
func (s *vectorSet) serve(ctx context.Context, x *index.Index, lasting time.Duration) (*IndexServing, error) {
	r := &IndexServing{Size: s.len(), Rate: insertRate, Memory: indexMemory(s.len())}
	search := func(done <-chan struct{}) (times []time.Duration, err error) {
		for i := 0; ; i++ {
			select {
			case <-done:
				return times, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			default:
			}
			start := time.Now()
			if _, err = x.Search("p", s.queries[i%len(s.queries)], indexDepth); err != nil {
				return nil, err
			}
			times = append(times, time.Since(start))
		}
	}
	idle := make(chan struct{})
	time.AfterFunc(lasting, func() { close(idle) })
	times, err := search(idle)
	if err != nil {
		return nil, err
	}
	r.IdleP50, r.IdleP99 = Quantile(times, 0.5), Quantile(times, 0.99)

	// New ones lie between two that are there.
	rng := rand.New(rand.NewPCG(3, uint64(s.len())))
	fresh := make([][]float32, int(lasting.Seconds()*insertRate))
	for i := range fresh {
		v, other := slices.Clone(s.at(rng.IntN(s.len()))), s.at(rng.IntN(s.len()))
		for j := range v {
			v[j] += other[j] / 2
		}
		s.normalise(v)
		fresh[i] = v
	}
	busy, failed := make(chan struct{}), error(nil)
	start := time.Now()
	go func() {
		defer close(busy)
		for i, v := range fresh {
			if wait := time.Duration(i)*time.Second/insertRate - time.Since(start); wait > 0 {
				time.Sleep(wait)
			}
			if failed = x.Add("p", uint64(s.len()+i), v); failed != nil || ctx.Err() != nil {
				return
			}
			r.Inserted++
		}
		r.Took = time.Since(start)
	}()
	times, err = search(busy)
	<-busy
	if err = cmp.Or(err, failed); err != nil {
		return nil, err
	}
	r.BusyP50, r.BusyP99 = Quantile(times, 0.5), Quantile(times, 0.99)
	return r, nil
}

// indexMemory is the three functions of the index, or of what it stands on, that hold the most, by the runtime's own samples of
// the heap at the last collection.
func indexMemory(entries int) []IndexMemory {
	records := make([]runtime.MemProfileRecord, 1024)
	for {
		n, ok := runtime.MemProfile(records, false)
		if ok {
			records = records[:n]
			break
		}
		records = make([]runtime.MemProfileRecord, 2*n)
	}
	bytes := map[string]int64{}
	for _, r := range records {
		at, ours := "", false
		frames := runtime.CallersFrames(r.Stack())
		for more := true; more; {
			var f runtime.Frame
			f, more = frames.Next()
			if at == "" && !strings.HasPrefix(f.Function, "runtime.") && !strings.HasPrefix(f.Function, "internal/") {
				at = f.Function
			}
			ours = ours || strings.Contains(f.Function, "/reprise/index.")
		}
		if ours {
			bytes[at[strings.LastIndex(at, "/")+1:]] += scaled(r)
		}
	}
	var all []IndexMemory
	for f, n := range bytes {
		all = append(all, IndexMemory{f, int(n) / entries})
	}
	slices.SortFunc(all, func(a, b IndexMemory) int { return cmp.Or(b.Bytes-a.Bytes, strings.Compare(a.Function, b.Function)) })
	return all[:min(len(all), 3)]
}

// scaled is how many bytes the samples of a record stand for. Small objects are sampled less often than large ones, with the chance
// that runtime.MemProfileRate documents.
func scaled(r runtime.MemProfileRecord) int64 {
	n, size := r.InUseObjects(), r.InUseBytes()
	if n == 0 || runtime.MemProfileRate <= 1 {
		return size
	}
	mean := float64(size) / float64(n)
	return int64(float64(size) / -math.Expm1(-mean/float64(runtime.MemProfileRate)))
}

func (r *IndexServing) writeText(w io.Writer) {
	fmt.Fprintf(w, "\ninto %d vectors, %d inserts a second asked for, %.0f done: a search takes p50 %s, p99 %s; without inserts %s, %s (p99: %.1f times)\n",
		r.Size, r.Rate, float64(r.Inserted)/r.Took.Seconds(), milliseconds(r.BusyP50), milliseconds(r.BusyP99),
		milliseconds(r.IdleP50), milliseconds(r.IdleP99), float64(r.BusyP99)/float64(max(r.IdleP99, 1)))
	if len(r.Memory) > 0 {
		fmt.Fprintln(w, "memory of those, bytes an entry, by what allocated it:")
	}
	for _, m := range r.Memory {
		fmt.Fprintf(w, "  %5d  %s\n", m.Bytes, m.Function)
	}
}
