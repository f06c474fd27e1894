package proxy

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// compile has a well-known validator read a schema.
func compile(t *testing.T, text []byte) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fits(t *testing.T, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err // what is no JSON has no schema
	}
	return s.Validate(doc)
}

// examples are the request configs of testdata, by their names.
func examples(t *testing.T) map[string][]byte {
	files, err := filepath.Glob("testdata/configs/*.json")
	if err != nil || len(files) < 5 {
		t.Fatalf("examples: %v, %v", files, err)
	}
	out := map[string][]byte{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(f)] = text
	}
	return out
}

func TestRequestConfigSchema(t *testing.T) {
	s := compile(t, RequestConfigSchema())
	for name, text := range examples(t) {
		if err := CheckRequestConfig(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := fits(t, s, text); err != nil {
			t.Errorf("%s does not fit the schema: %v", name, err)
		}
	}
	for _, text := range []string{
		`{"wieght":1}`, `{"targets":[{},{"weight":-1}]}`, `{"targets":[{},{"weight":"x"}]}`, `{"targets":[]}`, `{"targets":{}}`, `{"options":[]}`,
		`{"strategy":{"mode":"loadbalance"},"targets":[{"weight":0},{"weight":0}]}`, `{"mode":"ab_test","options":[{"weight":0}]}`,
		`{"strategy":{"mode":"round"}}`, `{"strategy":{"mode":"fallback"}}`, `{"strategy":{"on_status_codes":[99]},"targets":[{}]}`,
		`{"strategy":{"sticky_by":"moon"},"targets":[{}]}`, `{"strategy":{"moda":"x"}}`, `{"targets":[{}],"options":[{}]}`,
		`{"mode":"single","strategy":{"mode":"single"},"targets":[{}]}`, `{"retry":{"attempts":6}}`, `{"retry":{"attempts":1.5}}`, `{"retry":{"tries":1}}`, `{"retry":3}`,
		`{"request_timeout":0}`, `{"request_timeout":86400001}`, `{"forward_headers":["host"]}`, `{"forward_headers":["HOST"]}`, `{"forward_headers":["x-portkey-api-key"]}`,
		`{"forward_headers":["a b"]}`, `{"override_params":{"stream":true}}`, `{"override_params":[]}`, `{"resource_name":"evil.com/#"}`, `{"deployment_id":".."}`,
		`{"cache":{"mdoe":"simple"}}`, `{"cache":7}`, `{"cache":"threshold"}`, `{"cache":{"mode":"fuzzy"}}`, `{"cache":{"max_age":-1}}`, `{"cache":{"ttl":0}}`, `{"cache":{"threshold":0}}`,
		`{"cache":{"threshold":1.1}}`, `{"cache":{"max_error":2}}`, `{"cache":{"vary_by":["cookie"]}}`, `{"cache":{"vary_by":"metadata.x"}}`, `{"cache":{"conversation":"all"}}`,
		`{"cache_age":"soon"}`, `{"cache_status":"both"}`, `{"cache_force_refresh":"perhaps"}`, `{"api_key":5}`, `{"api_key":""}`, `{"name":""}`, `{"metadata":{"a":["x"]}}`, `{"metadata":{"` + strings.Repeat("x", 129) + `":1}}`, `{"metadata":` + metadataOf(129) + `}`,
		`{"strategy":{"mode":"conditional"},"targets":[{"name":"a"}]}`, `{"strategy":{"conditions":[{"query":{"metadata.x":1},"then":"a"}]},"targets":[{"name":"a"}]}`,
		`{"strategy":{"mode":"conditional","conditions":[]},"targets":[{"name":"a"}]}`, `{"strategy":{"mode":"conditional","conditions":[{"then":"a"}]},"targets":[{"name":"a"}]}`,
		`{"strategy":{"mode":"conditional","conditions":[{"query":{"header.x":1},"then":"a"}]},"targets":[{"name":"a"}]}`,
		`{"strategy":{"mode":"conditional","conditions":[{"query":{"metadata.x":{"$near":1}},"then":"a"}]},"targets":[{"name":"a"}]}`,
		`{"strategy":{"mode":"conditional","conditions":[{"query":{"metadata.x":{"$gt":true}},"then":"a"}]},"targets":[{"name":"a"}]}`,
		`{"strategy":{"mode":"conditional","conditions":[{"query":{"$and":[{"params.x":{"$in":5}}]},"then":"a"}]},"targets":[{"name":"a"}]}`,
		`{"custom_host":"https://user:secret@x.test"}`, `{"custom_host":"x.test"}`, `{"custom_host":"ftp://x.test"}`, `{"custom_host":"https://x.test?a=b"}`,
		`{"config":"pc-x","targets":[{}]}`, `{"config":"pc-x","virtual_key":"k"}`, `{"config":""}`, `[]`, `"x"`, `null`,
	} {
		if err := CheckRequestConfig([]byte(text)); err == nil {
			t.Errorf("%s is read", text)
		}
		if err := fits(t, s, []byte(text)); err == nil {
			t.Errorf("%s fits the schema", text)
		}
	}
}

// beyondSchema are the complaints that no schema can make: about what two places of a config say together, and about patterns.
var beyondSchema = []string{
	"which no target of this group is called", "is taken by another target", "give either a cache object or", "not a pattern", "would be a cycle", "is missing: fallback needs",
}

// TestSchemaAgreesWithTheReader spoils every value of every example in many ways, and expects the schema to refuse whatever
// the reader does, and to accept whatever it reads.
func TestSchemaAgreesWithTheReader(t *testing.T) {
	s := compile(t, RequestConfigSchema())
	wrong := []any{"x", "", "\x01", -1.0, 0.0, 1.0, 0.5, 7.0, 1e9, true, false, []any{}, []any{"x"}, []any{500.0}, map[string]any{}, map[string]any{"x": 1.0}, map[string]any{"mode": "simple"}}
	tried, refused := 0, 0
	for name, text := range examples(t) {
		var doc any
		if err := json.Unmarshal(text, &doc); err != nil {
			t.Fatal(err)
		}
		check := func() {
			spoilt, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			tried++
			readErr, schemaErr := CheckRequestConfig(spoilt), fits(t, s, spoilt)
			if readErr != nil {
				refused++
			}
			beyond := readErr != nil && slices.ContainsFunc(beyondSchema, func(m string) bool { return strings.Contains(readErr.Error(), m) })
			if (readErr == nil) != (schemaErr == nil) && !beyond {
				t.Errorf("%s: %s\nreader: %v\nschema: %v", name, spoilt, readErr, schemaErr)
			}
		}
		spoil(doc, func(any) {}, wrong, check)
	}
	t.Logf("%d configs, %d of them refused", tried, refused)
	if tried < 1000 || refused < tried/3 {
		t.Errorf("%d configs, %d refused: the examples are too few to say anything", tried, refused)
	}
}

// spoil calls check with each value below v replaced by each wrong one, each member left out, and a strange member put in.
func spoil(v any, set func(any), wrong []any, check func()) {
	for _, w := range wrong {
		set(w)
		check()
	}
	set(v)
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			was := v[k]
			delete(v, k)
			check()
			v[k] = was
			spoil(was, func(x any) { v[k] = x }, wrong, check)
		}
		v["strange"] = 1.0
		check()
		delete(v, "strange")
	case []any:
		for i := range v {
			spoil(v[i], func(x any) { v[i] = x }, wrong, check)
		}
	}
}
