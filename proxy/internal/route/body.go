package route

import (
	"bytes"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// Body returns the body with the target's overriding members in place of its own. What is not overridden keeps its bytes.
// A body that is no JSON object is returned as it is.
func (t *Target) Body(body []byte) []byte {
	if len(t.Override) == 0 {
		return body
	}
	left := slices.Clone(t.Override)
	out, err := rewritten(body, func(w *writer, name string, v jsontext.Value) {
		if i := slices.IndexFunc(left, func(m Member) bool { return m.Name == name }); i >= 0 {
			v = left[i].Value
			left = slices.Delete(left, i, i+1)
		}
		w.member(name, v)
	}, func(w *writer) {
		for _, m := range left {
			w.member(m.Name, m.Value)
		}
	})
	if err != nil {
		return body
	}
	return out
}

// Renamed returns the body with members renamed, where it has not one of the new name already, and others dropped. The
// error says that it is no JSON object.
func Renamed(body []byte, names map[string]string, drop []string) ([]byte, error) {
	has := map[string]bool{}
	changes := false
	if err := strict.Object("", bytes.TrimSpace(body), func(name string, _ jsontext.Value) error {
		has[name] = true
		changes = changes || names[name] != "" || slices.Contains(drop, name)
		return nil
	}); err != nil || !changes {
		return body, err
	}
	return rewritten(body, func(w *writer, name string, v jsontext.Value) {
		switch stead := names[name]; {
		case slices.Contains(drop, name):
		case stead == "":
			w.member(name, v)
		case !has[stead]:
			w.member(stead, v)
		}
	}, nil)
}

type writer struct{ b []byte }

func (w *writer) member(name string, v jsontext.Value) {
	if len(w.b) > 1 {
		w.b = append(w.b, ',')
	}
	w.b, _ = jsontext.AppendQuote(w.b, name)
	w.b = append(append(w.b, ':'), v...)
}

// rewritten passes the members of an object to each, which writes what is to stand in its place, and calls last at its end.
func rewritten(body []byte, each func(w *writer, name string, v jsontext.Value), last func(w *writer)) ([]byte, error) {
	w := &writer{make([]byte, 0, len(body)+256)}
	w.b = append(w.b, '{')
	if err := strict.Object("", bytes.TrimSpace(body), func(name string, v jsontext.Value) error {
		each(w, name, v)
		return nil
	}); err != nil {
		return nil, err
	}
	if last != nil {
		last(w)
	}
	return append(w.b, '}'), nil
}
