package cache

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/reprise-cache/reprise/cache/internal/monotone"
)

// LabelledPair is two questions and whether one answer serves both, to fit a decision on.
type LabelledPair struct {
	A, B   string // A is stored, B is asked
	Same   bool
	Source string // the set that it comes from
	Group  string // pairs of one group share a subject, and never stand on both sides of a fold
}

const (
	fitFolds = 5
	fewest   = 15 // pairs of a label that a fold must have, or its share of wrong ones says nothing
	fitRidge = 2  // of every weight; a column that a hundred pairs have is hardly held back by it
)

// FitDecision fits a decision for the models in o on labelled pairs that neither model was trained on. The same input gives
// the same decision. It takes some milliseconds a pair, most of them the verifier's, on all processors.
func FitDecision(ctx context.Context, o Options, pairs []LabelledPair) (*Decision, error) {
	o.Decision = nil
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if o.Verifier == nil {
		return nil, fmt.Errorf("%w: fit: a verifier is needed", ErrInvalid)
	}
	o.Decision = &Decision{file: decisionFile{Policies: map[Policy]*curve{}}} // only what is observed is used of it
	d := newDecider(o)
	same := 0
	for _, p := range pairs {
		if p.Same {
			same++
		}
	}
	if least := fewest * fitFolds; same < least || len(pairs)-same < least {
		return nil, fmt.Errorf("%w: fit: %d pairs that are the same and %d that are not: at least %d of each are needed", ErrInvalid, same, len(pairs)-same, least)
	}
	examples, err := d.observe(ctx, pairs)
	if err != nil {
		return nil, err
	}
	out := &Decision{file: decisionFile{
		Version: decisionVersion, Embedder: o.Embedder.ID(), Verifier: o.Verifier.ID(),
		Pairs: map[string]int{}, Policies: map[Policy]*curve{},
	}}
	for _, p := range pairs {
		out.file.Pairs[p.Source]++
	}
	curves := make([]*curve, len(Policies))
	err = parallel(len(Policies), func(i int) error {
		curves[i] = fit(Policies[i], examples)
		if err := curves[i].complete(); err != nil {
			return fmt.Errorf("cache: fit: policy %s: %w", Policies[i], err)
		}
		return nil
	})
	for i, p := range Policies {
		out.file.Policies[p] = curves[i]
	}
	return out, err
}

// LabelledConversation is two conversations and whether the answer to the one serves the other.
type LabelledConversation struct {
	A, B   []Message // A is stored, B is asked
	Same   bool
	Source string
	Group  string // pairs of one group never stand on both sides of a fold
}

// FitConversations fits how conversations are judged, for the models in o. It is a part of the decision. Pairs that a cache
// would keep apart without judging them, because something in them must be equal and is not, are left out; it returns how many are
// not.
func (d *Decision) FitConversations(ctx context.Context, o Options, pairs []LabelledConversation) (used int, err error) {
	o.Decision, o.Conversation = d, ConversationJudged
	decider, err := NewDecider(o)
	if err != nil {
		return 0, err
	}
	examples, err := decider.observeConversations(ctx, pairs)
	same := 0
	for i := range examples {
		if examples[i].Same {
			same++
		}
	}
	if least := fewest * fitFolds; err == nil && (same < least || len(examples)-same < least) {
		err = fmt.Errorf("%w: fit: %d conversations that are the same and %d that are not: at least %d of each are needed", ErrInvalid, same, len(examples)-same, least)
	}
	if err != nil {
		return 0, err
	}
	c := fit(PolicyConversation, examples)
	if err := c.complete(); err != nil {
		return 0, fmt.Errorf("cache: fit: policy %s: %w", PolicyConversation, err)
	}
	d.file.Policies[PolicyConversation] = c
	return len(examples), nil
}

// observeConversations gathers the evidence of the pairs that are judged.
func (d *Decider) observeConversations(ctx context.Context, pairs []LabelledConversation) ([]example, error) {
	all := make([]*example, len(pairs))
	err := parallel(len(pairs), func(i int) error {
		p := &pairs[i]
		from := &Lookup{Verdict: Verdict{Mode: ModeSemantic}, q: Query{Messages: p.A}}
		to := &Lookup{Verdict: Verdict{Mode: ModeSemantic}, q: Query{Messages: p.B}}
		d.opts.settle(from)
		d.opts.settle(to)
		from.relax()
		to.relax()
		if !from.leans || !to.leans || from.partition != to.partition {
			return nil
		}
		e, err := d.observePair(ctx, &LabelledPair{A: from.text, B: to.text, Same: p.Same, Source: p.Source, Group: p.Group}, true)
		all[i] = e
		return err
	})
	if err != nil {
		return nil, err
	}
	var examples []example
	for _, e := range all {
		if e != nil {
			examples = append(examples, *e)
		}
	}
	return examples, nil
}

// observePair gathers the evidence of one pair, alone in its cache.
func (d *Decider) observePair(ctx context.Context, p *LabelledPair, leans bool) (*example, error) {
	e := &example{LabelledPair: *p}
	h := fnv.New32a()
	h.Write([]byte(p.Source + "/" + p.Group))
	e.fold = int(h.Sum32() % fitFolds)
	vecs, err := embedAll(ctx, d.opts.Embedder, []string{p.A, p.B})
	if err != nil {
		return nil, err
	}
	e.stored, e.asked = vecs[0], vecs[1]
	cand := []Candidate{{Text: p.A, Similarity: dot(vecs[0], vecs[1])}}
	found := make([]evidence, 1)
	d.screen(PolicySemantic, 0, leans, analyse(p.B), &cand[0], &found[0])
	e.vetoed = cand[0].Reason != ReasonNone
	err = d.verify(ctx, p.B, cand, found, true)
	e.evidence = found[0]
	return e, err
}

// example is a labelled pair with its evidence.
type example struct {
	LabelledPair
	evidence
	vetoed        bool
	fold          int
	stored, asked []float32 // vectors
}

// observe gathers the evidence of all pairs.
func (d *Decider) observe(ctx context.Context, pairs []LabelledPair) ([]example, error) {
	examples := make([]example, len(pairs))
	err := parallel(len(pairs), func(i int) error {
		e, err := d.observePair(ctx, &pairs[i], false)
		if err == nil {
			examples[i] = *e
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	// What the column of the nearest candidate is fitted on: the pair in a cache that holds the others of its source, too.
	err = parallel(len(pairs), func(i int) error {
		var nearest float32
		for j := range pairs {
			if j != i && pairs[j].Source == pairs[i].Source && pairs[j].A != pairs[i].A && pairs[j].A != pairs[i].B {
				nearest = max(nearest, dot(examples[i].asked, examples[j].stored))
			}
		}
		examples[i].behind = max(0, float64(nearest)-examples[i].similarity)
		return nil
	})
	return examples, err
}

func dot(a, b []float32) (sum float32) {
	for i, f := range a {
		sum += f * b[i]
	}
	return sum
}

// parallel calls f for 0 to n-1 on all processors and returns the errors joined, at most one each.
func parallel(n int, f func(i int) error) error {
	var next atomic.Int64
	errs := make([]error, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for w := range errs {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && errs[w] == nil; i = int(next.Add(1)) - 1 {
				errs[w] = f(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// fit makes the curve of one policy.
func fit(p Policy, examples []example) *curve {
	var columns []int
	var signs []int8
	for i, f := range features {
		if p.uses(i) {
			columns, signs = append(columns, i), append(signs, f.sign)
		}
	}
	all := make([]float64, len(features))
	row := func(e *evidence) []float64 {
		e.fill(all)
		x := make([]float64, len(columns))
		for i, c := range columns {
			x[i] = all[c]
		}
		return x
	}
	// Each pair counts once as it is, alone in its cache, and once, if it makes a difference, among the others.
	alone := make([][]float64, len(examples))
	var rows []monotone.Row
	for i := range examples {
		e := examples[i].evidence
		behind := e.behind
		e.behind = 0
		alone[i] = row(&e)
		rows = append(rows, monotone.Row{X: alone[i], Y: examples[i].Same, Weight: 1})
		if e.behind = behind; behind > 0 && p.uses(behindColumn) {
			rows = append(rows, monotone.Row{X: row(&e), Y: examples[i].Same, Weight: 1})
		}
	}
	c := &curve{Weights: map[string]float64{}}
	var weights []float64
	c.Bias, weights = monotone.Logistic(rows, signs, fitRidge)
	// The scores that are calibrated are those of the very regression that the map is for: scores of regressions that each left a
	// fold out are not on one scale, and what they lose at the top is more than what so few columns overfit.
	var served []example
	var points []monotone.Point
	for i := range examples {
		if p.vetoed() && examples[i].vetoed {
			continue // a pair that a guard vetoes is served at no probability, so that it says nothing of those that are
		}
		served = append(served, examples[i])
		points = append(points, monotone.Point{Score: score(c.Bias, weights, alone[i]), Y: examples[i].Same})
	}
	c.Map = monotone.Calibrate(points)
	for i, column := range columns {
		if weights[i] != 0 {
			c.Weights[features[column].name] = weights[i]
		}
	}
	for i := range points {
		c.Mix.add(monotone.At(c.Map, points[i].Score), 1)
	}
	c.Reliability = reliability(served, points)
	return c
}

func score(bias float64, weights, x []float64) float64 {
	for i, w := range weights {
		bias += w * x[i]
	}
	return bias
}

// reliabilityEdges are where the bins of a reliability curve begin. They are fine where a budget cuts.
var reliabilityEdges = []float64{0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99}

// reliability calibrates each fold by the others and compares.
func reliability(examples []example, points []monotone.Point) (bins []ReliabilityBin) {
	all := make([]ReliabilityBin, len(reliabilityEdges))
	for f := range fitFolds {
		var others []monotone.Point
		for i := range points {
			if examples[i].fold != f {
				others = append(others, points[i])
			}
		}
		knots := monotone.Calibrate(others)
		for i := range points {
			if examples[i].fold != f {
				continue
			}
			p := monotone.At(knots, points[i].Score)
			at := len(all) - 1
			for at > 0 && p < reliabilityEdges[at] {
				at--
			}
			all[at].Pairs++
			all[at].Predicted += p
			if points[i].Y {
				all[at].Observed++
			}
		}
	}
	for _, b := range all {
		if b.Pairs > 0 {
			b.Predicted /= float64(b.Pairs)
			b.Observed /= float64(b.Pairs)
			bins = append(bins, b)
		}
	}
	return bins
}
