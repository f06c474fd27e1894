package proxy

import (
	"strings"
	"testing"
)

// TestVirtualKeyOfAnotherProvider: a name may be given to another provider's key. Whoever uses it then reaches that one, is not
// told of the other, and is not served the other's answers.
func TestVirtualKeyOfAnotherProvider(t *testing.T) {
	second := newStop(t, answerWith("from the second"))
	var k *Keys
	r := newRig(t, answerWith("from the first"), withKeys(t, &k), func(c *Config) {
		c.Providers = append(c.Providers, Provider{Name: "second", BaseURL: second.URL + "/v1"})
	})
	ways := map[string][]string{
		"by the header":  {"x-portkey-virtual-key", "team"},
		"by a config":    {"x-portkey-config", `{"virtual_key":"team"}`},
		"in a target":    {"x-portkey-config", `{"targets":[{"virtual_key":"team"}]}`},
		"as a fallback":  {"x-portkey-config", `{"strategy":{"mode":"fallback"},"targets":[{"virtual_key":"team"},{"virtual_key":"team","override_params":{"n":1}}]}`},
		"in its own way": {"x-portkey-config", `{"virtual_key":"team","override_params":{"temperature":0}}`},
		"for a group":    {"x-portkey-virtual-key", "team", "x-portkey-config", `{"targets":[{"request_timeout":1000}]}`},
	}
	for _, owner := range []string{"main", "second", "main"} {
		madeVirtual(t, k, `{"name":"team","provider":"`+owner+`","secrets":["`+plantedSecret+`"]}`)
		says := map[string]string{"main": "from the first", "second": "from the second"}[owner]
		for name, h := range ways {
			for range 2 {
				got := r.ask("whose are you, asked "+strings.ReplaceAll(name, " ", "-"), "", append([]string{"x-portkey-cache", "simple"}, h...)...)
				r.flush()
				if got.StatusCode != 200 || got.Header.Get("x-portkey-provider") != owner || !strings.Contains(got.body, says) {
					t.Errorf("%s, of %s: %d %s %s %s", name, owner, got.StatusCode, got.cache(), got.Header.Get("x-portkey-provider"), got.body)
				}
			}
		}
		if status, body := k.Admin("DELETE", "virtual-keys/team", nil); status != 204 {
			t.Fatalf("%d %s", status, body)
		}
	}
	if n := second.calls.Load(); n != int64(len(ways)) { // each once, the repeats being hits
		t.Errorf("the second was called %d times, want %d", n, len(ways))
	}
}
