package proxy

import (
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reprise-cache/reprise/cache"
)

// withCacheOptions gives the rig a cache of its own options.
func withCacheOptions(t *testing.T, o cache.Options) func(*Config) {
	return func(c *Config) {
		opened, err := cache.Open(filepath.Join(t.TempDir(), "own.db"), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { opened.Close() })
		c.Cache = opened
	}
}

// TestPrecedence sets one thing in four places and expects the nearest to hold: request, config, namespace, cache.
func TestPrecedence(t *testing.T) {
	const stored, reworded = "how do I reset my router password", "how do I reset my router password please"
	r := newRig(t, answerWith("x"), withCacheOptions(t, cache.Options{
		Embedder: &words{}, Threshold: 0.5, MaxError: 1, Mode: cache.ModeSimple,
		Namespaces: map[string]cache.NamespaceOptions{"meaning": {Mode: cache.ModeSemantic}, "closed": {Mode: cache.ModeOff}, "near": {Mode: cache.ModeSemantic, Threshold: 0.999}},
	}))
	for _, ns := range []string{"", "meaning", "closed", "near"} {
		r.ask(stored, "", "x-reprise-cache-namespace", ns, "x-reprise-cache", "semantic")
	}
	r.flush()
	const cfg = "x-portkey-config"
	for _, tt := range []struct {
		name string
		want string
		h    []string
	}{
		{"the cache's mode", "MISS", nil},
		{"the namespace's", "SEMANTIC HIT", []string{"x-reprise-cache-namespace", "meaning"}},
		{"the namespace's, which the config names", "SEMANTIC HIT", []string{cfg, `{"cache":{"namespace":"meaning"}}`}},
		{"the config's over the namespace's", "MISS", []string{"x-reprise-cache-namespace", "meaning", cfg, `{"cache":"simple"}`}},
		{"the config's over the cache's", "SEMANTIC HIT", []string{cfg, `{"cache":"semantic"}`}},
		{"the request's over the config's", "SEMANTIC HIT", []string{"x-reprise-cache-namespace", "meaning", cfg, `{"cache":"simple"}`, "x-reprise-cache", "semantic"}},
		{"the request's over all", "DISABLED", []string{"x-reprise-cache-namespace", "meaning", cfg, `{"cache":"semantic"}`, "x-reprise-cache", "off"}},
		{"a closed namespace", "DISABLED", []string{"x-reprise-cache-namespace", "closed"}},
		{"the namespace's threshold", "SEMANTIC MISS", []string{"x-reprise-cache-namespace", "near"}},
		{"the config's threshold", "SEMANTIC HIT", []string{"x-reprise-cache-namespace", "near", cfg, `{"cache":{"threshold":0.5}}`}},
		{"the request's threshold", "SEMANTIC MISS", []string{"x-reprise-cache-namespace", "near", cfg, `{"cache":{"threshold":0.5}}`, "x-reprise-cache", `{"threshold":0.9999}`}},
		{"the config's namespace, the request's mode", "MISS", []string{cfg, `{"cache":{"namespace":"near"}}`, "x-reprise-cache", "simple"}},
	} {
		// Nothing of this is stored, so that each starts from the same.
		if got := r.ask(reworded, "", append(tt.h, "cache-control", "only-if-cached")...); got.cache() != tt.want {
			t.Errorf("%s: %s, want %s (%d %s)", tt.name, got.cache(), tt.want, got.StatusCode, got.body)
		}
	}
}

func TestStricterOnly(t *testing.T) {
	const stored, reworded = "how do I reset my router password", "how do I reset my router password please"
	r := newRig(t, answerWith("x"), withCacheOptions(t, cache.Options{
		Embedder: &words{}, Threshold: 0.5, MaxError: 1,
		Namespaces: map[string]cache.NamespaceOptions{"exact": {Mode: cache.ModeSimple}, "near": {Threshold: 0.999}, "free": {Mode: cache.ModeSimple}, "watch": {Mode: cache.ModeShadow}},
	}), func(c *Config) { c.StricterOnly, c.StricterIn = true, map[string]bool{"free": false} })
	for _, ns := range []string{"", "exact", "near", "free", "watch"} {
		r.ask(stored, "", "x-reprise-cache-namespace", ns, "x-reprise-cache", "semantic")
	}
	r.flush()
	for _, tt := range []struct{ ns, header, want string }{
		{"", "semantic", "SEMANTIC HIT"},
		{"", "simple", "MISS"},
		{"", `{"threshold":0.999}`, "SEMANTIC MISS"},
		{"exact", "semantic", "MISS"},
		{"exact", "threshold", "MISS"},
		{"exact", "off", "DISABLED"},
		{"near", `{"threshold":0.1}`, "SEMANTIC MISS"},
		{"free", "semantic", "SEMANTIC HIT"},
		{"watch", "semantic", "SEMANTIC MISS"},
	} {
		got := r.ask(reworded, "", "x-reprise-cache-namespace", tt.ns, "x-reprise-cache", tt.header, "cache-control", "only-if-cached")
		if got.cache() != tt.want {
			t.Errorf("%q %s: %s, want %s", tt.ns, tt.header, got.cache(), tt.want)
		}
	}
}

// TestRestrict holds what is left of a request against what the operator has, setting by setting.
func TestRestrict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opened, err := cache.Open(filepath.Join(t.TempDir(), "own.db"), cache.Options{
			Embedder: &words{}, Threshold: 0.8, MaxError: 0.01, TTL: time.Hour,
			Namespaces: map[string]cache.NamespaceOptions{"n": {MaxAge: time.Minute}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer opened.Close()
		s := &Server{cfg: Config{Cache: opened, StricterOnly: true}}
		bold := cache.Query{Namespace: "n", Mode: cache.ModeThreshold, Conversation: cache.ConversationLastTurn, Threshold: 0.1, MaxError: 1,
			MaxAge: time.Hour, TTL: cache.NoExpiry, IgnoreSystem: true, NoStore: true}
		s.restrict(&bold)
		if bold.Mode != cache.ModeSemantic || bold.Conversation != cache.ConversationStrict || bold.Threshold != 0.8 || bold.MaxError != 0.01 ||
			bold.MaxAge != time.Minute || bold.TTL != time.Hour || bold.IgnoreSystem || !bold.NoStore {
			t.Errorf("a bold request: %+v", bold)
		}
		careful := cache.Query{Namespace: "n", Mode: cache.ModeSimple, Threshold: 0.9, MaxError: 0.001, MaxAge: time.Second, TTL: time.Minute}
		want := careful
		s.restrict(&careful)
		if careful.Mode != want.Mode || careful.Threshold != want.Threshold || careful.MaxError != want.MaxError || careful.MaxAge != want.MaxAge || careful.TTL != want.TTL {
			t.Errorf("a careful request: %+v", careful)
		}
	})
}

// TestExactOnlyInShadow: what only an equal question may share is not served either where nothing is to be.
func TestExactOnlyInShadow(t *testing.T) {
	r := newRig(t, vectorProvider(make(chan []string, 8)), withCacheOptions(t, cache.Options{Embedder: &words{}, Mode: cache.ModeShadow,
		Namespaces: map[string]cache.NamespaceOptions{"open": {Mode: cache.ModeSemantic}, "closed": {Mode: cache.ModeOff}}}))
	for ns, want := range map[string]string{"": "DISABLED", "closed": "DISABLED", "open": "HIT"} {
		r.do("POST", "/v1/embeddings", `{"model":"e","input":"a text"}`, "x-reprise-cache-namespace", ns)
		r.flush()
		if got := r.do("POST", "/v1/embeddings", `{"model":"e","input":"a text"}`, "x-reprise-cache-namespace", ns); got.cache() != want {
			t.Errorf("%q: %s, want %s", ns, got.cache(), want)
		}
	}
}

// TestNothingIsServedWhereTheOperatorOnlyWatches: some clients name a mode with each request, and must not undo the operator's by it.
func TestNothingIsServedWhereTheOperatorOnlyWatches(t *testing.T) {
	const stored, reworded = "how do I reset my router password", "how do I reset my router password please"
	for mode, want := range map[cache.Mode]string{cache.ModeShadow: "SEMANTIC MISS", cache.ModeOff: "DISABLED"} {
		r := newRig(t, answerWith("x"), withCacheOptions(t, cache.Options{
			Embedder: &words{}, Threshold: 0.5, MaxError: 1, Mode: mode, Namespaces: map[string]cache.NamespaceOptions{"open": {Mode: cache.ModeSemantic}, "closed": {Mode: mode}},
		}))
		for _, ns := range []string{"", "closed", "open"} {
			for _, h := range [][]string{{"x-portkey-config", `{"cache":{"mode":"semantic"}}`}, {"x-portkey-config", `{"cache":"simple"}`}, {"x-reprise-cache", "threshold"}, {"x-reprise-cache", `{"mode":"semantic","threshold":0.1}`}, nil} {
				h = append(h, "x-reprise-cache-namespace", ns)
				for _, text := range []string{stored, stored, reworded} {
					got := r.ask(text, "", h...)
					r.flush()
					if served := strings.HasSuffix(got.cache(), "HIT"); served && ns != "open" || got.cache() != want && ns != "open" {
						t.Errorf("mode %v, %q: %s, want %s", mode, h, got.cache(), want)
					}
				}
				if got := r.ask(stored, "", h...); ns == "open" && got.cache() != "HIT" {
					t.Errorf("mode %v, %q: %s, though the namespace has a mode of its own", mode, h, got.cache())
				}
				r.flush()
			}
			first := func() reply {
				defer r.flush()
				return r.do("POST", "/v1/chatComplete", firstBody(`"cache":true,"cache_status":"semantic",`, firstChat), "x-reprise-cache-namespace", ns)
			}
			first()
			if got := first(); (got.cache() == "HIT") != (ns == "open") {
				t.Errorf("mode %v, %q, the first SDK: %s", mode, ns, got.cache())
			}
		}
		if got := r.ask(stored, "", "x-reprise-cache", "off"); got.cache() != "DISABLED" {
			t.Errorf("mode %v: less may be asked for, got %s", mode, got.cache())
		}
	}
}
