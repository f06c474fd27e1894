package proxy

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const (
	sealHex       = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	otherSealHex  = "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100"
	plantedSecret = "sk-planted-of-the-provider"
	ownedSecret   = "sk-configured-of-the-operator"
)

// withKeys gives the server an open file of keys.
func withKeys(t *testing.T, k **Keys) func(*Config) {
	return func(c *Config) {
		opened, err := OpenKeys(filepath.Join(t.TempDir(), "keys.db"), KeysOptions{SealKey: sealHex, Providers: []string{"main", "second"}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { opened.Close() })
		*k, c.Keys, c.AdminToken = opened, opened, operator
	}
}

// withOwnKey gives the test's provider a key of its own.
func withOwnKey(c *Config) { c.Providers[0].APIKey = ownedSecret }

// made makes a gateway key and returns its id and itself.
func made(t testing.TB, k *Keys, spec string) (id, key string) {
	t.Helper()
	status, body := k.Admin("POST", "keys", []byte(spec))
	var out struct{ ID, Key string }
	if err := json.Unmarshal(body, &out); status != 201 || err != nil {
		t.Fatalf("%s: %d %s", spec, status, body)
	}
	return out.ID, out.Key
}

func madeVirtual(t *testing.T, k *Keys, spec string) {
	t.Helper()
	if status, body := k.Admin("POST", "virtual-keys", []byte(spec)); status != 201 || strings.Contains(string(body), plantedSecret) {
		t.Fatalf("%d %s", status, body)
	}
}

// seen notes the credentials that a provider is sent.
type seen struct {
	mu   sync.Mutex
	keys []string
}

func (s *seen) provider(then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.keys = append(s.keys, r.Header.Get("Authorization")+r.Header.Get("X-Api-Key")+r.Header.Get("Api-Key"))
		s.mu.Unlock()
		then(w, r)
	}
}

func (s *seen) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := strings.Join(s.keys, " ")
	s.keys = nil
	return out
}

func TestCallsNeedAKeyOnceThereIsOne(t *testing.T) {
	var k *Keys
	var got seen
	r := newRig(t, got.provider(answerWith("x")), withKeys(t, &k), withOwnKey)
	if a := r.ask("open to all", ""); a.StatusCode != 200 {
		t.Errorf("before: %d %s", a.StatusCode, a.body)
	}
	id, key := made(t, k, `{"label":"team"}`)
	got.take()
	for _, h := range [][]string{nil, bearerOf("sk-anything"), bearerOf(key + "a"), {"x-portkey-api-key", "nothing"}, {"x-api-key", key[:len(key)-1]}} {
		if a := r.ask("who may", "", h...); a.StatusCode != 401 || a.Header.Get("Www-Authenticate") == "" || strings.Contains(a.body, key) {
			t.Errorf("%v: %d %s", h, a.StatusCode, a.body)
		}
	}
	for i, h := range [][]string{bearerOf(key), {"x-api-key", key}, {"api-key", key}, {"x-portkey-api-key", key}, {"x-reprise-api-key", key},
		{"x-portkey-api-key", key, "authorization", "Bearer sk-callers-own"}, {"authorization", "Bearer " + key, "x-api-key", key}, bearerOf(operator)} {
		a := r.ask("question "+strconv.Itoa(i), "", append(h, "x-portkey-config", `{"forward_headers":["authorization","x-api-key"]}`)...)
		if a.StatusCode != 200 {
			t.Errorf("%v: %d %s", h, a.StatusCode, a.body)
		}
		want := "Bearer " + ownedSecret
		if i == 5 {
			want = "Bearer sk-callers-own" // forwarded because the config asks for it
		}
		if sent := got.take(); sent != want {
			t.Errorf("%v: the provider is sent %q", h, sent)
		}
	}
	if status, body := k.Admin("DELETE", "keys/"+id, nil); status != 204 {
		t.Fatalf("%d %s", status, body)
	}
	for _, h := range [][]string{nil, bearerOf(key)} { // the last key is gone, and the gateway stays closed
		if a := r.ask("who may", "", h...); a.StatusCode != 401 {
			t.Errorf("revoked: %d", a.StatusCode)
		}
	}
	if strings.Contains(r.log.String(), key) || !strings.Contains(r.log.String(), id) {
		t.Error("the log has the key, or not its id")
	}
}

func TestKeysRequired(t *testing.T) {
	r := newRig(t, answerWith("x"), func(c *Config) { c.KeysRequired = true })
	if a := r.ask("q", ""); a.StatusCode != 401 {
		t.Errorf("%d", a.StatusCode)
	}
	for _, path := range []string{"/v1/messages", "/v1/caches/a/entries/search", "/v1/feedback", "/v1/models", "/v1/embeddings", "/v1/chatComplete"} {
		method := "POST"
		if path == "/v1/models" {
			method = "GET"
		}
		a := r.do(method, path, `{}`)
		want := `"code":"missing_api_key"`
		switch path {
		case "/v1/messages":
			want = `"type":"authentication_error"`
		case "/v1/caches/a/entries/search":
			want = `/errors/authentication-failed`
		}
		if a.StatusCode != 401 || !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	r.wantCalls(0)
}

// TestEachScopeAgainstEachEndpoint has a key of each scope ask each endpoint.
func TestEachScopeAgainstEachEndpoint(t *testing.T) {
	var k *Keys
	r := newRig(t, answerWith("x"), withKeys(t, &k), withOwnKey)
	byScope := map[string]string{}
	for _, s := range []string{"call", "feedback", "read", "admin"} {
		_, byScope[s] = made(t, k, `{"scopes":["`+s+`"]}`)
	}
	id, _ := made(t, k, `{}`)
	madeVirtual(t, k, `{"name":"v","provider":"main","secrets":["`+plantedSecret+`"]}`)
	type endpoint struct{ method, path, body, need string }
	all := []endpoint{
		{"POST", chatPath, question("q", ""), "call"},
		{"POST", "/v1/completions", `{"model":"m","prompt":"q"}`, "call"},
		{"POST", "/v1/messages", `{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"q"}]}`, "call"},
		{"POST", "/v1/responses", `{"model":"m","input":"q"}`, "call"},
		{"POST", "/v1/embeddings", `{"model":"m","input":"q"}`, "call"},
		{"POST", "/v1/chatComplete", `{"config":{"mode":"single","options":[{"provider":"main"}]},"params":{"messages":[{"role":"user","content":"q"}]}}`, "call"},
		{"GET", "/v1/models", "", "call"},
		{"POST", "/v1/caches/c/entries/search", `{"prompt":"q"}`, "call"},
		{"DELETE", "/v1/caches/c/entries", `{"attributes":{"a":"b"}}`, "call"},
		{"POST", "/v1/feedback", `{"trace_id":"none","value":1}`, "feedback"},
		{"PUT", "/v1/feedback/none", `{"value":1}`, "feedback"},
	}
	sample := strings.NewReplacer("{id}", id, "{name}", "v")
	for _, row := range adminRoutes { // whoever adds a row has it tested
		need := "admin"
		if row.method == "GET" {
			need = "read"
		}
		all = append(all, endpoint{row.method, adminPath + sample.Replace(row.pattern), `{"no-such-member":1}`, need})
	}
	for _, e := range all {
		for scope, key := range byScope {
			may := scope == e.need || scope == "admin" && e.need == "read"
			if may && e.method == "DELETE" && strings.HasPrefix(e.path, adminPath) {
				continue // which would work
			}
			a := r.do(e.method, e.path, e.body, bearerOf(key)...)
			if refused := a.StatusCode == 403; refused == may {
				t.Errorf("%s %s with scope %s: %d %s", e.method, e.path, scope, a.StatusCode, a.body)
			}
		}
		for _, h := range [][]string{nil, bearerOf("rpk_aaaaaaaaaaaa_" + strings.Repeat("a", 52))} {
			if a := r.do(e.method, e.path, e.body, h...); a.StatusCode != 401 {
				t.Errorf("%s %s without a key: %d", e.method, e.path, a.StatusCode)
			}
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if a := r.do("GET", path, ""); a.StatusCode != 200 {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
}

func TestLimitsOfAKey(t *testing.T) {
	var k *Keys
	r := newRig(t, answerWith("x"), withKeys(t, &k), withOwnKey)
	_, key := made(t, k, `{"limits":{"rpm":2}}`)
	_, other := made(t, k, `{}`)
	for i, want := range []int{200, 200, 429, 429} {
		a := r.ask("the same", "", bearerOf(key)...)
		if a.StatusCode != want {
			t.Fatalf("request %d: %d %s", i, a.StatusCode, a.body)
		}
		if after, _ := strconv.Atoi(a.Header.Get("Retry-After")); want == 429 && (after < 1 || after > 30 || !strings.Contains(a.body, "rpm")) {
			t.Errorf("retry-after %q, %s", a.Header.Get("Retry-After"), a.body)
		}
	}
	if a := r.do("POST", "/v1/messages", `{}`, bearerOf(key)...); a.StatusCode != 429 || !strings.Contains(a.body, "rate_limit_error") {
		t.Errorf("in Anthropic's words: %d %s", a.StatusCode, a.body)
	}
	if a := r.ask("the same", "", bearerOf(other)...); a.StatusCode != 200 || a.cache() != "HIT" {
		t.Errorf("another key: %d %s", a.StatusCode, a.cache())
	}
}

// pricedAs has the provider say which model answered, so that the price table knows what it cost.
func pricedAs(model string, prompt, completion int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		usage := `"usage":{"prompt_tokens":` + strconv.Itoa(prompt) + `,"completion_tokens":` + strconv.Itoa(completion) + `,"total_tokens":1}`
		if strings.Contains(string(body), `"stream":true`) {
			w.Header().Set("Content-Type", "text/event-stream")
			out := strings.ReplaceAll(streamOf("so many words"), `"model":"m-1"`, `"model":"`+model+`"`)
			if strings.Contains(string(body), "include_usage") {
				out = strings.Replace(out, "data: [DONE]", strings.ReplaceAll(chunk(`"choices":[],`+usage), `"model":"m-1"`, `"model":"`+model+`"`)+"data: [DONE]", 1)
			}
			io.WriteString(w, out)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		out := strings.ReplaceAll(bodyOf("x"), `"model":"m-1"`, `"model":"`+model+`"`)
		io.WriteString(w, out[:strings.Index(out, `"usage"`)]+usage+"}")
	}
}

// spentBy is what the list says that a key used.
func spentBy(t *testing.T, k *Keys, id string) (tokens int, dollars float64) {
	t.Helper()
	_, body := k.Admin("GET", "keys", nil)
	var out struct {
		Keys []struct {
			ID    string
			Spent struct {
				Tokens int     `json:"tokens"`
				Total  float64 `json:"total_sum"`
			}
		}
	}
	if err := json.Unmarshal(body, &out); err != nil {
		t.Fatal(err)
	}
	for _, one := range out.Keys {
		if one.ID == id {
			return one.Spent.Tokens, one.Spent.Total
		}
	}
	t.Fatalf("no key %s in %s", id, body)
	return 0, 0
}

func TestTokensAndMoneyAreCounted(t *testing.T) {
	var k *Keys
	r := newRig(t, pricedAs("gpt-4o-mini", 1_000_000, 100_000), withKeys(t, &k), withOwnKey, func(c *Config) { c.Providers[0].Kind = OpenAI })
	id, key := made(t, k, `{"limits":{"spend_day":0.3}}`)
	a := r.ask("one", "", bearerOf(key)...)
	if a.StatusCode != 200 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	tokens, dollars := spentBy(t, k, id)
	if tokens != 1_100_000 || dollars < 0.2099 || dollars > 0.2101 { // 0.15 a million in, 0.60 out
		t.Errorf("%d tokens, $%v", tokens, dollars)
	}
	r.flush()
	if a := r.ask("one", "", bearerOf(key)...); a.cache() != "HIT" {
		t.Fatalf("%d %s", a.StatusCode, a.cache())
	}
	if again, _ := spentBy(t, k, id); again != tokens {
		t.Error("a hit costs tokens")
	}
	if a := r.ask("two", `"stream":true,"stream_options":{"include_usage":true}`, bearerOf(key)...); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if tokens, dollars := spentBy(t, k, id); tokens != 2_200_000 || dollars < 0.41 {
		t.Errorf("%d tokens, $%v", tokens, dollars)
	}
	if a := r.ask("three", "", bearerOf(key)...); a.StatusCode != 429 || !strings.Contains(a.body, "insufficient_quota") || a.Header.Get("Retry-After") == "" {
		t.Errorf("over the day's money: %d %s", a.StatusCode, a.body)
	}
	// A stream that does not say its usage is not free.
	id, key = made(t, k, `{"limits":{"tpm":10}}`)
	if a := r.ask("and this one says nothing of what it took", `"stream":true`, bearerOf(key)...); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if tokens, _ := spentBy(t, k, id); tokens < 10 {
		t.Errorf("%d tokens", tokens)
	}
	if a := r.ask("three", "", bearerOf(key)...); a.StatusCode != 429 || !strings.Contains(a.body, "tpm") {
		t.Errorf("over the minute's tokens: %d %s", a.StatusCode, a.body)
	}
}

func TestNamespacesOfAKey(t *testing.T) {
	var k *Keys
	r := newRig(t, answerWith("x"), withKeys(t, &k), withOwnKey)
	_, a := made(t, k, `{"namespaces":["a","a-*"]}`)
	_, b := made(t, k, `{"namespaces":["b-*"]}`)
	_, any := made(t, k, `{}`)
	ask := func(key, ns string) reply {
		h := bearerOf(key)
		if ns != "" {
			h = append(h, "x-reprise-cache-namespace", ns)
		}
		defer r.flush()
		return r.ask("who are we", "", h...)
	}
	for _, c := range []struct {
		key, ns string
		status  int
		cache   string
	}{
		{a, "a", 200, "SEMANTIC MISS"}, {a, "", 200, "HIT"}, {a, "a-2", 200, "SEMANTIC MISS"}, {a, "b-1", 403, ""}, {a, "ab", 403, ""},
		{b, "", 403, ""}, {b, "a", 403, ""}, {b, "b-1", 200, "SEMANTIC MISS"}, {any, "b-1", 200, "HIT"}, {any, "", 200, "SEMANTIC MISS"}, {any, "a", 200, "HIT"},
	} {
		got := ask(c.key, c.ns)
		if got.StatusCode != c.status || got.cache() != c.cache {
			t.Errorf("%q in %q: %d %s", c.key[:16], c.ns, got.StatusCode, got.cache())
		}
	}
	for _, h := range []string{`{"cache":{"mode":"simple","namespace":"a"}}`, `{"targets":[{"provider":"main","cache":{"mode":"simple","namespace":"a"}}]}`} {
		if got := r.ask("who are we", "", append(bearerOf(b), "x-portkey-config", h)...); got.StatusCode != 403 {
			t.Errorf("%s: %d", h, got.StatusCode)
		}
	}
	if got := r.ask("who are we", "", append(bearerOf(b), "x-reprise-cache", `{"namespace":"a"}`)...); got.StatusCode != 403 {
		t.Errorf("in the cache header: %d", got.StatusCode)
	}
	if got := r.do("POST", "/v1/caches/a/entries/search", `{"prompt":"q"}`, bearerOf(b)...); got.StatusCode != 403 {
		t.Errorf("in LangCache's path: %d", got.StatusCode)
	}
}

// TestWhoseAnswersAreShared is the rule of the README: callers of one configured provider's key share within a namespace,
// those with keys of their own do not, and a private key shares with nobody.
func TestWhoseAnswersAreShared(t *testing.T) {
	var k *Keys
	r := newRig(t, answerWith("x"), withKeys(t, &k), withOwnKey, func(c *Config) {
		c.Providers = append(c.Providers, Provider{Name: "second", BaseURL: c.Providers[0].BaseURL})
	})
	_, a := made(t, k, `{}`)
	_, b := made(t, k, `{}`)
	privateID, p := made(t, k, `{"private":true}`)
	_, q := made(t, k, `{"private":true}`)
	ask := func(text, want string, h ...string) {
		t.Helper()
		if got := r.ask(text, "", h...); got.cache() != want {
			t.Errorf("%s: %s, want %s", text, got.cache(), want)
		}
		r.flush()
	}
	ask("shared", "SEMANTIC MISS", bearerOf(a)...)
	ask("shared", "HIT", bearerOf(b)...)
	ask("shared", "SEMANTIC MISS", bearerOf(p)...)
	ask("shared", "HIT", bearerOf(p)...)
	ask("shared", "SEMANTIC MISS", bearerOf(q)...)
	own := func(gateway, provider string) []string {
		return []string{"x-portkey-api-key", gateway, "authorization", "Bearer " + provider, "x-portkey-provider", "second"}
	}
	ask("by my own key", "SEMANTIC MISS", own(a, "sk-a")...)
	ask("by my own key", "SEMANTIC MISS", own(b, "sk-b")...)
	ask("by my own key", "HIT", own(b, "sk-a")...)
	ask("by my own key", "SEMANTIC MISS", own(p, "sk-a")...)
	status, body := k.Admin("POST", "keys/"+privateID+"/rotate", nil)
	var out struct{ Key string }
	if json.Unmarshal(body, &out); status != 200 || out.Key == "" {
		t.Fatalf("%d %s", status, body)
	}
	ask("shared", "HIT", bearerOf(out.Key)...) // the key is another, who has it is not
	if got := r.ask("shared", "", bearerOf(p)...); got.StatusCode != 401 {
		t.Errorf("the old key: %d", got.StatusCode)
	}
	// Entries of LangCache's are those of the key that set them.
	if got := r.do("POST", "/v1/caches/c/entries", `{"prompt":"what","response":"that"}`, bearerOf(a)...); got.StatusCode != 201 {
		t.Fatalf("%d %s", got.StatusCode, got.body)
	}
	for key, want := range map[string]bool{a: true, b: false} {
		got := r.do("POST", "/v1/caches/c/entries/search", `{"prompt":"what"}`, bearerOf(key)...)
		if strings.Contains(got.body, "that") != want {
			t.Errorf("%s", got.body)
		}
	}
}

// TestFeedbackByKey: of one configured provider's key, each gateway key speaks for its own answers only, and counts once.
func TestFeedbackByKey(t *testing.T) {
	var k *Keys
	r := newRig(t, answerWith("x"), withKeys(t, &k), withOwnKey)
	_, a := made(t, k, `{}`)
	_, b := made(t, k, `{}`)
	r.ask("how do i enable the first thing", "", bearerOf(a)...)
	r.flush()
	hit := func(key, trace string) {
		t.Helper()
		if got := r.ask("how do i enable the first thing then", "", append(bearerOf(key), "x-portkey-trace-id", trace)...); got.cache() != "SEMANTIC HIT" {
			t.Fatalf("%s", got.cache())
		}
	}
	hit(a, "trace-a")
	hit(b, "trace-b")
	say := func(key, trace string) int {
		return r.do("POST", "/v1/feedback", `{"trace_id":"`+trace+`","value":10}`, bearerOf(key)...).StatusCode
	}
	sure := func() float64 {
		t.Helper()
		got := r.ask("how do i enable the first thing again", "", bearerOf(a)...)
		f, err := strconv.ParseFloat(got.Header.Get("x-reprise-confidence"), 64)
		if err != nil {
			t.Fatalf("%s: %v", got.cache(), err)
		}
		return f
	}
	none := sure()
	if s := say(b, "trace-a"); s != 404 {
		t.Errorf("of another key's answer: %d", s)
	}
	if s := say(a, "trace-a"); s != 200 {
		t.Errorf("of its own: %d", s)
	}
	one := sure()
	for range 20 { // a flood
		say(a, "trace-a")
	}
	flood := sure()
	if s := say(b, "trace-b"); s != 200 {
		t.Errorf("of its own: %d", s)
	}
	if two := sure(); !(none < one && one == flood && flood < two) {
		t.Errorf("confidence %v, after one voice %v, after it twenty times more %v, after another's %v", none, one, flood, two)
	}
}

func TestVirtualKeys(t *testing.T) {
	var k *Keys
	var got seen
	refused := map[string]bool{}
	var mu sync.Mutex
	r := newRig(t, got.provider(func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		bad := refused[strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")]
		mu.Unlock()
		if bad {
			w.WriteHeader(401)
			io.WriteString(w, `{"error":{"message":"no"}}`)
			return
		}
		answerWith("x")(w, req)
	}), withKeys(t, &k))
	madeVirtual(t, k, `{"name":"team","provider":"main","secrets":["`+plantedSecret+`-1","`+plantedSecret+`-2"]}`)
	madeVirtual(t, k, `{"name":"small","provider":"main","secrets":["`+plantedSecret+`-3"],"limits":{"rpm":1}}`)
	for i, want := range []string{"-1", "-2", "-1"} {
		r.ask("question "+strconv.Itoa(i), "", "x-portkey-virtual-key", "team")
		if sent := got.take(); sent != "Bearer "+plantedSecret+want {
			t.Errorf("sent %q", sent)
		}
	}
	mu.Lock()
	refused[plantedSecret+"-2"] = true
	mu.Unlock()
	if a := r.ask("question 3", "", "x-portkey-config", `{"virtual_key":"team"}`); a.StatusCode != 200 {
		t.Errorf("one of two is refused: %d %s", a.StatusCode, a.body)
	}
	if sent := got.take(); sent != "Bearer "+plantedSecret+"-2 Bearer "+plantedSecret+"-1" {
		t.Errorf("sent %q", sent)
	}
	r.ask("question 4", "", "x-portkey-virtual-key", "team")
	if sent := got.take(); sent != "Bearer "+plantedSecret+"-1" {
		t.Errorf("the refused one does not rest: %q", sent)
	}

	if a := r.ask("question 5", "", "x-portkey-virtual-key", "small"); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	a := r.ask("question 6", "", "x-portkey-virtual-key", "small")
	if after, _ := strconv.Atoi(a.Header.Get("Retry-After")); a.StatusCode != 429 || after < 30 || !strings.Contains(a.body, "rpm") {
		t.Errorf("over its limit: %d %s %s", a.StatusCode, a.Header.Get("Retry-After"), a.body)
	}
	if a := r.ask("question 7", "", "x-portkey-config", `{"strategy":{"mode":"fallback"},"targets":[{"virtual_key":"small"},{"virtual_key":"team"}]}`); a.StatusCode != 200 {
		t.Errorf("falling back from one over its limit: %d %s", a.StatusCode, a.body)
	}
	a = r.ask("q", "", "x-portkey-config", `{"strategy":{"mode":"fallback"},"targets":[{"virtual_key":"team"},{"virtual_key":"taem"}]}`)
	if a.StatusCode != 400 || !strings.Contains(a.body, `targets[1].virtual_key`) {
		t.Errorf("an unknown one: %d %s", a.StatusCode, a.body)
	}
	const fallback = `{"strategy":{"mode":"fallback"},"targets":[{"provider":"main"},{"virtual_key":"small"}]}`
	r.ask("q", "", "x-portkey-config", fallback)
	if status, body := k.Admin("DELETE", "virtual-keys/small", nil); status != 204 {
		t.Fatalf("%d %s", status, body)
	}
	if a = r.ask("q", "", "x-portkey-config", fallback); a.StatusCode != 400 || !strings.Contains(a.body, `targets[1].virtual_key`) {
		t.Errorf("one that is gone, in a config that was read before: %d %s", a.StatusCode, a.body)
	}
	if a = r.ask("q", "", "x-portkey-virtual-key", "taem"); a.StatusCode != 400 || !strings.Contains(a.body, "x-portkey-virtual-key") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a = r.ask("q", "", "x-portkey-virtual-key", "team", "x-portkey-provider", "openai"); a.StatusCode != 400 {
		t.Errorf("another provider: %d %s", a.StatusCode, a.body)
	}
	if strings.Contains(r.log.String(), plantedSecret) {
		t.Error("the log has a secret")
	}
}
