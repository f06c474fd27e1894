package proxy

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/route"
)

// prepare makes the plans of requests that say nothing of routing, which are most.
func (s *Server) prepare() (err error) {
	if s.configs, err = newConfigs(); err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	if s.unpriced, err = lru.New[string, struct{}](configMemo); err != nil {
		return fmt.Errorf("proxy: %w", err)
	}
	for i, p := range []*Provider{s.providers.first, s.providers.anthropic} {
		cfg, err := route.Simple(&route.Target{Provider: p.Name}, s.checks())
		if err != nil {
			return fmt.Errorf("proxy: %w", err)
		}
		rp, err := cfg.Resolve(&route.Facts{}, nil)
		if err != nil {
			return fmt.Errorf("proxy: %w", err)
		}
		plan, apiErr := s.newPlan(rp)
		if apiErr != nil {
			return fmt.Errorf("proxy: provider %q: %w", p.Name, apiErr)
		}
		s.plain[i] = plan
	}
	if view := s.view(); view != nil {
		for _, id := range view.IDs() {
			// What it names may be gone, a virtual key for one. That is no reason not to serve everything else.
			if err := s.readSaved(view, id); err != nil {
				s.cfg.Logger.Warn("requests that name this saved config will be refused", "config", id, "why", oneLine(err))
			}
		}
	}
	return nil
}

// checks are what a config is held to.
func (s *Server) checks() route.Checks { return s.checksIn(s.view()) }

// choose decides where the request may go. body is what conditions ask; nil where there is none to ask.
func (x *exchange) choose(body []byte) *apiError {
	f := &x.d.fields
	if f.plain() {
		x.plan = x.s.plain[0]
		if isAnthropic(x.path) {
			x.plan = x.s.plain[1]
		}
		return nil
	}
	cfg, id, err := x.s.configOf(f, x.s.providers.forPath(x.path).Name)
	if err != nil {
		return err
	}
	x.config = id
	x.takeRequest(cfg)
	return x.follow(cfg, body)
}

// takeRequest takes from a config what the first SDK says there of the request itself. What a header says of it goes before that.
func (x *exchange) takeRequest(cfg *route.Config) {
	if v, _ := x.d.fields.get(ownTraceID); cfg.TraceID != "" && v == nil {
		x.d.trace = cfg.TraceID
	}
	if x.d.metadata == nil {
		x.d.metadata = cfg.Metadata
	}
}

// follow makes a config the request's.
func (x *exchange) follow(cfg *route.Config, body []byte) *apiError {
	facts := route.Facts{Trace: x.d.trace, Metadata: x.d.metadata, Body: body}
	rp, err := cfg.Resolve(&facts, x.s.router.Healthy)
	if err != nil {
		return configError(err)
	}
	p, apiErr := x.s.newPlan(rp)
	if apiErr != nil {
		return apiErr
	}
	x.plan = p
	if c := rp.First.Cache; c != nil {
		return x.d.parseCache("cache", c)
	}
	return nil
}

// plain reports whether no header says where the request goes.
func (f *fields) plain() bool {
	for w := ownProvider; w < numOwn; w++ {
		if f.ownSet[0][w] || f.ownSet[1][w] {
			return false
		}
	}
	return true
}

// configOf returns the config that the headers make together, and the version of a saved one that they name, as pc-x@3.
func (s *Server) configOf(f *fields, deflt string) (_ *route.Config, id string, _ *apiError) {
	view := s.view()
	checks := s.checksIn(view)
	source, self, apiErr := configSource(f, checks)
	if apiErr != nil {
		return nil, "", apiErr
	}
	checks.Self = self
	h := sha256.New()
	part := func(b []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	part([]byte(deflt))
	part(source)
	part([]byte(self))
	if view != nil { // what a config names may have changed
		part(strconv.AppendUint(nil, view.Number, 10))
	}
	for w := ownProvider; w < numOwn; w++ {
		if v, _ := f.get(w); w != ownConfig {
			part(v)
		}
	}
	if v, _ := f.get(ownVirtualKey); len(v) > 0 { // which may have been made anew, for another provider
		owner, _ := s.virtualProvider(string(v))
		part([]byte(owner))
	}
	key := [sha256.Size]byte(h.Sum(nil))
	if cfg := s.configs.get(key); cfg != nil {
		return cfg, self, nil
	}
	outer, apiErr := s.outer(f, deflt)
	if apiErr != nil {
		return nil, "", apiErr
	}
	var cfg *route.Config
	var err error
	if source == nil {
		cfg, err = route.Simple(outer, checks)
	} else {
		cfg, err = route.Parse(source, outer, checks)
	}
	if err != nil {
		return nil, "", inHeader(f, configError(err))
	}
	s.configs.add(key, cfg)
	return cfg, self, nil
}

// inHeader says of what is wrong with a config as a whole in which header it came.
func inHeader(f *fields, err *apiError) *apiError {
	if err.param != "" {
		return err
	}
	e := *err
	if _, name := f.get(ownConfig); name != "" {
		e.param, e.message = name, name+strings.TrimPrefix(e.message, "config")
	}
	return &e
}

// configSource returns the text of the config that the request names or brings, nil if it does neither, and of one that it
// names the id.
func configSource(f *fields, checks route.Checks) (text []byte, id string, _ *apiError) {
	v, name := f.get(ownConfig)
	v = bytes.TrimSpace(v)
	if len(v) == 0 || v[0] == '{' {
		return v, "", nil
	}
	saved, err := checks.Saved(string(v))
	if err != nil {
		return nil, "", &apiError{fasthttp.StatusNotFound, "invalid_request_error", "unknown_config", name,
			fmt.Sprintf("%s is %q: give a JSON object, or the id of a saved config, as pc-x or pc-x@3", name, shown(string(v)))}
	}
	return saved.Text, saved.ID, nil
}

// outer is what the headers say beside a config, as the group around it.
func (s *Server) outer(f *fields, deflt string) (*route.Target, *apiError) {
	t := &route.Target{Provider: deflt}
	fail := func(name string, err error) *apiError {
		e := *configError(err)
		e.param, e.message = name, name+strings.TrimPrefix(e.message, "config")
		return &e
	}
	if v, name := f.get(ownProvider); len(v) > 0 {
		t.Provider = strings.ToLower(string(v))
		if err := s.checkProvider(t.Provider); err != nil {
			return nil, fail(name, err)
		}
	}
	if v, name := f.get(ownVirtualKey); len(v) > 0 {
		t.VirtualKey = string(v)
		owner, ok := s.virtualProvider(t.VirtualKey)
		if !ok {
			e := unknownVirtualKey(t.VirtualKey)
			e.param = name
			return nil, e
		}
		if p, _ := f.get(ownProvider); len(p) == 0 {
			t.Provider = owner
		}
	}
	if v, name := f.get(ownCustomHost); len(v) > 0 {
		t.CustomHost = strings.TrimRight(string(v), "/")
		if err := s.checkHost(t.CustomHost); err != nil {
			return nil, fail(name, err)
		}
	}
	if v, name := f.get(ownMode); len(v) > 0 {
		m, ok := route.ParseMode(string(v))
		if !ok {
			return nil, badRequest("invalid_header", name, "%s is %q: use single, fallback, loadbalance or conditional", name, shownWord(v))
		}
		t.Mode = m
	}
	if v, name := f.get(ownRetryCount); len(v) > 0 {
		n, err := strconv.Atoi(string(v))
		if err != nil || n < 0 || n > route.MaxAttempts {
			return nil, badRequest("invalid_header", name, "%s is %q: give 0 to %d", name, shownWord(v), route.MaxAttempts)
		}
		t.SetRetries(n)
	}
	if v, name := f.get(ownForward); len(v) > 0 {
		names, err := route.HeaderNames(name, strings.Split(string(v), ","))
		if err != nil {
			return nil, fail(name, err)
		}
		t.Forward = names
	}
	if v, name := f.get(ownStrict); len(v) > 0 {
		b, err := strconv.ParseBool(strings.ToLower(string(v)))
		if err != nil {
			return nil, badRequest("invalid_header", name, "%s is %q: use true or false", name, shownWord(v))
		}
		t.SetLoose(!b)
	}
	for _, azure := range [...]struct {
		word  int
		field *string
	}{{ownAzureResource, &t.ResourceName}, {ownAzureDeployment, &t.DeploymentID}, {ownAzureVersion, &t.APIVersion}} {
		if v, name := f.get(azure.word); len(v) > 0 {
			if !route.URLWord(string(v)) {
				return nil, badRequest("invalid_header", name, "%s: give 1 to 64 letters, digits, \"-\", \"_\" and \".\"", name)
			}
			*azure.field = string(v)
		}
	}
	return t, nil
}

// configError is what is wrong with a config, as clients are told it.
func configError(err error) *apiError {
	var ae *apiError
	if errors.As(err, &ae) {
		return ae
	}
	var e *route.Error
	if !errors.As(err, &e) {
		return internalError()
	}
	out := badRequest(e.Code, e.Path, "%s", e.Error())
	switch e.Code {
	case "host_not_allowed":
		out.status = fasthttp.StatusForbidden
	case "unknown_config":
		out.status = fasthttp.StatusNotFound
	}
	return out
}

// forwardedScope digests the headers that targets are sent as they are, because they may change an answer; zero where there
// are none.
func (p *plan) forwardedScope(h *fasthttp.RequestHeader) cache.Digest {
	if len(p.forward) == 0 {
		return cache.Digest{}
	}
	names := slices.Clone(p.forward)
	slices.Sort(names)
	parts := [][]byte{[]byte("reprise/proxy/forwarded/1")}
	for _, n := range slices.Compact(names) {
		switch values := h.PeekAll(n); len(values) {
		case 0:
			parts = append(parts, []byte(n), nil)
		case 1:
			parts = append(parts, []byte(n), values[0])
		default: // together, so that no value passes for the next name
			all := cache.Hash(values...)
			parts = append(parts, []byte(n), all[:], []byte("several"))
		}
	}
	return cache.Hash(parts...)
}
