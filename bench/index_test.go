package bench

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestIndex(t *testing.T) {
	texts := filepath.Join(t.TempDir(), "texts.jsonl")
	lines := `{"a":"How do I pay?","b":"Where do I pay?"}
{"a":"Who are you?","b":"How do I pay?","same":false}
What is this?
Is it open?
Can I come in?

Must I leave?
May I stay?
`
	if err := os.WriteFile(texts, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	o := IndexOptions{Sizes: []int{200, 300}, Queries: 3, Texts: []string{texts}, Partitions: 40, Serve: 20 * time.Millisecond}
	report, err := Index(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Rows) != 9 {
		t.Fatalf("%d rows", len(report.Rows))
	}
	for i, row := range report.Rows {
		if row.At1 != 1 || row.At5 != 1 || row.P50 <= 0 || row.P99 < row.P50 {
			t.Errorf("%+v", row)
		}
		if want := []int{200, 300, 5}[i/3]; row.Size != want {
			t.Errorf("%s: %d vectors, want %d", row.Source, row.Size, want)
		}
	}
	var out bytes.Buffer
	if err := report.WriteText(&out); err != nil || strings.Count(out.String(), "drawn") != 6 {
		t.Errorf("%v\n%s", err, out.String())
	}
	if s := report.Serving; s == nil || s.Size != 300 || s.Inserted != 40 || s.Took <= 0 || s.IdleP50 <= 0 || s.BusyP50 <= 0 {
		t.Errorf("%+v", s)
	}
	if p := report.Partitions; p == nil || p.Partitions != 40 || p.Bytes < 4*384 || p.P50 <= 0 {
		t.Errorf("%+v", p)
	}
	for _, want := range []string{"into 300 vectors, 2000 inserts a second", "40 partitions of 10"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

func TestIndexOptions(t *testing.T) {
	few := filepath.Join(t.TempDir(), "few")
	if err := os.WriteFile(few, []byte("one\ntwo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, []byte("{\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o    IndexOptions
		want string
	}{
		{IndexOptions{Sizes: []int{4}}, "size 4"},
		{IndexOptions{Queries: -1}, "queries -1"},
		{IndexOptions{Partitions: -1}, "partitions -1"},
		{IndexOptions{Serve: -1}, "serve -1ns"},
		{IndexOptions{Sizes: []int{5}, Queries: 1, Partitions: 1, Serve: 1, Texts: []string{few}}, "2 different ones"},
		{IndexOptions{Sizes: []int{5}, Queries: 1, Partitions: 1, Serve: 1, Texts: []string{bad}}, "line 1"},
		{IndexOptions{Sizes: []int{5}, Queries: 1, Partitions: 1, Serve: 1, Texts: []string{few + "-not-there"}}, "not-there"},
	} {
		if _, err := Index(context.Background(), c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
	}
}
