package main

import (
	"context"

	"github.com/reprise-cache/reprise/bench"
)

type benchIndexCmd struct {
	Sizes   []int    `placeholder:"N,N" help:"Vectors of the partition; by default 1000,10000,100000."`
	Full    bool     `help:"1000000 vectors besides; takes some minutes and 6 GB."`
	Queries int      `default:"200" help:"Searches at each size."`
	Texts   []string `placeholder:"FILE" help:"Files of texts to embed and measure besides: JSON lines of a and b, or plain lines."`
}

// Run is called by kong.
func (c *benchIndexCmd) Run(ctx context.Context, h *host) error {
	o := bench.IndexOptions{Sizes: c.Sizes, Queries: c.Queries, Texts: c.Texts, Progress: h.stderr}
	if c.Full {
		if o.Sizes == nil {
			o.Sizes = bench.DefaultIndexSizes()
		}
		o.Sizes = append(o.Sizes, 1_000_000)
	}
	report, err := bench.Index(ctx, o)
	if err != nil {
		return err
	}
	return report.WriteText(h.stdout)
}
