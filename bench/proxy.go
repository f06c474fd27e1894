package bench

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"
)

// ProxyOptions configures [Proxy]. The zero value is what the README's figures
// were measured with.
type ProxyOptions struct {
	Duration time.Duration // of one run; zero: 3 s
	Rounds   int           // how often each kind of request is run, in turn; zero: 5
	Conns    int           // connections while the rate is measured; zero: 32
	Progress io.Writer     // a line a run; nil: none
}

func (o ProxyOptions) withDefaults() (ProxyOptions, error) {
	if o.Duration < 0 || o.Rounds < 0 || o.Conns < 0 {
		return o, fmt.Errorf("bench: duration %v, rounds %d and connections %d must not be negative", o.Duration, o.Rounds, o.Conns)
	}
	if o.Duration == 0 {
		o.Duration = 3 * time.Second
	}
	if o.Rounds == 0 {
		o.Rounds = 5
	}
	if o.Conns == 0 {
		o.Conns = 32
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	return o, nil
}

// ProxyRow is what one kind of request cost.
type ProxyRow struct {
	Kind     string        // what was asked
	Rate     float64       // answers a second over Conns connections, median of the rounds
	Ratio    float64       // Rate over the bare handler's in the same round, median of the rounds
	P50, P99 time.Duration // latency over one connection, all rounds together
	Share    float64       // share of the answers that had the cache status that the row is about; NaN for the bare handler
}

// ProxyReport is what [Proxy] measured.
type ProxyReport struct {
	Options   ProxyOptions
	Machine   Machine
	BodyBytes int // size of the answer's body
	Rows      []ProxyRow
}

// Proxy measures hits through the proxy beside a bare fasthttp handler that
// returns the same bytes: the same process, the same driver, in turn, so that the
// ratio holds where the absolute figures do not.
//
// Exact hits repeat one request. Semantic hits ask stored questions in wrappings
// that never repeat, so that neither the exact tier nor the embedder's memo can
// answer for the model. Each round runs every kind twice: over Conns connections
// for the rate, over one for the latency.
func Proxy(ctx context.Context, o ProxyOptions) (_ *ProxyReport, err error) {
	o, err = o.withDefaults()
	if err != nil {
		return nil, err
	}
	w, err := newProxyWorld(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()

	kinds := []*proxyKind{
		{name: "bare fasthttp handler", addr: w.bareAddr, request: func(int) []byte { return w.exact }},
		{name: "exact hit", addr: w.proxyAddr, request: func(int) []byte { return w.exact }, status: "HIT"},
		{name: "semantic hit", addr: w.proxyAddr, request: w.reworded, status: "SEMANTIC HIT"},
	}
	for round := range o.Rounds {
		for _, k := range kinds {
			if err := k.run(ctx, o, round); err != nil {
				return nil, err
			}
		}
	}
	report := &ProxyReport{Options: o, Machine: ThisMachine(), BodyBytes: w.bodyBytes}
	for _, k := range kinds {
		report.Rows = append(report.Rows, k.row(kinds[0].rates))
	}
	return report, nil
}

// proxyKind is one kind of request and what its runs measured.
type proxyKind struct {
	name    string
	addr    string
	request func(n int) []byte
	status  string // the cache status that every answer should have; "" is not looked at

	asked     int // so that no two runs send the same rewording
	rates     []float64
	latencies []time.Duration
	seen, hit atomic.Int64
}

func (k *proxyKind) run(ctx context.Context, o ProxyOptions, round int) error {
	one := func(conns int) (loadResult, error) {
		base := k.asked
		res, err := load{
			addr: k.addr, conns: conns, duration: o.Duration,
			request: func(n int) []byte { return k.request(base + n) },
			check:   k.count,
		}.run(ctx)
		k.asked += len(res.latencies) + conns
		return res, err
	}
	many, err := one(o.Conns)
	if err != nil {
		return fmt.Errorf("%s: %w", k.name, err)
	}
	single, err := one(1)
	if err != nil {
		return fmt.Errorf("%s: %w", k.name, err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	k.rates = append(k.rates, many.rate())
	k.latencies = append(k.latencies, single.latencies...)
	fmt.Fprintf(o.Progress, "round %d of %d  %-22s %9.0f requests/s\n", round+1, o.Rounds, k.name, many.rate())
	return nil
}

var cacheStatus = []byte("X-Portkey-Cache-Status: ")

func (k *proxyKind) count(header []byte) error {
	if k.status == "" {
		return nil
	}
	k.seen.Add(1)
	if string(headerValue(header, cacheStatus)) == k.status {
		k.hit.Add(1)
	}
	return nil
}

func (k *proxyKind) row(bare []float64) ProxyRow {
	ratios := make([]float64, len(k.rates))
	for i, r := range k.rates {
		ratios[i] = r / bare[i]
	}
	row := ProxyRow{
		Kind: k.name, Rate: median(k.rates), Ratio: median(ratios),
		P50: Quantile(k.latencies, 0.50), P99: Quantile(k.latencies, 0.99), Share: math.NaN(),
	}
	if n := k.seen.Load(); n > 0 {
		row.Share = float64(k.hit.Load()) / float64(n)
	}
	return row
}

// WriteText prints the report as a table.
func (r *ProxyReport) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "%s\n%d rounds of %v, answers of %d bytes; rate over %d connections, latency over one; driver and server share the machine\n\n",
		r.Machine, r.Options.Rounds, r.Options.Duration, r.BodyBytes, r.Options.Conns)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "request\trequests/s\tof bare\tp50\tp99\tas intended\t")
	for _, row := range r.Rows {
		share := "-"
		if !math.IsNaN(row.Share) {
			share = fmt.Sprintf("%.1f %%", 100*row.Share)
		}
		fmt.Fprintf(t, "%s\t%.0f\t%.1f %%\t%v\t%v\t%s\t\n", row.Kind, row.Rate, 100*row.Ratio,
			row.P50.Round(time.Microsecond), row.P99.Round(time.Microsecond), share)
	}
	return t.Flush()
}

//go:embed questions.txt
var questionsText string

// questions are what the semantic rows reword.
func questions() []string {
	return strings.Split(strings.TrimSpace(questionsText), "\n")
}

// The wrappings that turn a stored question into one that was never asked. They
// keep its meaning, as people do who are polite, in a hurry or thinking aloud.
var (
	openings = []string{
		"", "Hi, ", "Hello! ", "Hey there, ", "Good morning. ", "Quick question: ", "Sorry to bother you, ", "Just wondering: ",
		"Please help: ", "One more thing: ", "Right, so: ", "Okay, ", "I was asked this today: ", "Could you tell me this? ",
	}
	closings = []string{
		"", " Thanks!", " Thank you.", " Cheers.", " Please.", " Many thanks in advance.", " I'd appreciate any help.",
		" Sorry if this is obvious.", " Thanks a lot!", " Any idea?", " I can't work it out.", " Asking for a friend.",
	}
)

// rewording returns the n-th question in other words; it repeats itself only
// after questions x openings x closings, less the plain ones.
func rewording(qs []string, n int) string {
	q := qs[n%len(qs)]
	wrap := 1 + (n/len(qs))%(len(openings)*len(closings)-1) // 0 is the plain question
	return openings[wrap%len(openings)] + q + closings[wrap/len(openings)]
}

// chatRequest is the wire form of a question, header and all.
func chatRequest(host, question string) []byte {
	body, err := json.Marshal(map[string]any{
		"model":       "bench",
		"temperature": 0,
		"messages": []map[string]string{
			{"role": "system", "content": "You are a helpful assistant. Answer in a few sentences."},
			{"role": "user", "content": question},
		},
	})
	if err != nil { // strings and numbers always marshal
		panic(err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST /v1/chat/completions HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAuthorization: Bearer bench\r\nContent-Length: %d\r\n\r\n", host, len(body))
	b.Write(body)
	return b.Bytes()
}
