package main

import (
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/reprise-cache/reprise/cmd/internal/config"
)

// TestOutputs names as output what is there already, and expects it to be as it was, and the remedy.
func TestOutputs(t *testing.T) {
	dir := t.TempDir()
	db, log := filepath.Join(dir, "a.db"), filepath.Join(dir, "log.jsonl")
	kept, folder, nowhere := filepath.Join(dir, "kept"), filepath.Join(dir, "folder"), filepath.Join(dir, "none", "x")
	keys, requests := filepath.Join(dir, "keys.db"), db+".requests"
	for name, text := range map[string]string{kept: "kept", keys: "keys", requests: "requests", log: pastLine(past[0][0], past[0][1], 1700000000)} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := reprise(t, nil, "import", "--db", db, "--no-key", log); code != 0 {
		t.Fatalf("%d %s%s", code, out, errs)
	}
	for name, args := range map[string][]string{
		"export": {"export", "--db", db}, "backup": {"backup", "--db", db}, "estimate": {"estimate", "--db", db, log, "--pairs"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, c := range []struct {
				to, flag string
				code     int
				want     string
			}{
				{kept, "", 1, "--replace"}, {folder, "", 2, "is a folder"}, {folder, "--replace", 2, "is a folder"},
				{nowhere, "", 2, "does not exist"}, {db, "", 2, "the cache's own file"}, {db, "--replace", 2, "the cache's own file"},
				{keys, "--replace", 2, "the file of keys"}, {requests, "--replace", 2, "the request log"},
			} {
				code, out, errs := reprise(t, nil, append(append([]string{}, args...), strings.Fields(c.to+" "+c.flag)...)...)
				if code != c.code || !strings.Contains(errs, c.want) {
					t.Errorf("to %s %s: %d, want %d and %q: %s%s", c.to, c.flag, code, c.code, c.want, out, errs)
				}
			}
			for path, want := range map[string]string{kept: "kept", keys: "keys", requests: "requests"} {
				if text, err := os.ReadFile(path); err != nil || string(text) != want {
					t.Errorf("the file that was there says %q, %v", text, err)
				}
			}
		})
	}
	if code, out, errs := reprise(t, nil, "check", db); code != 0 {
		t.Errorf("check: %d %s%s", code, out, errs)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(kept, link); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := reprise(t, nil, "export", "--db", db, "--replace", link); code != 0 {
		t.Errorf("export --replace: %d %s%s", code, out, errs)
	}
	text, err := os.ReadFile(kept)
	if st, linkErr := os.Lstat(link); err != nil || linkErr != nil || !strings.Contains(string(text), past[0][0]) || st.Mode().IsRegular() {
		t.Errorf("what the link leads to says %q: %v, %v, %v", text, err, linkErr, st)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*.new-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestOutputAppearsMeanwhile has another process make a file of the name while it is being written: --replace alone says that it may go.
func TestOutputAppearsMeanwhile(t *testing.T) {
	for replace, want := range map[bool]string{false: "theirs", true: "ours"} {
		name := filepath.Join(t.TempDir(), "out")
		out, err := replaceFlag{Replace: replace}.output(name, &config.Config{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = out.write(func(w io.Writer) error {
			if err := os.WriteFile(name, []byte("theirs"), 0o600); err != nil {
				return err
			}
			_, err := io.WriteString(w, "ours")
			return err
		})
		if refused := err != nil && strings.Contains(err.Error(), "--replace"); refused == replace || err != nil && !refused {
			t.Errorf("replace %v: %v", replace, err)
		}
		if text, err := os.ReadFile(name); err != nil || string(text) != want {
			t.Errorf("replace %v: the file says %q, want %q (%v)", replace, text, want, err)
		}
		if left, err := filepath.Glob(name + ".new-*"); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

// TestMessagesNameTheCulprit expects of what cannot be done the file or argument that is at fault, once, and one remedy.
func TestMessagesNameTheCulprit(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
		not  string
	}{
		{[]string{"restore", "absent.db"}, 1, "backup: open absent.db: no such file or directory (name a backup that is there", "reprise.db"},
		{[]string{"check", "absent.db"}, 1, "open absent.db: no such file or directory (name the cache's file by --db", "does not exist"},
		{[]string{"check", "none/absent.db"}, 1, "(its folder does not exist", "name the cache's file"},
		{[]string{"explain", "", "How tall is Mont Blanc?"}, 2, "the stored question is empty", ""},
		{[]string{"demo", "--concurrency", "0"}, 2, "--concurrency 0: give 1 to 256", ""},
	} {
		code, out, errs := reprise(t, nil, c.args...)
		if code != c.code || !strings.Contains(errs, c.want) || c.not != "" && strings.Contains(errs, c.not) || strings.Count(errs, "absent.db") > 1 {
			t.Errorf("%q: %d %s%s", c.args, code, out, errs)
		}
	}
	if code, out, errs := reprise(t, nil, "explain", " ", "How tall is Mont Blanc?"); code != 0 || !strings.Contains(out, "blank") {
		t.Errorf("a blank question: %d %s%s", code, out, errs)
	}
}

// TestVariableOfNoKey misspells the variable that names the file, and expects to be told, since another is worked on.
func TestVariableOfNoKey(t *testing.T) {
	for _, args := range []string{"export", "config print", "check", "logs"} {
		if _, out, errs := reprise(t, []string{"REPRISE_BD=x.db"}, strings.Fields(args)...); !strings.Contains(errs, `warning: environment variable REPRISE_BD`) {
			t.Errorf("%s: %s%s", args, out, errs)
		}
	}
}

// TestHelpShowsFlagsThatAct: a command that serves nothing takes no flag of serving.
func TestHelpShowsFlagsThatAct(t *testing.T) {
	serving, deciding := []string{"--listen"}, []string{"--provider", "--mode", "--threshold"}
	for args, want := range map[string][]string{
		"serve": append(serving, deciding...), "config print": append(serving, deciding...), "import": deciding, "estimate": deciding,
		"export": nil, "backup": nil, "restore": nil, "compact": nil, "entries show": nil, "keys list": nil, "logs": nil, "check": nil,
	} {
		code, out, errs := reprise(t, nil, append(strings.Fields(args), "--help")...)
		if code != 0 || !strings.Contains(out, "--db") {
			t.Errorf("%s: %d %s%s", args, code, out, errs)
		}
		for _, flag := range append(serving, deciding...) {
			if has := strings.Contains(out, flag+"="); has != slices.Contains(want, flag) {
				t.Errorf("%s --help shows %s: %v", args, flag, has)
			}
		}
	}
	if code, _, errs := reprise(t, nil, "export", "--listen", "127.0.0.1:0"); code != 2 || !strings.Contains(errs, "--listen") {
		t.Errorf("a flag that would not act: %d %s", code, errs)
	}
}
