package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// Errors that callers may want to tell apart, with errors.Is.
var (
	// ErrClosed: the cache was closed before or during the call.
	ErrClosed = errors.New("cache: closed")
	// ErrNotFound: no entry has that id, or it has expired.
	ErrNotFound = errors.New("cache: no such entry")
	// ErrInvalid: an argument is outside what its documentation allows. The text names the field and the remedy.
	ErrInvalid = errors.New("cache: invalid")
	// ErrTooLarge: the body is larger than Options.MaxValueBytes.
	ErrTooLarge = errors.New("cache: too large")
	// ErrModelMismatch: the file holds vectors of another embedding model than Options.Embedder's, and
	// Options.OnModelChange does not allow to replace them.
	ErrModelMismatch = errors.New("cache: embedding model differs from the file's")
	// ErrDimension: the embedder returned vectors of another length than its Dim, or ones that are no direction.
	ErrDimension = errors.New("cache: bad vector")
	// ErrCorrupt: the file is damaged. It always comes inside a *StoreError that says where.
	ErrCorrupt = errors.New("cache: file damaged")
	// ErrFormat: the file is whole but of a format version that this program does not know.
	ErrFormat = errors.New("cache: unknown file format version")
	// ErrFull: there is no room left on the file's disk. What is stored stays.
	ErrFull = errors.New("cache: no room on the disk")
	// ErrReadOnly: the file, its folder or its disk may not be written.
	ErrReadOnly = errors.New("cache: file cannot be written")
	// ErrExists: there is a file already, and the call was not told to replace it.
	ErrExists = errors.New("cache: the file exists")
	// ErrBusy: a compaction is under way already.
	ErrBusy = errors.New("cache: a compaction is under way")
	// ErrOverloaded: so many writes wait for the file that an answer was handed out without being stored.
	ErrOverloaded = errors.New("cache: too many writes wait, the answer is not stored")
	// ErrExited: a function that was called for others, too, ended its goroutine (runtime.Goexit, which testing's FailNow calls).
	ErrExited = errors.New("cache: ended by runtime.Goexit")
	// ErrLocked: another process has the file open.
	ErrLocked = errors.New("cache: file in use by another process")
)

// StoreError is a failure of the file beneath the cache, with the place and what can be done about it.
type StoreError struct {
	Path   string // the file
	Bucket string // "" if the failure is not in a bucket
	Key    string // hex of the record's key; "" if it concerns no single record
	Page   uint64 // page number in the file; zero: not known
	Cause  error  // wraps ErrCorrupt, ErrFormat or ErrLocked, or is the operating system's error
	Hint   string // what to do
}

// Error names the file, the place, the cause and the remedy in one line.
func (e *StoreError) Error() string {
	var b strings.Builder
	fmt.Fprint(&b, e.Cause)
	if of := new(fs.PathError); !errors.As(e.Cause, &of) || of.Path != e.Path { // else the cause names it
		fmt.Fprintf(&b, ": %s", e.Path)
	}
	if e.Bucket != "" {
		fmt.Fprintf(&b, ", bucket %s", e.Bucket)
	}
	if e.Key != "" {
		fmt.Fprintf(&b, ", key %s", e.Key)
	}
	if e.Page != 0 {
		fmt.Fprintf(&b, ", page %d", e.Page)
	}
	if e.Hint != "" {
		fmt.Fprintf(&b, " (%s)", e.Hint)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *StoreError) Unwrap() error { return e.Cause }

// storeErr turns the store's fault into the exported type; other errors pass.
func storeErr(path string, err error) error {
	if errors.Is(err, store.ErrClosed) {
		return ErrClosed
	}
	if errors.Is(err, store.ErrBusy) {
		return ErrBusy
	}
	var f *store.Fault
	if !errors.As(err, &f) {
		return err
	}
	e := &StoreError{Path: path, Bucket: f.Bucket, Key: f.Key, Page: f.Page}
	switch f.Kind {
	case store.Exists:
		e.Cause, e.Hint = ErrExists, "name another file, or say that it is to be replaced"
	case store.Full:
		e.Cause, e.Hint = fmt.Errorf("%w: %w", ErrFull, f.Err), "make room on its disk; what is stored stays, and new answers are stored again once there is room"
	case store.ReadOnly:
		e.Cause, e.Hint = fmt.Errorf("%w: %w", ErrReadOnly, f.Err), "let this process write the file and its folder, or name a file elsewhere"
	case store.Corrupt:
		e.Cause, e.Hint = fmt.Errorf("%w: %w", ErrCorrupt, f.Err), "run `reprise check` on it for the whole list; restore a backup, or move it away to begin anew"
	case store.Format:
		e.Cause, e.Hint = fmt.Errorf("%w: %w", ErrFormat, f.Err), "open it with the version of the program that wrote it"
	case store.Locked:
		e.Cause, e.Hint = ErrLocked, "stop the other process, or give this one a file of its own"
	default:
		e.Cause, e.Hint = fmt.Errorf("cache: %w", f.Err), "check the file's permissions and the room on its disk"
		if errors.Is(f.Err, fs.ErrNotExist) {
			e.Hint = "it, or its folder, does not exist"
		}
	}
	return e
}
