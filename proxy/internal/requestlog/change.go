package requestlog

import (
	"sort"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Change is one member of something that the admin API changed. Secrets are never among them.
type Change struct {
	Field string         `json:"field"`
	From  jsontext.Value `json:"from,omitzero"` // none: it was not there
	To    jsontext.Value `json:"to,omitzero"`   // none: it is gone
}

// Kind tells requests to providers and the cache from those that change the gateway.
type Kind uint8

const (
	AnyKind  Kind = iota
	Requests      // below /v1/
	Changes       // to the admin API, by who may use it, but for those that only look
)

// kind of a record.
func (r *Record) kind() Kind {
	if strings.HasPrefix(r.Path, "/admin/") {
		return Changes
	}
	return Requests
}

// Difference lists the members that two JSON objects do not have in common, by name.
func Difference(was, is map[string]jsontext.Value) []Change {
	var out []Change
	for name, v := range was {
		if string(is[name]) != string(v) {
			out = append(out, Change{name, v, is[name]})
		}
	}
	for name, v := range is {
		if _, had := was[name]; !had {
			out = append(out, Change{Field: name, To: v})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Field < out[j].Field })
	return out
}
