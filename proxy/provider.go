package proxy

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/proxy/internal/providers"
)

// providerTable is the table of those that are configured.
type providerTable struct {
	byName map[string]*Provider
	names  string // of all, for error messages
	first  *Provider

	anthropic *Provider // of requests on Anthropic's paths that name none
}

func newProviders(cfg *Config) *providerTable {
	t := &providerTable{byName: make(map[string]*Provider, len(cfg.Providers))}
	var names []string
	for _, p := range cfg.Providers {
		p.BaseURL = strings.TrimRight(p.BaseURL, "/")
		t.byName[p.Name] = &p
		names = append(names, p.Name)
	}
	for _, n := range providers.Names() {
		if t.byName[n] == nil && providers.Get(n).BaseURL != "" {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	t.names = strings.Join(names, ", ")
	t.first = t.byName[cfg.Default]
	t.anthropic = t.first
	if cfg.Anthropic != "" {
		t.anthropic = t.byName[cfg.Anthropic]
	} else if i := slices.IndexFunc(cfg.Providers, func(p Provider) bool { return p.row().Form == providers.Anthropic }); i >= 0 {
		t.anthropic = t.byName[cfg.Providers[i].Name]
	}
	return t
}

// forPath returns the provider of a request that names none.
func (t *providerTable) forPath(path string) *Provider {
	if isAnthropic(path) {
		return t.anthropic
	}
	return t.first
}

// find returns what is known of a provider: its configuration, nil if it has none, and its row; false if it is not known
// at all, or only by a name that leads nowhere.
func (t *providerTable) find(name string) (*Provider, *providers.Row, bool) {
	p := t.byName[name]
	if p != nil {
		return p, p.row(), true
	}
	row := providers.Get(name)
	if row == nil {
		return nil, nil, false
	}
	if p = t.byName[row.Name]; p != nil {
		return p, p.row(), true
	}
	return nil, row, true
}

// row is what the table says of the provider.
func (p *Provider) row() *providers.Row {
	if p.Kind != "" {
		return providers.Get(string(p.Kind))
	}
	if row := providers.Get(p.Name); row != nil {
		return row
	}
	return &unknownRow
}

// unknownRow stands for APIs that the table does not have. They are taken to speak every dialect, because a gateway that
// does not know better should not change what it is sent.
var unknownRow = providers.Row{Messages: true}

// hopByHop are the headers that concern one connection only (RFC 9110, section 7.6.1), and those that the transport
// writes itself.
var hopByHop = map[string]bool{
	"Connection": true, "Proxy-Connection": true, "Keep-Alive": true, "Te": true, "Trailer": true, "Upgrade": true,
	"Transfer-Encoding": true, "Proxy-Authenticate": true, "Proxy-Authorization": true,
	"Content-Length": true, "Host": true, "Expect": true,
}

// clientHeaders copies the request's headers but for those that are the connection's or the gateway's, and for the gateway's own
// credentials, in whatever header they came.
func (x *exchange) clientHeaders(h *fasthttp.RequestHeader) http.Header {
	out := http.Header{}
	named := map[string]bool{}
	addConnectionHeaders(named, h.Peek("Connection"))
	for k, v := range h.All() {
		key := string(k)
		if hopByHop[key] || named[key] || strings.HasPrefix(key, portkeyPrefix) || strings.HasPrefix(key, reprisePrefix) {
			continue
		}
		if i := slices.Index(stdNames[:numCredentials], key); i >= 0 && x.d.ours[i] || isCredential(key) && x.isGatewayKey(v) {
			continue
		}
		out[key] = append(out[key], string(v))
	}
	return out
}

// addConnectionHeaders adds the further hop-by-hop headers that a Connection header lists.
func addConnectionHeaders(named map[string]bool, v []byte) {
	for f := range bytes.SplitSeq(v, []byte(",")) {
		if f = bytes.TrimSpace(f); len(f) > 0 {
			named[http.CanonicalHeaderKey(string(f))] = true
		}
	}
}
