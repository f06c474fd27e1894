package cache

import (
	"context"
	"fmt"
)

// screen is the first step from similar to the same, without a model: it says why the candidate's answer must not be
// served for the question, or ReasonNone, in which case the verifier, if there is one, has the last word. judged says
// that there is one: then a guard's doubts are left to it, and only vetoes refuse.
func screen(mode Mode, threshold float32, judged bool, asked *analysed, cand *Candidate) (Reason, string) {
	if cand.Similarity < threshold {
		return ReasonThreshold, ""
	}
	if mode == ModeThreshold {
		return ReasonNone, ""
	}
	var room [8]finding
	f, _ := refusal(inspect(asked, analyse(cand.Text), room[:0]), judged)
	return f.reason, f.token
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
