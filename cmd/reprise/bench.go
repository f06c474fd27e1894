package main

import (
	"context"
	"runtime"
	"time"

	"github.com/reprise-cache/reprise/bench"
)

// benchCmd holds one command a benchmark.
type benchCmd struct {
	Proxy    benchProxyCmd    `cmd:"" help:"Hits through the proxy beside a bare fasthttp handler that returns the same bytes."`
	Overhead benchOverheadCmd `cmd:"" help:"What the proxy adds to calls that the cache cannot answer, beside the same calls without it; many streams at once."`
	Embed    benchEmbedCmd    `cmd:"" help:"Time of the encoder and the verifier on every kernel, beside onnxruntime if asked."`
	Verify   benchVerifyCmd   `cmd:"" help:"The verifier beside plain cosine on labelled pairs."`
	Quality  benchQualityCmd  `cmd:"" help:"What each policy and error budget comes to on labelled pairs: wrong answers, hits, and hits of the best cosine threshold."`
	Hits     benchHitsCmd     `cmd:"" help:"Held-out questions asked of a large store, most of it about something else: right, wrong and unjudged hits by error budget."`
	Replay   benchReplayCmd   `cmd:"" help:"A stream of real requests with known intents through the cache: hits and wrong answers by quarter, with and without learning."`
	Index    benchIndexCmd    `cmd:"" help:"Searches of one partition: chromem's own query, a screen of all codes, the default."`
	Store    benchStoreCmd    `cmd:"" help:"The file: writing, opening, size, backup and compaction, look-ups beside writes; with --soak what the process holds over time."`
	Eviction benchEvictionCmd `cmd:"" help:"Money saved at equal room on replayed traffic: the cache's eviction, LRU, LFU, S3-FIFO, W-TinyLFU, GDSF."`
	Fit      benchFitCmd      `cmd:"" help:"Fit the decision: what similarity, words, guards and verifier come to as one probability."`

	Conversations benchConversationsCmd `cmd:"" help:"What is served of labelled pairs of chats, by how earlier turns count."`
}

type benchProxyCmd struct {
	Duration time.Duration `default:"3s" help:"Length of one run."`
	Rounds   int           `default:"5" help:"Rounds; each runs every kind of request."`
	Conns    int           `default:"32" help:"Connections while the rate is measured."`
	Smoke    bool          `help:"One short round: whether it works, not how fast."`
}

// Run is called by kong.
func (c *benchProxyCmd) Run(ctx context.Context, h *host) error {
	o := bench.ProxyOptions{Duration: c.Duration, Rounds: c.Rounds, Conns: c.Conns, Progress: h.stderr}
	if c.Smoke {
		o.Duration, o.Rounds, o.Conns = 200*time.Millisecond, 1, 2
	}
	report, err := bench.Proxy(ctx, o)
	if err != nil {
		return err
	}
	return report.WriteText(h.stdout)
}

type benchEmbedCmd struct {
	Lengths []int  `placeholder:"N,N" help:"Lengths in tokens; by default 8,16,32,64,128."`
	Rounds  int    `default:"30" help:"How often each length is timed."`
	Python  string `placeholder:"PROGRAM" help:"Interpreter with the packages of embed/train/requirements-onnx.txt; adds onnxruntime."`
	Script  string `default:"embed/train/onnx_baseline.py" placeholder:"FILE" help:"The script that times onnxruntime."`
	Model   string `placeholder:"DIR" help:"Folder of the published model for that script; by default it downloads it."`
}

// Run is called by kong.
func (c *benchEmbedCmd) Run(ctx context.Context, h *host) error {
	// One core, as the baseline has: the two orders of a pair would run side by side otherwise.
	runtime.GOMAXPROCS(1)
	report, err := bench.Embed(ctx, bench.EmbedOptions{
		Lengths: c.Lengths, Rounds: c.Rounds, Python: c.Python, Script: c.Script, Model: c.Model, Progress: h.stderr,
	})
	if err != nil {
		return err
	}
	return report.WriteText(h.stdout)
}

type benchVerifyCmd struct {
	Pairs string `default:"embed/train/data" placeholder:"PATH" help:"A file of labelled pairs, or a folder of them: JSON lines of a, b, same, kind, domain."`
	All   bool   `help:"Every pair; by default only the domains that training never sees."`
}

// Run is called by kong.
func (c *benchVerifyCmd) Run(ctx context.Context, h *host) error {
	report, err := bench.Verify(ctx, bench.VerifyOptions{Pairs: c.Pairs, All: c.All, Progress: h.stderr})
	if err != nil {
		return err
	}
	return report.WriteText(h.stdout)
}

type benchFitCmd struct {
	Pairs []string `default:"embed/train/data" placeholder:"PATH" help:"Files of labelled pairs, or folders of them. Of rows that name a domain only the calibration domains are used."`
	Out   string   `placeholder:"FILE" help:"Where to write the decision, as cache/decision.json. By default the fit is only shown."`
}

// Run is called by kong.
func (c *benchFitCmd) Run(ctx context.Context, h *host) error {
	report, err := bench.Fit(ctx, bench.FitOptions{Pairs: c.Pairs, Out: c.Out})
	if err != nil {
		return err
	}
	return report.WriteText(h.stdout)
}

type benchConversationsCmd struct {
	Pairs    string `default:"embed/train/data" placeholder:"PATH" help:"A file of labelled pairs of chats, or a folder of them: JSON lines of a, b, same, kind, set."`
	Training bool   `help:"The pairs that are not held out, on which settings are chosen."`
}

// Run is called by kong.
func (c *benchConversationsCmd) Run(ctx context.Context, h *host) error {
	report, err := bench.Conversations(ctx, bench.ConversationsOptions{Pairs: c.Pairs, Training: c.Training})
	if err != nil {
		return err
	}
	return report.WriteText(h.stdout)
}

type benchQualityCmd struct {
	Pairs string `default:"embed/train/data" placeholder:"PATH" help:"A file of labelled pairs, or a folder of them: JSON lines of a, b, same, and kind and domain if there are."`
	All   bool   `help:"Every pair; by default only the domains that neither training nor calibration sees."`
	SVG   string `name:"svg" placeholder:"FILE" help:"Draw the curves of precision and recall, and of reliability, there."`
}

// Run is called by kong.
func (c *benchQualityCmd) Run(ctx context.Context, h *host) error {
	report, err := bench.Quality(ctx, bench.QualityOptions{Pairs: c.Pairs, All: c.All, SVG: c.SVG, Progress: h.stderr})
	if err != nil {
		return err
	}
	return report.WriteText(h.stdout)
}

type benchReplayCmd struct {
	Intents  []string `required:"" placeholder:"FILE" help:"Requests with their intents, as CLINC150 or Banking77: JSON lines of text and intent, or CSV with such columns (Banking77's is one); gzipped or not. CLINC150's data_full.json becomes such lines by jq -c '.train[]|{text:.[0],intent:.[1]}'."`
	Requests int      `default:"20000" help:"Length of the stream."`
	MaxError float64  `default:"0.01" placeholder:"SHARE" help:"Error budget."`
}

// Run is called by kong.
func (c *benchReplayCmd) Run(ctx context.Context, h *host) error {
	report, err := bench.Replay(ctx, bench.ReplayOptions{Intents: c.Intents, Requests: c.Requests, MaxError: c.MaxError, Progress: h.stderr})
	if err != nil {
		return err
	}
	return report.WriteText(h.stdout)
}
