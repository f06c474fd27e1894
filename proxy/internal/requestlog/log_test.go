package requestlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/reprise-cache/reprise/proxy/internal/prices"
)

func open(t *testing.T, o Options) (*Log, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "requests.db")
	return reopen(t, path, o), path
}

func reopen(t *testing.T, path string, o Options) *Log {
	t.Helper()
	l, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func flush(t *testing.T, l *Log) {
	t.Helper()
	if err := l.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func all(t *testing.T, r *Reader, f Filter, newestFirst bool) (out []*Record) {
	t.Helper()
	for rec, err := range r.All(f, newestFirst) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, rec)
	}
	return out
}

func cost(m prices.Money) *prices.Money { return &m }

func record(i int) *Record {
	r := &Record{
		Time: time.Now(), TraceID: fmt.Sprintf("trace-%d", i/3), SpanID: fmt.Sprintf("%016x", i), Path: "/v1/chat/completions",
		Namespace: fmt.Sprintf("ns%d", i%4), User: fmt.Sprintf("user%d", i%5), Model: fmt.Sprintf("m%d", i%3), Provider: "openai", Key: fmt.Sprintf("key%d", i%2),
		Status: 200, CacheStatus: "SEMANTIC MISS", Prompt: int64(i), Completion: 7, Cost: cost(prices.Money(i * 11)),
		Metadata: map[string]string{"_user": fmt.Sprintf("user%d", i%5), "env": "test"},
	}
	switch {
	case i%7 == 0:
		r.Status, r.CacheStatus, r.Cost = 502, "SEMANTIC MISS", nil
	case i%2 == 0:
		r.CacheStatus, r.Cost, r.Saved = "HIT", nil, cost(prices.Money(i*13))
	case i%9 == 0:
		r.Cost, r.NoPrice = nil, true
	}
	return r
}

func TestFilters(t *testing.T) {
	l, _ := open(t, Options{})
	began := time.Now()
	const n = 120
	var kept []*Record
	for i := range n {
		r := record(i)
		copied := *r
		kept = append(kept, &copied)
		if !l.Add(r) {
			t.Fatal("dropped")
		}
	}
	flush(t, l)
	empty := ""
	ns := "ns2"
	for name, f := range map[string]Filter{
		"none": {}, "trace": {TraceID: "trace-17"}, "user": {User: "user3"}, "status": {StatusFrom: 500, StatusTo: 599}, "cache": {CacheStatus: "HIT"},
		"model": {Model: "m1"}, "key": {Key: "key1"}, "namespace": {Namespace: &ns}, "no namespace": {Namespace: &empty},
		"metadata": {Metadata: map[string]string{"env": "test", "_user": "user1"}}, "other metadata": {Metadata: map[string]string{"env": "prod"}},
		"absent metadata": {Metadata: map[string]string{"nope": ""}}, "since": {Since: began}, "until": {Until: began}, "path": {Path: "/v1/none"},
		"several": {User: "user3", CacheStatus: "HIT", Key: "key0"},
	} {
		var want []string
		for _, r := range slices.Backward(kept) {
			if f.matches(r) {
				want = append(want, r.SpanID)
			}
		}
		var got, pages []string
		for _, r := range all(t, l.Reader(), f, true) {
			got = append(got, r.SpanID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d records, want %d", name, len(got), len(want))
		}
		oldest := all(t, l.Reader(), f, false)
		slices.Reverse(oldest)
		if len(oldest) != len(want) || len(want) > 0 && oldest[0].SpanID != want[0] {
			t.Errorf("%s: from the oldest there are %d records, want %d", name, len(oldest), len(want))
		}
		f.Limit = 7
		for {
			page, next, err := l.Reader().Page(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page {
				pages = append(pages, r.SpanID)
			}
			if next == 0 {
				break
			}
			f.Cursor = next
		}
		if !slices.Equal(pages, want) {
			t.Errorf("%s: pages have %d records, want %d", name, len(pages), len(want))
		}
	}
	if got := len(all(t, l.Reader(), Filter{Until: time.Now().Add(time.Second)}, true)); got != n {
		t.Errorf("until later: %d records", got)
	}
	if got := len(all(t, l.Reader(), Filter{Since: time.Now().Add(time.Second)}, true)); got != 0 {
		t.Errorf("since later: %d records", got)
	}
}

// TestPagesWhileWriting: whoever pages through sees every record that was there when he began, once, and no other.
func TestPagesWhileWriting(t *testing.T) {
	l, _ := open(t, Options{Queue: 1 << 14})
	for i := range 250 {
		l.Add(record(i))
	}
	flush(t, l)
	stop := make(chan struct{})
	var writers sync.WaitGroup
	writers.Go(func() {
		for i := 250; i < 400; i++ {
			select {
			case <-stop:
				return
			default:
				l.Add(record(i))
				_ = l.Flush(t.Context())
			}
		}
	})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			f := Filter{Limit: 31}
			var ids []ID
			for {
				page, next, err := l.Reader().Page(f)
				if err != nil {
					t.Error(err)
					return
				}
				for _, r := range page {
					ids = append(ids, r.ID)
				}
				if next == 0 {
					break
				}
				f.Cursor = next
			}
			for i := 1; i < len(ids); i++ {
				if ids[i] >= ids[i-1] {
					t.Errorf("record %d of the pages is out of order", i)
				}
			}
			if len(ids) < 250 {
				t.Errorf("the pages have %d records", len(ids))
			}
		})
	}
	readers.Wait()
	close(stop)
	writers.Wait()
}

// TestTotalsAreSums compares the totals with sums over all records that came, restarts, full queues and bounds on rows included.
func TestTotalsAreSums(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 2))
	l, path := open(t, Options{Queue: 4})
	want := map[CostKey]*Totals{}
	kept := 0
	for i := range 3000 {
		r := record(rng.IntN(1 << 20))
		r.Time = time.Now().Add(-time.Duration(rng.IntN(3)) * 24 * time.Hour)
		k, of := keyOf(r), Of(r)
		if want[k] == nil {
			want[k] = &Totals{}
		}
		want[k].Add(&of)
		if l.Add(r) {
			kept++
		}
		if i%500 == 499 {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l = reopen(t, path, Options{Queue: 4})
		}
	}
	flush(t, l)
	l.Add(record(1)) // the queue may be full of nothing: totals of what was dropped come with the next commit
	one, k := Of(record(1)), keyOf(record(1))
	k.Day = DayOf(time.Now())
	if want[k] == nil {
		want[k] = &Totals{}
	}
	want[k].Add(&one)
	kept++
	flush(t, l)
	got := map[CostKey]Totals{}
	if err := l.Reader().Costs(time.Time{}, time.Time{}, func(k CostKey, t *Totals) { got[k] = *t }); err != nil {
		t.Fatal(err)
	}
	for k, w := range want {
		if got[k] != *w {
			t.Errorf("%+v: %+v, want %+v", k, got[k], *w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d rows, want %d", len(got), len(want))
	}
	if n := len(all(t, l.Reader(), Filter{}, true)); n != kept {
		t.Errorf("%d records, want the %d that were not dropped", n, kept)
	}
	sum := Totals{}
	for _, w := range want {
		sum.Add(w)
	}
	for _, by := range Groups {
		rows, whole, err := l.Reader().GroupCosts(by, time.Time{}, time.Time{})
		again := Totals{}
		for _, r := range rows {
			again.Add(&r.Totals)
		}
		if err != nil || whole != sum || again != sum {
			t.Errorf("by %s: %+v and %+v, want %+v: %v", by, whole, again, sum, err)
		}
	}
}

func TestCostRowsAreBounded(t *testing.T) {
	l, _ := open(t, Options{Queue: 1 << 14})
	const n = 3 * maxCostRows
	for i := range n {
		r := record(2)
		r.Model = fmt.Sprintf("model-of-the-callers-choice-%d", i)
		l.Add(r)
		if i%700 == 0 {
			flush(t, l)
		}
	}
	flush(t, l)
	rows, sum := 0, Totals{}
	if err := l.Reader().Costs(time.Time{}, time.Time{}, func(_ CostKey, t *Totals) { rows++; sum.Add(t) }); err != nil {
		t.Fatal(err)
	}
	if rows > maxCostRows+2 || sum.Requests != n || sum.Hits != n {
		t.Errorf("%d rows for %d requests", rows, sum.Requests)
	}
}

// TestLongNamesHoldNothingUp holds that no record keeps another from being written, however long the names are that its caller and
// its provider made up: bbolt refuses a key over 32 KiB, and with it the commit.
func TestLongNamesHoldNothingUp(t *testing.T) {
	l, _ := open(t, Options{})
	long := strings.Repeat("é", 40<<10)
	for _, set := range []func(*Record){
		func(r *Record) { r.Model = long }, func(r *Record) { r.Answered = long }, func(r *Record) { r.Provider = long }, func(r *Record) { r.Namespace = long },
		func(r *Record) { r.Key = long }, func(r *Record) { r.TraceID = long }, func(r *Record) { r.W3CTraceID = long },
	} {
		for _, f := range []func(*Record){set, func(*Record) {}} {
			r := record(1)
			f(r)
			l.Add(r)
		}
		flush(t, l)
	}
	for _, r := range all(t, l.Reader(), Filter{}, true) {
		for _, s := range []string{r.Model, r.Answered, r.Provider, r.Namespace, r.Key, r.TraceID, r.W3CTraceID} {
			if len(s) > maxName+len("\uFFFD") {
				t.Errorf("%d bytes are kept", len(s))
			}
		}
	}
	var sum Totals
	if err := l.Reader().Costs(time.Time{}, time.Time{}, func(_ CostKey, t *Totals) { sum.Add(t) }); err != nil || sum.Requests != 14 {
		t.Errorf("%d requests are summed: %v", sum.Requests, err)
	}
	if s := l.Stats(); s.Written != 14 || s.Failed != 0 {
		t.Errorf("%+v", s)
	}
}

// TestRecordsThatWaitAreWeighed holds that what waits is bounded by all that a record holds.
func TestRecordsThatWaitAreWeighed(t *testing.T) {
	heavy := strings.Repeat("x", 1<<20)
	for name, r := range map[string]*Record{
		"a body": {Request: heavy}, "an answer": {Answer: heavy}, "metadata": {Metadata: map[string]string{"x": heavy}}, "its names": {Metadata: map[string]string{heavy: "x"}},
		"a change": {Change: []Change{{To: []byte(heavy)}}},
	} {
		if n := r.size(); n < 1<<20 {
			t.Errorf("%s of a megabyte is taken for %d bytes", name, n)
		}
	}
}

func TestFileStopsGrowing(t *testing.T) {
	const limit = 2 << 20
	l, path := open(t, Options{MaxBytes: limit, Queue: 1 << 14})
	size := func() int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	var at [4]int64
	written := int64(0)
	for round := range at {
		for i := range 2 * batchRecords {
			r := record(i)
			r.Request = strings.Repeat("x", 6000)
			if !l.Add(r) {
				flush(t, l)
				l.Add(r)
			}
			written += 6600
			if i%batchRecords == 0 {
				flush(t, l)
			}
		}
		flush(t, l)
		at[round] = size()
	}
	t.Logf("%d bytes written, the file has %v", written, at)
	if written < 10*limit || at[3] > 2*limit || at[3] != at[1] {
		t.Errorf("%d bytes of records: the file has %v bytes, the limit is %d", written, at, limit)
	}
	s := l.Stats()
	if s.Removed == 0 || s.UsedBytes > limit {
		t.Errorf("%+v", s)
	}
	n := uint64(len(all(t, l.Reader(), Filter{}, true)))
	if n != s.Written-s.Removed || n < 100 {
		t.Errorf("%d records are left of %d, %d were removed", n, s.Written, s.Removed)
	}
	traces := 0
	err := l.store.view(func(tx *bolt.Tx) error {
		traces = tx.Bucket(bucketTraces).Stats().KeyN
		return nil
	})
	if err != nil || uint64(traces) != n {
		t.Errorf("%d traces lead to %d records: %v", traces, n, err)
	}
}

func TestOldRecordsGo(t *testing.T) {
	l, path := open(t, Options{})
	for i := range 20 {
		l.Add(record(i))
	}
	flush(t, l)
	l.Close()
	l = reopen(t, path, Options{MaxAge: time.Nanosecond})
	l.Add(record(99))
	flush(t, l)
	if got := all(t, l.Reader(), Filter{}, true); len(got) != 1 || got[0].SpanID != record(99).SpanID {
		t.Errorf("%d records are left", len(got))
	}
}

func TestRestart(t *testing.T) {
	l, path := open(t, Options{})
	for i := range 10 {
		l.Add(record(i))
	}
	caller := l.CallerOf([32]byte{1})
	if err := l.Close(); err != nil { // which writes what is queued
		t.Fatal(err)
	}
	if l.Add(record(1)) || l.Flush(t.Context()) == nil || l.Close() != nil {
		t.Error("a closed log takes records")
	}
	if _, _, err := l.Reader().Page(Filter{}); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed log is read: %v", err)
	}
	l = reopen(t, path, Options{})
	if l.CallerOf([32]byte{1}) != caller || l.CallerOf([32]byte{2}) == caller || l.CallerOf([32]byte{}) != (Caller{}) {
		t.Error("callers are not told apart")
	}
	l.Add(record(10))
	flush(t, l)
	got := all(t, l.Reader(), Filter{}, false)
	if len(got) != 11 {
		t.Fatalf("%d records", len(got))
	}
	for i, r := range got {
		if r.SpanID != record(i).SpanID || i > 0 && r.ID <= got[i-1].ID {
			t.Errorf("record %d is %s with the id %s", i, r.SpanID, r.ID)
		}
	}
	if _, err := OpenReader(path); !errors.Is(err, ErrBusy) {
		t.Errorf("a file in use is read: %v", err)
	}
	l.Close()
	r, err := OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got := len(all(t, r, Filter{}, true)); got != 11 {
		t.Errorf("%d records are read from the file", got)
	}
}

func TestFullQueueDropsRecordsOnly(t *testing.T) {
	l, _ := open(t, Options{Queue: 1})
	added := 0
	const n = 2000
	for i := range n {
		if l.Add(record(2 * i)) {
			added++
		}
	}
	flush(t, l)
	s := l.Stats()
	if s.Dropped == 0 || s.Dropped+uint64(added) != n || s.Written != uint64(added) {
		t.Errorf("%d were taken: %+v", added, s)
	}
	l.Add(record(1))
	flush(t, l)
	_, sum, err := l.Reader().GroupCosts("day", time.Time{}, time.Time{})
	if err != nil || sum.Requests != n+1 {
		t.Errorf("totals of %d requests: %v", sum.Requests, err)
	}
}

func TestFeedback(t *testing.T) {
	l, path := open(t, Options{})
	mine, other := l.CallerOf([32]byte{1}), l.CallerOf([32]byte{2})
	for i, c := range []Caller{mine, other, mine, {}} {
		r := record(i)
		r.TraceID, r.Caller = "t", c
		l.Add(r)
	}
	f := func(id string, v int) Feedback { return Feedback{ID: id, Value: v, Weight: 1, Time: time.Now()} }
	l.AddFeedback("t", []Caller{other}, f("a", 5))
	l.AddFeedback("t", []Caller{mine, {}}, f("b", 6), f("c", -6))
	l.AddFeedback("unknown", []Caller{mine, {}}, f("d", 7))
	l.AmendFeedback([]Caller{other, {}}, f("a", -10))
	l.AmendFeedback([]Caller{mine}, f("a", 10)) // which is not his
	l.AmendFeedback([]Caller{mine}, f("zzz", 10))
	flush(t, l)
	values := func(l *Log) (out []string) {
		for _, r := range all(t, l.Reader(), Filter{TraceID: "t"}, false) {
			s := ""
			for _, f := range r.Feedback {
				s += fmt.Sprintf("%s%d ", f.ID, f.Value)
			}
			out = append(out, s)
		}
		return out
	}
	want := []string{"", "a-10 ", "", "b6 c-6 "}
	if got := values(l); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	l.Close()
	l = reopen(t, path, Options{})
	l.AmendFeedback([]Caller{{}}, f("c", 1))
	flush(t, l)
	want[3] = "b6 c1 "
	if got := values(l); !slices.Equal(got, want) {
		t.Errorf("after a restart: %q, want %q", got, want)
	}
}

func TestOtherFiles(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, bytes.Repeat([]byte("not a database\n"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(dir, "foreign")
	db, err := bolt.Open(foreign, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error { _, err := tx.CreateBucket([]byte("entries")); return err })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{text, foreign} {
		before, _ := os.ReadFile(path)
		if _, err := Open(path, Options{}); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v", path, err)
		}
		if _, err := OpenReader(path); !errors.Is(err, ErrFormat) {
			t.Errorf("%s to read: %v", path, err)
		}
		if after, _ := os.ReadFile(path); path == text && !bytes.Equal(before, after) {
			t.Errorf("%s was written to", path)
		}
	}
	if _, err := OpenReader(filepath.Join(dir, "none")); err == nil {
		t.Error("a file that is not there is read")
	}
	if _, err := Open(filepath.Join(dir, "no", "folder"), Options{}); err == nil {
		t.Error("a file in no folder is made")
	}
	if _, err := Open(filepath.Join(dir, "small"), Options{MaxBytes: 1}); err == nil {
		t.Error("a limit of one byte is taken")
	}
}

func TestFlushEndsWithItsContext(t *testing.T) {
	l, _ := open(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Flush(ctx); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestConcurrentUse(t *testing.T) {
	l, _ := open(t, Options{MaxBytes: MinBytes, Queue: 64})
	var g sync.WaitGroup
	for w := range 6 {
		g.Go(func() {
			for i := range 200 {
				switch w {
				case 0:
					_ = all(t, l.Reader(), Filter{User: "user1"}, i%2 == 0)
				case 1:
					_ = l.Flush(t.Context())
					l.Stats()
				case 2:
					l.AddFeedback(fmt.Sprintf("trace-%d", i), []Caller{{}}, Feedback{ID: fmt.Sprint(i), Value: 1})
				default:
					l.Add(record(i))
				}
			}
		})
	}
	g.Wait()
}
