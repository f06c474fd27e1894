package proxy

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/proxy/internal/keys"
)

// MinAdminToken is the fewest bytes that Config.AdminToken may have.
const MinAdminToken = 16

// identity is who asks, as far as the gateway's own credentials tell.
type identity struct {
	scopes keys.Scopes
}

// allowed returns who asks if he may do what is needed, and otherwise how he is to be told that he may not. It is the one
// place where that is decided.
func (x *exchange) allowed(need keys.Scopes) (identity, *apiError) {
	s := x.s
	if need&(keys.Read|keys.Admin) != 0 && s.cfg.AdminToken == "" {
		return identity{}, &apiError{fasthttp.StatusForbidden, "permission_error", "admin_disabled", "",
			"the admin API is closed: set admin.token, by the variable REPRISE_ADMIN_TOKEN or the file that admin.token_file names"}
	}
	given, name := x.d.fields.gatewayKey()
	if len(given) == 0 {
		return identity{}, &apiError{fasthttp.StatusUnauthorized, "authentication_error", "missing_api_key", name,
			"no key: send one of the gateway's in authorization (Bearer …) or x-portkey-api-key"}
	}
	var who identity
	switch {
	case sameSecret(given, s.cfg.AdminToken):
		who.scopes = keys.AllScopes
	default:
		return who, &apiError{fasthttp.StatusUnauthorized, "authentication_error", "invalid_api_key", name,
			"this is none of the gateway's keys"}
	}
	if !who.scopes.Allow(need) {
		return who, &apiError{fasthttp.StatusForbidden, "permission_error", "missing_scope", name,
			"this key lacks the scope " + need.String()}
	}
	return who, nil
}

// gatewayKey returns the credential that may be the gateway's, and the header by which it came.
func (f *fields) gatewayKey() (key []byte, name string) {
	if v, name := f.get(ownAPIKey); len(v) > 0 {
		return v, name
	}
	if v, ok := bearer(f.std[stdAuthorization]); ok {
		return v, "authorization"
	}
	if v := f.std[stdAPIKey]; len(v) > 0 {
		return v, "x-api-key"
	}
	return nil, "authorization"
}

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
