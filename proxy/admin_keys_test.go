package proxy

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
)

// TestKeysByAdminAPI makes, lists, rotates and revokes, and looks for what was planted in all that is answered.
func TestKeysByAdminAPI(t *testing.T) {
	var k *Keys
	r := newRig(t, answerWith("x"), withKeys(t, &k))
	var tokens []string
	var all strings.Builder
	do := func(method, path, body string, want int) map[string]any {
		t.Helper()
		a := r.do(method, "/admin/v1/"+path, body, bearerOf(operator)...)
		if a.StatusCode != want {
			t.Fatalf("%s %s %s: %d %s", method, path, body, a.StatusCode, a.body)
		}
		out := map[string]any{}
		if a.body != "" {
			if err := json.Unmarshal([]byte(a.body), &out); err != nil {
				t.Fatalf("%s: %v", a.body, err)
			}
		}
		if key, ok := out["key"].(string); ok {
			tokens = append(tokens, key)
		} else {
			all.WriteString(a.body)
		}
		return out
	}
	key := do("POST", "keys", `{"label":"team","scopes":["call","read"],"limits":{"rpm":5,"spend_month":9.5},"expires":"2100-01-01T00:00:00Z"}`, 201)
	do("POST", "keys/"+key["id"].(string)+"/rotate", `{"grace_seconds":60}`, 200)
	do("POST", "keys/"+key["id"].(string)+"/rotate", `{"grace_seconds":-1}`, 400)
	do("POST", "keys/nobody/rotate", `{}`, 404)
	do("POST", "keys", `{"scopes":["everything"]}`, 400)
	do("POST", "keys", `{"scopes":["admin"],"namespaces":["a"]}`, 400)
	do("POST", "keys", `{"limits":{"rpm":-5}}`, 400)
	do("POST", "keys", `{"limits":{"rpm":2.5}}`, 400)
	do("POST", "keys", `{"expires":"tomorrow"}`, 400)
	do("POST", "keys", `{"expires":"2001-01-01T00:00:00Z"}`, 400)
	id := "keys/" + key["id"].(string)
	changed := do("PATCH", id, `{"limits":{"rpm":7,"spend_month":null},"expires":null,"scopes":["call"],"namespaces":["shop"]}`, 200)
	if text, _ := json.Marshal(changed); changed["label"] != "team" || !strings.Contains(string(text), `"limits":{"rpm":7}`) || changed["expires"] != nil || changed["key"] != nil {
		t.Errorf("changed: %s", text)
	}
	for body, want := range map[string]string{`{"limits":{"rpm":-1}}`: "limits.rpm", `{"limits":{"rpn":1}}`: "limits.rpn", `{"hash":"x"}`: "hash", `{"id":"x"}`: "id",
		`{"scopes":["admin"]}`: "namespaces", `{"expires":"2001-01-01T00:00:00Z"}`: "expires", `[]`: "JSON object", ``: "JSON object"} {
		if a := r.do("PATCH", "/admin/v1/"+id, body, bearerOf(operator)...); a.StatusCode != 400 || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %s", body, a.StatusCode, a.body)
		}
	}
	do("PATCH", "keys/nobody", `{"label":"x"}`, 404)
	if got := do("GET", id, "", 200); got["label"] != "team" || got["limits"].(map[string]any)["rpm"] != 7.0 {
		t.Errorf("%v", got)
	}
	do("GET", "keys/nobody", "", 404)
	list := do("GET", "keys", "", 200)["keys"].([]any)
	if len(list) != 1 || list[0].(map[string]any)["label"] != "team" {
		t.Errorf("%v", list)
	}
	do("POST", "virtual-keys", `{"name":"v","provider":"main","secrets":["`+plantedSecret+`"],"limits":{"spend_day":2}}`, 201)
	do("POST", "virtual-keys", `{"name":"v","provider":"main","secrets":["`+plantedSecret+`"]}`, 409)
	do("POST", "virtual-keys", `{"name":"w","provider":"nobody","secrets":["`+plantedSecret+`"]}`, 400)
	do("POST", "virtual-keys", `{"name":"w","provider":"main","secrets":"`+plantedSecret+`"}`, 400)
	do("POST", "virtual-keys", `{"name":"w","provider":"main","secrets":["`+plantedSecret+` x\u0000"]}`, 400)
	do("POST", "virtual-keys", `{"name":"w","provider":"main","secrets":["`+plantedSecret+`"}`, 400)
	do("POST", "virtual-keys", `{"name":"w","provider":"main","`+plantedSecret+`":1}`, 400)
	do("POST", "virtual-keys/v/rotate", `{"secrets":["`+plantedSecret+`-2","`+plantedSecret+`-3"]}`, 200)
	do("POST", "virtual-keys/v/rotate", `{"secrets":[]}`, 400)
	do("GET", "virtual-keys", "", 200)
	if v := do("PATCH", "virtual-keys/v", `{"label":"pool","limits":{"rpm":9}}`, 200); v["label"] != "pool" || len(v["limits"].(map[string]any)) != 2 || len(v["secrets"].([]any)) != 2 {
		t.Errorf("%v", v)
	}
	do("PATCH", "virtual-keys/v", `{"provider":"second"}`, 400)
	do("PATCH", "virtual-keys/v", `{"secrets":["`+plantedSecret+`"]}`, 400)
	do("PATCH", "virtual-keys/w", `{"label":"x"}`, 404)
	do("GET", "virtual-keys/v", "", 200)
	do("GET", "virtual-keys/w", "", 404)
	do("POST", "keys/reseal", `{"seal_key":"`+plantedSecret+`"}`, 400)
	do("POST", "keys/reseal", `{"passphrase":"short"}`, 400)
	do("POST", "keys/reseal", `{"seal_key":"`+otherSealHex+`","passphrase":"a passphrase as well"}`, 400)
	do("POST", "keys/reseal", `{}`, 400)
	if got := do("POST", "keys/reseal", `{"seal_key":"`+otherSealHex+`"}`, 200); got["resealed"] != 1.0 {
		t.Errorf("%v", got)
	}
	if v, err := k.Secret(t.Context(), "v"); err != nil || !strings.HasPrefix(v, plantedSecret) {
		t.Errorf("%v", err)
	}
	do("DELETE", "keys/"+key["id"].(string), "", 204)
	do("DELETE", "keys/"+key["id"].(string), "", 404)
	do("DELETE", "virtual-keys/v", "", 204)
	do("DELETE", "virtual-keys/v", "", 404)
	path := k.store.Path()
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenKeys(path, KeysOptions{SealKey: sealHex}); !errors.Is(err, ErrSealKey) {
		t.Errorf("by the old key: %v", err)
	}
	if again, err := OpenKeys(path, KeysOptions{SealKey: otherSealHex}); err != nil {
		t.Error(err)
	} else if err := again.Close(); err != nil {
		t.Error(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for place, text := range map[string]string{"the answers": all.String(), "the log": r.log.String(), "the file": string(file)} {
		for _, secret := range append(tokens, plantedSecret, sealHex, otherSealHex, operator) {
			if secret == plantedSecret && place == "the answers" {
				continue // below
			}
			if strings.Contains(text, secret) {
				t.Errorf("%s: %s", place, secret)
			}
		}
	}
	// The name of an unknown member is repeated, as everywhere; a value never is.
	if n := strings.Count(all.String(), plantedSecret); n > 2 {
		t.Errorf("%d times in the answers: %s", n, all.String())
	}
}
