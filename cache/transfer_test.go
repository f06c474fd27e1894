package cache

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestExportedEntriesServeElsewhere moves a cache's entries, as text, into one with the same model and into one with another.
func TestExportedEntriesServeElsewhere(t *testing.T) {
	c := open(t, Options{Embedder: newBag(), Threshold: 0.8})
	put(t, c, ask("how do I turn on two-factor login"), "A1")
	put(t, c, ask("where is my invoice please"), "\xff\x00 no UTF-8")
	elsewhere := ask("where is my invoice please")
	elsewhere.Namespace = "shop"
	put(t, c, elsewhere, "A3")
	late := ask("soon gone")
	late.TTL = time.Nanosecond
	put(t, c, late, "A4")

	var lines []string
	export := func(c *Cache) {
		t.Helper()
		lines = nil
		if err := c.Export(bg, func(r *Record) error {
			line, err := r.MarshalJSON()
			lines = append(lines, string(line))
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	export(c)
	if len(lines) != 3 {
		t.Fatalf("%d lines: %s", len(lines), lines)
	}
	other := newBag()
	other.id, other.dim = "bag/2", 700
	for _, e := range []*bagEmbedder{newBag(), other} {
		to := open(t, Options{Embedder: e, Threshold: 0.8})
		for i, line := range lines {
			var r Record
			if err := r.UnmarshalJSON([]byte(line)); err != nil {
				t.Fatal(err)
			}
			if done, err := to.Import(bg, &r); err != nil || !done {
				t.Errorf("line %d: %v %v", i, done, err)
			}
		}
		if e.id == "bag/1" && e.calls.Load() > 0 {
			t.Errorf("%d calls of the embedder: the vectors were not taken over", e.calls.Load())
		}
		expect(t, to, ask("how do I turn on two-factor login"), HitExact, "A1")
		expect(t, to, ask("please, where is my invoice"), HitSemantic, "\xff\x00 no UTF-8")
		expect(t, to, elsewhere, HitExact, "A3")
		var r Record
		if err := r.UnmarshalJSON([]byte(lines[0])); err != nil {
			t.Fatal(err)
		}
		if done, err := to.Import(bg, &r); done || err != nil {
			t.Errorf("what is there already was stored again: %v %v", done, err)
		}
		r.Body, r.Created = []byte("newer"), r.Created.Add(time.Second)
		if done, err := to.Import(bg, &r); !done || err != nil {
			t.Errorf("a newer answer was left out: %v %v", done, err)
		}
		expect(t, to, ask("how do I turn on two-factor login"), HitExact, "newer")
	}
}

func TestRecordJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Record{
			Namespace: rapid.String().Draw(t, "ns"), Text: rapid.String().Draw(t, "text"), Semantic: rapid.Bool().Draw(t, "semantic"),
			Created: time.Unix(rapid.Int64Range(-1e9, 4e9).Draw(t, "created"), 5).UTC(),
			Body:    rapid.SliceOf(rapid.Byte()).Draw(t, "body"),
		}
		copy(r.Key[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key"))
		copy(r.Partition[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "partition"))
		if rapid.Bool().Draw(t, "expires") {
			r.Expires = r.Created.Add(time.Hour)
		}
		if rapid.Bool().Draw(t, "spent") {
			r.Cost, r.Took = rapid.Float64Range(1e-9, 10).Draw(t, "cost"), time.Duration(rapid.Int64Range(1, 1e12).Draw(t, "took"))
			r.Uses = rapid.SliceOfN(rapid.Float32Range(0, 1e6), 4, 4).Draw(t, "uses")
		}
		if rapid.Bool().Draw(t, "vector") {
			r.Model, r.Vector = "m", rapid.SliceOfN(rapid.Float32(), 1, 5).Draw(t, "numbers")
		}
		line, err := r.MarshalJSON()
		if err != nil || bytes.Contains(line, []byte("\n")) {
			t.Fatalf("%q: %v", line, err)
		}
		var back Record
		if err := back.UnmarshalJSON(line); err != nil {
			t.Fatal(err)
		}
		if back.Body = append([]byte{}, back.Body...); !reflect.DeepEqual(r, back) {
			t.Fatalf("%+v came back as %+v", r, back)
		}
	})
}

func TestBadRecords(t *testing.T) {
	key := strings.Repeat("0a", 32)
	good := `"key":"` + key + `","partition":"` + key + `","created":"2026-01-02T03:04:05Z"`
	for text, want := range map[string]string{
		``: "record", `[]`: "record", `{}`: "key",
		`{` + good + `}`: "body",
		`{` + good + `,"body":"a","body_base64":"YQ=="}`:                   "leave one out",
		`{` + good + `,"body":"a","wrong":1}`:                              "wrong",
		`{` + good + `,"body":"a","model":"m"}`:                            "vector",
		`{` + good + `,"body":"a","vector":"AAAAAA=="}`:                    "model",
		`{` + good + `,"body":"a","model":"m","vector":"AAA="}`:            "4 bytes",
		strings.Replace(`{`+good+`,"body":"a"}`, "0a", "0", 1):             "64 hex digits",
		strings.Replace(`{`+good+`,"body":"a"}`, `"2026`, `"yesterday`, 1): "record",
	} {
		var r Record
		if err := r.UnmarshalJSON([]byte(text)); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	c := open(t, Options{Embedder: newBag()})
	var r Record
	if err := r.UnmarshalJSON([]byte(`{` + good + `,"body":"a"}`)); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*Record){
		"key": func(r *Record) { r.Key = Digest{} }, "namespace": func(r *Record) { r.Namespace = "a\nb" },
		"time": func(r *Record) { r.Created = time.Time{} }, "direction": func(r *Record) {
			r.Semantic, r.Model, r.Vector = true, "bag/1", make([]float32, 512)
		},
	} {
		bad := r
		change(&bad)
		if done, err := c.Import(bg, &bad); done || !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v %v", what, done, err)
		}
	}
}

// FuzzRecord feeds the reader of exports anything. What it accepts must come back the same.
func FuzzRecord(f *testing.F) {
	line, err := (&Record{Text: "q", Body: []byte("a"), Model: "m", Vector: []float32{1}}).MarshalJSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Fuzz(func(t *testing.T, text []byte) {
		var r, back Record
		if r.UnmarshalJSON(text) != nil {
			return
		}
		line, err := r.MarshalJSON()
		if err != nil {
			return // a year that JSON has no form for
		}
		if err := back.UnmarshalJSON(line); err != nil || !bytes.Equal(back.Body, r.Body) || back.Key != r.Key {
			t.Errorf("%q came back as %+v, %v", text, back, err)
		}
	})
}

// TestImportKeepsWhatEvictionGoesBy moves an entry that was dear, slow and much asked for.
func TestImportKeepsWhatEvictionGoesBy(t *testing.T) {
	from := open(t, Options{Embedder: newBag()})
	if _, err := from.Put(bg, ask("dear"), Value{Body: []byte("A"), Cost: 0.25, Took: 3 * time.Second}); err != nil {
		t.Fatal(err)
	}
	put(t, from, ask("cheap"), "B")
	for range 9 {
		expect(t, from, ask("dear"), HitExact, "A")
	}
	to := open(t, Options{Embedder: newBag()})
	move := func(from, to *Cache) map[string]*Record {
		found := map[string]*Record{}
		if err := from.Export(bg, func(r *Record) error {
			found[r.Text] = r
			line, err := r.MarshalJSON()
			if err != nil {
				return err
			}
			var back Record
			if err := back.UnmarshalJSON(line); err != nil {
				return err
			}
			_, err = to.Import(bg, &back)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return found
	}
	before, after := move(from, to), move(to, open(t, Options{Embedder: newBag()}))
	for text, b := range before {
		a := after[text]
		if a == nil || a.Cost != b.Cost || a.Took != b.Took || len(a.Uses) != len(b.Uses) {
			t.Fatalf("%s: %+v became %+v", text, b, a)
		}
		for i := range b.Uses { // they fade by what is asked for meanwhile, which the import of two entries is; to be stored is a use
			if a.Uses[i] > max(1, b.Uses[i])*1.001 || a.Uses[i] < b.Uses[i]*0.9 {
				t.Errorf("%s: uses %v became %v", text, b.Uses, a.Uses)
			}
		}
	}
	if d, c := after["dear"], after["cheap"]; d.Cost != 0.25 || d.Took != 3*time.Second || d.Uses[0] < 5 || c.Uses[0] > 1 {
		t.Errorf("dear %+v, cheap %+v", d, c)
	}
	for _, bad := range []Record{
		{Cost: -1}, {Cost: math.Inf(1)}, {Took: -1}, {Uses: []float32{1}}, {Uses: []float32{1, 2, 3, -1}},
	} {
		bad.Key, bad.Partition, bad.Created, bad.Body = Digest{1}, Digest{2}, time.Now(), []byte("x")
		if _, err := to.Import(bg, &bad); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestRecordOfIsWhatFillStores compares the two for questions of every kind.
func TestRecordOfIsWhatFillStores(t *testing.T) {
	long := ask("may I ask something")
	long.Messages = append([]Message{{Role: "user", Text: "hello"}, {Role: "assistant", Text: "hi"}}, long.Messages...)
	simple, short, own := ask("only the same"), ask("what is the weather today"), ask("of a tenant")
	simple.Mode, short.Volatile, own.Namespace, own.TTL = ModeSimple, VolatileShort, "tenant", time.Hour
	for _, q := range []Query{ask("how do I turn it on"), ask("what is the weather today"), long, simple, short, own} {
		filled, imported := open(t, Options{Embedder: newBag()}), open(t, Options{Embedder: newBag()})
		v := Value{Body: []byte("A"), Cost: 1, Took: time.Second}
		if _, err := filled.Put(bg, q, v); err != nil {
			t.Fatal(err)
		}
		var want *Record
		if err := filled.Export(bg, func(r *Record) error { want = r; return nil }); err != nil {
			t.Fatal(err)
		}
		r, err := imported.RecordOf(q, v, want.Created)
		if err != nil {
			t.Fatal(err)
		}
		if done, err := imported.Import(bg, r); err != nil || !done {
			t.Fatalf("%v %v", done, err)
		}
		var got *Record
		if err := imported.Export(bg, func(r *Record) error { got = r; return nil }); err != nil {
			t.Fatal(err)
		}
		if q.Mode == ModeSimple {
			want.Semantic = false // it is, of an entry that has no vector to be found by
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: stored %+v\nimported %+v", want.Text, want, got)
		}
	}
	c := open(t, Options{Embedder: newBag()})
	off := ask("no")
	off.NoStore = true
	if r, err := c.RecordOf(off, Value{}, time.Now()); r != nil || err != nil {
		t.Errorf("%v %v", r, err)
	}
	if _, err := c.RecordOf(Query{}, Value{}, time.Now()); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
	if _, err := c.RecordOf(ask("then"), Value{}, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)); !errors.Is(err, ErrInvalid) {
		t.Error(err)
	}
}

// TestImportReplacesNothingNewer: an answer that is stored while an older one to the same question is imported stays.
func TestImportReplacesNothingNewer(t *testing.T) {
	bag := newBag()
	c := open(t, Options{Embedder: bag})
	q := ask("a question")
	r, err := c.RecordOf(q, Value{Body: []byte("old")}, time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	plain := newBag()
	bag.make = func(text string) []float32 {
		bag.make = nil
		put(t, c, q, "new")
		v, _ := plain.Embed(bg, []string{text})
		return v[0]
	}
	if done, err := c.Import(bg, r); done || err != nil {
		t.Errorf("imported %v, %v", done, err)
	}
	expect(t, c, q, HitExact, "new")
}

// TestImportedTextsAreComparedWhole: of a text that is too long for this cache's limit a part is kept, by which nothing may be compared.
func TestImportedTextsAreComparedWhole(t *testing.T) {
	long := "how do I bake bread " + strings.Repeat("very ", 20) + "slowly"
	from := open(t, Options{Embedder: newBag()})
	r, err := from.RecordOf(ask(long), Value{Body: []byte("slowly")}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, Options{Embedder: newBag(), MaxTextBytes: len("how do I bake bread"), Threshold: 0.1})
	if done, err := c.Import(bg, r); !done || err != nil {
		t.Fatal(done, err)
	}
	expect(t, c, ask("how do I bake bread"), Miss, "")
	expect(t, c, ask(long), HitExact, "slowly")
}

// TestRecordIsWrittenAsItsPointer: a copy of a record has the record's JSON form.
func TestRecordIsWrittenAsItsPointer(t *testing.T) {
	r := Record{Key: alice, Partition: bob, Text: "a question", Body: []byte("an answer")}
	want, err := json.Marshal(&r)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := json.Marshal(r); err != nil || string(got) != string(want) {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
}
