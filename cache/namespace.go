package cache

import (
	"cmp"
	"time"
)

// NamespaceOptions is what holds in one namespace in place of the cache's options. Of a zero field the options hold. A query that
// says something itself goes before both.
type NamespaceOptions struct {
	Mode         Mode
	Conversation Conversation
	Threshold    float32       // see Options
	MaxError     float64       // see Options
	TTL          time.Duration // see Options; NoExpiry: for good
	MaxAge       time.Duration // serve nothing older
	Volatile     Volatile      // see Options
	ShadowRate   float64       // see ShadowOptions.Rate; negative: none
	// MaxEntries and MaxBytes bound what the namespace keeps, as in Options, beside the cache's own limits; zero or NoLimit: those alone do.
	MaxEntries, MaxBytes int64
}

// Namespace returns what holds in a namespace for a query that says nothing itself. Every field but MaxAge and the limits is set.
func (c *Cache) Namespace(name string) NamespaceOptions { return c.opts.namespace(name) }

func (o *Options) namespace(name string) NamespaceOptions {
	n := o.Namespaces[name]
	setDefault(&n.Mode, o.Mode)
	setDefault(&n.Conversation, o.Conversation)
	setDefault(&n.Threshold, o.Threshold)
	setDefault(&n.MaxError, o.MaxError)
	setDefault(&n.TTL, cmp.Or(o.TTL, NoExpiry))
	setDefault(&n.Volatile, o.Volatile)
	n.ShadowRate = o.shadowRate(name)
	return n
}

// apply has a query say what its namespace does, where it says nothing itself.
func (o *Options) apply(q *Query) {
	n, ok := o.Namespaces[q.Namespace]
	if !ok {
		return
	}
	setDefault(&q.Mode, n.Mode)
	setDefault(&q.Conversation, n.Conversation)
	setDefault(&q.Threshold, n.Threshold)
	setDefault(&q.MaxError, n.MaxError)
	setDefault(&q.TTL, n.TTL)
	setDefault(&q.MaxAge, n.MaxAge)
	setDefault(&q.Volatile, n.Volatile)
}

// maxErrorOf is the budget of a namespace.
func (o *Options) maxErrorOf(name string) float64 {
	return cmp.Or(o.Namespaces[name].MaxError, o.MaxError)
}

// shadowRate is the share of a namespace's semantic hits that are checked.
func (o *Options) shadowRate(name string) float64 {
	return max(0, cmp.Or(o.Namespaces[name].ShadowRate, o.Shadow.Rate))
}

// shadows reports whether hits are checked anywhere.
func (o *Options) shadows() bool {
	for name := range o.Namespaces {
		if o.shadowRate(name) > 0 {
			return true
		}
	}
	return o.Shadow.Rate > 0
}

// complain says what is wrong with a namespace's options. o is not complete yet.
func (n *NamespaceOptions) complain(bad func(string, ...any), name string, o *Options) {
	if err := validNamespace(name); err != nil {
		bad("%w", err)
		return
	}
	if n.Mode > modeMax {
		bad("namespace %q: mode %d: use one of the Mode constants", name, n.Mode)
	}
	if o.Embedder == nil && (n.Mode == ModeSemantic || n.Mode == ModeThreshold) {
		bad("namespace %q: mode %v needs an embedder", name, n.Mode)
	}
	if n.Conversation > conversationMax {
		bad("namespace %q: conversation %d: use one of the Conversation constants", name, n.Conversation)
	}
	if n.Conversation == ConversationJudged && o.Verifier == nil {
		bad("namespace %q: conversation %v needs a verifier, which judges what is not equal", name, n.Conversation)
	}
	if !(n.Threshold >= 0 && n.Threshold <= 1) {
		bad("namespace %q: threshold %v is outside 0..1", name, n.Threshold)
	}
	if !(n.MaxError >= 0 && n.MaxError <= 1) {
		bad("namespace %q: max error %v is outside 0..1", name, n.MaxError)
	}
	if n.TTL < 0 && n.TTL != NoExpiry {
		bad("namespace %q: TTL %v is negative: use NoExpiry or a positive duration", name, n.TTL)
	}
	if n.MaxAge < 0 {
		bad("namespace %q: max age %v is negative", name, n.MaxAge)
	}
	if n.Volatile > volatileMax {
		bad("namespace %q: volatile %d: use one of the Volatile constants", name, n.Volatile)
	}
	if n.MaxEntries < NoLimit {
		bad("namespace %q: max entries %d is negative: use NoLimit or a positive number", name, n.MaxEntries)
	}
	if n.MaxBytes < NoLimit {
		bad("namespace %q: max bytes %d is negative: use NoLimit or a positive number", name, n.MaxBytes)
	}
	if !(n.ShadowRate <= 1) {
		bad("namespace %q: shadow rate %v is above 1", name, n.ShadowRate)
	}
}
