package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/config"
)

type checkCmd struct {
	fileFlag
	Path string  `arg:"" optional:"" help:"The cache's file; by default what the configuration says."`
	DB   *string `name:"db" placeholder:"PATH" help:"The same, as a flag."`
}

// Run is called by kong. It only reads, and works on damaged files. Problems make the exit code 1.
func (c *checkCmd) Run(ctx context.Context, h *host) error {
	path, err := c.file(h)
	if err != nil {
		return err
	}
	r, err := cache.CheckFile(ctx, path)
	if err != nil {
		return withRemedy(err, path)
	}
	for _, p := range r.Problems {
		fmt.Fprintln(h.stdout, p)
	}
	model := "no vectors yet"
	if r.Model != "" {
		model = fmt.Sprintf("%d vectors of %s (%d numbers each)", r.Vectors, r.Model, r.Dim)
	}
	fmt.Fprintf(h.stdout, "%s: format %d, %d entries (%d expired), %d bytes of answers, %s, %d pages, %d bytes in all\n",
		r.Path, r.Version, r.Entries, r.Expired, r.Bytes, model, r.Pages, r.FileBytes)
	if !r.OK() {
		noun := "problems"
		if len(r.Problems) == 1 {
			noun = "problem"
		}
		fmt.Fprintf(h.stdout, "%d %s\n", len(r.Problems), noun)
		complain(h.stderr, fmt.Errorf("%s is damaged: restore a backup, or move it away and a new one will be made", path))
		return errQuiet
	}
	fmt.Fprintln(h.stdout, "no problems")
	return nil
}

// file is the argument, or the flag, or what the configuration says.
func (c *checkCmd) file(h *host) (string, error) {
	switch {
	case c.Path != "" && c.DB != nil:
		return "", fmt.Errorf("%w: the file is named twice, as argument and by --db; leave one out", config.ErrInvalid)
	case c.Path != "":
		return c.Path, nil
	}
	cfg, err := settingFlags{fileFlag: c.fileFlag, DB: c.DB}.load(h)
	if err != nil {
		return "", err
	}
	return cfg.DB, nil
}

// withRemedy adds the way out, in this program's own flags, to errors whose library cannot know them.
func withRemedy(err error, path string) error {
	switch {
	case errors.Is(err, cache.ErrModelMismatch):
		return fmt.Errorf("%w (here: embedder.kind and embedder.model; or --set cache.on_model_change=reembed, or another file with --db; `reprise check %s` shows what it holds)", err, path)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w (does its folder exist? --db names another file)", err)
	}
	return err
}
