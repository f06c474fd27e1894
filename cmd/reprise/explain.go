package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/config"
	"github.com/reprise-cache/reprise/embed"
)

type explainCmd struct {
	Stored string `arg:"" optional:"" help:"The question whose answer is stored."`
	Asked  string `arg:"" optional:"" help:"The question that is asked."`

	JSONL        bool     `name:"jsonl" help:"Read pairs from standard input, a JSON object of id, a and b a line, and write a verdict a line: a is stored in an empty cache, b looked up. a and b are texts, or lists of messages."`
	MaxError     *float64 `placeholder:"SHARE" help:"Error budget, above 0 and up to 1; by default 0.01. What is served is what a new cache would serve: the budget is turned into a least probability by the pairs that the decision was calibrated on."`
	Policy       string   `default:"semantic" enum:"semantic,guards,verifier,threshold" help:"What decides: semantic: everything. guards: similarity and guards. verifier: the verifier alone. threshold: the cosine alone, against --threshold and without a budget."`
	Threshold    *float32 `placeholder:"COSINE" help:"Least similarity, 0 to 1; by default 0.88 for the policy threshold."`
	Conversation string   `default:"judged" enum:"strict,judged,last_turn" help:"How turns before the last count, for pairs that are lists of messages."`
}

// Run is called by kong.
func (c *explainCmd) Run(ctx context.Context, h *host) error {
	if c.JSONL == (c.Stored != "" || c.Asked != "") || !c.JSONL && c.Asked == "" {
		return fmt.Errorf("%w: explain takes two questions, or --jsonl and pairs on standard input", config.ErrInvalid)
	}
	if !c.JSONL && c.Stored == "" {
		return fmt.Errorf("%w: explain: the stored question is empty: give two questions", config.ErrInvalid)
	}
	d, err := c.decider()
	if err != nil {
		return err
	}
	policy := cache.Policy(c.Policy)
	if policy == cache.PolicySemantic {
		policy = "" // whatever fits the models
	}
	if c.JSONL {
		return explainLines(ctx, d, policy, h.input(ctx), h.stdout)
	}
	v, err := d.Pair(ctx, single(c.Stored), single(c.Asked), policy)
	if err != nil {
		return invalidInput(err)
	}
	return writeVerdict(h.stdout, v)
}

func single(text string) cache.Query {
	return cache.Query{Messages: []cache.Message{{Role: "user", Text: text}}}
}

func (c *explainCmd) decider() (*cache.Decider, error) {
	embedder, err := embed.NewMiniLM()
	if err != nil {
		return nil, err
	}
	verifier, err := embed.NewVerifier(embedder)
	if err != nil {
		return nil, err
	}
	conversation, err := cache.ParseConversation(c.Conversation)
	if err != nil {
		return nil, err
	}
	o := cache.Options{Embedder: embedder, Verifier: verifier, Conversation: conversation}
	if c.Policy == string(cache.PolicyThreshold) || c.Policy == string(cache.PolicyGuards) {
		o.Threshold = cache.DefaultThreshold
	}
	if c.Threshold != nil {
		if o.Threshold = *c.Threshold; !(o.Threshold > 0 && o.Threshold <= 1) {
			return nil, fmt.Errorf("%w: --threshold %v: give a cosine above 0 and up to 1", config.ErrInvalid, o.Threshold)
		}
	}
	if c.MaxError != nil {
		if o.MaxError = *c.MaxError; !(o.MaxError > 0 && o.MaxError <= 1) {
			return nil, fmt.Errorf("%w: --max-error %v: give a share above 0 and up to 1, as 0.01", config.ErrInvalid, o.MaxError)
		}
	}
	return cache.NewDecider(o)
}

// writeVerdict prints a verdict for a person.
func writeVerdict(w io.Writer, v *cache.Verdict) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%s\n", headline(v))
	if len(v.Candidates) == 0 {
		return out.Flush()
	}
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for i := range v.Candidates {
		cand := &v.Candidates[i]
		fmt.Fprintf(t, "\nstored\t%s\n", cand.Text)
		fmt.Fprintf(t, "similarity\t%.4f\n", cand.Similarity)
		for _, f := range cand.Findings {
			kind := "doubt"
			if f.Veto {
				kind = "veto"
			}
			fmt.Fprintf(t, "guard\t%s: %s (%q)\n", kind, f.Reason, f.Token)
		}
		if len(cand.Findings) == 0 && v.Policy != cache.PolicyThreshold {
			fmt.Fprintf(t, "guards\tnothing against it\n")
		}
		if cand.Verifier > 0 {
			fmt.Fprintf(t, "verifier\t%.4f\n", cand.Verifier)
		}
		fmt.Fprintf(t, "probability\t%.4f that one answer serves both (policy %s)\n", cand.Probability, v.Policy)
		fmt.Fprintf(t, "outcome\t%s\n", outcome(cand))
	}
	if v.Policy != cache.PolicyThreshold {
		fmt.Fprintf(t, "\nbudget\t%.4g: serves from %.4f (floor %.4f, cut-off %.4f)\n", v.Budget.MaxError, max(v.Budget.Floor, v.Budget.Cutoff), v.Budget.Floor, v.Budget.Cutoff)
	}
	fmt.Fprintf(t, "time\tembed %v, decide %v, verify %v\n", v.Timing.Embed, v.Timing.Decide, v.Timing.Verify)
	if err := t.Flush(); err != nil {
		return err
	}
	return out.Flush()
}

func headline(v *cache.Verdict) string {
	switch {
	case v.Status == cache.HitExact:
		return "served: the very same question"
	case v.Status.Hit():
		return fmt.Sprintf("served: %.2f %% likely to be right", 100*v.Probability)
	case v.Reason == cache.ReasonText:
		return "not served: text: a question that is blank, very long or no valid UTF-8 is answered by the very same one only"
	}
	return "not served: " + string(v.Reason)
}

func outcome(cand *cache.Candidate) string {
	switch {
	case cand.Reason == cache.ReasonNone:
		return "served"
	case cand.Token != "":
		return fmt.Sprintf("refused: %s guard, by %q", cand.Reason, cand.Token)
	}
	return "refused: " + string(cand.Reason)
}

// explainLines judges pairs on all processors and writes the verdicts in the order in which the pairs came. It reads no
// further ahead than it needs to keep the processors busy.
func explainLines(ctx context.Context, d *cache.Decider, policy cache.Policy, in io.Reader, w io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type job struct {
		line *explainLine
		done chan error
	}
	workers := runtime.GOMAXPROCS(0)
	jobs := make(chan *job, 16*workers)
	order := make(chan *job, 16*workers)
	for range workers {
		go func() {
			for j := range jobs {
				j.done <- j.line.judge(ctx, d, policy)
			}
		}()
	}
	var readErr error
	go func() {
		defer close(order)
		defer close(jobs)
		r := newExplainReader(in)
		for {
			line, err := r.next()
			if err != nil {
				if err != io.EOF {
					readErr = err
				}
				return
			}
			j := &job{line, make(chan error, 1)}
			select {
			case order <- j:
			case <-ctx.Done():
				return
			}
			jobs <- j
		}
	}()
	out := bufio.NewWriter(w)
	for j := range order {
		if err := <-j.done; err != nil {
			return errorAt(out, j.line.number, err)
		}
		if _, err := out.Write(j.line.out); err != nil {
			return fmt.Errorf("explain: %w", err)
		}
		if len(order) == 0 {
			if err := out.Flush(); err != nil {
				return fmt.Errorf("explain: %w", err)
			}
		}
	}
	if readErr == nil {
		readErr = ctx.Err() // by which the reader stops without a word
	}
	if readErr != nil {
		return errorAt(out, 0, readErr)
	}
	return out.Flush()
}

// errorAt writes out what was judged before the line that is at fault.
func errorAt(out *bufio.Writer, number int, err error) error {
	if flushErr := out.Flush(); flushErr != nil {
		return fmt.Errorf("explain: %w", flushErr)
	}
	if number > 0 {
		err = fmt.Errorf("standard input, line %d: %w", number, err)
	}
	return invalidInput(err)
}

// inputError is an error of what was given: exit code 2.
type inputError struct{ err error }

func (e inputError) Error() string {
	return "explain: " + strings.TrimPrefix(e.err.Error(), "cache: invalid: ")
}
func (e inputError) Unwrap() error        { return e.err }
func (e inputError) Is(target error) bool { return target == config.ErrInvalid }

// invalidInput marks an error as one of what was given.
func invalidInput(err error) error {
	return inputError{err}
}
