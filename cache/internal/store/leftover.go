package store

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/reprise-cache/reprise/cache/boltfile"
)

// newInfix is between a file's name and what makes a temporary one's unique, which it has until it is whole.
const newInfix = ".new-"

// leftAfter is how long nobody must have written to a new file for it to be nobody's: whoever makes one beside a file that is
// there takes milliseconds, or writes to it all the time, as Restore does, or has it locked, as while Restore checks it.
const leftAfter = time.Hour

// removeLeftovers removes what killed processes left beside the file, whose lock this process has. A compaction, and whoever
// writes a snapshot of the index, have had that lock, so that theirs are nobody's now. A new file may be of a process that found
// no file when it began, and waits for the lock, or will be told that there is one. What cannot be removed stays, and does no harm.
func removeLeftovers(path string) {
	_ = os.Remove(compactPath(path))
	base := filepath.Base(path) + newInfix
	names, err := os.ReadDir(filepath.Dir(path)) // not Glob, to which a path may look like a pattern
	if err != nil {
		return
	}
	for _, e := range names {
		info, err := e.Info()
		if !strings.HasPrefix(e.Name(), base) || err != nil || !info.Mode().IsRegular() || time.Since(info.ModTime()) < leftAfter {
			continue
		}
		left := filepath.Join(filepath.Dir(path), e.Name())
		if unlock, err := boltfile.LockShared(left, time.Nanosecond); err == nil {
			unlock()
			_ = os.Remove(left)
		}
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
