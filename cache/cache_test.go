package cache

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

func TestExactAndSemantic(t *testing.T) {
	emb := newBag()
	c := open(t, Options{Embedder: emb})
	l := expect(t, c, ask("how do I reset my router password"), Miss, "")
	if l.Reason != ReasonEmpty || l.Mode != ModeSemantic {
		t.Errorf("reason %q, mode %v", l.Reason, l.Mode)
	}
	calls := emb.calls.Load()
	id, err := l.Fill(bg, Value{Body: []byte("hold the button")})
	if err != nil || emb.calls.Load() != calls {
		t.Errorf("fill: %v, and %d more embeddings", err, emb.calls.Load()-calls)
	}
	l = expect(t, c, ask("how do I reset my router password"), HitExact, "hold the button")
	if l.Entry.ID != id || l.Similarity != 1 || emb.calls.Load() != calls {
		t.Errorf("exact hit: %+v, embeddings %d", l.Entry, emb.calls.Load())
	}
	l = expect(t, c, ask("how do I reset my router password please"), HitSemantic, "hold the button")
	if l.Similarity < DefaultThreshold || len(l.Candidates) != 1 || l.Candidates[0].Reason != ReasonNone {
		t.Errorf("semantic hit: %+v", l)
	}
	l = expect(t, c, ask("what is the capital of peru"), Miss, "")
	if l.Reason != ReasonThreshold || len(l.Candidates) != 1 {
		t.Errorf("far: %+v", l)
	}
	s := c.Stats()
	if s.Lookups[HitExact] != 1 || s.Lookups[HitSemantic] != 1 || s.Lookups[Miss] != 2 || s.Entries != 1 || s.Bytes != 15 ||
		s.Fills != 1 || s.Vectors != 1 || s.Partitions != 1 || s.Refusals[ReasonThreshold] != 1 || s.Stages["embed"].Count == 0 {
		t.Errorf("stats: %+v", s)
	}
}

// TestScope varies everything of a query that must be equal, one at a time, and expects both tiers to miss.
func TestScope(t *testing.T) {
	base := func() Query {
		return Query{
			Namespace: "shop",
			Scope:     Hash([]byte("gpt"), []byte("temperature 0")),
			Messages: []Message{
				{Role: "system", Text: "be brief", Rest: Hash([]byte("r0"))},
				{Role: "user", Text: "hello"},
				{Role: "assistant", Text: "hi"},
				{Role: "user", Text: "how do I pay my bill online", Rest: Hash([]byte("image"))},
			},
		}
	}
	variations := map[string]func(*Query){
		"namespace":         func(q *Query) { q.Namespace = "bank" },
		"default namespace": func(q *Query) { q.Namespace = "" },
		"scope":             func(q *Query) { q.Scope[31] ^= 1 },
		"earlier role":      func(q *Query) { q.Messages[0].Role = "developer" },
		"earlier text":      func(q *Query) { q.Messages[0].Text = "be brief." },
		"earlier rest":      func(q *Query) { q.Messages[0].Rest[0] ^= 1 },
		"turn dropped":      func(q *Query) { q.Messages = append(q.Messages[:1:1], q.Messages[3]) },
		"turn added":        func(q *Query) { q.Messages = append([]Message{{Role: "user", Text: "x"}}, q.Messages...) },
		"turns swapped":     func(q *Query) { q.Messages[1], q.Messages[2] = q.Messages[2], q.Messages[1] },
		"text across turns": func(q *Query) { q.Messages[1].Text, q.Messages[2].Text = "hell", "ohi" },
		"text into role":    func(q *Query) { q.Messages[1].Role, q.Messages[1].Text = "userhello", "" },
		"last role":         func(q *Query) { q.Messages[3].Role = "tool" },
		"last rest":         func(q *Query) { q.Messages[3].Rest = Digest{} },
		"ns into scope":     func(q *Query) { q.Namespace = "sho"; q.Scope[0] = 'p' },
	}
	c := open(t, Options{Embedder: newBag()})
	put(t, c, base(), "by card")
	expect(t, c, base(), HitExact, "by card")
	reworded := base()
	reworded.Messages[3].Text += " now"
	expect(t, c, reworded, HitSemantic, "by card")
	for name, vary := range variations {
		t.Run(name, func(t *testing.T) {
			q := base()
			vary(&q)
			expect(t, c, q, Miss, "")
			q.last().Text += " now"
			if l := expect(t, c, q, Miss, ""); len(l.Candidates) != 0 {
				t.Errorf("candidates from another scope: %+v", l.Candidates)
			}
		})
	}
	t.Logf("%d variations", len(variations))
}

func TestModesAndSwitches(t *testing.T) {
	c := open(t, Options{Embedder: newBag()})
	put(t, c, ask("turn on the heating in the hall"), "on")
	reworded := ask("turn off the heating in the hall")
	l := expect(t, c, reworded, Miss, "")
	if l.Reason != ReasonThreshold && l.Reason != ReasonNegation {
		t.Errorf("reason %q", l.Reason)
	}
	q := reworded
	q.Mode, q.Threshold = ModeThreshold, 0.5
	expect(t, c, q, HitSemantic, "on")
	q.Mode = ModeSemantic
	if l := expect(t, c, q, Miss, ""); l.Reason != ReasonNegation || l.Candidates[0].Token == "" {
		t.Errorf("guard: %+v", l)
	}
	q.Mode = ModeSimple
	if l := expect(t, c, q, Miss, ""); l.Candidates != nil || l.Mode != ModeSimple {
		t.Errorf("simple looked further: %+v", l)
	}
	q.Mode = ModeOff
	l = expect(t, c, q, Bypass, "")
	if id, err := l.Fill(bg, Value{Body: []byte("x")}); id != 0 || err != nil || l.Key() != (Digest{}) {
		t.Errorf("off stored: %v %v", id, err)
	}
	q = ask("asked in simple mode")
	q.Mode = ModeSimple
	put(t, c, q, "simple")
	if s := c.Stats(); s.Entries != 2 || s.Vectors != 1 {
		t.Errorf("simple mode embeds: %+v", s)
	}
	if err := c.Delete(bg, expect(t, c, q, HitExact, "simple").Entry.ID); err != nil {
		t.Error(err)
	}
	q = ask("turn on the heating in the hall")
	q.NoStore = true
	l = expect(t, c, q, Bypass, "")
	if id, err := l.Fill(bg, Value{Body: []byte("x")}); id != 0 || err != nil {
		t.Errorf("no-store stored: %v %v", id, err)
	}
	if id, err := c.Put(bg, q, Value{Body: []byte("x")}); id != 0 || err != nil {
		t.Errorf("no-store put: %v %v", id, err)
	}
	q.NoStore, q.ForceRefresh = false, true
	l = expect(t, c, q, Refresh, "")
	if _, err := l.Fill(bg, Value{Body: []byte("fresh")}); err != nil {
		t.Fatal(err)
	}
	expect(t, c, ask("turn on the heating in the hall"), HitExact, "fresh")
	expect(t, c, ask("turn on the heating in the hall please"), HitSemantic, "fresh")
	if s := c.Stats(); s.Entries != 1 || s.Vectors != 1 {
		t.Errorf("the overwritten entry is still there: %+v", s)
	}
}

func TestExactOnlyTexts(t *testing.T) {
	emb := newBag()
	c := open(t, Options{Embedder: emb, MaxTextBytes: 64})
	for name, q := range map[string]Query{
		"empty":         ask(""),
		"blank":         ask(" \n\t "),
		"long":          ask(strings.Repeat("word ", 20)),
		"invalid UTF-8": ask("caf\xe9 caf\xe9"),
		"tool role":     {Messages: []Message{{Role: "tool", Text: "result"}}},
	} {
		l := expect(t, c, q, Miss, "")
		if l.Mode != ModeSimple || l.Reason != ReasonText {
			t.Errorf("%s: mode %v, reason %q", name, l.Mode, l.Reason)
		}
		if _, err := l.Fill(bg, Value{Body: []byte(name)}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		l = expect(t, c, q, HitExact, name)
		if len(l.Entry.Text) > 64 || !strings.HasPrefix(q.last().Text, l.Entry.Text) {
			t.Errorf("%s: stored text %q", name, l.Entry.Text)
		}
	}
	if emb.calls.Load() != 0 || c.Stats().Vectors != 0 {
		t.Errorf("%d embeddings, %d vectors", emb.calls.Load(), c.Stats().Vectors)
	}
}

func TestInvalidQueries(t *testing.T) {
	c := open(t, Options{})
	with := func(change func(*Query)) Query {
		q := ask("x")
		change(&q)
		return q
	}
	for name, q := range map[string]Query{
		"no messages":         {},
		"long namespace":      with(func(q *Query) { q.Namespace = strings.Repeat("n", MaxNamespaceBytes+1) }),
		"control character":   with(func(q *Query) { q.Namespace = "a\x00b" }),
		"namespace not UTF-8": with(func(q *Query) { q.Namespace = "\xff" }),
		"mode":                with(func(q *Query) { q.Mode = 99 }),
		"threshold":           with(func(q *Query) { q.Threshold = 1.1 }),
		"threshold NaN":       with(func(q *Query) { q.Threshold = float32(math.NaN()) }),
		"max age":             with(func(q *Query) { q.MaxAge = -1 }),
		"ttl":                 with(func(q *Query) { q.TTL = -2 }),
	} {
		l := c.Lookup(bg, q)
		if l.Status != Degraded || !errors.Is(l.Err, ErrInvalid) || l.Reason != ReasonInvalid {
			t.Errorf("%s: %v %v", name, l.Status, l.Err)
		}
		if _, err := l.Fill(bg, Value{}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: fill: %v", name, err)
		}
		if _, err := c.Put(bg, q, Value{}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: put: %v", name, err)
		}
	}
	if _, err := c.Purge(bg, "\xff"); !errors.Is(err, ErrInvalid) {
		t.Errorf("purge: %v", err)
	}
}

func TestInvalidOptions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "never.db")
	_, err := Open(path, Options{Mode: ModeSemantic, Threshold: 2, K: -1, TTL: -5, MaxValueBytes: -1, LockTimeout: -1, OnModelChange: 7})
	for _, field := range []string{"needs an embedder", "threshold", "k -1", "TTL", "max value", "lock timeout", "on model change"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%q is missing in: %v", field, err)
		}
	}
	if _, statErr := os.Stat(path); !errors.Is(err, ErrInvalid) || !errors.Is(statErr, os.ErrNotExist) {
		t.Errorf("%v; file: %v", err, statErr)
	}
}

func TestAges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, Options{Embedder: newBag(), TTL: time.Hour, SweepInterval: 10 * time.Minute})
		brief, forever := ask("what is a brief answer for all"), ask("what lives on and on for ever")
		brief.TTL, forever.TTL = time.Minute, NoExpiry
		put(t, c, brief, "brief")
		put(t, c, forever, "forever")
		id := put(t, c, ask("how long is the usual life of things"), "usual")

		time.Sleep(59 * time.Second) // the bubble's clock: nobody waits
		expect(t, c, ask("what is a brief answer for all"), HitExact, "brief")
		expect(t, c, ask("what is a brief answer for all please"), HitSemantic, "brief")
		young := ask("what is a brief answer for all")
		young.MaxAge = 58 * time.Second
		if l := expect(t, c, young, Miss, ""); l.Reason != ReasonAge {
			t.Errorf("reason %q", l.Reason)
		}
		young.MaxAge = 59 * time.Second
		expect(t, c, young, HitExact, "brief")

		time.Sleep(time.Second)
		if l := expect(t, c, ask("what is a brief answer for all"), Miss, ""); l.Reason != ReasonExpired {
			t.Errorf("reason %q", l.Reason)
		}
		if l := expect(t, c, ask("what is a brief answer for all please"), Miss, ""); l.Reason != ReasonExpired {
			t.Errorf("reason %q", l.Reason)
		}
		if s := c.Stats(); s.Entries != 3 {
			t.Errorf("swept too early: %d", s.Entries)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if s := c.Stats(); s.Entries != 2 || s.Vectors != 2 || s.Expired != 1 {
			t.Errorf("after the sweep: %+v", s)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if _, err := c.Get(bg, id); !errors.Is(err, ErrNotFound) {
			t.Errorf("get of an expired entry: %v", err)
		}
		expect(t, c, ask("what lives on and on for ever"), HitExact, "forever")
		closeSound(t, c)
	})
}

func TestGetDeletePurge(t *testing.T) {
	c := open(t, Options{Embedder: newBag()})
	var ids []ID
	for i := range 600 {
		q := ask(fmt.Sprintf("question %c%d", 'a'+i%26, i))
		q.Namespace = []string{"shop", "bank"}[i%2]
		ids = append(ids, put(t, c, q, fmt.Sprint("answer ", i)))
	}
	e, err := c.Get(bg, ids[7])
	if err != nil || e.Namespace != "bank" || string(e.Value.Body) != "answer 7" || e.Created.IsZero() || !e.Expires.IsZero() {
		t.Errorf("get: %+v, %v", e, err)
	}
	if err := c.Delete(bg, ids[7]); err != nil {
		t.Error(err)
	}
	if err := c.Delete(bg, ids[7]); !errors.Is(err, ErrNotFound) {
		t.Errorf("second delete: %v", err)
	}
	if _, err := c.Get(bg, ids[7]); !errors.Is(err, ErrNotFound) {
		t.Errorf("get after delete: %v", err)
	}
	if n, err := c.Purge(bg, "bank"); n != 299 || err != nil {
		t.Errorf("purged %d, %v", n, err)
	}
	if n, err := c.Purge(bg, "bank"); n != 0 || err != nil {
		t.Errorf("purged again %d, %v", n, err)
	}
	if s := c.Stats(); s.Entries != 300 || s.Vectors != 300 || s.Partitions != 1 {
		t.Errorf("left: %+v", s)
	}
	if e, err := c.Get(bg, ids[8]); err != nil || e.Namespace != "shop" {
		t.Errorf("the other namespace: %+v, %v", e, err)
	}
}

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache.db")
	c := open(t, Options{Embedder: newBag()}, path)
	put(t, c, ask("where is the nearest station from here"), "left")
	closeSound(t, c)

	c = open(t, Options{Embedder: newBag()}, path)
	expect(t, c, ask("where is the nearest station from here"), HitExact, "left")
	expect(t, c, ask("where is the nearest station from here please"), HitSemantic, "left")
	if r, err := c.Check(bg); err != nil || !r.OK() || r.Entries != 1 || r.Vectors != 1 || r.Model != "bag/1" || r.Dim != 512 {
		t.Errorf("check while open: %+v, %v", r, err)
	}
	if _, err := Open(path, Options{LockTimeout: 10 * time.Millisecond}); !errors.Is(err, ErrLocked) {
		t.Errorf("second open: %v", err)
	}
	closeSound(t, c)
	if l := c.Lookup(bg, ask("x")); l.Status != Degraded || !errors.Is(l.Err, ErrClosed) {
		t.Errorf("look-up after close: %v %v", l.Status, l.Err)
	}
	if _, err := c.Put(bg, ask("x"), Value{}); !errors.Is(err, ErrClosed) {
		t.Errorf("put after close: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func TestAnotherModel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache.db")
	c := open(t, Options{}, path)
	put(t, c, ask("stored before there was any model at all"), "none")
	closeSound(t, c)

	c = open(t, Options{Embedder: newBag()}, path)
	for i := range 150 {
		put(t, c, ask(fmt.Sprintf("how many legs has animal number%d got in all", i)), "four")
	}
	put(t, c, Query{Messages: []Message{{Role: "tool", Text: "not for the semantic tier"}}}, "tool")
	closeSound(t, c)

	other := &bagEmbedder{id: "bag/2", dim: 256}
	_, err := Open(path, Options{Embedder: other})
	if !errors.Is(err, ErrModelMismatch) || !strings.Contains(err.Error(), "bag/1") || !strings.Contains(err.Error(), "bag/2") {
		t.Fatalf("open with another model: %v", err)
	}
	// An embedder that fails half-way leaves the file with the old model, whole.
	failing := &bagEmbedder{id: "bag/2", dim: 256}
	down := errors.New("model server is down")
	_, err = Open(path, Options{Embedder: failing, OnModelChange: Reembed, OnReembed: func(done, total int) { failing.fail(down) }})
	if !errors.Is(err, down) {
		t.Fatalf("re-embedding with a failing embedder: %v", err)
	}
	c = open(t, Options{Embedder: newBag()}, path)
	expect(t, c, ask("how many legs has animal number7 got in all please"), HitSemantic, "four")
	closeSound(t, c)

	var done, total int
	c = open(t, Options{Embedder: other, OnModelChange: Reembed, OnReembed: func(d, n int) { done, total = d, n }}, path)
	if s := c.Stats(); s.Entries != 152 || s.Vectors != 151 || done != 152 || total != 152 {
		t.Errorf("after re-embedding: %+v, progress %d of %d", s, done, total)
	}
	expect(t, c, ask("how many legs has animal number7 got in all please"), HitSemantic, "four")
	expect(t, c, ask("stored before there was any model at all please"), HitSemantic, "none")
	closeSound(t, c)
	if _, err := Open(path, Options{Embedder: newBag()}); !errors.Is(err, ErrModelMismatch) {
		t.Errorf("the old model still opens it: %v", err)
	}
	c = open(t, Options{}, path) // no embedder: exact tier, vectors kept
	expect(t, c, ask("how many legs has animal number7 got in all"), HitExact, "four")
	closeSound(t, c)
	open(t, Options{Embedder: other}, path)
}

func TestEmbedderFailures(t *testing.T) {
	emb := newBag()
	c := open(t, Options{Embedder: emb})
	down := errors.New("model server is down")
	emb.fail(down)
	l := expect(t, c, ask("is anybody there at this hour"), Degraded, "")
	if !errors.Is(l.Err, down) || l.Reason != ReasonEmbed {
		t.Errorf("%+v", l)
	}
	if _, err := l.Fill(bg, Value{Body: []byte("no")}); err != nil {
		t.Errorf("the exact tier is not filled: %v", err)
	}
	expect(t, c, ask("is anybody there at this hour"), HitExact, "no")
	if id, err := c.Put(bg, ask("put while down"), Value{Body: []byte("yes")}); err != nil || id == 0 {
		t.Errorf("put: %v", err)
	}
	emb.fail(nil)
	for name, vec := range map[string][]float32{
		"short": {1}, "zero": make([]float32, emb.dim), "NaN": append(make([]float32, emb.dim-1), float32(math.NaN())),
	} {
		emb.make = func(string) []float32 { return vec }
		if l := expect(t, c, ask("something new "+name), Degraded, ""); !errors.Is(l.Err, ErrDimension) {
			t.Errorf("%s: %v", name, l.Err)
		}
	}
	if s := c.Stats(); s.EmbedErrors != 5 || s.Vectors != 0 {
		t.Errorf("stats: %+v", s)
	}
}

func TestTooLarge(t *testing.T) {
	c := open(t, Options{MaxValueBytes: 10})
	if _, err := c.Put(bg, ask("x"), Value{Body: make([]byte, 11)}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("put: %v", err)
	}
	put(t, c, ask("x"), strings.Repeat("y", 10))
}

// TestDamagedBody spoils one stored body in a file that is otherwise whole: it must never be served, by any path.
func TestDamagedBody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache.db")
	c, err := Open(path, Options{Embedder: newBag()})
	if err != nil {
		t.Fatal(err)
	}
	id := put(t, c, ask("which of these answers is spoilt now"), "the-body-to-spoil")
	put(t, c, ask("and this here one is good"), "good")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for from := 0; ; {
		at := bytes.Index(content[from:], []byte("the-body-to-spoil"))
		if at < 0 {
			break
		}
		content[from+at] = 'T'
		from += at + 1
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err = Open(path, Options{Embedder: newBag(), MaxError: 1})
	if err != nil {
		t.Fatal(err)
	}
	var where *StoreError
	l := expect(t, c, ask("which of these answers is spoilt now"), Degraded, "")
	if !errors.As(l.Err, &where) || where.Bucket != "bodies" || where.Key != id.String() || where.Hint == "" || l.Reason != ReasonCorrupt {
		t.Errorf("exact: %v", l.Err)
	}
	if l := expect(t, c, ask("which of these answers is spoilt now please"), Degraded, ""); !errors.Is(l.Err, ErrCorrupt) {
		t.Errorf("semantic: %v", l.Err)
	}
	if _, err := c.Get(bg, id); !errors.Is(err, ErrCorrupt) {
		t.Errorf("get: %v", err)
	}
	expect(t, c, ask("and this here one is good"), HitExact, "good")
	if r, err := c.Check(bg); err != nil || r.OK() || !strings.Contains(r.Problems[0].String(), "bodies") {
		t.Errorf("check: %+v, %v", r, err)
	}
	// Filling the question again heals it.
	if _, err := l.Fill(bg, Value{Body: []byte("healed")}); err != nil {
		t.Fatal(err)
	}
	expect(t, c, ask("which of these answers is spoilt now"), HitExact, "healed")
	closeSound(t, c)
}

func TestIDRoundTrip(t *testing.T) {
	for _, id := range []ID{0, 1, 0xdeadbeef, math.MaxUint64} {
		if got, err := ParseID(id.String()); got != id || err != nil {
			t.Errorf("%v: %v, %v", id, got, err)
		}
	}
	for _, s := range []string{"", "1", "xyzxyzxyzxyzxyzx", "00000000000000001", "+000000000000001"} {
		if _, err := ParseID(s); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// TestConcurrent runs every kind of call at once on few keys; what is served must be a body that was once put for
// that very question.
func TestConcurrent(t *testing.T) {
	c := open(t, Options{Embedder: newBag(), HotBytes: 20_000})
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			for i := range 120 {
				text := fmt.Sprintf("question of kind%c about the same old thing", 'a'+(i+w)%9)
				switch (i * (w + 1)) % 7 {
				case 0, 1:
					if _, err := c.Put(bg, ask(text), Value{Body: []byte("answer to " + text)}); err != nil {
						t.Error(err)
					}
				case 2:
					if l := c.Lookup(bg, ask(text)); l.Entry != nil {
						if err := c.Delete(bg, l.Entry.ID); err != nil && !errors.Is(err, ErrNotFound) {
							t.Error(err)
						}
					}
				case 3:
					if w == 0 {
						if _, err := c.Purge(bg, ""); err != nil {
							t.Error(err)
						}
					}
					_ = c.Stats()
				default:
					l := c.Lookup(bg, ask(text))
					if l.Err != nil {
						t.Error(l.Err)
					}
					if l.Status == HitExact && string(l.Entry.Value.Body) != "answer to "+text {
						t.Errorf("%q got %q", text, l.Entry.Value.Body)
					}
				}
			}
		})
	}
	wg.Wait()
}

// TestFileCutWhileOpen cuts the file under the open cache: reads beyond the cut are memory faults in the mapped
// file. They must come out as errors, and the process must live.
func TestFileCutWhileOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache.db")
	c, err := Open(path, Options{HotBytes: -1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		put(t, c, ask(fmt.Sprint("question ", i)), strings.Repeat(fmt.Sprint(i), 500))
	}
	if err := os.Truncate(path, 4*4096); err != nil {
		t.Fatal(err)
	}
	degraded := 0
	for i := range 100 {
		l := c.Lookup(bg, ask(fmt.Sprint("question ", i)))
		switch {
		case l.Status == Degraded && errors.Is(l.Err, ErrCorrupt):
			degraded++
		case l.Status == HitExact && string(l.Entry.Value.Body) == strings.Repeat(fmt.Sprint(i), 500):
		default:
			t.Errorf("question %d: %v %v", i, l.Status, l.Err)
		}
	}
	if degraded == 0 {
		t.Error("nothing was lost with the cut")
	}
	if _, err := c.Put(bg, ask("more"), Value{Body: []byte("x")}); err == nil {
		t.Error("a write to the cut file succeeds")
	}
	if err := c.Close(); err != nil && !errors.Is(err, ErrCorrupt) {
		t.Errorf("close: %v", err)
	}
	// The lock goes with this process; a copy shows what the next one will be told.
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".copy", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path+".copy", Options{}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("open: %v", err)
	}
}

// TestADamagedEntryLeavesMemory: one whose head cannot be read any more when it is deleted, so that nobody knows its key, is gone from the
// hot tier, too.
func TestADamagedEntryLeavesMemory(t *testing.T) {
	c := open(t, Options{})
	id := put(t, c, ask("a question"), "an answer")
	put(t, c, ask("another"), "theirs")
	key, other := c.Lookup(bg, ask("a question")).Key(), c.Lookup(bg, ask("another")).Key()
	c.committed(store.Change{Removed: []store.Removed{{ID: uint64(id)}}}) // as the store tells of it
	if e, _ := c.hot.get(&key); e != nil {
		t.Error("it is still in memory")
	}
	if e, _ := c.hot.get(&other); e == nil {
		t.Error("so is another no more")
	}
}
