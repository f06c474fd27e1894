package wire

import (
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// First is a request of the first Portkey SDK (portkey-ai 0.1), which has its configuration in the body.
type First struct {
	Config jsontext.Value // where the request goes, for whoever routes it to judge
	Body   []byte         // the request itself, as OpenAI's API takes it
}

// FieldError is a member of a request that cannot be what it is.
type FieldError struct {
	Path    string // as config.options[1].weight
	Message string // what is wrong, and what to write instead
}

// Error names the member.
func (e *FieldError) Error() string { return e.Path + " " + e.Message }

// FirstOnly are the parameters of the first SDK that are for the gateway and not for a provider.
var FirstOnly = []string{"timeout", "retry_settings", "organization"}

// ReadFirst reads a request body. The error is a *SyntaxError or a *FieldError.
func ReadFirst(body []byte) (*First, error) {
	ms, err := object(body)
	if err != nil {
		return nil, syntaxError(err, len(body))
	}
	for _, m := range ms {
		if m.name != "config" && m.name != "params" {
			return nil, &FieldError{strict.Shown(m.name), "is not a known field: the known ones are config, params"}
		}
	}
	config, params := find(ms, "config"), find(ms, "params")
	for _, m := range [...]member{{name: "config", value: config}, {name: "params", value: params}} {
		switch {
		case m.value == nil:
			return nil, &FieldError{m.name, `is missing: the body is {"config": {…}, "params": {…}}`}
		case m.value.Kind() != jsontext.KindBeginObject:
			return nil, &FieldError{m.name, "is not an object"}
		}
	}
	ps, err := object(params)
	if err != nil {
		return nil, &FieldError{"params", "is not an object"}
	}
	merged := newTree()
	for _, m := range ps {
		switch {
		case isNull(m.value), slices.Contains(FirstOnly, m.name):
		case m.name == "stop_sequences": // which the SDK calls otherwise
			if s := find(ps, "stop"); s == nil || isNull(s) {
				merged.set("stop", m.value)
			}
		default:
			merged.set(m.name, m.value)
		}
	}
	return &First{Config: config.Clone(), Body: merged.append(nil)}, nil
}
