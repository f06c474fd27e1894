package route

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// testChecks knows two providers and one key.
var testChecks = Checks{
	Provider: func(name string) error {
		if name != "openai" && name != "anthropic" {
			return &Error{Code: "unknown_provider", Message: "unknown provider"}
		}
		return nil
	},
	VirtualKey: func(name string) error {
		if name != "team" {
			return &Error{Code: "unknown_virtual_key", Message: "unknown virtual key"}
		}
		return nil
	},
	Cache: func(path string, v jsontext.Value) error {
		return strict.Object(path, v, func(name string, v jsontext.Value) error {
			if name != "mode" && name != "max_age" && name != "force_refresh" {
				return &Error{Path: strict.Join(path, name), Code: "unknown_field"}
			}
			return nil
		})
	},
}

func mustParse(t testing.TB, src string) *Config {
	t.Helper()
	c, err := Parse([]byte(src), nil, testChecks)
	if err != nil {
		t.Fatalf("%s: %v", src, err)
	}
	return c
}

func TestParseNamesThePath(t *testing.T) {
	deep := strings.Repeat(`{"targets":[`, MaxDepth+2) + `{}` + strings.Repeat(`]}`, MaxDepth+2)
	many := `{"targets":[` + strings.Repeat(`{},`, MaxTargets) + `{}]}`
	for src, path := range map[string]string{
		`{"wieght":1}`: "wieght",
		`{"targets":[{"provider":"openai"},{"wieght":1}]}`:                          "targets[1].wieght",
		`{"targets":[{},{"weight":-1}]}`:                                            "targets[1].weight",
		`{"targets":[{},{"weight":"x"}]}`:                                           "targets[1].weight",
		`{"strategy":{"mode":"loadbalance"},"targets":[{"weight":0},{"weight":0}]}`: "targets[0].weight",
		`{"mode":"ab_test","options":[{"weight":0}]}`:                               "options[0].weight",
		`{"targets":[{"provider":"nobody"}]}`:                                       "targets[0].provider",
		`{"targets":[{"targets":[{"virtual_key":"nobody"}]}]}`:                      "targets[0].targets[0].virtual_key",
		`{"strategy":{"mode":"round"}}`:                                             "strategy.mode",
		`{"strategy":{"mode":"fallback"}}`:                                          "targets",
		`{"strategy":{"on_status_codes":[99]},"targets":[{}]}`:                      "strategy.on_status_codes[0]",
		`{"strategy":{"sticky_by":"moon"},"targets":[{}]}`:                          "strategy.sticky_by",
		`{"strategy":{"moda":"x"}}`:                                                 "strategy.moda",
		`{"targets":[]}`:                                                            "targets",
		`{"targets":{}}`:                                                            "targets",
		`{"targets":[{}],"options":[{}]}`:                                           "options",
		`{"mode":"single","strategy":{"mode":"single"},"targets":[{}]}`:             "strategy.mode",
		`{"retry":{"attempts":6}}`:                                                  "retry.attempts",
		`{"retry":{"attempts":1.5}}`:                                                "retry.attempts",
		`{"retry":{"tries":1}}`:                                                     "retry.tries",
		`{"request_timeout":0}`:                                                     "request_timeout",
		`{"forward_headers":["host"]}`:                                              "forward_headers",
		`{"forward_headers":["x-portkey-api-key"]}`:                                 "forward_headers",
		`{"forward_headers":["a\nb"]}`:                                              "forward_headers[0]",
		`{"forward_headers":["a b"]}`:                                               "forward_headers",
		`{"override_params":{"stream":true}}`:                                       "override_params.stream",
		`{"resource_name":"evil.com/#"}`:                                            "resource_name",
		`{"deployment_id":".."}`:                                                    "deployment_id",
		`{"cache":{"mdoe":"simple"}}`:                                               "cache.mdoe",
		`{"cache":7}`:                                                               "cache",
		`{"cache":{"mode":"simple"},"cache_age":5}`:                                 "cache",
		`{"cache_age":"soon"}`:                                                      "cache_age",
		`{"cache_status":"both"}`:                                                   "cache_status",
		`{"api_key":5}`:                                                             "api_key",
		`{"name":"a\u0000"}`:                                                        "name",
		`{"targets":[{"name":"a"},{"name":"a"}]}`:                                   "targets[1].name",
		`{"strategy":{"mode":"conditional"},"targets":[{"name":"a"}]}`:              "strategy.conditions",
		`{"strategy":{"mode":"conditional","conditions":[{"query":{"metadata.x":1},"then":"b"}]},"targets":[{"name":"a"}]}`:                  "strategy.conditions[0].then",
		`{"strategy":{"mode":"conditional","conditions":[{"query":{"metadata.x":1},"then":"g"}]},"name":"g","targets":[{"name":"a"}]}`:       "strategy.conditions[0].then",
		`{"strategy":{"mode":"conditional","conditions":[{"query":{"metadata.x":1},"then":"a"}],"default":"z"},"targets":[{"name":"a"}]}`:    "strategy.default",
		`{"strategy":{"mode":"conditional","conditions":[{"query":{"header.x":1},"then":"a"}]},"targets":[{"name":"a"}]}`:                    "strategy.conditions[0].query.header.x",
		`{"strategy":{"mode":"conditional","conditions":[{"query":{"metadata.x":{"$near":1}},"then":"a"}]},"targets":[{"name":"a"}]}`:        "strategy.conditions[0].query.metadata.x.$near",
		`{"strategy":{"mode":"conditional","conditions":[{"query":{"metadata.x":{"$regex":"("}},"then":"a"}]},"targets":[{"name":"a"}]}`:     "strategy.conditions[0].query.metadata.x.$regex",
		`{"strategy":{"mode":"conditional","conditions":[{"query":{"$and":[{"params.x":{"$in":5}}]},"then":"a"}]},"targets":[{"name":"a"}]}`: "strategy.conditions[0].query.$and[0].params.x.$in",
		`{"strategy":{"conditions":[{"query":{"metadata.x":1},"then":"a"}]},"targets":[{"name":"a"}]}`:                                       "strategy.conditions",
		`{"a":`:                   "",
		`[]`:                      "",
		`{} {}`:                   "",
		`{"name":"x","name":"y"}`: "",
		deep:                      strings.TrimPrefix(strings.Repeat(".targets[0]", MaxDepth+1), "."),
		many:                      "targets[64]",
	} {
		_, err := Parse([]byte(src), nil, testChecks)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%.100s: got %v, want an error at %s", src, err, path)
		} else if e.Path != path {
			t.Errorf("%.100s: the error is at %q, want %q (%v)", src, e.Path, path, err)
		}
	}
}

func TestErrorsKeepSecrets(t *testing.T) {
	const secret = "sk-planted-0123456789"
	for _, src := range []string{
		`{"api_key":"` + secret + `","api_key":"` + secret + `"}`,
		`{"api_key":"` + secret,
		`{"api_key":["` + secret + `"]}`,
		`{"targets":[{"api_key":"` + secret + `\n"}]}`,
		`{"override_params":"` + secret + `"}`,
		`{"custom_host":{"` + secret + `":1}}`,
		secret,
	} {
		if _, err := Parse([]byte(src), nil, testChecks); err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: got %v", src, err)
		}
	}
}

func TestOldSpellings(t *testing.T) {
	c := mustParse(t, `{"mode":"ab_test","options":[
		{"provider":"openai","weight":3,"cache":true,"cache_age":"max-age=600","cache_status":"semantic","cache_force_refresh":"True",
		 "trace_id":"t1","metadata":{"_user":"u"},"retry":{"attempts":2,"on_status_codes":[429]}},
		{"provider":"anthropic","cache":false,"cache_age":60}]}`)
	if c.Root.Mode != LoadBalance || len(c.Root.Targets) != 2 || c.TraceID != "t1" || c.Metadata["_user"] != "u" {
		t.Fatalf("got %+v", c)
	}
	first, second := c.Root.Targets[0], c.Root.Targets[1]
	if got := string(first.Cache); got != `{"max_age":600,"mode":"semantic","force_refresh":true}` {
		t.Errorf("cache of the first: %s", got)
	}
	if got := string(second.Cache); got != `{"mode":"off"}` {
		t.Errorf("cache of the second: %s", got)
	}
	if first.Retry.Attempts != 2 || first.weight != 3 || second.weight != 1 || second.place != "config.targets[1]" {
		t.Errorf("got %+v and %+v", first, second)
	}
}

func TestInheritance(t *testing.T) {
	c, err := Parse([]byte(`{"retry":{"attempts":3},"override_params":{"temperature":0,"model":"big"},"request_timeout":50,
		"targets":[{"override_params":{"model":"small"}},{"provider":"anthropic","retry":{"attempts":0},"request_timeout":70}]}`),
		&Target{Provider: "openai", APIKey: "k", CustomHost: "https://h", Mode: Fallback}, testChecks)
	if err != nil {
		t.Fatal(err)
	}
	a, b := c.Root.Targets[0], c.Root.Targets[1]
	if c.Root.Mode != Fallback || a.Provider != "openai" || a.APIKey != "k" || a.CustomHost != "https://h" || a.Retry.Attempts != 3 || a.Timeout != 50*time.Millisecond {
		t.Errorf("the first: %+v", a)
	}
	if b.APIKey != "" || b.CustomHost != "" {
		t.Errorf("a target of another provider got the key or the host of its group: %+v", b)
	}
	if b.Retry.Attempts != 0 || b.Timeout != 70*time.Millisecond {
		t.Errorf("the second: %+v", b)
	}
	if got := string(a.Body([]byte(`{"model":"m","messages":[]}`))); got != `{"model":"small","messages":[],"temperature":0}` {
		t.Errorf("body %s", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"strategy":{"mode":"fallback","on_status_codes":[429]},"targets":[{"provider":"openai","weight":1},{"virtual_key":"team","cache":{"mode":"simple"}}]}`,
		`{"mode":"ab_test","options":[{"cache_age":"max-age=6","cache":true,"weight":0.2},{"retry":{"attempts":5}}]}`,
		`{"strategy":{"mode":"conditional","conditions":[{"query":{"$or":[{"metadata.a":{"$in":["x",1]}},{"params.model":{"$regex":"^g"}}]},"then":"a"}],"default":"b"},"targets":[{"name":"a"},{"name":"b","strategy":{"mode":"loadbalance"},"targets":[{},{}]}]}`,
	} {
		f.Add([]byte(s), []byte(`{"model":"gpt","n":1}`))
	}
	f.Fuzz(func(t *testing.T, src, body []byte) {
		c, err := Parse(src, &Target{Provider: "openai"}, testChecks)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("%T is not an *Error", err)
			}
			return
		}
		p, err := c.Resolve(&Facts{Metadata: map[string]string{"a": "x"}, Body: body}, nil)
		if err != nil {
			return
		}
		if p.First == nil || len(p.Leaves) == 0 || p.First.Targets != nil {
			t.Fatalf("a plan without a target: %+v", p)
		}
		if out := p.First.Body(body); jsontext.Value(body).IsValid() && !jsontext.Value(out).IsValid() {
			t.Fatalf("%s became %s", body, out)
		}
	})
}
