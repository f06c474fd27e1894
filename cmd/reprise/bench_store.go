package main

import (
	"context"
	"time"

	"github.com/reprise-cache/reprise/bench"
)

type benchStoreCmd struct {
	Sizes  []int         `placeholder:"N,N" help:"Entries of a file; by default 10000,100000."`
	Full   bool          `help:"1000000 entries besides; takes some minutes, 3 GB of memory and 5 GB of disk."`
	Serve  time.Duration `default:"10s" help:"How long look-ups are timed, idle, beside writes, and idle again."`
	Rate   int           `default:"2000" help:"Entries a second that are written meanwhile."`
	Dir    string        `placeholder:"DIR" help:"Where the files are made; by default the system's temporary folder, which may be memory."`
	Stages []string      `placeholder:"STAGE,STAGE" help:"Only these of put, open, serve, backup, compact; without put, of files that --keep has left in --dir."`
	Keep   bool          `help:"Leave the files in --dir."`
	Soak   time.Duration `placeholder:"TIME" help:"Run a mixed load that long instead, as 30m, and show what the process holds meanwhile."`
}

// Run is called by kong.
func (c *benchStoreCmd) Run(ctx context.Context, h *host) error {
	if c.Soak != 0 {
		report, err := bench.Soak(ctx, bench.SoakOptions{Length: c.Soak, Dir: c.Dir, Progress: h.stderr})
		if err != nil {
			return err
		}
		return report.WriteText(h.stdout)
	}
	o := bench.StoreOptions{Sizes: c.Sizes, Serve: c.Serve, Rate: c.Rate, Dir: c.Dir, Stages: c.Stages, Keep: c.Keep, Progress: h.stderr}
	if c.Full {
		if o.Sizes == nil {
			o.Sizes = bench.DefaultStoreSizes()
		}
		o.Sizes = append(o.Sizes, 1_000_000)
	}
	report, err := bench.Store(ctx, o)
	if err != nil {
		return err
	}
	return report.WriteText(h.stdout)
}
