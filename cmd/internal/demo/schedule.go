package demo

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// prerequisites lists, for each ask, the earlier ones that must be answered before it: those about the same entry, about
// the entry that it is a trap of, and those with the same text. The rest may run at the same time, and what the run shows
// stays the same whatever the timing.
func prerequisites(asks []ask) [][]int {
	last := map[string]int{}
	out := make([][]int, len(asks))
	for i, a := range asks {
		topics := []string{"text " + a.Text}
		for _, id := range []string{a.FAQ, a.TrapOf} {
			if id != "" {
				topics = append(topics, "faq "+id)
			}
		}
		for _, topic := range topics {
			if j, ok := last[topic]; ok {
				out[i] = append(out[i], j)
			}
			last[topic] = i
		}
	}
	return out
}

// inOrder calls do for each ask, up to limit at a time and each after its prerequisites. Asks start in order, so one that
// waits only ever waits for one that has started.
func inOrder(ctx context.Context, asks []ask, limit int, do func(ctx context.Context, i int) error) error {
	before := prerequisites(asks)
	done := make([]chan struct{}, len(asks))
	for i := range done {
		done[i] = make(chan struct{})
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(limit)
	for i := range asks {
		if gctx.Err() != nil {
			break
		}
		g.Go(func() error {
			defer close(done[i])
			for _, j := range before[i] {
				select {
				case <-done[j]:
				case <-gctx.Done():
					return gctx.Err()
				}
			}
			return do(gctx, i)
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}
