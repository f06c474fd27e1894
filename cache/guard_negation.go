package cache

import (
	"strings"
)

// The negation guard: one question is negated and the other is not, or one holds a word and the other that word's
// opposite. Opposites come from lexicon/antonyms.txt and from the prefixes un-, dis-, in-, non- and their kin.

// How close the rest of the texts must be, and how alike their wording, for an opposite to be conclusive, for one that
// is an opposite only now and then, and for a lone negation.
const (
	oppositeClose, oppositeWording = 0.5, 0.7
	looseClose                     = 0.8
	polarityClose, polarityWording = 0.75, 0.85
	twiceClose, twiceWording       = 0.9, 0.8
	never                          = 2 // more than closeness can be
)

// maxGap is how many words may stand between a verb and its particle: "turn the notifications off".
const maxGap = 4

// side is one side of an opposition that a text takes.
type side struct {
	opposition  int32
	side        uint8
	first, last int // words of the phrase
}

// findSides looks every word up in the lexicon. A text that has both sides of an opposition ("turn it off and on
// again") takes none; that is for the comparison to see.
func (a *analysed) findSides() (out []side) {
	for i := range a.words {
		l := a.words[i].lexeme
		if l == nil || a.saysWithout(i) {
			continue
		}
		for _, o := range l.opposites {
			if o.adverb && !strings.HasSuffix(a.words[i].lower, "ly") {
				continue
			}
			if last := a.follows(i, o.rest); last >= 0 {
				out = append(out, side{o.opposition, o.side, i, last})
			}
		}
	}
	return out
}

// saysWithout reports whether word i begins "with no", or "with out", which is how "without" is mistyped.
func (a *analysed) saysWithout(i int) bool {
	if a.words[i].lower != "with" || i+1 >= len(a.words) {
		return false
	}
	switch a.words[i+1].lower {
	case "no":
		return true
	case "out":
		return i+2 >= len(a.words) || a.words[i+2].lower != "of" // help with out of memory errors
	}
	return false
}

var particles = map[string]bool{"on": true, "off": true, "in": true, "out": true, "up": true, "down": true}

// follows returns where the rest of a phrase ends that begins at i; -1 if the text does not go on like that. A phrase
// that begins with a little word ("per day") goes on at once.
func (a *analysed) follows(i int, rest []string) int {
	gap := maxGap
	if littleWords[a.words[i].lower] {
		gap = 0
	}
	for _, want := range rest {
		next := -1
		for j := i + 1; j < len(a.words) && j <= i+1+gap; j++ {
			if a.words[j].stem == want {
				next = j
				break
			}
			joined := j+1 < len(a.words) && (a.words[j+1].stem == "and" || a.words[j+1].stem == "or")
			if particles[a.words[j].stem] && particles[want] && !joined {
				break // "turn off the light on the desk" does not turn on; "turn it off and on" does both
			}
		}
		if next < 0 {
			return -1
		}
		i = next
	}
	return i
}

func negationGuard(p *pair, dst []finding) []finding {
	veto, doubt := "", ""
	see := func(token string, l left, enough, wording float64) {
		switch {
		case token == "":
		case p.closeness(l) >= enough && p.wording(l) >= wording && veto == "":
			veto = token
		case doubt == "":
			doubt = token
		}
	}
	denied := (p.a.negator < 0) != (p.b.negator < 0)
	see(opposed(p, denied))
	for _, v := range [2][2]*analysed{{p.a, p.b}, {p.b, p.a}} {
		token, l := prefixed(v[0], v[1])
		enough := oppositeClose
		if denied {
			enough = never
		}
		see(token, l, enough, oppositeWording)
	}
	switch more, less := p.a, p.b; {
	case denied:
		if more.negator < 0 {
			more, less = less, more
		}
		enough := polarityClose
		if doubt != "" || stops[more.words[more.negator].stem] && less.saysOtherwise(more) {
			enough = never
		}
		see(more.words[more.negator].raw, more.apart(less, more.negator, more.negator), enough, polarityWording)
	case (p.a.negators+p.b.negators)%2 == 1: // one of them twice: can't without, can without
		if p.closeness(left{}) >= twiceClose {
			see(more.words[more.negator].raw, left{}, twiceClose, twiceWording)
		}
	}
	switch {
	case veto != "":
		return append(dst, finding{ReasonNegation, veto, true})
	case doubt != "":
		return append(dst, finding{ReasonNegation, doubt, false})
	}
	return dst
}

// opposed finds an opposition of which each text takes another side, and only that one, and returns the phrase, what
// it leaves out of account, and how close and how alike in wording the rest must be. Where one text is denied, it must
// be by the phrase itself: "not safe" and "dangerous" may be the same, "start" and "stop" are not.
func opposed(p *pair, denied bool) (token string, l left, enough, wording float64) {
	a, b := p.a, p.b
	best := -never - 1.0
	for i := range a.sides {
		x := &a.sides[i]
		if a.takes(x.opposition, 1-x.side) != nil || b.takes(x.opposition, x.side) != nil {
			continue
		}
		y := b.takes(x.opposition, 1-x.side)
		if y == nil {
			continue
		}
		out := a.apart(b, x.first, x.last).and(b.apart(a, y.first, y.last))
		need := oppositeClose
		switch {
		case denied && !a.deniedBy(x) && !b.deniedBy(y):
			need = never
		case oppositions[x.opposition]:
			need = looseClose
		}
		if c := p.closeness(out) - need; c > best {
			best, token, l, enough = c, a.phrase(x), out, need
		}
	}
	return token, l, enough, oppositeWording
}

// deniedBy reports whether the phrase is all that negates the text.
func (a *analysed) deniedBy(s *side) bool {
	return a.negators == 1 && a.negator >= s.first && a.negator <= s.last
}

func (a *analysed) takes(opposition int32, which uint8) *side {
	for i := range a.sides {
		if s := &a.sides[i]; s.opposition == opposition && s.side == which {
			return s
		}
	}
	return nil
}

func (a *analysed) phrase(s *side) string {
	if s.first == s.last {
		return a.words[s.first].raw
	}
	return a.words[s.first].raw + " " + a.words[s.last].raw
}

var negativePrefixes = [...]string{"un", "dis", "in", "im", "ir", "il", "non-", "non", "de", "de-", "mis", "anti-", "anti"}

// notPrefixed are words that only look as if they negated what is left of them.
var notPrefixed = map[string]bool{}

func init() {
	for w := range strings.FieldsSeq(`
		discover discount display disease discard dispatch dispose inform income inside intend intent invest invite
		increase imprint impress import implant immature deliver depart department design detail demand depend deposit
		describe despite devote define degrade decide delight deserve desire destine detest develop uncle under union
		unit unite universe until inform inbound industry instance instant intact inter internet into invent involve
		distance district disk dish decode decompress degrease descale`) {
		notPrefixed[stem(w)] = true
	}
}

// prefixed finds a word of a that is a negative prefix before a word of b, and counts the content words of the two.
// a must not have the plain word too.
func prefixed(a, b *analysed) (token string, l left) {
	for i := range a.words {
		w := &a.words[i]
		if len(w.stem) < 6 || !strings.Contains("udinma", w.stem[:1]) || notPrefixed[w.stem] || w.group != 0 {
			continue
		}
		for _, p := range negativePrefixes {
			rest, ok := strings.CutPrefix(w.stem, p)
			if !ok || len(rest) < 4 {
				continue
			}
			there := b.first(rest)
			if there >= 0 && !a.has(rest) && !b.has(w.stem) {
				return w.raw, a.apart(b, i, i).and(b.apart(a, there, there))
			}
		}
	}
	return "", left{}
}

// negators by their lower-case form; words that end in n't are, too.
var negators = map[string]bool{
	"not": true, "no": true, "non": true, "never": true, "without": true, "w/o": true, "w/out": true, "cannot": true, "cant": true, "dont": true,
	"doesnt": true, "didnt": true, "isnt": true, "wont": true, "arent": true, "wasnt": true, "shouldnt": true, "neither": true, "nor": true,
	"nobody": true, "none": true, "nothing": true, "nowhere": true, "hardly": true, "unable": true, "impossible": true,
	"except": true, "excluding": true, "instead": true,
}

// refusals are verbs, by their stems, that negate what they govern.
var refusals = map[string]bool{}

func init() {
	for w := range strings.FieldsSeq("avoid prevent refuse fail stop lack quit skip omit") {
		refusals[stem(w)] = true
	}
}

// stops are refusals that other verbs say as well: stop smoking, give up smoking.
var stops = map[string]bool{stem("stop"): true, stem("quit"): true, stem("skip"): true, "keep": true}

// otherStops are what says that and is no refusal, by the stems of the verbs: what a verb needs to say it, "" for nothing.
var otherStops = map[string][]string{}

func init() {
	for line := range strings.SplitSeq(`end,cancel,cancelled,cancelling,exit,kill,halt,cease,finish,terminate,disable,block,pause,leave,remove,bypass,
		miss,unsubscribe,give up,giving up,gave up,cut out,cutting out,get off,getting off,get out,get rid,getting rid,come off,turn off,switch off,shut off,shut down,opt out,go without`, ",") {
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if rest != "" {
			rest = stem(rest)
		}
		otherStops[stem(verb)] = append(otherStops[stem(verb)], rest)
	}
}

// saysOtherwise reports whether the text says in another verb what the other says in one that stops.
func (a *analysed) saysOtherwise(b *analysed) bool {
	for i := range a.words {
		for _, rest := range otherStops[a.words[i].stem] {
			switch has := b.has(a.words[i].stem); {
			case rest == "" && !has:
				return true
			case rest != "" && !(has && b.has(rest)) && a.follows(i, []string{rest}) >= 0:
				return true
			}
		}
	}
	return false
}

// keepsFrom reports whether word i keeps something from happening: keep from falling, keep milk from boiling over.
func (a *analysed) keepsFrom(i int) bool {
	if a.words[i].stem != "keep" {
		return false
	}
	for j := i + 1; j+1 < len(a.words) && j <= i+maxGap; j++ {
		if a.words[j].lower == "from" {
			return strings.HasSuffix(a.words[j+1].lower, "ing")
		}
	}
	return false
}

// negates reports whether word i denies something. "why not", "no matter", "not only", "or not", "if you don't mind" do
// not.
func (a *analysed) negates(i int) bool {
	w := a.words[i].lower
	if a.words[i].group != 0 { // a non-disclosure agreement
		return false
	}
	if refusals[a.words[i].stem] || a.keepsFrom(i) || a.saysWithout(i) && a.words[i+1].lower == "out" {
		return true
	}
	if !negators[w] && !strings.HasSuffix(w, "n't") {
		return false
	}
	next, prev := "", ""
	if i+1 < len(a.words) {
		next = a.words[i+1].lower
	}
	if i > 0 {
		prev = a.words[i-1].lower
	}
	switch w {
	case "not":
		return next != "only" && prev != "why" && prev != "or" && prev != "if"
	case "no":
		return next != "matter" && prev != "or" && !hasDigit(next) // a no. 8 screw
	}
	return next != "mind" && next != "worry"
}
