package bench

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sort"
	"text/tabwriter"
	"time"
)

// trapShares are the shares of the traps at which acceptance is stated.
var trapShares = [...]float64{0.01, 0.02, 0.05}

// VerifyOptions configures [Verify].
type VerifyOptions struct {
	Pairs    string    // a file of pairs, or a folder of them
	All      bool      // every pair; false: only the held-out domains
	Progress io.Writer // nil: none
}

// VerifyRow is how one judge did on the pairs.
type VerifyRow struct {
	Judge    string
	AP       float64    // average precision
	Accepted [3]float64 // share of the same-pairs accepted when 1, 2 and 5 % of the traps are
	Low      [3]float64 // the 95 % interval of Accepted
	High     [3]float64 // by subject: pairs of one domain are drawn together
}

// VerifyKind is how the judges did on one kind of pair, at the cutoff that lets 2 %
// of all traps through.
type VerifyKind struct {
	Kind             string
	Same             bool
	Pairs            int
	Cosine, Verifier float64 // share accepted
}

// VerifyReport is what [Verify] measured.
type VerifyReport struct {
	Machine     Machine
	Source      string
	Same, Traps int
	Subjects    int // that the intervals draw from
	Rows        []VerifyRow
	Kinds       []VerifyKind
	PerPair     time.Duration // median time of one pair, of which both orders are read at once
}

// Verify compares the verifier with the cosine of the encoder's vectors on
// labelled pairs: which share of the same-pairs does each accept, when it accepts
// no more than so many of the traps?
func Verify(ctx context.Context, o VerifyOptions) (*VerifyReport, error) {
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	pairs, err := ReadPairs(o.Pairs)
	if err != nil {
		return nil, err
	}
	if !o.All {
		pairs = slices.DeleteFunc(pairs, func(p Pair) bool { return !p.HeldOut() })
	}
	report := &VerifyReport{Machine: ThisMachine(), Source: o.Pairs}
	report.Same, report.Traps = labels(pairs)
	if report.Same == 0 || report.Traps == 0 {
		return nil, fmt.Errorf("bench: %s has %d same-pairs and %d traps in question; both are needed (domains whose number leaves 2 when divided by 5 are held out; --all takes every pair)", o.Pairs, report.Same, report.Traps)
	}
	cosine, verifier, took, err := judge(ctx, pairs, o.Progress)
	if err != nil {
		return nil, err
	}
	report.PerPair = Quantile(took, 0.5)
	of := subjects(pairs)
	report.Subjects = distinctCount(of)
	report.Rows = []VerifyRow{verifyRow("cosine of the encoder", cosine, of), verifyRow("verifier", verifier, of)}
	report.Kinds = verifyKinds(pairs, cosine, verifier)
	return report, nil
}

// judge scores every pair both ways.
func judge(ctx context.Context, pairs []Pair, progress io.Writer) (cosine, verifier []scored, took []time.Duration, err error) {
	encoder, v, err := models()
	if err != nil {
		return nil, nil, nil, err
	}
	for i, p := range pairs {
		vectors, err := encoder.Embed(ctx, []string{p.A, p.B})
		if err != nil {
			return nil, nil, nil, err
		}
		var cos float64
		for d, x := range vectors[0] {
			cos += float64(x) * float64(vectors[1][d])
		}
		cosine = append(cosine, scored{cos, p.Same})
		start := time.Now()
		same, err := v.Verify(ctx, p.A, []string{p.B})
		took = append(took, time.Since(start))
		if err != nil {
			return nil, nil, nil, err
		}
		verifier = append(verifier, scored{same[0], p.Same})
		if (i+1)%500 == 0 {
			fmt.Fprintf(progress, "%d of %d pairs\n", i+1, len(pairs))
		}
	}
	return cosine, verifier, took, nil
}

func verifyRow(judge string, s []scored, subjects []string) VerifyRow {
	row := VerifyRow{Judge: judge, AP: averagePrecision(s)}
	for i, share := range trapShares {
		row.Accepted[i] = accepted(s, share)
		row.Low[i], row.High[i] = interval(s, subjects, func(s []scored) float64 { return accepted(s, share) })
	}
	return row
}

func verifyKinds(pairs []Pair, cosine, verifier []scored) []VerifyKind {
	const share = 0.02
	atCosine, atVerifier := cutoff(cosine, share), cutoff(verifier, share)
	var kinds []VerifyKind
	for i, p := range pairs {
		at := slices.IndexFunc(kinds, func(k VerifyKind) bool { return k.Kind == p.Kind && k.Same == p.Same })
		if at < 0 {
			at = len(kinds)
			kinds = append(kinds, VerifyKind{Kind: p.Kind, Same: p.Same})
		}
		k := &kinds[at]
		k.Pairs++
		if cosine[i].score > atCosine {
			k.Cosine++
		}
		if verifier[i].score > atVerifier {
			k.Verifier++
		}
	}
	for i := range kinds {
		kinds[i].Cosine /= float64(kinds[i].Pairs)
		kinds[i].Verifier /= float64(kinds[i].Pairs)
	}
	sort.Slice(kinds, func(i, j int) bool { return byKind(kinds[i].Same, kinds[j].Same, kinds[i].Pairs, kinds[j].Pairs) < 0 })
	return kinds
}

// WriteText prints the report as two tables.
func (r *VerifyReport) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%s\n%s: %d same-pairs, %d traps; a pair takes %v\n\nSame-pairs accepted when so many of the traps are (95 %% bootstrap interval, drawn from %d subjects):\n\n",
		r.Machine, r.Source, r.Same, r.Traps, r.PerPair.Round(10*time.Microsecond), r.Subjects)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "judge\t1 %\t2 %\t5 %\taverage precision\t")
	for _, row := range r.Rows {
		fmt.Fprintf(t, "%s\t", row.Judge)
		for i := range row.Accepted {
			fmt.Fprintf(t, "%.1f %% (%.1f-%.1f)\t", 100*row.Accepted[i], 100*row.Low[i], 100*row.High[i])
		}
		fmt.Fprintf(t, "%.3f\t\n", row.AP)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprint(w, "\nShare accepted by kind, at the cutoff that lets 2 % of all traps through:\n\n")
	fmt.Fprintln(t, "kind\tlabel\tpairs\tcosine\tverifier\t")
	for _, k := range r.Kinds {
		label := "trap"
		if k.Same {
			label = "same"
		}
		fmt.Fprintf(t, "%s\t%s\t%d\t%.1f %%\t%.1f %%\t\n", k.Kind, label, k.Pairs, 100*k.Cosine, 100*k.Verifier)
	}
	return t.Flush()
}
