package config

import (
	"encoding/json"
	"strings"
)

// Schema returns the JSON Schema (draft 2020-12) of the configuration file, made from the keys. Where a number may be written as
// text, as the environment has to, the schema asks for the number.
func Schema() []byte {
	root := section()
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Reprise configuration"
	for _, k := range keys {
		at := root
		parts := strings.Split(k.Path, ".")
		for i, part := range parts[:len(parts)-1] {
			if part == anyName {
				at = below(at, "patternProperties", sections[strings.Join(parts[:i], ".")].rule.String())
				continue
			}
			at = below(at, "properties", part)
		}
		leaf := k.schema()
		leaf["description"] = k.Doc
		if k.Default != "" {
			leaf["default"] = k.written()
		}
		group(at, "properties")[parts[len(parts)-1]] = leaf
	}
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic(err) // maps of text and numbers always are JSON
	}
	return out
}

// section is the schema of an object whose members are known. One that is empty is written as nothing.
func section() map[string]any {
	return map[string]any{"type": []string{"object", "null"}, "additionalProperties": false}
}

func group(at map[string]any, of string) map[string]any {
	if at[of] == nil {
		at[of] = map[string]any{}
	}
	return at[of].(map[string]any)
}

// below is the section of a name, which is made if it is not there.
func below(at map[string]any, of, name string) map[string]any {
	g := group(at, of)
	if g[name] == nil {
		g[name] = section()
	}
	return g[name].(map[string]any)
}

// schema is that of the key's values. A key that is written without a value is as good as absent.
func (k Key) schema() map[string]any {
	text := func(pattern string) map[string]any {
		return map[string]any{"type": []string{"string", "null"}, "pattern": pattern}
	}
	number := func(typ string) map[string]any {
		s := map[string]any{"type": []string{typ, "null"}, "minimum": k.Min}
		if k.Max != 0 {
			s["maximum"] = k.Max
		}
		return s
	}
	switch k.Kind {
	case KindBool:
		return map[string]any{"type": []string{"boolean", "null"}}
	case KindInt:
		return number("integer")
	case KindFloat:
		return number("number")
	case KindDuration:
		// Whether zero is one; how short and how long one may be a pattern cannot say.
		one := `([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)`
		forms := append([]string{`\+?(` + one + `)+`, `[0-9]{1,5}d`}, k.Words...)
		s := text("^(" + strings.Join(forms, "|") + ")$")
		switch {
		case k.Min == 0:
		case len(k.Words) > 0:
			s["not"] = map[string]any{"pattern": `^[0-9.]`, "not": map[string]any{"pattern": `[1-9]`}}
		default:
			s["not"] = map[string]any{"pattern": `^[^1-9]*$`}
		}
		return s
	case KindSize:
		of := text(`^[0-9]+ *(KiB|MiB|GiB|KB|MB|GB|B)?$`)
		of["type"] = []string{"integer", "string", "null"}
		of["minimum"] = k.Min
		if k.Max != 0 {
			of["maximum"] = k.Max
		}
		return of
	case KindEnum:
		of := []any{nil}
		for _, word := range k.Enum {
			of = append(of, word)
		}
		return map[string]any{"enum": of}
	case KindURL:
		return text(`^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@\s]+(/[^?#\s]*)?$`)
	case KindAddress:
		return text(`^(\[[^\]]*\]|[^:]*):[0-9]{1,5}$`)
	}
	return map[string]any{"type": []string{"string", "null"}}
}

// written is the default as a file would have it.
func (k Key) written() any {
	switch v, _ := k.parse(k.Default); v.(type) {
	case bool, float64:
		return v
	case int64:
		if k.Kind == KindInt {
			return v
		}
	}
	return k.Default
}
