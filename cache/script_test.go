package cache_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/embed"
)

// The scripts in testdata say what the cache serves and refuses, with the real model, in lines that anyone may
// add to. # begins a comment line; a blank line changes nothing. A file is one cache; its lines are in order.
//
//	put [ns=N] [role=R] "question" -> answer
//	get [ns=N] [role=R] [mode=M] "question" -> exact answer | semantic answer | miss [guard=REASON]
//
// There is no verifier and no budget, so that guards decide, and a threshold of 0.8: lower than the default, which many look-alikes do not
// reach. guard is the reason of the look-up, such as threshold, number or negation.

var _ cache.Embedder = (*embed.MiniLM)(nil)

var scriptLine = regexp.MustCompile(`^(put|get)\s+((?:\w+=\S+\s+)*)("(?:[^"\\]|\\.)*")\s*->\s*(.+)$`)

func TestScripts(t *testing.T) {
	model, err := embed.NewMiniLM()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { runScript(t, file, model) })
	}
}

func runScript(t *testing.T, file string, model cache.Embedder) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	path := filepath.Join(t.TempDir(), "script.db")
	c, err := cache.Open(path, cache.Options{Embedder: model, MaxError: 1, Threshold: 0.8})
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		lines++
		line := strings.TrimSpace(in.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := step(c, line); err != nil {
			t.Errorf("%s:%d: %s\n\t%v", file, lines, line, err)
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if r, err := cache.CheckFile(context.Background(), path); err != nil || !r.OK() {
		t.Errorf("check: %v %v", r, err)
	}
}

func step(c *cache.Cache, line string) error {
	m := scriptLine.FindStringSubmatch(line)
	if m == nil {
		return fmt.Errorf("cannot be read")
	}
	text, err := strconv.Unquote(m[3])
	if err != nil {
		return err
	}
	q := cache.Query{Messages: []cache.Message{{Role: "user", Text: text}}}
	for option := range strings.FieldsSeq(m[2]) {
		name, value, _ := strings.Cut(option, "=")
		switch name {
		case "ns":
			q.Namespace = value
		case "role":
			q.Messages[0].Role = value
		case "mode":
			if q.Mode, err = cache.ParseMode(value); err != nil {
				return err
			}
		default:
			return fmt.Errorf("option %q is unknown", name)
		}
	}
	ctx := context.Background()
	if m[1] == "put" {
		_, err := c.Put(ctx, q, cache.Value{Body: []byte(m[4])})
		return err
	}
	l := c.Lookup(ctx, q)
	if l.Err != nil {
		return l.Err
	}
	got := l.Status.String()
	if l.Entry != nil {
		got += " " + string(l.Entry.Value.Body)
	}
	want := strings.Fields(m[4])
	if len(want) > 1 && strings.HasPrefix(want[1], "guard=") {
		got += " guard=" + string(l.Reason)
	}
	if got != strings.Join(want, " ") {
		return fmt.Errorf("got %s; similarity %.3f, reason %q, candidates %+v", got, l.Similarity, l.Reason, l.Candidates)
	}
	return nil
}
