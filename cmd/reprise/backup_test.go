package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestBackupWhileServing takes a backup, an export and a compaction from a server that is being asked all the while, restores the
// one and imports the other, and expects both to answer.
func TestBackupWhileServing(t *testing.T) {
	const token = "an operator's token of the tests"
	dir := t.TempDir()
	up := upstream(t, func() {})
	env := []string{"REPRISE_ADMIN_TOKEN=" + token}
	t.Setenv("REPRISE_ADMIN_TOKEN", token)
	r := start(t, filepath.Join(dir, "a.db"), up.URL, "--set", "admin.token="+token)
	body, _ := r.ask("How do I reset my password?")
	for i := range 20 {
		r.ask(fmt.Sprint("what is the price of item number ", i))
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	wg.Go(func() {
		for i := 100; ; i++ {
			select {
			case <-stop:
				return
			default:
				r.ask(fmt.Sprint("what is the price of item number ", i))
			}
		}
	})
	backup, lines := filepath.Join(dir, "backup.db"), filepath.Join(dir, "entries.jsonl")
	for _, args := range [][]string{
		{"backup", "--url", r.url, backup}, {"compact", "--url", r.url}, {"export", "--url", r.url, lines}, {"import", "--url", r.url, lines},
	} {
		if code, out, errs := reprise(t, env, args...); code != 0 {
			t.Errorf("%v: %d\n%s%s", args, code, out, errs)
		}
	}
	first, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, errs := reprise(t, env, "backup", "--url", r.url, backup); code == 0 || !strings.Contains(errs, "--replace") {
		t.Errorf("a backup was overwritten without a word: %d %s", code, errs)
	}
	if still, err := os.ReadFile(backup); err != nil || !bytes.Equal(still, first) {
		t.Errorf("the backup is another after one that was refused: %v", err)
	}
	if code, out, errs := reprise(t, env, "backup", "--url", r.url, "--replace", backup); code != 0 {
		t.Errorf("backup --replace: %d\n%s%s", code, out, errs)
	}
	for args, want := range map[string]string{
		"backup --url " + r.url + " " + filepath.Join(dir, "none.db"):                     "REPRISE_ADMIN_TOKEN",
		"backup --db " + filepath.Join(dir, "a.db") + " " + filepath.Join(dir, "none.db"): "--url",
	} {
		if code, out, errs := reprise(t, nil, strings.Fields(args)...); code == 0 || !strings.Contains(errs, want) {
			t.Errorf("%s: %d\n%s%s", args, code, out, errs)
		}
	}
	close(stop)
	wg.Wait()
	r.signal(syscall.SIGTERM)
	if code := r.wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if code, out, _ := reprise(t, nil, "check", filepath.Join(dir, "a.db")); code != 0 {
		t.Errorf("check: %d\n%s", code, out)
	}
	restored, imported := filepath.Join(dir, "restored.db"), filepath.Join(dir, "imported.db")
	for _, args := range [][]string{
		{"restore", "--db", restored, backup}, {"restore", "--db", restored, "--replace", backup}, {"import", "--db", imported, lines},
		{"compact", "--db", imported}, {"export", "--db", imported, filepath.Join(dir, "again.jsonl")}, {"check", restored}, {"check", imported},
	} {
		if code, out, errs := reprise(t, nil, args...); code != 0 {
			t.Errorf("%v: %d\n%s%s", args, code, out, errs)
		}
	}
	if code, _, errs := reprise(t, nil, "restore", "--db", restored, backup); code == 0 || !strings.Contains(errs, "--replace") {
		t.Errorf("a file was replaced: %d %s", code, errs)
	}
	for _, db := range []string{restored, imported} {
		r := start(t, db, up.URL)
		if got, status := r.ask("how do i reset my password"); status != "SEMANTIC HIT" || !strings.Contains(body, "answer 1") || !strings.Contains(got, "answer 1") {
			t.Errorf("%s: %s %s", db, status, got)
		}
		r.signal(syscall.SIGTERM)
		r.wait()
	}
}

// TestRepair damages answers and expects the rest in the new file, the damage told, and the damaged file as it was.
func TestRepair(t *testing.T) {
	dir := t.TempDir()
	db, to := filepath.Join(dir, "damaged.db"), filepath.Join(dir, "new.db")
	data := damagedDB(t, db)
	code, out, errs := reprise(t, nil, "check", "--repair", to, db)
	if code != 1 || !strings.Contains(out, "kept 49 entries") || !strings.Contains(out, `question "question 7"`) {
		t.Errorf("repair: %d\n%s%s", code, out, errs)
	}
	if code, out, _ := reprise(t, nil, "check", to); code != 0 {
		t.Errorf("check: %d\n%s", code, out)
	}
	if after, err := os.ReadFile(db); err != nil || string(after) != string(data) {
		t.Error("the damaged file was changed")
	}
	if code, _, errs := reprise(t, nil, "check", "--repair", to, db); code == 0 || !strings.Contains(errs, "exists") {
		t.Errorf("a file was overwritten: %d %s", code, errs)
	}
}
