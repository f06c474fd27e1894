package cache

import (
	"context"
	"errors"
	"hash/fnv"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

var bg = context.Background()

// bagEmbedder is an embedder whose cosine is the share of words that two texts have in common: enough to make
// neighbours at will, and easy to reckon by hand.
type bagEmbedder struct {
	id    string
	dim   int
	calls atomic.Int64
	err   atomic.Pointer[error] // if set, every call fails with it
	make  func(text string) []float32
}

func newBag() *bagEmbedder { return &bagEmbedder{id: "bag/1", dim: 512} }

func (b *bagEmbedder) ID() string { return b.id }
func (b *bagEmbedder) Dim() int   { return b.dim }

func (b *bagEmbedder) fail(err error) {
	if err == nil {
		b.err.Store(nil)
		return
	}
	b.err.Store(&err)
}

func (b *bagEmbedder) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	b.calls.Add(1)
	if err := b.err.Load(); err != nil {
		return nil, *err
	}
	out := make([][]float32, len(texts))
	for i, text := range texts {
		if b.make != nil {
			out[i] = b.make(text)
			continue
		}
		out[i] = make([]float32, b.dim)
		out[i][0] = 0.01 // never zero
		for w := range strings.FieldsSeq(strings.ToLower(text)) {
			h := fnv.New32a()
			h.Write([]byte(strings.Trim(w, "?!.,")))
			out[i][h.Sum32()%uint32(b.dim)] = 1
		}
	}
	return out, ctx.Err()
}

// open opens a cache in a new folder, or at the given path. When the test ends it is closed, and its file checked. Where a
// test does not name a budget, it is not about one: whatever threshold and guards let through is served.
func open(t testing.TB, o Options, path ...string) *Cache {
	t.Helper()
	if o.MaxError == 0 {
		o.MaxError = 1
	}
	if len(path) == 0 {
		path = []string{filepath.Join(t.TempDir(), "cache.db")}
	}
	c, err := Open(path[0], o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeSound(t, c) })
	return c
}

// closeSound closes the cache and fails the test if its file has a problem.
func closeSound(t testing.TB, c *Cache) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	r, err := CheckFile(bg, c.path)
	if errors.Is(err, ErrLocked) {
		return // the test has opened it again; that one's end will check
	}
	if err != nil {
		t.Fatalf("check: %v", err)
	}
	for _, p := range r.Problems {
		t.Errorf("check: %v", p)
	}
}

// ask is a query of one user turn.
func ask(text string) Query { return Query{Messages: []Message{{Role: "user", Text: text}}} }

func put(t testing.TB, c *Cache, q Query, body string) ID {
	t.Helper()
	id, err := c.Put(bg, q, Value{Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// expect looks q up and compares the status and, for hits, the body.
func expect(t testing.TB, c *Cache, q Query, want Status, body string) *Lookup {
	t.Helper()
	l := c.Lookup(bg, q)
	if l.Status != want {
		t.Errorf("%q: %v (reason %q, err %v), want %v", q.last().Text, l.Status, l.Reason, l.Err, want)
	} else if l.Entry != nil && string(l.Entry.Value.Body) != body {
		t.Errorf("%q: served %q, want %q", q.last().Text, l.Entry.Value.Body, body)
	}
	return l
}
