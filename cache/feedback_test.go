package cache

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// near asks by plain cosine, so that what is served does not hang on any decision but what was learnt.
func near(text, trace string, by Digest) Query {
	q := ask(text)
	q.Mode, q.Threshold, q.TraceID, q.Source = ModeThreshold, 0.8, trace, by
	return q
}

var alice, bob = Hash([]byte("alice")), Hash([]byte("bob"))

const (
	enable  = "how do I enable the two factor login here"
	turnOn  = "how do I enable the two factor login now"
	disable = "how do I disable the two factor login here"
)

func say(t *testing.T, c *Cache, by Digest, trace string, value int, weight float64) FeedbackID {
	t.Helper()
	ids, err := c.Feedback(bg, by, Feedback{TraceID: trace, Value: value, Weight: weight})
	if err != nil {
		t.Fatal(err)
	}
	return ids[0]
}

// TestBadFeedbackIsFinal: an answer found wrong for another question is not served to other questions any more: not at once,
// not after a restart, not after any time, not when the same answer is bought again for either question.
func TestBadFeedbackIsFinal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "cache.db")
		o := Options{Embedder: newBag(), SweepInterval: time.Hour}
		c := open(t, o, path)
		put(t, c, ask(enable), "press on")
		expect(t, c, near(disable, "t1", alice), HitSemantic, "press on")
		say(t, c, alice, "t1", -10, 1)

		if l := expect(t, c, near(disable, "", alice), Miss, ""); l.Reason != ReasonDemoted {
			t.Errorf("reason %q", l.Reason)
		}
		expect(t, c, near(turnOn, "", alice), Miss, "")
		expect(t, c, ask(enable), HitExact, "press on") // its own question it still answers

		closeSound(t, c)
		c = open(t, o, path)
		expect(t, c, near(turnOn, "", alice), Miss, "")

		time.Sleep(400 * 24 * time.Hour)
		expect(t, c, near(turnOn, "", alice), Miss, "")
		put(t, c, ask(enable), "press on") // bought again: a new entry
		expect(t, c, near(turnOn, "", alice), Miss, "")
		put(t, c, ask(enable), "press the green button") // even in other words
		expect(t, c, near(turnOn, "", alice), Miss, "")

		// The miss that the verdict made buys the same answer once more: for the very question only.
		put(t, c, ask(disable), " Press on. ")
		expect(t, c, ask(disable), HitExact, " Press on. ")
		expect(t, c, near("how do I disable the two factor login now", "", alice), Miss, "")
		closeSound(t, c)
	})
}

// TestAnotherAnswerIsServed: what a miss after a bad verdict buys, if it is another answer, is an answer like any other.
func TestAnotherAnswerIsServed(t *testing.T) {
	c := open(t, Options{Embedder: newBag()})
	put(t, c, ask(enable), "press on")
	expect(t, c, near(disable, "t1", alice), HitSemantic, "press on")
	say(t, c, alice, "t1", -1, 1)
	put(t, c, ask(disable), "press off")
	expect(t, c, near("how do I disable the two factor login now", "", alice), HitSemantic, "press off")
}

func TestFeedbackIsRefused(t *testing.T) {
	c := open(t, Options{Embedder: newBag()})
	put(t, c, ask(enable), "press on")
	expect(t, c, near(turnOn, "known", alice), HitSemantic, "press on")
	for _, f := range []struct {
		what string
		by   Digest
		f    Feedback
		want error
	}{
		{"unknown", alice, Feedback{"never", 5, 1}, ErrNotFound},
		{"another's", bob, Feedback{"known", -5, 1}, ErrNotFound},
		{"nobody's", Digest{}, Feedback{"known", -5, 1}, ErrNotFound},
		{"no trace", alice, Feedback{"", 5, 1}, ErrInvalid},
		{"long trace", alice, Feedback{strings.Repeat("x", MaxTraceBytes+1), 5, 1}, ErrInvalid},
		{"value", alice, Feedback{"known", 11, 1}, ErrInvalid},
		{"value", alice, Feedback{"known", -11, 1}, ErrInvalid},
		{"weight", alice, Feedback{"known", 1, 1.1}, ErrInvalid},
		{"weight", alice, Feedback{"known", 1, -0.1}, ErrInvalid},
		{"weight", alice, Feedback{"known", 1, math.NaN()}, ErrInvalid},
	} {
		before := c.Stats().Learning
		// The whole list is refused, with a good one in it.
		if _, err := c.Feedback(bg, f.by, Feedback{"known", -10, 1}, f.f); !errors.Is(err, f.want) {
			t.Errorf("%s: %v, want %v", f.what, err, f.want)
		}
		if s := c.Stats().Learning; s.Traces != before.Traces || s.Entries != 0 || s.Feedback != (LabelStats{}) {
			t.Errorf("%s: something is remembered: %+v", f.what, s)
		}
	}
	if err := c.AmendFeedback(bg, alice, FeedbackID(keyOfTrace(alice, "known")), 1, 1); !errors.Is(err, ErrNotFound) {
		t.Errorf("amending what was not given: %v", err)
	}
	expect(t, c, near(turnOn, "", alice), HitSemantic, "press on")
	long := ask(enable)
	long.TraceID = strings.Repeat("x", MaxTraceBytes+1)
	if l := c.Lookup(bg, long); l.Status != Degraded || !errors.Is(l.Err, ErrInvalid) {
		t.Errorf("a look-up with a trace id that is too long: %v %v", l.Status, l.Err)
	}
}

// TestFeedbackIsReplaced: a second word on a trace takes the place of the first, by either way, and only its author's.
func TestFeedbackIsReplaced(t *testing.T) {
	c := open(t, Options{Embedder: newBag()})
	put(t, c, ask(enable), "press on")
	key := c.Lookup(bg, ask(enable)).exact
	expect(t, c, near(turnOn, "t", alice), HitSemantic, "press on")
	id := say(t, c, alice, "t", -10, 1)
	expect(t, c, near(turnOn, "", alice), Miss, "")
	if err := c.AmendFeedback(bg, bob, id, 10, 1); !errors.Is(err, ErrNotFound) {
		t.Errorf("another's amendment: %v", err)
	}
	if err := c.AmendFeedback(bg, alice, id, 10, 1); err != nil {
		t.Fatal(err)
	}
	expect(t, c, near(turnOn, "", alice), HitSemantic, "press on")
	if again := say(t, c, alice, "t", -10, 0); again != id {
		t.Errorf("the id changed from %v to %v", id, again)
	}
	if shift, gone := c.memory.recall(key, Digest{}, time.Now().UnixNano()); gone || math.Abs(shift) > 1e-6 {
		t.Errorf("after a word without weight: shift %v, demoted %v", shift, gone)
	}
	if got, err := ParseFeedbackID(id.String()); got != id || err != nil {
		t.Errorf("id %v comes back as %v, %v", id, got, err)
	}
	for _, s := range []string{"", "x", id.String()[1:], id.String() + "0", strings.ReplaceAll(id.String(), "-", "")} {
		if _, err := ParseFeedbackID(s); !errors.Is(err, ErrInvalid) {
			t.Errorf("%q: %v", s, err)
		}
	}
}

// TestFloodFromOneKey: however much one key says, it counts once for an entry and three times for a partition.
func TestFloodFromOneKey(t *testing.T) {
	c := open(t, Options{Embedder: newBag()})
	const entries = 40
	question := func(i int) string { return fmt.Sprintf("may a%[1]d b%[1]d have c%[1]d d%[1]d with e%[1]d", i) }
	for i := range entries {
		put(t, c, ask(question(i)), fmt.Sprint("answer ", i))
	}
	partition := c.Lookup(bg, ask(question(0))).partition
	flood := func(by Digest, value int) (hit int) {
		for i := range entries {
			for range 3 {
				trace := fmt.Sprint("t", i, value)
				if l := c.Lookup(bg, near(question(i)+" please", trace, by)); l.Status == HitSemantic {
					say(t, c, by, trace, value, 1)
				}
			}
		}
		for i := range entries {
			if c.Lookup(bg, near(question(i)+" please", "", by)).Status == HitSemantic {
				hit++
			}
		}
		return hit
	}
	hits := flood(alice, -10)
	shift, _ := c.memory.recall(Digest{}, partition, time.Now().UnixNano())
	t.Logf("after %d bad words of one key %d of %d entries are served, the partition's shift is %.2f", 3*entries, hits, entries, shift)
	if hits < entries-4 || sigmoid(logit(0.98)+shift) < 0.97 {
		t.Errorf("one key flipped the partition: %d of %d are served, shift %v", hits, entries, shift)
	}
	if f := c.FalseHits(""); f.Reported > claimsPerNamespace+1e-6 {
		t.Errorf("one key reported %v wrong hits", f.Reported)
	}
	flood(bob, 10)
	if up, _ := c.memory.recall(Digest{}, partition, time.Now().UnixNano()); up > 0.5 {
		t.Errorf("another key's praise made it %v", up)
	}
	// A second and a third key are heard, each as little.
	for i := range 3 {
		flood(Hash([]byte{byte(i)}), -10)
	}
	if down, _ := c.memory.recall(Digest{}, partition, time.Now().UnixNano()); down >= shift {
		t.Errorf("three more keys make it %v, one alone %v", down, shift)
	}
}

// TestNothingLearntCrosses: a verdict in one namespace or scope moves nothing in another, though the texts are the same.
func TestNothingLearntCrosses(t *testing.T) {
	c := open(t, Options{Embedder: newBag()})
	variant := func(what string) (stored, asked Query) {
		stored, asked = ask(enable), near(turnOn, "t-"+what, alice)
		switch what {
		case "namespace":
			stored.Namespace, asked.Namespace = "other", "other"
		case "scope":
			stored.Scope, asked.Scope = Hash([]byte("s")), Hash([]byte("s"))
		case "turns":
			turn := Message{Role: "user", Text: "hello"}
			stored.Messages = append([]Message{turn}, stored.Messages...)
			asked.Messages = append([]Message{turn}, asked.Messages...)
		}
		return stored, asked
	}
	all := []string{"plain", "namespace", "scope", "turns"}
	for _, what := range all {
		stored, asked := variant(what)
		put(t, c, stored, "of "+what)
		expect(t, c, asked, HitSemantic, "of "+what)
	}
	say(t, c, alice, "t-plain", -10, 1)
	for _, what := range all {
		_, asked := variant(what)
		asked.TraceID = ""
		want := HitSemantic
		if what == "plain" {
			want = Miss
		}
		l := expect(t, c, asked, want, "of "+what)
		for _, cand := range l.Candidates {
			if what != "plain" && cand.shift != 0 {
				t.Errorf("%s: shift %v", what, cand.shift)
			}
		}
	}
	if f := c.FalseHits("other"); f.Reported != 0 || f.Tighten != 1 {
		t.Errorf("another namespace's rate moved: %+v", f)
	}
}

// TestFeedbackOnOwnAnswers: an answer that is bad for its own question, fresh or from the exact tier, does not spread.
func TestFeedbackOnOwnAnswers(t *testing.T) {
	c := open(t, Options{Embedder: newBag()})
	q := near(enable, "fresh", alice)
	l := c.Lookup(bg, q)
	if _, err := l.Fill(bg, Value{Body: []byte("nonsense")}); err != nil {
		t.Fatal(err)
	}
	expect(t, c, near(turnOn, "", bob), HitSemantic, "nonsense")
	say(t, c, alice, "fresh", -10, 1)
	expect(t, c, near(turnOn, "", bob), Miss, "")
	expect(t, c, near(enable, "exact", bob), HitExact, "nonsense")
	say(t, c, alice, "fresh", 10, 1) // taken back
	expect(t, c, near(turnOn, "", bob), HitSemantic, "nonsense")
	say(t, c, bob, "exact", -3, 1)
	expect(t, c, near(turnOn, "", bob), Miss, "")
}

// TestOperatorOutweighsUsers: what an operator has said holds, whatever users say.
func TestOperatorOutweighsUsers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache.db")
	c := open(t, Options{Embedder: newBag()}, path)
	id := put(t, c, ask(enable), "press on")
	expect(t, c, near(turnOn, "t1", alice), HitSemantic, "press on")
	if err := c.Judge(bg, id, JudgedWrong); err != nil {
		t.Fatal(err)
	}
	say(t, c, alice, "t1", 10, 1)
	expect(t, c, near(turnOn, "", alice), Miss, "")
	if err := c.Judge(bg, id, JudgedRight); err != nil {
		t.Fatal(err)
	}
	expect(t, c, near(turnOn, "t2", alice), HitSemantic, "press on")
	say(t, c, alice, "t2", -10, 1)
	closeSound(t, c)
	c = open(t, Options{Embedder: newBag()}, path)
	expect(t, c, near(turnOn, "t3", bob), HitSemantic, "press on")
	if err := c.Judge(bg, id, NoJudgement); err != nil {
		t.Fatal(err)
	}
	expect(t, c, near(turnOn, "t3", bob), Miss, "") // now the user is heard
	if err := c.Judge(bg, id+100, JudgedWrong); !errors.Is(err, ErrNotFound) {
		t.Errorf("judging what is not there: %v", err)
	}
	if err := c.Judge(bg, id, 9); !errors.Is(err, ErrInvalid) {
		t.Errorf("an unknown verdict: %v", err)
	}
}

// TestTracesAreBounded in time and number, and survive a restart.
func TestTracesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "cache.db")
		o := Options{Embedder: newBag(), SweepInterval: time.Hour}
		c := open(t, o, path)
		put(t, c, ask(enable), "press on")
		expect(t, c, near(turnOn, "old", alice), HitSemantic, "press on")
		time.Sleep(traceLife - time.Hour)
		expect(t, c, near(turnOn, "young", alice), HitSemantic, "press on")
		closeSound(t, c)
		c = open(t, o, path)
		say(t, c, alice, "young", 10, 1)
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		if _, err := c.Feedback(bg, alice, Feedback{"old", 10, 1}); !errors.Is(err, ErrNotFound) {
			t.Errorf("a trace of over a week ago: %v", err)
		}
		if n := c.Stats().Learning.Traces; n != 1 {
			t.Errorf("%d traces are kept, want 1", n)
		}
		closeSound(t, c)
	})
	ts := newTraces()
	for i := range maxTraces + 100 {
		ts.add(traceKey{byte(i), byte(i >> 8), byte(i >> 16)}, alice, 0, store.Outcome{Kind: uint8(i)})
		ts.addExact(traceKey{byte(i), byte(i >> 8), byte(i >> 16)}, exactTrace{})
	}
	if len(ts.byKey) != maxTraces || len(ts.exact) != maxExact {
		t.Errorf("%d and %d traces are kept", len(ts.byKey), len(ts.exact))
	}
	for i := range maxOutcomes + 5 {
		ts.add(traceKey{0xFF, 0xFF, 0xFF}, alice, 0, store.Outcome{Kind: uint8(i)})
	}
	if n := len(ts.byKey[traceKey{0xFF, 0xFF, 0xFF}].Outcomes); n != maxOutcomes {
		t.Errorf("%d outcomes are kept of one trace", n)
	}
}

// TestAmendingGivesBackWhatItTook: what one question counts in its partition is bounded, whoever speaks of it. Who changes their
// mind gives back what their word took of that, and nothing of what was measured.
func TestAmendingGivesBackWhatItTook(t *testing.T) {
	c := open(t, Options{Embedder: newBag()})
	put(t, c, ask(enable), "press on")
	l := expect(t, c, near(turnOn, "t1", alice), HitSemantic, "press on")
	hit := l.served()
	m := c.memory
	taken := func() float64 {
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, s := range m.traits[traitKey{store.PartitionTrait, l.partition}].Sources {
			if s.ID == sourceID(hit.key, 'e') {
				return float64(s.Weight)
			}
		}
		return 0
	}
	at := time.Now().UnixNano()
	m.mu.Lock()
	for range labelsPerEntry {
		m.teach(&label{entry: hit.key, partition: l.partition, probability: 0.9, right: true, weight: 1, from: fromShadow, served: true}, at)
	}
	m.mu.Unlock()
	for range 5 {
		id := say(t, c, alice, "t1", 10, 1)
		if err := c.AmendFeedback(bg, alice, id, -10, 0); err != nil {
			t.Fatal(err)
		}
	}
	if got := taken(); got < labelsPerEntry-claimForPartition-0.01 {
		t.Errorf("%v of the labels that were measured still count, of %d", got, labelsPerEntry)
	}
}

// TestAmendingRelaxes: who takes back that an answer was wrong gives the namespace its budget back, and whoever wants to know is told so;
// a word that changes nothing is not worth telling.
func TestAmendingRelaxes(t *testing.T) {
	var told []float64
	c := open(t, Options{
		Embedder: newBag(), Verifier: &judge{p: map[string]float64{wipe: 0.97}}, Threshold: 0.7, MaxError: 0.07,
		OnTighten: func(f FalseHits) { told = append(told, f.Tighten) },
	})
	put(t, c, ask(wipe), "A")
	q := ask(asked)
	q.TraceID, q.Source = "t", alice
	expect(t, c, q, HitSemantic, "A")
	id := say(t, c, alice, "t", -10, 1)
	say(t, c, alice, "t", -5, 1)
	if len(told) != 1 || told[0] >= 1 {
		t.Errorf("after a bad word: %v", told)
	}
	if err := c.AmendFeedback(bg, alice, id, 10, 1); err != nil {
		t.Fatal(err)
	}
	if len(told) != 2 || told[1] != 1 || c.FalseHits("").Tighten != 1 {
		t.Errorf("after it was taken back: %v, in force %v", told, c.FalseHits("").Tighten)
	}
}

// TestFeedbackOfWhoSharedAnAnswer: a look-up that was given the answer to another of the same question is one that feedback may be
// about, from its own caller.
func TestFeedbackOfWhoSharedAnAnswer(t *testing.T) {
	c := open(t, Options{Embedder: newBag()})
	lead, follow, other := c.Lookup(bg, near(enable, "t1", alice)), c.Lookup(bg, near(enable, "t2", bob)), c.Lookup(bg, near(disable, "t3", bob))
	if _, err := lead.Fill(bg, Value{Body: []byte("press on")}); err != nil {
		t.Fatal(err)
	}
	follow.FilledBy(lead)
	other.FilledBy(lead) // which is no answer to it
	say(t, c, bob, "t2", -5, 1)
	for trace, by := range map[string]Digest{"t3": bob, "t2": alice} {
		if _, err := c.Feedback(bg, by, Feedback{TraceID: trace, Value: 1, Weight: 1}); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", trace, err)
		}
	}
	again := c.Lookup(bg, near(enable, "", alice))
	late := c.Lookup(bg, near(enable, "t4", bob))
	late.FilledBy(again)
	say(t, c, bob, "t4", 5, 1)
}
