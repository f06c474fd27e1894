package route

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Schema returns the JSON Schema (draft 2020-12) of a request config, made from the table by which configs are read. cache
// is that of the cache object, which the gateway reads.
func Schema(cache jsontext.Value) []byte {
	props := map[string]any{}
	for _, f := range targetFields {
		v := map[string]jsontext.Value{}
		if err := json.Unmarshal([]byte(f.Schema), &v); err != nil {
			panic("route: the schema of " + f.Name + " is no JSON") // a test makes it
		}
		v["description"], _ = jsontext.AppendQuote(nil, f.Doc)
		props[f.Name] = v
	}
	defs := map[string]any{
		"target": map[string]any{"type": "object", "additionalProperties": false, "properties": props},
		"retry": jsontext.Value(`{"type":"object","additionalProperties":false,"properties":{"attempts":{"type":"integer","minimum":0,"maximum":5},
			"on_status_codes":` + codeList + `,"use_retry_after_header":{"type":"boolean"}}}`),
		"strategy": jsontext.Value(`{"type":"object","additionalProperties":false,"properties":{"mode":{"enum":["single","fallback","loadbalance","ab_test","conditional"]},
			"on_status_codes":` + codeList + `,"sticky_by":{"enum":["trace","user"]},"default":{"type":"string"},
			"conditions":{"type":"array","minItems":1,"items":{"type":"object","additionalProperties":false,"required":["query","then"],
			"properties":{"query":{"type":"object","minProperties":1},"then":{"type":"string"}}}}}}`),
		"cache": cache,
	}
	out, err := json.Marshal(map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Reprise request config", "$ref": "#/$defs/target", "$defs": defs,
	}, json.Deterministic(true), jsontext.WithIndent("  "))
	if err != nil {
		panic("route: the schema is no JSON: " + err.Error())
	}
	return out
}
