package proxy

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// withConfigs gives the rig a folder of saved configs.
func withConfigs(t *testing.T, files map[string]string) func(*Config) {
	return func(c *Config) {
		dir := t.TempDir()
		for base, text := range files {
			if err := os.WriteFile(filepath.Join(dir, base), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		opened, err := OpenConfigs(dir)
		if err != nil {
			t.Fatal(err)
		}
		c.SavedConfigs = opened
	}
}

func TestSavedConfigs(t *testing.T) {
	second := newStop(t, answerWith("from the second"))
	r := newRig(t, answerWith("from the first"), func(c *Config) {
		c.Providers = append(c.Providers, Provider{Name: "second", BaseURL: second.URL + "/v1"})
	}, withOperator, withConfigs(t, map[string]string{"pc-hand.json": `{"provider":"second"}`}))
	admin := func(method, path, body string) reply {
		t.Helper()
		return r.do(method, "/admin/v1/"+path, body, bearerOf(operator)...)
	}
	if got := r.ask("by hand", "", "x-portkey-config", "pc-hand"); !strings.Contains(got.body, "from the second") {
		t.Errorf("one that was written by hand: %d %s", got.StatusCode, got.body)
	}
	for _, step := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"PUT", "configs/pc-x", `{"provider":"main"}`, 201, `"version":1`},
		{"PUT", "configs/pc-x", ` {"provider":"main"} `, 200, `"version":1`},
		{"PUT", "configs/pc-x", `{"provider":"second"}`, 201, `"version":2`},
		{"GET", "configs", "", 200, `"id":"pc-x"`},
		{"GET", "configs/pc-x", "", 200, `"config":{"provider":"second"}`},
		{"GET", "configs/pc-x?version=1", "", 200, `"config":{"provider":"main"}`},
		{"GET", "configs/pc-x?version=9", "", 404, "unknown_config"},
		{"GET", "configs/pc-x?version=x", "", 400, `"param":"version"`},
		{"GET", "configs/pc-x/versions", "", 200, `"version":2,`},
		{"GET", "configs/pc-none", "", 404, "unknown_config"},
		{"PUT", "configs/.hidden", `{}`, 400, `"param":"id"`},
		{"PUT", "configs/pc-x", `{"targets":[{"provider":"main"},{"weight":-1}]}`, 400, `"param":"targets[1].weight"`},
		{"PUT", "configs/pc-x", `{"targets":[{"provider":"nobody"},{"wieght":1,"retry":{"attempts":9}}]}`, 400, "targets[1].retry.attempts"},
		{"PUT", "configs/pc-x", `{"virtual_key":"nobody"}`, 400, `"param":"virtual_key"`},
		{"PUT", "configs/pc-x", `{"strategy":{"mode":"loadbalance"},"targets":[{"weight":0}]}`, 400, `"param":"targets[0].weight"`},
		{"PUT", "configs/pc-x", `{"custom_host":"https://elsewhere.test"}`, 403, `"param":"custom_host"`},
		{"PUT", "configs/pc-x", `{"targets":[{"api_key":"sk-planted-0123456789"}]}`, 400, "virtual_key"},
		{"PUT", "configs/pc-x", `{"provider"`, 400, "not valid JSON"},
		{"PUT", "configs/pc-x", `null`, 400, "JSON object"},
		{"PUT", "configs/pc-x", `{"provider":"main","name":"` + strings.Repeat("x", 70<<10) + `"}`, 413, "config_too_large"},
		{"GET", "configs/pc-x", "", 200, `"version":2`},
		{"POST", "configs/pc-x/rollback", `{"version":1}`, 201, `"version":3`},
		{"POST", "configs/pc-x/rollback", `{"version":7}`, 404, "unknown_config"},
		{"POST", "configs/pc-x/rollback", `{}`, 400, `"param":"version"`},
	} {
		got := admin(step.method, step.path, step.body)
		if got.StatusCode != step.status || !strings.Contains(got.body, step.want) {
			t.Errorf("%s %s %.80s: %d %s, want %d with %s", step.method, step.path, step.body, got.StatusCode, got.body, step.status, step.want)
		}
		if strings.Contains(got.body, "sk-planted") {
			t.Errorf("%s %s: the answer repeats a key: %s", step.method, step.path, got.body)
		}
	}
	for _, step := range []struct {
		header, value, body string
		status              int
		want                string
	}{
		{"if-match", `"2"`, `{"provider":"second"}`, 412, "version is 3"},
		{"if-match", `"3"`, `{"provider":"main"}`, 200, `"version":3`}, // the same text: said again, after an answer was lost
		{"if-match", `"2"`, `{"provider":"main"}`, 200, `"version":3`},
		{"if-match", "*", `{"provider":"main"}`, 200, `"version":3`},
		{"if-none-match", "*", `{"provider":"second"}`, 412, "version is 3"},
		{"if-match", "newest", `{"provider":"second"}`, 400, "if-match"},
		{"if-none-match", `"3"`, `{"provider":"second"}`, 400, "if-none-match"},
	} {
		got := r.do("PUT", "/admin/v1/configs/pc-x", step.body, append(bearerOf(operator), step.header, step.value)...)
		if got.StatusCode != step.status || !strings.Contains(got.body, step.want) {
			t.Errorf("%s %s %s: %d %s", step.header, step.value, step.body, got.StatusCode, got.body)
		}
	}
	if got := r.do("PUT", "/admin/v1/configs/pc-new", `{"provider":"main"}`, append(bearerOf(operator), "if-match", "*")...); got.StatusCode != 412 || !strings.Contains(got.body, "there is none") {
		t.Errorf("one that there has to be: %d %s", got.StatusCode, got.body)
	}
	if got := r.do("PUT", "/admin/v1/configs/pc-new", `{"provider":"main"}`, append(bearerOf(operator), "if-none-match", "*")...); got.StatusCode != 201 || got.Header.Get("ETag") != `"1"` {
		t.Errorf("one that there was not: %d %s", got.StatusCode, got.body)
	}
	got := admin("GET", "configs/pc-x", "")
	if tag := got.Header.Get("ETag"); tag != `"3"` {
		t.Errorf("etag %s", tag)
	}
	if got := admin("GET", "configs?limit=1", ""); !strings.Contains(got.body, `"next_cursor":"pc-hand"`) || strings.Contains(got.body, "pc-x") {
		t.Errorf("a page: %s", got.body)
	}
	if got := admin("GET", "configs?cursor=pc-hand", ""); !strings.Contains(got.body, "pc-x") || strings.Contains(got.body, "pc-hand") || strings.Contains(got.body, "next_cursor") {
		t.Errorf("the rest: %s", got.body)
	}
	for name, want := range map[string]string{"pc-x": "from the first", "pc-x@2": "from the second", "pc-x@1": "from the first", "pc-x@9": "unknown_config", "pc-x@x": "unknown_config", "pc-x@": "unknown_config"} {
		got := r.ask("as "+name, "", "x-portkey-config", name)
		if version := map[string]string{"pc-x": "pc-x@3", "pc-x@1": "pc-x@1", "pc-x@2": "pc-x@2"}[name]; got.Header.Get("x-reprise-config") != version {
			t.Errorf("%s: the answer says %q, want %q", name, got.Header.Get("x-reprise-config"), version)
		}
		if !strings.Contains(got.body, want) {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.body)
		}
	}
	if got := admin("DELETE", "configs/pc-x", ""); got.StatusCode != 204 {
		t.Errorf("delete: %d %s", got.StatusCode, got.body)
	}
	for _, name := range []string{"pc-x", "pc-x@1"} {
		if got := r.ask("gone "+name, "", "x-portkey-config", name); got.StatusCode != 404 {
			t.Errorf("%s after it was deleted: %d %s", name, got.StatusCode, got.body)
		}
	}
	if strings.Contains(r.log.String(), "sk-planted") {
		t.Error("the log has a key")
	}
}

// TestConfigsNameConfigs joins saved configs by their names, in circles too.
func TestConfigsNameConfigs(t *testing.T) {
	second := newStop(t, answerWith("from the second"))
	r := newRig(t, answerWith("from the first"), func(c *Config) {
		c.Providers = append(c.Providers, Provider{Name: "second", BaseURL: second.URL + "/v1"})
	}, withOperator, withConfigs(t, map[string]string{"leaf.json": `{"provider":"main"}`}))
	put := func(id, text string) reply {
		t.Helper()
		return r.do("PUT", "/admin/v1/configs/"+id, text, bearerOf(operator)...)
	}
	for id, text := range map[string]string{"middle": `{"targets":[{"config":"leaf"}]}`, "pinned": `{"config":"leaf@1","cache":"simple"}`} {
		if got := put(id, text); got.StatusCode != 201 {
			t.Fatalf("%s: %d %s", id, got.StatusCode, got.body)
		}
	}
	ask := func(q, config string) reply { return r.ask(q, "", "x-portkey-config", config) }
	for _, c := range []string{"middle", "pinned", `{"targets":[{"config":"middle"}]}`} {
		if got := ask("first "+c, c); !strings.Contains(got.body, "from the first") {
			t.Errorf("%s: %d %s", c, got.StatusCode, got.body)
		}
	}
	// A new version counts at once for who names the newest, and not for who names another.
	if got := put("leaf", `{"provider":"second"}`); got.StatusCode != 201 {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	if got := ask("second", "middle"); !strings.Contains(got.body, "from the second") {
		t.Errorf("middle: %s", got.body)
	}
	if got := ask("second", "pinned"); !strings.Contains(got.body, "from the first") || got.cache() != "MISS" {
		t.Errorf("pinned: %s, %s", got.body, got.cache())
	}
	for _, tt := range []struct {
		id, text string
		status   int
		want     string
	}{
		{"leaf", `{"targets":[{"provider":"main"},{"config":"middle"}]}`, 400, `"param":"targets[1].config.targets[0].config"`},
		{"leaf", `{"targets":[{"config":"leaf"}]}`, 400, `"param":"targets[0].config"`},
		{"leaf", `{"targets":[{"config":"leaf@2"}]}`, 201, `"version":3`}, // an older version of itself leads nowhere but there
		{"leaf", `{"targets":[{"config":"leaf@9"}]}`, 400, "no saved config"},
		{"other", `{"config":"nobody"}`, 400, `"param":"config"`},
		{"other", `{"config":"leaf","targets":[{}]}`, 400, `"param":"config"`},
		{"other", `{"config":7}`, 400, `"param":"config"`},
	} {
		if got := put(tt.id, tt.text); got.StatusCode != tt.status || !strings.Contains(got.body, tt.want) {
			t.Errorf("%s %s: %d %s, want %s", tt.id, tt.text, got.StatusCode, got.body, tt.want)
		}
	}
	if got := put("leaf", `{"targets":[{"provider":"main"},{"config":"middle"}]}`); !strings.Contains(got.body, "leaf@4, middle@1, leaf@4") {
		t.Errorf("the way round is not told: %s", got.body)
	}
	// What others need stays.
	if got := r.do("DELETE", "/admin/v1/configs/leaf", "", bearerOf(operator)...); got.StatusCode != 409 || !strings.Contains(got.body, "middle") {
		t.Errorf("delete: %d %s", got.StatusCode, got.body)
	}
	deep := `{"provider":"main"}`
	for range 8 {
		deep = `{"targets":[` + deep + `]}`
	}
	if got := put("leaf", deep); got.StatusCode != 409 || !strings.Contains(got.body, "nested more than") {
		t.Errorf("a text that makes another too deep: %d %s", got.StatusCode, got.body)
	}
}

func TestConfigsFolder(t *testing.T) {
	dir := t.TempDir()
	for base, text := range map[string]string{"a.json": `{"targets":[{"weight":-1}],"x":1}`, "b.json": `{"api_key":"sk-planted-0123456789"}`, "c d.json": "{}", "good.json": `{"provider":"gone"}`} {
		if err := os.WriteFile(filepath.Join(dir, base), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := OpenConfigs(dir)
	if err == nil {
		t.Fatal("it opens")
	}
	for _, part := range []string{"a.json: targets[0].weight", "; x: unknown key", "b.json: api_key: a saved config holds no key", "c d.json: is not the name"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not told of in\n%v", part, err)
		}
	}
	if strings.Contains(err.Error(), "sk-planted") {
		t.Errorf("the error has the key: %v", err)
	}
	if _, err := OpenConfigs(filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	// A config whose provider is gone does not keep the others from being served.
	r := newRig(t, answerWith("x"), withConfigs(t, map[string]string{"good.json": `{"provider":"gone"}`}))
	if !strings.Contains(r.log.String(), `"config":"good"`) {
		t.Error("the log does not tell of it")
	}
	if got := r.ask("q", "", "x-portkey-config", "good"); got.StatusCode != 400 || !strings.Contains(got.body, `"param":"provider"`) {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}

// TestConfigFileOfAnyName holds that a file whose name is no text is told of like any other that is not the name of a config.
func TestConfigFileOfAnyName(t *testing.T) {
	dir := t.TempDir()
	opened, err := OpenConfigs(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, answerWith("x"), withOperator, func(c *Config) { c.SavedConfigs = opened })
	if err := os.WriteFile(filepath.Join(dir, "pc-\xff\xfe.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := r.do("PUT", "/admin/v1/configs/pc-x", `{"provider":"main"}`, bearerOf(operator)...); got.StatusCode != 201 { // it reads the folder
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	got := r.do("GET", "/admin/v1/health", "", bearerOf(operator)...)
	if got.StatusCode != 200 || !strings.Contains(got.body, "pc-\ufffd\ufffd.json") {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}

func TestSchemasAreServed(t *testing.T) {
	r := newRig(t, answerWith("x"), withOperator, func(c *Config) { c.ConfigSchema = []byte(`{"title":"mine"}`) })
	for path, want := range map[string]string{"schemas/request": "Reprise request config", "schemas/config": "mine"} {
		got := r.do("GET", "/admin/v1/"+path, "", bearerOf(operator)...)
		var doc struct{ Title string }
		if err := json.Unmarshal([]byte(got.body), &doc); err != nil || doc.Title != want {
			t.Errorf("%s: %d %.200s %v", path, got.StatusCode, got.body, err)
		}
		if got := r.do("GET", "/admin/v1/"+path, ""); got.StatusCode != 401 {
			t.Errorf("%s to anybody: %d", path, got.StatusCode)
		}
	}
	bare := newRig(t, answerWith("x"), withOperator)
	for _, c := range []struct {
		method, path, body string
		status             int
	}{{"GET", "schemas/config", "", 404}, {"GET", "configs", "", 200}, {"PUT", "configs/a", "{}", 409}, {"GET", "configs/a", "", 409}, {"DELETE", "configs/a", "", 409}} {
		if got := bare.do(c.method, "/admin/v1/"+c.path, c.body, bearerOf(operator)...); got.StatusCode != c.status {
			t.Errorf("without any, %s %s: %d %s", c.method, c.path, got.StatusCode, got.body)
		}
	}
}
