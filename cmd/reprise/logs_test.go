package main

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestLogs reads the request log of a server, first through it and then, when it has stopped, from the file: both must say
// the same. A server that is killed leaves a file that the next one goes on with.
func TestLogs(t *testing.T) {
	const token = "an operator's token of the tests"
	db := filepath.Join(t.TempDir(), "a.db")
	up := upstream(t, func() {})
	env := []string{"REPRISE_ADMIN_TOKEN=" + token}
	r := start(t, db, up.URL, "--set", "admin.token="+token)
	r.ask("How do I reset my password?")
	r.ask("How do I reset my password?")
	r.ask("What does the large one cost?")
	run := func(want int, args ...string) (stdout, stderr string) {
		t.Helper()
		code, out, errs := reprise(t, env, append([]string{"logs", "--db", db}, args...)...)
		if code != want {
			t.Fatalf("%v: exit code %d, want %d: %s%s", args, code, want, out, errs)
		}
		return out, errs
	}
	table, _ := run(0, "--url", r.url)
	lines, _ := run(0, "--url", r.url, "--export")
	page, _ := run(0, "--url", r.url, "-f", "cache_status=HIT", "-f", "limit=1")
	if strings.Count(table, "\n") != 4 || strings.Count(lines, "\n") != 3 || strings.Count(page, "\n") != 2 || !strings.Contains(page, "HIT") || strings.Contains(lines, "password") {
		t.Errorf("%s\n%s\n%s", table, lines, page)
	}
	if _, errs := run(1); !strings.Contains(errs, "--url") {
		t.Errorf("a file in use: %s", errs)
	}
	r.signal(syscall.SIGTERM)
	if code := r.wait(); code != 0 {
		t.Fatal(code)
	}
	if again, _ := run(0); again != table {
		t.Errorf("the file says\n%s\nthe server said\n%s", again, table)
	}
	if again, _ := run(0, "--export"); again != lines {
		t.Errorf("the file says\n%s\nthe server said\n%s", again, lines)
	}
	if out, _ := run(0, "-f", "limit=2"); !strings.Contains(out, "--filter cursor=") {
		t.Errorf("%s", out)
	}
	if _, errs := run(1, "-f", "status=abc"); !strings.Contains(errs, "use a status") {
		t.Errorf("%s", errs)
	}
	if _, errs := run(2, "-f", "status"); !strings.Contains(errs, "NAME=VALUE") {
		t.Errorf("%s", errs)
	}
	if _, errs := run(2, "--set", "log.path=none"); !strings.Contains(errs, "log.path") {
		t.Errorf("%s", errs)
	}

	r = start(t, db, up.URL, "--set", "admin.token="+token)
	r.ask("What does the small one cost?")
	run(0, "--url", r.url) // after which it is in the file
	r.signal(syscall.SIGKILL)
	_ = r.cmd.Wait()
	if out, _ := run(0, "--export"); strings.Count(out, "\n") != 4 || !strings.HasPrefix(out, lines) {
		t.Errorf("after a kill:\n%s", out)
	}
}
