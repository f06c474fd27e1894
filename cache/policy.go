package cache

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

// decide is the step from similar to the same: it says why the candidate's answer must not be served for the
// question, or ReasonNone. It is the whole policy; nothing else knows thresholds or guards.
func decide(mode Mode, threshold float32, asked *analysed, cand *Candidate) (Reason, string) {
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
