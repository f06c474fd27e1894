package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/reprise-cache/reprise/bench"
	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/traffic"
	"github.com/reprise-cache/reprise/proxy"
)

// estimate is what a cache would have done with past traffic.
type estimate struct {
	tally // of the lines that were not asked
	cache *cache.Cache
	lines map[cache.ID]int // by whose answer an entry is

	asked, exact int
	hits         []estimatedHit // semantic ones
	wrong        float64        // expected among them, by their probabilities
	refused      map[string]int // of the others, by why
	agree        [3]int         // of the hits, by what their own answers say
	cost, saved  float64        // US dollars, of the answers whose model has a price
	waited       time.Duration  // spared, where the file says what answers took
}

// estimatedHit is a semantic hit, as a line of --pairs. Its first members are those of a labelled pair.
type estimatedHit struct {
	A           string  `json:"a"` // the stored question
	B           string  `json:"b"` // the one that was asked
	Probability float64 `json:"probability"`
	Similarity  float64 `json:"similarity"`
	Answers     string  `json:"answers"` // same, different or unsure
	LineA       int     `json:"line_a"`
	LineB       int     `json:"line_b"`
	AnswerA     string  `json:"answer_a"`
	AnswerB     string  `json:"answer_b"`
	Namespace   string  `json:"namespace,omitzero"`
}

// count notes what came of a look-up that is filled by now.
func (e *estimate) count(ctx context.Context, l *cache.Lookup, id cache.ID, v cache.Value, p *traffic.Pair) error {
	e.asked++
	e.cost += v.Cost
	status, served := l.WouldBe, l.WouldServe
	if l.Status.Hit() { // of a namespace in mode simple
		status, served = l.Status, l.Entry
	}
	if served != nil {
		e.saved += v.Cost
		e.waited += v.Took
	}
	switch status {
	case cache.HitExact:
		e.exact++
		return nil
	case cache.HitSemantic:
	default:
		e.refused[cmp.Or(string(l.Reason), "nothing near")]++
		return nil
	}
	// What the comparison teaches is learnt before the next question, whatever the machine's speed.
	if err := e.cache.Flush(ctx); err != nil {
		return err
	}
	asked, err := e.cache.Get(ctx, id)
	if err != nil {
		return err
	}
	what := e.cache.Agree(ctx, v.Body, served.Value.Body)
	e.agree[what]++
	e.wrong += 1 - l.Probability
	e.hits = append(e.hits, estimatedHit{
		A: served.Text, B: asked.Text, Probability: l.Probability, Similarity: float64(l.Similarity), Answers: what.String(),
		LineA: e.lines[served.ID], LineB: p.Line, AnswerA: answerText(served.Value.Body), AnswerB: answerText(v.Body), Namespace: served.Namespace,
	})
	return nil
}

// answerText is what an answer says, for a person.
func answerText(body []byte) string {
	if a, ok := proxy.ReadAnswer(body); ok && a.Text != "" {
		return a.Text
	}
	return string(body)
}

// rank puts the hits in the order in which they are worth reading.
func (e *estimate) rank() {
	differs := cache.Different.String()
	slices.SortStableFunc(e.hits, func(a, b estimatedHit) int {
		if (a.Answers == differs) != (b.Answers == differs) {
			if a.Answers == differs {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Probability, b.Probability)
	})
}

func (e *estimate) writePairs(w io.Writer) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for i := range e.hits {
		if err := out.Encode(&e.hits[i]); err != nil {
			return err
		}
	}
	return nil
}

// write prints the report.
func (e *estimate) write(w io.Writer, riskiest int) error {
	out := bufio.NewWriter(w)
	semantic := len(e.hits)
	share := func(n int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(max(1, e.asked))) }
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%d\t\t requests that a cache may answer\n", e.asked)
	fmt.Fprintf(t, "%d\t%s\t answered: asked before in the same words\n", e.exact, share(e.exact))
	fmt.Fprintf(t, "%d\t%s\t answered: asked before in other words; %.1f of them expected to be wrong\n", semantic, share(semantic), e.wrong)
	fmt.Fprintf(t, "%d\t%s\t left to the provider\n", e.asked-e.exact-semantic, share(e.asked-e.exact-semantic))
	if err := t.Flush(); err != nil {
		return err
	}
	if e.uncached+e.bad > 0 {
		fmt.Fprintf(out, "beside %d that no cache would answer and %d bad lines\n", e.uncached, e.bad)
	}
	if e.cost > 0 {
		fmt.Fprintf(out, "\n$%.4f saved of $%.4f, at list prices\n", e.saved, e.cost)
	}
	if e.waited > 0 {
		fmt.Fprintf(out, "%v of waiting saved\n", e.waited.Round(time.Millisecond))
	}
	if semantic > 0 {
		same, differ := e.agree[cache.Same], e.agree[cache.Different]
		fmt.Fprintf(out, "\nTheir own answers beside those that they would have got: %d agree, %d differ, %d cannot be told without reading.\n", same, differ, e.agree[cache.Unsure])
		if n := same + differ; n > 0 {
			low, high := bench.Wilson(float64(differ), float64(n))
			fmt.Fprintf(out, "Wrong among those that can be told: %.1f %% (95 %% interval %.1f-%.1f).\n", 100*float64(differ)/float64(n), 100*low, 100*high)
		}
	}
	if len(e.refused) > 0 {
		fmt.Fprintf(out, "\nLeft to the provider because of: %s\n", countsOf(e.refused))
	}
	if n := min(riskiest, semantic); n > 0 {
		fmt.Fprintf(out, "\nThe %d riskiest answers to read:\n", n)
		for i := range e.hits[:n] {
			hit := &e.hits[i]
			fmt.Fprintf(out, "\nprobability %.4f, similarity %.4f, answers: %s\n", hit.Probability, hit.Similarity, hit.Answers)
			fmt.Fprintf(out, "  line %-6d %s\n    said     %s\n  line %-6d %s\n    for      %s\n",
				hit.LineB, excerpt(hit.B), excerpt(hit.AnswerB), hit.LineA, excerpt(hit.A), excerpt(hit.AnswerA))
		}
	}
	return out.Flush()
}

// countsOf lists counts, most first.
func countsOf(counts map[string]int) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	for i, n := range names {
		names[i] = fmt.Sprintf("%s %d", n, counts[n])
	}
	return strings.Join(names, ", ")
}

// excerpt is the beginning of a text, on one line.
func excerpt(s string) string { return excerptOf(s, 110) }

func excerptOf(s string, most int) string {
	words := []rune(printable(strings.Join(strings.Fields(s), " ")))
	if len(words) > most {
		return string(words[:most-1]) + "…"
	}
	return string(words)
}
