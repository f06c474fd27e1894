package keys

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"sort"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// Prefix is what every gateway key begins with, so that people and scanners of secrets know one when they see it.
const Prefix = "rpk_"

const (
	idLen         = 12 // base32: 60 bits, which name a key and guard nothing
	secretLen     = 52 // base32 of 256 bits
	tokenLen      = len(Prefix) + idLen + 1 + secretLen
	maxLabel      = 100
	maxNamespaces = 64
	maxNamespace  = 256
	// MaxGrace is the longest that a key which was replaced may go on to be used.
	MaxGrace = 30 * 24 * time.Hour
)

var base32Lower = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// GatewaySpec is what a gateway key is made by.
type GatewaySpec struct {
	Label      string    `json:"label,omitzero"`
	Scopes     []string  `json:"scopes,omitzero"` // none: call and feedback
	Limits     Limits    `json:"limits,omitzero"`
	Namespaces []string  `json:"namespaces,omitzero"` // exact, or a beginning and *; none: all
	Private    bool      `json:"private,omitzero"`    // shares its answers with no other key
	Expires    time.Time `json:"expires,omitzero"`
}

// GatewayInfo is what may be shown of a gateway key.
type GatewayInfo struct {
	ID string `json:"id"`
	GatewaySpec
	Created time.Time `json:"created"`
	Rotated time.Time `json:"rotated,omitzero"`
	Revoked time.Time `json:"revoked,omitzero"`
	Spent   Spent     `json:"spent"`
}

// gatewayRecord is a gateway key as the file has it. Of the key itself there is the SHA-256 only. A slow hash, as passwords
// need, would add nothing: it makes guessing dear, and nobody guesses one of 2^256 keys drawn at random. It would cost each
// request what it costs an attacker, though.
type gatewayRecord struct {
	ID string `json:"id"`
	GatewaySpec
	Created  time.Time `json:"created"`
	Rotated  time.Time `json:"rotated,omitzero"`
	Revoked  time.Time `json:"revoked,omitzero"`
	Hash     []byte    `json:"hash,omitzero"`      // none: revoked
	OldHash  []byte    `json:"old_hash,omitzero"`  // of the key that this one replaced
	OldUntil time.Time `json:"old_until,omitzero"` // and for how long that goes on to be good
	Older    []older   `json:"older,omitzero"`     // of those before it whose time is not over, the last one first
}

// older is the digest of a key that was replaced more than once since.
type older struct {
	Hash  []byte    `json:"hash"`
	Until time.Time `json:"until"`
}

// maxOlder bounds how many of them there may be; those that were replaced first are forgotten first.
const maxOlder = 8

// Gateway is a gateway key that was presented. Safe for concurrent use.
type Gateway struct {
	rec    gatewayRecord
	scopes Scopes
	meter  *meter
	store  *Store
}

func newToken(id string) (token string, hash []byte) {
	var secret [32]byte
	rand.Read(secret[:]) // it never fails
	token = Prefix + id + "_" + base32Lower.EncodeToString(secret[:])
	sum := sha256.Sum256([]byte(token))
	return token, sum[:]
}

func newID() string {
	var b [8]byte
	rand.Read(b[:])
	return base32Lower.EncodeToString(b[:])[:idLen]
}

// LooksLike reports whether a credential is one of a gateway's, known or not. It must not be sent to a provider.
func LooksLike(token []byte) bool { return bytes.HasPrefix(token, []byte(Prefix)) }

// tokenID returns the id that a token names; false if it is no token.
func tokenID(token []byte) (string, bool) {
	if len(token) != tokenLen || !LooksLike(token) || token[len(Prefix)+idLen] != '_' {
		return "", false
	}
	return string(token[len(Prefix) : len(Prefix)+idLen]), true
}

// matches reports whether sum is that of the key, without telling by its time how much of it is right.
func (r *gatewayRecord) matches(sum []byte, now time.Time) bool {
	ok := subtle.ConstantTimeCompare(sum, r.Hash) == 1
	old := subtle.ConstantTimeCompare(sum, r.OldHash) == 1 && now.Before(r.OldUntil)
	for _, o := range r.Older {
		if subtle.ConstantTimeCompare(sum, o.Hash) == 1 && now.Before(o.Until) {
			old = true
		}
	}
	return ok || old
}

// normalise fills in what is left out, and reports what is wrong. was is the expiry that the key had: one that is past may
// stay.
func (s *GatewaySpec) normalise(now, was time.Time) error {
	if len(s.Scopes) == 0 {
		s.Scopes = (Call | Feedback).Names()
	}
	s.Expires = s.Expires.UTC()
	if err := s.complaint(now, was); err != nil {
		return err
	}
	scopes, err := ParseScopes(s.Scopes)
	s.Scopes = scopes.Names()
	return err
}

func (s GatewaySpec) complaint(now, was time.Time) error {
	if err := checkLabel(s.Label); err != nil {
		return err
	}
	if _, err := ParseScopes(s.Scopes); err != nil {
		return wrong("scopes", "%s", strings.TrimPrefix(err.Error(), "keys: "))
	}
	if err := s.Limits.complaint(); err != nil {
		return err
	}
	if scopes, _ := ParseScopes(s.Scopes); scopes&(Read|Admin) != 0 && len(s.Namespaces) > 0 {
		return wrong("namespaces", "what the scopes read and admin show is the whole gateway's: leave those scopes out, or the namespaces")
	}
	if len(s.Namespaces) > maxNamespaces {
		return wrong("namespaces", "has %d patterns: at most %d are allowed", len(s.Namespaces), maxNamespaces)
	}
	for _, n := range s.Namespaces {
		if n == "" || len(n) > maxNamespace || !utf8.ValidString(n) || strings.ContainsFunc(n, unicode.IsControl) || strings.Contains(strings.TrimSuffix(n, "*"), "*") {
			return wrong("namespaces", "%q is no pattern: give a name of 1 to %d bytes, or the beginning of one and * at its end", strict.Shown(n), maxNamespace)
		}
	}
	if !s.Expires.IsZero() && !s.Expires.After(now) && !s.Expires.Equal(was) {
		return wrong("expires", "is %s, which is past: give a later time, as 2030-01-31T00:00:00Z, or leave it out", s.Expires.Format(time.RFC3339))
	}
	return nil
}

func checkLabel(label string) error {
	if utf8.RuneCountInString(label) > maxLabel || !utf8.ValidString(label) || strings.ContainsFunc(label, unicode.IsControl) {
		return wrong("label", "give at most %d characters, none of them a control character", maxLabel)
	}
	return nil
}

// AddGateway makes a key. The token is shown this once: nobody can read it from the file.
func (s *Store) AddGateway(spec GatewaySpec) (GatewayInfo, string, error) {
	now := time.Now()
	if err := spec.normalise(now, time.Time{}); err != nil {
		return GatewayInfo{}, "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	rec := gatewayRecord{ID: newID(), GatewaySpec: spec, Created: now.UTC()}
	if s.gateways()[rec.ID] != nil {
		return GatewayInfo{}, "", ErrExists // one time in 2^60
	}
	token, hash := newToken(rec.ID)
	rec.Hash = hash
	g, err := s.putGateway(rec, newMeter(spec.Limits, Spent{}))
	if err != nil {
		return GatewayInfo{}, "", err
	}
	return g.Info(), token, nil
}

// putGateway writes the record, and then lets requests see it. Callers hold s.mu.
func (s *Store) putGateway(rec gatewayRecord, m *meter) (*Gateway, error) {
	scopes, err := ParseScopes(rec.Scopes)
	if err != nil {
		return nil, err
	}
	if err := s.write(bucketGateway, rec.ID, &rec); err != nil {
		return nil, err
	}
	g := &Gateway{rec: rec, scopes: scopes, meter: m, store: s}
	s.setGateway(g)
	return g, nil
}

// RotateGateway gives a key a new token. The old one goes on to be good for grace, and those before it for what is left of theirs;
// without a grace all of them end at once, which is what a key that is in the wrong hands needs.
func (s *Store) RotateGateway(id string, grace time.Duration) (GatewayInfo, string, error) {
	if grace < 0 || grace > MaxGrace {
		return GatewayInfo{}, "", wrong("grace_seconds", "is %v: give seconds from 0 to %d", grace.Seconds(), int(MaxGrace.Seconds()))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.gateways()[id]
	if g == nil || !g.rec.Revoked.IsZero() {
		return GatewayInfo{}, "", ErrNotFound
	}
	now := time.Now()
	rec := g.rec
	token, hash := newToken(id)
	rec.OldHash, rec.OldUntil, rec.Older = nil, time.Time{}, nil
	if grace > 0 {
		for _, o := range append([]older{{g.rec.OldHash, g.rec.OldUntil}}, g.rec.Older...) {
			if now.Before(o.Until) && len(rec.Older) < maxOlder {
				rec.Older = append(rec.Older, o)
			}
		}
		rec.OldHash, rec.OldUntil = rec.Hash, now.Add(grace).UTC()
	}
	rec.Hash, rec.Rotated = hash, now.UTC()
	g, err := s.putGateway(rec, g.meter)
	if err != nil {
		return GatewayInfo{}, "", err
	}
	return g.Info(), token, nil
}

// RevokeGateway makes a key useless for good. Its record stays, without the digest: a gateway whose last key is revoked must
// not be open to everybody again.
func (s *Store) RevokeGateway(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.gateways()[id]
	if g == nil || !g.rec.Revoked.IsZero() {
		return ErrNotFound
	}
	rec := g.rec
	rec.Hash, rec.OldHash, rec.OldUntil, rec.Older, rec.Revoked = nil, nil, time.Time{}, nil, time.Now().UTC()
	_, err := s.putGateway(rec, g.meter)
	return err
}

// Gateways lists all keys by the time that they were made, those that were revoked included.
func (s *Store) Gateways() []GatewayInfo {
	out := []GatewayInfo{}
	for _, g := range s.gateways() {
		out = append(out, g.Info())
	}
	sort.Slice(out, func(i, j int) bool {
		if c := out[i].Created.Compare(out[j].Created); c != 0 {
			return c < 0
		}
		return out[i].ID < out[j].ID
	})
	return out
}

// HasGateways reports whether a gateway key was ever made.
func (s *Store) HasGateways() bool { return len(s.gateways()) > 0 }

// nobody is compared with where there is no key of that id, so that the time does not tell that there is none.
var nobody = gatewayRecord{Hash: make([]byte, sha256.Size), OldHash: make([]byte, sha256.Size)}

// Authenticate returns the key that a token is, or ErrUnknown or ErrExpired.
func (s *Store) Authenticate(token []byte) (*Gateway, error) {
	id, ok := tokenID(token)
	g := s.gateways()[id]
	rec := &nobody
	if g != nil {
		rec = &g.rec
	}
	now := time.Now()
	sum := sha256.Sum256(token)
	if !rec.matches(sum[:], now) || !ok || g == nil || !rec.Revoked.IsZero() {
		return nil, ErrUnknown
	}
	if e := rec.Expires; !e.IsZero() && !now.Before(e) {
		return nil, ErrExpired
	}
	return g, nil
}

// ID names the key, whatever its present token is.
func (g *Gateway) ID() string { return g.rec.ID }

// Scopes are what it may do.
func (g *Gateway) Scopes() Scopes { return g.scopes }

// Private reports whether it shares answers with no other key.
func (g *Gateway) Private() bool { return g.rec.Private }

// Info is what may be shown of it.
func (g *Gateway) Info() GatewayInfo {
	r := &g.rec
	return GatewayInfo{ID: r.ID, GatewaySpec: r.GatewaySpec, Created: r.Created, Rotated: r.Rotated, Revoked: r.Revoked, Spent: g.meter.now(time.Now())}
}

// Allowed reports whether the key may use a namespace.
func (g *Gateway) Allowed(namespace string) bool {
	if len(g.rec.Namespaces) == 0 {
		return true
	}
	for _, p := range g.rec.Namespaces {
		if begin, open := strings.CutSuffix(p, "*"); open && strings.HasPrefix(namespace, begin) || p == namespace {
			return true
		}
	}
	return false
}

// Home is the namespace of requests that name none: the first that the key names whole, or "".
func (g *Gateway) Home() string {
	if g.Allowed("") {
		return ""
	}
	for _, p := range g.rec.Namespaces {
		if !strings.HasSuffix(p, "*") {
			return p
		}
	}
	return ""
}

// Admit takes a request in, or returns a *LimitError.
func (g *Gateway) Admit() error {
	return g.meter.admit(time.Now())
}

// Use counts what an answer took.
func (g *Gateway) Use(tokens int, cost float64) {
	g.meter.use(time.Now(), tokens, cost)
	g.store.saveSoon()
}
