package proxy

import (
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/route"
)

// CheckRequestConfig reports what is wrong with the text of a request config, as a request that brought it would be told:
// an error that names the path, or nil. Only its form is checked: which providers, keys and hosts there are, a running
// server knows.
func CheckRequestConfig(text []byte) error {
	s := &Server{}
	checks := s.checks()
	checks.Provider, checks.VirtualKey, checks.Host = nil, nil, nil
	_, err := route.Parse(text, nil, checks)
	var e *route.Error
	if errors.As(err, &e) {
		return e
	}
	return err
}

// cacheSchema is what parseCache reads.
const cacheSchema = `{"type":"object","additionalProperties":false,"properties":{
	"mode":{"enum":["simple","semantic","threshold","shadow","off"]},"max_age":{"type":"number","minimum":0},"ttl":{"type":"number","exclusiveMinimum":0},
	"force_refresh":{"type":"boolean"},"namespace":{"type":"string"},"threshold":{"type":"number","exclusiveMinimum":0,"maximum":1},
	"max_error":{"type":"number","exclusiveMinimum":0,"maximum":1},"conversation":{"enum":["strict","judged","last_turn"]},
	"semantic_last_turn_only":{"type":"boolean"},"ignore_system":{"type":"boolean"},"vary_by":{"type":"array","maxItems":16,"items":{"type":"string"}}}}`

// RequestConfigSchema returns the JSON Schema of a request config, as the header x-portkey-config brings it.
func RequestConfigSchema() []byte { return route.Schema(jsontext.Value(cacheSchema)) }
