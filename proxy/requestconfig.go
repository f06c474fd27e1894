package proxy

import (
	"errors"

	"github.com/reprise-cache/reprise/proxy/internal/route"
	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// CheckRequestConfig reports what is wrong with the text of a request config, as a request that brought it would be told:
// errors that name the path, joined, or nil. Only its form is checked: which providers, keys, hosts and saved configs there
// are, a running server knows.
func CheckRequestConfig(text []byte) error {
	_, err := route.Parse(text, nil, formChecks())
	return errors.Join(strict.All(err)...)
}

// formChecks are those that need no server.
func formChecks() route.Checks { return route.Checks{Cache: checkCache} }

// RequestConfigSchema returns the JSON Schema (draft 2020-12) of a request config, as the header x-portkey-config brings it.
func RequestConfigSchema() []byte { return route.Schema(controls.Schema()) }
