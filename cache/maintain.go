package cache

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// Compact makes the file as small as its content allows, while look-ups and writes go on: what is in it goes to a new one beside it,
// which then takes its place. A process that dies meanwhile leaves the file as it was. progress, if not nil, is told how many
// of about how many bytes are done. It returns the sizes before and after, which are the same where the file was as small already, and
// was left as it is. On Windows, where the new one could not take the place, it
// is errors.ErrUnsupported before anything is done.
func (c *Cache) Compact(ctx context.Context, progress func(done, total int64)) (before, after int64, err error) {
	if err := c.usable(ctx); err != nil {
		return 0, 0, err
	}
	if !c.begin() { // so that Close waits for it
		return 0, 0, ErrClosed
	}
	defer c.working.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	before = c.store.FileBytes()
	if err := c.store.Compact(ctx, progress); err != nil {
		return before, before, storeErr(c.path, err)
	}
	if c.opts.SnapshotInterval >= 0 {
		_ = c.snapshot(ctx) // counted; the file is another now, and the old one's does not fit it
	}
	return before, c.store.FileBytes(), nil
}

// Backup writes the file as of one moment to w, while look-ups and writes go on, and returns its size. What is written is a
// cache's file: Open opens it, Restore puts it somewhere. A slow w makes the cache's own file grow.
func (c *Cache) Backup(ctx context.Context, w io.Writer) (int64, error) {
	if err := c.usable(ctx); err != nil {
		return 0, err
	}
	n, err := c.store.Backup(ctx, w)
	return n, storeErr(c.path, err)
}

// Restore puts a copy of the backup where path says, once it is whole, checked, and on disk. A file that is there is replaced only if
// replace says so, and only while no cache has it open. If the report lists problems, nothing was changed.
func Restore(ctx context.Context, backup, path string, replace bool) (*Report, error) {
	r, err := store.Restore(ctx, backup, path, replace, DefaultLockTimeout)
	if err == nil && len(r.Problems) > 0 {
		return report(backup, r, nil)
	}
	if err == nil {
		_ = os.Remove(snapshotPath(path)) // of what was there before; it would be refused
	}
	var failed *fs.PathError
	if errors.As(err, &failed) && failed.Path == backup && backup != path {
		return nil, &StoreError{Path: backup, Cause: fmt.Errorf("cache: backup: %w", failed), Hint: "name a backup that is there and can be read"}
	}
	return report(path, r, err)
}

// Salvaged is what a repair could keep of a damaged file, and what it could not.
type Salvaged struct {
	Entries int // kept
	Vectors int // of them; the others get one when the file is opened with an embedder, and are found by the very same question only until then
	Learned int // traits, rates and traces that were kept

	Lost    []*Entry // entries whose answer was not whole; they have no body
	Unnamed int      // answers whose question was not whole
	Twice   int      // entries left out because there is a later answer to their question
	NoModel bool     // it could not be told which model's the vectors are, so that none was kept

	Problems []Problem // of the damaged file
}

// Salvage writes what is whole in a damaged file to a new one, which must not exist. The damaged one is only read, and no cache may have
// it open.
func Salvage(ctx context.Context, damaged, to string) (*Salvaged, error) {
	s, err := store.Salvage(ctx, damaged, to, DefaultLockTimeout)
	var f *store.Fault
	if errors.As(err, &f) && f.Kind == store.Exists {
		return nil, storeErr(to, err)
	}
	if err != nil {
		return nil, storeErr(damaged, err)
	}
	out := &Salvaged{
		Entries: s.Entries, Vectors: s.Vectors, Learned: s.Learned, Unnamed: s.Unnamed, Twice: s.Twice, NoModel: s.NoModel,
	}
	for i := range s.Lost {
		out.Lost = append(out.Lost, entryOf(&s.Lost[i], nil))
	}
	for _, p := range s.Problems {
		out.Problems = append(out.Problems, Problem(p))
	}
	return out, nil
}
