package main

import (
	"context"
	"errors"
	"io"

	"github.com/reprise-cache/reprise/cache"
)

type exportCmd struct {
	remoteFlags
	replaceFlag
	File string `arg:"" optional:"" default:"-" help:"Where to write; by default standard output."`
}

// Run is called by kong. The file is complete when it has its name.
func (c *exportCmd) Run(ctx context.Context, h *host) error {
	cfg, err := c.load(h)
	if err != nil {
		return err
	}
	server, err := c.server(cfg)
	if err != nil {
		return err
	}
	out, err := c.output(c.File, cfg, h.stdout)
	if err != nil {
		return err
	}
	return out.write(func(w io.Writer) error {
		if server != nil {
			return c.fetch(ctx, h, server, w)
		}
		opened, err := openPlain(cfg.DB)
		if err != nil {
			return err
		}
		bar := newProgress(h, "exporting", opened.Stats().Entries, false)
		defer bar.Close()
		err = opened.Export(ctx, func(r *cache.Record) error {
			line, err := r.MarshalJSON()
			if err != nil {
				return err
			}
			_ = bar.Add(1) // it is only shown
			_, err = w.Write(append(line, '\n'))
			return err
		})
		return errors.Join(err, opened.Close())
	})
}

// fetch copies what a server exports.
func (c *exportCmd) fetch(ctx context.Context, h *host, server *remote, w io.Writer) error {
	resp, err := server.call(ctx, "entries/export", nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	bar := newProgress(h, "exporting", resp.ContentLength, true)
	defer bar.Close()
	_, err = io.Copy(io.MultiWriter(w, bar), resp.Body)
	return err
}
