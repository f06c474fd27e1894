package cache

import (
	_ "embed"
	"slices"
	"strings"
)

// The negation guard: one question is negated and the other is not, or one holds a word and the other that word's
// opposite. Opposites come from lexicon/antonyms.txt and from the prefixes un-, dis-, in-, non- and their kin.

//go:embed lexicon/antonyms.txt
var antonymList string

// phrase is a word, or a verb with its particle, by stems. Between the two up to maxGap words may stand: "turn the
// notifications off".
type phrase []string

const maxGap = 4

// opposition is one line of the lexicon: any phrase of one side is the opposite of any of the other.
type opposition [2][]phrase

var oppositions, oppositionsByStem = parseAntonyms(antonymList)

// parseAntonyms reads lines of the form "a, b c | d, e f"; # begins a comment. The second result lists, for each
// stem that begins a phrase, the oppositions to try.
func parseAntonyms(list string) (all []opposition, byStem map[string][]int) {
	byStem = map[string][]int{}
	for line := range strings.Lines(list) {
		line, _, _ = strings.Cut(line, "#")
		left, right, ok := strings.Cut(line, "|")
		if !ok {
			continue
		}
		var o opposition
		for side, text := range [2]string{left, right} {
			for p := range strings.SplitSeq(text, ",") {
				var stems phrase
				for _, w := range strings.Fields(p) {
					stems = append(stems, stem(w))
				}
				o[side] = append(o[side], stems)
				if at := byStem[stems[0]]; !slices.Contains(at, len(all)) {
					byStem[stems[0]] = append(at, len(all))
				}
			}
		}
		all = append(all, o)
	}
	return all, byStem
}

// find returns the first phrase of a list that the text holds, as the text writes it; "" if it holds none.
func (a *analysed) find(list []phrase) string {
	for _, p := range list {
		for _, i := range a.at[p[0]] {
			if last := a.follows(i, p[1:]); last == i {
				return a.words[i].raw
			} else if last > i {
				return a.words[i].raw + " " + a.words[last].raw
			}
		}
	}
	return ""
}

var particles = map[string]bool{"on": true, "off": true, "in": true, "out": true, "up": true, "down": true}

// follows returns where the rest of a phrase ends that begins at i; -1 if the text does not go on like that.
func (a *analysed) follows(i int, rest phrase) int {
	for _, want := range rest {
		next := -1
		for j := i + 1; j < len(a.stems) && j <= i+1+maxGap; j++ {
			if a.stems[j] == want {
				next = j
				break
			}
			joined := j+1 < len(a.stems) && (a.stems[j+1] == "and" || a.stems[j+1] == "or")
			if particles[a.stems[j]] && particles[want] && !joined {
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

func negationGuard(a, b *analysed, dst []finding) []finding {
	for _, differs := range [...]func(a, b *analysed) string{
		opposite,
		prefixed,
		func(a, b *analysed) string { return prefixed(b, a) },
	} {
		if token := differs(a, b); token != "" {
			return append(dst, finding{ReasonNegation, token, true})
		}
	}
	if token := polarity(a, b); token != "" {
		dst = append(dst, finding{ReasonNegation, token, false})
	}
	return dst
}

// opposite finds a lexicon entry of which each text holds another side, and only that one: a text that has both
// ("turn it off and on again") takes no side. Each word is looked at once, however often it occurs.
func opposite(a, b *analysed) string {
	for i, s := range a.stems {
		if a.at[s][0] != i {
			continue
		}
		for _, n := range oppositionsByStem[s] {
			if token := oppositions[n].between(a, b); token != "" {
				return token
			}
		}
	}
	return ""
}

// between returns the phrase of a that takes the one side where b takes the other.
func (o *opposition) between(a, b *analysed) string {
	inA := [2]string{a.find(o[0]), a.find(o[1])}
	if (inA[0] == "") == (inA[1] == "") {
		return ""
	}
	inB := [2]string{b.find(o[0]), b.find(o[1])}
	for side := range o {
		if inA[side] != "" && inB[side] == "" && inB[1-side] != "" {
			return inA[side]
		}
	}
	return ""
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
		distance district disk dish decode decompress`) {
		notPrefixed[stem(w)] = true
	}
}

// prefixed finds a word of a that is a negative prefix before a word of b. a must not have the plain word too.
func prefixed(a, b *analysed) string {
	for i, s := range a.stems {
		if notPrefixed[s] {
			continue
		}
		for _, p := range negativePrefixes {
			rest, ok := strings.CutPrefix(s, p)
			if !ok || len(rest) < 4 {
				continue
			}
			_, there := b.at[rest]
			_, here := a.at[rest]
			_, alike := b.at[s]
			if there && !here && !alike {
				return a.words[i].raw
			}
		}
	}
	return ""
}

// negators by their lower-case form; words that end in n't are, too.
var negators = map[string]bool{
	"not": true, "no": true, "never": true, "without": true, "w/o": true, "w/out": true, "cannot": true, "cant": true, "dont": true, "doesnt": true,
	"didnt": true, "isnt": true, "wont": true, "arent": true, "wasnt": true, "shouldnt": true, "neither": true, "nor": true,
	"nobody": true, "none": true, "nothing": true, "nowhere": true, "hardly": true, "unable": true, "impossible": true,
	"except": true, "excluding": true, "instead": true, "avoid": true, "prevent": true, "refuse": true, "refuses": true,
	"fail": true, "fails": true, "failed": true, "failing": true, "stop": true, "stopped": true, "stops": true, "lack": true,
}

// idle says where a negator denies nothing: "why not", "no matter", "not only", "or not", "if you don't mind".
func (a *analysed) idle(i int) bool {
	next, prev := "", ""
	if i+1 < len(a.words) {
		next = a.words[i+1].lower
	}
	if i > 0 {
		prev = a.words[i-1].lower
	}
	switch a.words[i].lower {
	case "not":
		return next == "only" || prev == "why" || prev == "or" || prev == "if"
	case "no":
		return next == "matter" || prev == "or"
	}
	return next == "mind" || next == "worry"
}

// polarity compares whether anything is negated at all. How often says little: "I can't log in, it won't let me".
func polarity(a, b *analysed) string {
	na, nb := a.negator(), b.negator()
	if (na == "") == (nb == "") {
		return ""
	}
	return na + nb
}

func (a *analysed) negator() string {
	for i, w := range a.words {
		if (negators[w.lower] || strings.HasSuffix(w.lower, "n't")) && !a.idle(i) {
			return w.raw
		}
	}
	return ""
}
