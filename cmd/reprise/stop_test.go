package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// stoppable is a command that is to be stopped midway, with a folder for all that it makes.
func stoppable(t *testing.T, args ...string) (cmd *exec.Cmd, dir string) {
	dir = t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	cmd = exec.CommandContext(ctx, binary, args...)
	cmd.Dir, cmd.Env = dir, environment("TMPDIR="+dir, "REPRISE_ADMIN_TOKEN=an operator's token of the tests")
	return cmd, dir
}

// nothingIn expects a folder to be empty.
func nothingIn(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestNobodyReads closes the demo's output after a line, as head does, and expects an end without a word and nothing left.
func TestNobodyReads(t *testing.T) {
	cmd, dir := stoppable(t, "demo", "--latency", "0s")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, readErr := bufio.NewReaderSize(r, 16).ReadString('\n')
	if err := r.Close(); err != nil || readErr != nil || w.Close() != nil {
		t.Fatal(err, readErr)
	}
	_ = cmd.Wait() // judged by the code
	if code := cmd.ProcessState.ExitCode(); code != 1 || errs.Len() > 0 {
		t.Errorf("exit code %d: %s", code, &errs)
	}
	nothingIn(t, dir)
}

// TestStopWhileReading interrupts what waits for the rest of its input, and expects an answer of what there was.
func TestStopWhileReading(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"import", "--db", filepath.Join(t.TempDir(), "a.db"), "--no-key", "--format", "log", "--bad", "skip", "-"}, 1, "goes on from there"},
		{[]string{"estimate", "--format", "log", "--bad", "skip", "-"}, 0, "what follows is of the lines before"},
	} {
		t.Run(c.args[0], func(t *testing.T) {
			cmd, dir := stoppable(t, c.args...)
			var out bytes.Buffer
			cmd.Stdout = &out
			in, err1 := cmd.StdinPipe()
			said, err2 := cmd.StderrPipe()
			if err1 != nil || err2 != nil || cmd.Start() != nil {
				t.Fatal(err1, err2)
			}
			if _, err := io.WriteString(in, pastLine(past[0][0], past[0][1], 1700000000)+"a bad line\n"); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewReader(said)
			first, err := lines.ReadString('\n') // of the bad line: it waits for the next one now
			if err != nil || !strings.Contains(first, "line 2:") {
				t.Fatalf("%q %v", first, err)
			}
			if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			rest, err := io.ReadAll(lines)
			_ = cmd.Wait() // judged by the code
			if code := cmd.ProcessState.ExitCode(); err != nil || code != c.code || !strings.Contains(out.String()+string(rest), c.want) {
				t.Errorf("exit code %d, want %d and %q: %s%s%v", code, c.code, c.want, &out, rest, err)
			}
			nothingIn(t, dir)
		})
	}
}

// TestStopIsNoEnd interrupts explain amid its lines, and expects that half of the verdicts are not taken for all of them.
func TestStopIsNoEnd(t *testing.T) {
	cmd, _ := stoppable(t, "explain", "--jsonl")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil || cmd.Start() != nil {
		t.Fatal(err1, err2)
	}
	if _, err := io.WriteString(in, `{"a":"one","b":"two"}`+"\n"); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.Contains(line, "served") {
		t.Fatalf("%q %v", line, err)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // judged by the code
	if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.HasPrefix(errs.String(), "reprise: stopped") {
		t.Errorf("exit code %d: %s", code, &errs)
	}
}

// TestStopWhileWriting interrupts what has half of its file.
func TestStopWhileWriting(t *testing.T) {
	begun := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(answerMark, "x")
		_, _ = io.WriteString(w, "half of it\n")
		_ = http.NewResponseController(w).Flush()
		begun <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	for _, command := range []string{"export", "backup"} {
		t.Run(command, func(t *testing.T) {
			cmd, dir := stoppable(t, command, "--url", server.URL, "file")
			var errs bytes.Buffer
			cmd.Stderr = &errs
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			<-begun
			if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // judged by the code
			if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.HasPrefix(errs.String(), "reprise: stopped") {
				t.Errorf("exit code %d: %s", code, &errs)
			}
			nothingIn(t, dir)
		})
	}
}

// TestDrainBeforeStop: until the delay is over requests are answered, and readiness says that no more should come.
func TestDrainBeforeStop(t *testing.T) {
	up := upstream(t, func() {})
	r := start(t, filepath.Join(t.TempDir(), "drained.db"), up.URL, "--set", "timeouts.drain_delay=1h")
	r.signal(syscall.SIGTERM)
	for line := range r.logs {
		if strings.Contains(line, `"msg":"draining`) {
			break
		}
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503} {
		resp, err := http.Get(r.url + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
	if body, _ := r.ask("is anybody there?"); !strings.Contains(body, "answer 1") {
		t.Errorf("asked while it drains: %s", body)
	}
	r.signal(syscall.SIGTERM)
	if code := r.wait(); code == 0 {
		t.Error("a forced end looks like a good one")
	}

	r = start(t, filepath.Join(t.TempDir(), "drained.db"), up.URL, "--set", "timeouts.drain_delay=10ms")
	r.signal(syscall.SIGTERM)
	logs := r.rest()
	if code := r.wait(); code != 0 || !strings.Contains(logs, `"msg":"draining`) || !strings.Contains(logs, `"msg":"stopped"`) {
		t.Errorf("exit code %d:\n%s", code, logs)
	}
}
