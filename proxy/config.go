package proxy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/egress"
	"github.com/reprise-cache/reprise/proxy/internal/keys"
	"github.com/reprise-cache/reprise/proxy/internal/providers"
	"github.com/reprise-cache/reprise/proxy/internal/requestlog"
	"github.com/reprise-cache/reprise/proxy/internal/route"
)

// Defaults of Config.
const (
	DefaultMaxBodyBytes    = 10 << 20
	DefaultMaxHeaderBytes  = 16 << 10
	DefaultMaxAnswerBytes  = 8 << 20
	DefaultMaxConns        = 16 << 10
	DefaultReadTimeout     = 30 * time.Second
	DefaultWriteTimeout    = 30 * time.Second
	DefaultKeepAlive       = 2 * time.Minute
	DefaultUpstreamTimeout = 10 * time.Minute
	DefaultUpstreamIdle    = 2 * time.Minute
	DefaultFillQueue       = 1024
	DefaultFillWorkers     = 32

	DefaultRequestLogBytes = requestlog.DefaultMaxBytes
	DefaultRequestLogAge   = requestlog.DefaultMaxAge
	DefaultRequestLogQueue = requestlog.DefaultQueue
)

// Usage says what a hit reports as its usage.
type Usage uint8

const (
	StoredUsage Usage = iota // what the provider reported when the answer was made
	ZeroUsage                // the same object with every number 0: what the hit cost
)

// Config configures a Server. Zero fields take the defaults above; Providers must have one.
type Config struct {
	Cache     *cache.Cache // nil: nothing is cached. The caller closes it, after Shutdown.
	Providers []Provider   // by their names, in any order
	Default   string       // the provider of requests that name none; "": the first of Providers
	Anthropic string       // the same on Anthropic's paths; "": the first of its kind, else Default

	MaxBodyBytes   int // largest request body
	MaxHeaderBytes int // largest request line and headers together
	MaxAnswerBytes int // largest answer that is kept for the cache and for clients that join late; larger ones pass through
	MaxConns       int // connections served at once

	ReadTimeout  time.Duration // to receive a whole request
	WriteTimeout time.Duration // without progress while sending a response
	KeepAlive    time.Duration // an idle connection is kept open so long

	UpstreamTimeout   time.Duration // a whole call to a provider, its stream included
	UpstreamFirstByte time.Duration // until a provider's response headers; zero: only UpstreamTimeout counts
	UpstreamIdle      time.Duration // between two pieces of a provider's response

	FillQueue   int // answers that may wait to be written to the cache
	FillWorkers int // that write them; what they write at a time shares a commit of the file

	Logger          *slog.Logger // one record a request; nil: none
	Usage           Usage        // of a hit
	ShareAcrossKeys bool         // callers with credentials of their own share one cache

	// StricterOnly: requests may have the cache serve less than its options say, and not more. StricterIn says so of single
	// namespaces, and goes before it. Where the mode is ModeShadow or ModeOff no request has anything served in any case.
	StricterOnly bool
	StricterIn   map[string]bool

	AllowedHosts   []string      // hosts that requests may send to by x-portkey-custom-host: api.example.com, *.example.com; empty: none
	AllowedOrigins []string      // web pages that browsers may let call this server: https://app.example.com, or *; empty: none
	Keys           *Keys         // gateway keys, and virtual ones unless VirtualKeys is set; nil: there are none. The caller closes it, after Shutdown.
	KeysRequired   bool          // calls need a gateway key even while none was made
	VirtualKeys    VirtualKeys   // nil: those of Keys
	SavedConfigs   *SavedConfigs // request configs that x-portkey-config names; nil: there are none
	ConfigSchema   []byte        // the JSON Schema of the operator's configuration file, which the admin API shows; nil: there is none

	RequestLog RequestLog // one record a request, in a file
	PricesFile string     // JSON; what models cost, before what the binary knows; "": none

	// OpenMetrics: /metrics answers to everybody, not only to those who may read the admin API.
	OpenMetrics bool

	// AdminToken is the operator's key, which has every scope; "": there is none, and the admin API answers only to gateway
	// keys that may use it.
	AdminToken string

	Transport http.RoundTripper // towards the providers; nil: one of the server's own

	allowed  *egress.AllowList // AllowedHosts, and
	origins  *origins          // AllowedOrigins, as withDefaults has read them
	requests *requestlog.Log   // of a Transport, whose servers share it and leave it open; nil: the one that RequestLog names
	priced   string            // the row of the provider table whose prices the only provider has, of a Transport; "": none
}

// RequestLog says where one record a request is kept, and what money was spent and saved. Records never hold headers,
// credentials or configs. The file belongs to one server.
type RequestLog struct {
	Path     string        // "": none is kept
	MaxBytes int64         // of the file, from which on the oldest records go; zero: DefaultRequestLogBytes
	MaxAge   time.Duration // from which on records go; zero: DefaultRequestLogAge
	Queue    int           // records that may wait to be written; zero: DefaultRequestLogQueue
	Bodies   bool          // keep what was asked and answered, the first 64 KiB of each
}

// Kind says what API a provider has: the name of a row in the provider table, as "anthropic" or "azure-openai". "" is the
// row of the provider's own name. A provider of which the table says nothing is sent what comes, with its key as a bearer
// token.
type Kind string

// The kinds that code needs a name for.
const (
	OpenAI    Kind = "openai"
	Anthropic Kind = "anthropic"
)

// Kinds lists all kinds, sorted.
func Kinds() []string { return providers.Names() }

// Provider is an API that answers questions.
type Provider struct {
	Name    string // as requests name it: letters, digits, "-", "_" and "."
	Kind    Kind
	BaseURL string            // up to and with the version: https://api.openai.com/v1; "": DefaultBaseURL
	APIKey  string            // sent in place of the caller's credential; "": that one passes through
	Headers map[string]string // set on every request, over the caller's

	ResourceName string // of Azure OpenAI; a request may say them too
	DeploymentID string
	APIVersion   string
}

// VirtualKeys are keys that the gateway keeps, which requests use by name. Its methods are safe for concurrent use.
type VirtualKeys interface {
	// Provider returns the name of the provider that the key is for; false if there is no such key.
	Provider(name string) (string, bool)
	// Secret returns what to send. It is asked for before each call, so that keys can be rotated and limited. The caller
	// is told its error.
	Secret(ctx context.Context, name string) (string, error)
	// Answered says with what status a provider answered a call with a secret, and how long it asked to be left alone. It
	// reports whether another secret is worth a try at once.
	Answered(name, secret string, status int, after time.Duration) (again bool)
	// Used says what an answer took: tokens, and money by the price table.
	Used(name string, tokens int, cost float64)
}

// DefaultBaseURL is the address that the provider table has for its kind, or for its name; "" if it has none. For Azure
// {resource_name} stands in it.
func (p Provider) DefaultBaseURL() string {
	if p.Kind != "" && providers.Get(string(p.Kind)) == nil {
		return ""
	}
	return p.row().BaseURL
}

// String returns the provider with its secrets masked.
func (p Provider) String() string {
	key := "caller's"
	if p.APIKey != "" {
		key = "****"
	}
	base := p.BaseURL
	if u, err := url.Parse(base); err == nil {
		base = u.Redacted()
	}
	return fmt.Sprintf("%s (%s, key %s, %d headers)", p.Name, base, key, len(p.Headers))
}

// ErrConfig: a Config, or a file that it names, cannot be used as it is; the error says what must change. Others are the machine's, as
// that of a request log which another process has open.
var ErrConfig = errors.New("proxy: invalid config")

// configComplaint is one about a Config, in its own words.
type configComplaint struct{ error }

func (e configComplaint) Is(target error) bool { return target == ErrConfig }
func (e configComplaint) Unwrap() error        { return e.error }

// withDefaults returns a copy whose zero fields are filled in, or every complaint about the set ones.
func (c Config) withDefaults() (Config, error) {
	var err error
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, configComplaint{fmt.Errorf("proxy: "+format, args...)})
	}
	notNegative(bad, "MaxBodyBytes", c.MaxBodyBytes)
	notNegative(bad, "MaxHeaderBytes", c.MaxHeaderBytes)
	notNegative(bad, "MaxAnswerBytes", c.MaxAnswerBytes)
	notNegative(bad, "MaxConns", c.MaxConns)
	notNegative(bad, "ReadTimeout", c.ReadTimeout)
	notNegative(bad, "WriteTimeout", c.WriteTimeout)
	notNegative(bad, "KeepAlive", c.KeepAlive)
	notNegative(bad, "UpstreamTimeout", c.UpstreamTimeout)
	notNegative(bad, "UpstreamFirstByte", c.UpstreamFirstByte)
	notNegative(bad, "UpstreamIdle", c.UpstreamIdle)
	notNegative(bad, "FillQueue", c.FillQueue)
	notNegative(bad, "FillWorkers", c.FillWorkers)
	notNegative(bad, "RequestLog.Queue", c.RequestLog.Queue)
	notNegative(bad, "RequestLog.MaxAge", c.RequestLog.MaxAge)
	if n := c.RequestLog.MaxBytes; n != 0 && n < requestlog.MinBytes {
		bad("RequestLog.MaxBytes %d: give at least %d", n, requestlog.MinBytes)
	}
	if c.Usage > ZeroUsage {
		bad("Usage %d: use StoredUsage or ZeroUsage", c.Usage)
	}
	if len(c.Providers) == 0 {
		bad("no providers: give at least one")
	}
	known := map[string]bool{}
	for i, p := range c.Providers {
		for _, err := range p.complaints() {
			bad("Providers[%d]: %w", i, err)
		}
		if known[p.Name] {
			bad("Providers[%d]: the name %q is taken already", i, p.Name)
		}
		known[p.Name] = true
	}
	if c.Default != "" && !known[c.Default] {
		bad("Default %q is not the name of a provider: use one of %s", c.Default, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	if c.Anthropic != "" && !known[c.Anthropic] {
		bad("Anthropic %q is not the name of a provider: use one of %s", c.Anthropic, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
	}
	if t := c.AdminToken; t != "" && (len(t) < MinAdminToken || !validHeaderValue(t)) {
		bad("AdminToken has %d bytes: use %d or more that a header can carry, drawn at random", len(t), MinAdminToken)
	}
	if c.allowed, err = egress.ParseAllowList(c.AllowedHosts); err != nil {
		bad("AllowedHosts: %w", err)
	}
	if c.origins, err = parseOrigins(c.AllowedOrigins); err != nil {
		bad("AllowedOrigins: %w", err)
	}
	if len(errs) > 0 {
		return c, errors.Join(errs...)
	}

	if c.Default == "" {
		c.Default = c.Providers[0].Name
	}
	if c.VirtualKeys == nil && c.Keys != nil {
		c.VirtualKeys = c.Keys
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	setDefault(&c.MaxBodyBytes, DefaultMaxBodyBytes)
	setDefault(&c.MaxHeaderBytes, DefaultMaxHeaderBytes)
	setDefault(&c.MaxAnswerBytes, DefaultMaxAnswerBytes)
	setDefault(&c.MaxConns, DefaultMaxConns)
	setDefault(&c.ReadTimeout, DefaultReadTimeout)
	setDefault(&c.WriteTimeout, DefaultWriteTimeout)
	setDefault(&c.KeepAlive, DefaultKeepAlive)
	setDefault(&c.UpstreamTimeout, DefaultUpstreamTimeout)
	setDefault(&c.UpstreamIdle, DefaultUpstreamIdle)
	setDefault(&c.FillQueue, DefaultFillQueue)
	setDefault(&c.FillWorkers, DefaultFillWorkers)
	return c, nil
}

func notNegative[T int | time.Duration](bad func(string, ...any), field string, v T) {
	if v < 0 {
		bad("%s %v is negative: use 0 for the default, or more", field, v)
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (p Provider) complaints() []error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if !keys.ValidName(p.Name) {
		bad("the name %q is not made of letters, digits, \"-\", \"_\" and \".\", 1 to 64 of them", p.Name)
	}
	if p.Kind != "" && providers.Get(string(p.Kind)) == nil {
		bad("the kind %q of %q is not in the provider table: use one of %s", p.Kind, p.Name, strings.Join(Kinds(), ", "))
	}
	for _, f := range [...]struct{ name, value string }{{"ResourceName", p.ResourceName}, {"DeploymentID", p.DeploymentID}, {"APIVersion", p.APIVersion}} {
		if f.value != "" && !route.URLWord(f.value) {
			bad("%s %q of %q is not a word that a URL can have: give 1 to 64 letters, digits, \"-\", \"_\" and \".\"", f.name, f.value, p.Name)
		}
	}
	if p.BaseURL != "" || p.row().BaseURL == "" { // else the table has it
		// The URL may hold a password, so only its parts are quoted.
		u, err := url.Parse(p.BaseURL)
		switch {
		case err != nil:
			bad("the base URL of %q cannot be parsed: give one such as https://api.openai.com/v1", p.Name)
		case u.Scheme != "http" && u.Scheme != "https":
			bad("the base URL of %q has the scheme %q: use http or https", p.Name, u.Scheme)
		case u.Host == "":
			bad("the base URL of %q has no host", p.Name)
		case u.RawQuery != "" || u.Fragment != "":
			bad("the base URL of %q has a query or a fragment, which paths cannot be added to", p.Name)
		}
	}
	if !validHeaderValue(p.APIKey) {
		bad("the API key of %q holds a control character or a space around it: take away what is not the key, such as the end of its line", p.Name)
	}
	for _, k := range slices.Sorted(maps.Keys(p.Headers)) {
		if !keys.ValidName(k) || !validHeaderValue(p.Headers[k]) {
			bad("header %q of %q is not one that HTTP can carry", k, p.Name)
		}
	}
	return errs
}

func validHeaderValue(s string) bool {
	for _, c := range []byte(s) {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return strings.TrimSpace(s) == s
}
