package main

import (
	"bytes"
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

const (
	operatorToken = "operator-token-of-the-test-0123"
	sealText      = "0f0e0d0c0b0a09080706050403020100f0e0d0c0b0a090807060504030201000"
	resealText    = "00112233445566778899aabbccddeeffffeeddccbbaa99887766554433221100"
	plantedOne    = "sk-planted-provider-key-one"
	plantedTwo    = "sk-planted-provider-key-two"
)

// keysHome is a folder with a configuration that has the operator's token and the key to seal with in files.
type keysHome struct {
	t       *testing.T
	config  string
	db      string
	printed strings.Builder // all that the program said
}

func newKeysHome(t *testing.T) *keysHome {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	token, seal := write("token", operatorToken+"\n"), write("seal", sealText+"\n")
	db := filepath.Join(dir, "answers.db")
	return &keysHome{t: t, db: db, config: write("reprise.yaml",
		"db: "+db+"\nadmin:\n  token_file: "+token+"\nkeys:\n  seal_key_file: "+seal+"\nproviders:\n  up:\n    base_url: http://127.0.0.1:1/v1\n")}
}

// keys runs `reprise keys …` and returns what it prints on standard output.
func (k *keysHome) keys(wantCode int, stdin string, args ...string) string {
	k.t.Helper()
	cmd := exec.CommandContext(k.t.Context(), binary, append([]string{"keys"}, append(args, "--config", k.config)...)...)
	cmd.Env, cmd.Dir, cmd.Stdin = environment("PLANTED="+plantedTwo), k.t.TempDir(), strings.NewReader(stdin)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run() // its code is looked at
	k.printed.WriteString(out.String() + errs.String())
	if code := cmd.ProcessState.ExitCode(); code != wantCode {
		k.t.Fatalf("keys %v: exit %d\n%s%s", args, code, out.String(), errs.String())
	}
	if wantCode != 0 {
		return errs.String()
	}
	return out.String()
}

// TestKeysOfNoFile looks for keys where no file of them is, as in another folder than the server's, and expects none to be made.
func TestKeysOfNoFile(t *testing.T) {
	for _, args := range [][]string{{"list"}, {"list", "--virtual"}, {"rotate", "x"}, {"set", "x", "--rpm", "1"}, {"revoke", "x"}, {"reseal"}} {
		file := filepath.Join(t.TempDir(), "keys.db")
		cmd := exec.CommandContext(t.Context(), binary, append(append([]string{"keys"}, args...), "--set", "keys.path="+file)...)
		cmd.Env, cmd.Dir, cmd.Stdin = environment(), t.TempDir(), strings.NewReader(sealText+"\n")
		said, _ := cmd.CombinedOutput() // the code is looked at
		if _, err := os.Stat(file); !os.IsNotExist(err) || cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(said), "does not exist") {
			t.Errorf("%v: %d %s; the file: %v", args, cmd.ProcessState.ExitCode(), said, err)
		}
	}
}

// TestKeysFromTheCommandLine makes keys on the file, serves with them, goes on through the server, and looks for what was
// planted in everything that is left.
func TestKeysFromTheCommandLine(t *testing.T) {
	k := newKeysHome(t)
	sent := make(chan string, 100)
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent <- r.Header.Get("Authorization")
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"id":"c-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}`)
	}))
	t.Cleanup(up.Close)

	first := strings.TrimSpace(k.keys(0, "", "add", "--label", "team a", "--scopes", "call,feedback", "--rpm", "100", "--namespace", "a", "--namespace", "a-*", "--expires", "30d"))
	if !strings.HasPrefix(first, "rpk_") || strings.Contains(first, "\n") {
		t.Fatalf("made %q", first)
	}
	id := strings.Split(first, "_")[1]
	k.keys(0, plantedOne+"\n\n", "add", "--virtual", "pool", "--for", "up")
	if list := k.keys(0, "", "list"); !strings.Contains(list, id) || !strings.Contains(list, "team a") || !strings.Contains(list, "100 rpm") || strings.Contains(list, first) {
		t.Errorf("the list is\n%s", list)
	}
	for _, c := range []struct {
		stdin string
		args  []string
		want  string
	}{
		{"", []string{"add", "--virtual", "pool"}, "--for"},
		{plantedOne, []string{"add", "--virtual", "pool", "--for", "up"}, "rotate it"},
		{plantedOne, []string{"add", "--virtual", "other", "--for", "nobody"}, "nobody"},
		{"", []string{"add", "--virtual", "other", "--for", "up"}, "standard input"},
		{"", []string{"add", "--virtual", "other", "--for", "up", "--secret-env", "UNSET_VARIABLE"}, "UNSET_VARIABLE"},
		{"", []string{"add", "--scopes", "everything"}, "everything"},
		{"", []string{"add", "--rpm=-1"}, "limits.rpm"},
		{"", []string{"add", "--expires", "soon"}, "--expires"},
		{"", []string{"rotate", "nobody"}, "no such key"},
		{"", []string{"rotate", id, "--secret-env", "PLANTED"}, "--secret-env"}, // which would have ended the key for a new one
		{"", []string{"revoke", "nobody", "--url", "not a url"}, "--url"},
		{"", []string{"set", id}, "nothing to change"},
		{"", []string{"set", id, "--rpm=-1"}, "limits.rpm"},
		{"", []string{"set", id, "--scopes", "admin"}, "namespaces"},
		{"", []string{"set", "nobody", "--label", "x"}, "no such key"},
		{"", []string{"set", "--virtual", "pool", "--private"}, "--private"},
		{"", []string{"reseal"}, "standard input"},
		{"short", []string{"reseal", "--passphrase"}, "passphrase"},
		{"correct horse battery staple \n", []string{"reseal", "--passphrase"}, "passphrase: it begins or ends with blanks"},
		{plantedOne, []string{"reseal"}, "seal_key"},
		{sealText + "\n" + resealText, []string{"reseal"}, "one line"},
		{strings.Repeat("x", 256<<10) + "y", []string{"reseal", "--passphrase"}, "longer than"}, // not sealed with a part of it
	} {
		if got := k.keys(2, c.stdin, c.args...); !strings.Contains(got, c.want) {
			t.Errorf("%v: %s", c.args, got)
		}
	}
	if got := k.keys(0, "", "set", id, "--label", "team b", "--rpm", "200", "--spend-day", "5", "--expires", "never"); !strings.Contains(got, "good, label team b, limits 200 rpm $5/day") {
		t.Errorf("set: %s", got)
	}
	if got := k.keys(0, "", "set", "--virtual", "pool", "--rpm", "50"); !strings.Contains(got, "50 rpm") {
		t.Errorf("set: %s", got)
	}
	if got := k.keys(0, resealText+"\n", "reseal"); !strings.Contains(got, "1 virtual key") {
		t.Errorf("reseal: %s", got)
	}
	if got := k.keys(1, "", "list", "--virtual"); !strings.Contains(got, "not the key") { // nothing was changed but the file
		t.Errorf("by the old key: %s", got)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(k.db), "seal"), []byte(resealText), 0o600); err != nil {
		t.Fatal(err)
	}

	r := start(t, k.db, up.URL, "--config", k.config)
	ask := func(key, virtual, question string) int {
		t.Helper()
		req, err := http.NewRequest("POST", r.url+"/v1/chat/completions", strings.NewReader(`{"model":"m","messages":[{"role":"user","content":"`+question+`"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if key != "" {
			req.Header.Set("Authorization", "Bearer "+key)
		}
		if virtual != "" {
			req.Header.Set("x-portkey-virtual-key", virtual)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		k.printed.Write(body)
		return resp.StatusCode
	}
	if s := ask("", "", "one"); s != 401 {
		t.Errorf("without a key: %d", s)
	}
	if s := ask(first, "", "one"); s != 200 || <-sent != "Bearer "+testKey {
		t.Errorf("with one: %d", s)
	}
	if s := ask(first, "pool", "two"); s != 200 || <-sent != "Bearer "+plantedOne {
		t.Errorf("with a virtual key: %d", s)
	}

	if got := k.keys(1, "", "list"); !strings.Contains(got, "--url") {
		t.Errorf("while a server has the file: %s", got)
	}
	url := []string{"--url", r.url}
	second := strings.TrimSpace(k.keys(0, "", append([]string{"add"}, url...)...))
	k.keys(0, "", append([]string{"set", id, "--label", "team c"}, url...)...)
	k.keys(0, sealText, append([]string{"reseal"}, url...)...)
	if s := ask(second, "pool", "two and a half"); s != 200 || <-sent != "Bearer "+plantedOne {
		t.Errorf("after the server sealed anew: %d", s)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(k.db), "seal"), []byte(sealText), 0o600); err != nil {
		t.Fatal(err)
	}
	k.keys(0, "", append([]string{"rotate", "--virtual", "pool", "--secret-env", "PLANTED"}, url...)...)
	if s := ask(second, "pool", "three"); s != 200 || <-sent != "Bearer "+plantedTwo {
		t.Errorf("after the rotation: %d", s)
	}
	third := strings.TrimSpace(k.keys(0, "", append([]string{"rotate", id, "--grace", "1h"}, url...)...))
	for key, want := range map[string]int{first: 200, third: 200, second + "x": 401} {
		if s := ask(key, "", "one"); s != want {
			t.Errorf("%s…: %d, want %d", key[:20], s, want)
		}
	}
	k.keys(0, "", append([]string{"revoke", id}, url...)...)
	if s := ask(third, "", "one"); s != 401 {
		t.Errorf("revoked: %d", s)
	}
	k.keys(0, "", append([]string{"list", "--json"}, url...)...)
	k.keys(0, "", append([]string{"list", "--virtual"}, url...)...)
	r.signal(syscall.SIGTERM)
	logs := r.rest()
	if code := r.wait(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if list := k.keys(0, "", "list"); !strings.Contains(list, "revoked") {
		t.Errorf("after the server:\n%s", list)
	}
	k.keys(0, "", "revoke", "--virtual", "pool")
	_, config, _ := reprise(t, nil, "config", "print", "--config", k.config)

	file, err := os.ReadFile(filepath.Join(filepath.Dir(k.db), "keys.db"))
	if err != nil {
		t.Fatal(err)
	}
	answers, err := os.ReadFile(k.db)
	if err != nil {
		t.Fatal(err)
	}
	printed := k.printed.String()
	for _, key := range []string{first, second, third} {
		if n := strings.Count(printed, key); n != 1 {
			t.Errorf("a gateway key is printed %d times", n)
		}
		printed = strings.ReplaceAll(printed, key, "")
	}
	for place, text := range map[string]string{"what is printed": printed, "the log": logs, "keys.db": string(file), "the cache's file": string(answers), "config print": config} {
		for _, secret := range []string{first, second, third, plantedOne, plantedTwo, operatorToken, sealText, resealText, testKey} {
			if strings.Contains(text, secret) {
				t.Errorf("%s has %s", place, secret)
			}
		}
	}
}

func TestServeAsksForTheSealKey(t *testing.T) {
	k := newKeysHome(t)
	k.keys(0, plantedOne, "add", "--virtual", "pool", "--for", "up")
	for name, c := range map[string]struct {
		env  string
		code int
		want string
	}{
		"none":    {"", 2, "keys.seal_key"},
		"another": {"REPRISE_KEYS_SEAL_KEY=" + strings.Repeat("ab", 32), 1, "not the key"},
		"other":   {"REPRISE_KEYS_PASSPHRASE=correct horse battery", 1, "not a passphrase"},
		"broken":  {"REPRISE_KEYS_SEAL_KEY=abc", 2, "keys.seal_key"},
	} {
		code, _, errs := reprise(t, []string{c.env}, "serve", "--listen", "127.0.0.1:0", "--db", k.db, "--mode", "simple")
		if code != c.code || !strings.Contains(errs, c.want) || strings.Contains(errs, plantedOne) || strings.Contains(errs, strings.Repeat("ab", 32)) {
			t.Errorf("%s: exit %d, %s", name, code, errs)
		}
	}
}

func TestExpiry(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Time{
		"30d": now.AddDate(0, 0, 30), "12h": now.Add(12 * time.Hour), "2030-01-31T00:00:00Z": time.Date(2030, 1, 31, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := expiry(s, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "soon", "-1d", "0h", "d", "99999999d", "2030-01-31"} {
		if _, err := expiry(s, now); err == nil {
			t.Errorf("%q is read", s)
		}
	}
}
