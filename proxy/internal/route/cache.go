package route

import (
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// shortMode is a mode as the first SDK and short configs name it in place of a cache object.
var shortMode = strict.OneOf("simple", "semantic")

// readCache reads the cache object, or what the first SDK and short configs write for it: a mode's name, or whether to
// cache at all. Its members are the gateway's to judge.
func readCache(r *reading, path string, v jsontext.Value) error {
	switch v.Kind() {
	case jsontext.KindBeginObject:
	case jsontext.KindFalse:
		v = jsontext.Value(`{"mode":"off"}`)
	case jsontext.KindTrue:
		v = jsontext.Value(`{}`)
	case jsontext.KindString:
		s, err := shortMode.Read(path, v)
		if err != nil {
			return wrong(path, "give simple, semantic or a JSON object")
		}
		v = jsontext.Value(`{"mode":"` + s + `"}`)
	default:
		return wrong(path, "give a JSON object")
	}
	r.t.Cache = v
	return nil
}

var cacheAgeSchema = strict.AnyOf(strict.Schema{"type": "integer", "minimum": 0, "maximum": 1<<32 - 1},
	strict.Schema{"type": "string", "pattern": `^([Mm][Aa][Xx]-[Aa][Gg][Ee]=)? *[0-9]{1,10} *$`})

func readCacheAge(r *reading, path string, v jsontext.Value) error {
	age := string(v)
	if v.Kind() == jsontext.KindString {
		s, err := strict.ReadText(path, v)
		if err != nil {
			return err
		}
		age = strings.TrimSpace(strings.TrimPrefix(strings.ToLower(s), "max-age="))
	}
	n, err := strconv.ParseUint(age, 10, 32)
	if err != nil {
		return wrong(path, `give seconds, as 600 or "max-age=600"`)
	}
	return r.addOld("max_age", jsontext.Value(strconv.FormatUint(n, 10)))
}

// looseBool is a truth value, or its name.
var looseBool = strict.Kind[bool]{
	Schema: strict.AnyOf(strict.Bool.Schema, strict.Schema{"type": "string", "pattern": "^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[TtFf01])$"}),
	Read: func(path string, v jsontext.Value) (bool, error) {
		if v.Kind() != jsontext.KindString {
			return strict.Bool.Read(path, v)
		}
		s, _ := strict.ReadText(path, v)
		b, err := strconv.ParseBool(strings.ToLower(s))
		if err != nil {
			return false, wrong(path, "give true or false")
		}
		return b, nil
	},
}

// addOld keeps a cache member that came in the old spelling until the whole target is read.
func (r *reading) addOld(name string, v jsontext.Value) error {
	m, err := jsontext.AppendQuote(nil, name)
	r.old = append(r.old, append(append(jsontext.Value(m), ':'), v...))
	return err
}

// endCache joins the two spellings, and has the result judged.
func (r *reading) endCache() error {
	t := r.t
	if len(r.old) > 0 && string(t.Cache) != `{"mode":"off"}` {
		if t.Cache != nil && string(t.Cache) != `{}` {
			return wrong(strict.Join(r.path, "cache"), "give either a cache object or cache_status, cache_age and cache_force_refresh")
		}
		t.Cache = jsontext.Value("{")
		for i, m := range r.old {
			if i > 0 {
				t.Cache = append(t.Cache, ',')
			}
			t.Cache = append(t.Cache, m...)
		}
		t.Cache = append(t.Cache, '}')
	}
	if t.Cache == nil || r.p.checks.Cache == nil {
		return nil
	}
	return r.p.checks.Cache(strict.Join(r.path, "cache"), t.Cache)
}
