package wire

import (
	"errors"
	"strings"
	"testing"
)

func TestReadFirst(t *testing.T) {
	f, err := ReadFirst([]byte(`{"config":{"mode":"ab_test","options":[
		{"provider":"openai","api_key":"k","cache":true,"cache_age":"max-age=600","cache_status":"semantic","cache_force_refresh":true,"trace_id":"t","metadata":{"_user":"u","n":7},
		 "weight":0.2,"retry":{"attempts":2,"on_status_codes":[429]},"override_params":{"model":"m","temperature":0.50,"stop_sequences":["x"],"organization":"org","timeout":1.5,"max_tokens":null}},
		{"provider":"mistral","virtual_key":"v","cache":false,"cache_age":60,"deployment_id":"d","resource_name":"r","api_version":"a"}]},
		"params":{"messages":[{"role":"user","content":"hi"}],"temperature":1,"top_k":3,"stream":true,"suffix":null}}`))
	if err != nil {
		t.Fatal(err)
	}
	o := f.Options[0]
	if f.Mode != "loadbalance" || len(f.Options) != 2 || o.Provider != "openai" || o.APIKey != "k" || !*o.Cache || *o.MaxAge != 600 || o.CacheStatus != "semantic" ||
		!o.ForceRefresh || o.TraceID != "t" || o.Metadata["_user"] != "u" || o.Metadata["n"] != "7" || *o.Weight != 0.2 || o.Retry.Attempts != 2 ||
		o.Retry.OnStatusCodes[0] != 429 || o.Organization != "org" || o.RequestTimeout != 1.5 {
		t.Errorf("got %+v", f)
	}
	if o := f.Options[1]; o.VirtualKey != "v" || *o.Cache || *o.MaxAge != 60 || o.Deployment != "d" || o.Resource != "r" || o.APIVersion != "a" {
		t.Errorf("got %+v", o)
	}
	if got := string(f.Body(0)); got != `{"messages":[{"role":"user","content":"hi"}],"temperature":0.50,"stream":true,"model":"m","stop":["x"]}` {
		t.Errorf("got %s", got)
	}
	if got := string(f.Body(1)); got != `{"messages":[{"role":"user","content":"hi"}],"temperature":1,"top_k":3,"stream":true}` {
		t.Errorf("got %s", got)
	}
}

func TestFirstRefused(t *testing.T) {
	option := func(members string) string {
		return `{"config":{"mode":"single","options":[{"provider":"openai"},{"provider":"openai",` + members + `}]},"params":{}}`
	}
	for body, path := range map[string]string{
		`{"params":{}}`: "config",
		`{"config":{"mode":"single","options":[{"provider":"p"}]}}`:                                                     "params",
		`{"config":{"mode":"single","options":[{"provider":"p"}]},"params":[]}`:                                         "params",
		`{"config":{"mode":"single","options":[{"provider":"p"}]},"params":{},"x":1}`:                                   "x",
		`{"config":{"options":[{"provider":"p"}]},"params":{}}`:                                                         "config.mode",
		`{"config":{"mode":"proxy","options":[{"provider":"p"}]},"params":{}}`:                                          "config.mode",
		`{"config":{"mode":"single","options":[]},"params":{}}`:                                                         "config.options",
		`{"config":{"mode":"single","options":{}},"params":{}}`:                                                         "config.options",
		`{"config":{"mode":"single"},"params":{}}`:                                                                      "config.options",
		`{"config":{"mode":"single","targets":[]},"params":{}}`:                                                         "config.targets",
		`{"config":{"mode":"single","options":[{}]},"params":{}}`:                                                       "config.options[0].provider",
		`{"config":{"mode":"single","options":[7]},"params":{}}`:                                                        "config.options[0]",
		`{"config":{"mode":"ab_test","options":[{"provider":"p","weight":0},{"provider":"p","weight":0}]},"params":{}}`: "config.options[0].weight",
		option(`"weight":-1`):                                         "config.options[1].weight",
		option(`"weight":"1"`):                                        "config.options[1].weight",
		option(`"cache":"yes"`):                                       "config.options[1].cache",
		option(`"cache_status":"sometimes"`):                          "config.options[1].cache_status",
		option(`"cache_age":"max-age=x"`):                             "config.options[1].cache_age",
		option(`"cache_age":-5`):                                      "config.options[1].cache_age",
		option(`"cache_force_refresh":1`):                             "config.options[1].cache_force_refresh",
		option(`"metadata":[]`):                                       "config.options[1].metadata",
		option(`"metadata":{"a":{}}`):                                 "config.options[1].metadata.a",
		option(`"metadata":{"a":"` + strings.Repeat("é", 129) + `"}`): "config.options[1].metadata.a",
		option(`"retry":{"attempts":6}`):                              "config.options[1].retry.attempts",
		option(`"retry":{"on_status_codes":[429,7]}`):                 "config.options[1].retry.on_status_codes[1]",
		option(`"retry":{"times":1}`):                                 "config.options[1].retry.times",
		option(`"override_params":"m"`):                               "config.options[1].override_params",
		option(`"override_params":{"timeout":"x"}`):                   "config.options[1].override_params.timeout",
		option(`"trace_id":7`):                                        "config.options[1].trace_id",
		option(`"cache_agee":7`):                                      "config.options[1].cache_agee",
	} {
		_, err := ReadFirst([]byte(body))
		var fe *FieldError
		if !errors.As(err, &fe) || fe.Path != path {
			t.Errorf("%s: got %v, want one of %s", body, err, path)
		}
	}
	if _, err := ReadFirst([]byte(`{"config"`)); !errors.As(err, new(*SyntaxError)) {
		t.Errorf("got %v", err)
	}
}

func FuzzFirst(f *testing.F) {
	f.Add([]byte(`{"config":{"mode":"single","options":[{"provider":"openai","cache_age":"max-age=6","retry":{"attempts":1,"on_status_codes":[500]},"metadata":{"a":1},"override_params":{"model":"m","stop_sequences":[]}}]},"params":{"prompt":"x","stop":"y"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		first, err := ReadFirst(body)
		if err != nil {
			if !errors.As(err, new(*SyntaxError)) && !errors.As(err, new(*FieldError)) {
				t.Fatal(err)
			}
			return
		}
		for i := range first.Options {
			if _, err := object(first.Body(i)); err != nil {
				t.Fatalf("%v: %s", err, first.Body(i))
			}
		}
	})
}
