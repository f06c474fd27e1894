package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
)

// evictionObject is a question with its answer: what it takes, and what calling for it costs.
type evictionObject struct {
	bytes int64
	price float64
}

// evictionTrace is a stream of questions, each an index in objects.
type evictionTrace struct {
	name    string
	seen    bool
	objects []evictionObject
	asked   []uint32
}

// footprint is what all questions that are asked would take together, and how many they are.
func (t *evictionTrace) footprint() (bytes int64, n int) {
	seen := make([]bool, len(t.objects))
	for _, q := range t.asked {
		if !seen[q] {
			seen[q] = true
			bytes += t.objects[q].bytes
			n++
		}
	}
	return bytes, n
}

// evictionModels are what answers are priced by: shares of the traffic, and dollars a token in and out, as providers ask for a small, a
// middling, a large and a very large model.
var evictionModels = []struct{ share, in, out float64 }{
	{0.60, 0.15e-6, 0.6e-6}, {0.25, 2.5e-6, 10e-6}, {0.12, 3e-6, 15e-6}, {0.03, 15e-6, 75e-6},
}

// evictionObjects draws n of them. With equal prices all are the same; else lengths are log-normal, with medians of 200
// tokens out and 245 in.
func evictionObjects(rng *rand.Rand, n int, equal bool) []evictionObject {
	out := make([]evictionObject, n)
	for i := range out {
		if equal {
			out[i] = evictionObject{2000, 0.001}
			continue
		}
		write, read := math.Exp(5.3+rng.NormFloat64()), math.Exp(5.5+1.3*rng.NormFloat64())
		model, u := evictionModels[0], rng.Float64()
		for _, m := range evictionModels {
			if model = m; u < m.share {
				break
			}
			u -= m.share
		}
		// Four bytes a token, JSON around them, a vector; of the prompt only the question is kept, about a fifth.
		out[i] = evictionObject{int64(600 + 4*write + 1536 + 0.8*min(read, 2000)), read*model.in + write*model.out}
	}
	return out
}

// zipf draws ranks from 0, whose popularity falls with the power s of the rank.
type zipf struct {
	cdf []float64
	rng *rand.Rand
}

func newZipf(rng *rand.Rand, n int, s float64) *zipf {
	z := &zipf{cdf: make([]float64, n), rng: rng}
	sum := 0.0
	for i := range z.cdf {
		sum += math.Pow(float64(i+1), -s)
		z.cdf[i] = sum
	}
	return z
}

func (z *zipf) next() int { return sort.SearchFloat64s(z.cdf, z.rng.Float64()*z.cdf[len(z.cdf)-1]) }

// evictionKind is a made trace: what it is, how many questions there are of n requests, and how one is drawn. The cache's eviction was
// tuned on those that are seen, with other seeds than [Eviction] takes; what it saves on the others was not looked at while it was.
type evictionKind struct {
	name    string
	seen    bool
	objects func(n int) int
	draw    func(rng *rand.Rand, n int) func(i int) int
}

var evictionKinds = []evictionKind{
	{"zipf", true, eighth, func(rng *rand.Rand, n int) func(int) int {
		z := newZipf(rng, eighth(n), 0.9)
		return func(int) int { return z.next() }
	}},
	// Zipf, interrupted by runs of questions that are asked once.
	{"scan", true, func(n int) int { return eighth(n) + n }, func(rng *rand.Rand, n int) func(int) int {
		z, fresh, left := newZipf(rng, eighth(n), 0.9), eighth(n), 0
		return func(int) int {
			if left == 0 && rng.IntN(4000) == 0 {
				left = 1500 + rng.IntN(3000)
			}
			if left > 0 {
				left--
				fresh++
				return fresh - 1
			}
			return z.next()
		}
	}},
	// Every twelfth of the time each rank changes places with another by even odds, after which some seven of ten have other questions.
	{"shift", true, eighth, func(rng *rand.Rand, n int) func(int) int {
		z, who := newZipf(rng, eighth(n), 0.9), rng.Perm(eighth(n))
		return func(i int) int {
			if i%(n/12) == 0 {
				for j := range who {
					if k := rng.IntN(len(who)); rng.IntN(2) == 0 {
						who[j], who[k] = who[k], who[j]
					}
				}
			}
			return who[z.next()]
		}
	}},
	// All questions move through the ranks, one every 24 requests.
	{"drift", false, eighth, func(rng *rand.Rand, n int) func(int) int {
		z := newZipf(rng, eighth(n), 0.9)
		return func(i int) int { return (z.next()*7919 + i/24) % eighth(n) }
	}},
	// The same third of the questions in turn, over and over.
	{"loop", false, eighth, func(_ *rand.Rand, n int) func(int) int {
		return func(i int) int { return i % (eighth(n) / 3) }
	}},
	{"loop and zipf", false, eighth, func(rng *rand.Rand, n int) func(int) int {
		z, at := newZipf(rng, eighth(n), 0.9), 0
		return func(int) int {
			if rng.IntN(2) == 0 {
				at++
				return at % (eighth(n) / 3)
			}
			return z.next()
		}
	}},
	// Most questions were asked not long ago, and are forgotten.
	{"recency", true, func(n int) int { return n }, func(rng *rand.Rand, n int) func(int) int {
		var past []int
		fresh := 0
		return func(int) int {
			q := fresh
			if len(past) > 10 && rng.IntN(100) < 70 {
				ago := int(math.Exp(rng.Float64() * math.Log(float64(min(len(past), n/16)))))
				q = past[len(past)-ago]
			} else {
				fresh++
			}
			past = append(past, q)
			return q
		}
	}},
	// Half of the requests are never heard again, in between the others.
	{"one-off", false, func(n int) int { return eighth(n) + n }, func(rng *rand.Rand, n int) func(int) int {
		z, fresh := newZipf(rng, eighth(n), 0.9), eighth(n)
		return func(int) int {
			if rng.IntN(2) == 0 {
				fresh++
				return fresh - 1
			}
			return z.next()
		}
	}},
	// Two crowds with questions of their own, one by day and one by night; five of each.
	{"day and night", false, func(n int) int { return 2 * (n / 16) }, func(rng *rand.Rand, n int) func(int) int {
		z := newZipf(rng, n/16, 0.9)
		return func(i int) int { return 2*z.next() + i*10/n%2 }
	}},
	// Every 500 requests another question, of those that are asked seldom, is half of what is asked for the next 200.
	{"burst", false, eighth, func(rng *rand.Rand, n int) func(int) int {
		z, of := newZipf(rng, eighth(n), 0.7), 0
		return func(i int) int {
			if i%500 == 0 {
				of = eighth(n)/2 + rng.IntN(eighth(n)/2)
			}
			if i%500 < 200 && rng.IntN(2) == 0 {
				return of
			}
			return z.next()
		}
	}},
}

func eighth(n int) int { return n / 8 }

// evictionMade makes the n requests of a kind.
func evictionMade(kind, n int, equal bool, seed uint64) *evictionTrace {
	k := evictionKinds[kind]
	rng := rand.New(rand.NewPCG(seed, uint64(kind)))
	t := &evictionTrace{name: k.name, seen: k.seen, objects: evictionObjects(rng, k.objects(n), equal), asked: make([]uint32, n)}
	draw := k.draw(rng, n)
	for i := range t.asked {
		t.asked[i] = uint32(draw(i))
	}
	return t
}

// evictionReplayed makes a trace of files of requests with intents. Each different text has an answer of its own, whatever its intent;
// popularity falls by Zipf's law over the requests, as in Replay.
func evictionReplayed(files []string, n int, equal bool, seed uint64) (*evictionTrace, error) {
	var asks []replayAsk
	for _, path := range files {
		more, err := readIntents(path)
		if err != nil {
			return nil, fmt.Errorf("bench: eviction: %s: %w", path, err)
		}
		asks = append(asks, more...)
	}
	if len(asks) < 100 {
		return nil, fmt.Errorf("bench: eviction: %d requests in the files; name some of JSON lines, or of CSV, with text and intent, and 100 requests at least", len(asks))
	}
	rng := rand.New(rand.NewPCG(seed, replaySeed))
	rng.Shuffle(len(asks), func(i, j int) { asks[i], asks[j] = asks[j], asks[i] })
	t := &evictionTrace{name: "intents", asked: make([]uint32, n)}
	// A text is worded for itself, so that texts are what is stored: rewordings that a budget lets through are few.
	at := map[string]uint32{}
	rank := make([]uint32, len(asks))
	for i, a := range asks {
		q, ok := at[a.Text]
		if !ok {
			q = uint32(len(at))
			at[a.Text] = q
		}
		rank[i] = q
	}
	t.objects = evictionObjects(rng, len(at), equal)
	if !equal {
		for text, q := range at {
			t.objects[q].bytes += int64(len(text))
		}
	}
	z := newZipf(rng, len(asks), replayExponent)
	for i := range t.asked {
		t.asked[i] = rank[z.next()]
	}
	return t, nil
}
