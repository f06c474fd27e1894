package main

import (
	"context"
	"fmt"
	"time"

	"github.com/reprise-cache/reprise/cmd/internal/config"
	"github.com/reprise-cache/reprise/cmd/internal/demo"
)

type demoCmd struct {
	Stay        bool          `help:"Keep serving at the end, and print a request to try."`
	Listen      string        `default:"127.0.0.1:0" placeholder:"ADDR" help:"Address of the demo's proxy; port 0 picks a free one."`
	Concurrency int           `default:"4" placeholder:"N" help:"Questions under way at a time, 1 to 256."`
	Latency     time.Duration `default:"100ms" placeholder:"DURATION" help:"How long the offline provider takes for an answer. A model takes longer."`
}

// Run is called by kong. An interrupt ends the demo early and still removes its file.
func (c *demoCmd) Run(ctx context.Context, h *host) error {
	if c.Concurrency == 0 { // which the demo would take for its default
		return fmt.Errorf("%w: --concurrency 0: give 1 to %d questions at a time", config.ErrInvalid, demo.MaxConcurrency)
	}
	_, err := demo.Run(ctx, demo.Options{
		Out: h.stdout, NoColor: h.has("NO_COLOR"), Stay: c.Stay, Listen: c.Listen, Concurrency: c.Concurrency, Latency: c.Latency,
	})
	return err
}
