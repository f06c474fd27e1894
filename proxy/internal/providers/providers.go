package providers

import (
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
)

// Form is the family of APIs that a provider's belongs to.
type Form string

const (
	OpenAI    Form = "" // OpenAI's paths and dialects
	Azure     Form = "azure"
	Anthropic Form = "anthropic"
	Cohere    Form = "cohere"
)

// Row is one provider.
type Row struct {
	Name       string            `json:"name"`
	Source     string            `json:"source"` // the provider's own page that says so
	Aliases    []string          `json:"aliases"`
	Form       Form              `json:"form"`
	BaseURL    string            `json:"base_url"` // "": there is no public one, the operator has to give it
	Auth       string            `json:"auth"`     // the header of the key: "" is authorization, with a bearer token
	Headers    map[string]string `json:"headers"`  // set where the request does not have them
	APIVersion string            `json:"api_version"`
	Paths      map[string]string `json:"paths"`    // what stands in the base URL's place or after it, by the path; "": all others
	Rename     map[string]string `json:"rename"`   // members of a request that have another name here
	Messages   bool              `json:"messages"` // speaks Anthropic's Messages too
	Refuses    []string          `json:"refuses"`  // members of a request that other providers know and this one refuses
}

//go:embed table.json
var tableJSON []byte

// Table is all providers.
var Table = mustRead(tableJSON)

var byName = func() map[string]*Row {
	m := map[string]*Row{}
	for i := range Table {
		r := &Table[i]
		for _, n := range append([]string{r.Name}, r.Aliases...) {
			m[n] = r
		}
	}
	return m
}()

func mustRead(src []byte) (rows []Row) {
	if err := json.Unmarshal(src, &rows, json.RejectUnknownMembers(true)); err != nil {
		panic(fmt.Sprintf("providers: table.json: %v", err)) // it is part of the binary, and a test reads it
	}
	return rows
}

// Get returns the row of a provider by its name or an alias; nil if it is not in the table.
func Get(name string) *Row { return byName[name] }

// At returns the name of the provider whose address has that scheme and host; "" if there is none.
func At(scheme, host string) string {
	for _, r := range Table {
		if u, err := url.Parse(r.BaseURL); err == nil && u.Host != "" && u.Scheme == scheme && strings.EqualFold(u.Host, host) {
			return r.Name
		}
	}
	return ""
}

// Names lists the providers, sorted, without aliases.
func Names() []string {
	var out []string
	for _, r := range Table {
		out = append(out, r.Name)
	}
	slices.Sort(out)
	return out
}

// Deployment is what a URL of Azure's needs beside the path.
type Deployment struct {
	Resource, ID, APIVersion string
}

// ErrMissing: something that the provider's URL is made of was not given. The error that wraps it says what.
var ErrMissing = errors.New("providers: missing")

// URL returns where a request goes: path is below OpenAI's or Anthropic's version, with its slash, and query is without
// its question mark. base, if not "", stands in for the row's own.
func (r *Row) URL(base, path, query string, d Deployment) (string, error) {
	own := base == ""
	if own {
		base = r.BaseURL
	}
	if base == "" {
		return "", fmt.Errorf("%w: provider %q has no public address: configure its base_url", ErrMissing, r.Name)
	}
	if r.Form == Azure {
		if strings.Contains(base, "{resource_name}") {
			if d.Resource == "" {
				return "", fmt.Errorf("%w: provider %q needs resource_name", ErrMissing, r.Name)
			}
			base = strings.ReplaceAll(base, "{resource_name}", d.Resource)
		}
		if d.ID != "" {
			base += "/deployments/" + d.ID
		}
		version := d.APIVersion
		if version == "" {
			version = r.APIVersion
		}
		if query != "" {
			query += "&"
		}
		query += "api-version=" + version
	}
	if own { // a base URL that somebody gave is complete but for the path
		stead, whole := r.Paths[path], path != ""
		if !whole || stead == "" {
			stead, whole = r.Paths[""], false
		}
		if strings.Contains(stead, "://") {
			base = ""
		}
		base += stead
		if whole {
			path = ""
		}
	}
	return join(base, path, query), nil
}

func join(base, path, query string) string {
	if query != "" {
		query = "?" + query
	}
	return strings.TrimRight(base, "/") + path + query
}

// Authorize sets the key, in the way of the provider.
func (r *Row) Authorize(h http.Header, key string) {
	if r.Auth == "" {
		h.Set("Authorization", "Bearer "+key)
		return
	}
	h.Set(r.Auth, key)
}

// Require sets the headers that the provider insists on, where they are missing.
func (r *Row) Require(h http.Header) {
	for k, v := range r.Headers {
		if h.Get(k) == "" {
			h.Set(k, v)
		}
	}
}

// Adopt moves the caller's own key to where this provider looks for it. OpenAI's clients send a bearer token to whatever
// provider they think they talk to, and Anthropic's an x-api-key.
func (r *Row) Adopt(h http.Header) {
	scheme, bearer, _ := strings.Cut(h.Get("Authorization"), " ")
	isBearer := strings.EqualFold(scheme, "Bearer") // in any case: RFC 9110, section 11.1
	switch {
	case r.Auth == "" && h.Get("Authorization") == "" && h.Get("X-Api-Key") != "":
		h.Set("Authorization", "Bearer "+h.Get("X-Api-Key"))
		h.Del("X-Api-Key")
	case r.Auth != "" && h.Get(r.Auth) == "" && isBearer && !(r.Form == Anthropic && strings.HasPrefix(bearer, "sk-ant-oat")):
		h.Set(r.Auth, bearer) // but for Anthropic's own bearer tokens, which are meant to be one
		h.Del("Authorization")
	}
}
