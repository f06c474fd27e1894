package requestlog

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/prices"
)

// ID names a record. Of two records the later one has the larger ID.
type ID uint64

// String writes the ID as 16 hex digits.
func (id ID) String() string { return fmt.Sprintf("%016x", uint64(id)) }

// ParseID reads what String wrote.
func ParseID(s string) (ID, bool) {
	if len(s) != 16 {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 16, 64)
	return ID(n), err == nil
}

// MarshalText is String.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is ParseID.
func (id *ID) UnmarshalText(b []byte) error {
	n, ok := ParseID(string(b))
	if !ok {
		return fmt.Errorf("requestlog: %.40q is no id", b)
	}
	*id = n
	return nil
}

// Caller stands for a credential in one log: a keyed digest, by which callers can be told apart and not found out.
type Caller [8]byte

// MarshalText writes hex digits.
func (c Caller) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(c[:])), nil }

// UnmarshalText reads what MarshalText wrote.
func (c *Caller) UnmarshalText(b []byte) error {
	if len(b) != 2*len(c) {
		return fmt.Errorf("requestlog: %.40q is no caller", b)
	}
	_, err := hex.Decode(c[:], b)
	return err
}

// Record is one request and what became of it.
type Record struct {
	ID         ID        `json:"id"`
	Time       time.Time `json:"time"` // when it was over
	TraceID    string    `json:"trace_id"`
	SpanID     string    `json:"span_id"`
	ParentSpan string    `json:"parent_span_id,omitzero"` // of the caller's traceparent
	W3CTraceID string    `json:"w3c_trace_id,omitzero"`   // of the traceparent that was sent on, where trace_id is another

	Key       string            `json:"key,omitzero"`    // id of the gateway key
	Caller    Caller            `json:"caller,omitzero"` // zero: a configured key paid, or callers share
	Namespace string            `json:"namespace,omitzero"`
	User      string            `json:"user,omitzero"` // metadata._user
	Metadata  map[string]string `json:"metadata,omitzero"`

	Method   string `json:"method,omitzero"`
	Path     string `json:"path"`
	Provider string `json:"provider,omitzero"`
	Model    string `json:"model,omitzero"`        // that was asked for
	Answered string `json:"answer_model,omitzero"` // that the answer names, where it is another
	Stream   bool   `json:"stream,omitzero"`
	Status   int    `json:"status"`
	Error    string `json:"error,omitzero"` // code of what went wrong

	Change []Change `json:"change,omitzero"` // of a request to the admin API: what it changed

	CacheStatus  string  `json:"cache_status,omitzero"`
	Reason       string  `json:"reason,omitzero"`     // why nothing was served
	NotCached    string  `json:"not_cached,omitzero"` // why the answer was not to be cached
	Similarity   float64 `json:"similarity,omitzero"`
	Confidence   float64 `json:"confidence,omitzero"`
	Entry        string  `json:"entry,omitzero"`
	Shared       bool    `json:"shared,omitzero"`       // another request's call answered
	Check        bool    `json:"shadow_check,omitzero"` // no request, but the gateway's own call to check an answer to one
	Target       string  `json:"target,omitzero"`
	Attempts     int     `json:"attempts,omitzero"` // calls to providers, retries included
	Conversation string  `json:"conversation,omitzero"`

	Prompt     int64 `json:"prompt_tokens,omitzero"` // cached and written ones included
	Cached     int64 `json:"cached_tokens,omitzero"`
	Written    int64 `json:"cache_write_tokens,omitzero"`
	Completion int64 `json:"completion_tokens,omitzero"`
	Estimated  bool  `json:"tokens_estimated,omitzero"`

	Cost  *prices.Money `json:"cost_usd,omitzero"`  // of the call that was made; nil: none, or its price is not known
	Saved *prices.Money `json:"saved_usd,omitzero"` // of the call that was not made
	// NoPrice: there was a call to pay or to save, and nobody knows what it costs.
	NoPrice bool `json:"price_unknown,omitzero"`

	Latency float64 `json:"latency_ms"`
	Stages  Stages  `json:"stages_ms,omitzero"`

	Request  string     `json:"request_body,omitzero"`
	Answer   string     `json:"answer_body,omitzero"`
	Cut      bool       `json:"bodies_cut,omitzero"` // a body was longer than what is kept
	Feedback []Feedback `json:"feedback,omitzero"`
}

// Stages are the milliseconds that the parts of a request took.
type Stages struct {
	Key      float64 `json:"key,omitzero"`
	Embed    float64 `json:"embed,omitzero"`
	Search   float64 `json:"search,omitzero"`
	Verify   float64 `json:"verify,omitzero"`
	Opinion  float64 `json:"opinion,omitzero"`
	Load     float64 `json:"load,omitzero"`
	Upstream float64 `json:"upstream,omitzero"`
}

// Feedback is what somebody thought of the answer.
type Feedback struct {
	ID       string            `json:"id"`
	Value    int               `json:"value"`
	Weight   float64           `json:"weight"`
	Time     time.Time         `json:"time"`
	Metadata map[string]string `json:"metadata,omitzero"`
}

// maxName is how many bytes are kept of what becomes part of a key of the file.
const maxName = 1024

// bound cuts what becomes part of a key of the file. One over 32 KiB would be refused, and with it all that is written along with it.
func (r *Record) bound() {
	for _, s := range [...]*string{&r.TraceID, &r.W3CTraceID, &r.Namespace, &r.Key, &r.Provider, &r.Model, &r.Answered} {
		if len(*s) > maxName {
			*s = strings.Clone(strings.ToValidUTF8((*s)[:maxName], "\uFFFD"))
		}
	}
}

// size is about what the record takes while it waits.
func (r *Record) size() int64 {
	n := 512 + len(r.Path) + len(r.Model) + len(r.Answered) + len(r.Request) + len(r.Answer)
	for name, v := range r.Metadata {
		n += len(name) + len(v)
	}
	for _, c := range r.Change {
		n += len(c.Field) + len(c.From) + len(c.To)
	}
	return int64(n)
}

// encode writes the record as the file and every reader has it. What callers wrote need not be UTF-8, a path for one, and U+FFFD
// stands for what is not: one record must not keep those from being written that come along with it.
func (r *Record) encode() ([]byte, error) {
	return json.Marshal(r, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
}

func decode(b []byte) (*Record, error) {
	r := &Record{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, err
	}
	return r, nil
}
