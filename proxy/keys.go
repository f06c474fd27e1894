package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/reprise-cache/reprise/proxy/internal/keys"
	"github.com/reprise-cache/reprise/proxy/internal/providers"
)

// Errors of OpenKeys.
var (
	ErrKeysLocked  = keys.ErrLocked  // another process has the file open
	ErrKeysDamaged = keys.ErrDamaged // it is not what OpenKeys makes
	ErrKeysVersion = keys.ErrVersion // it is of a version that this program does not know
	ErrSealKey     = keys.ErrSealKey // it was sealed with another key
)

// KeysOptions configure OpenKeys.
type KeysOptions struct {
	SealKey    string // 32 bytes as 64 hex digits or in base64, with which virtual keys are sealed
	Passphrase string // in its place; neither: virtual keys can neither be made nor used

	Providers []string    // that virtual keys may be for, beside those of the provider table
	OnSave    func(error) // is told of each attempt to write what was spent; nil: nobody
}

// String tells nothing of the secrets.
func (o KeysOptions) String() string { return "keys options ****" }

// GoString tells nothing either.
func (o KeysOptions) GoString() string { return o.String() }

// Keys is an open file of gateway keys, which let callers in, and of virtual keys, which are names for providers' keys. It
// is safe for concurrent use, and one process's at a time.
type Keys struct {
	store *keys.Store
	known map[string]bool // names of providers
}

// MinPassphrase is the fewest bytes that KeysOptions.Passphrase may have.
const MinPassphrase = keys.MinPassphrase

// Check reports what is wrong with the key to seal with.
func (o KeysOptions) Check() error {
	_, err := o.seal()
	return err
}

func (o KeysOptions) seal() (k keys.SealKey, err error) {
	switch {
	case o.SealKey != "" && o.Passphrase != "":
		return k, errors.New("proxy: there are both a key to seal with (keys.seal_key) and a passphrase (keys.passphrase): give one")
	case o.SealKey != "":
		if k, err = keys.ParseSealKey(o.SealKey); err != nil {
			return k, fmt.Errorf("proxy: keys.%w", err)
		}
	case o.Passphrase != "":
		if k, err = keys.Passphrase(o.Passphrase); err != nil {
			return k, fmt.Errorf("proxy: keys.%w", err)
		}
	}
	return k, nil
}

// OpenKeys opens the file, or makes it, with mode 0600, and checks all that is in it.
func OpenKeys(path string, o KeysOptions) (*Keys, error) {
	seal, err := o.seal()
	if err != nil {
		return nil, err
	}
	store, err := keys.Open(path, keys.Options{Seal: seal})
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	if o.OnSave != nil {
		store.OnSave(o.OnSave)
	}
	k := &Keys{store: store, known: map[string]bool{}}
	for _, n := range o.Providers {
		k.known[n] = true
	}
	return k, nil
}

// Close writes what was spent and lets go of the file.
func (k *Keys) Close() error { return k.store.Close() }

// Sealed reports whether there are virtual keys and no key to open them with.
func (k *Keys) Sealed() bool { return k.store.Sealed() }

// Required reports whether calls need a gateway key, because one was made.
func (k *Keys) Required() bool { return k.store.HasGateways() }

// Provider returns the provider that a virtual key is for.
func (k *Keys) Provider(name string) (string, bool) { return k.store.Provider(name) }

// Secret returns the secret whose turn it is.
func (k *Keys) Secret(_ context.Context, name string) (string, error) {
	v, err := k.store.Secret(name)
	var limit *keys.LimitError
	if errors.As(err, &limit) {
		return "", &waitError{limited(limit, fmt.Sprintf("the virtual key %.64q has reached a limit: ", name)), limit.After}
	}
	return v, err
}

// Answered has a secret that was refused rest for a while.
func (k *Keys) Answered(name, secret string, status int, after time.Duration) bool {
	return k.store.Answered(name, secret, status, after)
}

// Used counts what an answer took.
func (k *Keys) Used(name string, tokens int, cost float64) { k.store.Use(name, tokens, cost) }

var _ VirtualKeys = (*Keys)(nil)

// knows reports whether there is a provider of that name.
func (k *Keys) knows(provider string) bool {
	return k.known[provider] || providers.Get(provider) != nil
}

// Admin does what the admin API does below /admin/v1/ for keys and virtual-keys, for a process that has the file itself:
// POST keys, GET virtual-keys?limit=10, and so on, with the same bodies and answers.
func (k *Keys) Admin(method, path string, body []byte) (status int, answer []byte) {
	path, rawQuery, _ := strings.Cut(path, "?")
	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		e := badQuery()
		return e.status, e.openaiBody()
	}
	segments := strings.Split(path, "/")
	for _, r := range keyRoutes {
		arg, ok := matchPattern(r.pattern, segments)
		if !ok || r.method != method {
			continue
		}
		status, v, err := r.handle(k, &keyCall{arg: arg, query: query, body: body})
		if err != nil {
			return err.status, err.openaiBody()
		}
		if v == nil {
			return status, nil
		}
		answer, jerr := json.Marshal(v, json.Deterministic(true))
		if jerr != nil {
			e := internalError()
			return e.status, e.openaiBody()
		}
		return status, answer
	}
	e := notFound(method, adminPath+path)
	return e.status, e.openaiBody()
}
