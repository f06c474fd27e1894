package cache

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/reprise-cache/reprise/cache/internal/room"
	"github.com/reprise-cache/reprise/cache/internal/store"
)

// NoLimit as a limit on entries or bytes says that there is none. Zero cannot say so: it means the default.
const NoLimit = -1

// DefaultMaxBytes is how much a cache keeps where nothing else is said. Entries of a thousand bytes are then about a million,
// which take some three to four GiB of memory with their index: what a usual machine has to spare.
const DefaultMaxBytes = 4 << 30

// DefaultSecondWorth is what a second that a caller does not have to wait for is worth where nothing else is said, in US dollars: about
// what a small model's answer of a few hundred tokens costs, so that time decides among cheap answers, and money among others.
const DefaultSecondWorth = 0.0001

// Of an answer whose price is not known, this is taken to have been it, for each byte: 0.6 dollars a million tokens of four bytes.
const guessedByteWorth = 0.6e-6 / 4

// entryRows is about what an entry takes beside its texts and its vector: keys, rows, checksums.
const entryRows = 256

// sizeOf is what an entry counts for against limits in bytes: question, namespace, the answer before it is compressed, its vector, and
// its rows. It is worked out from the head, so that it is the same after every restart.
func (c *Cache) sizeOf(h *store.Head) int64 {
	n := int64(entryRows+len(h.Text)+len(h.Namespace)) + int64(h.BodyLen)
	if h.Semantic && c.opts.Embedder != nil {
		n += 4 * int64(c.opts.Embedder.Dim())
	}
	return n
}

// worthOf is what an answer saves each time that it is served, in US dollars.
func (c *Cache) worthOf(h *store.Head) float64 {
	worth := h.Cost
	if worth == 0 {
		worth = guessedByteWorth * float64(h.BodyLen)
	}
	return worth + max(0, c.opts.SecondWorth)*time.Duration(h.Took).Seconds()
}

func (c *Cache) roomEntry(h *store.Head) room.Entry {
	return room.Entry{
		ID: h.ID, Hash: binary.BigEndian.Uint64(h.Key[:]), Namespace: h.Namespace, Bytes: c.sizeOf(h), Worth: c.worthOf(h),
		Brought: h.Brought,
	}
}

func newRoom(o *Options) *room.Room {
	own := map[string]room.Limits{}
	for name, n := range o.Namespaces {
		if n.MaxEntries > 0 || n.MaxBytes > 0 {
			own[name] = room.Limits{Entries: n.MaxEntries, Bytes: n.MaxBytes}
		}
	}
	return room.New(room.Limits{Entries: o.MaxEntries, Bytes: o.MaxBytes}, own, 1)
}

// fits refuses what no amount of room would be enough for.
func (c *Cache) fits(h *store.Head) error {
	size := c.sizeOf(h)
	if limit := c.opts.MaxBytes; limit > 0 && size > limit {
		return fmt.Errorf("%w: entry of %d bytes: Options.MaxBytes is %d for all", ErrTooLarge, size, limit)
	}
	if limit := c.opts.Namespaces[h.Namespace].MaxBytes; limit > 0 && size > limit {
		return fmt.Errorf("%w: entry of %d bytes: MaxBytes of the namespace %q is %d", ErrTooLarge, size, h.Namespace, limit)
	}
	return nil
}

// keeper is the cache as the store knows it: what says what has to go.
type keeper struct{ c *Cache }

// Fit is called in the transaction, before it is known whether it will come about.
func (k keeper) Fit(changes []store.Change) (gone []uint64, uses []store.Uses) {
	r := k.c.room
	r.Begin()
	for i := range changes {
		for _, gone := range changes[i].Removed {
			r.Remove(gone.ID)
		}
		if h := changes[i].Put; h != nil {
			r.Add(k.c.roomEntry(h))
		}
	}
	gone = r.Evict()
	k.c.evicting = len(gone)
	for i := range changes {
		if h := changes[i].Put; h != nil {
			if n, ok := r.CountsOf(h.ID); ok {
				uses = append(uses, store.Uses{ID: h.ID, At: n.At, Sum: n.Sum})
			}
		}
	}
	return gone, uses
}

func (k keeper) Done(committed bool) {
	if !committed {
		k.c.room.Rollback()
		return
	}
	k.c.room.Commit()
	k.c.stats.evicted.Add(uint64(k.c.evicting))
}

// shrink brings a cache whose limits are lower than what it holds within them, in commits between which others get in.
func (c *Cache) shrink() {
	for c.life.Err() == nil && c.room.Over() {
		if err := c.store.Fit(c.life); err != nil {
			c.stats.sweepErrors.Add(1)
			return
		}
	}
}

// usesBatch is how many rows of uses one commit writes, and usesLast how many are written when the cache is closed. What is lost makes
// the cache a little less wise about what to keep.
const (
	usesBatch = 1024
	usesLast  = 64 * usesBatch
)

// writeUses writes the counts of what was used since the last time.
func (c *Cache) writeUses(ctx context.Context, most int) {
	for range most / usesBatch {
		used := c.room.TakeUsed(usesBatch)
		if len(used) == 0 {
			return
		}
		rows := make([]store.Uses, len(used))
		for i, u := range used {
			rows[i] = store.Uses{ID: u.ID, At: u.At, Sum: u.Sum}
		}
		if err := c.store.PutUses(ctx, rows); err != nil {
			c.stats.sweepErrors.Add(1)
			return
		}
	}
}

// RoomStats says how much of its limits a cache, or a namespace, takes.
type RoomStats struct {
	Entries, Bytes       int64 // kept; bytes as they count against the limit
	MaxEntries, MaxBytes int64 // zero: no limit
}

// Room says how much of the limits the cache takes.
func (c *Cache) Room() RoomStats {
	u := c.room.Usage()
	return RoomStats{u.Entries, u.Bytes, max(0, c.opts.MaxEntries), max(0, c.opts.MaxBytes)}
}

// RoomOf says the same of a namespace.
func (c *Cache) RoomOf(namespace string) RoomStats {
	u, n := c.room.UsageOf(namespace), c.opts.Namespaces[namespace]
	return RoomStats{u.Entries, u.Bytes, max(0, n.MaxEntries), max(0, n.MaxBytes)}
}
