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
	"github.com/reprise-cache/reprise/cache/boltfile"
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

	replace bool // a file of that name gives way, also one that was made since output was called
}

// output says whether the name can be written to, before work is done for it. Nothing may be written over the files that a server with
// this configuration keeps.
func (f replaceFlag) output(name string, cfg *config.Config, stdout io.Writer) (*output, error) {
	o := &output{name: name, stdout: stdout, replace: f.Replace}
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
		return nil, errTaken(name)
	}
	// Of a link, what it leads to is replaced.
	o.name, err = filepath.EvalSymlinks(name)
	return o, err
}

func errTaken(name string) error {
	return fmt.Errorf("%s exists: give another name, or replace it by --replace", name)
}

// write writes a file that has its name only once it is whole and on disk, and which is on disk under that name when write returns; or
// else to what the output is.
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
	if err := o.giveName(f.Name()); err != nil {
		return err
	}
	return boltfile.SyncDir(filepath.Dir(o.name))
}

// giveName gives the file its name. Without --replace that is a link and no rename, which would replace a file that someone has made
// since the name was found to be free; on a file system without links there is nothing better than to look again.
func (o *output) giveName(temp string) error {
	if o.replace {
		return os.Rename(temp, o.name)
	}
	err := os.Link(temp, o.name)
	if err == nil {
		return os.Remove(temp)
	}
	if _, taken := os.Lstat(o.name); taken == nil {
		return errTaken(o.name)
	}
	return os.Rename(temp, o.name)
}

func buffered(w io.Writer, write func(io.Writer) error) error {
	b := bufio.NewWriterSize(w, 1<<20)
	return errors.Join(write(b), b.Flush())
}
