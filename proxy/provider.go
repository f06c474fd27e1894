package proxy

import (
	"bytes"
	"net/http"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"
)

// providers is the table of those that are configured.
type providers struct {
	byName map[string]*Provider
	names  string // of all, for error messages
	first  *Provider

	anthropic *Provider // of requests on Anthropic's paths that name none
}

func newProviders(cfg *Config) *providers {
	t := &providers{byName: make(map[string]*Provider, len(cfg.Providers))}
	var names []string
	for _, p := range cfg.Providers {
		p.BaseURL = strings.TrimRight(p.BaseURL, "/")
		t.byName[p.Name] = &p
		names = append(names, p.Name)
	}
	slices.Sort(names)
	t.names = strings.Join(names, ", ")
	t.first = t.byName[cfg.Default]
	t.anthropic = t.first
	if cfg.Anthropic != "" {
		t.anthropic = t.byName[cfg.Anthropic]
	} else if i := slices.IndexFunc(cfg.Providers, func(p Provider) bool { return p.Kind == Anthropic }); i >= 0 {
		t.anthropic = t.byName[cfg.Providers[i].Name]
	}
	return t
}

// choose returns the provider that the request names, or the default one of its path.
func (t *providers) choose(d *directives, path string) (*Provider, *apiError) {
	if d.provider == "" {
		if isAnthropic(path) {
			return t.anthropic, nil
		}
		return t.first, nil
	}
	if p := t.byName[d.provider]; p != nil {
		return p, nil
	}
	_, name := d.fields.get(ownProvider)
	return nil, badRequest("unknown_provider", name, "unknown provider %.64q: the known ones are %s", d.provider, t.names)
}

// hopByHop are the headers that concern one connection only (RFC 9110, section 7.6.1), and those that the transport
// writes itself.
var hopByHop = map[string]bool{
	"Connection": true, "Proxy-Connection": true, "Keep-Alive": true, "Te": true, "Trailer": true, "Upgrade": true,
	"Transfer-Encoding": true, "Proxy-Authenticate": true, "Proxy-Authorization": true,
	"Content-Length": true, "Host": true, "Expect": true,
}

// callerCredentials are the headers that a provider with a key of its own must not be sent.
var callerCredentials = map[string]bool{"Authorization": true, "X-Api-Key": true, "Api-Key": true, "Cookie": true}

// forwarded copies the request's headers as the provider is to see them.
func (p *Provider) forwarded(h *fasthttp.RequestHeader) http.Header {
	out := http.Header{}
	named := connectionHeaders(h.Peek("Connection"))
	for k, v := range h.All() {
		key := string(k)
		switch {
		case hopByHop[key], named[key],
			strings.HasPrefix(key, portkeyPrefix), strings.HasPrefix(key, reprisePrefix),
			p.APIKey != "" && callerCredentials[key]:
			continue
		}
		out[key] = append(out[key], string(v))
	}
	if p.APIKey != "" {
		if p.Kind == Anthropic {
			out.Set("X-Api-Key", p.APIKey)
		} else {
			out.Set("Authorization", "Bearer "+p.APIKey)
		}
	}
	for k, v := range p.Headers {
		out.Set(k, v)
	}
	if out["User-Agent"] == nil {
		out["User-Agent"] = []string{""} // or the transport would name itself
	}
	return out
}

// connectionHeaders are the further hop-by-hop headers that a Connection header lists.
func connectionHeaders(v []byte) map[string]bool {
	if len(v) == 0 {
		return nil
	}
	named := map[string]bool{}
	for f := range bytes.SplitSeq(v, []byte(",")) {
		named[http.CanonicalHeaderKey(string(bytes.TrimSpace(f)))] = true
	}
	return named
}
