package proxy

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"math"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/keys"
)

// MinAdminToken is the fewest bytes that Config.AdminToken may have.
const MinAdminToken = 16

// identity is who asks, as far as the gateway's own credentials tell.
type identity struct {
	id     string        // of the gateway key; "": nobody had to say
	key    *keys.Gateway // nil: the operator, or nobody
	scopes keys.Scopes
}

// operatorID is the identity of Config.AdminToken. No gateway key has an id of that form.
const operatorID = "operator"

// allowed finds who asks, and returns how he is to be told where he may not do what is needed. It is the one place where
// that is decided. A credential that is the gateway's own goes no further than this, whether it is good or not.
func (x *exchange) allowed(need keys.Scopes) *apiError {
	s := x.s
	given, name := x.takeGatewayKey()
	admin := need&(keys.Read|keys.Admin) != 0
	k := s.cfg.Keys
	kept := k != nil && k.store.HasGateways()
	switch {
	case !admin && !kept && !s.cfg.KeysRequired:
		return nil
	case admin && !kept && s.cfg.AdminToken == "":
		return forbidden("admin_disabled", "", "the admin API is closed: set admin.token, by the variable REPRISE_ADMIN_TOKEN or the file that admin.token_file names")
	case len(given) == 0 && admin && s.cfg.AdminToken != "":
		return unauthorized("missing_api_key", name, "no key: send the operator's token (admin.token), or a gateway key with the scope, in authorization (Bearer …)")
	case len(given) == 0:
		return unauthorized("missing_api_key", name, "no key: send one of the gateway's in authorization (Bearer …), x-api-key or x-portkey-api-key")
	case sameSecret(given, s.cfg.AdminToken):
		x.who = identity{id: operatorID, scopes: keys.AllScopes}
		return nil
	case k == nil:
		return unauthorized("invalid_api_key", name, "this is none of the gateway's keys")
	}
	key, err := k.store.Authenticate(given)
	if errors.Is(err, keys.ErrExpired) {
		return unauthorized("expired_api_key", name, "this key has expired: ask for another")
	} else if err != nil {
		return unauthorized("invalid_api_key", name, "this is none of the gateway's keys")
	}
	x.who = identity{id: key.ID(), key: key, scopes: key.Scopes()}
	if !x.who.scopes.Allow(need) {
		return forbidden("missing_scope", name, "this key lacks the scope "+need.String())
	}
	if admin {
		return nil
	}
	var limit *keys.LimitError
	if err := key.Admit(); errors.As(err, &limit) {
		x.retryAfter = limit.After
		return limited(limit, "this key has reached a limit: ")
	}
	return nil
}

func unauthorized(code, param, message string) *apiError {
	return &apiError{fasthttp.StatusUnauthorized, "invalid_request_error", code, param, message}
}

func forbidden(code, param, message string) *apiError {
	return &apiError{fasthttp.StatusForbidden, "invalid_request_error", code, param, message}
}

// limited is a limit in the words by which OpenAI's clients tell a rate, which comes back by itself, from money.
func limited(l *keys.LimitError, what string) *apiError {
	e := &apiError{fasthttp.StatusTooManyRequests, "insufficient_quota", "insufficient_quota", "", what + l.Error()}
	switch l.Limit {
	case "rpm":
		e.kind, e.code = "requests", "rate_limit_exceeded"
	case "tpm":
		e.kind, e.code = "tokens", "rate_limit_exceeded"
	}
	return e
}

// waitError is an error that says when to try again.
type waitError struct {
	*apiError
	after time.Duration
}

func (e *waitError) Unwrap() error { return e.apiError }

// retryAfterSeconds is whole seconds, none too few.
func retryAfterSeconds(d time.Duration) int64 { return max(1, int64(math.Ceil(d.Seconds()))) }

// takeGatewayKey returns the credential that is, or has to be, the gateway's, and the header by which it came. Any that is
// the gateway's own is taken out of the headers that a provider would be sent.
func (x *exchange) takeGatewayKey() (key []byte, name string) {
	f, found := &x.d.fields, false
	for _, i := range [...]int{stdAuthorization, stdAPIKey, stdAzureKey} {
		v := f.std[i]
		if len(v) == 0 {
			continue
		}
		token := v
		if i == stdAuthorization {
			if b, ok := bearer(v); ok {
				token = b
			}
		}
		if x.isOurs(token) {
			x.d.ours[i], f.std[i] = true, nil
			if !found { // before one that cannot be it
				key, name, found = token, lowerStd[i], true
			}
		} else if key == nil {
			key, name = token, lowerStd[i]
		}
	}
	if v, own := f.get(ownAPIKey); len(v) > 0 {
		return v, own
	}
	if name == "" {
		name = "authorization"
	}
	return key, name
}

// isOurs reports whether a token is the gateway's: a key of it, known or not, or the operator's token.
func (x *exchange) isOurs(token []byte) bool {
	return keys.LooksLike(token) || sameSecret(token, x.s.cfg.AdminToken)
}

// isGatewayKey is the same of a header's value, which may say what kind of token it is.
func (x *exchange) isGatewayKey(value []byte) bool {
	if token, ok := bearer(value); ok {
		value = token
	}
	return x.isOurs(value)
}

var lowerStd = [...]string{stdAuthorization: "authorization", stdAPIKey: "x-api-key", stdAzureKey: "api-key"}

// bearer returns the token of an authorization header; its scheme may be written in any case (RFC 9110, section 11.1).
func bearer(v []byte) ([]byte, bool) {
	const scheme = "bearer "
	if len(v) <= len(scheme) || !bytes.EqualFold(v[:len(scheme)], []byte(scheme)) {
		return nil, false
	}
	return bytes.TrimSpace(v[len(scheme):]), true
}

// sameSecret compares without telling by its time how much is right. Digests are compared, because of secrets of different
// lengths the time would tell at least that. An empty secret is nobody's.
func sameSecret(given []byte, secret string) bool {
	if secret == "" {
		return false
	}
	a, b := sha256.Sum256(given), sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// place holds the namespace of a request against those that its key may use. One that names none is in the key's own.
func (x *exchange) place() *apiError {
	key := x.who.key
	if key == nil {
		return nil
	}
	if x.d.namespace == "" {
		x.d.namespace = key.Home()
	}
	if key.Allowed(x.d.namespace) {
		return nil
	}
	if x.d.namespace == "" {
		return forbidden("namespace_not_allowed", "x-portkey-cache-namespace", "this key is for certain namespaces only: name one of them")
	}
	return forbidden("namespace_not_allowed", "x-portkey-cache-namespace", "this key is not for the namespace that was asked for")
}

// source tells those apart who may say what an answer was worth, each of whom counts once: by the gateway key where there is
// one, so that callers of one configured provider's key are told apart, and else by the credential.
func (x *exchange) source(credential cache.Digest) cache.Digest {
	if x.who.id == "" {
		return credential
	}
	return x.who.digest()
}

var keyContext = []byte("reprise/proxy/key/1")

func (w *identity) digest() cache.Digest { return cache.Hash(keyContext, []byte(w.id)) }

// owner digests who shares answers: those with the same credential at the providers, unless keys share; and of gateway keys
// that are private, only themselves.
func (x *exchange) owner() cache.Digest {
	var d cache.Digest
	if !x.s.cfg.ShareAcrossKeys {
		d = x.credential()
	}
	if k := x.who.key; k != nil && k.Private() {
		own := x.who.digest()
		d = cache.Hash(own[:], d[:])
	}
	return d
}
