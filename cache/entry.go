package cache

import (
	"fmt"
	"strconv"
	"time"
)

// ID names an entry. IDs grow and are never used twice in one file; an overwritten question gets a new one.
type ID uint64

// String returns the id as 16 hex digits.
func (id ID) String() string {
	var b [16]byte
	for i := range b {
		b[i] = "0123456789abcdef"[id>>(60-4*i)&15]
	}
	return string(b[:])
}

// ParseID reads what ID.String wrote: exactly 16 hex digits. The error wraps ErrInvalid.
func ParseID(s string) (ID, error) {
	n, err := strconv.ParseUint(s, 16, 64)
	if err != nil || len(s) != 16 {
		return 0, fmt.Errorf("%w: entry id %.40q: want 16 hex digits", ErrInvalid, s)
	}
	return ID(n), nil
}

// Value is an answer. Its bytes mean nothing to the cache.
type Value struct {
	Body []byte
	Cost float64       // of making it, in US dollars; 0: not known. It says what the answer saves, see Options.MaxBytes
	Took time.Duration // that making it took; 0: not known
}

// Entry is a stored answer. Entries are shared between callers: read them, and their bodies, but never write to
// them. They stay valid after the cache is closed.
type Entry struct {
	ID        ID
	Namespace string
	Text      string // the question that filled it: the last turn, or a conversation as ConversationJudged renders it; cut to about Options.MaxTextBytes
	Value     Value
	Created   time.Time
	Expires   time.Time // zero: never

	partition Digest
}

// refusal says why an entry of these times may not answer a query with this limit at this moment.
func (e *Entry) refusal(now time.Time, maxAge time.Duration) Reason {
	switch {
	case !e.Expires.IsZero() && !now.Before(e.Expires):
		return ReasonExpired
	case maxAge > 0 && now.Sub(e.Created) > maxAge:
		return ReasonAge
	}
	return ReasonNone
}
