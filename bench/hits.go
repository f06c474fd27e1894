package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/reprise-cache/reprise/cache"
)

// HitsOptions configures [Hits].
type HitsOptions struct {
	Pairs      string    // a file of labelled pairs, or a folder of them
	Judgements string    // a file of further labels, as lines of a, b, same; "": authored_judgements.jsonl beside the pairs, if it is there
	Unjudged   string    // file for the hits that nothing labels, as lines of a and b; "": none
	Stored     int       // questions of training domains that are stored; 0: all
	Queries    int       // questions asked; 0: all
	Progress   io.Writer // nil: none
}

// HitsRow is what was served under one budget.
type HitsRow struct {
	Budget                 float64
	Right, Wrong, Unjudged int // semantic hits

	// 95 % intervals of the share of wrong ones, by the subjects of the questions: among those that are judged, and among all, the
	// unjudged as wrong ones.
	Judged, AtMost [2]float64
}

// HitsReport is what [Hits] measured.
type HitsReport struct {
	Machine    Machine
	Source     string
	Judgements int // labels that were read besides those of the pairs

	Stored   int           // questions in the store
	Embedded int           // of them; the rest have answers that change by themselves, and no vector
	Filled   time.Duration // what storing them took

	Asked    int
	Subjects int // that they are about
	Skipped  int // held-out questions that are not asked, since the store has them in the very words
	Findable int // of those asked, for which something stored is known to serve
	Rows     []HitsRow

	Unjudged      string // the file of the hits that nothing labels
	UnjudgedPairs int    // distinct ones, under any budget
}

// Hits asks what becomes of the error budget in a large store, most of which has nothing to do with what is asked: the questions of the
// training domains and one side of every held-out pair are stored, and the other sides are asked. A question without a match has
// neighbours all the same, and each is another chance to be wrong, which pairs that were written do not show.
//
// A hit is judged by the label of its pair, if it is one of those that were written, or else by a judgement of what a look-up served.
// That is how search is evaluated where nobody can label all pairs of a collection: what the systems bring up is pooled, and the pool
// is judged (TREC, after Spärck Jones and van Rijsbergen, 1975). Unlike there, what nobody has judged yet counts as neither right nor wrong: it
// is shown, with what the wrong share would be at most. A match that no look-up has served is not known, so that fewer questions may
// be findable by this count than are.
//
// Nothing is filled and nothing learnt between the questions; each budget keeps its own account.
func Hits(ctx context.Context, o HitsOptions) (report *HitsReport, err error) {
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	if o.Stored < 0 || o.Queries < 0 {
		return nil, fmt.Errorf("bench: hits: %d stored, %d queries: neither may be negative; 0 is all", o.Stored, o.Queries)
	}
	q, err := readHitsQuestions(&o)
	if err != nil {
		return nil, err
	}
	models, err := newMemo()
	if err != nil {
		return nil, err
	}
	c, done, err := openScratch(cache.Options{
		Embedder: models, Verifier: models.verifier(), NoLearning: true,
		MaxEntries: cache.NoLimit, MaxBytes: cache.NoLimit, SnapshotInterval: -1,
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()

	start := time.Now()
	if err := fillHits(ctx, c, q.stored, o.Progress); err != nil {
		return nil, err
	}
	report = &HitsReport{
		Machine: ThisMachine(), Source: o.Pairs, Judgements: q.judgements,
		Stored: len(q.stored), Embedded: c.Stats().Vectors, Filled: time.Since(start),
		Asked: len(q.asked), Subjects: q.subjectsAsked(), Skipped: q.skipped, Findable: q.findable(), Unjudged: o.Unjudged,
	}
	unjudged, err := report.ask(ctx, c, q, o.Progress)
	if err != nil {
		return nil, err
	}
	report.UnjudgedPairs = len(unjudged)
	if o.Unjudged == "" {
		return report, nil
	}
	return report, writeUnjudged(o.Unjudged, unjudged)
}

// hitsWriters is how many write at once: enough for every core to embed while others wait for the disk.
const hitsWriters = 64

func fillHits(ctx context.Context, c *cache.Cache, texts []string, progress io.Writer) error {
	work, until := errgroup.WithContext(ctx)
	work.SetLimit(hitsWriters)
	var done atomic.Int64
	for _, text := range texts {
		work.Go(func() error {
			_, err := c.Put(until, question(text), cache.Value{Body: []byte(text)})
			if n := done.Add(1); n%10_000 == 0 {
				fmt.Fprintf(progress, "stored %d of %d\n", n, len(texts))
			}
			return err
		})
	}
	return work.Wait()
}

// ask looks every question up under every budget, one after the other, since what a budget allows depends on the order. It returns the
// pairs that were served and nothing labels, the stored question first.
func (r *HitsReport) ask(ctx context.Context, c *cache.Cache, q *hitsQuestions, progress io.Writer) (unjudged [][2]string, err error) {
	judged, atMost := make([]tally, len(qualityBudgets)), make([]tally, len(qualityBudgets))
	for i, budget := range qualityBudgets {
		r.Rows = append(r.Rows, HitsRow{Budget: budget})
		judged[i], atMost[i] = tally{}, tally{}
	}
	for i, text := range q.asked {
		served := map[string]bool{}
		for at := range r.Rows {
			row := &r.Rows[at]
			asked := question(text)
			asked.MaxError = row.Budget
			l := c.Lookup(ctx, asked)
			if l.Err != nil {
				return nil, fmt.Errorf("bench: hits: %q: %w", text, l.Err)
			}
			if l.Status != cache.HitSemantic {
				continue
			}
			same, known := q.labels[[2]string{l.Entry.Text, text}]
			atMost[at].add(q.subject[text], !same)
			if known {
				judged[at].add(q.subject[text], !same)
			}
			switch {
			case known && same:
				row.Right++
			case known:
				row.Wrong++
			default:
				row.Unjudged++
				if !served[l.Entry.Text] {
					served[l.Entry.Text] = true
					unjudged = append(unjudged, [2]string{l.Entry.Text, text})
				}
			}
		}
		if (i+1)%500 == 0 {
			fmt.Fprintf(progress, "asked %d of %d\n", i+1, len(q.asked))
		}
	}
	for at := range r.Rows {
		row := &r.Rows[at]
		row.Judged[0], row.Judged[1] = judged[at].interval()
		row.AtMost[0], row.AtMost[1] = atMost[at].interval()
	}
	return unjudged, nil
}

// writeUnjudged writes pairs as judgements that lack their label.
func writeUnjudged(path string, pairs [][2]string) error {
	var out bytes.Buffer
	lines := json.NewEncoder(&out)
	lines.SetEscapeHTML(false)
	for _, p := range pairs {
		row := struct {
			A string `json:"a"`
			B string `json:"b"`
		}{p[0], p[1]}
		if err := lines.Encode(row); err != nil {
			return err
		}
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// WriteText prints the report.
func (r *HitsReport) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%s\n%s, and %d judgements: %d questions stored in %.0f s, %d of them embedded\n", r.Machine, r.Source, r.Judgements, r.Stored, r.Filled.Seconds(), r.Embedded)
	fmt.Fprintf(w, "%d held-out questions asked, %d more are stored in the very words; something stored is known to serve %d of them\n\n", r.Asked, r.Skipped, r.Findable)
	fmt.Fprint(w, "Semantic hits by budget; the wrong share is of those that are judged, \"at most\" has the unjudged as wrong ones;\n")
	fmt.Fprintf(w, "the intervals are Wilson's, with the spread between the %d subjects of what is asked:\n\n", r.Subjects)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "budget\thits\tright\tof findable\twrong\tunjudged\twrong share\t95 % interval\tat most\t95 % interval\t")
	for _, row := range r.Rows {
		hits := row.Right + row.Wrong + row.Unjudged
		fmt.Fprintf(t, "%.1f %%\t%d\t%d\t%.1f %%\t%d\t%d\t%s\t%s\t\n", 100*row.Budget, hits, row.Right, 100*float64(row.Right)/float64(max(1, r.Findable)),
			row.Wrong, row.Unjudged, wrongShare(row.Wrong, row.Right+row.Wrong, row.Judged), wrongShare(row.Wrong+row.Unjudged, hits, row.AtMost))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\n%d distinct hits are unjudged", r.UnjudgedPairs)
	if r.Unjudged != "" {
		fmt.Fprintf(w, ": %s", r.Unjudged)
	}
	_, err := fmt.Fprintln(w)
	return err
}

// wrongShare is a share and its interval, as two columns.
func wrongShare(wrong, of int, interval [2]float64) string {
	return fmt.Sprintf("%.2f %%\t%.2f-%.2f", 100*float64(wrong)/float64(max(1, of)), 100*interval[0], 100*interval[1])
}
