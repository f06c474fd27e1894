package proxy

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/reprise-cache/reprise/proxy/internal/keys"
)

// TestAdminLists goes through lists page by page, and filters them.
func TestAdminLists(t *testing.T) {
	var k *Keys
	r := newRig(t, answerWith("x"), withKeys(t, &k))
	var ids []string
	for i := range 7 {
		spec := fmt.Sprintf(`{"label":"team %d"}`, i%2)
		if i == 6 {
			spec = `{"scopes":["read"],"expires":"2100-01-01T00:00:00Z"}`
		}
		id, _ := made(t, k, spec)
		ids = append(ids, id)
	}
	if status, _ := k.Admin("DELETE", "keys/"+ids[2], nil); status != 204 {
		t.Fatal(status)
	}
	for _, name := range []string{"b", "d", "a", "c"} {
		madeVirtual(t, k, `{"name":"`+name+`","provider":"main","label":"pool","secrets":["`+plantedSecret+`"]}`)
	}
	type page struct {
		Keys    []struct{ ID string }   `json:"keys"`
		Virtual []struct{ Name string } `json:"virtual_keys"`
		Next    string                  `json:"next_cursor"`
	}
	get := func(path string) (p page, got []string) {
		t.Helper()
		a := r.do("GET", "/admin/v1/"+path, "", bearerOf(operator)...)
		if err := json.Unmarshal([]byte(a.body), &p); a.StatusCode != 200 || err != nil {
			t.Fatalf("%s: %d %s", path, a.StatusCode, a.body)
		}
		for _, k := range p.Keys {
			got = append(got, k.ID)
		}
		for _, v := range p.Virtual {
			got = append(got, v.Name)
		}
		return p, got
	}
	walk := func(path string, between func()) (all []string) {
		t.Helper()
		cursor := ""
		for range 20 {
			p, got := get(path + cursor)
			all = append(all, got...)
			if p.Next == "" {
				return all
			}
			cursor = "&cursor=" + url.QueryEscape(p.Next)
			between()
		}
		t.Fatalf("%s has no end", path)
		return nil
	}
	nothing := func() {}
	if _, got := get("keys"); !slices.Equal(got, ids) {
		t.Errorf("without a limit: %v, want %v", got, ids)
	}
	for limit := 1; limit <= 8; limit++ {
		if got := walk(fmt.Sprint("keys?limit=", limit), nothing); !slices.Equal(got, ids) {
			t.Errorf("by %d: %v", limit, got)
		}
	}
	for query, want := range map[string][]string{
		"label=team+0":              {ids[0], ids[2], ids[4]},
		"label=team+0&state=good":   {ids[0], ids[4]},
		"state=revoked":             {ids[2]},
		"state=expired":             nil,
		"scope=read":                {ids[6]},
		"scope=admin":               nil,
		"state=good&label=nobody's": nil,
	} {
		if got := walk("keys?limit=1&"+query, nothing); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	if got := walk("virtual-keys?limit=3&provider=main&label=pool", nothing); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("%v", got)
	}
	gone := []string{"a", "b"} // each in turn the one that the cursor names
	if got := walk("virtual-keys?limit=1", func() {
		if len(gone) > 0 {
			k.Admin("DELETE", "virtual-keys/"+gone[0], nil)
			gone = gone[1:]
		}
	}); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("while they go: %v", got)
	}
	for path, param := range map[string]string{
		"keys?limit=0": "limit", "keys?limit=1001": "limit", "keys?limit=x": "limit", "keys?limit=1&limit=2": "limit", "keys?cursor=nobody": "cursor",
		"keys?state=lost": "state", "keys?scope=all": "scope", "keys?colour=red": "", "virtual-keys?state=good": "", "configs?label=x": "", "keys?label=%zz": "",
	} {
		a := r.do("GET", "/admin/v1/"+path, "", bearerOf(operator)...)
		want := `"param":"` + param + `"`
		if param == "" {
			want = `"param":null`
		}
		if a.StatusCode != 400 || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	if status, body := k.Admin("GET", "keys?limit=1", nil); status != 200 || !strings.Contains(string(body), "next_cursor") {
		t.Errorf("on the file: %d %s", status, body)
	}
	if status, _ := k.Admin("GET", "keys?limit=%zz", nil); status != 400 {
		t.Errorf("on the file: %d", status)
	}
}

func TestAdminIndex(t *testing.T) {
	r := newRig(t, answerWith("x"), withOperator)
	a := r.do("GET", "/admin/v1/", "", bearerOf(operator)...)
	var got struct {
		Endpoints []struct{ Method, Path, Scope string }
	}
	if err := json.Unmarshal([]byte(a.body), &got); a.StatusCode != 200 || err != nil || len(got.Endpoints) != len(adminRoutes) {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	for i, e := range got.Endpoints {
		if row := adminRoutes[i]; e.Method != row.method || e.Path != "/admin/v1/"+row.pattern || (e.Scope == "admin") != (row.scope == keys.Admin) {
			t.Errorf("%+v", e)
		}
	}
}
