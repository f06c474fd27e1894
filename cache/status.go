package cache

import (
	"fmt"
	"strings"
)

// Mode says how far a look-up may go.
type Mode uint8

const (
	ModeDefault   Mode = iota // in a Query: as the options say; in Options: ModeSemantic with an embedder, else ModeSimple
	ModeSimple                // exact tier only
	ModeSemantic              // exact, then semantic with guards, verifier and budget
	ModeThreshold             // exact, then plain cosine against the threshold, no guards, no verifier; for comparison
	ModeOff                   // neither look nor store
	ModeShadow                // decide as ModeSemantic does, say what would have been served, and serve nothing
	modeMax       = ModeShadow
)

var modeNames = [...]string{"default", "simple", "semantic", "threshold", "off", "shadow"}

// String returns the mode's name as ParseMode reads it.
func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return fmt.Sprintf("mode(%d)", uint8(m))
}

// ParseMode reads a mode's name, whatever its letters' case. The error wraps ErrInvalid and lists the names.
func ParseMode(s string) (Mode, error) {
	for i, n := range modeNames {
		if strings.EqualFold(s, n) {
			return Mode(i), nil
		}
	}
	return ModeDefault, fmt.Errorf("%w: mode %q: use one of %s", ErrInvalid, s, strings.Join(modeNames[:], ", "))
}

// Status is what came of a look-up.
type Status uint8

const (
	Miss        Status = iota // looked, found nothing that may be served
	HitExact                  // the very same question was stored
	HitSemantic               // another question was stored whose answer serves this one
	Refresh                   // the caller asked not to look, and to overwrite
	Bypass                    // the caller or the mode asked to stay out
	Degraded                  // a stage failed: Lookup.Err says which; load as after a miss
	numStatus
)

var statusNames = [...]string{"miss", "exact", "semantic", "refresh", "bypass", "degraded"}

// String returns the status in one lower-case word.
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("status(%d)", uint8(s))
}

// Hit reports whether an entry was found that may be served.
func (s Status) Hit() bool { return s == HitExact || s == HitSemantic }

// Reason says why a candidate, or a whole look-up, was not served. The empty reason means that nothing refused it.
type Reason string

const (
	ReasonNone       Reason = ""
	ReasonEmpty      Reason = "empty"      // nothing is stored that could be considered
	ReasonThreshold  Reason = "threshold"  // not similar enough
	ReasonNumber     Reason = "number"     // number guard
	ReasonNegation   Reason = "negation"   // negation and antonym guard
	ReasonIdentifier Reason = "identifier" // identifier, name, quotation and code guard
	ReasonDirection  Reason = "direction"  // direction guard: from A to B, from B to A
	ReasonTime       Reason = "time"       // date and time guard
	ReasonLanguage   Reason = "language"   // language guard
	ReasonVolatile   Reason = "volatile"   // the question asks for what changes by itself, and Options.Volatile keeps it from being served
	ReasonVerifier   Reason = "verifier"   // the verifier thinks that its answer does not serve the question
	ReasonBudget     Reason = "budget"     // the error budget does not allow its probability
	ReasonShadow     Reason = "shadow"     // ModeShadow kept it back
	ReasonDemoted    Reason = "demoted"    // somebody found its answer wrong for another question
	ReasonExpired    Reason = "expired"    // past its time
	ReasonAge        Reason = "age"        // older than Query.MaxAge
	ReasonCorrupt    Reason = "corrupt"    // its record failed its checksum
	ReasonGone       Reason = "gone"       // deleted or replaced while the look-up ran
	ReasonSecond     Reason = "second"     // a better candidate was served
	ReasonNoStore    Reason = "no-store"   // Query.NoStore
	ReasonOff        Reason = "off"        // ModeOff
	ReasonInvalid    Reason = "invalid"    // the query itself is refused
	ReasonStore      Reason = "store"      // the store could not be read
	ReasonEmbed      Reason = "embed"      // the embedder failed
	ReasonVerify     Reason = "verify"     // the verifier failed
	ReasonSearch     Reason = "search"     // the index refused the vector
	ReasonText       Reason = "text"       // the last turn's text or role allows only the exact tier
	ReasonClosed     Reason = "closed"     // the cache is closed
)

// IsGuard reports whether the reason is one of the guards: a difference in the words of the two questions.
func (r Reason) IsGuard() bool {
	switch r {
	case ReasonNumber, ReasonNegation, ReasonIdentifier, ReasonDirection, ReasonTime, ReasonLanguage:
		return true
	}
	return false
}

// reasons is the closed set above, in the order of the counters.
var reasons = [...]Reason{
	ReasonNone, ReasonEmpty, ReasonThreshold, ReasonNumber, ReasonNegation, ReasonIdentifier, ReasonDirection, ReasonTime, ReasonLanguage,
	ReasonVolatile, ReasonVerifier, ReasonBudget, ReasonShadow, ReasonDemoted, ReasonExpired, ReasonAge,
	ReasonCorrupt, ReasonGone, ReasonSecond, ReasonNoStore, ReasonOff, ReasonInvalid, ReasonStore, ReasonEmbed,
	ReasonVerify, ReasonSearch, ReasonText, ReasonClosed,
}

// weighed reports whether a candidate was refused for its probability, so that it might have been served had that been
// higher.
func (r Reason) weighed() bool { return r == ReasonVerifier || r == ReasonBudget }
