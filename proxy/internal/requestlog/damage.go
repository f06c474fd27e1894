package requestlog

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"time"

	berrors "go.etcd.io/bbolt/errors"

	"github.com/reprise-cache/reprise/cache/boltfile"
)

// What a damaged file holds is no longer needed by anybody who waits for an answer, so that Open does without: it gives the file
// another name, and begins a new one. A file that is another program's, or another version's, is left alone and refused.

// ErrFormat: the file is not a request log that this program can read.
var ErrFormat = errors.New("requestlog: not a request log of this version")

// ErrBusy: another process has the file open.
var ErrBusy = errors.New("requestlog: another process has the file open")

// ErrCorrupt: the file holds something that was not written by this package.
var ErrCorrupt = errors.New("requestlog: the file is damaged")

func corrupt(what string) error { return fmt.Errorf("%w: %s cannot be read", ErrCorrupt, what) }

// guarded runs fn on the open file, where a page may have rotted since it was verified.
func guarded(fn func() error) error {
	err := boltfile.Guard(fn)
	if errors.Is(err, boltfile.ErrPanicked) {
		return fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return err
}

// opening says what kept the file from being opened.
func opening(path string, err error) error {
	var d *boltfile.Damage
	switch {
	case err == nil:
		return nil
	case errors.As(err, &d) && (!d.Bolt || len(d.Buckets) > 0 && !ours(d.Buckets) && !partOfOurs(d.Buckets)):
		return fmt.Errorf("%w: %s: %w", ErrFormat, path, d)
	case errors.As(err, &d), errors.Is(err, boltfile.ErrPanicked):
		return fmt.Errorf("%w: %s: %w", ErrCorrupt, path, err)
	case errors.Is(err, ErrCorrupt), errors.Is(err, ErrFormat):
		return fmt.Errorf("%w: %s", err, path)
	case errors.Is(err, berrors.ErrTimeout):
		return fmt.Errorf("%w: %s", ErrBusy, path)
	}
	return fmt.Errorf("requestlog: %w", err)
}

// ours reports whether a file with these buckets is a request log. Those of the names that other files of this program have too
// tell nothing, and one name may be what is damaged.
func ours(names []string) bool {
	found := 0
	for _, own := range [][]byte{bucketRecords, bucketFeedback, bucketCosts} {
		if slices.Contains(names, string(own)) {
			found++
		}
	}
	return found >= 2
}

// partOfOurs reports whether these may be all that can still be read of a request log's buckets: one that no other file of this program
// has is among them, and none that a request log does not have.
func partOfOurs(names []string) bool {
	foreign := func(name string) bool {
		return !slices.ContainsFunc(buckets, func(b []byte) bool { return string(b) == name })
	}
	return !slices.ContainsFunc(names, foreign) && slices.ContainsFunc(names, func(name string) bool {
		return name != string(bucketMeta) && name != string(bucketTraces)
	})
}

// openOrBegin opens the file, or sets a damaged one aside and begins a new one.
func openOrBegin(path string, log *slog.Logger) (*store, error) {
	s, err := openStore(path, false)
	if !errors.Is(err, ErrCorrupt) {
		return s, err
	}
	aside, moved := setAside(path, time.Now())
	if moved != nil {
		return nil, fmt.Errorf("%w, and cannot be set aside: %w", err, moved)
	}
	log.Error("the request log is damaged: it was set aside, and a new one is begun", "error", err, "kept_as", aside)
	return openStore(path, false)
}

// setAside gives the file a name that no other has.
func setAside(path string, now time.Time) (aside string, err error) {
	first := path + ".damaged-" + now.UTC().Format("20060102T150405Z")
	aside = first
	for n := 2; ; n++ {
		if _, err := os.Lstat(aside); errors.Is(err, fs.ErrNotExist) {
			return aside, os.Rename(path, aside)
		} else if err != nil {
			return "", err
		}
		aside = first + "-" + strconv.Itoa(n)
	}
}
