package config

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// validator has a well-known validator read the schema.
func validator(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(Schema()))
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

// fits holds a configuration file against the schema, as an editor does.
func fits(t *testing.T, s *jsonschema.Schema, text string) error {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		return err
	}
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(doc)
}

func TestSchemaFitsFiles(t *testing.T) {
	s := validator(t)
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v", files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := fits(t, s, string(text)); err != nil {
			t.Errorf("%s: %v", f, err)
		}
		// What is printed is a file, too.
		c := mustLoad(t, Sources{File: f, Env: []string{"TEAM_OPENAI_KEY=a", "TEAM_GROQ_KEY=b"}})
		var out strings.Builder
		if err := c.Print(&out); err != nil {
			t.Fatal(err)
		}
		if err := fits(t, s, out.String()); err != nil {
			t.Errorf("%s, printed: %v\n%s", f, err, out.String())
		}
	}
	for _, text := range []string{
		"kk: 1\n", "cache:\n  thresh: 1\n", "cache:\n  namespaces:\n    a b:\n      mode: off\n", "providers:\n  My_Own:\n    base_url: http://x.test\n",
		"providers:\n  a:\n    base_ur: http://x.test\n", "cache: semantic\n", "providers: []\n", "listen: {}\n",
	} {
		if err := fits(t, s, text); err == nil {
			t.Errorf("%q fits", text)
		}
		if _, err := Load(Sources{File: file(t, text)}); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

// TestSchemaAgreesWithKeys gives every key every one of many values, and expects the schema to refuse what the reader does.
// The one thing that it cannot know is how long a duration is, and how large a size that is written with a unit.
func TestSchemaAgreesWithKeys(t *testing.T) {
	s := validator(t)
	values := []string{`"x"`, `""`, "-1", "0", "1", "0.5", "1.5", "7", "2000", "1e12", "true", "[]", "{}", "[1]", `"7"`, `"10m"`, `"0s"`, `"7d"`, `"0d"`, `"1.5h"`, `"-5s"`, `"10"`,
		`"never"`, `"10MiB"`, `"10 MiB"`, `"10Mib"`, `"http://x.test/v1"`, `"ftp://x.test"`, `"http://u:p@x.test"`, `"http://x.test?a=b"`, `"x.test:80"`, `":80"`, `"x.test:80a"`,
		`"semantic"`, `"off"`, `"strict"`, `"minilm"`, `"info"`, `"json"`, `"any"`, `"exact"`, `"stored"`, `"refuse"`, `"openai"`}
	tried, refused := 0, 0
	for _, k := range keys {
		parts := strings.Split(strings.Replace(k.Path, anyName, "some", 1), ".")
		for _, value := range values {
			text := value + "\n"
			for i := len(parts) - 1; i >= 0; i-- {
				text = parts[i] + ":\n" + indented(text)
			}
			var raw any
			if err := yaml.Unmarshal([]byte(value), &raw); err != nil {
				t.Fatal(err)
			}
			_, bad := k.parse(raw)
			tried++
			err := fits(t, s, text)
			if bad == nil {
				continue
			}
			refused++
			ranged := strings.Contains(bad.remedy, ", from ") || strings.Contains(bad.remedy, ", at least ")
			if err == nil && !(ranged && (k.Kind == KindDuration || k.Kind == KindSize && strings.HasPrefix(value, `"`))) {
				t.Errorf("%s: %s fits the schema; the reader says: %s", k.Path, value, bad.remedy)
			}
		}
	}
	t.Logf("%d values, %d of them refused", tried, refused)
}

func indented(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n  ") + "\n"
}

// TestSchemaHasEveryKey: what the reader takes by default, the schema does, and it says what each key means.
func TestSchemaHasEveryKey(t *testing.T) {
	text := string(Schema())
	for _, k := range keys {
		quoted, err := json.Marshal(k.Doc)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text, string(quoted)) {
			t.Errorf("%s is not described", k.Path)
		}
	}
}
