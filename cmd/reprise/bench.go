package main

import (
	"context"
	"time"

	"github.com/reprise-cache/reprise/bench"
)

// benchCmd holds one command a benchmark.
type benchCmd struct {
	Proxy benchProxyCmd `cmd:"" help:"Hits through the proxy beside a bare fasthttp handler that returns the same bytes."`
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
