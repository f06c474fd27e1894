package bench

import (
	"context"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"sort"
	"sync"
	"sync/atomic"
	"text/tabwriter"

	"github.com/reprise-cache/reprise/cache"
)

// qualityPolicies are those that [Quality] compares.
var qualityPolicies = []cache.Policy{cache.PolicySemantic, cache.PolicyJudged, cache.PolicyGuards, cache.PolicyVerifier}

// qualityBudgets are the budgets at which they are compared.
var qualityBudgets = []float64{0.005, 0.01, 0.02, 0.05}

// QualityOptions configures [Quality].
type QualityOptions struct {
	Pairs    string    // a file of labelled pairs, or a folder of them
	All      bool      // every pair; false: of pairs that name a domain, those of held-out domains
	SVG      string    // file for the curves of precision and recall and of reliability; "": none
	Progress io.Writer // nil: none
}

// QualityRow is how one policy did under one budget.
type QualityRow struct {
	Policy    cache.Policy
	Budget    float64 // 0: the policy has none
	Least     float64 // probability from which it serves
	Right     int     // pairs served that are the same
	Wrong     int     // pairs served that are not
	Low, High float64 // 95 % interval of the share of wrong ones, by subject
	// Cosine is how many same-pairs the best cosine threshold serves whose share of wrong ones is no larger.
	Cosine int
}

// Share is the realised share of wrong answers.
func (r QualityRow) Share() float64 {
	return float64(r.Wrong) / math.Max(1, float64(r.Right+r.Wrong))
}

// QualityKind is how the policies did on one kind of pair at the default budget.
type QualityKind struct {
	Kind   string
	Same   bool
	Pairs  int
	Served map[cache.Policy]int
	Vetoed int // refused by a guard
}

// QualityReport is what [Quality] measured.
type QualityReport struct {
	Machine     Machine
	Source      string
	All         bool // pairs of every part
	Same, Traps int
	Subjects    int // that the pairs are about
	Rows        []QualityRow
	Kinds       []QualityKind
	Reliability []cache.ReliabilityBin // of the whole decision, on the pairs that no guard vetoes
	SVG         string
}

// judged is what a policy made of a pair.
type judged struct {
	probability float64
	similarity  float64
	verifier    float64
	vetoed      bool
	served      bool
}

// Quality asks what the error budget promises: which share of the answers served is wrong, and how many are served, on
// labelled pairs that neither models nor decision have seen?
func Quality(ctx context.Context, o QualityOptions) (*QualityReport, error) {
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	pairs, err := ReadPairs(o.Pairs)
	if err != nil {
		return nil, err
	}
	if !o.All {
		pairs = slices.DeleteFunc(pairs, func(p Pair) bool { return p.Domain != "" && !p.HeldOut() })
	}
	report := &QualityReport{Machine: ThisMachine(), Source: o.Pairs, All: o.All, SVG: o.SVG}
	report.Same, report.Traps = labels(pairs)
	if report.Same == 0 || report.Traps == 0 {
		return nil, fmt.Errorf("bench: %s has %d same-pairs and %d traps in question; both are needed: pairs that are the same, and pairs that are not (of those that name a domain only the held-out ones count, unless --all is set)", o.Pairs, report.Same, report.Traps)
	}
	models, err := newMemo()
	if err != nil {
		return nil, err
	}
	of := subjects(pairs)
	report.Subjects = distinctCount(of)
	whole := map[cache.Policy][]judged{} // at the default budget
	for _, policy := range append(slices.Clone(qualityPolicies), cache.PolicyThreshold) {
		for _, budget := range qualityBudgets {
			if policy == cache.PolicyThreshold && budget != cache.DefaultMaxError {
				continue
			}
			fmt.Fprintf(o.Progress, "%s at %g %%\n", policy, 100*budget)
			all, least, err := judgeAll(ctx, models, policy, budget, pairs)
			if err != nil {
				return nil, err
			}
			if budget == cache.DefaultMaxError {
				whole[policy] = all
			}
			row := QualityRow{Policy: policy, Budget: budget, Least: least}
			if policy == cache.PolicyThreshold {
				row.Budget, row.Least = 0, cache.DefaultThreshold
			}
			served := tally{}
			for i, j := range all {
				switch {
				case j.served && pairs[i].Same:
					row.Right++
				case j.served:
					row.Wrong++
				default:
					continue
				}
				served.add(of[i], !pairs[i].Same)
			}
			row.Low, row.High = served.interval()
			report.Rows = append(report.Rows, row)
		}
	}
	cosine := make([]scored, len(pairs))
	for i, j := range whole[cache.PolicySemantic] {
		cosine[i] = scored{j.similarity, pairs[i].Same}
	}
	for i := range report.Rows {
		report.Rows[i].Cosine = mostWithin(cosine, report.Rows[i].Share())
	}
	report.Kinds = qualityKinds(pairs, whole)
	report.Reliability = heldOutReliability(pairs, whole[cache.PolicySemantic])
	if o.SVG != "" {
		return report, writeCurves(o.SVG, pairs, whole[cache.PolicySemantic], report.Reliability)
	}
	return report, nil
}

// judgeAll judges every pair on all processors.
func judgeAll(ctx context.Context, m *memo, policy cache.Policy, budget float64, pairs []Pair) (all []judged, least float64, err error) {
	o := cache.Options{Embedder: m, Verifier: m.verifier(), MaxError: budget}
	if policy == cache.PolicyThreshold || policy == cache.PolicyGuards {
		o.Threshold = cache.DefaultThreshold
	}
	d, err := cache.NewDecider(o)
	if err != nil {
		return nil, 0, err
	}
	all = make([]judged, len(pairs))
	var next atomic.Int64
	var once sync.Once
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(pairs); i = int(next.Add(1)) - 1 {
				v, e := d.Pair(ctx, question(pairs[i].A), question(pairs[i].B), policy)
				if e != nil {
					once.Do(func() { err = e })
					return
				}
				all[i] = judged{probability: v.Probability, similarity: float64(v.Similarity), served: v.Status.Hit()}
				if len(v.Candidates) > 0 {
					cand := &v.Candidates[0]
					all[i].verifier, all[i].vetoed = cand.Verifier, cand.Reason.IsGuard()
				}
			}
		})
	}
	wg.Wait()
	if err != nil {
		return nil, 0, err
	}
	return all, d.Standing(policy).Least(), nil
}

func question(text string) cache.Query {
	return cache.Query{Messages: []cache.Message{{Role: "user", Text: text}}}
}

// mostWithin is the largest number of same-pairs that a threshold accepts with a share of wrong ones of at most so much.
func mostWithin(s []scored, share float64) (most int) {
	s = slices.Clone(s)
	slices.SortFunc(s, func(a, b scored) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	right := 0
	for i, p := range s {
		if p.same {
			right++
		}
		if tie := i+1 < len(s) && s[i+1].score == p.score; !tie && float64(i+1-right) <= share*float64(i+1) {
			most = max(most, right)
		}
	}
	return most
}

func qualityKinds(pairs []Pair, whole map[cache.Policy][]judged) []QualityKind {
	var kinds []QualityKind
	for i, p := range pairs {
		at := slices.IndexFunc(kinds, func(k QualityKind) bool { return k.Kind == p.Kind && k.Same == p.Same })
		if at < 0 {
			at = len(kinds)
			kinds = append(kinds, QualityKind{Kind: p.Kind, Same: p.Same, Served: map[cache.Policy]int{}})
		}
		k := &kinds[at]
		k.Pairs++
		for policy, all := range whole {
			if all[i].served {
				k.Served[policy]++
			}
		}
		if whole[cache.PolicySemantic][i].vetoed {
			k.Vetoed++
		}
	}
	sort.Slice(kinds, func(i, j int) bool { return byKind(kinds[i].Same, kinds[j].Same, kinds[i].Pairs, kinds[j].Pairs) < 0 })
	return kinds
}

// reliabilitySteps are where the bins of a measured reliability curve begin.
var reliabilitySteps = []float64{0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99}

func heldOutReliability(pairs []Pair, all []judged) (bins []cache.ReliabilityBin) {
	steps := make([]cache.ReliabilityBin, len(reliabilitySteps))
	for i, j := range all {
		if j.vetoed {
			continue
		}
		at := len(steps) - 1
		for at > 0 && j.probability < reliabilitySteps[at] {
			at--
		}
		b := &steps[at]
		b.Pairs++
		b.Predicted += j.probability
		if pairs[i].Same {
			b.Observed++
		}
	}
	for _, b := range steps {
		if b.Pairs > 0 {
			b.Predicted /= float64(b.Pairs)
			b.Observed /= float64(b.Pairs)
			bins = append(bins, b)
		}
	}
	return bins
}

// WriteText prints the report.
func (r *QualityReport) WriteText(w io.Writer) error {
	seen := "none of which models or decision have seen"
	if r.All {
		seen = "of every part: of the project's own, models and decision have seen most"
	}
	fmt.Fprintf(w, "%s\n%s: %d same-pairs, %d traps, %s\n\n", r.Machine, r.Source, r.Same, r.Traps, seen)
	fmt.Fprintf(w, "By policy and budget; the interval is Wilson's, with the spread between the %d subjects that the pairs are about;\n", r.Subjects)
	fmt.Fprint(w, "\"cosine\" is what the best threshold serves at the same share of wrong answers:\n\n")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "policy\tbudget\tserves from\tright\tof same\twrong\twrong share\t95 % interval\tcosine\ttimes\t")
	for _, row := range r.Rows {
		budget, times := fmt.Sprintf("%.1f %%", 100*row.Budget), "-"
		if row.Budget == 0 {
			budget = "-"
		}
		if row.Cosine > 0 {
			times = fmt.Sprintf("%.1f", float64(row.Right)/float64(row.Cosine))
		}
		fmt.Fprintf(t, "%s\t%s\t%.4f\t%d\t%.1f %%\t%d\t%.2f %%\t%.2f-%.2f\t%d\t%s\t\n", row.Policy, budget, row.Least, row.Right,
			100*float64(row.Right)/float64(r.Same), row.Wrong, 100*row.Share(), 100*row.Low, 100*row.High, row.Cosine, times)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nServed by kind, at %.0f %% (threshold: cosine of %.2f):\n\n", 100*cache.DefaultMaxError, cache.DefaultThreshold)
	fmt.Fprintln(t, "kind\tlabel\tpairs\tsemantic\tjudged\tguards\tverifier\tthreshold\trefused by a guard\t")
	for _, k := range r.Kinds {
		label := "trap"
		if k.Same {
			label = "same"
		}
		share := func(n int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(k.Pairs)) }
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t\n", k.Kind, label, k.Pairs, share(k.Served[cache.PolicySemantic]), share(k.Served[cache.PolicyJudged]),
			share(k.Served[cache.PolicyGuards]), share(k.Served[cache.PolicyVerifier]), share(k.Served[cache.PolicyThreshold]), share(k.Vetoed))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprint(w, "\nReliability of the probability, pairs that a guard vetoes left out:\n\n")
	if err := writeReliability(w, r.Reliability); err != nil {
		return err
	}
	if r.SVG != "" {
		fmt.Fprintf(w, "\nprecision and recall, reliability: %s\n", r.SVG)
	}
	return nil
}
