package cache

import (
	"cmp"
	"context"
	"fmt"
	"time"
)

// Decider is how a cache gets from similar to served, without the cache: embedder, guards, verifier and decision. [Cache] uses
// it; on its own it judges pairs of questions, which is how decisions are measured and explained. It is safe for
// concurrent use.
type Decider struct {
	opts     Options // complete and checked
	decision *Decision
	policy   Policy // of ModeSemantic, for these models
	known    bool   // the decision was fitted for them
}

// NewDecider returns a decider. Of the options it uses those that decide: the models, mode, threshold, budget and decision.
func NewDecider(o Options) (*Decider, error) {
	opts, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	if opts.Embedder == nil {
		return nil, fmt.Errorf("%w: a decider needs an embedder", ErrInvalid)
	}
	return newDecider(opts), nil
}

func newDecider(opts Options) *Decider {
	d := &Decider{opts: opts, decision: opts.Decision, policy: PolicySemantic}
	if opts.Embedder == nil {
		return d // the exact tier decides nothing
	}
	if d.decision == nil {
		d.decision = shipped()
	}
	verifier := ""
	if opts.Verifier != nil {
		verifier = opts.Verifier.ID()
	}
	d.policy, d.known = d.decision.choose(opts.Embedder.ID(), verifier)
	return d
}

// Fitted reports whether the decision was fitted for these models. Where it was not, they are taken at a discount.
func (d *Decider) Fitted() bool { return d.known }

// policyOf is what a look-up of this mode goes by. leans says that conversations are judged.
func (d *Decider) policyOf(m Mode, leans bool) Policy {
	switch {
	case m == ModeThreshold:
		return PolicyThreshold
	case leans && d.known && d.policy == PolicySemantic && d.decision.file.Policies[PolicyConversation] != nil:
		return PolicyConversation
	}
	return d.policy
}

// judged reports whether the verifier has a say.
func (d *Decider) judged(p Policy) bool {
	return d.opts.Verifier != nil && p != PolicyThreshold && p != PolicyGuards
}

// screen is the first step, without a model: it notes what similarity, words and guards say, and refuses what they
// suffice to refuse. leans says that the texts are conversations.
func (d *Decider) screen(p Policy, threshold float32, leans bool, asked *analysed, cand *Candidate, e *evidence) {
	e.similarity = float64(cand.Similarity)
	if p != PolicyThreshold {
		stored := analyse(cand.Text)
		e.words = differ(asked, stored)
		if e.words.content[0]+e.words.content[1] <= maxApart {
			e.reading = inOneForm(asked, stored)
		}
		e.found = inspect(asked, stored, e.found[:0])
		if leans {
			e.found = leaningGuard(asked, stored, e.found)
		}
		e.found = unreadFinding(asked, stored, cand.Similarity, e.found)
		for _, f := range e.found {
			cand.Findings = append(cand.Findings, Finding{Reason: f.reason, Token: f.token, Veto: f.veto})
		}
	}
	if f, ok := refusal(e.found, d.judged(p)); ok && p.vetoed() {
		cand.Reason, cand.Token = f.reason, f.token
	}
	if cand.Similarity < threshold {
		cand.Reason, cand.Token = ReasonThreshold, ""
	}
}

// verify asks the verifier, in one call, about the candidates that nothing has refused so far, or about all.
func (d *Decider) verify(ctx context.Context, question string, candidates []Candidate, found []evidence, all bool) error {
	var at []int
	var texts []string
	for i := range candidates {
		if candidates[i].Reason == ReasonNone || all && candidates[i].Text != "" {
			text := candidates[i].Text
			if found[i].reading != "" {
				text = found[i].reading
			}
			at, texts = append(at, i), append(texts, text)
		}
	}
	if len(at) == 0 {
		return nil
	}
	v := d.opts.Verifier
	probabilities, err := v.Verify(ctx, question, texts)
	if err != nil {
		return fmt.Errorf("cache: verifier %s: %w", v.ID(), err)
	}
	if len(probabilities) != len(texts) {
		return fmt.Errorf("cache: verifier %s returned %d probabilities for %d candidates", v.ID(), len(probabilities), len(texts))
	}
	for i, p := range probabilities {
		found[at[i]].verifier, found[at[i]].verified = p, true
		candidates[at[i]].Verifier = p
	}
	return nil
}

// weigh gives each candidate that was looked at far enough its probability.
func (d *Decider) weigh(p Policy, candidates []Candidate, found []evidence) {
	var nearest float64
	for i := range found {
		nearest = max(nearest, found[i].similarity)
	}
	judged := d.judged(p)
	for i := range candidates {
		e := &found[i]
		if judged && !e.verified {
			continue
		}
		e.behind = nearest - e.similarity
		cand := &candidates[i]
		if d.known {
			cand.prior = d.decision.probability(p, e, 0)
		} else {
			cand.prior = d.decision.foreign(judged, e, 0)
		}
		cand.Probability = shifted(cand.prior, cand.shift)
	}
}

// best returns the most probable candidate that nothing refused, the nearest of equals; -1 if there is none.
func best(candidates []Candidate) int {
	at := -1
	for i := range candidates {
		if candidates[i].Reason == ReasonNone && (at < 0 || candidates[i].Probability > candidates[at].Probability) {
			at = i
		}
	}
	return at
}

// refuse gives all open candidates the reason for which a budget does not serve them.
func (d *Decider) refuse(p Policy, candidates []Candidate) {
	for i := range candidates {
		if cand := &candidates[i]; cand.Reason == ReasonNone {
			cand.Reason = ReasonBudget
			if d.judged(p) && cand.Probability < 0.5 {
				cand.Reason = ReasonVerifier
			}
		}
	}
}

// prior is the mix of candidates that a budget begins with.
func (d *Decider) prior(p Policy) *mix { return &d.decision.file.Policies[p].Mix }

// Standing returns what the budget comes to under a policy before there is traffic: by the calibration pairs alone.
// It is zero for a policy that the decision does not have.
func (d *Decider) Standing(p Policy) Standing {
	if d.decision.file.Policies[p] == nil {
		return Standing{}
	}
	return standing(d.prior(p), d.opts.maxError(p))
}

// maxError is the budget of a policy.
func (o *Options) maxError(p Policy) float64 {
	if p == PolicyConversation {
		return o.ConversationMaxError
	}
	return o.MaxError
}

// Pair says what a cache that holds nothing but the answer to stored would do with asked: what [Cache.Explain] would say, with
// the budget turned into a cut-off by the calibration pairs alone. Of asked's own settings threshold, budget, conversation and what it
// says of volatile questions count; its mode, TTL and age do not, and neither do Options.Namespaces. Nothing is learnt from it.
// policy "" is that of the models; one that the decision does not have is an error that wraps ErrInvalid.
func (d *Decider) Pair(ctx context.Context, stored, asked Query, policy Policy) (*Verdict, error) {
	for _, q := range [2]*Query{&stored, &asked} {
		if err := q.validate(); err != nil {
			return nil, err
		}
	}
	if policy != "" && d.decision.file.Policies[policy] == nil {
		return nil, fmt.Errorf("%w: policy %.40q: the decision has no such; use one of the Policy constants", ErrInvalid, policy)
	}
	start := time.Now()
	mode := ModeSemantic
	if policy == PolicyThreshold {
		mode = ModeThreshold
	}
	from := &Lookup{Verdict: Verdict{Mode: mode}, q: stored}
	to := &Lookup{Verdict: Verdict{Mode: mode, Policy: policy}, q: asked}
	d.opts.settle(from)
	d.opts.settle(to)
	from.relax()
	to.relax()
	v := &to.Verdict
	if policy == "" {
		policy = d.policyOf(d.opts.Mode, to.leans)
		v.Policy = policy
	}
	v.Timing.Key = time.Since(start)
	switch {
	case from.exact == to.exact:
		v.Status, v.Similarity, v.Probability = HitExact, 1, 1
		return v, nil
	case !from.semantic || !to.semantic:
		v.Reason = ReasonText
		return v, nil
	case from.partition != to.partition:
		v.Reason = ReasonEmpty // another conversation
		return v, nil
	}
	a, b := from.text, to.text
	start = time.Now()
	vectors, err := embedAll(ctx, d.opts.Embedder, []string{a, b})
	v.Timing.Embed = time.Since(start)
	if err != nil {
		return nil, err
	}
	v.Similarity = dot(vectors[0], vectors[1])
	v.Candidates = []Candidate{{Text: a, Similarity: v.Similarity}}
	found := make([]evidence, 1)
	start = time.Now()
	d.screen(policy, cmp.Or(asked.Threshold, d.opts.Threshold), to.leans, analyse(b), &v.Candidates[0], &found[0])
	d.refuseVolatile(to, &v.Candidates[0])
	v.Timing.Decide = time.Since(start)
	if d.judged(policy) {
		start = time.Now()
		if err := d.verify(ctx, b, v.Candidates, found, true); err != nil {
			return nil, err
		}
		v.Timing.Verify = time.Since(start)
	}
	d.weigh(policy, v.Candidates, found)
	cand := &v.Candidates[0]
	v.Probability = cand.Probability
	v.Budget = standing(d.prior(policy), cmp.Or(asked.MaxError, d.opts.maxError(policy)))
	v.Budget.Allowed = cand.Probability >= v.Budget.Least() || policy == PolicyThreshold
	if cand.Reason == ReasonNone && !v.Budget.Allowed {
		d.refuse(policy, v.Candidates)
	}
	if v.Reason = cand.Reason; v.Reason == ReasonNone {
		v.Status = HitSemantic
	}
	return v, nil
}

// refuseVolatile refuses the pair if either asks for what changes by itself: such a question is not compared, and such an answer found by
// its equal only.
func (d *Decider) refuseVolatile(to *Lookup, cand *Candidate) {
	to.refuseVolatile(&d.opts, cand)
	if cand.Reason == ReasonNone && to.policyOnVolatile(&d.opts) == VolatileExact {
		if token := to.volatileToken(); token != "" {
			cand.Reason, cand.Token = ReasonVolatile, token
		}
	}
}
