package route

import (
	"encoding/json"
	"testing"

	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

func TestSchemaHasEveryField(t *testing.T) {
	var s struct {
		Defs map[string]struct {
			Properties map[string]struct{ Description string }
		} `json:"$defs"`
	}
	if err := json.Unmarshal(Schema(strict.Schema{"type": "object"}), &s); err != nil {
		t.Fatal(err)
	}
	for _, f := range targetFields {
		if s.Defs["target"].Properties[f.Name].Description != f.Doc || f.Doc == "" {
			t.Errorf("%s is not in the schema, or without a word about it", f.Name)
		}
	}
	for _, name := range []string{"retry", "strategy", "cache"} {
		if _, ok := s.Defs[name]; !ok {
			t.Errorf("%s is not defined", name)
		}
	}
}
