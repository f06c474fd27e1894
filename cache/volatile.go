package cache

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Volatile says what becomes of a question whose answer changes by itself: what is on today, the latest version, the
// current price. The signs are English words, in the question or in the user's turns that it may lean on; a question without them may be
// volatile all the same, and a caller who knows sends MaxAge or NoStore.
type Volatile uint8

const (
	VolatileDefault Volatile = iota // in a Query: as the options say; in Options: VolatileExact
	VolatileExact                   // only the very same question gets the stored answer
	VolatileShort                   // as any other question, but the answer lives for Options.VolatileTTL at most
	VolatileCache                   // as any other question
	volatileMax     = VolatileCache
)

var volatileNames = [...]string{"default", "exact", "short", "cache"}

// String returns the name as ParseVolatile reads it.
func (v Volatile) String() string {
	if int(v) < len(volatileNames) {
		return volatileNames[v]
	}
	return fmt.Sprintf("volatile(%d)", uint8(v))
}

// ParseVolatile reads a name, whatever its letters' case. The error wraps ErrInvalid and lists the names.
func ParseVolatile(s string) (Volatile, error) {
	for i, n := range volatileNames {
		if strings.EqualFold(s, n) {
			return Volatile(i), nil
		}
	}
	return VolatileDefault, fmt.Errorf("%w: volatile %q: use one of %s", ErrInvalid, s, strings.Join(volatileNames[:], ", "))
}

// volatility settles what the look-up does with a volatile question. It is asked after the exact tier, which serves
// such questions like others, and by Fill.
func (l *Lookup) volatility() Volatile {
	if !l.semantic || l.volatile != VolatileDefault {
		return l.volatile
	}
	l.volatile = l.policyOnVolatile(&l.c.opts)
	if l.volatile != VolatileCache && l.volatileToken() == "" {
		l.volatile = VolatileCache
	}
	return l.volatile
}

// volatileToken returns the words that make the question volatile; "": none do. They may stand in what it leans on: after "what is the
// weather in London today", "and in Paris" asks for what changes by itself, too.
func (l *Lookup) volatileToken() string {
	if token := volatileToken(words(l.q.last().Text)); token != "" || l.Conversation == ConversationLastTurn {
		return token
	}
	earlier := l.q.Messages[:len(l.q.Messages)-1]
	if !slices.ContainsFunc(earlier, func(m Message) bool { return m.Role == "user" && volatileToken(words(m.Text)) != "" }) {
		return ""
	}
	for _, text := range leanedOn(l.q.Messages) { // a topic that was left says nothing of this one
		if token := volatileToken(words(text)); token != "" {
			return token
		}
	}
	return ""
}

func (l *Lookup) policyOnVolatile(o *Options) Volatile {
	if l.Mode == ModeThreshold {
		return VolatileCache // plain cosine, for comparison
	}
	if l.q.Volatile != VolatileDefault {
		return l.q.Volatile
	}
	return o.Volatile
}

// refuseVolatile refuses a stored question that asks for what has changed since. Such are found only where another
// policy stored them.
func (l *Lookup) refuseVolatile(o *Options, cand *Candidate) {
	if cand.Reason != ReasonNone || l.policyOnVolatile(o) != VolatileExact {
		return
	}
	if token := volatileToken(words(cand.Text)); token != "" {
		cand.Reason, cand.Token = ReasonVolatile, token
	}
}

// shortLife returns the life of an entry that is to live for most at most, by what was asked for.
func shortLife(asked, most time.Duration) time.Duration {
	if asked <= 0 || asked > most {
		return most
	}
	return asked
}

// volatileWords are volatile by themselves.
var volatileWords = map[string]bool{
	"today": true, "today's": true, "tonight": true, "tonight's": true, "yesterday's": true, "tomorrow's": true, "currently": true,
	"latest": true, "weather": true,
}

// volatileAfter lists, by a word, the words that make it volatile when they follow at once.
var volatileAfter = map[string]map[string]bool{
	"current": setOf(`price prices rate rates version versions weather temperature score scores status value time date president
		prime ceo exchange news population record traffic wait queue stock stocks mortgage interest inflation events affairs`),
	"this":     setOf("morning afternoon evening week weekend month"),
	"right":    setOf("now"),
	"open":     setOf("now"),
	"last":     setOf("night night's"),
	"exchange": setOf("rate rates"),
	"stock":    setOf("price prices market"),
	"share":    setOf("price prices"),
	"live":     setOf("score scores"),
	"breaking": setOf("news"),
	"next":     setOf("game match fixture train bus flight election eclipse episode launch"),
	"the":      setOf("news"),
	"time":     setOf("now"),
}

// volatileToken returns the words that make a text volatile; "": none do.
func volatileToken(ws []word) string {
	for i := range ws {
		w := ws[i].lower
		prev, next := "", ""
		if i > 0 {
			prev = ws[i-1].lower
		}
		if i+1 < len(ws) {
			next = ws[i+1].lower
		}
		switch {
		case volatileWords[w]:
			if w == "latest" && prev == "the" && i >= 2 && ws[i-2].lower == "at" { // at the latest
				continue
			}
			return ws[i].raw
		case volatileAfter[w][next]:
			return ws[i].raw + " " + ws[i+1].raw
		case w == "is" && (next == "it" || next == "today") && (prev == "time" || prev == "day" || prev == "date"):
			return ws[i-1].raw
		}
	}
	return ""
}

func setOf(list string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		m[w] = true
	}
	return m
}
