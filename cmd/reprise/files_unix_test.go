//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestOutputIsPipe exports into a named pipe, which is written to and stays what it is, as a device would.
func TestOutputIsPipe(t *testing.T) {
	dir := t.TempDir()
	pipe, log, db := filepath.Join(dir, "pipe"), filepath.Join(dir, "log.jsonl"), filepath.Join(dir, "a.db")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(log, []byte(pastLine(past[0][0], past[0][1], 1700000000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := reprise(t, nil, "import", "--db", db, "--no-key", log); code != 0 {
		t.Fatalf("%d %s%s", code, out, errs)
	}
	if code, _, errs := reprise(t, nil, "backup", "--db", db, "--replace", pipe); code != 2 || !strings.Contains(errs, "needs a file's name") {
		t.Errorf("backup: %d %s", code, errs)
	}
	read := make(chan string, 1)
	go func() {
		text, _ := os.ReadFile(pipe) // what was read before an error is judged
		read <- string(text)
	}()
	code, _, errs := reprise(t, nil, "export", "--db", db, pipe)
	if st, err := os.Lstat(pipe); err != nil || st.Mode()&os.ModeNamedPipe == 0 || code != 0 {
		t.Fatalf("%d %s: the pipe is %v now, %v", code, errs, st, err)
	}
	if text := <-read; !strings.Contains(text, past[0][0]) {
		t.Errorf("the pipe brought %q", text)
	}
}
