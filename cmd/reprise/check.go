package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/config"
)

type checkCmd struct {
	fileFlag
	Path string  `arg:"" optional:"" help:"The cache's file; by default what the configuration says."`
	DB   *string `name:"db" placeholder:"PATH" help:"The same, as a flag."`

	Repair string `placeholder:"FILE" help:"Write what is whole to a new file, and say what was lost. The damaged one is not touched."`
}

// Run is called by kong. It only reads, and works on damaged files. Problems make the exit code 1.
func (c *checkCmd) Run(ctx context.Context, h *host) error {
	path, err := c.file(h)
	if err != nil {
		return err
	}
	if c.Repair != "" {
		return repair(ctx, h, path, c.Repair)
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
		if r.Lacking > 0 {
			model += fmt.Sprintf(" and %d entries that lack theirs, which a server with that model adds", r.Lacking)
		}
	}
	fmt.Fprintf(h.stdout, "%s: format %d, %d entries (%d expired), %d bytes of answers, %s, %d pages, %d bytes in all\n",
		r.Path, r.Version, r.Entries, r.Expired, r.Bytes, model, r.Pages, r.FileBytes)
	if !r.OK() {
		noun := "problems"
		if len(r.Problems) == 1 {
			noun = "problem"
		}
		fmt.Fprintf(h.stdout, "%d %s\n", len(r.Problems), noun)
		complain(h.stderr, fmt.Errorf("%s is damaged: restore a backup, save what is whole with `reprise check --repair NEW %s`, or move it away and a new one will be made", path, path))
		return errQuiet
	}
	fmt.Fprintln(h.stdout, "no problems")
	return nil
}

// repair salvages, checks what came of it, and tells what was lost. Exit code 1 says that something was.
func repair(ctx context.Context, h *host, path, to string) error {
	s, err := cache.Salvage(ctx, path, to)
	if err != nil {
		return withRemedy(err, path)
	}
	r, err := cache.CheckFile(ctx, to)
	if err != nil {
		return err
	}
	if err := tellCopy(h, r); err != nil {
		return err
	}
	const shown = 200 // bytes of a question
	for _, e := range s.Lost {
		fmt.Fprintf(h.stdout, "lost: entry %v, namespace %q, question %.*q\n", e.ID, e.Namespace, shown, e.Text)
	}
	fmt.Fprintf(h.stdout, "kept %d entries, %d of them with a vector, and %d rows of what was learnt\n", s.Entries, s.Vectors, s.Learned)
	fmt.Fprintf(h.stdout, "lost %d answers whose question is known, %d whose question is not; %d were left out for a later answer to their question\n",
		len(s.Lost), s.Unnamed, s.Twice)
	if s.NoModel {
		fmt.Fprintln(h.stdout, "it could not be told which model made the vectors, so that none was kept: a server that opens the new file makes them")
	}
	fmt.Fprintf(h.stdout, "%s is as it was, with %d problems in its pages; to use the new file, move it there, or name it with --db\n", path, len(s.Problems))
	if len(s.Problems)+len(s.Lost)+s.Unnamed > 0 {
		return errQuiet
	}
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
		remedy := "name the cache's file by --db, or by --config the configuration that does"
		if _, folder := os.Stat(filepath.Dir(path)); folder != nil {
			remedy = "its folder does not exist: make it, or name another file by --db"
		}
		var of *cache.StoreError
		if errors.As(err, &of) { // whose own hint, that there is no such file, is said already
			told := *of
			told.Hint = remedy
			return &told
		}
		return fmt.Errorf("%w (%s)", err, remedy)
	}
	return err
}
