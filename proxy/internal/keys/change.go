package keys

import (
	"slices"
	"time"
)

// GatewayByID returns what may be shown of a key, whether it was revoked or not; false if there is none.
func (s *Store) GatewayByID(id string) (GatewayInfo, bool) {
	if g := s.gateways()[id]; g != nil {
		return g.Info(), true
	}
	return GatewayInfo{}, false
}

// VirtualByName is the same of a virtual key.
func (s *Store) VirtualByName(name string) (VirtualInfo, bool) {
	if v := s.virtuals()[name]; v != nil {
		return v.info(), true
	}
	return VirtualInfo{}, false
}

// ChangeGateway has change alter what a key was made by. Its token stays as it is, and what it used goes on to count. Calls
// that were let in before go on as they were. change must not use the store.
func (s *Store) ChangeGateway(id string, change func(*GatewaySpec) error) (was GatewaySpec, now GatewayInfo, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.gateways()[id]
	if g == nil || !g.rec.Revoked.IsZero() {
		return was, now, ErrNotFound
	}
	rec := g.rec
	was = rec.GatewaySpec
	rec.Scopes, rec.Namespaces = slices.Clone(was.Scopes), slices.Clone(was.Namespaces) // requests read the old ones
	if err := change(&rec.GatewaySpec); err != nil {
		return was, now, err
	}
	if err := rec.GatewaySpec.normalise(time.Now(), was.Expires); err != nil {
		return was, now, err
	}
	changed, err := s.putGateway(rec, g.meter)
	if err != nil {
		return was, now, err
	}
	g.meter.limit(rec.Limits, time.Now())
	return was, changed.Info(), nil
}

// VirtualChange is what may be changed of a virtual key. Its provider may not: what is sealed was sealed for that.
type VirtualChange struct {
	Label  string `json:"label,omitzero"`
	Limits Limits `json:"limits,omitzero"`
}

// ChangeVirtual is ChangeGateway for virtual keys. It opens nothing, so that it needs no key to do so.
func (s *Store) ChangeVirtual(name string, change func(*VirtualChange) error) (was VirtualChange, now VirtualInfo, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.virtuals()[name]
	if v == nil {
		return was, now, ErrNotFound
	}
	was = VirtualChange{v.rec.Label, v.rec.Limits}
	next := was
	if err := change(&next); err != nil {
		return was, now, err
	}
	if err := checkLabel(next.Label); err != nil {
		return was, now, err
	}
	if err := next.Limits.complaint(); err != nil {
		return was, now, err
	}
	rec := v.rec
	rec.Label, rec.Limits = next.Label, next.Limits
	if err := s.write(bucketVirtual, name, &rec); err != nil {
		return was, now, err
	}
	v.meter.limit(rec.Limits, time.Now())
	changed := &virtual{rec: rec, meter: v.meter, turns: v.turns}
	s.setVirtual(name, changed)
	return was, changed.info(), nil
}
