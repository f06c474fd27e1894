package proxy

import (
	"bytes"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// FuzzKeysAdmin sends anything to the part of the admin API that is about keys: it answers with JSON, and a failure is never
// the gateway's.
func FuzzKeysAdmin(f *testing.F) {
	var k *Keys
	var id string
	dir, files := f.TempDir(), 0
	fresh := func(t testing.TB) {
		t.Helper()
		if k != nil {
			k.Close()
		}
		var err error
		if k, err = OpenKeys(filepath.Join(dir, strconv.Itoa(files)), KeysOptions{SealKey: sealHex}); err != nil {
			t.Fatal(err)
		}
		files++
		id, _ = made(t, k, `{}`)
	}
	fresh(f)
	f.Cleanup(func() { k.Close() })
	for _, r := range keyRoutes {
		f.Add(r.method, r.pattern, []byte(`{"name":"v","provider":"openai","secrets":["a"],"limits":{"rpm":1}}`))
	}
	f.Add("POST", "keys", []byte(`{"scopes":["call"],"limits":{"rpm":1e3,"spend_day":-0},"namespaces":["*"],"expires":"2100-01-01T00:00:00Z"}`))
	f.Add("POST", "keys/a/rotate", []byte(`{"grace_seconds":1e308}`))
	f.Add("PATCH", "keys/a", []byte(`{"limits":null,"namespaces":[],"scopes":null,"expires":null,"private":true}`))
	f.Fuzz(func(t *testing.T, method, path string, body []byte) {
		if len(k.store.Gateways())+len(k.store.Virtuals()) > 200 { // each try that adds one writes all that there is
			fresh(t)
		}
		path = strings.ReplaceAll(path, "{id}", id)
		status, answer := k.Admin(method, path, body)
		if status < 200 || status >= 500 || len(answer) > 0 && !jsontext.Value(answer).IsValid() {
			t.Errorf("%d %s", status, answer)
		}
	})
}

// FuzzGatewayKeyHeaders has any value come as a credential: a provider is never sent one that is the gateway's.
func FuzzGatewayKeyHeaders(f *testing.F) {
	s := &Server{cfg: Config{AdminToken: operator}}
	f.Add([]byte("Bearer "+operator), []byte("rpk_a"), []byte("sk-x"))
	f.Add([]byte("bearer  rpk_"), []byte(operator), []byte(""))
	f.Fuzz(func(t *testing.T, authorization, apiKey, azure []byte) {
		x := &exchange{s: s}
		sent := [...][]byte{stdAuthorization: authorization, stdAPIKey: apiKey, stdAzureKey: azure}
		copy(x.d.fields.std[:], sent[:])
		x.takeGatewayKey()
		for i, v := range sent {
			token := v
			if b, ok := bearer(v); ok && i == stdAuthorization {
				token = b
			}
			own := bytes.HasPrefix(token, []byte("rpk_")) || string(token) == operator
			if own != x.d.ours[i] || own && x.d.fields.std[i] != nil {
				t.Errorf("%s %q: ours %v", stdNames[i], v, x.d.ours[i])
			}
		}
	})
}

func FuzzAdminPattern(f *testing.F) {
	f.Add("keys/{id}/rotate", "keys/a/rotate")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		args, ok := matchPattern(pattern, strings.Split(path, "/"))
		for _, v := range args {
			if ok && (v == "" || strings.Contains(v, "/")) {
				t.Errorf("%q in %q: %v", path, pattern, args)
			}
		}
	})
}
