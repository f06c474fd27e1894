package bench

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/reprise-cache/reprise/cache"
)

// FitOptions configures [Fit].
type FitOptions struct {
	Pairs []string // files of labelled pairs, or folders of them
	Out   string   // file for the decision; "": none is written
}

// FitReport is what [Fit] made.
type FitReport struct {
	Machine  Machine
	Out      string
	Sources  map[string]int // pairs used by source
	Decision *cache.Decision
	Chats    int                       // pairs of conversations used
	Answers  *[2]cache.AnswerAgreement // on the pairs of answers that were fitted, and on those held out; nil: there are none
}

// Fit fits the cache's decision for the models in the binary, on the pairs that neither was trained on: of the authored
// pairs the calibration domains, and every pair of a file that names no domains.
func Fit(ctx context.Context, o FitOptions) (*FitReport, error) {
	report := &FitReport{Machine: ThisMachine(), Out: o.Out, Sources: map[string]int{}}
	var labelled []cache.LabelledPair
	for _, path := range o.Pairs {
		pairs, err := ReadPairs(path)
		if err != nil {
			return nil, err
		}
		for i, p := range pairs {
			if p.Domain != "" && !p.Calibration() {
				continue
			}
			// The questions of set x are those of other domains, some with slips of the pen: its folds are not quite apart from theirs.
			source, group := "authored", p.Domain
			if p.Domain == "" {
				source, group = strings.TrimSuffix(filepath.Base(path), ".jsonl"), fmt.Sprint(i)
			}
			report.Sources[source]++
			labelled = append(labelled, cache.LabelledPair{A: p.A, B: p.B, Same: p.Same, Source: source, Group: group})
		}
	}
	embedder, verifier, err := models()
	if err != nil {
		return nil, err
	}
	options := cache.Options{Embedder: embedder, Verifier: verifier}
	if report.Decision, err = cache.FitDecision(ctx, options, labelled); err != nil {
		return nil, err
	}
	for _, path := range o.Pairs {
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			continue
		}
		if err := report.fitAnswers(ctx, options, path); err != nil {
			return nil, err
		}
		if err := report.fitConversations(ctx, options, path); err != nil {
			return nil, err
		}
	}
	if o.Out == "" {
		return report, nil
	}
	data, err := report.Decision.Encode()
	if err != nil {
		return nil, err
	}
	return report, os.WriteFile(o.Out, data, 0o644)
}

// fitAnswers fits how answers are compared, and counts what comes of it.
func (r *FitReport) fitAnswers(ctx context.Context, o cache.Options, folder string) error {
	fitted, heldOut, err := readAnswers(folder)
	if err != nil {
		return err
	}
	if err := r.Decision.FitAnswers(ctx, o, fitted); err != nil {
		return err
	}
	r.Answers = new([2]cache.AnswerAgreement)
	for i, pairs := range [2][]cache.LabelledPair{fitted, heldOut} {
		if r.Answers[i], err = r.Decision.CompareAnswers(ctx, o, pairs); err != nil {
			return err
		}
	}
	return nil
}

// fitConversations fits how conversations are judged, on those that neither training nor measurement sees.
func (r *FitReport) fitConversations(ctx context.Context, o cache.Options, folder string) error {
	pairs, err := ReadConversations(folder)
	if err != nil {
		return err
	}
	var labelled []cache.LabelledConversation
	for i, p := range pairs {
		if p.Calibration {
			labelled = append(labelled, cache.LabelledConversation{A: messagesOf(p.A), B: messagesOf(p.B), Same: p.Same, Source: p.Set, Group: fmt.Sprint(i)})
		}
	}
	r.Chats, err = r.Decision.FitConversations(ctx, o, labelled)
	return err
}

// WriteText prints the reliability curves.
func (r *FitReport) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%s\n", r.Machine)
	for _, source := range slices.Sorted(maps.Keys(r.Sources)) {
		fmt.Fprintf(w, "%s: %d pairs\n", source, r.Sources[source])
	}
	policies := cache.Policies
	if r.Chats > 0 {
		fmt.Fprintf(w, "conversations: %d pairs\n", r.Chats)
		policies = append(slices.Clone(policies), cache.PolicyConversation)
	}
	for _, p := range policies {
		fmt.Fprintf(w, "\nReliability of %s, each fold calibrated by the others:\n\n", p)
		if err := writeReliability(w, r.Decision.Reliability(p)); err != nil {
			return err
		}
	}
	if r.Answers != nil {
		fmt.Fprint(w, "\nAnswers compared, to learn from misses: pairs found to say the same, not to, and left open:\n\n")
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(t, "pairs\tlabel\tsame\tdifferent\topen\t")
		for i, name := range [2]string{"fitted", "held out"} {
			for _, row := range []struct {
				label string
				n     cache.LabelStats
			}{{"same", r.Answers[i].Same}, {"different", r.Answers[i].Different}} {
				fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t\n", name, row.label, row.n.Same, row.n.Different, row.n.Unsure)
			}
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	if r.Out != "" {
		fmt.Fprintf(w, "\nwritten to %s\n", r.Out)
	}
	return nil
}

func writeReliability(w io.Writer, bins []cache.ReliabilityBin) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "predicted\tobserved\t95 % interval\tpairs\t")
	for _, b := range bins {
		low, high := Wilson(b.Observed*float64(b.Pairs), float64(b.Pairs))
		fmt.Fprintf(t, "%.1f %%\t%.1f %%\t%.1f-%.1f\t%d\t\n", 100*b.Predicted, 100*b.Observed, 100*low, 100*high, b.Pairs)
	}
	return t.Flush()
}
