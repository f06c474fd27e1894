package cache

import (
	"bytes"
	"errors"
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
