package cache

import (
	"context"
	"fmt"
)

// guard compares the new question with the stored one and vetoes serving the stored answer, naming the token that
// did it, or returns "" if it has nothing against it. A guard never says yes: that is the similarity's part.
type guard struct {
	reason Reason
	veto   func(asked, stored *analysed) (token string)
}

// guards in the order in which they are asked; the first veto is the one that is told.
var guards = [...]guard{
	{ReasonNumber, numberVeto},
	{ReasonIdentifier, identifierVeto},
	{ReasonNegation, negationVeto},
}

// screen is the first step from similar to the same, without a model: it says why the candidate's answer must not be
// served for the question, or ReasonNone, in which case the verifier, if there is one, has the last word.
func screen(mode Mode, threshold float32, asked *analysed, cand *Candidate) (Reason, string) {
	if cand.Similarity < threshold {
		return ReasonThreshold, ""
	}
	if mode == ModeThreshold {
		return ReasonNone, ""
	}
	stored := analyse(cand.Text)
	for _, g := range guards {
		if token := g.veto(asked, stored); token != "" {
			return g.reason, token
		}
	}
	return ReasonNone, ""
}

// verify asks the verifier about the candidates that nothing has refused so far, in one call, and refuses those that
// it finds less probable than the options allow.
func (c *Cache) verify(ctx context.Context, question string, candidates []Candidate) error {
	var open []*Candidate
	var texts []string
	for i := range candidates {
		if candidates[i].Reason == ReasonNone {
			open, texts = append(open, &candidates[i]), append(texts, candidates[i].Text)
		}
	}
	if len(open) == 0 {
		return nil
	}
	v := c.opts.Verifier
	probabilities, err := v.Verify(ctx, question, texts)
	if err != nil {
		return fmt.Errorf("cache: verifier %s: %w", v.ID(), err)
	}
	if len(probabilities) != len(texts) {
		return fmt.Errorf("cache: verifier %s returned %d probabilities for %d candidates", v.ID(), len(probabilities), len(texts))
	}
	for i, p := range probabilities {
		open[i].Probability = p
		if !(p >= c.opts.MinProbability) { // also refuses NaN
			open[i].Reason = ReasonVerifier
		}
	}
	return nil
}
