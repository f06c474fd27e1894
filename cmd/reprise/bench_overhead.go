package main

import (
	"context"
	"fmt"

	"github.com/reprise-cache/reprise/bench"
)

type benchOverheadCmd struct {
	Calls   int  `default:"2000" help:"Calls of each kind."`
	Streams int  `default:"1000" help:"Streams at once."`
	Smoke   bool `help:"Few calls: whether it works, not how fast."`
}

// Run is called by kong.
func (c *benchOverheadCmd) Run(ctx context.Context, h *host) error {
	o := bench.OverheadOptions{Calls: c.Calls, Streams: c.Streams, Progress: h.stderr}
	if c.Smoke {
		o.Calls = 50
	}
	report, err := bench.Overhead(ctx, o)
	if err != nil {
		return err
	}
	if err := report.WriteText(h.stdout); err != nil {
		return err
	}
	if report.Failed > 0 {
		return fmt.Errorf("%d of %d streams failed", report.Failed, report.Options.Streams)
	}
	return nil
}
