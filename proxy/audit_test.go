package proxy

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// TestAdminChangesAreKept: who changed what is in the request log, apart from the requests, and without secrets.
func TestAdminChangesAreKept(t *testing.T) {
	var k *Keys
	r := newRig(t, answerWith("x"), withKeys(t, &k), withOwnKey, withConfigs(t, nil), func(c *Config) {
		c.RequestLog = RequestLog{Path: filepath.Join(t.TempDir(), "requests.db"), Bodies: true}
	})
	adminID, admin := made(t, k, `{"scopes":["admin"]}`)
	_, reader := made(t, k, `{"scopes":["read"]}`)
	callerID, caller := made(t, k, `{"label":"team","limits":{"rpm":600},"namespaces":["shop"]}`)
	if a := r.ask("a question", "", bearerOf(caller)...); a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	type step struct {
		by, method, path, body string
		status                 int
		key, change            string // the change, in JSON; "": none
	}
	steps := []step{
		{admin, "PATCH", "keys/" + callerID, `{"limits":{"rpm":60},"label":"team two"}`, 200, adminID, `[{"field":"label","from":"team","to":"team two"},{"field":"limits","from":{"rpm":600},"to":{"rpm":60}}]`},
		{admin, "PATCH", "keys/" + callerID, `{"limits":{"rpm":-1}}`, 400, adminID, ""},
		{reader, "PATCH", "keys/" + callerID, `{"limits":{"rpm":60}}`, 403, "", ""},
		{operator, "POST", "virtual-keys", `{"name":"v","provider":"main","secrets":["` + plantedSecret + `"]}`, 201, operatorID, `[{"field":"name","to":"v"},{"field":"provider","to":"main"},{"field":"secrets","to":1}]`},
		{operator, "PATCH", "virtual-keys/v", `{"limits":{"spend_day":2}}`, 200, operatorID, `[{"field":"limits","to":{"spend_day":2}}]`},
		{operator, "POST", "virtual-keys/v/rotate", `{"secrets":["` + plantedSecret + `-2","` + plantedSecret + `-3"]}`, 200, operatorID, `[{"field":"secrets","to":2}]`},
		{operator, "POST", "keys/reseal", `{"seal_key":"` + otherSealHex + `"}`, 200, operatorID, `[{"field":"resealed","to":1}]`},
		{operator, "PUT", "configs/pc-x", `{"provider":"main"}`, 201, operatorID, `[{"field":"version","to":1}]`},
		{operator, "PUT", "configs/pc-x", `{"provider":"main"}`, 200, operatorID, ""},
		{operator, "DELETE", "configs/pc-x", "", 204, operatorID, ""},
		{operator, "DELETE", "keys/" + callerID, "", 204, operatorID, ""},
	}
	for _, s := range steps {
		if a := r.do(s.method, "/admin/v1/"+s.path, s.body, bearerOf(s.by)...); a.StatusCode != s.status {
			t.Fatalf("%s %s: %d %s", s.method, s.path, a.StatusCode, a.body)
		}
	}
	// Looking leaves no record, and neither do those whom nobody knows.
	r.do("GET", "/admin/v1/keys", "", bearerOf(admin)...)
	r.do("DELETE", "/admin/v1/keys/"+adminID, "", bearerOf("rpk_aaaaaaaaaaaa_"+strings.Repeat("a", 52))...)

	type record struct {
		Method, Path, Key, Error string
		Status                   int
		Change                   json.RawMessage
	}
	logs := func(query string) (out []record, body string) {
		t.Helper()
		a := r.do("GET", "/admin/v1/logs"+query, "", bearerOf(reader)...)
		var page struct{ Records []record }
		if err := json.Unmarshal([]byte(a.body), &page); a.StatusCode != 200 || err != nil {
			t.Fatalf("%s: %d %s", query, a.StatusCode, a.body)
		}
		return page.Records, a.body
	}
	got, body := logs("?changes=true")
	if len(got) != len(steps) {
		t.Fatalf("%d records of %d changes: %s", len(got), len(steps), body)
	}
	for i, s := range steps {
		rec := got[len(got)-1-i] // newest first
		if rec.Method != s.method || rec.Path != "/admin/v1/"+s.path || rec.Status != s.status || s.key != "" && rec.Key != s.key || rec.Key == "" || string(rec.Change) != s.change ||
			(rec.Error != "") != (s.status >= 400) {
			t.Errorf("%s %s: %+v, changed %s", s.method, s.path, rec, rec.Change)
		}
	}
	for _, secret := range []string{plantedSecret, otherSealHex, sealHex, operator, admin, caller} {
		if strings.Contains(body, secret) {
			t.Errorf("the records have %s", secret)
		}
	}
	if got, _ := logs("?changes=true&key=" + adminID + "&status=4xx"); len(got) != 1 || got[0].Error == "" {
		t.Errorf("one key's that were refused: %+v", got)
	}
	for _, query := range []string{"", "?changes=false"} {
		if got, _ := logs(query); len(got) != 1 || got[0].Path != chatPath {
			t.Errorf("requests: %+v", got)
		}
	}
	a := r.do("GET", "/admin/v1/costs", "", bearerOf(reader)...)
	if !strings.Contains(a.body, `"requests":1,`) {
		t.Errorf("changes are counted as requests: %s", a.body)
	}
	if a := r.do("GET", "/admin/v1/logs?changes=all", "", bearerOf(reader)...); a.StatusCode != 400 || !strings.Contains(a.body, `"param":"changes"`) {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
}
