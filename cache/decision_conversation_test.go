package cache

import (
	"context"
	"fmt"
	"hash/fnv"
	"strings"
	"testing"
)

// byTopic is a verifier that finds texts of one topic the same, more or less, and all others not.
type byTopic struct{}

func (byTopic) ID() string { return "by topic/1" }

func (byTopic) Verify(_ context.Context, question string, candidates []string) ([]float64, error) {
	topic := func(s string) string { return s[strings.Index(s, "about "):][:len("about aaaa")] }
	out := make([]float64, len(candidates))
	for i, c := range candidates {
		h := fnv.New32a()
		h.Write([]byte(question + c))
		out[i] = 0.1 + 0.2*float64(h.Sum32()%100)/100
		if topic(question) == topic(c) {
			out[i] += 0.6
		}
	}
	return out, nil
}

// Conversations have a calibration and a budget of their own, and questions keep theirs.
func TestFitConversations(t *testing.T) {
	word := func(n int) string {
		return string([]byte{'a' + byte(n/26/26%26), 'a' + byte(n/26%26), 'a' + byte(n%26)})
	}
	conversation := func(n int, polite string) []Message {
		return chat("Tell me something about x"+word(n)+polite, "It is about x"+word(n)+".", "How did it begin?")
	}
	var pairs []LabelledConversation
	for n := range 200 {
		p := LabelledConversation{A: conversation(n, "."), B: conversation(n, " please."), Same: true, Group: fmt.Sprint(n)}
		if n%2 == 1 {
			p.B, p.Same = conversation(n+1000, " please."), false
		}
		pairs = append(pairs, p)
	}
	o := Options{Embedder: alike(), Verifier: byTopic{}}
	d, err := ParseDecision(decisionJSON)
	if err != nil {
		t.Fatal(err)
	}
	d.file.Embedder, d.file.Verifier = o.Embedder.ID(), o.Verifier.ID()
	if n, err := d.FitConversations(bg, o, pairs[:140]); err == nil || n != 0 {
		t.Errorf("too few pairs: %d used, %v", n, err)
	}
	strict := LabelledConversation{A: chat("About what?"), B: conversation(1, "."), Group: "alone"}
	if n, err := d.FitConversations(bg, o, append(pairs, strict)); err != nil || n != len(pairs) {
		t.Fatalf("%d pairs used, %v", n, err)
	}
	encoded, err := d.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if d, err = ParseDecision(encoded); err != nil || len(d.Reliability(PolicyConversation)) == 0 {
		t.Fatal(err)
	}

	o.Decision, o.MaxError, o.Conversation, o.Threshold = d, 0.01, ConversationJudged, 0.5
	c := open(t, o)
	put(t, c, Query{Messages: conversation(7, ".")}, "A")
	for _, x := range []struct {
		n      int
		budget float64
		want   float64 // the budget in force
		status Status
	}{{7, 0, 0.03, HitSemantic}, {7, 0.2, 0.2, HitSemantic}, {7, 0.002, 0.002, Miss}, {8, 0.2, 0.2, Miss}} {
		l := c.Lookup(bg, Query{Messages: conversation(x.n, ", if you can."), MaxError: x.budget})
		if l.Policy != PolicyConversation || l.Status != x.status || l.Budget.MaxError != 0 && l.Budget.MaxError != x.want {
			t.Errorf("topic %d, budget %v: policy %s, %v (%s), probability %v, %+v", x.n, x.budget, l.Policy, l.Status, l.Reason, l.Probability, l.Budget)
		}
	}
	if l := c.Lookup(bg, ask("what is this about xaaa")); l.Policy == PolicyConversation {
		t.Error("a question is judged as a conversation")
	}
	if _, err := NewDecider(Options{Embedder: newBag(), ConversationMaxError: 2}); err == nil || !strings.Contains(err.Error(), "conversation max error 2") {
		t.Errorf("a budget outside 0..1: %v", err)
	}
}
