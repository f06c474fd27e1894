package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestEntries has an operator see, judge and remove an answer by the id that the request log gives, through a server and in the file.
func TestEntries(t *testing.T) {
	const token = "an operator's token of the tests"
	dir := t.TempDir()
	db := filepath.Join(dir, "a.db")
	up := upstream(t, func() {})
	env := []string{"REPRISE_ADMIN_TOKEN=" + token, "REPRISE_PROVIDERS_UP_API_KEY=" + testKey, "REPRISE_PROVIDERS_UP_BASE_URL=" + up.URL + "/v1"}
	run := func(want int, args ...string) string {
		t.Helper()
		code, out, errs := reprise(t, env, args...)
		if code != want {
			t.Fatalf("%v: exit code %d, want %d: %s%s", args, code, want, out, errs)
		}
		return out + errs
	}
	run(0, append([]string{"import", "--db", db}, pastFiles(t, dir)["csv"]...)...)

	r := start(t, db, up.URL, "--set", "admin.token="+token)
	if _, status := r.ask(past[2][2]); status != "SEMANTIC HIT" {
		t.Fatal(status)
	}
	var record struct{ Entry string }
	if err := json.Unmarshal([]byte(run(0, "logs", "--url", r.url, "--export", "-f", "limit=1")), &record); err != nil {
		t.Fatal(err)
	}
	if table := run(0, "logs", "--url", r.url); !strings.Contains(table, "entry "+record.Entry) {
		t.Errorf("the log's table does not name the entry:\n%s", table)
	}
	if out := run(0, "entries", "show", "--url", r.url, record.Entry); !strings.Contains(out, past[2][0]) || !strings.Contains(out, past[2][1]) {
		t.Error(out)
	}
	run(0, "entries", "judge", "--url", r.url, record.Entry, "wrong")
	if _, status := r.ask(past[2][0]); status != "HIT" {
		t.Errorf("its own question, judged wrong for others: %s", status)
	}
	if _, status := r.ask(past[2][2]); status != "SEMANTIC MISS" {
		t.Errorf("judged wrong: %s", status)
	}
	run(0, "entries", "delete", "--url", r.url, record.Entry)
	if out := run(1, "entries", "show", "--url", r.url, record.Entry); !strings.Contains(out, "404") || !strings.Contains(out, record.Entry) {
		t.Error(out)
	}
	if out := run(2, "entries", "show", "--url", r.url, "7"); !strings.Contains(out, "16 hex digits") {
		t.Error(out)
	}
	r.signal(syscall.SIGTERM)
	r.wait()

	kept := ""
	for line := range strings.Lines(run(0, "export", "--db", db)) {
		if strings.Contains(line, past[2][0]) {
			t.Errorf("deleted: %s", line)
		}
		kept = line
	}
	if !strings.Contains(kept, past[2][2]) { // bought when the verdict kept the first answer from it
		t.Fatalf("the last entry is %s", kept)
	}
	const last = "0000000000000004"
	if out := run(0, "entries", "show", "--db", db, last); !strings.Contains(out, past[2][2]) {
		t.Error(out)
	}
	run(0, "entries", "judge", "--db", db, last, "right")
	run(0, "entries", "delete", "--db", db, last)
	run(1, "entries", "judge", "--db", db, last, "wrong")
	if out := run(0, "entries", "purge", "--db", db, "nobody"); out != "0 removed\n" {
		t.Error(out)
	}
	if out := run(0, "entries", "purge", "--db", db, ""); out != "2 removed\n" {
		t.Error(out)
	}
}
