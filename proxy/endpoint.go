package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/egress"
	"github.com/reprise-cache/reprise/proxy/internal/keys"
	"github.com/reprise-cache/reprise/proxy/internal/providers"
	"github.com/reprise-cache/reprise/proxy/internal/route"
)

// endpoint is where a target leads, and with what.
type endpoint struct {
	provider   string // its name, as clients are told it
	row        *providers.Row
	base       string // "": the row's own
	headers    map[string]string
	deployment providers.Deployment

	key     string // in place of the caller's credential; "": there is none
	brought bool   // the caller's config brought the key
	virtual string // the name of the key to ask for; "": none, or the caller's config brought one
	custom  bool   // the caller chose the host
}

// keyless reports whether the caller's own credential is what lets the call in.
func (e *endpoint) keyless() bool { return e.key == "" && e.virtual == "" }

// endpoint finds where a target leads. The error is an *apiError.
func (s *Server) endpoint(t *route.Target) (endpoint, error) {
	name := t.Provider
	e := endpoint{virtual: t.VirtualKey, key: t.APIKey, brought: t.APIKey != "",
		deployment: providers.Deployment{Resource: t.ResourceName, ID: t.DeploymentID, APIVersion: t.APIVersion}}
	if e.virtual != "" {
		owner, ok := s.virtualProvider(e.virtual)
		switch {
		case !ok:
			return e, unknownVirtualKey(e.virtual)
		case name != "" && !s.sameProvider(name, owner):
			return e, badRequest("invalid_config", "virtual_key", "the virtual key %q is for the provider %q, not for %q", shown(e.virtual), owner, shown(name))
		case t.CustomHost != "" && !e.brought:
			return e, badRequest("invalid_config", "custom_host", "a virtual key is not sent to a host of the caller's choice: give an api_key, or configure the host as a provider")
		}
		name = owner
		if e.brought { // which is sent in place of the virtual one, so that nobody may be charged for that
			e.virtual = ""
		}
	}
	p, row, ok := s.providers.find(name)
	if !ok {
		return e, s.unknownProvider(name)
	}
	e.provider, e.row = name, row
	if p != nil {
		e.provider = p.Name
		set := func(field *string, v string) {
			if *field == "" {
				*field = v
			}
		}
		set(&e.deployment.Resource, p.ResourceName)
		set(&e.deployment.ID, p.DeploymentID)
		set(&e.deployment.APIVersion, p.APIVersion)
	}
	if t.CustomHost != "" {
		// A configured key and configured headers belong to the configured host, and to no other.
		e.base, e.custom = t.CustomHost, true
		return e, nil
	}
	if p != nil {
		e.base, e.headers = p.BaseURL, p.Headers
		if e.keyless() {
			e.key = p.APIKey
		}
	}
	return e, nil
}

func (s *Server) virtualProvider(name string) (string, bool) {
	if s.cfg.VirtualKeys == nil {
		return "", false
	}
	return s.cfg.VirtualKeys.Provider(name)
}

// sameProvider reports whether two names, aliases included, are one provider's.
func (s *Server) sameProvider(a, b string) bool {
	pa, ra, oka := s.providers.find(a)
	pb, rb, okb := s.providers.find(b)
	return a == b || oka && okb && pa == pb && (pa != nil || ra == rb)
}

func unknownVirtualKey(name string) *apiError {
	return badRequest("unknown_virtual_key", "virtual_key", "unknown virtual key %q", shown(name))
}

func (s *Server) unknownProvider(name string) *apiError {
	return badRequest("unknown_provider", "provider", "unknown provider %q: the known ones are %s", shown(name), s.providers.names)
}

// checkProvider, checkVirtualKey and checkHost hold a config's words against what there is.
func (s *Server) checkProvider(name string) error {
	if _, _, ok := s.providers.find(name); !ok {
		return &route.Error{Code: "unknown_provider", Message: s.unknownProvider(name).message}
	}
	return nil
}

func (s *Server) checkVirtualKey(name string) error {
	if _, ok := s.virtualProvider(name); !ok {
		return &route.Error{Code: "unknown_virtual_key", Message: unknownVirtualKey(name).message}
	}
	return nil
}

func (s *Server) checkHost(base string) error {
	if s.ownHost(base) {
		return nil // what the operator configured is the operator's to reach
	}
	err := s.allowed.Check(base)
	if errors.Is(err, egress.ErrHost) {
		return &route.Error{Code: "host_not_allowed", Message: "this host is not among those that the operator allows (allowed_hosts)"}
	}
	if err != nil {
		return &route.Error{Code: "invalid_config", Message: strings.TrimPrefix(err.Error(), "egress: ")}
	}
	return nil
}

// ownHost reports whether a base URL is one of the operator's own, which private addresses are fine for.
func (s *Server) ownHost(base string) bool {
	for _, p := range s.providers.byName {
		if p.BaseURL == base {
			return true
		}
	}
	return false
}

// plan is what becomes of a request, with what the gateway knows of its targets.
type plan struct {
	*route.Plan
	first   endpoint // of Plan.First
	callers string   // the provider whose targets are sent the caller's own credential; "": none is
	keys    []string // that a config brought, of each target that has one
	forward []string // headers that are handed on as they are
	owners  []string // of the virtual keys in whose place targets name no provider, each with its provider
	mixed   bool     // different targets may have made an answer
}

func (s *Server) newPlan(rp *route.Plan) (*plan, *apiError) {
	p := &plan{Plan: rp}
	for i, t := range rp.Leaves {
		e, err := s.endpoint(t)
		if err != nil {
			var ae *apiError
			errors.As(err, &ae)
			bad := *ae
			if place := strings.TrimPrefix(strings.TrimPrefix(t.Place(), "config"), "."); len(rp.Leaves) > 1 {
				bad.param = place + "." + bad.param
			}
			return nil, &bad
		}
		if t == rp.First {
			p.first = e
		}
		if e.keyless() && p.callers == "" {
			// One request's credential is one provider's: a config that falls back to another must not hand it on.
			p.callers = e.identity()
		}
		if e.brought && keys.LooksLike([]byte(e.key)) {
			return nil, badRequest("invalid_config", "api_key", "api_key is a key of this gateway's: give the provider's, or a virtual_key")
		}
		if e.brought {
			p.keys = append(p.keys, e.row.Auth+"\x00"+e.key)
		}
		p.forward = append(p.forward, t.Forward...)
		if t.VirtualKey != "" && t.Provider == "" {
			p.owners = append(p.owners, t.VirtualKey+"\x00"+e.provider)
		}
		p.mixed = p.mixed || i > 0 && !rp.Leaves[0].Same(t)
	}
	if p.first.row == nil { // a weight of 0 was drawn for want of any other
		e, err := s.endpoint(rp.First)
		if err != nil {
			return nil, internalError()
		}
		p.first = e
	}
	slices.Sort(p.owners)
	p.owners = slices.Compact(p.owners)
	return p, nil
}

// scope is that of the answers of the plan's targets; merged: of its only one, whose overriding members the question has. A
// target may name a virtual key alone. Whose key that is may change, and the answers of the one provider are not the other's.
func (p *plan) scope(merged bool) cache.Digest {
	scope := p.Scope
	if merged {
		scope = p.First.Bare()
	}
	if len(p.owners) == 0 {
		return scope
	}
	parts := [][]byte{[]byte("reprise/proxy/owners/1"), scope[:]}
	for _, o := range p.owners {
		parts = append(parts, []byte(o))
	}
	return cache.Hash(parts...)
}

// identity tells apart whom a credential is shown to.
func (e *endpoint) identity() string {
	if e.custom {
		return e.base
	}
	return e.provider
}

// credential digests what lets the request in at its providers as far as the caller brings it; zero where only keys of
// the operator's are used. A key in a config counts as the same key in a header would.
func (x *exchange) credential() cache.Digest {
	p := x.plan
	if p.callers != "" && len(p.keys) == 0 {
		return x.d.fields.credential()
	}
	if len(p.keys) == 0 {
		return cache.Digest{}
	}
	one := func(v string) cache.Digest {
		header, key, _ := strings.Cut(v, "\x00")
		switch header {
		case "":
			return cache.Hash([]byte("Bearer "+key), nil, nil, nil)
		case "x-api-key":
			return cache.Hash(nil, []byte(key), nil, nil)
		}
		return cache.Hash(nil, nil, []byte(key), nil)
	}
	if len(p.keys) == 1 && p.callers == "" {
		return one(p.keys[0])
	}
	var parts [][]byte
	for _, k := range p.keys {
		d := one(k)
		parts = append(parts, d[:])
	}
	if p.callers != "" {
		d := x.d.fields.credential()
		parts = append(parts, d[:])
	}
	return cache.Hash(parts...)
}

// plainHeaders are those that a host of the caller's own choice is sent without being asked to.
var plainHeaders = map[string]bool{
	"Content-Type": true, "Content-Encoding": true, "Accept": true, "Accept-Encoding": true, "User-Agent": true, "Traceparent": true, "Tracestate": true,
	"Openai-Organization": true, "Openai-Project": true, "Openai-Beta": true, "Anthropic-Version": true, "Anthropic-Beta": true,
}

// header makes the headers of a call. translated: the provider is sent another dialect than the client's. secret is that of
// the virtual key which the call is made with; "": none is.
func (s *Server) header(ctx context.Context, e *endpoint, t *route.Target, c *call, translated bool) (_ http.Header, secret string, _ error) {
	h := http.Header{}
	credential := e.keyless() && c.plan.callers == e.identity()
	for k, v := range c.header {
		switch {
		case isCredential(k):
			if !credential || e.custom && !usualCredentials[k] {
				continue
			}
		case e.custom && !plainHeaders[k]:
			continue
		case translated && (strings.HasPrefix(k, "Openai-") || strings.HasPrefix(k, "Anthropic-") || strings.HasPrefix(k, "X-Stainless-")):
			continue // they are about the dialect that the client speaks
		}
		h[k] = v
	}
	key := e.key
	if e.virtual != "" && key == "" {
		var err error
		if secret, err = s.cfg.VirtualKeys.Secret(ctx, e.virtual); err != nil {
			return nil, "", unusableVirtualKey(e.virtual, err)
		}
		key = secret
	}
	if key != "" {
		e.row.Authorize(h, key)
	} else if translated || e.row.Auth == "api-key" {
		e.row.Adopt(h)
	}
	e.row.Require(h)
	if t.Organization != "" {
		h.Set("Openai-Organization", t.Organization)
	}
	if t.Project != "" {
		h.Set("Openai-Project", t.Project)
	}
	for _, k := range t.Forward {
		if v := c.header[k]; v != nil {
			h[k] = v
		}
	}
	for k, v := range e.headers { // over whatever the caller says
		h.Set(k, v)
	}
	if h["User-Agent"] == nil {
		h["User-Agent"] = []string{""} // or the transport would name itself
	}
	return h, secret, nil
}

func unusableVirtualKey(name string, err error) error {
	var known *apiError
	if errors.As(err, &known) {
		return err
	}
	return forbidden("virtual_key_unusable", "virtual_key", fmt.Sprintf("the virtual key %.64q cannot be used: %v", name, err))
}
