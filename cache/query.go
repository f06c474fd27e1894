package cache

import (
	"fmt"
	"math"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// NoExpiry as a TTL says that an entry lives until it is deleted. Zero cannot say so: in a [Query] it means "as
// the options say".
const NoExpiry time.Duration = -1

// MaxNamespaceBytes is the longest namespace that is accepted.
const MaxNamespaceBytes = 128

// Message is one turn of a conversation.
type Message struct {
	Role string // "user", "assistant", "system", …; compared byte for byte
	Text string // what was said
	Rest Digest // digest of all else that the turn carries (images, tool calls, a name); zero: nothing
}

// Query is one question, with everything that decides whether a stored answer may be reused for it.
//
// Two queries can share an answer through the exact tier only if namespace, scope and every message are equal, and
// through the semantic tier only if all of that but the last turn's text is, and, where Conversation says so, but the text of
// earlier turns. A caller that leaves out of Scope
// something that changes the answer will be served wrong answers; when in doubt, put it in.
type Query struct {
	// Namespace is the tenant; "" is the default one. At most MaxNamespaceBytes of valid UTF-8 without control
	// characters. No entry crosses namespaces.
	Namespace string
	// Scope is the digest of everything outside the messages that must be equal: dialect, provider, model,
	// sampling parameters, tools, response format. See Hash.
	Scope Digest
	// Messages is the conversation, oldest first; the last one is the question. If its role is not "user", or its
	// text is blank, not valid UTF-8 or longer than Options.MaxTextBytes, only the exact tier answers.
	Messages []Message

	TraceID string // what Feedback names this query by, at most MaxTraceBytes; "": no feedback will come
	Source  Digest // the key of whoever asks; only the same key may give feedback on the answer

	// Of the fields from here on, a zero one means what Options.Namespaces says of the namespace, else what Options says.

	Mode         Mode         // ModeDefault: Options.Mode
	Conversation Conversation // how the turns before the last count; ConversationDefault: Options.Conversation
	// IgnoreSystem leaves the system prompts out, turns of the roles "system" and "developer": questions share an answer
	// whatever theirs are, with others that ignore them too.
	IgnoreSystem bool

	Threshold float32       // cosine in 0..1 that a semantic hit needs; zero: Options.Threshold
	MaxError  float64       // budget in 0..1, see Options.MaxError; zero: that
	MaxAge    time.Duration // serve nothing older; zero: no limit
	TTL       time.Duration // how long what this query fills lives; zero: Options.TTL; NoExpiry: for good
	Volatile  Volatile      // what becomes of it if its answer changes by itself; VolatileDefault: Options.Volatile

	ForceRefresh bool // do not look; Fill overwrites
	NoStore      bool // neither read nor write; wins over ForceRefresh
}

// validate reports what is wrong with the query, naming the field, as an error that wraps ErrInvalid.
func (q *Query) validate() error {
	if err := validNamespace(q.Namespace); err != nil {
		return err
	}
	if len(q.Messages) == 0 {
		return fmt.Errorf("%w: query without messages: give at least the question", ErrInvalid)
	}
	if len(q.TraceID) > MaxTraceBytes {
		return fmt.Errorf("%w: query trace id of %d bytes: at most %d are allowed", ErrInvalid, len(q.TraceID), MaxTraceBytes)
	}
	if q.Mode > modeMax {
		return fmt.Errorf("%w: query mode %d: use one of the Mode constants", ErrInvalid, q.Mode)
	}
	if q.Conversation > conversationMax {
		return fmt.Errorf("%w: query conversation %d: use one of the Conversation constants", ErrInvalid, q.Conversation)
	}
	if !(q.Threshold >= 0 && q.Threshold <= 1) { // also refuses NaN
		return fmt.Errorf("%w: query threshold %v is outside 0..1", ErrInvalid, q.Threshold)
	}
	if !(q.MaxError >= 0 && q.MaxError <= 1) {
		return fmt.Errorf("%w: query max error %v is outside 0..1: give the share of wrong answers among semantic hits, as 0.01", ErrInvalid, q.MaxError)
	}
	if q.Volatile > volatileMax {
		return fmt.Errorf("%w: query volatile %d: use one of the Volatile constants", ErrInvalid, q.Volatile)
	}
	if q.MaxAge < 0 {
		return fmt.Errorf("%w: query max age %v is negative: use ForceRefresh to accept nothing stored", ErrInvalid, q.MaxAge)
	}
	if q.TTL < 0 && q.TTL != NoExpiry {
		return fmt.Errorf("%w: query TTL %v is negative: use NoExpiry or a positive duration", ErrInvalid, q.TTL)
	}
	return nil
}

func validNamespace(ns string) error {
	if len(ns) > MaxNamespaceBytes {
		return fmt.Errorf("%w: namespace of %d bytes: at most %d are allowed", ErrInvalid, len(ns), MaxNamespaceBytes)
	}
	if !utf8.ValidString(ns) {
		return fmt.Errorf("%w: namespace %q is not valid UTF-8", ErrInvalid, ns)
	}
	for _, r := range ns {
		if unicode.IsControl(r) {
			return fmt.Errorf("%w: namespace %q holds the control character %U", ErrInvalid, ns, r)
		}
	}
	return nil
}

// last returns the question. The query must be valid.
func (q *Query) last() *Message { return &q.Messages[len(q.Messages)-1] }

// comparable reports whether the question may be compared by meaning.
func (q *Query) comparable(maxTextBytes int) bool {
	m := q.last()
	return m.Role == "user" && len(m.Text) <= maxTextBytes && utf8.ValidString(m.Text) && strings.TrimSpace(m.Text) != ""
}

// keyVersion is hashed into every key, so that a change of the canonical form below can never make an old entry
// answer a question that was keyed by another rule.
const keyVersion = "reprise/key/1"

// keyIgnoring replaces it where the system prompt was left out, which is not to have had none.
const keyIgnoring = "reprise/key/1 ignoring system"

// keys returns the partition of the query, which two rewordings of one question share, and its exact key. Where earlier
// turns may differ, relaxed gives the partition.
//
//	partition = H(version, namespace, scope, n-1, role₁, text₁, rest₁, …, roleₙ, restₙ)
//	exact     = H(partition, textₙ)
//
// Every part is length-prefixed. The number of earlier messages is implied by the number of parts, since each turn
// gives exactly three and the last one two.
func (q *Query) keys() (partition, exact Digest) {
	w := newKeyWriter()
	if q.IgnoreSystem {
		w.string(keyIgnoring)
	} else {
		w.string(keyVersion)
	}
	w.string(q.Namespace)
	w.bytes(q.Scope[:])
	n := len(q.Messages) - 1
	for i := range q.Messages[:n] {
		m := &q.Messages[i]
		w.string(m.Role)
		w.string(m.Text)
		w.bytes(m.Rest[:])
	}
	m := &q.Messages[n]
	w.string(m.Role)
	w.bytes(m.Rest[:])
	partition = w.sum()

	w = newKeyWriter()
	w.bytes(partition[:])
	w.string(m.Text)
	return partition, w.sum()
}

// expiry returns when an entry that is created now by this query expires; the zero time: never. A life that runs
// past what a time stamp of 64-bit nanoseconds can hold is as good as no expiry.
func (q *Query) expiry(now time.Time, fallback time.Duration) time.Time {
	ttl := q.TTL
	if ttl == 0 {
		ttl = fallback
	}
	if ttl <= 0 || int64(ttl) > math.MaxInt64-max(0, now.UnixNano()) {
		return time.Time{}
	}
	return now.Add(ttl)
}
