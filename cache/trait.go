package cache

import (
	"math"
	"time"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// What is learnt moves the log-odds of a candidate's probability p by two unknowns, one of the stored question and one of
// its partition:
//
//	log-odds of "this answer serves" = log-odds(p) + question + partition
//
// Each unknown begins as a normal with mean 0, so that nothing known changes nothing, and a label, right or wrong, is one
// observation of a logistic regression in them. The update is one Newton step of Bayes' rule from where the label found
// them, with the two kept independent (sequential updating by a normal approximation: Spiegelhalter and Lauritzen, Sequential
// updating of conditional probabilities on directed graphical structures, 1990; Glickman uses the same for chess ratings,
// Parameter estimation in large dynamic paired comparison experiments, 1999). What is expected teaches little: an answer
// that was right where p said 0.99 moves next to nothing, one that was wrong there moves a lot.
//
// Evidence is kept as what it adds to the normal's natural parameters, shift = precision x mean and certain = precision.
// There it simply adds up, can be taken out again when a verdict is withdrawn, and decays by a factor, which brings mean and
// spread back to what they were before anything was known. The variances are chosen, not fitted: a question may be off by a
// factor of four in the odds (one standard deviation), a partition by less than three.
const (
	entryVariance     = 2.0
	partitionVariance = 1.0
)

// What was learnt may lower a probability as far as it likes, and raise it only by a factor of e in the odds: a hundred
// confirmed rewordings say nothing about a trap, and labels from the middle of the scale little about its top, which is served.
const (
	mostRaise = 1.0
	mostLower = -12.0
)

// demotion is the sum of verdicts from which on a stored question's answer is not served to other questions any more.
// Verdicts do not decay, so that it does not come back by itself.
const demotion = 1.0

// normal is the mean and variance of an unknown, given its evidence.
func normal(t *store.Trait, variance float64) (mean, spread float64) {
	if t == nil {
		return 0, variance
	}
	precision := 1/variance + t.Certain
	return t.Shift / precision, 1 / precision
}

// decay brings a trait's evidence to a later moment. A clock that went back changes nothing of it, but it fades from there on.
func decay(t *store.Trait, now int64, halfLife time.Duration) {
	f := fading(now-t.At, halfLife)
	t.At = now
	if f == 1 {
		return
	}
	t.Shift *= f
	t.Certain *= f
	fade(t.Sources, f)
}

// fading is the factor by which evidence of that age counts.
func fading(age int64, halfLife time.Duration) float64 {
	if age <= 0 {
		return 1
	}
	return math.Exp2(-float64(age) / float64(halfLife))
}

// change is what one label adds to the evidence on a question and on its partition.
type change struct {
	entryShift, entryCertain, partitionShift, partitionCertain float64
}

// belief is the probability that a candidate expected to be right is, given a label that is mistaken with the probability doubt
// at even odds (Bayes' rule), and the information that is left of the label's.
func belief(expected float64, right bool, doubt float64) (y, information float64) {
	says := 1 - doubt
	if !right {
		says = doubt
	}
	y = expected * says / (expected*says + (1-expected)*(1-says))
	return y, max(0, expected*(1-expected)-y*(1-y))
}

// learn works out what a label on a candidate of probability p changes, one that is mistaken with the probability doubt. The
// weights say how much the label counts for each of the two; both traits are as of now.
func learn(entry, partition *store.Trait, p float64, right bool, doubt, entryWeight, partitionWeight float64) change {
	meanE, varE := normal(entry, entryVariance)
	meanP, varP := normal(partition, partitionVariance)
	expected := sigmoid(logit(p) + meanE + meanP)
	y, information := belief(expected, right, doubt)
	step := func(mean, own, weight float64) (shift, certain float64) {
		h := weight * expected * (1 - expected)
		certain = weight * information / (1 + h*(varE+varP-own))
		moved := mean + own*weight*(y-expected)/(1+h*(varE+varP))
		return moved*(1/own+certain) - mean/own, certain
	}
	var c change
	c.entryShift, c.entryCertain = step(meanE, varE, entryWeight)
	c.partitionShift, c.partitionCertain = step(meanP, varP, partitionWeight)
	return c
}

func add(t *store.Trait, shift, certain float64) {
	t.Shift += shift
	t.Certain = max(0, t.Certain+certain)
}

// demoted reports whether the answer to the trait's question is for that very question only.
func demoted(t *store.Trait) bool {
	switch Judgement(t.Verdict) {
	case JudgedRight:
		return false
	case JudgedWrong:
		return true
	}
	return t.Bad >= demotion-1e-9
}

// worthless reports whether a trait may as well be forgotten.
func worthless(t *store.Trait) bool {
	return t.Verdict == 0 && t.Bad == 0 && t.Shun == [16]byte{} && math.Abs(t.Shift) < 0.02 && t.Certain < 0.02
}

// logit is the log-odds of p, of which neither end is believed.
func logit(p float64) float64 {
	const edge = 1e-6
	p = min(max(p, edge), 1-edge)
	return math.Log(p / (1 - p))
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// maxSources is how many callers' weights a record keeps.
const maxSources = 32

func fade(sources []store.Source, f float64) {
	for i := range sources {
		sources[i].Weight *= float32(f)
	}
}

// allowance returns how much of weight a caller may still have, limit being all that it may, and counts it. When the table
// is full, the caller with the least weight is forgotten: whoever is near its limit never is.
func allowance(sources *[]store.Source, id uint64, weight, limit float64) float64 {
	s := *sources
	at, least := -1, 0
	for i := range s {
		if s[i].ID == id {
			at = i
		}
		if s[i].Weight < s[least].Weight {
			least = i
		}
	}
	if at < 0 {
		if len(s) < maxSources {
			s = append(s, store.Source{ID: id})
			at = len(s) - 1
		} else {
			at = least
			s[at] = store.Source{ID: id}
		}
		*sources = s
	}
	weight = max(0, min(weight, limit-float64(s[at].Weight)))
	s[at].Weight += float32(weight)
	return weight
}

// restore gives a caller weight back.
func restore(sources []store.Source, id uint64, weight float64) {
	for i := range sources {
		if sources[i].ID == id {
			sources[i].Weight = max(0, sources[i].Weight-float32(weight))
		}
	}
}
