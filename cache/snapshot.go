package cache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/reprise-cache/reprise/cache/boltfile"
	"github.com/reprise-cache/reprise/cache/internal/store"
	"github.com/reprise-cache/reprise/index"
)

// The snapshot is a file beside the cache's own, named as it with .index at the end, that keeps how the index has laid out its
// vectors: see index.AppendLayout. The vectors, their partitions and who is there at all come from the cache's file always, each
// under its checksum. A snapshot can therefore be late, and even wrong, without an answer becoming wrong: entries that came after it
// find their place as they do when they are stored, those that went are not met. What it is trusted for is time.
//
//	0  magic           16 bytes  "reprise index 1\n"
//	16 file            16 bytes  the cache file's identity
//	32 generation       8 bytes  of the cache file, big-endian: as of which commit
//	40 vectors          4 bytes  the generation of the vectors
//	44 payload length   8 bytes
//	52 payload                   the layout
//	   SHA-256         32 bytes  over all before
const (
	snapshotMagic  = "reprise index 1\n"
	snapshotHeader = 52
)

func snapshotPath(path string) string { return path + ".index" }

// layOut makes a loader by the snapshot if there is one that fits, and a plain one else.
func (c *Cache) layOut() (*index.Loader, error) {
	l := &c.loading
	layout, at, err := c.readSnapshot()
	if err == nil && layout != nil {
		var loader *index.Loader
		if loader, err = c.index.Loader(layout); err == nil {
			l.fromSnapshot.Store(true)
			c.snapshotAt = at
			return loader, nil
		}
	}
	if err != nil {
		why := err.Error()
		l.snapshot.Store(&why)
		// It would only become older; and one of another file's past must not come true one day.
		_ = os.Remove(snapshotPath(c.path)) // if it stays, it is refused again
	}
	return c.index.Loader(nil)
}

// readSnapshot returns the layout of the snapshot, and as of which commit it is; nil: there is none.
func (c *Cache) readSnapshot() (layout []byte, generation uint64, err error) {
	b, err := os.ReadFile(snapshotPath(c.path))
	if errors.Is(err, os.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	now, err := c.store.Snapshot()
	if err != nil {
		return nil, 0, err
	}
	return openSnapshot(b, now)
}

// openSnapshot returns the layout of a snapshot that is of this file and no later than now.
func openSnapshot(b []byte, now store.Snapshot) (layout []byte, generation uint64, err error) {
	if len(b) < snapshotHeader+sha256.Size || string(b[:16]) != snapshotMagic {
		return nil, 0, errors.New("it is no snapshot of this version")
	}
	body, digest := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], digest) {
		return nil, 0, errors.New("it fails its digest")
	}
	generation = binary.BigEndian.Uint64(body[32:])
	switch {
	case !bytes.Equal(body[16:32], now.File[:]):
		return nil, 0, errors.New("it is of another file")
	case binary.BigEndian.Uint32(body[40:]) != now.Vectors:
		return nil, 0, errors.New("it is of another model's vectors")
	case generation > now.Generation:
		return nil, 0, fmt.Errorf("it is of commit %d, and the file is at %d: an older copy of the file was put back", generation, now.Generation)
	case binary.BigEndian.Uint64(body[44:]) != uint64(len(body)-snapshotHeader):
		return nil, 0, errors.New("its length is wrong")
	}
	return body[snapshotHeader:], generation, nil
}

func sealSnapshot(s store.Snapshot, layout []byte) []byte {
	b := make([]byte, 0, snapshotHeader+len(layout)+sha256.Size)
	b = append(b, snapshotMagic...)
	b = append(b, s.File[:]...)
	b = binary.BigEndian.AppendUint64(b, s.Generation)
	b = binary.BigEndian.AppendUint32(b, s.Vectors)
	b = binary.BigEndian.AppendUint64(b, uint64(len(layout)))
	b = append(b, layout...)
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// Snapshot writes how the index is laid out beside the file, for the next Open to be quick. It is done every
// Options.SnapshotInterval and by Close; a crash costs time at most. Writes wait some milliseconds for it, look-ups do not.
func (c *Cache) Snapshot(ctx context.Context) error {
	if err := c.usable(ctx); err != nil {
		return err
	}
	return c.snapshot(ctx)
}

func (c *Cache) snapshot(ctx context.Context) error {
	if c.index == nil || c.Ready() != nil {
		return nil // nothing to say, or not yet
	}
	c.snapshotting.Lock()
	defer c.snapshotting.Unlock()
	var layout []byte
	at, err := c.store.Between(ctx, func() { layout = c.index.AppendLayout(nil) })
	if err != nil {
		if ctx.Err() == nil { // else whoever asked has left, and nothing is wrong
			c.stats.snapshotErrors.Add(1)
		}
		return storeErr(c.path, err)
	}
	if at.Generation == c.snapshotAt {
		return nil // there is one of this state
	}
	if layout == nil { // no partition is large enough
		return nil // one that is there holds what it says
	}
	if err := writeFile(snapshotPath(c.path), sealSnapshot(at, layout)); err != nil {
		c.stats.snapshotErrors.Add(1)
		return fmt.Errorf("cache: snapshot: %w", err)
	}
	c.snapshotAt = at.Generation
	c.stats.snapshots.Add(1)
	return nil
}

// newSuffix is what the snapshot's name ends with until it is whole. Whoever has the cache's file writes it, and nobody else.
const newSuffix = ".new"

// dropHalfSnapshot removes what a process left that was killed while it wrote one.
func dropHalfSnapshot(path string) {
	_ = os.Remove(snapshotPath(path) + newSuffix) // the next one to be written replaces it anyway
}

// writeFile gives a file its name once it is whole and on disk.
func writeFile(path string, content []byte) error {
	f, err := os.OpenFile(path+newSuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name()) // the first error is the one to tell
		return err
	}
	return boltfile.SyncDir(filepath.Dir(path))
}

// keepSnapshots writes one now and then until the cache is closed.
func (c *Cache) keepSnapshots() {
	tick := time.NewTicker(c.opts.SnapshotInterval)
	defer tick.Stop()
	for {
		select {
		case <-c.life.Done():
			return
		case <-tick.C:
			_ = c.snapshot(c.life) // counted
		}
	}
}
