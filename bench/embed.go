package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/reprise-cache/reprise/embed"
)

// EmbedOptions configures [Embed]. The zero value measures the models alone.
type EmbedOptions struct {
	Lengths  []int     // tokens of the texts, special ones included; nil: 8, 16, 32, 64, 128
	Rounds   int       // how often each length is timed on each kernel; zero: 30
	Python   string    // an interpreter with the packages of embed/train/requirements-onnx.txt; "": no baseline
	Script   string    // the baseline's script; "": embed/train/onnx_baseline.py
	Model    string    // folder of the published model for the baseline; "": the script downloads it
	Progress io.Writer // nil: none
}

func (o EmbedOptions) withDefaults() (EmbedOptions, error) {
	if o.Lengths == nil {
		o.Lengths = []int{8, 16, 32, 64, 128}
	}
	for _, n := range o.Lengths {
		if n < 4 || n > embed.MaxPairTokens {
			return o, fmt.Errorf("bench: length %d is outside 4..%d tokens", n, embed.MaxPairTokens)
		}
	}
	if o.Rounds < 0 {
		return o, fmt.Errorf("bench: rounds %d must not be negative", o.Rounds)
	}
	if o.Rounds == 0 {
		o.Rounds = 30
	}
	if o.Script == "" {
		o.Script = "embed/train/onnx_baseline.py"
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	return o, nil
}

// EmbedRow is the time of one pass through a model.
type EmbedRow struct {
	Kernel   string // the models' arithmetic, or "onnxruntime"
	Tokens   int
	Encoder  time.Duration // one text, median
	Verifier time.Duration // one pair, halved where it is read in both orders; the baseline reads one
}

// EmbedReport is what [Embed] measured.
type EmbedReport struct {
	Machine   Machine
	Rounds    int
	Baseline  string // version of the baseline; "": none
	Layers    int    // of the verifier
	Footprint Footprint
	Rows      []EmbedRow
}

// Embed times the two models on every kernel that the machine can run, one text at a
// time on one caller, and beside them onnxruntime with models of the same shapes, dynamically
// quantised to int8, on one thread. Half of the rounds run before the baseline and
// half after it, so that a machine that slows down or speeds up meanwhile shows in
// both.
func Embed(ctx context.Context, o EmbedOptions) (*EmbedReport, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	report := &EmbedReport{Machine: ThisMachine(), Rounds: o.Rounds}
	if report.Footprint, err = footprint(ctx); err != nil {
		return nil, err
	}
	var timers []*modelTimer
	for _, k := range embed.Kernels() {
		t, err := newModelTimer(k, len(o.Lengths))
		if err != nil {
			return nil, err
		}
		timers = append(timers, t)
	}
	half := func(from, to int) error {
		for round := from; round < to; round++ {
			for _, t := range timers {
				for i, n := range o.Lengths {
					if err := t.round(ctx, i, n); err != nil {
						return err
					}
				}
			}
		}
		return nil
	}
	report.Layers = timers[0].verifier.Layers()
	if err := half(0, o.Rounds/2); err != nil {
		return nil, err
	}
	if o.Python != "" {
		fmt.Fprintln(o.Progress, "timing onnxruntime")
		rows, version, err := baseline(ctx, o, report.Layers)
		if err != nil {
			return nil, err
		}
		report.Rows, report.Baseline = rows, version
	}
	if err := half(o.Rounds/2, o.Rounds); err != nil {
		return nil, err
	}
	for _, t := range timers {
		for i, n := range o.Lengths {
			report.Rows = append(report.Rows, EmbedRow{
				Kernel: t.kernel, Tokens: n, Encoder: Quantile(t.encode[i], 0.5), Verifier: Quantile(t.verify[i], 0.5) / 2,
			})
		}
	}
	return report, nil
}

// vocabulary holds words that are one token each, so that a text's length in tokens
// is known without the tokenizer.
var vocabulary = strings.Fields(`time year people way day man thing woman life child world school state family student
	group country problem hand part place case week company system program question work government number night point
	home water room mother area money story fact month lot right study book eye job word business issue side kind head
	house service friend father power hour game line end member law car city community name president team minute idea`)

// words is a text of n tokens without special ones, new at every call.
func words(rng *rand.Rand, n int) string {
	w := make([]string, n)
	for i := range w {
		w[i] = vocabulary[rng.IntN(len(vocabulary))]
	}
	return strings.Join(w, " ")
}

// modelTimer times both models on one kernel.
type modelTimer struct {
	kernel         string
	encoder        *embed.MiniLM
	verifier       *embed.Verifier
	rng            *rand.Rand
	encode, verify [][]time.Duration // by length
}

func newModelTimer(kernel string, lengths int) (*modelTimer, error) {
	encoder, err := embed.NewMiniLMOn(kernel)
	if err != nil {
		return nil, err
	}
	verifier, err := embed.NewVerifier(encoder)
	if err != nil {
		return nil, err
	}
	return &modelTimer{
		kernel: kernel, encoder: encoder, verifier: verifier, rng: rand.New(rand.NewPCG(1, 2)),
		encode: make([][]time.Duration, lengths), verify: make([][]time.Duration, lengths),
	}, nil
}

// round times one text and one pair of n tokens.
func (t *modelTimer) round(ctx context.Context, i, n int) error {
	text := words(t.rng, n-2)                                // [CLS] and [SEP]
	a, b := words(t.rng, (n-3)/2), words(t.rng, n-3-(n-3)/2) // one [SEP] more
	start := time.Now()
	if _, err := t.encoder.Embed(ctx, []string{text}); err != nil {
		return err
	}
	t.encode[i] = append(t.encode[i], time.Since(start))
	start = time.Now()
	if _, err := t.verifier.Verify(ctx, a, []string{b}); err != nil {
		return err
	}
	t.verify[i] = append(t.verify[i], time.Since(start))
	return nil
}

// graphTimes are medians in milliseconds by graph and length.
type graphTimes map[string]map[string]struct {
	Median float64 `json:"median_ms"`
}

// fastest is the time of the faster graph; zero: there is none.
func (g graphTimes) fastest(length string) (least time.Duration) {
	for _, graph := range g {
		if d := time.Duration(graph[length].Median * float64(time.Millisecond)); d > 0 && (least == 0 || d < least) {
			least = d
		}
	}
	return least
}

// baseline runs the script, with a verifier of so many layers, and takes the faster of its two graphs at each length.
func baseline(ctx context.Context, o EmbedOptions, layers int) ([]EmbedRow, string, error) {
	lengths := make([]string, len(o.Lengths))
	for i, n := range o.Lengths {
		lengths[i] = strconv.Itoa(n)
	}
	args := []string{o.Script, "--lengths", strings.Join(lengths, ","), "--rounds", strconv.Itoa(o.Rounds), "--verifier-layers", strconv.Itoa(layers)}
	if o.Model != "" {
		args = append(args, "--model", o.Model)
	}
	out, err := exec.CommandContext(ctx, o.Python, args...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			lines := strings.Split(strings.TrimSpace(string(exit.Stderr)), "\n")
			err = fmt.Errorf("%w: %s", err, lines[len(lines)-1])
		}
		return nil, "", fmt.Errorf("bench: baseline %s %s: %w", o.Python, o.Script, err)
	}
	var result struct {
		Version  string     `json:"onnxruntime"`
		Times    graphTimes `json:"times"`
		Verifier graphTimes `json:"verifier"`
	}
	if err := json.Unmarshal(out, &result); err != nil {
		return nil, "", fmt.Errorf("bench: baseline %s: %w", o.Script, err)
	}
	var rows []EmbedRow
	for i, n := range o.Lengths {
		row := EmbedRow{Kernel: "onnxruntime", Tokens: n, Encoder: result.Times.fastest(lengths[i]), Verifier: result.Verifier.fastest(lengths[i])}
		if row.Encoder == 0 || row.Verifier == 0 {
			return nil, "", fmt.Errorf("bench: baseline %s gave no time for %d tokens", o.Script, n)
		}
		rows = append(rows, row)
	}
	return rows, result.Version, nil
}

// WriteText prints the report as a table.
func (r *EmbedReport) WriteText(w io.Writer) error {
	f := r.Footprint
	fmt.Fprintf(w, "%s\nboth models: loaded in %s, %s of memory; the program's file has %s\n", r.Machine, milliseconds(f.Start), megabytes(f.Resident), megabytes(f.Binary))
	fmt.Fprintf(w, "median of %d rounds, one text or pair at a time; the verifier has %d layers, its pass is one order of a pair, and up to 16 tokens both share a batch, as the program has it; onnxruntime's do not\n", r.Rounds, r.Layers)
	base := map[int]EmbedRow{}
	if r.Baseline != "" {
		fmt.Fprintf(w, "onnxruntime %s: encoder and verifier of the same shapes, int8, one thread, the faster of a plain and a fused graph\n", r.Baseline)
		for _, row := range r.Rows {
			if row.Kernel == "onnxruntime" {
				base[row.Tokens] = row
			}
		}
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "kernel\ttokens\tencoder\tof onnxruntime\tverifier\tof onnxruntime\t")
	for _, row := range r.Rows {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\t\n", row.Kernel, row.Tokens,
			milliseconds(row.Encoder), ratio(row.Encoder, base[row.Tokens].Encoder), milliseconds(row.Verifier), ratio(row.Verifier, base[row.Tokens].Verifier))
	}
	return t.Flush()
}

func milliseconds(d time.Duration) string {
	if d == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}

func megabytes(n int64) string {
	if n == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

func ratio(d, base time.Duration) string {
	if d == 0 || base == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", float64(d)/float64(base))
}
