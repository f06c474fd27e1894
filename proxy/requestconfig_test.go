package proxy

import (
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
