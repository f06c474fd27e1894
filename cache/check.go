package cache

import (
	"context"
	"fmt"
	"strings"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// Problem is one thing that is wrong with a file.
type Problem struct {
	Bucket string // "" if it concerns no bucket
	Key    string // hex of the record's key; "" if it concerns no single record
	Page   uint64 // page number in the file; 0: not known, or the first meta page
	What   string
}

// String returns the problem in one line.
func (p Problem) String() string {
	var b strings.Builder
	if p.Bucket != "" {
		fmt.Fprintf(&b, "bucket %s, ", p.Bucket)
	}
	if p.Key != "" {
		fmt.Fprintf(&b, "key %s, ", p.Key)
	}
	if p.Page != 0 {
		fmt.Fprintf(&b, "page %d, ", p.Page)
	}
	if b.Len() == 0 { // of the file as a whole
		return p.What
	}
	return strings.TrimSuffix(b.String(), ", ") + ": " + p.What
}

// Report is what a check found.
type Report struct {
	Path      string
	Version   uint32 // of the file format; 0: could not be read
	Model     string // of the vectors; "" none yet
	Dim       int    // of the vectors
	Entries   int
	Vectors   int
	Lacking   int   // entries that have no vector yet, and will once an embedder works; not a problem
	Expired   int   // entries past their time that wait for the sweeper; not a problem
	Bytes     int64 // of the bodies
	Stored    int64 // of the bodies, as the file keeps them: compressed where that pays
	FileBytes int64
	Pages     uint64    // in use; 0: the file's structure could not be read
	Problems  []Problem // everything that is wrong; nil: nothing
}

// OK reports whether nothing is wrong.
func (r *Report) OK() bool { return len(r.Problems) == 0 }

// Check reads the whole file of the open cache: its page structure, every record's checksum, and that the records
// agree with each other. What is wrong is in the report; an error means that the check itself could not be made.
// Look-ups go on meanwhile, writes wait. It needs about 200 bytes of memory an entry.
func (c *Cache) Check(ctx context.Context) (*Report, error) {
	if err := c.usable(ctx); err != nil {
		return nil, err
	}
	r, err := c.store.Check(ctx)
	return report(c.path, r, err)
}

// CheckFile does the same for a file that no cache has open, damaged or not. It changes nothing.
func CheckFile(ctx context.Context, path string) (*Report, error) {
	r, err := store.CheckFile(ctx, path, DefaultLockTimeout)
	return report(path, r, err)
}

func report(path string, r *store.Report, err error) (*Report, error) {
	if err != nil {
		return nil, storeErr(path, err)
	}
	out := &Report{
		Path: path, Version: r.Version, Model: r.Model.ID, Dim: r.Model.Dim,
		Entries: r.Entries, Vectors: r.Vectors, Lacking: r.Lacking, Expired: r.Expired,
		Bytes: r.Bytes, Stored: r.StoredBytes, FileBytes: r.FileBytes, Pages: r.Pages,
	}
	for _, p := range r.Problems {
		out.Problems = append(out.Problems, Problem(p))
	}
	return out, nil
}
