package cache

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/reprise-cache/reprise/cache/internal/monotone"
)

// The verifier was made for questions. What it is worth on answers, together with the similarity and the guards, is a logistic
// regression of its own, fitted on pairs of answers.

// answerFeatures names its columns; the signs are those of the weights.
var (
	answerFeatures = [...]string{"verifier", "similarity", "doubt", "veto", "slot"}
	answerSigns    = []int8{+1, +1, -1, -1, -1}
)

// answerCurve is the fitted comparison of answers. What it gives is a probability at even odds: the pairs' own mix is taken out.
type answerCurve struct {
	Bias    float64                      `json:"bias"`
	Weights [len(answerFeatures)]float64 `json:"weights"`
	Pairs   int                          `json:"pairs"`
}

// mostEven bounds what a comparison may be sure of: no more than a few hundred pairs can show.
const mostEven = 0.97

// slotCommon is the share of words from which on two answers look like one with another thing put into it: whoever says the same
// in other words does not keep so many of them and change a thing that is named.
const slotCommon = 0.4

// even is the probability that two answers say the same, at even odds.
func (a *answerCurve) even(e *evidence) float64 {
	score := a.Bias
	for i, x := range answerRow(e) {
		score += a.Weights[i] * x
	}
	return math.Min(mostEven, math.Max(1-mostEven, monotone.Sigmoid(score)))
}

func answerRow(e *evidence) []float64 {
	x := make([]float64, len(answerFeatures))
	x[0], x[1] = logOdds(e.verifier)/10, e.similarity
	for i := range e.found {
		if e.found[i].veto {
			x[3] = 1
		} else {
			x[2] = 1
		}
	}
	if w := &e.words; min(w.content[0], w.content[1]) > 0 && w.common() >= slotCommon {
		x[4] = 1
	}
	return x
}

// observeAnswers gathers what there is to know about two answers.
func (d *Decider) observeAnswers(ctx context.Context, a, b string) (e evidence, err error) {
	if d.policy == PolicySemantic { // another embedder may be a paid one, and says nothing that was fitted
		vecs, err := embedAll(ctx, d.opts.Embedder, []string{a, b})
		if err != nil {
			return e, err
		}
		e.similarity = float64(dot(vecs[0], vecs[1]))
	}
	x, y := analyse(a), analyse(b)
	e.found, e.words = inspect(x, y, nil), differ(x, y)
	p, err := d.opts.Verifier.Verify(ctx, a, []string{b})
	if err == nil && len(p) != 1 {
		err = errors.New("cache: the verifier returned no probability")
	}
	if err == nil {
		e.verifier, e.verified = p[0], true
	}
	return e, err
}

// AnswerAgreement is how a comparison of answers did on labelled pairs: of the pairs that say the same, and of those that do not,
// how many it found to be so, to be the contrary, or left open.
type AnswerAgreement struct{ Same, Different LabelStats }

// FitAnswers fits how answers are compared, for the models in o, on pairs of answers. It is a part of the decision.
func (d *Decision) FitAnswers(ctx context.Context, o Options, pairs []LabelledPair) error {
	examples, err := d.answers(ctx, o, pairs)
	if err != nil {
		return err
	}
	rows, same := make([]monotone.Row, len(pairs)), 0.0
	for i := range pairs {
		rows[i] = monotone.Row{X: answerRow(&examples[i]), Y: pairs[i].Same, Weight: 1}
		if pairs[i].Same {
			same++
		}
	}
	if same < 20 || float64(len(pairs))-same < 20 {
		return fmt.Errorf("%w: fit: %v pairs of answers that say the same, of %d: at least 20 of each are needed", ErrInvalid, same, len(pairs))
	}
	bias, weights := monotone.Logistic(rows, answerSigns, 0.1)
	c := &answerCurve{Bias: bias - math.Log(same/(float64(len(pairs))-same)), Pairs: len(pairs)}
	copy(c.Weights[:], weights)
	d.file.Answers = c
	return nil
}

// CompareAnswers says how the comparison does on pairs of answers.
func (d *Decision) CompareAnswers(ctx context.Context, o Options, pairs []LabelledPair) (a AnswerAgreement, err error) {
	if d.file.Answers == nil {
		return a, fmt.Errorf("%w: the decision has no comparison of answers; fit it anew with `reprise bench fit`", ErrInvalid)
	}
	examples, err := d.answers(ctx, o, pairs)
	for i := range examples {
		n := &a.Different
		if pairs[i].Same {
			n = &a.Same
		}
		switch even := d.file.Answers.even(&examples[i]); {
		case even >= sureAnswer:
			n.Same++
		case even <= 1-sureAnswer:
			n.Different++
		default:
			n.Unsure++
		}
	}
	return a, err
}

func (d *Decision) answers(ctx context.Context, o Options, pairs []LabelledPair) ([]evidence, error) {
	if o.Verifier == nil {
		return nil, fmt.Errorf("%w: answers: a verifier is needed", ErrInvalid)
	}
	o.Decision = d
	decider, err := NewDecider(o)
	if err != nil {
		return nil, err
	}
	examples := make([]evidence, len(pairs))
	err = parallel(len(pairs), func(i int) (err error) {
		examples[i], err = decider.observeAnswers(ctx, pairs[i].A, pairs[i].B)
		return err
	})
	return examples, err
}
