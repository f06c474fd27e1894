package demo

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/reprise-cache/reprise/bench"
)

// Totals is what a run came to.
type Totals struct {
	Asks     int
	Distinct int // texts
	Elapsed  time.Duration

	Exact    int // answered from the cache, the same question
	Semantic int // answered from the cache, a similar question
	Provider int // sent on

	Guards   map[string]int // by guard: how often it refused the nearest stored question
	Verifier int            // refused by the verifier
	Budget   int            // not allowed by the error budget
	Unlike   int            // nothing similar enough was stored
	Wrong    int            // served answers whose label is another question's
	Traps    int
	Trapped  int // traps answered wrongly from the cache

	PromptTokens, CompletionTokens int     // of the served answers: what the provider was not paid for
	Saved                          float64 // what they would have cost, in the price's currency

	RestartHits  int // of RestartAsks, after the cache was closed and opened again
	RestartAsks  int
	RestartCalls int // what reached the provider then

	wrong  []*outcome
	stages map[string][]time.Duration // by stage, and by status for the whole
}

// Refusals that are no guard's: nothing was stored there, or nothing similar enough; or verifier or error budget would not have it.
const (
	reasonEmpty     = "empty"
	reasonThreshold = "threshold"
	reasonVerifier  = "verifier"
	reasonBudget    = "budget"
)

func sum(outcomes []outcome, p price, elapsed time.Duration) *Totals {
	t := &Totals{Asks: len(outcomes), Elapsed: elapsed, Guards: map[string]int{}, stages: map[string][]time.Duration{}}
	texts := map[string]bool{}
	for i := range outcomes {
		o := &outcomes[i]
		texts[o.ask.Text] = true
		switch o.status {
		case statusHit:
			t.Exact++
		case statusSemanticHit:
			t.Semantic++
		default:
			t.Provider++
			switch {
			case o.refused.guard:
				t.Guards[o.refused.reason]++
			case o.refused.reason == reasonVerifier:
				t.Verifier++
			case o.refused.reason == reasonBudget:
				t.Budget++
			case o.refused.reason == reasonThreshold, o.refused.reason == reasonEmpty, o.refused.reason == "":
				t.Unlike++
			}
		}
		if o.served() {
			t.PromptTokens += o.prompt
			t.CompletionTokens += o.completion
		}
		if o.wrong() {
			t.Wrong++
			t.wrong = append(t.wrong, o)
		}
		if o.ask.Kind == kindTrap {
			t.Traps++
			if o.wrong() {
				t.Trapped++
			}
		}
		for stage, d := range o.stages {
			t.stages[stage] = append(t.stages[stage], d)
		}
		t.stages["end to end, "+o.status] = append(t.stages["end to end, "+o.status], o.elapsed)
	}
	t.Distinct = len(texts)
	t.Saved = p.cost(t.PromptTokens, t.CompletionTokens)
	slices.SortFunc(t.wrong, func(a, b *outcome) int { return cmp.Compare(a.n, b.n) })
	return t
}

// shownWrong bounds the list below the totals; every wrong answer is marked in the table as well.
const shownWrong = 8

func (t *Totals) write(w io.Writer, o Options, p price) error {
	hits := t.Exact + t.Semantic
	fmt.Fprintf(w, "\n%d questions (%d distinct) in %.1f s, %d at a time\n\n", t.Asks, t.Distinct, t.Elapsed.Seconds(), o.Concurrency)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "  from the cache\t%d\t%s; %d exact, %d semantic\n", hits, percent(hits, t.Asks), t.Exact, t.Semantic)
	fmt.Fprintf(tw, "  from the provider\t%d\t%s\n", t.Provider, t.refusals())
	fmt.Fprintf(tw, "  wrong answers served\t%d\t%s of those served, by the demo's own labels\n", t.Wrong, percent(t.Wrong, hits))
	fmt.Fprintf(tw, "  traps refused\t%d of %d\ta trap looks like a stored question and needs another answer\n", t.Traps-t.Trapped, t.Traps)
	fmt.Fprintf(tw, "  tokens saved\t%d\t%d in, %d out; estimated at 4 characters a token\n", t.PromptTokens+t.CompletionTokens, t.PromptTokens, t.CompletionTokens)
	fmt.Fprintf(tw, "  money saved\t%.4f %s\tat %s's %.2f in, %.2f out a million tokens (%s, %s)\n",
		t.Saved, p.Currency, p.Model, p.InputPerMillion, p.OutputPerMillion, p.Date, p.Source)
	if err := tw.Flush(); err != nil {
		return err
	}
	if len(t.wrong) > 0 {
		fmt.Fprintln(w, "\nWrong answers served:")
		for _, o := range t.wrong[:min(shownWrong, len(t.wrong))] {
			fmt.Fprintf(w, "  %.2f  %s  (served %s, should be %s)\n", o.similarity, cut(o.ask.Text, 70), orNone(o.faq), orNone(o.ask.FAQ))
		}
		if more := len(t.wrong) - shownWrong; more > 0 {
			fmt.Fprintf(w, "  and %d more, marked WRONG in the table\n", more)
		}
	}
	return t.writeStages(w)
}

// stageOrder is the order of a request; stages that the proxy adds later come after it, by name.
var stageOrder = []string{"key", "embed", "search", "verify", "load", "upstream"}

func (t *Totals) writeStages(w io.Writer) error {
	rank := func(s string) int {
		if i := slices.Index(stageOrder, s); i >= 0 {
			return i
		}
		return len(stageOrder)
	}
	names := slices.SortedFunc(maps.Keys(t.stages), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
	fmt.Fprintln(w)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "  stage\tp50\tp99\tanswers\t")
	for _, name := range names {
		sample := t.stages[name]
		fmt.Fprintf(tw, "  %s\t%s\t%s\t%d\t\n", name, stageTime(bench.Quantile(sample, 0.50)), stageTime(bench.Quantile(sample, 0.99)), len(sample))
	}
	return tw.Flush()
}

// refusals says why questions went to the provider.
func (t *Totals) refusals() string {
	guards, text := 0, ""
	for _, name := range slices.Sorted(maps.Keys(t.Guards)) {
		guards += t.Guards[name]
		text += fmt.Sprintf(", %s %d", name, t.Guards[name])
	}
	if text != "" {
		text = " (" + text[2:] + ")"
	}
	text = fmt.Sprintf("guards refused %d%s, the verifier %d, the error budget %d; nothing similar enough %d", guards, text, t.Verifier, t.Budget, t.Unlike)
	if other := t.Provider - guards - t.Verifier - t.Budget - t.Unlike; other > 0 {
		text += fmt.Sprintf("; other reasons %d", other)
	}
	return text
}

func percent(part, whole int) string {
	if whole == 0 {
		return "0 %"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(part)/float64(whole))
}

func stageTime(d time.Duration) string {
	if d < time.Millisecond {
		return fmt.Sprintf("%.0f µs", float64(d)/float64(time.Microsecond))
	}
	return millis(d)
}
