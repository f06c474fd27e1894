package main

import (
	"context"

	"github.com/reprise-cache/reprise/bench"
)

type benchHitsCmd struct {
	Pairs      string `default:"embed/train/data" placeholder:"PATH" help:"A file of labelled pairs, or a folder of them: JSON lines of a, b, same, and kind and domain if there are."`
	Judgements string `placeholder:"FILE" help:"Labels of hits that are none of the pairs: JSON lines of a (stored), b (asked), same; by default authored_judgements.jsonl beside the pairs, if it is there."`
	Unjudged   string `placeholder:"FILE" help:"Write the hits that nothing labels there: JSON lines of a and b, which with same are judgements."`
	Stored     int    `placeholder:"N" help:"Questions of training domains in the store, beside those of the held-out pairs; by default all."`
	Queries    int    `placeholder:"N" help:"Questions to ask; by default all."`
}

// Run is called by kong.
func (c *benchHitsCmd) Run(ctx context.Context, h *host) error {
	report, err := bench.Hits(ctx, bench.HitsOptions{
		Pairs: c.Pairs, Judgements: c.Judgements, Unjudged: c.Unjudged, Stored: c.Stored, Queries: c.Queries, Progress: h.stderr,
	})
	if err != nil {
		return err
	}
	return report.WriteText(h.stdout)
}
