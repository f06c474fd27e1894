package proxy

import (
	"bytes"
	"slices"

	"github.com/reprise-cache/reprise/cache"
)

// usualCredentials are the headers by which providers' own APIs let callers in.
var usualCredentials = map[string]bool{"Authorization": true, "X-Api-Key": true, "Api-Key": true}

// isCredential reports whether a header of that name, in canonical form, lets a caller in at a provider or at what stands
// before it. A provider for which the caller's credential is not meant must not be sent it.
func isCredential(name string) bool {
	return usualCredentials[name] || name == "Cookie" || namesSecret([]byte(name))
}

// secretWords stand in the names of headers by which gateways and clouds let callers in: Ocp-Apim-Subscription-Key,
// Cf-Aig-Authorization, Helicone-Auth, X-Amz-Security-Token. A name too many costs a hit, one too few gives one caller's
// answers to another.
var secretWords = [...]string{"auth", "credential", "jwt", "password", "secret", "subscription", "token"}

// namesSecret reports whether a header's name says that its value is a secret: it has one of the secretWords, or ends in
// "key", as X-Goog-Api-Key does. A key that only tells repeats from new requests, Idempotency-Key, is none.
func namesSecret(name []byte) bool {
	return (hasSecretWord(name) || len(name) > 3 && bytes.EqualFold(name[len(name)-3:], []byte("key"))) &&
		!bytes.Contains(bytes.ToLower(name), []byte("idempotency"))
}

// hasSecretWord is asked of every header of every request, and looks at each byte but once.
func hasSecretWord(name []byte) bool {
	for i, c := range name {
		switch c | 0x20 {
		case 'a', 'c', 'j', 'p', 's', 't':
			for _, w := range secretWords {
				if c|0x20 == w[0] && len(name)-i >= len(w) && bytes.EqualFold(name[i:i+len(w)], []byte(w)) {
					return true
				}
			}
		}
	}
	return false
}

// further is a credential in a header that is not one of the usual ones.
type further struct{ name, value []byte }

// addFurther keeps a header if it is such a credential. An empty one is nobody's, and what is the connection's reaches no
// provider.
func (f *fields) addFurther(name, value []byte) {
	if len(value) > 0 && namesSecret(name) && !hopByHop[string(name)] {
		f.further = append(f.further, further{name, value})
	}
}

// credential digests what lets the caller in at a provider.
func (f *fields) credential() cache.Digest {
	return f.withFurther(cache.Hash(f.std[stdAuthorization], f.std[stdAPIKey], f.std[stdAzureKey], f.std[stdCookie]))
}

var furtherContext = []byte("reprise/proxy/credential/1")

// withFurther adds the further credentials, in whatever order they came, to the digest of the usual ones. Where there are
// none it is the digest itself, by which entries are found that were stored when only the usual ones counted.
func (f *fields) withFurther(usual cache.Digest) cache.Digest {
	if len(f.further) == 0 {
		return usual
	}
	return f.digestFurther(usual)
}

// digestFurther is by itself, for its usual escapes: every request would allocate one.
func (f *fields) digestFurther(usual cache.Digest) cache.Digest {
	slices.SortStableFunc(f.further, func(a, b further) int { return bytes.Compare(a.name, b.name) })
	parts := [][]byte{furtherContext, usual[:]}
	for _, c := range f.further {
		parts = append(parts, c.name, c.value)
	}
	return cache.Hash(parts...)
}

// anonymous reports whether the request has no credential.
func (f *fields) anonymous() bool {
	for _, v := range f.std[:numCredentials] {
		if len(v) > 0 {
			return false
		}
	}
	return len(f.further) == 0
}
