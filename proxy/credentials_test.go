package proxy

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
)

// furtherNames are headers by which gateways and clouds let callers in, one for each rule of namesSecret.
var furtherNames = []string{
	"Ocp-Apim-Subscription-Key", "X-Goog-Api-Key", "Cf-Aig-Authorization", "Helicone-Auth", "X-Amz-Security-Token", "Cf-Access-Client-Secret", "Cf-Access-Jwt-Assertion",
	"X-Subscription-Id", "X-Credential", "X-Password", "apikey", "API_KEY",
}

func TestNamesSecret(t *testing.T) {
	for _, name := range furtherNames {
		if !namesSecret([]byte(name)) {
			t.Errorf("%s is no credential", name)
		}
	}
	for _, name := range []string{
		"Idempotency-Key", "X-Idempotency-Key", "idempotency-token", "Key", "X-Request-Id", "User-Agent", "Content-Type", "Accept-Language", "Traceparent", "X-Stainless-Retry-Count", "X-Stainless-Package-Version",
		"X-Forwarded-For", "Openai-Organization", "Anthropic-Version", "Sec-Fetch-Site", "Http-Referer", "X-Title", "Priority", "",
	} {
		if namesSecret([]byte(name)) {
			t.Errorf("%s is a credential", name)
		}
	}
}

// TestCredentialDigests holds that requests without further credentials hash as they always did, so that what is stored is found,
// and that further ones count whatever their order, by name, by value and by line.
func TestCredentialDigests(t *testing.T) {
	digest := func(headers ...string) cache.Digest {
		t.Helper()
		h := &fasthttp.RequestHeader{}
		for i := 0; i < len(headers); i += 2 {
			h.Add(headers[i], headers[i+1])
		}
		var f fields
		if err := f.collect(h); err != nil {
			t.Fatal(err)
		}
		return f.credential()
	}
	usual := []string{"Authorization", "Bearer a", "X-Api-Key", "b", "Api-Key", "c", "Cookie", "d=e"}
	if got, want := digest(append(usual, "Idempotency-Key", "1", "Proxy-Authorization", "Basic x", "X-Auth-Token", "", "X-Portkey-Api-Key", "k", "X-Other", "y")...),
		cache.Hash([]byte("Bearer a"), []byte("b"), []byte("c"), []byte("d=e")); got != want {
		t.Error("a request without further credentials hashes otherwise than before")
	}
	f := fields{}
	f.std[stdAuthorization] = []byte("Bearer a")
	if n := testing.AllocsPerRun(100, func() { f.credential() }); n != 0 {
		t.Errorf("the usual credentials take %v allocations, in every request", n)
	}
	if digest("X-Auth-Token", "a", "X-Goog-Api-Key", "b") != digest("x-goog-api-key", "b", "x-auth-token", "a") {
		t.Error("the order of two headers counts")
	}
	seen := map[cache.Digest]int{}
	for i, headers := range [][]string{{}, {"X-Auth-Token", "a"}, {"X-Auth-Token", "b"}, {"X-Token", "a"}, {"X-Auth-Token", "a", "X-Auth-Token", "b"}, {"X-Auth-Token", "a", "X-Token", "b"},
		{"X-Auth-Token", "b", "X-Auth-Token", "a"}, {"Authorization", "a"}, {"Authorization", "a", "X-Auth-Token", "a"}} {
		d := digest(headers...)
		if j, ok := seen[d]; ok {
			t.Errorf("%v hashes as %d does", headers, j)
		}
		seen[d] = i
	}
}

// TestFurtherCredentialsInTheScope holds that a caller with another key in whatever header, or with none, is not served the answers
// that another's key has bought.
func TestFurtherCredentialsInTheScope(t *testing.T) {
	r := newRig(t, answerWith("y"))
	for _, name := range furtherNames {
		for i, tt := range []struct {
			header []string
			want   string
		}{{[]string{name, "one"}, "SEMANTIC MISS"}, {[]string{name, "one"}, "HIT"}, {[]string{name, "two"}, "SEMANTIC MISS"}, {nil, "SEMANTIC MISS"}, {[]string{name, "one", "idempotency-key", "9"}, "HIT"}} {
			got := r.ask("who am I", "", append(tt.header, "x-portkey-cache-namespace", name)...)
			if r.flush(); got.cache() != tt.want {
				t.Errorf("%s, request %d: %s, want %s", name, i, got.cache(), tt.want)
			}
		}
	}
}

// TestFurtherCredentialsJoinNoCall holds that a caller does not share a call that another's key pays, even where stored answers are
// everybody's.
func TestFurtherCredentialsJoinNoCall(t *testing.T) {
	arrived, leave := make(chan struct{}, 2), make(chan struct{})
	answer := sync.OnceFunc(func() { close(leave) })
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		arrived <- struct{}{}
		<-leave
		answerWith(req.Header.Get("X-Goog-Api-Key"))(w, req)
	}, func(c *Config) { c.ShareAcrossKeys = true })
	t.Cleanup(answer) // or the provider would wait for ever once the test has failed
	var wg sync.WaitGroup
	for _, key := range []string{"one", "two"} {
		wg.Go(func() {
			if got := r.ask("who am I", "", "x-goog-api-key", key); !strings.Contains(got.body, `"content":"`+key+`"`) {
				t.Errorf("%s: %s", key, got.body)
			}
		})
	}
	for range 2 {
		recv(t, arrived, "both calls")
	}
	answer()
	wg.Wait()
}

// TestFurtherCredentialsGoToOneProvider holds that such a credential is sent to the provider that has no other key, and neither to
// the next one nor to one with a key of its own, unless it is asked for by name.
func TestFurtherCredentialsGoToOneProvider(t *testing.T) {
	var mu sync.Mutex
	var got []string
	note := func(who string, then http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, req *http.Request) {
			mu.Lock()
			got = append(got, who+"="+req.Header.Get("Ocp-Apim-Subscription-Key")+","+req.Header.Get("X-Plain"))
			mu.Unlock()
			then(w, req)
		}
	}
	second := newStop(t, note("second", answerWith("y")))
	r := newRig(t, note("main", status(503)), func(c *Config) {
		c.Providers = append(c.Providers, Provider{Name: "second", BaseURL: second.URL + "/v1"}, Provider{Name: "keyed", BaseURL: second.URL + "/v1", APIKey: "sk-own"})
	})
	const both = `{"strategy":{"mode":"fallback"},"targets":[{"provider":"main"},{"provider":"second"}]}`
	for _, tt := range []struct{ config, want string }{
		{both, "main=k,p second=,p"},
		{`{"provider":"keyed"}`, "second=,p"},
		{`{"provider":"keyed","forward_headers":["ocp-apim-subscription-key"]}`, "second=k,p"},
	} {
		got = nil
		if a := r.ask("x", "", "x-portkey-config", tt.config, "ocp-apim-subscription-key", "k", "x-plain", "p"); a.StatusCode != 200 {
			t.Errorf("%s: %d %s", tt.config, a.StatusCode, a.body)
		}
		r.flush()
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: the providers were sent %s, want %s", tt.config, s, tt.want)
		}
	}
}

// TestFurtherCredentialOfThePast holds that an import knows such a credential for one.
func TestFurtherCredentialOfThePast(t *testing.T) {
	r := newRig(t, answerWith("y"))
	p := &Past{Header: http.Header{"X-Goog-Api-Key": {"one"}}, Body: []byte(question("who am I", "")), Answer: []byte(bodyOf("y")), Created: time.Now()}
	rec, err := r.s.Record(p, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.cache.Import(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	if got := r.ask("who am I", "", "x-goog-api-key", "one"); got.cache() != "HIT" {
		t.Errorf("its caller: %s", got.cache())
	}
	if got := r.ask("who am I", "", "x-goog-api-key", "two"); got.cache() != "SEMANTIC MISS" {
		t.Errorf("another: %s", got.cache())
	}
}

// TestGatewayKeysInOtherHeaders holds that a key of the gateway's reaches no provider, whatever credential it came as.
func TestGatewayKeysInOtherHeaders(t *testing.T) {
	var k *Keys
	var mu sync.Mutex
	var sent string
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		for name, v := range req.Header {
			sent += name + ": " + strings.Join(v, ",") + "\n"
		}
		mu.Unlock()
		answerWith("y")(w, req)
	}, withKeys(t, &k))
	_, key := made(t, k, `{}`)
	for _, header := range [][]string{
		{"x-goog-api-key", key}, {"cf-aig-authorization", "Bearer " + key}, {"ocp-apim-subscription-key", operator}, {"x-goog-api-key", key, "x-portkey-forward-headers", "x-goog-api-key"},
	} {
		got := r.ask("x", "", append(header, "x-portkey-api-key", key, "cache-control", "no-store")...)
		if mu.Lock(); got.StatusCode != 200 || strings.Contains(sent, key) || strings.Contains(sent, operator) {
			t.Errorf("%q: %d, the provider was sent\n%s", header, got.StatusCode, sent)
		}
		sent = ""
		mu.Unlock()
	}
	r.wantCalls(4)
	if got := r.ask("x", "", "x-goog-api-key", "AIza-callers", "x-portkey-api-key", key); got.StatusCode != 200 || !strings.Contains(sent, "AIza-callers") {
		t.Errorf("%d: a provider's own key was not sent", got.StatusCode)
	}
}
