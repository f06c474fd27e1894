package cache

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// Feedback is what a user thought of the answers under a trace id.
type Feedback struct {
	TraceID string // of the queries that were answered
	// Value is -10 to 10. What is above 0 says that the answer was right. What is not says that it was wrong, 0 included,
	// which clients of Portkey's API send for a thumb that points down.
	Value  int
	Weight float64 // 0 to 1: how much it counts
}

func (f *Feedback) validate() error {
	if err := validFeedback(f.Value, f.Weight); err != nil {
		return err
	}
	if f.TraceID == "" || len(f.TraceID) > MaxTraceBytes {
		return fmt.Errorf("%w: feedback: trace id of %d bytes: give 1 to %d", ErrInvalid, len(f.TraceID), MaxTraceBytes)
	}
	return nil
}

func validFeedback(value int, weight float64) error {
	if value < -10 || value > 10 {
		return fmt.Errorf("%w: feedback: value %d: give -10 to 10", ErrInvalid, value)
	}
	if !(weight >= 0 && weight <= 1) { // also refuses NaN
		return fmt.Errorf("%w: feedback: weight %v: give 0 to 1", ErrInvalid, weight)
	}
	return nil
}

// FeedbackID names a feedback, so that it can be changed.
type FeedbackID [16]byte

// String returns the id in the form of a UUID.
func (id FeedbackID) String() string {
	h := hex.EncodeToString(id[:])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// ParseFeedbackID reads what FeedbackID.String wrote. The error wraps ErrInvalid.
func ParseFeedbackID(s string) (id FeedbackID, err error) {
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if copy(id[:], b); err != nil || len(b) != len(id) || id.String() != strings.ToLower(s) {
		return FeedbackID{}, fmt.Errorf("%w: feedback id %.60q: want the form of a UUID", ErrInvalid, s)
	}
	return id, nil
}

// Feedback takes in what users thought, all of it or, if one is invalid or about an unknown trace, none. by is the key of
// the caller, which must be the Query.Source that the trace's queries had: nobody can speak of another's answers. A trace is
// known for a week, or for the next 32,768 traces; one that ended in an exact hit, for the next 8,192 of these, and not past
// a restart. What is said is durable when it returns.
//
// An answer that was wrong as a semantic hit becomes less probable, it and its partition's; once the verdicts against it
// add up to one of full weight, it is not served to other questions any more, until an operator says otherwise. An answer
// that was the question's own, from the exact tier or fresh, is not served to other questions either if it was wrong. A
// right semantic hit makes the next more probable.
//
// A second feedback of one trace replaces the first. One caller counts at most once for one entry and three times for one
// partition, in a half-life. The weight is spread over the answers under the trace.
//
// The error is ErrNotFound for an unknown trace, about which nothing is remembered, or wraps ErrInvalid.
func (c *Cache) Feedback(ctx context.Context, by Digest, feedback ...Feedback) ([]FeedbackID, error) {
	if err := c.usable(ctx); err != nil {
		return nil, err
	}
	for i := range feedback {
		if err := feedback[i].validate(); err != nil {
			return nil, err
		}
	}
	ids := make([]FeedbackID, len(feedback))
	given := make([]verdict, len(feedback))
	for i, f := range feedback {
		key := keyOfTrace(by, f.TraceID)
		ids[i], given[i] = FeedbackID(key), verdict{key, f.Value, f.Weight}
	}
	if err := c.pronounce(ctx, by, given); err != nil {
		return nil, err
	}
	return ids, nil
}

// AmendFeedback replaces a feedback's value and weight. The error is ErrNotFound where the caller gave none under that id.
func (c *Cache) AmendFeedback(ctx context.Context, by Digest, id FeedbackID, value int, weight float64) error {
	if err := c.usable(ctx); err != nil {
		return err
	}
	if err := validFeedback(value, weight); err != nil {
		return err
	}
	c.memory.mu.RLock()
	t := c.memory.traces.byKey[traceKey(id)]
	given := t != nil && t.Weight >= 0
	c.memory.mu.RUnlock()
	if !given {
		return fmt.Errorf("%w: no feedback of yours has the id %v", ErrNotFound, id)
	}
	return c.pronounce(ctx, by, []verdict{{traceKey(id), value, weight}})
}

// verdict is a feedback whose trace is known by its key.
type verdict struct {
	trace  traceKey
	value  int
	weight float64
}

// shunned is an answer that must not spread from a question on.
type shunned struct{ question, entry Digest }

func (c *Cache) pronounce(ctx context.Context, by Digest, verdicts []verdict) error {
	m, at := c.memory, c.now().UnixNano()
	m.mu.Lock()
	found := make([]*store.Trace, len(verdicts))
	for i, v := range verdicts {
		t, gone := m.traces.get(v.trace, by, at)
		if gone != nil {
			m.dirtyTraces[*gone] = struct{}{}
		}
		if t == nil {
			m.mu.Unlock()
			return fmt.Errorf("%w: no answer of yours is known under that trace id", ErrNotFound)
		}
		found[i] = t
	}
	var tell []FalseHits
	var shun []shunned
	for i, v := range verdicts {
		told, wrong := m.hear(found[i], v, by, at)
		tell, shun = append(tell, told...), append(shun, wrong...)
	}
	m.mu.Unlock()
	m.told(tell)
	for _, s := range shun {
		c.shun(s)
	}
	return c.writeLearned(ctx)
}

// hear takes in a verdict on a trace, in place of the one before. It returns what to tell of budgets, and which answers are
// not to spread. The caller holds mu.
func (m *memory) hear(t *store.Trace, v verdict, by Digest, at int64) (tell []FalseHits, shun []shunned) {
	had, given := *t, t.Weight >= 0
	t.Value, t.Weight, t.At = int8(v.value), v.weight, at
	m.dirtyTraces[traceKey(t.Key)] = struct{}{}
	outcome := Same
	if v.value <= 0 {
		outcome = Different
	}
	m.labels[fromFeedback][outcome]++
	for i := range t.Outcomes {
		o := &t.Outcomes[i]
		l := &label{
			entry: o.Entry, partition: o.Partition, namespace: o.Namespace, budget: o.Budget, probability: o.Probability,
			from: fromFeedback, by: by, served: true,
		}
		semantic := Status(o.Kind) == HitSemantic
		if given {
			l.right = had.Value > 0
			m.withdraw(l, o, semantic, had.At, at)
		}
		l.right, l.weight = v.value > 0, v.weight/float64(len(t.Outcomes))
		if semantic {
			o.Applied = m.teach(l, at)
			if !l.right {
				shun = append(shun, shunned{o.Question, o.Entry})
			}
			tell = append(tell, m.settle(o.Namespace)...)
		} else if !l.right {
			// The answer is bad for its own question, so it is for others. It says nothing about the decision.
			e := m.trait(store.EntryTrait, l.entry, at)
			p := m.trait(store.PartitionTrait, l.partition, at)
			of := allowance(&e.Sources, l.claim(), l.weight, claimsPerEntry)
			w := allowance(&p.Sources, l.claim(), of, claimsPerPartition)
			restore(e.Sources, l.claim(), of-w) // withdraw gives back no more than what counted
			e.Bad += w
			o.Applied = [6]float64{4: w}
		}
	}
	return tell, shun
}

// withdraw takes out what an earlier verdict on the outcome had changed. The caller holds mu.
func (m *memory) withdraw(l *label, o *store.Outcome, semantic bool, given, at int64) {
	if semantic {
		m.unteach(l, o.Applied, given, at)
	} else if !l.right {
		f := fading(at-given, m.halfLife)
		e, p := m.trait(store.EntryTrait, l.entry, at), m.trait(store.PartitionTrait, l.partition, at)
		e.Bad = max(0, e.Bad-o.Applied[4])
		restore(e.Sources, l.claim(), o.Applied[4]*f)
		restore(p.Sources, l.claim(), o.Applied[4]*f)
	}
	o.Applied = [6]float64{}
}

// shun makes sure that the answer which was wrong for a question does not come back by way of that question: if the
// provider gives the same one again, the new entry is for that question only.
func (c *Cache) shun(s shunned) {
	_, body, ok, err := c.store.ByKey(s.entry)
	if err != nil || !ok {
		return // the entry is gone; its demotion stays
	}
	d, ok := c.answerDigest(body)
	if !ok {
		return
	}
	m, at := c.memory, c.now().UnixNano()
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.traits[traitKey{store.EntryTrait, s.entry}]; e == nil || !demoted(e) {
		return
	}
	q := m.trait(store.EntryTrait, s.question, at)
	q.Shun = d
}

// filling looks at an answer that is about to be stored for a question whose last one was shunned, and demotes it before
// anybody can find it if it is the same.
func (c *Cache) filling(question Digest, body []byte) {
	m := c.memory
	m.mu.RLock()
	t := m.traits[traitKey{store.EntryTrait, question}]
	shun := [16]byte{}
	if t != nil {
		shun = t.Shun
	}
	m.mu.RUnlock()
	if shun == [16]byte{} {
		return
	}
	if d, ok := c.answerDigest(body); ok && d != shun {
		return
	}
	at := c.now().UnixNano()
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.trait(store.EntryTrait, question, at)
	e.Bad = max(e.Bad, demotion)
	m.poke()
}

// Judgement is an operator's word on an entry.
type Judgement uint8

const (
	NoJudgement  Judgement = iota // none: what was learnt decides
	JudgedRight                   // its answer serves rewordings of its question; feedback cannot demote it
	JudgedWrong                   // it must not be served to any other question
	judgementMax = JudgedWrong
)

// Judge sets the operator's verdict on an entry, or takes it back. It outweighs all that users said, does not fade, is
// about the entry's question, whatever answer that is given later, and is durable when Judge returns. The error is
// ErrNotFound if no entry has the id.
func (c *Cache) Judge(ctx context.Context, id ID, v Judgement) error {
	if err := c.usable(ctx); err != nil {
		return err
	}
	if v > judgementMax {
		return fmt.Errorf("%w: verdict %d: use one of the Judgement constants", ErrInvalid, v)
	}
	heads, err := c.store.Heads([]uint64{uint64(id)})
	if err == nil {
		err = heads[0].Err
	}
	if err != nil {
		return storeErr(c.path, err)
	}
	if !heads[0].OK {
		return fmt.Errorf("%w: %v", ErrNotFound, id)
	}
	m, at := c.memory, c.now().UnixNano()
	m.mu.Lock()
	t := m.trait(store.EntryTrait, heads[0].Head.Key, at)
	t.Verdict = uint8(v)
	if v == JudgedRight {
		// What was said against it was mistaken.
		t.Bad, t.Shun = 0, [16]byte{}
		t.Shift = max(0, t.Shift)
	}
	m.mu.Unlock()
	return c.writeLearned(ctx)
}
