//go:build unix

package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// fullEnv tells the test binary that it is the child that runs out of room, and with which file.
const fullEnv = "REPRISE_TEST_FULL_CHILD"

// fullChild fills a file until the system allows it no more, then looks what still works, then gets room again.
func fullChild(path string) {
	signal.Ignore(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		fmt.Println("FAILED", err)
		return
	}
	small := limit
	small.Cur = 1 << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		fmt.Println("FAILED", err)
		return
	}
	c, err := Open(path, Options{Embedder: newBag(), HotBytes: -1})
	if err != nil {
		fmt.Println("FAILED", err)
		return
	}
	var stored int
	for ; err == nil && stored < 10_000; stored++ {
		q, body := crashEntry(stored)
		_, err = c.Put(bg, q, Value{Body: body})
	}
	stored--
	fmt.Println("full", errors.Is(err, ErrFull), err)
	for n := range stored {
		q, body := crashEntry(n)
		if l := c.Lookup(bg, q); l.Status != HitExact || string(l.Entry.Value.Body) != string(body) {
			fmt.Println("lost", n, l.Status, l.Err)
		}
	}
	res, err := c.Do(bg, ask("something new"), func(context.Context) (Value, error) { return Value{Body: []byte(strings.Repeat("answer", 1<<16))}, nil })
	fmt.Println("answered", err == nil && len(res.Value.Body) > 0)
	_, _, err = c.Compact(bg, nil)
	fmt.Println("compaction", err == nil || errors.Is(err, ErrFull))
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		fmt.Println("FAILED", err)
		return
	}
	q, body := crashEntry(20_000)
	_, err = c.Put(bg, q, Value{Body: body})
	fmt.Println("again", err == nil)
	fmt.Println("closed", c.Close() == nil)
}

// TestFullDisk runs a cache into the limit of its file's size, which the system tells as it tells a full disk. What is stored stays
// and is served, answers are not lost to their callers, and with room there is, storing goes on.
func TestFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "full.db")
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), fullEnv+"="+path)
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"full true", "answered true", "compaction true", "again true", "closed true"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if strings.Contains(string(out), "lost") || strings.Contains(string(out), "FAILED") {
		t.Errorf("%s", out)
	}
	r, err := CheckFile(bg, path)
	if err != nil || !r.OK() {
		t.Errorf("%+v %v", r, err)
	}
}
