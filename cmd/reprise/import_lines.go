package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/reprise-cache/reprise/cmd/internal/config"
	"github.com/reprise-cache/reprise/cmd/internal/traffic"
)

// lineFlags say how a file that import or estimate reads is to be understood.
type lineFlags struct {
	Format string `default:"auto" enum:"auto,entries,log,batch,jsonl,csv" help:"What the file is. auto: told by its first line. entries: as reprise export writes them. log: a JSON object with request and response a line. batch: the input of OpenAI's Batch API, with --answers. jsonl: a JSON object with question and answer a line. csv: columns of that name."`
	Bad    string `default:"stop" enum:"stop,skip" help:"What to do about a line that cannot be read or kept: stop, or skip it, and name it either way."`
}

// lines are what is to be read.
type lines struct {
	text   io.Reader
	format string
	size   int64     // -1: not known
	dated  time.Time // when answers were given of which no line says it
	close  func()
}

// open opens a file; "-" is standard input.
func (f *lineFlags) open(ctx context.Context, h *host, name string) (*lines, error) {
	in := &lines{size: -1, dated: time.Now(), format: f.Format, close: func() {}}
	if name == "-" {
		in.text = h.input(ctx)
	} else {
		file, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", config.ErrInvalid, err)
		}
		in.text, in.close = file, func() { _ = file.Close() } // read only: nothing to lose
		if st, err := file.Stat(); err == nil && st.Mode().IsRegular() {
			in.size = st.Size()
			if st.ModTime().Before(in.dated) {
				in.dated = st.ModTime() // the same each time that it is read, so that nothing is stored twice
			}
		}
	}
	if in.format != "auto" {
		return in, nil
	}
	var err error
	if in.format, in.text, err = traffic.Detect(in.text); err != nil {
		in.close()
		if ctx.Err() != nil { // nothing came by which to tell it
			return nil, err
		}
		return nil, fmt.Errorf("%w: %s: %w", config.ErrInvalid, name, err)
	}
	return in, nil
}
