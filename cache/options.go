package cache

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// ModelChange says what Open does with a file whose vectors another embedding model made.
type ModelChange uint8

const (
	// RefuseModel makes Open fail with ErrModelMismatch. The file is not touched.
	RefuseModel ModelChange = iota
	// Reembed makes Open embed every stored text anew before it returns. Until the last one is done the file
	// keeps the old vectors whole, so a crash in between costs only the work. A text that the embedder refuses while it takes others
	// is for the exact tier only, and tried again in the background.
	Reembed
)

// DefaultThreshold is the cosine that a semantic hit needs where nothing else is said. It was chosen for the
// embedded MiniLM with the guards on, as the first step of 0.02 at which about 5 in 100 look-alikes, or fewer, are
// served on both sets of labelled pairs that the encoder was not trained on:
//
//   - 2,436 pairs written for this project, half of them traps made to look the same: 18.8 % of the same pairs and
//     4.4 % of the traps are served (by the cosine alone, without guards: 18.9 % and 12.7 %);
//   - 1,500 Quora Question Pairs, which are found and not made: 50.1 % and 5.0 % (50.5 % and 6.7 %).
//
// These are shares of pairs that were picked to be hard. Another model needs another threshold.
const DefaultThreshold = 0.88

// DefaultVerifiedThreshold is the cosine that a semantic hit needs where a Verifier judges and nothing else is said. It spares the
// verifier what is hopeless, and the caller what the verifier gets wrong more often among texts that have little in common. Each
// of the 1,959 calibration pairs' questions of that time was asked of a store with the other one of its pair and 36,000 more texts, at a budget of
// 1 %: with 0.5, 163 were served the answer of a pair that is labelled the same, with 0.45 165, with 0.4 164, while answers to
// questions without a label, most of them wrong below 0.5, rose from 28 to 30 and 37, and the pairs that the verifier reads a look-up from
// 3.1 to 4.1 and 4.7. That was before the encoder was trained; since then 0.4 serves a twentieth more of labelled pairs, but in a replay of
// 20,000 requests (bench replay) no more at all, and 23 of it wrong where 0.5 has 19.
const DefaultVerifiedThreshold = 0.5

// Defaults of Options. DefaultK loses nothing that could be served: in the store above, with the encoder as it was then, each of the
// 172 true matches that verifier and budget allow, and that are near enough, was among the five nearest, while eight or sixteen only
// found more of what is wrong.
const (
	DefaultK             = 5
	DefaultMaxValueBytes = 8 << 20
	DefaultMaxTextBytes  = 32 << 10
	DefaultHotBytes      = 64 << 20
	DefaultLockTimeout   = time.Second
	DefaultSweepInterval = time.Minute
	DefaultVolatileTTL   = 5 * time.Minute

	DefaultSnapshotInterval = 10 * time.Minute
)

// maxRecordBytes is half of what bbolt takes as one value.
const maxRecordBytes = 1 << 30

// Options configures a cache. The zero value is usable: exact tier only, entries never expire. With an Embedder,
// and nothing else set, it is the recommended configuration.
type Options struct {
	Embedder Embedder // nil: exact tier only
	Verifier Verifier // judges what similarity and guards let through; nil: they have the last word
	Mode     Mode     // ModeDefault: ModeSemantic with an embedder, else ModeSimple
	// Conversation says how the turns before the last count; ConversationDefault: ConversationStrict.
	Conversation Conversation
	// Threshold is the cosine in 0..1 that a semantic hit needs; zero: DefaultThreshold, or with a Verifier
	// DefaultVerifiedThreshold, which only spares it the hopeless.
	Threshold float32
	// MaxError is the budget: the expected share of wrong answers among semantic hits, in 0..1; zero: DefaultMaxError; 1
	// serves whatever threshold and guards let through. budget.go has the rule.
	MaxError float64
	// ConversationMaxError is the budget of conversations that are judged, where the query names none; zero: three times MaxError, up to
	// 1. A few hundred pairs of conversations do not show that any share of them is right in more than 98 of 100 cases.
	ConversationMaxError float64
	// Decision turns what models and guards say into a probability; nil: the one that was fitted for the models of this
	// module. See FitDecision.
	Decision *Decision

	K   int           // candidates that a semantic look-up considers, at most 100; zero: DefaultK
	TTL time.Duration // life of an entry; zero or NoExpiry: for good

	Volatile    Volatile      // what becomes of questions whose answers change by themselves; VolatileDefault: VolatileExact
	VolatileTTL time.Duration // longest life of such an answer with VolatileShort; zero: DefaultVolatileTTL

	// Namespaces has what holds in single namespaces in place of the above.
	Namespaces map[string]NamespaceOptions

	MaxValueBytes int // largest body that Put and Fill accept; zero: DefaultMaxValueBytes
	MaxTextBytes  int // longest last turn that is embedded; longer ones use the exact tier only; zero: DefaultMaxTextBytes
	// MaxEntries and MaxBytes bound what is kept; what saves least for its room makes way, by what each answer cost and took (see
	// Value), how often it is served, and its size. Bytes are those of questions, answers before compression, vectors, and 256 for
	// each entry. Zero: no limit on entries, DefaultMaxBytes; NoLimit: none.
	MaxEntries, MaxBytes int64
	// SecondWorth is what a second of an answer's making is worth, in US dollars; zero: DefaultSecondWorth; negative: nothing.
	SecondWorth float64

	HotBytes int64 // memory for bodies that the exact tier answers without the file; zero: DefaultHotBytes; negative: none

	// NoLearning leaves probabilities as they are, whatever use has shown. Feedback and verdicts still keep a bad answer back.
	NoLearning bool
	HalfLife   time.Duration // how long until what was learnt counts for half; zero: DefaultHalfLife
	// ReadAnswer says what of a body two answers are compared by; false: it cannot be told. nil: as ReadAnswersBy was told, as proxy's
	// Server and Transport do; else a body is JSON or text, all of which counts. Where it carries an id or a time of another form,
	// give a function, or every two answers differ.
	ReadAnswer func(body []byte) (Answer, bool)
	// OnTighten is called when an error budget is tightened or relaxed in a namespace, with what is known of the hits under it; nil: not.
	// Feedback, comparisons and the upkeep call it, maybe at once.
	OnTighten func(FalseHits)
	Shadow    ShadowOptions  // checks of hits against the provider
	Opinion   OpinionOptions // a second judge

	OnModelChange ModelChange           // RefuseModel or Reembed
	OnReembed     func(done, total int) // called now and then while Open embeds anew; nil: not
	LockTimeout   time.Duration         // how long Open waits for another process to let go; zero: DefaultLockTimeout
	// OpenEarly makes Open return while the index is still being filled from the file: the exact tier knows all, the semantic one
	// what it has been told. See Cache.Ready.
	OpenEarly bool
	// SnapshotInterval is how often the index's layout is written beside the file, for the next Open; zero: DefaultSnapshotInterval;
	// negative: never, not even by Close.
	SnapshotInterval time.Duration
	// Now is the clock by which entries are dated, age and expire, what was learnt fades, and limits by the minute and the day begin anew;
	// nil: the machine's. Where past traffic is put to a cache it says the traffic's own times, from 1678 to 2262; they may go back, but what
	// was learnt fades by every step forward. Who sets it calls Cache.Sweep, as the upkeep is woken by the machine's clock. It must be
	// safe for concurrent use.
	Now func() time.Time
	// SweepInterval is how often expired entries are removed; zero: DefaultSweepInterval; negative: never. What was learnt is kept
	// within its bounds in any case.
	SweepInterval time.Duration

	simple bool // Mode was said to be ModeSimple, and is not that for want of an embedder
}

// withDefaults returns a copy whose zero fields are filled in, or every complaint about the set ones.
func (o Options) withDefaults() (Options, error) {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%w: options: "+format, append([]any{ErrInvalid}, args...)...))
	}
	if o.Mode > modeMax {
		bad("mode %d: use one of the Mode constants", o.Mode)
	}
	if o.Embedder == nil && (o.Mode == ModeSemantic || o.Mode == ModeThreshold) {
		bad("mode %v needs an embedder", o.Mode)
	}
	if o.Embedder != nil && (o.Embedder.Dim() <= 0 || o.Embedder.ID() == "") {
		bad("embedder with id %q and dimension %d: both must be set", o.Embedder.ID(), o.Embedder.Dim())
	}
	if !(o.Threshold >= 0 && o.Threshold <= 1) { // also refuses NaN
		bad("threshold %v is outside 0..1", o.Threshold)
	}
	if !(o.MaxError >= 0 && o.MaxError <= 1) {
		bad("max error %v is outside 0..1", o.MaxError)
	}
	if !(o.ConversationMaxError >= 0 && o.ConversationMaxError <= 1) {
		bad("conversation max error %v is outside 0..1", o.ConversationMaxError)
	}
	if o.Decision != nil && o.Decision.file.Policies[PolicySemantic] == nil {
		bad("decision without curves: use what ParseDecision or FitDecision returned, or nil")
	}
	if o.Verifier != nil && o.Embedder == nil {
		bad("a verifier needs an embedder, which finds what it judges")
	}
	if o.Conversation > conversationMax {
		bad("conversation %d: use one of the Conversation constants", o.Conversation)
	}
	if o.Conversation == ConversationJudged && o.Verifier == nil {
		bad("conversation %v needs a verifier, which judges what is not equal", o.Conversation)
	}
	if o.K < 0 || o.K > 100 {
		bad("k %d is outside 0..100", o.K)
	}
	if o.TTL < 0 && o.TTL != NoExpiry {
		bad("TTL %v is negative: use NoExpiry or a positive duration", o.TTL)
	}
	if o.Volatile > volatileMax {
		bad("volatile %d: use one of the Volatile constants", o.Volatile)
	}
	if o.VolatileTTL < 0 {
		bad("volatile TTL %v is negative: use a positive duration, or VolatileCache", o.VolatileTTL)
	}
	if o.MaxValueBytes < 0 || o.MaxValueBytes > maxRecordBytes {
		bad("max value bytes %d is outside 0..%d", o.MaxValueBytes, maxRecordBytes)
	}
	if o.MaxTextBytes < 0 || o.MaxTextBytes > maxRecordBytes {
		bad("max text bytes %d is outside 0..%d", o.MaxTextBytes, maxRecordBytes)
	}
	if o.MaxEntries < NoLimit {
		bad("max entries %d is negative: use NoLimit or a positive number", o.MaxEntries)
	}
	if o.MaxBytes < NoLimit {
		bad("max bytes %d is negative: use NoLimit or a positive number", o.MaxBytes)
	}
	if math.IsNaN(o.SecondWorth) || math.IsInf(o.SecondWorth, 0) {
		bad("second worth %v is no sum of money", o.SecondWorth)
	}
	if o.OnModelChange > Reembed {
		bad("on model change %d: use RefuseModel or Reembed", o.OnModelChange)
	}
	if o.LockTimeout < 0 {
		bad("lock timeout %v is negative", o.LockTimeout)
	}
	if o.HalfLife < 0 {
		bad("half life %v is negative", o.HalfLife)
	}
	for _, name := range slices.Sorted(maps.Keys(o.Namespaces)) {
		n := o.Namespaces[name]
		n.complain(bad, name, &o)
	}
	o.Shadow.complain(bad)
	o.Opinion.complain(bad)
	if len(errs) > 0 {
		return o, errors.Join(errs...)
	}

	o.simple = o.Mode == ModeSimple
	if o.Mode == ModeDefault {
		o.Mode = ModeSimple
		if o.Embedder != nil {
			o.Mode = ModeSemantic
		}
	}
	o.Namespaces = maps.Clone(o.Namespaces)
	setDefault(&o.Conversation, ConversationStrict)
	setDefault(&o.Volatile, VolatileExact)
	setDefault(&o.VolatileTTL, DefaultVolatileTTL)
	if o.Verifier != nil {
		setDefault(&o.Threshold, DefaultVerifiedThreshold)
	}
	setDefault(&o.Threshold, DefaultThreshold)
	setDefault(&o.MaxError, DefaultMaxError)
	setDefault(&o.ConversationMaxError, min(1, 3*o.MaxError))
	setDefault(&o.K, DefaultK)
	setDefault(&o.MaxValueBytes, DefaultMaxValueBytes)
	setDefault(&o.MaxTextBytes, DefaultMaxTextBytes)
	setDefault(&o.MaxBytes, DefaultMaxBytes)
	setDefault(&o.SecondWorth, DefaultSecondWorth)
	setDefault(&o.HotBytes, DefaultHotBytes)
	setDefault(&o.LockTimeout, DefaultLockTimeout)
	setDefault(&o.SnapshotInterval, DefaultSnapshotInterval)
	setDefault(&o.SweepInterval, DefaultSweepInterval)
	if o.Now == nil {
		o.Now = time.Now
	}
	setDefault(&o.HalfLife, DefaultHalfLife)
	setDefault(&o.Shadow.PerMinute, DefaultShadowPerMinute)
	setDefault(&o.Shadow.Timeout, DefaultShadowTimeout)
	setDefault(&o.Opinion.Least, DefaultOpinionLeast)
	setDefault(&o.Opinion.Timeout, DefaultOpinionTimeout)
	setDefault(&o.Opinion.PerMinute, DefaultOpinionPerMinute)
	return o, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
