package proxy

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestCheckRequestConfig(t *testing.T) {
	if err := CheckRequestConfig([]byte(`{"targets":[{"provider":"any","virtual_key":"any","cache":{"mode":"simple"}}]}`)); err != nil {
		t.Error(err)
	}
	for text, path := range map[string]string{`{"targets":[{"weight":-1}]}`: "targets[0].weight", `{"cache":{"age":1}}`: "cache.age", `{`: "not valid JSON"} {
		if err := CheckRequestConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v", text, err)
		}
	}
}

// TestCacheSchema holds the schema of the cache object against what is read.
func TestCacheSchema(t *testing.T) {
	var s struct {
		Properties map[string]struct {
			Enum []string
			Type string
		}
	}
	if err := json.Unmarshal([]byte(cacheSchema), &s); err != nil {
		t.Fatal(err)
	}
	for name, p := range s.Properties {
		value := map[string]string{"number": "0.5", "boolean": "true", "string": `"x"`, "array": `["metadata.x"]`}[p.Type]
		for _, e := range p.Enum {
			if err := CheckRequestConfig([]byte(`{"cache":{"` + name + `":"` + e + `"}}`)); err != nil {
				t.Errorf("%s %s: %v", name, e, err)
			}
		}
		if value != "" {
			if err := CheckRequestConfig([]byte(`{"cache":{"` + name + `":` + value + `}}`)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
