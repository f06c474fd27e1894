package proxy

import (
	"strings"
	"testing"
)

// TestEntriesOneByOne has an operator look at an answer by the id that its hit names, keep it from other questions, delete it, and
// purge namespaces: no more goes than was named.
func TestEntriesOneByOne(t *testing.T) {
	r := newRig(t, answerWith("A1"), withOperator)
	asked, reworded := "how do I turn on two-factor login now", "now how do I turn on two-factor login"
	for _, namespace := range []string{"", "shop"} {
		r.do("POST", chatPath, question(asked, ""), "x-reprise-cache-namespace", namespace)
	}
	r.flush()
	hit := r.ask(reworded, "")
	id := hit.Header.Get("x-reprise-entry")
	if hit.cache() != "SEMANTIC HIT" || id == "" {
		t.Fatalf("%s %v", hit.cache(), hit.Header)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "entries/" + id + "/show", "", 200, asked},
		{"POST", "entries/" + id + "/show", "", 200, "A1"},
		{"POST", "entries/7/show", "", 400, "16 hex digits"},
		{"POST", "entries/00000000000000ff/show", "", 404, "00000000000000ff"},
		{"POST", "entries/" + id + "/judge", `{"verdict":"bad"}`, 400, "right, wrong or none"},
		{"POST", "entries/" + id + "/judge", `{"verdict":"wrong"}`, 204, ""},
		{"POST", "purge", `{}`, 400, "namespace is missing"},
		{"POST", "purge", `{"namespace":"nobody"}`, 200, `"removed":0`},
		{"POST", "purge", `{"namespace":"shop"}`, 200, `"removed":1`},
	} {
		if a := r.do(c.method, adminPath+c.path, c.body, bearerOf(operator)...); a.StatusCode != c.status || !strings.Contains(a.body, c.want) {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, a.StatusCode, a.body)
		}
	}
	if a := r.ask(reworded, ""); a.cache() != "SEMANTIC MISS" {
		t.Errorf("judged wrong: %s", a.cache())
	}
	if a := r.ask(asked, ""); a.cache() != "HIT" {
		t.Errorf("its own question: %s", a.cache())
	}
	for _, status := range []int{204, 404} {
		if a := r.do("DELETE", adminPath+"entries/"+id, "", bearerOf(operator)...); a.StatusCode != status {
			t.Errorf("deleted: %d %s, want %d", a.StatusCode, a.body, status)
		}
	}
	if a := r.ask(asked, ""); a.cache() == "HIT" {
		t.Error("deleted, and still served")
	}
}
