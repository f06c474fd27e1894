package cache

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"sync"

	"github.com/reprise-cache/reprise/cache/internal/monotone"
)

// A Decision turns what is known about a candidate into one number: the probability that its answer serves the question.
//
// # How it is made
//
// It is a logistic regression over the columns of [features] whose weights have a sign where reason gives them one, so that
// the probability can only rise with the similarity and with the verifier, and only fall with what guards find. Its scores
// are then calibrated by the mean of isotonic regressions over resamples, whose blocks are worth the mean of Jeffreys'
// posterior; see cache/internal/monotone for the sources. Both steps see only labelled pairs that no model here was trained on. The reliability
// curve that is kept beside the parameters comes from calibrations that did not see their pair's subject (five folds).
//
// That is careful where it matters. At a budget of 1 % what counts is the share of wrong answers at the very top of the
// scale, where a few hundred pairs say little: fifty right ones in a row are worth 0.990, not 1. A parametric curve
// would be sure of itself exactly where it has seen nothing.
//
// The policy with the verifier leaves the columns of words out: with them the order at the top of the scale was worse on pairs
// that were not fitted, since the verifier has read the words already, and better.
//
// # What it is made for
//
// A similarity means something only for the embedder that made it, a verifier's probability for that verifier. The
// parameters name both. Where one is another, the columns it made are left out and a regression without them is used;
// where neither is known, [Decision.foreign] takes the models at a discount.
type Decision struct {
	file decisionFile
}

// decisionFile is the form in which a Decision is kept: JSON that a reader can check.
type decisionFile struct {
	Version  int               `json:"version"`
	Embedder string            `json:"embedder"`
	Verifier string            `json:"verifier"`
	Pairs    map[string]int    `json:"pairs"` // by source: how many it was fitted on
	Policies map[Policy]*curve `json:"policies"`
	Answers  *answerCurve      `json:"answers,omitempty"` // how answers are compared
}

const decisionVersion = 1

//go:embed decision.json
var decisionJSON []byte

// shipped is the decision that the binary carries. A test reads it, so that the error cannot happen.
var shipped = sync.OnceValue(func() *Decision {
	d, err := ParseDecision(decisionJSON)
	if err != nil {
		panic(err)
	}
	return d
})

// Policy names what a decision goes by.
type Policy string

const (
	// PolicySemantic goes by everything: similarity, guards and verifier. It is what ModeSemantic uses.
	PolicySemantic Policy = "semantic"
	// PolicyGuards goes by similarity and guards. It is what ModeSemantic uses without a verifier.
	PolicyGuards Policy = "guards"
	// PolicyJudged goes by guards and verifier. It is what ModeSemantic uses where the embedder is another than the
	// decision was fitted for, so that the similarity means something else.
	PolicyJudged Policy = "judged"
	// PolicyVerifier goes by the verifier alone, for comparison.
	PolicyVerifier Policy = "verifier"
	// PolicyConversation goes by guards and verifier, of conversations that are judged as a whole. It is what ConversationJudged uses.
	PolicyConversation Policy = "conversation"
	// PolicyThreshold goes by the similarity alone, for comparison. It is what ModeThreshold uses.
	PolicyThreshold Policy = "threshold"
)

// Policies lists those for questions, the one that is recommended first.
var Policies = []Policy{PolicySemantic, PolicyJudged, PolicyGuards, PolicyVerifier, PolicyThreshold}

// uses reports whether the policy goes by a column.
func (p Policy) uses(column int) bool {
	similarity := column < len(similarityMarks)-1
	verifier := !similarity && column < len(similarityMarks)-1+len(verifierMarks)-1
	if p == PolicySemantic && !similarity && !verifier {
		return false // the verifier has read the words; guards veto all the same
	}
	switch p {
	case PolicyConversation:
		return verifier
	case PolicyGuards:
		return !verifier
	case PolicyJudged:
		return !similarity
	case PolicyVerifier:
		return verifier
	case PolicyThreshold:
		return similarity
	}
	return true
}

// vetoed reports whether guards have their say under the policy.
func (p Policy) vetoed() bool { return p != PolicyVerifier && p != PolicyThreshold }

// curve is the fitted decision of one policy.
type curve struct {
	Bias    float64            `json:"bias"`
	Weights map[string]float64 `json:"weights"` // by column; absent: 0
	Map     []monotone.Knot    `json:"map"`     // from score to probability
	// Mix is the probabilities of the calibration pairs that no guard vetoes, cut into bins of the budget's scale: what a
	// budget is turned into a cut-off by before there is traffic.
	Mix mix `json:"mix"`
	// Reliability says how well the probabilities held on the pairs that calibrated them, fold by fold.
	Reliability []ReliabilityBin `json:"reliability"`

	weights []float64
}

// ReliabilityBin is one step of a reliability curve: of Pairs pairs whose mean probability was Predicted, the share
// Observed was the same.
type ReliabilityBin struct {
	Predicted float64 `json:"predicted"`
	Observed  float64 `json:"observed"`
	Pairs     int     `json:"pairs"`
}

// ParseDecision reads what [Decision.Encode] wrote. The error wraps ErrInvalid.
func ParseDecision(data []byte) (*Decision, error) {
	d := new(Decision)
	if err := json.Unmarshal(data, &d.file); err != nil {
		return nil, fmt.Errorf("%w: decision: %w", ErrInvalid, err)
	}
	if d.file.Version != decisionVersion {
		return nil, fmt.Errorf("%w: decision of version %d: this program reads version %d; fit it anew with `reprise bench fit`", ErrInvalid, d.file.Version, decisionVersion)
	}
	for _, p := range append([]Policy{PolicyConversation}, Policies...) {
		c := d.file.Policies[p]
		if c == nil && p == PolicyConversation {
			continue // then conversations are judged as questions are
		}
		if c == nil {
			return nil, fmt.Errorf("%w: decision without the policy %s", ErrInvalid, p)
		}
		if err := c.complete(); err != nil {
			return nil, fmt.Errorf("%w: decision, policy %s: %w", ErrInvalid, p, err)
		}
	}
	return d, nil
}

// complete checks a curve and sorts its weights into the order of the columns.
func (c *curve) complete() error {
	c.weights = make([]float64, len(features))
	known := map[string]bool{}
	for i, f := range features {
		w := c.Weights[f.name]
		known[f.name] = true
		if math.IsNaN(w) || math.IsInf(w, 0) || w*float64(f.sign) < 0 {
			return fmt.Errorf("weight %v of %q has the wrong sign or is no number", w, f.name)
		}
		c.weights[i] = w
	}
	for name := range c.Weights {
		if !known[name] {
			return fmt.Errorf("the column %q is unknown; fit it anew with `reprise bench fit`", name)
		}
	}
	last := monotone.Knot{Score: math.Inf(-1)}
	for _, k := range c.Map {
		if !(k.Score > last.Score && k.P >= last.P && k.P <= 1) {
			return fmt.Errorf("the map does not rise at score %v", k.Score)
		}
		last = k
	}
	if len(c.Map) == 0 {
		return errors.New("the map is empty")
	}
	return nil
}

// Encode returns the decision as JSON, a value a line, so that two can be compared; not indented, which would add a third to it.
func (d *Decision) Encode() ([]byte, error) {
	out, err := json.MarshalIndent(&d.file, "", "")
	return append(out, '\n'), err
}

// Reliability returns the reliability curve of a policy, as it was when the decision was fitted.
func (d *Decision) Reliability(p Policy) []ReliabilityBin {
	if c := d.file.Policies[p]; c != nil {
		return slices.Clone(c.Reliability)
	}
	return nil
}

// choose returns the policy for these models; ok is false if the decision was fitted for neither.
func (d *Decision) choose(embedder, verifier string) (p Policy, ok bool) {
	switch near, judged := embedder == d.file.Embedder, verifier == d.file.Verifier; {
	case near && judged:
		return PolicySemantic, true
	case near && verifier == "":
		return PolicyGuards, true
	case judged:
		return PolicyJudged, true
	}
	return PolicySemantic, false
}

// probability is that of the evidence under a policy, with shift added to its log-odds.
func (d *Decision) probability(p Policy, e *evidence, shift float64) float64 {
	var room [64]float64
	x := room[:len(features)]
	e.fill(x)
	c := d.file.Policies[p]
	score := c.Bias
	for i, w := range c.weights {
		score += w * x[i]
	}
	return shifted(atLeastTwin(monotone.At(c.Map, score), e), shift)
}

// twinProbability is what two texts are worth of which nothing differs that could change the answer, see twins. It
// is set by rule, because no set of pairs has enough of them: of 80 in 36,000 Quora Question Pairs 76 are labelled the same, and
// the other four are no different either ("the purpose of life ?").
const twinProbability = 0.998

func atLeastTwin(p float64, e *evidence) float64 {
	if e.words.twin {
		return math.Max(p, twinProbability)
	}
	return p
}

// foreign is the probability where the decision was fitted for neither of the models. A verifier is taken at its word, that
// it gives a probability, but with twice the odds of being wrong. A cosine is taken as if the distance that is left to 1 were
// half the risk, which no model known comes near: only what is all but identical passes a small budget. Neither is ever
// believed beyond 0.99, since nobody has measured it.
func (d *Decision) foreign(judged bool, e *evidence, shift float64) float64 {
	const most = 0.99
	p := 1 - 2*(1-e.similarity)
	if judged {
		p = monotone.Sigmoid(logOdds(e.verifier) - math.Ln2)
	}
	return shifted(atLeastTwin(math.Max(0, math.Min(most, p)), e), shift)
}

// shifted adds to the log-odds of a probability.
func shifted(p, shift float64) float64 {
	if shift == 0 || p <= 0 || p >= 1 {
		return p
	}
	return monotone.Sigmoid(monotone.Logit(p) + shift)
}

// short writes a number of this file's tables.
func short(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
