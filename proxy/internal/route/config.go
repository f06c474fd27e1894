package route

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// Limits of a request config. They keep what one header can ask for in proportion to what it costs to ask.
const (
	MaxDepth    = 8  // groups within groups
	MaxTargets  = 64 // in all
	MaxAttempts = 5  // retries of one target
)

// Mode says how a group picks among its targets.
type Mode uint8

const (
	Single Mode = iota // the first
	Fallback
	LoadBalance
	Conditional
)

var modeNames = [...]string{"single", "fallback", "loadbalance", "conditional"}

// String is the mode's name in a config.
func (m Mode) String() string { return modeNames[m] }

// Config is a request config, checked.
type Config struct {
	Root *Target

	// What the first SDK says beside the routing. It is taken from every config, from the first target that says it; a header of the
	// request goes before it.
	TraceID  string
	Metadata map[string]string

	patterns int
}

// Patterns is how large the patterns of its conditions are together: instructions, and ranges of characters in them.
func (c *Config) Patterns() int { return c.patterns }

// Target is one provider with all that a call to it needs, or a group of targets. What a target leaves open it has from
// the group around it.
type Target struct {
	Name       string
	Provider   string // "": the gateway's default
	VirtualKey string
	APIKey     string
	CustomHost string

	ResourceName string // Azure's three
	DeploymentID string
	APIVersion   string

	Organization string // OpenAI's two
	Project      string

	Override []Member       // members of the request body that it replaces, in order
	Retry    Retry          // of each call
	Timeout  time.Duration  // until a call's response headers are there; zero: none
	Forward  []string       // names of request headers to hand on even so, in canonical form
	Loose    bool           // keep what OpenAI's form has no place for
	Cache    jsontext.Value // the cache object, as the config has it; nil: none

	Mode    Mode
	Codes   []int // statuses that make a fallback go on; nil: every failure
	Sticky  Sticky
	Targets []*Target // nil: this is one provider
	weight  float64
	rules   []rule
	other   *Target // of a conditional group whose rules all fail; nil: an error

	saved   bool   // all that it says of where it leads stands in a saved config
	brought bool   // and names it in words that a caller chose
	place   string // "config.targets[1]"
	label   string // names the target in the health table
	total   string // and in the sums of it, which are by words that no caller can add to
	conduct []byte // how a call to it is made, or how a group goes from one target to the next
	digest  cache.Digest
	bare    cache.Digest // the same without the overriding members
	set     settings
}

// Place is where the target is in its config, as clients are told it.
func (t *Target) Place() string { return t.place }

// Same reports whether two targets are asked in the same way, so that their answers cannot differ by it.
func (t *Target) Same(o *Target) bool { return t.digest == o.digest }

// Bare is the Scope of a plan with this target only and no overriding members: for a caller that has put them over the body
// already.
func (t *Target) Bare() cache.Digest { return t.bare }

// Label names the target in the health table.
func (t *Target) Label() string { return t.label }

// SetRetries has calls made again so many times, on the default statuses.
func (t *Target) SetRetries(n int) { t.Retry.Attempts, t.set.retry = n, true }

// SetLoose says whether to keep what OpenAI's form has no place for.
func (t *Target) SetLoose(b bool) { t.Loose, t.set.loose = b, true }

// settings are those that a target gives itself, so that it does not get them from its group.
type settings struct{ retry, loose bool }

// Member is one name and value of a JSON object.
type Member struct {
	Name  string
	Value jsontext.Value
}

// Retry says when a call is made again.
type Retry struct {
	Attempts int   // further calls
	Codes    []int // statuses; nil: DefaultRetryCodes
	Ignore   bool  // the provider's retry-after
}

// DefaultRetryCodes are the statuses that are retried where a config lists none.
var DefaultRetryCodes = []int{429, 500, 502, 503, 504}

// Sticky says what a draw is tied to.
type Sticky uint8

const (
	Loose       Sticky = iota // drawn anew each time
	StickyTrace               // one trace, one target
	StickyUser                // one user, one target
)

// Error is what is wrong with a config: where, and what to write instead.
type Error = strict.Error

var wrong = strict.Wrong
