package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/config"
)

// replaceFlag is that of the commands whose output may stand in the place of another file.
type replaceFlag struct {
	Replace bool `help:"Replace the file that is there."`
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

// output is where a command writes.
type output struct {
	name   string
	stdout io.Writer // what "-" is
	stream bool      // the name is a pipe's or a device's, which is written to and not replaced
}

// output says whether the name can be written to, before work is done for it. Nothing may be written over the files that a server with
// this configuration keeps.
func (f replaceFlag) output(name string, cfg *config.Config, stdout io.Writer) (*output, error) {
	o := &output{name: name, stdout: stdout}
	if name == "-" {
		return o, nil
	}
	st, err := os.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		if folder, err := os.Stat(filepath.Dir(name)); err != nil || !folder.IsDir() {
			return nil, fmt.Errorf("%w: %s: its folder does not exist: make it, or name a file elsewhere", config.ErrInvalid, name)
		}
		return o, nil
	}
	if err != nil {
		return nil, err
	}
	for _, kept := range [...]struct{ path, is string }{
		{cfg.DB, "the cache's own file"}, {cfg.Keys.Path, "the file of keys"}, {cfg.RequestLogPath(), "the request log"},
	} {
		if own, err := os.Stat(kept.path); err == nil && os.SameFile(own, st) {
			return nil, fmt.Errorf("%w: %s is %s: name another", config.ErrInvalid, name, kept.is)
		}
	}
	switch {
	case st.IsDir():
		return nil, fmt.Errorf("%w: %s is a folder: name a file in it", config.ErrInvalid, name)
	case !st.Mode().IsRegular():
		o.stream = true
		return o, nil
	case !f.Replace:
		return nil, fmt.Errorf("%s exists: give another name, or replace it by --replace", name)
	}
	// Of a link, what it leads to is replaced.
	o.name, err = filepath.EvalSymlinks(name)
	return o, err
}

// write writes a file that has its name only once it is whole and on disk, or else to what the output is.
func (o *output) write(write func(io.Writer) error) (err error) {
	if o.name == "-" {
		return buffered(o.stdout, write)
	}
	if o.stream {
		f, err := os.OpenFile(o.name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(buffered(f, write), f.Close())
	}
	f, err := os.CreateTemp(filepath.Dir(o.name), filepath.Base(o.name)+".new-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name()) // half a file helps nobody
		}
	}()
	if err := errors.Join(buffered(f, write), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), o.name)
}

func buffered(w io.Writer, write func(io.Writer) error) error {
	b := bufio.NewWriterSize(w, 1<<20)
	return errors.Join(write(b), b.Flush())
}
