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
	tally // of the lines that were not asked; all that one goroutine counts
	cache *cache.Cache
	clock trafficClock
	swept time.Time        // when what had expired was last removed
	lines map[cache.ID]int // by whose answer an entry is
	at    map[servedTo]int // where in hits

	asked           int
	exact, semantic int            // of them, answered
	hits            []estimatedHit // the semantic ones, each question once
	wrong           float64        // expected among the semantic ones, by their probabilities
	refused         map[string]int // of the others, by why
	agree           [3]int         // of hits, by what their own answers say
	cost, saved     float64        // US dollars, of the answers whose model has a price
	checks          int            // semantic ones that are checked with the provider, so that they save nothing
	waited          time.Duration  // spared, where the file says what answers took
}

// servedTo is an entry, and a question that it was served to.
type servedTo struct {
	entry    cache.ID
	question cache.Digest
}

func newEstimate() *estimate {
	e := &estimate{lines: map[cache.ID]int{}, at: map[servedTo]int{}, refused: map[string]int{}}
	e.clock.at.Store(time.Now().UnixNano()) // for lines before the first that has a time
	return e
}

// estimatedHit is a semantic hit, as a line of --pairs. Its first members are those of a labelled pair.
type estimatedHit struct {
	A           string  `json:"a"` // the stored question
	B           string  `json:"b"` // the one that was asked
	Probability float64 `json:"probability"`
	Similarity  float64 `json:"similarity"`
	Answers     string  `json:"answers"` // same, different or unsure
	Times       int     `json:"times"`   // how often it was served; all else is of the first time
	LineA       int     `json:"line_a"`
	LineB       int     `json:"line_b"`
	AnswerA     string  `json:"answer_a"`
	AnswerB     string  `json:"answer_b"`
	Namespace   string  `json:"namespace,omitzero"`
}

// served notes that a stored answer is served in place of v.
func (e *estimate) served(ctx context.Context, l *cache.Lookup, entry *cache.Entry, as cache.Status, v cache.Value, p *traffic.Pair) error {
	e.waited += v.Took
	if as == cache.HitExact {
		e.exact++
		e.saved += v.Cost
		return nil
	}
	if l.ShadowDue() && l.ShadowCheck(func(context.Context) (cache.Value, float64, error) { return v, v.Cost, nil }) {
		e.checks++
		if err := e.learn(ctx); err != nil {
			return err
		}
	} else {
		e.saved += v.Cost
	}
	e.semantic++
	e.wrong += 1 - l.Probability
	pair := servedTo{entry.ID, l.Key()}
	if at, ok := e.at[pair]; ok {
		e.hits[at].Times++
		return nil
	}
	what := e.cache.Agree(ctx, v.Body, entry.Value.Body)
	e.agree[what]++
	e.at[pair] = len(e.hits)
	e.hits = append(e.hits, estimatedHit{
		A: entry.Text, B: l.Text(), Probability: l.Probability, Similarity: float64(l.Similarity), Answers: what.String(), Times: 1,
		LineA: e.lines[entry.ID], LineB: p.Line, AnswerA: answerText(entry.Value.Body), AnswerB: answerText(v.Body), Namespace: entry.Namespace,
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
	share := func(n int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(max(1, e.asked))) }
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "%d\t\t requests that a cache may answer\n", e.asked)
	fmt.Fprintf(t, "%d\t%s\t answered: asked before in the same words\n", e.exact, share(e.exact))
	fmt.Fprintf(t, "%d\t%s\t answered: asked before in other words; %.1f of them expected to be wrong\n", e.semantic, share(e.semantic), e.wrong)
	left := e.asked - e.exact - e.semantic
	fmt.Fprintf(t, "%d\t%s\t left to the provider\n", left, share(left))
	if err := t.Flush(); err != nil {
		return err
	}
	e.writeOthers(out)
	if e.cost > 0 {
		fmt.Fprintf(out, "\n$%.4f saved of $%.4f, at list prices\n", e.saved, e.cost)
	}
	if e.checks > 0 {
		fmt.Fprintf(out, "%d of the answers in other words save no money: cache.shadow_rate has them checked with the provider\n", e.checks)
	}
	if e.waited > 0 {
		fmt.Fprintf(out, "%v of waiting saved\n", e.waited.Round(time.Millisecond))
	}
	if e.semantic > 0 {
		same, differ := e.agree[cache.Same], e.agree[cache.Different]
		fmt.Fprintf(out, "\nTheir own answers beside those that they would have got, each question once: %d agree, %d differ, %d cannot be told without reading.\n", same, differ, e.agree[cache.Unsure])
		if n := same + differ; n > 0 {
			low, high := bench.Wilson(float64(differ), float64(n))
			fmt.Fprintf(out, "Wrong among those that can be told: %.1f %% (95 %% interval %.1f-%.1f).\n", 100*float64(differ)/float64(n), 100*low, 100*high)
		}
	}
	if len(e.refused) > 0 {
		fmt.Fprintf(out, "\nLeft to the provider because of: %s\n", countsOf(e.refused))
	}
	if n := min(riskiest, len(e.hits)); n > 0 {
		fmt.Fprintf(out, "\nThe %d riskiest answers to read:\n", n)
		for i := range e.hits[:n] {
			hit := &e.hits[i]
			fmt.Fprintf(out, "\nprobability %.4f, similarity %.4f, answers: %s%s\n", hit.Probability, hit.Similarity, hit.Answers, again(hit.Times))
			fmt.Fprintf(out, "  line %-6d %s\n    said     %s\n  line %-6d %s\n    for      %s\n",
				hit.LineB, excerpt(hit.B), excerpt(hit.AnswerB), hit.LineA, excerpt(hit.A), excerpt(hit.AnswerA))
		}
	}
	return out.Flush()
}

// again tells of an answer that is served more than once.
func again(times int) string {
	if times < 2 {
		return ""
	}
	return fmt.Sprintf(", served %d times", times)
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
