package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/reprise-cache/reprise/cache"
)

type exportCmd struct {
	remoteFlags
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
	return writeWhole(c.File, h.stdout, func(w io.Writer) error {
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

// openPlain opens a cache's file without models: what works on entries and not on questions needs none.
func openPlain(path string) (*cache.Cache, error) {
	if _, err := os.Stat(path); err != nil { // or Open would make one
		return nil, withRemedy(err, path)
	}
	opened, err := cache.Open(path, cache.Options{HotBytes: -1, MaxBytes: cache.NoLimit, SweepInterval: -1, NoLearning: true})
	if errors.Is(err, cache.ErrLocked) {
		return nil, fmt.Errorf("%w (a server that has it open does this with --url)", err)
	}
	return opened, err
}

// writeWhole writes a file that has its name only once it is whole and on disk; "-" is standard output.
func writeWhole(name string, stdout io.Writer, write func(io.Writer) error) (err error) {
	if name == "-" {
		w := bufio.NewWriter(stdout)
		return errors.Join(write(w), w.Flush())
	}
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // half a file helps nobody
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := errors.Join(write(w), w.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
