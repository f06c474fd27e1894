package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/traffic"
)

// past is what was asked, what was answered, and the question in other words.
var past = [][3]string{
	{"How do I reset my password?", "By the link below the form.", "how do i reset my password"},
	{"Where can I download my invoices?", "Under billing.", "where can i download my invoices"},
	{"How do I turn on two-factor login for my account?", "In the settings.", "How can I turn on two-factor login for my account?"},
}

func pastLine(question, answer string, created int) string {
	return fmt.Sprintf(`{"path":"/v1/chat/completions","request":`+chatBody+`,"response":{"id":"c","object":"chat.completion","created":%d,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":%q},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}}`+"\n",
		question, created, answer)
}

// pastFiles are the same questions and answers in every format, with the flags that each needs.
func pastFiles(t *testing.T, dir string) map[string][]string {
	t.Helper()
	var log, batch, answers, jsonl bytes.Buffer
	csv := bytes.NewBufferString("question,answer\n")
	for i, p := range past {
		line := pastLine(p[0], p[1], 1700000000+i)
		log.WriteString(line)
		var o struct{ Request, Response json.RawMessage }
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&batch, `{"custom_id":"%d","method":"POST","url":"/v1/chat/completions","body":%s}`+"\n", i, o.Request)
		fmt.Fprintf(&answers, `{"custom_id":"%d","response":{"status_code":200,"body":%s},"error":null}`+"\n", i, o.Response)
		fmt.Fprintf(&jsonl, `{"question":%q,"answer":%q}`+"\n", p[0], p[1])
		fmt.Fprintf(csv, "%q,%q\n", p[0], p[1])
	}
	file := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return map[string][]string{
		"log":   {file("log", log.Bytes())},
		"batch": {file("batch", batch.Bytes()), "--answers", file("answers", answers.Bytes())},
		"jsonl": {file("jsonl", jsonl.Bytes()), "--model", "m"},
		"csv":   {file("csv", csv.Bytes()), "--model", "m"},
	}
}

// TestImportWarmsUp imports past traffic of each format, without being told which, and asks a server that must not call anybody.
func TestImportWarmsUp(t *testing.T) {
	dir := t.TempDir()
	env := []string{"REPRISE_PROVIDERS_UP_API_KEY=" + testKey, "REPRISE_ADMIN_TOKEN=an operator's token of the tests"}
	up := upstream(t, func() { t.Error("the provider was called") })
	doImport := func(want string, args ...string) {
		t.Helper()
		code, out, errs := reprise(t, env, append([]string{"import", "--provider", "up=" + up.URL + "/v1"}, args...)...)
		if code != 0 || !strings.HasPrefix(out, want) {
			t.Errorf("%v: %d %s%s", args, code, out, errs)
		}
	}
	check := func(r *running) {
		t.Helper()
		for _, p := range past {
			if body, status := r.ask(p[0]); status != "HIT" || !strings.Contains(body, p[1]) {
				t.Errorf("%s: %s %s", p[0], status, body)
			}
			if body, status := r.ask(p[2]); status != "SEMANTIC HIT" || !strings.Contains(body, p[1]) {
				t.Errorf("%s: %s %s", p[2], status, body)
			}
		}
		r.signal(syscall.SIGTERM)
		if code := r.wait(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	}
	files := pastFiles(t, dir)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		db := filepath.Join(dir, name+".db")
		doImport("3 stored, 0 left out", append(files[name], "--db", db)...)
		doImport("0 stored, 3 left out", append(files[name], "--db", db)...)
		check(start(t, db, up.URL))
	}
	r := start(t, filepath.Join(dir, "served.db"), up.URL, "--set", "admin.token=an operator's token of the tests")
	doImport("3 stored, 0 left out", append(files["csv"], "--url", r.url)...)
	check(r)
}

// exported is what a file holds, by question, but for how often it was used.
func exported(t *testing.T, db string) map[string]string {
	t.Helper()
	code, out, errs := reprise(t, nil, "export", "--db", db)
	if code != 0 {
		t.Fatalf("export: %d %s", code, errs)
	}
	found := map[string]string{}
	for line := range strings.Lines(out) {
		var r cache.Record
		if err := r.UnmarshalJSON([]byte(line)); err != nil {
			t.Fatal(err)
		}
		r.Uses = nil
		text, err := r.MarshalJSON()
		if err != nil || found[r.Text] != "" {
			t.Fatalf("%s: twice, or %v", r.Text, err)
		}
		found[r.Text] = string(text)
	}
	return found
}

// TestImportGoesOnAfterKill kills an import in the middle, runs it again, and compares with one that ran through. Questions come
// several times: the latest answer stays, and of those of one time the first.
func TestImportGoesOnAfterKill(t *testing.T) {
	dir := t.TempDir()
	var half, rest bytes.Buffer
	const n = 300
	for i := range n {
		to := &half
		if i >= n/2 {
			to = &rest
		}
		question := fmt.Sprintf("what is the price of item number %d", i%(n/3))
		to.WriteString(pastLine(question, fmt.Sprint("answer ", i), 1700000000-i/(n/3)*(i%3-1))) // earlier, the same, later
	}
	half.WriteString("a bad line\n")
	whole := half.String() + rest.String()
	file := filepath.Join(dir, "log")
	if err := os.WriteFile(file, []byte(whole), 0o600); err != nil {
		t.Fatal(err)
	}
	args := func(db, file string) []string {
		return []string{"import", "--db", filepath.Join(dir, db), "--bad", "skip", "--set", "cache.share_across_keys=true", file}
	}
	through := func(db, want string) {
		t.Helper()
		code, out, errs := reprise(t, nil, args(db, file)...)
		if code != 0 || !strings.HasSuffix(out, want) || !strings.Contains(errs, fmt.Sprintf("line %d:", n/2+1)) {
			t.Fatalf("%d %s%s", code, out, errs)
		}
	}
	through("once.db", "1 bad lines\n")
	want := exported(t, filepath.Join(dir, "once.db"))
	if len(want) != n/3 {
		t.Fatalf("%d entries", len(want))
	}
	for i := range n / 3 {
		question := fmt.Sprintf("what is the price of item number %d", i)
		best, latest := i, 1700000000 // of the first of its three lines
		for k := range 3 {
			line := k*n/3 + i
			if at := 1700000000 - k*(line%3-1); at > latest {
				best, latest = line, at
			}
		}
		if !strings.Contains(want[question], fmt.Sprintf(`\"answer %d\"`, best)) {
			t.Errorf("%s: not answer %d: %.500s", question, best, want[question])
		}
	}

	cmd := exec.CommandContext(t.Context(), binary, args("killed.db", "-")...)
	cmd.Env, cmd.Dir = environment(), dir
	in, err1 := cmd.StdinPipe()
	said, err2 := cmd.StderrPipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(in, &half); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(said); lines.Scan() && !strings.Contains(lines.Text(), "line "); {
	}
	if err := cmd.Process.Kill(); err != nil { // with as many lines under way as are at a time
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	partial := exported(t, filepath.Join(dir, "killed.db"))
	if len(partial) < n/2-importTogether-n/6 || len(partial) >= n {
		t.Errorf("%d entries after the kill", len(partial))
	}
	through("killed.db", "1 bad lines\n")
	if got := exported(t, filepath.Join(dir, "killed.db")); !maps.Equal(got, want) {
		t.Error("the store of a killed import and its successor is another than that of one import")
	}

	// A file that cannot be read to its end is told, and leaves what came before.
	var out, errs bytes.Buffer
	broken := io.MultiReader(strings.NewReader(whole[:len(whole)/2]), iotest.ErrReader(fmt.Errorf("the disk is gone")))
	code := run(args("broken.db", "-"), &host{stdin: broken, stdout: &out, stderr: &errs, env: environment()})
	if code != 1 || !strings.Contains(errs.String(), "the disk is gone") || !strings.Contains(out.String(), " stored") {
		t.Errorf("%d %s%s", code, &out, &errs)
	}
	through("broken.db", "1 bad lines\n")
	if got := exported(t, filepath.Join(dir, "broken.db")); !maps.Equal(got, want) {
		t.Error("the store of a broken import and its successor is another than that of one import")
	}
}

// TestImportComplains makes every mistake that can be made, and expects its remedy.
func TestImportComplains(t *testing.T) {
	dir := t.TempDir()
	files := pastFiles(t, dir)
	env := []string{"A_KEY=" + testKey}
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := pastLine(past[0][0], past[0][1], 1)
	mixed := file("mixed", good+"{}\n"+strings.Replace(good, `"stop"`, "null", 1)+pastLine("another question", "x", 2))
	entry := file("entries", `{"key":"x","partition":"y"}`+"\n")
	for i, c := range []struct {
		code int
		want []string
		args []string
	}{
		{2, []string{"reprise: whose answers these are is not said", "--key-env", "--no-key", "api_key_env", "share_across_keys"}, files["log"]},
		{2, []string{"NO_SUCH"}, append(files["log"], "--key-env", "NO_SUCH")},
		{2, []string{"--model"}, append(files["csv"][:1:1], "--no-key")},
		{2, []string{"--params"}, append(files["csv"], "--no-key", "--params", "[]")},
		{2, []string{"--header"}, append(files["csv"], "--no-key", "--header", "x")},
		{2, []string{"--answers"}, append(files["batch"][:1:1], "--no-key")},
		{2, []string{"--answers"}, append(files["csv"], "--no-key", "--answers", "x")},
		{2, []string{"request and response"}, []string{file("unknown", `{"a":1}`)}},
		{2, []string{"column"}, []string{file("columns", "a,b\n"), "--no-key"}},
		{2, []string{"leave out --answers"}, []string{entry, "--no-key"}},
		{1, []string{"line 1: ", "64 hex digits", "--bad skip"}, []string{entry}},
		{1, []string{"line 2: request is missing", "1 stored", "1 bad lines", "--bad skip"}, []string{mixed, "--no-key"}},
		{0, []string{"line 2: ", "line 3: left out: ", "2 stored", "beside 1 not for a cache or without a whole answer, 0 answered from a cache then, and 1 bad lines\n"}, []string{mixed, "--no-key", "--bad", "skip"}},
		{0, []string{"3 stored"}, append(files["log"], "--key-env", "A_KEY", "--namespace", "shop")},
		{1, []string{"3 bad lines", "who"}, append(files["log"], "--no-key", "--bad", "skip", "--from", "who")},
	} {
		args := append([]string{"import", "--db", filepath.Join(dir, fmt.Sprint(i, ".db"))}, c.args...)
		code, out, errs := reprise(t, env, args...)
		if code != c.code {
			t.Errorf("%v: %d, want %d", c.args, code, c.code)
		}
		for _, w := range c.want {
			if !strings.Contains(out+errs, w) {
				t.Errorf("%v: nothing of %q in %s%s", c.args, w, out, errs)
			}
		}
	}
}

// FuzzEntries reads anything as an export: each line is a record that writes itself as it was read, or an error that names it.
func FuzzEntries(f *testing.F) {
	f.Add(`{"key":"` + strings.Repeat("0a", 32) + `","partition":"` + strings.Repeat("0b", 32) + `","created":"2026-01-02T03:04:05Z","body":"a","uses":[1,2,3,4]}`)
	f.Add("\n{}\n")
	f.Fuzz(func(t *testing.T, text string) {
		for src := newEntrySource(strings.NewReader(text)); ; {
			it, err := src.next()
			var bad *traffic.LineError
			if errors.Is(err, io.EOF) {
				return
			} else if errors.As(err, &bad) && bad.Line > 0 && bad.Size > 0 {
				continue
			} else if err != nil {
				t.Fatal(err)
			}
			line, err := it.record.MarshalJSON()
			if err != nil {
				continue // of a time that JSON cannot say
			}
			var back cache.Record
			if err := back.UnmarshalJSON(line); err != nil {
				t.Fatalf("%s: %v", line, err)
			}
		}
	})
}

// TestImportOfTheRequestLog takes what one gateway's request log says of its calls into another's cache, and leaves
// out what came from the cache.
func TestImportOfTheRequestLog(t *testing.T) {
	dir := t.TempDir()
	db, lines, other := filepath.Join(dir, "a.db"), filepath.Join(dir, "lines"), filepath.Join(dir, "b.db")
	up := upstream(t, func() {})
	r := start(t, db, up.URL, "--set", "log.bodies=true")
	body, _ := r.ask(past[0][0])
	if _, status := r.ask(past[0][0]); status != "HIT" {
		t.Errorf("asked again: %s", status)
	}
	r.ask(past[1][0])
	r.signal(syscall.SIGTERM)
	r.wait()
	code, out, errs := reprise(t, nil, "logs", "--db", db, "--export")
	if code != 0 {
		t.Fatalf("%d %s", code, errs)
	}
	if err := os.WriteFile(lines, []byte(out), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"REPRISE_PROVIDERS_UP_API_KEY=" + testKey}
	code, out, errs = reprise(t, env, "import", "--db", other, "--provider", "up="+up.URL+"/v1", lines)
	if code != 0 || !strings.HasPrefix(out, "2 stored, 0 left out") || !strings.Contains(out, "beside 0 not for a cache or without a whole answer, 1 answered from a cache then") || strings.Contains(errs, "line 2") {
		t.Fatalf("%d %s%s", code, out, errs)
	}
	r = start(t, other, up.URL)
	if got, status := r.ask(past[0][2]); status != "SEMANTIC HIT" || !strings.Contains(body, `"answer 1"`) || !strings.Contains(got, `"answer 1"`) {
		t.Errorf("%s %s", status, got)
	}
	r.signal(syscall.SIGTERM)
	r.wait()
}

// TestImportThroughAServerPassesOverBadLines sends entries of which the server keeps not each: the lines of the file are named, the
// others are stored and counted, and how large a request may be is no limit for all of them together.
func TestImportThroughAServerPassesOverBadLines(t *testing.T) {
	const token = "an operator's token of the tests"
	env := []string{"REPRISE_ADMIN_TOKEN=" + token}
	dir := t.TempDir()
	entry := func(name string, bytes int) string {
		r := cache.Record{Key: cache.Hash([]byte(name)), Partition: cache.Hash([]byte("p")), Text: name, Created: time.Unix(1, 0), Body: []byte(strings.Repeat("x", bytes))}
		line, err := r.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		return string(line) + "\n"
	}
	file := filepath.Join(dir, "entries")
	if err := os.WriteFile(file, []byte(entry("one", 10)+"\n"+entry("two", 2<<10)+entry("three", 10)), 0o600); err != nil {
		t.Fatal(err)
	}
	doImport := func(r *running, wantCode int, want ...string) {
		t.Helper()
		code, out, errs := reprise(t, env, "import", "--url", r.url, "--bad", "skip", file)
		for _, w := range append(want, "reprise: line 3: ", "1 bad lines") {
			if code != wantCode || !strings.Contains(out+errs, w) {
				t.Errorf("%d, want %d and %q: %s%s", code, wantCode, w, out, errs)
			}
		}
	}
	for name, set := range map[string]string{"an answer too large to keep": "cache.max_value_bytes=1KiB", "a request too large to take": "limits.max_body_bytes=1KiB"} {
		t.Run(name, func(t *testing.T) {
			db := filepath.Join(dir, set+".db")
			r := start(t, db, "http://127.0.0.1:1", "--mode", "simple", "--set", "admin.token="+token, "--set", set)
			code, out, errs := reprise(t, env, "import", "--url", r.url, file)
			if code != 1 || !strings.Contains(errs, "reprise: line 3: ") || !strings.Contains(errs, "--bad skip") || !strings.Contains(out, "1 bad lines") {
				t.Errorf("stopping: %d %s%s", code, out, errs)
			}
			r.signal(syscall.SIGTERM)
			r.wait()

			db = filepath.Join(dir, set+".2.db")
			r = start(t, db, "http://127.0.0.1:1", "--mode", "simple", "--set", "admin.token="+token, "--set", set)
			doImport(r, 0, "2 stored, 0 left out")
			doImport(r, 0, "0 stored, 2 left out")
			r.signal(syscall.SIGTERM)
			r.wait()
			if got := exported(t, db); len(got) != 2 || got["one"] == "" || got["three"] == "" {
				t.Errorf("%d entries are there", len(got))
			}
		})
	}
}

// TestImportOfVirtualKeys imports what was asked with a virtual key, from the file of keys and through the server that has it, and
// asks with it again.
func TestImportOfVirtualKeys(t *testing.T) {
	k := newKeysHome(t)
	k.keys(0, plantedOne, "add", "--virtual", "pool", "--for", "up")
	up := upstream(t, func() { t.Error("the provider was called") })
	write := func(i int) string {
		path := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(path, []byte(pastLine(past[i][0], past[i][1], 1700000000)), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	by := []string{"--config", k.config, "--header", "x-portkey-virtual-key=pool"}
	doImport := func(args ...string) {
		t.Helper()
		if code, out, errs := reprise(t, nil, append(append([]string{"import"}, by...), args...)...); code != 0 || !strings.HasPrefix(out, "1 stored") {
			t.Errorf("%v: %d %s%s", args, code, out, errs)
		}
	}
	refused := func(want string, args ...string) {
		t.Helper()
		if code, out, errs := reprise(t, nil, args...); code == 0 || !strings.Contains(errs, want) || out != "" {
			t.Errorf("%v: %d %s%s", args, code, out, errs)
		}
	}
	doImport(write(0))
	if code, out, errs := reprise(t, nil, append(append([]string{"estimate"}, by...), write(0))...); code != 0 || errs != "" {
		t.Errorf("estimate: %d %s%s", code, out, errs)
	}
	refused("no such virtual key in "+filepath.Join(filepath.Dir(k.db), "keys.db"), "import", "--config", k.config, "--header", "x-reprise-virtual-key=other", write(0))

	r := start(t, k.db, up.URL, "--config", k.config)
	doImport("--url", r.url, write(1))
	refused("no such virtual key in "+r.url, "import", "--config", k.config, "--url", r.url, "--header", "x-portkey-virtual-key=other", write(0))
	refused("another process has the file open", append(append([]string{"estimate"}, by...), write(0))...)
	refused("another process has the file open", "estimate", "--config", k.config, "--header", `x-portkey-config={"virtual_key":"pool"}`, "--bad", "skip", write(0))
	for i := range 2 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/v1/chat/completions", strings.NewReader(fmt.Sprintf(chatBody, past[i][0])))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Portkey-Virtual-Key", "pool")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.Header.Get("X-Portkey-Cache-Status") != "HIT" || !strings.Contains(string(body), past[i][1]) {
			t.Errorf("%s: %s, %v", resp.Header.Get("X-Portkey-Cache-Status"), body, err)
		}
	}
	r.signal(syscall.SIGTERM)
	r.wait()
}
