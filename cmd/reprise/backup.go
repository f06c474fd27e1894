package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/config"
)

type backupCmd struct {
	remoteFlags
	replaceFlag
	File string `arg:"" help:"Where to write the backup: a cache's file as of one moment."`
}

// Run is called by kong. The backup has its name once it is whole; then it is checked.
func (c *backupCmd) Run(ctx context.Context, h *host) error {
	cfg, err := c.load(h)
	if err != nil {
		return err
	}
	out, err := c.output(c.File, cfg, h.stdout)
	if err != nil {
		return err
	}
	if out.stream || c.File == "-" {
		return fmt.Errorf("%w: a backup is checked once it is written, so that it needs a file's name", config.ErrInvalid)
	}
	server, err := c.server(cfg)
	if err != nil {
		return err
	}
	err = out.write(func(w io.Writer) error {
		if server != nil {
			resp, err := server.call(ctx, "backup", nil)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			bar := newProgress(h, "backing up", -1, true)
			defer bar.Close()
			_, err = io.Copy(io.MultiWriter(w, bar), resp.Body)
			return err
		}
		opened, err := openPlain(cfg.DB)
		if err != nil {
			return err
		}
		bar := newProgress(h, "backing up", opened.Stats().FileBytes, true)
		defer bar.Close()
		_, err = opened.Backup(ctx, io.MultiWriter(w, bar))
		return errors.Join(err, opened.Close())
	})
	if err != nil {
		return err
	}
	r, err := cache.CheckFile(ctx, c.File)
	if err != nil {
		return err
	}
	return tellCopy(h, r)
}

// tellCopy says what a copy holds, or fails if it is not sound.
func tellCopy(h *host, r *cache.Report) error {
	for _, p := range r.Problems {
		fmt.Fprintln(h.stdout, p)
	}
	if !r.OK() {
		complain(h.stderr, fmt.Errorf("%s is damaged", r.Path))
		return errQuiet
	}
	fmt.Fprintf(h.stdout, "%s: %d entries, %d vectors, %d bytes, no problems\n", r.Path, r.Entries, r.Vectors, r.FileBytes)
	return nil
}

type restoreCmd struct {
	settingFlags
	replaceFlag
	Backup string `arg:"" help:"The backup, or any cache's file that is not in use."`
}

// Run is called by kong.
func (c *restoreCmd) Run(ctx context.Context, h *host) error {
	cfg, err := c.load(h)
	if err != nil {
		return err
	}
	r, err := cache.Restore(ctx, c.Backup, cfg.DB, c.Replace)
	switch {
	case errors.Is(err, cache.ErrExists):
		return fmt.Errorf("%w (--replace says so)", err)
	case err != nil:
		return err
	}
	return tellCopy(h, r)
}

type compactCmd struct{ remoteFlags }

// Run is called by kong.
func (c *compactCmd) Run(ctx context.Context, h *host) error {
	cfg, err := c.load(h)
	if err != nil {
		return err
	}
	server, err := c.server(cfg)
	if err != nil {
		return err
	}
	var said struct{ Before, After int64 }
	if server != nil {
		err = server.post(ctx, "compact", nil, &said)
	} else {
		said.Before, said.After, err = compactFile(ctx, h, cfg.DB)
	}
	if err != nil {
		return err
	}
	if said.After == said.Before {
		fmt.Fprintf(h.stdout, "%d bytes: the file is as small as its content allows, and was left as it is\n", said.Before)
		return nil
	}
	fmt.Fprintf(h.stdout, "%d bytes before, %d after\n", said.Before, said.After)
	return nil
}

func compactFile(ctx context.Context, h *host, path string) (before, after int64, err error) {
	opened, err := openPlain(path)
	if err != nil {
		return 0, 0, err
	}
	bar := newProgress(h, "compacting", opened.Stats().FileBytes, true)
	defer bar.Close()
	before, after, err = opened.Compact(ctx, func(done, total int64) {
		bar.ChangeMax64(total)
		_ = bar.Set64(done) // it is only shown
	})
	return before, after, errors.Join(err, opened.Close())
}
