package proxy

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/reprise-cache/reprise/proxy/internal/keys"
)

// maxPage is the most that one page of a list has.
const maxPage = 1000

// lister makes pages of a list that is in order.
type lister[T any] struct {
	id      func(*T) string
	byID    bool                                     // the order is that of the ids, so that a page may begin where one was that is gone
	filters map[string]func(*T, string) (bool, bool) // by parameter: whether an item is wanted; and whether the value makes sense
	values  map[string]string                        // what a filter's value may be, as a complaint has it
}

// page returns what a query asks for: all, without a limit. next is the cursor of the page after it; "": there is none.
func (l *lister[T]) page(q url.Values, all []T) (items []T, next string, _ *apiError) {
	limit, start := len(all), 0
	for _, name := range slices.Sorted(maps.Keys(q)) {
		v := q[name][0]
		_, filters := l.filters[name]
		switch {
		case len(q[name]) > 1:
			return nil, "", badRequest("invalid_parameter", shown(name), "%s: it is given twice", shown(name))
		case name == "limit":
			n, err := strconv.Atoi(v)
			if err != nil || n < 1 || n > maxPage {
				return nil, "", badRequest("invalid_parameter", name, "limit is %q: use 1 to %d", shownWord(v), maxPage)
			}
			limit = n
		case name == "cursor":
			start = slices.IndexFunc(all, func(x T) bool { return l.id(&x) == v || l.byID && l.id(&x) > v })
			switch {
			case start < 0 && l.byID:
				start = len(all)
			case start < 0:
				return nil, "", badRequest("invalid_parameter", name, "cursor is %q: use the next_cursor of the page before", shown(v))
			case l.id(&all[start]) == v:
				start++
			}
		case !filters:
			return nil, "", badRequest("invalid_parameter", "", "unknown parameter %q: use %s", shown(name), strings.Join(l.params(), ", "))
		}
	}
	items = []T{}
	for i := start; i < len(all); i++ {
		wanted := true
		for name, filter := range l.filters {
			if !q.Has(name) {
				continue
			}
			holds, sense := filter(&all[i], q.Get(name))
			if !sense {
				return nil, "", badRequest("invalid_parameter", name, "%s is %q: use one of %s", name, shownWord(q.Get(name)), l.values[name])
			}
			wanted = wanted && holds
		}
		if !wanted {
			continue
		}
		if len(items) == limit {
			return items, l.id(&items[limit-1]), nil
		}
		items = append(items, all[i])
	}
	return items, "", nil
}

func (l *lister[T]) params() []string {
	return append(slices.Sorted(maps.Keys(l.filters)), "limit", "cursor")
}

// listed is the answer that a page is in.
func listed[T any](name string, items []T, next string) map[string]any {
	out := map[string]any{name: items}
	if next != "" {
		out["next_cursor"] = next
	}
	return out
}

var gatewayList = lister[keys.GatewayInfo]{
	id: func(k *keys.GatewayInfo) string { return k.ID },
	filters: map[string]func(*keys.GatewayInfo, string) (bool, bool){
		"label": func(k *keys.GatewayInfo, v string) (bool, bool) { return k.Label == v, true },
		"scope": func(k *keys.GatewayInfo, v string) (bool, bool) {
			return slices.Contains(k.Scopes, v), slices.Contains(keys.ScopeNames(), v)
		},
		"state": func(k *keys.GatewayInfo, v string) (bool, bool) {
			state := "good"
			switch {
			case !k.Revoked.IsZero():
				state = "revoked"
			case !k.Expires.IsZero() && !time.Now().Before(k.Expires):
				state = "expired"
			}
			return state == v, v == "good" || v == "expired" || v == "revoked"
		},
	},
	values: map[string]string{"scope": strings.Join(keys.ScopeNames(), ", "), "state": "good, expired, revoked"},
}

var virtualList = lister[keys.VirtualInfo]{
	id: func(v *keys.VirtualInfo) string { return v.Name }, byID: true,
	filters: map[string]func(*keys.VirtualInfo, string) (bool, bool){
		"label":    func(k *keys.VirtualInfo, v string) (bool, bool) { return k.Label == v, true },
		"provider": func(k *keys.VirtualInfo, v string) (bool, bool) { return k.Provider == v, true },
	},
}

var configList = lister[ConfigVersion]{id: func(c *ConfigVersion) string { return c.ID }, byID: true}

// adminIndex lists what there is, from the table that serves it.
func adminIndex(_ *Server, c *adminCall) *apiError {
	type endpoint struct {
		Method string `json:"method"`
		Path   string `json:"path"`
		Scope  string `json:"scope"`
	}
	out := []endpoint{}
	for _, r := range adminRoutes {
		out = append(out, endpoint{r.method, adminPath + r.pattern, r.scope.String()})
	}
	return c.reply(200, map[string]any{"endpoints": out})
}
