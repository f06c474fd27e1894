package bench

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"strings"
	"text/tabwriter"

	"github.com/reprise-cache/reprise/cache"
)

// ReplayOptions configures [Replay].
type ReplayOptions struct {
	Intents  []string // files of requests with their intents, as readIntents reads them
	Requests int      // 0: 20,000
	MaxError float64  // 0: the cache's default
	Progress io.Writer
}

// ReplayQuarter is a quarter of a replayed stream.
type ReplayQuarter struct {
	Requests, Exact, Right, Wrong int     // Right and Wrong are semantic hits
	Low, High                     float64 // 95 % interval of the wrong ones' share, by texts: one that is asked again gets the same answer
}

// ReplayRow is one run.
type ReplayRow struct {
	Learning Learning
	Quarters [4]ReplayQuarter
	All      ReplayQuarter    // the four together
	Labels   cache.LabelStats // what near misses were found to be
	Mistaken int              // wrong hits of distinct pairs of texts
}

// Learning says what a run of [Replay] learns from.
type Learning uint8

const (
	NoLearning      Learning = iota
	EqualAnswers             // near misses; all answers of an intent are the same bytes
	RewordedAnswers          // near misses; each request's answer has one of four wordings of its intent's
	numLearning
)

var learningNames = [numLearning]string{"off", "equal answers", "reworded answers"}

// ReplayReport is what [Replay] measured.
type ReplayReport struct {
	Machine  Machine
	Texts    int
	Intents  int
	MaxError float64
	Rows     []ReplayRow
}

// replaySeed and replayExponent fix the stream: popularity falls with the rank to the power of the exponent, as that of queries
// to search engines does.
const (
	replaySeed     = 11
	replayExponent = 1.05
)

// Replay sends a stream of requests through a cache file: real requests, whose intents say which answers are the same,
// repeated by Zipf's law. A semantic hit is right if the served answer is that of the request's intent. Intents are
// coarse: two requests of one intent may need different answers, and two of sister intents the same, so that the figures are
// of this labelling; a popular text that is labelled otherwise than its twin counts each time it is asked.
func Replay(ctx context.Context, o ReplayOptions) (*ReplayReport, error) {
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	if o.Requests == 0 {
		o.Requests = 20_000
	}
	if o.MaxError == 0 {
		o.MaxError = cache.DefaultMaxError
	}
	var asks []replayAsk
	for _, path := range o.Intents {
		more, err := readIntents(path)
		if err != nil {
			return nil, fmt.Errorf("bench: replay: %s: %w", path, err)
		}
		asks = append(asks, more...)
	}
	if len(asks) < 2 {
		return nil, errors.New("bench: replay: no requests; name files of JSON lines, or of CSV, with text and intent")
	}
	intents := map[string]bool{}
	for _, a := range asks {
		intents[a.Intent] = true
	}
	rng := rand.New(rand.NewPCG(replaySeed, replaySeed))
	rng.Shuffle(len(asks), func(i, j int) { asks[i], asks[j] = asks[j], asks[i] })
	zipf := rand.NewZipf(rng, replayExponent, 1, uint64(len(asks)-1))
	stream := make([]replayAsk, o.Requests)
	for i := range stream {
		stream[i] = asks[zipf.Uint64()]
	}
	models, err := newMemo()
	if err != nil {
		return nil, err
	}
	report := &ReplayReport{Machine: ThisMachine(), Texts: len(asks), Intents: len(intents), MaxError: o.MaxError}
	for learning := range numLearning {
		row, err := replay(ctx, models, stream, learning, o)
		if err != nil {
			return nil, err
		}
		report.Rows = append(report.Rows, *row)
	}
	return report, nil
}

// replay is one run through a fresh file.
func replay(ctx context.Context, m *memo, stream []replayAsk, learning Learning, o ReplayOptions) (row *ReplayRow, err error) {
	c, done, err := openScratch(cache.Options{
		Embedder: m, Verifier: m.verifier(), MaxError: o.MaxError, NoLearning: learning == NoLearning,
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	row = &ReplayRow{Learning: learning}
	intents, mistaken := map[cache.ID]string{}, map[[2]string]bool{}
	var hits [len(row.Quarters) + 1]map[string]cluster // by text, in each quarter and in all
	for i := range hits {
		hits[i] = map[string]cluster{}
	}
	for i, a := range stream {
		quarter := i * len(row.Quarters) / len(stream)
		q := &row.Quarters[quarter]
		q.Requests++
		l := c.Lookup(ctx, question(a.Text))
		switch {
		case l.Err != nil:
			return nil, l.Err
		case l.Status == cache.HitExact:
			q.Exact++
		case l.Status == cache.HitSemantic:
			wrong := 0
			if intents[l.Entry.ID] != a.Intent {
				wrong = 1
				mistaken[[2]string{a.Text, l.Entry.Text}] = true
			}
			q.Right, q.Wrong = q.Right+1-wrong, q.Wrong+wrong
			for _, at := range []int{quarter, len(row.Quarters)} {
				c := hits[at][a.Text]
				hits[at][a.Text] = cluster{hits: c.hits + 1, wrong: c.wrong + float64(wrong)}
			}
		default:
			id, err := l.Fill(ctx, cache.Value{Body: []byte(replayAnswer(a, learning == RewordedAnswers))})
			if err != nil {
				return nil, err
			}
			intents[id] = a.Intent
			if learning != NoLearning {
				// What a miss teaches is learnt in the background; the next request would come later than it takes.
				if err := c.Flush(ctx); err != nil {
					return nil, err
				}
			}
		}
		if (i+1)%5000 == 0 {
			fmt.Fprintf(o.Progress, "learning %s: %d of %d requests\n", learningNames[learning], i+1, len(stream))
		}
	}
	all := &row.All
	for i := range row.Quarters {
		q := &row.Quarters[i]
		q.Low, q.High = clusteredWilson(hits[i])
		all.Requests, all.Exact, all.Right, all.Wrong = all.Requests+q.Requests, all.Exact+q.Exact, all.Right+q.Right, all.Wrong+q.Wrong
	}
	all.Low, all.High = clusteredWilson(hits[len(row.Quarters)])
	row.Labels, row.Mistaken = c.Stats().Learning.Misses, len(mistaken)
	return row, nil
}

// replayWordings are what an answer is worded by; %s is the intent.
var replayWordings = [...]string{
	"To deal with %[1]s, open Help in the app and choose %[1]s there.",
	"Open Help in the app and choose %[1]s; there you can deal with it.",
	"There is a page on %[1]s in the app: go to Help and pick %[1]s.",
	"You can do that in the app, under Help and then %[1]s.",
}

// replayAnswer is the answer to a request: that of its intent, in the first wording or in one that goes by the request.
func replayAnswer(a replayAsk, reworded bool) string {
	wording := 0
	if reworded {
		h := fnv.New32a()
		h.Write([]byte(a.Text))
		wording = int(h.Sum32() % uint32(len(replayWordings)))
	}
	return fmt.Sprintf(replayWordings[wording], strings.ReplaceAll(a.Intent, "_", " "))
}

// WriteText prints the report.
func (r *ReplayReport) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%s\n%d requests of %d intents, repeated by Zipf's law with exponent %v; error budget %.2g\n\n", r.Machine, r.Texts, r.Intents, replayExponent, r.MaxError)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "learning from misses\tquarter\trequests\texact\tsemantic\twrong\twrong share\t95 % interval\t")
	for _, row := range r.Rows {
		learning := learningNames[row.Learning]
		line := func(name string, q *ReplayQuarter) {
			hits := q.Right + q.Wrong
			fmt.Fprintf(t, "%s\t%s\t%d\t%.1f %%\t%.2f %%\t%d\t%.2f %%\t%.2f-%.2f\t\n", learning, name, q.Requests,
				100*float64(q.Exact)/float64(max(1, q.Requests)), 100*float64(hits)/float64(max(1, q.Requests)), q.Wrong,
				100*float64(q.Wrong)/float64(max(1, hits)), 100*q.Low, 100*q.High)
		}
		for i := range row.Quarters {
			line(fmt.Sprint(i+1), &row.Quarters[i])
		}
		line("all", &row.All)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, row := range r.Rows {
		first, last := row.Quarters[0].share(), row.Quarters[3].share()
		n := row.Labels
		fmt.Fprintf(w, "%s: semantic hits of what is no exact hit, first quarter %.1f %%, last %.1f %%: %+.1f points; %d wrong pairs of texts; near misses: %d same, %d different, %d left open\n",
			learningNames[row.Learning], 100*first, 100*last, 100*(last-first), row.Mistaken, n.Same, n.Different, n.Unsure)
	}
	return nil
}

// share is the share of semantic hits among the requests that the exact tier did not answer.
func (q ReplayQuarter) share() float64 {
	return float64(q.Right+q.Wrong) / float64(max(1, q.Requests-q.Exact))
}
