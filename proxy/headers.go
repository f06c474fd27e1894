package proxy

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/route"
)

// Names of the gateway's own headers are x-portkey- or x-reprise- and one of these words. Of a pair of aliases the
// second wins.
const (
	portkeyPrefix = "X-Portkey-"
	reprisePrefix = "X-Reprise-"
)

const (
	maxTraceBytes     = route.MaxTraceBytes
	maxRequestTimeout = 24 * time.Hour
)

// directives are what a request's headers ask of the gateway, and the part of them that belongs to the scope.
type directives struct {
	trace    string
	span     span
	metadata map[string]string
	timeout  time.Duration // zero: none
	varyBy   []string      // what else an answer depends on: metadata.NAME, header.NAME

	mode         cache.Mode
	namespace    string
	threshold    float32
	conversation cache.Conversation
	ignoreSystem bool
	maxAge, ttl  time.Duration
	forceRefresh bool // the last word on it counts: a header's, or else the config's
	noneStored   bool // an age of zero, or no-cache: whatever else is said
	noStore      bool
	onlyIfCached bool
	maxError     float64 // zero: as the cache says
	explain      bool    // say why in the answer's headers

	encoded bool // the body is compressed
	fields  fields
	ours    [numCredentials]bool // which of the credentials are the gateway's own, and not for a provider to see
}

// fields are the headers that have a meaning here, as they came. They die with the ctx.
type fields struct {
	own    [2][numOwn][]byte // by prefix, then by word
	std    [numStd][]byte
	ownSet [2][numOwn]bool
	stdSet [numStd]bool

	further []further // credentials beside those of std

	traceparent  []byte // the last, where there are several
	traceparents int
	tracestate   string // all of them; it does not die with the ctx
}

// The gateway's own words.
const (
	ownCache = iota
	ownNamespace
	ownForceRefresh
	ownTraceID
	ownTimeout
	ownMetadata
	ownMaxError
	ownExplain
	ownAPIKey   // the gateway's own
	ownProvider // from here on they say where the request goes
	ownConfig
	ownMode
	ownVirtualKey
	ownRetryCount
	ownCustomHost
	ownForward
	ownStrict
	ownAzureResource
	ownAzureDeployment
	ownAzureVersion
	numOwn
)

var ownWords = [numOwn]string{
	"Cache", "Cache-Namespace", "Cache-Force-Refresh", "Trace-Id", "Request-Timeout", "Metadata", "Max-Error", "Explain", "Api-Key", "Provider", "Config", "Mode", "Virtual-Key", "Retry-Count",
	"Custom-Host", "Forward-Headers", "Strict-Open-Ai-Compliance", "Azure-Resource-Name", "Azure-Deployment-Id", "Azure-Api-Version",
}

// Standard headers, and those of the provider's.
const (
	stdAuthorization = iota // the first four are credentials
	stdAPIKey
	stdAzureKey
	stdCookie
	stdOrganization // these five pick who answers, and how
	stdProject
	stdBeta
	stdAnthropicVersion
	stdAnthropicBeta
	stdCacheControl
	stdContentEncoding
	stdAccept
	stdOrigin
	stdFetchSite
	numStd

	numCredentials = stdOrganization
)

var stdNames = [numStd]string{
	"Authorization", "X-Api-Key", "Api-Key", "Cookie",
	"Openai-Organization", "Openai-Project", "Openai-Beta", "Anthropic-Version", "Anthropic-Beta", "Cache-Control", "Content-Encoding", "Accept", "Origin", "Sec-Fetch-Site",
}

// listHeaders are those whose lines are one list (RFC 9110, section 5.3): Anthropic's Go client writes a line for each beta.
var listHeaders = map[string]bool{"Openai-Beta": true, "Anthropic-Beta": true, "Cache-Control": true, "Content-Encoding": true, "Accept": true}

// collect makes one pass over the headers, because looking each name up by itself costs more than a hit can afford.
func (f *fields) collect(h *fasthttp.RequestHeader) *apiError {
	for k, v := range h.All() {
		if (len(k) == len("Traceparent") || len(k) == len("Tracestate")) && k[0] == 'T' {
			f.collectTrace(k, v)
			continue
		}
		if len(k) > len(portkeyPrefix) && k[0] == 'X' {
			prefix := -1
			switch string(k[:len(portkeyPrefix)]) {
			case portkeyPrefix:
				prefix = 0
			case reprisePrefix:
				prefix = 1
			}
			if prefix >= 0 {
				if _, err := f.set(k, v, ownWords[:], k[len(portkeyPrefix):], f.own[prefix][:], f.ownSet[prefix][:]); err != nil {
					return err
				}
				continue
			}
		}
		known, err := f.set(k, v, stdNames[:], k, f.std[:], f.stdSet[:])
		if err != nil {
			return err
		}
		if !known {
			f.addFurther(k, v)
		}
	}
	return nil
}

// set keeps a header that is one of the words. It reports whether it is.
func (f *fields) set(name, value []byte, words []string, word []byte, values [][]byte, set []bool) (known bool, _ *apiError) {
	for i, w := range words {
		if len(w) == len(word) && w == string(word) {
			if set[i] && listHeaders[w] {
				values[i] = slices.Concat(values[i], []byte(","), value)
				return true, nil
			}
			if set[i] {
				return true, badRequest("duplicate_header", string(bytes.ToLower(name)), "the header %s is given twice", bytes.ToLower(name))
			}
			values[i], set[i] = value, true
			return true, nil
		}
	}
	return false, nil
}

// get returns the value of one of the gateway's own headers and the name by which it came; nil if it did not.
func (f *fields) get(word int) (value []byte, name string) {
	for _, i := range []int{1, 0} {
		if f.ownSet[i][word] {
			return f.own[i][word], ownName(i, word)
		}
	}
	return nil, ""
}

func ownName(prefix, word int) string {
	p := [2]string{portkeyPrefix, reprisePrefix}[prefix]
	return string(bytes.ToLower([]byte(p + ownWords[word])))
}

// open collects the headers and reads what routing may ask of them. Nothing but d.fields points into h afterwards. It always
// leaves a trace id, so that the error that it may return can carry it.
func (d *directives) open(h *fasthttp.RequestHeader) *apiError {
	if err := d.fields.collect(h); err != nil {
		d.trace = newTraceID()
		return err
	}
	if err := d.parseTrace(); err != nil {
		return err
	}
	if v, name := d.fields.get(ownMetadata); len(v) > 0 {
		m, err := route.Metadata(name, jsontext.Value(v))
		if err != nil {
			return configError(err)
		}
		d.metadata = m
	}
	return nil
}

// parse reads the rest: what the headers say of time and of the cache goes before what a config says.
func (d *directives) parse() *apiError {
	if v, name := d.fields.get(ownTimeout); v != nil {
		ms, err := strconv.ParseInt(string(v), 10, 64)
		if err != nil || ms <= 0 || ms > maxRequestTimeout.Milliseconds() {
			return badRequest("invalid_header", name, "%s is %q: give milliseconds, 1 to %d", name, shownWord(v), maxRequestTimeout.Milliseconds())
		}
		d.timeout = time.Duration(ms) * time.Millisecond
	}
	if v, name := d.fields.get(ownCache); v != nil {
		if err := d.parseCache(name, v); err != nil {
			return err
		}
	}
	if v, name := d.fields.get(ownNamespace); v != nil {
		if err := d.setNamespace(name, string(v)); err != nil {
			return err
		}
	}
	if v, name := d.fields.get(ownForceRefresh); v != nil {
		b, err := strconv.ParseBool(string(bytes.ToLower(v)))
		if err != nil {
			return badRequest("invalid_header", name, "%s is %q: use true or false", name, shownWord(v))
		}
		d.forceRefresh = b
	}
	if v, name := d.fields.get(ownMaxError); v != nil {
		n, err := strconv.ParseFloat(string(v), 64)
		if err != nil || !validMaxError(n) {
			return badRequest("invalid_header", name, "%s is %q: give %s", name, shownWord(v), maxErrorForm)
		}
		d.maxError = n
	}
	if v, name := d.fields.get(ownExplain); v != nil {
		b, err := strconv.ParseBool(string(bytes.ToLower(v)))
		if err != nil {
			return badRequest("invalid_header", name, "%s is %q: use 1 or 0", name, shownWord(v))
		}
		d.explain = b
	}
	if v := d.fields.std[stdCacheControl]; v != nil {
		if err := d.parseCacheControl(v); err != nil {
			return err
		}
	}
	return nil
}

// maxErrorForm is what an error budget must be.
const maxErrorForm = "the share of wrong answers that semantic hits may have, above 0 and up to 1, as 0.01"

func validMaxError(n float64) bool { return n > 0 && n <= 1 }

func (d *directives) isEncoded() bool {
	enc := d.fields.std[stdContentEncoding]
	return len(enc) > 0 && !bytes.EqualFold(enc, []byte("identity"))
}

func (d *directives) parseTrace() *apiError {
	d.span = readSpan(&d.fields)
	v, name := d.fields.get(ownTraceID)
	if len(v) == 0 {
		if d.trace = d.span.trace; d.trace == "" {
			d.trace = newTraceID()
		}
		return nil
	}
	return d.setTrace(name, v)
}

func (d *directives) setTrace(name string, v []byte) *apiError {
	for _, c := range v {
		if c < ' ' || c > '~' {
			d.trace = newTraceID()
			return badRequest("invalid_header", name, "%s holds a character outside printable ASCII", name)
		}
	}
	if len(v) > maxTraceBytes {
		d.trace = newTraceID()
		return badRequest("invalid_header", name, "%s is %d bytes long: at most %d are allowed", name, len(v), maxTraceBytes)
	}
	d.trace = string(v)
	return nil
}

func (d *directives) setNamespace(name, v string) *apiError {
	if len(v) > cache.MaxNamespaceBytes || !utf8.ValidString(v) {
		return badRequest("invalid_header", name, "%s must be valid UTF-8 of at most %d bytes", name, cache.MaxNamespaceBytes)
	}
	for _, r := range v {
		if unicode.IsControl(r) {
			return badRequest("invalid_header", name, "%s holds the control character %U", name, r)
		}
	}
	d.namespace = v
	return nil
}

// parseCacheControl reads the directives of RFC 9111 section 5.2.1 that mean something to a gateway; it asks to ignore
// the others.
func (d *directives) parseCacheControl(v []byte) *apiError {
	for part := range bytes.SplitSeq(v, []byte(",")) {
		name, arg, _ := bytes.Cut(bytes.TrimSpace(part), []byte("="))
		switch string(bytes.ToLower(name)) {
		case "no-store":
			d.noStore = true
		case "no-cache":
			// Clients that open an event stream say so out of habit, go-openai for one, as browsers do for an
			// EventSource. It is about the stream, not about the answer; max-age=0 and x-portkey-cache-force-refresh are.
			d.noneStored = d.noneStored || !bytes.EqualFold(d.fields.std[stdAccept], []byte("text/event-stream"))
		case "only-if-cached":
			d.onlyIfCached = true
		case "max-age":
			s, err := strconv.ParseUint(string(bytes.Trim(arg, `"`)), 10, 64)
			if err != nil && !errors.Is(err, strconv.ErrRange) { // what is too large to be held is very large, and no more (section 1.2.2)
				return badRequest("invalid_header", "cache-control", "max-age is %q: give whole seconds", shownWord(arg))
			}
			d.setMaxAge(float64(s))
		}
	}
	return nil
}

// setMaxAge takes the stricter of two limits. As in HTTP, an age of zero accepts nothing that is stored.
func (d *directives) setMaxAge(s float64) {
	if s == 0 {
		d.noneStored = true
		return
	}
	if age := seconds(s); d.maxAge == 0 || age < d.maxAge {
		d.maxAge = age
	}
}

// refreshes reports whether nothing that is stored may be served.
func (d *directives) refreshes() bool { return d.forceRefresh || d.noneStored }

func seconds(s float64) time.Duration {
	if s >= math.MaxInt64/float64(time.Second) {
		return math.MaxInt64
	}
	return max(1, time.Duration(s*float64(time.Second)))
}

const hexDigits = "0123456789abcdef"

// newTraceID returns 32 random hex digits, the form of a W3C trace id. It names a request and guards nothing, so the
// cheap generator will do.
func newTraceID() string {
	var b [32]byte
	for i := 0; i < len(b); i += 16 {
		x := rand.Uint64()
		for j := range 16 {
			b[i+j] = hexDigits[x&15]
			x >>= 4
		}
	}
	return string(b[:])
}
