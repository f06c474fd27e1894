package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestURLIsNotReprise points --url at a web server that is content with everything, and at one that wants a login, and expects that
// no command believes it.
func TestURLIsNotReprise(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>\n<p>hello\n</html>") })
	content := httptest.NewServer(page)
	defer content.Close()
	login := httptest.NewServer(http.RedirectHandler(content.URL+"/login", http.StatusFound))
	defer login.Close()
	env := []string{"REPRISE_ADMIN_TOKEN=an operator's token of the tests"}
	for _, command := range []string{
		"export", "backup copy.db", "compact", "entries show 00000000000000ff", "entries delete 00000000000000ff", "entries purge x", "keys list",
		"keys revoke x", "logs", "logs --export", "config list", "config delete x",
	} {
		for name, url := range map[string]string{"content": content.URL, "login": login.URL} {
			t.Run(command+" "+name, func(t *testing.T) {
				code, out, errs := reprise(t, env, append(strings.Fields(command), "--url", url)...)
				if code != 1 || out != "" || !strings.Contains(errs, "is not Reprise") || strings.Count(errs, "\n") != 1 {
					t.Errorf("%d %s%s", code, out, errs)
				}
			})
		}
	}
}

// TestURLAsClientsHaveIt gives --url the addresses that clients and readers of the admin API use, below the first of which the
// operator's token would else be sent to a provider.
func TestURLAsClientsHaveIt(t *testing.T) {
	const token = "an operator's token of the tests"
	up := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("the provider got %s", r.URL) }))
	defer up.Close()
	r := start(t, filepath.Join(t.TempDir(), "a.db"), up.URL, "--set", "admin.token="+token)
	for _, path := range []string{"", "/", "/v1", "/v1/", "/admin/v1", "/admin/v1/"} {
		code, out, errs := reprise(t, []string{"REPRISE_ADMIN_TOKEN=" + token}, "keys", "list", "--url", r.url+path)
		if code != 0 || !strings.HasPrefix(out, "ID") {
			t.Errorf("%q: %d %s%s", path, code, out, errs)
		}
	}
	r.signal(syscall.SIGTERM)
	r.wait()
}
