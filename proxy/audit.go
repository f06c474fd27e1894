package proxy

import (
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/requestlog"
)

// audited reports whether the request is one that the request log keeps as a change of the gateway: to the admin API, by
// somebody who is known, and for more than to look. Those that were refused are kept, too.
func (x *exchange) audited() bool {
	return x.who.id != "" && x.method != http.MethodGet && strings.HasPrefix(x.path, adminPath)
}

// did notes a fact of a change.
func did(field string, to any) requestlog.Change {
	return requestlog.Change{Field: field, To: valueOf(to)}
}

// difference lists what a change made of was. Neither may hold a secret.
func difference(was, is any) []requestlog.Change {
	return requestlog.Difference(membersOf(was), membersOf(is))
}

func membersOf(v any) (m map[string]jsontext.Value) {
	_ = json.Unmarshal(valueOf(v), &m) // of what this package made: an object
	return m
}

// valueOf is v in JSON; what cannot be written so is left out, because a record is worth less than the change that it is of.
func valueOf(v any) jsontext.Value {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return nil
	}
	return b
}
