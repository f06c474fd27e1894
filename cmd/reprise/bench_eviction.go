package main

import (
	"context"

	"github.com/reprise-cache/reprise/bench"
)

type benchEvictionCmd struct {
	Requests int       `default:"60000" help:"Requests of each trace."`
	Rooms    []float64 `placeholder:"SHARE,SHARE" help:"Room, as shares of what all answers would take; by default 0.02,0.1,0.3."`
	Seeds    []uint64  `placeholder:"N,N" help:"Seeds of the traces; by default 101 to 105."`
	Intents  []string  `placeholder:"FILE" help:"Real requests to replay besides: JSON lines of text and intent, or CSV with such columns; gzipped or not."`
}

// Run is called by kong.
func (c *benchEvictionCmd) Run(ctx context.Context, h *host) error {
	report, err := bench.Eviction(ctx, bench.EvictionOptions{
		Requests: c.Requests, Rooms: c.Rooms, Seeds: c.Seeds, Intents: c.Intents, Progress: h.stderr,
	})
	if err != nil {
		return err
	}
	return report.WriteText(h.stdout)
}
