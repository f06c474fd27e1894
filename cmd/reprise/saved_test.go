package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// savedStep is a command about saved configs, and what it has to come to.
type savedStep struct {
	args           []string
	code           int
	stdout, stderr string
}

// walk takes the steps one after the other, each of which finds what those before have left. None may show the secret.
func walk(t *testing.T, flags []string, secret string, steps []savedStep) {
	for i, s := range steps {
		t.Run(fmt.Sprintf("%d %s", i+1, s.args[0]), func(t *testing.T) {
			args := slices.Concat([]string{"config", s.args[0]}, flags, s.args[1:])
			code, out, stderr := reprise(t, nil, args...)
			if code != s.code || !strings.Contains(out, s.stdout) || !strings.Contains(stderr, s.stderr) || strings.Contains(out+stderr, secret) {
				t.Errorf("%v: %d, want %d with %q and %q\n%s%s", s.args, code, s.code, s.stdout, s.stderr, out, stderr)
			}
		})
	}
}

// TestSavedConfigCommands goes through the life of a saved config.
func TestSavedConfigCommands(t *testing.T) {
	dir := t.TempDir()
	write := func(base, text string) string {
		path := filepath.Join(t.TempDir(), base)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	first, second := write("a.json", `{"provider":"groq"}`), write("b.json", `{"targets":[{"provider":"openai"},{"virtual_key":"of the server's"}]}`)
	bad := write("bad.json", `{"targets":[{"provider":"nobody"},{"weight":-1,"retry":{"attempts":9}}]}`)
	keyed := write("keyed.json", `{"api_key":"`+testKey+`"}`)
	walk(t, []string{"--dir", dir}, testKey, []savedStep{
		{[]string{"put", "pc-x", first}, 0, "saved as version 1", ""},
		{[]string{"put", "pc-x", first}, 0, "unchanged, version 1", ""},
		{[]string{"put", "pc-x", second}, 0, "saved as version 2", ""},
		{[]string{"put", "pc-x", bad}, 2, "", "targets[1].retry.attempts"},
		{[]string{"put", "pc-x", keyed}, 2, "", "a saved config holds no key"},
		{[]string{"put", "a/b", first}, 1, "", "the id"},
		{[]string{"put", "pc-x", "absent.json"}, 2, "", "absent.json"},
		{[]string{"get", "pc-x"}, 0, `"virtual_key"`, ""},
		{[]string{"get", "pc-x", "--version", "1"}, 0, `{"provider":"groq"}`, ""},
		{[]string{"get", "pc-x", "--version", "9"}, 2, "", "no such saved config"},
		{[]string{"list"}, 0, "pc-x", ""},
		{[]string{"history", "pc-x"}, 0, "pc-x  1", ""},
		{[]string{"rollback", "pc-x", "1"}, 0, "version 3 is what version 1 was", ""},
		{[]string{"get", "pc-x"}, 0, `{"provider":"groq"}`, ""},
		{[]string{"delete", "pc-x"}, 0, "deleted", ""},
		{[]string{"delete", "pc-x"}, 2, "", "no such saved config"},
		{[]string{"history", "pc-x"}, 2, "", "no such saved config"},
	})
	if code, _, stderr := reprise(t, nil, "config", "list"); code != 2 || !strings.Contains(stderr, "configs_dir") {
		t.Errorf("without a folder: %d %s", code, stderr)
	}
}

// TestSavedConfigsThroughTheServer does the same through a server that has the folder, whose requests see it at once.
func TestSavedConfigsThroughTheServer(t *testing.T) {
	k := newKeysHome(t)
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"id":"c-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}`)
	}))
	t.Cleanup(up.Close)
	r := start(t, k.db, up.URL, "--config", k.config, "--set", "configs_dir="+t.TempDir())
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "c.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	first, second, bad := write(`{"provider":"up"}`), write(`{"targets":[{"provider":"up"}]}`), write(`{"targets":[{"provider":"nobody"}]}`)
	walk(t, []string{"--config", k.config, "--url", r.url}, operatorToken, []savedStep{
		{[]string{"put", "pc-x", first}, 0, "saved as version 1", ""},
		{[]string{"put", "pc-x", first}, 0, "unchanged, version 1", ""},
		{[]string{"put", "pc-x", second}, 0, "saved as version 2", ""},
		{[]string{"put", "pc-x", bad}, 1, "", "targets[0].provider"},
		{[]string{"put", "pc-x", "absent.json"}, 2, "", "absent.json"},
		{[]string{"get", "pc-x"}, 0, `{"targets":[{"provider":"up"}]}`, ""},
		{[]string{"get", "pc-x", "--version", "1"}, 0, `{"provider":"up"}`, ""},
		{[]string{"get", "pc-x", "--version", "9"}, 1, "", "no such saved config"},
		{[]string{"get", "../keys"}, 2, "", "no path"}, // and not the list of keys
		{[]string{"delete", ".."}, 2, "", "no path"},
		{[]string{"list"}, 0, "pc-x  2", ""},
		{[]string{"history", "pc-x"}, 0, "pc-x  1", ""},
		{[]string{"rollback", "pc-x", "1"}, 0, "version 3 is what version 1 was", ""},
		{[]string{"list", "--dir", t.TempDir()}, 2, "", "--dir"},
	})
	req, err := http.NewRequest("POST", r.url+"/v1/chat/completions", strings.NewReader(`{"model":"m","messages":[{"role":"user","content":"hello?"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("x-portkey-config", "pc-x")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if v := resp.Header.Get("x-reprise-config"); resp.StatusCode != 200 || v != "pc-x@3" {
		t.Errorf("a request: %d by %s", resp.StatusCode, v)
	}
	if code, out, stderr := reprise(t, nil, "logs", "--config", k.config, "--url", r.url, "-f", "changes=true"); code != 0 || !strings.Contains(out, "PUT by operator version none -> 1") {
		t.Errorf("who changed it: %d %s%s", code, out, stderr)
	}
	if code, out, stderr := reprise(t, nil, "config", "delete", "pc-x", "--config", k.config, "--url", r.url); code != 0 || !strings.Contains(out, "deleted") {
		t.Errorf("delete: %d %s%s", code, out, stderr)
	}
	if code, _, stderr := reprise(t, nil, "config", "list", "--url", r.url); code != 2 || !strings.Contains(stderr, "REPRISE_ADMIN_TOKEN") {
		t.Errorf("without the token: %d %s", code, stderr)
	}
}

// TestConfigCheckReadsAll expects every complaint about the file, what it leads to, and each config there.
func TestConfigCheckReadsAll(t *testing.T) {
	dir := t.TempDir()
	put := func(base, text string) {
		if err := os.WriteFile(filepath.Join(dir, base), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("a.json", `{"targets":[{"weight":-1}],"colour":1}`)
	put("b@x.json", `{}`)
	file := filepath.Join(t.TempDir(), "reprise.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(code int, parts ...string) {
		t.Helper()
		got, out, stderr := reprise(t, nil, "config", "check", file)
		if got != code {
			t.Errorf("exit code %d, want %d: %s%s", got, code, out, stderr)
		}
		for _, p := range parts {
			if !strings.Contains(out+stderr, p) {
				t.Errorf("nothing is said of %q in\n%s", p, out+stderr)
			}
		}
	}
	write("configs_dir: " + dir + "\ncache:\n  kk: 1\n  namespaces:\n    shop:\n      mode: fuzzy\n")
	expect(2, "cache.kk", "cache.namespaces.shop.mode", "targets[0].weight", "colour", "b@x.json")
	put("a.json", `{"targets":[{"provider":"nobody"},{"virtual_key":"any"}]}`)
	put("c.json", `{"config":"d"}`)
	put("d.json", `{"targets":[{"config":"c"}]}`)
	if err := os.Remove(filepath.Join(dir, "b@x.json")); err != nil {
		t.Fatal(err)
	}
	write("configs_dir: " + dir + "\n")
	expect(2, "a: targets[0].provider", "leads back to itself", "c@1, d@1, c@1")
	write("configs_dir: " + dir + "\nallowed_hosts: '*'\n")
	expect(2, "reprise: allowed_hosts: ")
	write("configs_dir: " + dir + "/none\n")
	expect(2, "configs_dir")
	for base, text := range map[string]string{"a.json": `{"targets":[{"virtual_key":"any"}]}`, "c.json": `{"config":"a"}`} {
		put(base, text)
	}
	write("configs_dir: " + dir + "\n")
	expect(0, "good")
	code, out, _ := reprise(t, nil, "config", "schema")
	if code != 0 || !strings.Contains(out, `"namespaces"`) {
		t.Errorf("schema: %d", code)
	}
	if code, out, _ = reprise(t, nil, "config", "schema", "--request"); code != 0 || !strings.Contains(out, `"override_params"`) {
		t.Errorf("schema --request: %d", code)
	}
}
