package proxy

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/reprise-cache/reprise/cache"
)

func TestState(t *testing.T) {
	for _, tt := range []struct {
		draining bool
		ready    error
		want     string
	}{{false, nil, "ok"}, {false, fmt.Errorf("still: %w", cache.ErrLoading), "loading"}, {false, cache.ErrCorrupt, "degraded"}, {true, cache.ErrLoading, "draining"}, {true, nil, "draining"}} {
		if got := state(tt.draining, tt.ready); got != tt.want {
			t.Errorf("%v, %v: %s, want %s", tt.draining, tt.ready, got, tt.want)
		}
	}
}

// TestHealthListsEveryFailure holds that whatever of the cache fails is shown, and what does not is not.
func TestHealthListsEveryFailure(t *testing.T) {
	st := cache.Stats{FillErrors: 1, FillsDropped: 2, EmbedErrors: 3, VerifyErrors: 4, IndexErrors: 5, SweepErrors: 6, SnapshotErrors: 7}
	st.Learning.StoreErrs, st.Learning.Dropped, st.Learning.Panicked = 8, 9, 10
	want := map[string]uint64{"fill": 1, "fill_dropped": 2, "embed": 3, "verify": 4, "index": 5, "sweep": 6, "snapshot": 7, "learn": 8, "learn_dropped": 9, "learn_panic": 10}
	if got := newCacheHealth(st).Errors; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := newCacheHealth(cache.Stats{}).Errors; got == nil || len(got) > 0 {
		t.Errorf("of a cache without failures: %v", got)
	}
}

// TestAdminHealth breaks one target, and plants secrets where a careless report would show them.
func TestAdminHealth(t *testing.T) {
	const secret = "planted-secret-0123456789"
	r := newRig(t, answerWith("x"), withOperator, withConfigs(t, map[string]string{"pc-x.json": `{"provider":"main"}`}), func(c *Config) {
		c.Providers = append(c.Providers,
			Provider{Name: "dead", BaseURL: "http://127.0.0.1:1/v1", APIKey: secret},
			Provider{Name: "worse", BaseURL: "http://user:" + secret + "@127.0.0.1:1/v1"})
	})
	type report struct {
		Status  string
		Targets []TargetHealth
		Queues  map[string]float64
		Cache   struct {
			Entries int
			Lookups map[string]int
			Errors  map[string]int
		}
		Configs struct {
			Saved    int
			Problems []string
		}
	}
	health := func() (out report) {
		t.Helper()
		got := r.do("GET", "/admin/v1/health", "", bearerOf(operator)...)
		if err := json.Unmarshal([]byte(got.body), &out); err != nil || got.StatusCode != http.StatusOK {
			t.Fatalf("%d %s: %v", got.StatusCode, got.body, err)
		}
		if strings.Contains(got.body, secret) {
			t.Errorf("a secret is shown: %s", got.body)
		}
		return out
	}
	if h := health(); h.Status != "ok" || len(h.Targets) != 0 || h.Cache.Entries != 0 || h.Configs.Saved != 1 || h.Configs.Problems == nil {
		t.Errorf("at first: %+v", h)
	}
	r.ask("a question", "")
	r.flush()
	r.ask("a question", "")
	for range 6 {
		r.ask("another", "", "x-portkey-provider", "dead", "cache-control", "no-store")
	}
	r.ask("another", "", "x-portkey-provider", "worse")
	h := health()
	of := func(name string) TargetHealth {
		i := slices.IndexFunc(h.Targets, func(t TargetHealth) bool { return t.Target == name })
		if i < 0 {
			t.Fatalf("%s is not listed: %+v", name, h.Targets)
		}
		return h.Targets[i]
	}
	if dead := of("dead"); dead.State != "open" || dead.Failures != 6 || dead.Calls != 6 || dead.Reason != "upstream_unreachable" || dead.LastFailure.IsZero() {
		t.Errorf("a dead target: %+v", dead)
	}
	if good := of("main"); good.State != "closed" || good.Calls != 1 || good.Failures != 0 || good.Reason != "" {
		t.Errorf("a good target: %+v", good)
	}
	if h.Cache.Entries != 1 || h.Cache.Lookups[cache.HitExact.String()] != 1 || h.Queues["fills_written"] != 1 || h.Queues["fills_capacity"] == 0 {
		t.Errorf("cache and queues: %+v", h)
	}
	for _, header := range [][]string{nil, bearerOf("somebody else's key")} {
		if got := r.do("GET", "/admin/v1/health", "", header...); got.StatusCode != 401 {
			t.Errorf("%v: %d", header, got.StatusCode)
		}
	}
}
