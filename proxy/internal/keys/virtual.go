package keys

import (
	"crypto/subtle"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

const (
	maxSecrets     = 32
	maxSecretBytes = 4096

	// How long a provider's key is left alone that the provider refused, or said was used too much without saying for how
	// long.
	refusedRest = 5 * time.Minute
	limitedRest = 30 * time.Second
	maxRest     = 10 * time.Minute
)

// VirtualSpec is what a virtual key is made by.
type VirtualSpec struct {
	Name     string   `json:"name"`
	Provider string   `json:"provider"`
	Secrets  []string `json:"secrets"` // the provider's keys, which take turns
	Label    string   `json:"label,omitzero"`
	Limits   Limits   `json:"limits,omitzero"`
}

// String tells nothing of the secrets.
func (s VirtualSpec) String() string {
	return fmt.Sprintf("%s (%s, %d secrets ****)", s.Name, s.Provider, len(s.Secrets))
}

// GoString tells nothing either.
func (s VirtualSpec) GoString() string { return s.String() }

// VirtualInfo is what may be shown of a virtual key.
type VirtualInfo struct {
	Name     string       `json:"name"`
	Provider string       `json:"provider"`
	Label    string       `json:"label,omitzero"`
	Limits   Limits       `json:"limits,omitzero"`
	Created  time.Time    `json:"created"`
	Rotated  time.Time    `json:"rotated,omitzero"`
	Secrets  []SecretInfo `json:"secrets"`
	Sealed   bool         `json:"sealed,omitzero"` // and without a key to open it
	Spent    Spent        `json:"spent"`
}

// SecretInfo is what may be shown of one of a provider's keys: nothing of itself.
type SecretInfo struct {
	Uses    uint64    `json:"uses"`
	Resting time.Time `json:"resting_until,omitzero"`
	Status  int       `json:"status,omitzero"` // the one that it rests for
}

// virtualRecord is a virtual key as the file has it.
type virtualRecord struct {
	Name     string    `json:"name"`
	Provider string    `json:"provider"`
	Label    string    `json:"label,omitzero"`
	Limits   Limits    `json:"limits,omitzero"`
	Created  time.Time `json:"created"`
	Rotated  time.Time `json:"rotated,omitzero"`
	Count    int       `json:"count"` // of the secrets
	Box      []byte    `json:"box"`   // a JSON array of them
}

func (r *virtualRecord) context() []byte {
	return []byte("reprise/keys/virtual/1\x00" + r.Name + "\x00" + r.Provider)
}

// virtual is a virtual key in memory. A change makes another of it, which has the same meter, and the same turns unless the
// secrets are others.
type virtual struct {
	rec   virtualRecord
	meter *meter
	*turns
}

// turns says which secret is next.
type turns struct {
	mu      sync.Mutex // guards what follows
	secrets []secret   // nil: sealed
	next    int
}

type secret struct {
	value string
	uses  uint64
	until time.Time // it rests
	why   int       // the status
}

// ValidName reports whether s may name a virtual key, or a provider.
func ValidName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

func checkSecrets(secrets []string) error {
	if len(secrets) == 0 || len(secrets) > maxSecrets {
		return wrong("secrets", "has %d: give 1 to %d of the provider's keys", len(secrets), maxSecrets)
	}
	for i, v := range secrets {
		bad := v == "" || len(v) > maxSecretBytes || strings.TrimSpace(v) != v
		for _, c := range []byte(v) {
			bad = bad || c < ' ' || c > '~'
		}
		if bad {
			return wrong(fmt.Sprintf("secrets[%d]", i), "it is empty, longer than %d bytes, or holds what no header can carry", maxSecretBytes)
		}
		if LooksLike([]byte(v)) {
			return wrong(fmt.Sprintf("secrets[%d]", i), "it is a key of this gateway: give the provider's")
		}
		if slices.Contains(secrets[:i], v) {
			return wrong(fmt.Sprintf("secrets[%d]", i), "it is given twice")
		}
	}
	return nil
}

// AddVirtual seals the secrets under a name.
func (s *Store) AddVirtual(spec VirtualSpec) (VirtualInfo, error) {
	switch {
	case !ValidName(spec.Name):
		return VirtualInfo{}, wrong("name", "is %q: give 1 to 64 letters, digits, \"-\", \"_\" and \".\"", strict.Shown(spec.Name))
	case !ValidName(spec.Provider):
		return VirtualInfo{}, wrong("provider", "is %q: give the name of a provider", strict.Shown(spec.Provider))
	}
	if err := checkLabel(spec.Label); err != nil {
		return VirtualInfo{}, err
	}
	if err := spec.Limits.complaint(); err != nil {
		return VirtualInfo{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.virtuals()[spec.Name] != nil {
		return VirtualInfo{}, ErrExists
	}
	return s.putVirtual(virtualRecord{Name: spec.Name, Provider: spec.Provider, Label: spec.Label, Limits: spec.Limits, Created: time.Now().UTC()},
		spec.Secrets, newMeter(spec.Limits, Spent{}))
}

// RotateVirtual puts other secrets in place of those that a virtual key has.
func (s *Store) RotateVirtual(name string, secrets []string) (VirtualInfo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v := s.virtuals()[name]
	if v == nil {
		return VirtualInfo{}, ErrNotFound
	}
	rec := v.rec
	rec.Rotated = time.Now().UTC()
	return s.putVirtual(rec, secrets, v.meter)
}

// putVirtual seals and writes, and then lets requests see it. Callers hold s.mu.
func (s *Store) putVirtual(rec virtualRecord, secrets []string, m *meter) (VirtualInfo, error) {
	if err := checkSecrets(secrets); err != nil {
		return VirtualInfo{}, err
	}
	if s.sealer == nil {
		return VirtualInfo{}, ErrNoSealKey
	}
	text, err := json.Marshal(secrets)
	if err != nil {
		return VirtualInfo{}, err
	}
	rec.Count, rec.Box = len(secrets), s.sealer.seal(text, rec.context())
	if err := s.write(bucketVirtual, rec.Name, &rec); err != nil {
		return VirtualInfo{}, err
	}
	v := &virtual{rec: rec, meter: m, turns: &turns{}}
	v.take(secrets)
	s.setVirtual(rec.Name, v)
	return v.info(), nil
}

func (v *virtual) take(secrets []string) {
	for _, value := range secrets {
		v.secrets = append(v.secrets, secret{value: value})
	}
}

// unseal opens the box of a key that was read from the file.
func (v *virtual) unseal(s *sealer) error {
	text, err := s.open(v.rec.Box, v.rec.context())
	if err != nil {
		return err
	}
	var secrets []string
	if err := json.Unmarshal(text, &secrets); err != nil || len(secrets) != v.rec.Count || checkSecrets(secrets) != nil {
		return fmt.Errorf("%w: a box does not hold what it should", ErrDamaged)
	}
	v.take(secrets)
	return nil
}

// RevokeVirtual deletes a virtual key.
func (s *Store) RevokeVirtual(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.virtuals()[name] == nil {
		return ErrNotFound
	}
	if err := s.remove(name); err != nil {
		return err
	}
	s.setVirtual(name, nil)
	return nil
}

// Virtuals lists the virtual keys by name.
func (s *Store) Virtuals() []VirtualInfo {
	out := []VirtualInfo{}
	for _, v := range s.virtuals() {
		out = append(out, v.info())
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

func (v *virtual) info() VirtualInfo {
	r := &v.rec
	now := time.Now()
	info := VirtualInfo{Name: r.Name, Provider: r.Provider, Label: r.Label, Limits: r.Limits, Created: r.Created, Rotated: r.Rotated,
		Secrets: make([]SecretInfo, r.Count), Spent: v.meter.now(now)}
	v.mu.Lock()
	defer v.mu.Unlock()
	info.Sealed = v.secrets == nil
	for i, s := range v.secrets {
		info.Secrets[i].Uses = s.uses
		if now.Before(s.until) {
			info.Secrets[i].Resting, info.Secrets[i].Status = s.until.UTC(), s.why
		}
	}
	return info
}

// Provider returns whose key it is; false if there is none of that name.
func (s *Store) Provider(name string) (string, bool) {
	if v := s.virtuals()[name]; v != nil {
		return v.rec.Provider, true
	}
	return "", false
}

// Secret returns the secret whose turn it is, and counts a request. Those that rest are passed over, unless all do: then the
// one that is ready soonest is used, because a call that is refused is no worse than one that is not made. The error is
// ErrNotFound, ErrNoSealKey or a *LimitError.
func (s *Store) Secret(name string) (string, error) {
	v := s.virtuals()[name]
	if v == nil {
		return "", ErrNotFound
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.secrets == nil {
		return "", ErrNoSealKey
	}
	now := time.Now()
	if err := v.meter.admit(now); err != nil {
		return "", err
	}
	best := v.next % len(v.secrets)
	for i := range v.secrets {
		k := (v.next + i) % len(v.secrets)
		if !now.Before(v.secrets[k].until) {
			best = k
			break
		}
		if v.secrets[k].until.Before(v.secrets[best].until) {
			best = k
		}
	}
	v.next = best + 1
	v.secrets[best].uses++
	return v.secrets[best].value, nil
}

// Answered says with what status a provider answered a call with a secret, and for how long it asked to be left alone. It
// reports whether another secret is ready, where this one was refused.
func (s *Store) Answered(name, value string, status int, after time.Duration) (another bool) {
	v := s.virtuals()[name]
	if v == nil || status != 401 && status != 429 {
		return false
	}
	rest := refusedRest
	if status == 429 {
		if rest = limitedRest; after > 0 {
			rest = min(after, maxRest)
		}
	}
	now := time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	for i := range v.secrets {
		k := &v.secrets[i]
		if subtle.ConstantTimeCompare([]byte(k.value), []byte(value)) == 1 {
			k.until, k.why = now.Add(rest), status
		} else {
			another = another || !now.Before(k.until)
		}
	}
	return another
}

// Use counts what an answer took.
func (s *Store) Use(name string, tokens int, cost float64) {
	if v := s.virtuals()[name]; v != nil {
		v.meter.use(time.Now(), tokens, cost)
		s.saveSoon()
	}
}
