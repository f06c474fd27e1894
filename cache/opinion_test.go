package cache

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// adviser is a second opinion that says what the test tells it to.
type adviser struct {
	p, cost float64
	err     error
	panics  bool
	hangs   bool
	asked   [][2]string
}

func (a *adviser) ID() string { return "adviser/1" }
func (a *adviser) Same(ctx context.Context, asked, stored string) (float64, float64, error) {
	a.asked = append(a.asked, [2]string{asked, stored})
	if a.panics {
		panic("boo")
	}
	if a.hangs {
		<-ctx.Done()
		return 1, 0, nil // what comes too late is not heard
	}
	return a.p, a.cost, a.err
}

// TestSecondOpinion: it is asked about what the decision leaves open, moves the probability, and fails to a miss.
func TestSecondOpinion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &judge{p: map[string]float64{wipe: 0.9}}
		a := &adviser{p: 0.999}
		c := open(t, Options{
			Embedder: newBag(), Verifier: j, Threshold: 0.7, MaxError: 0.02, NoLearning: true, SweepInterval: -1,
			Opinion: OpinionOptions{Judge: a, PerMinute: 4, PerDay: 20, Price: 1},
		})
		put(t, c, ask(wipe), "Erase it.")
		l := expect(t, c, ask(asked), HitSemantic, "Erase it.")
		if len(a.asked) != 1 || a.asked[0] != [2]string{asked, wipe} || !(l.Probability > 0.98 && l.Probability < 0.999) {
			t.Errorf("asked %q, probability %v", a.asked, l.Probability)
		}
		a.p = 0.001
		if l = expect(t, c, ask(asked), Miss, ""); l.Reason != ReasonVerifier && l.Reason != ReasonBudget || l.Probability > 0.5 {
			t.Errorf("after a no: reason %q, probability %v", l.Reason, l.Probability)
		}
		before := len(a.asked)
		expect(t, c, ask(wipe), HitExact, "Erase it.")
		expect(t, c, ask("how do I wipe the phone after they sell it"), Miss, "") // a guard's veto is not discussed
		j.p[wipe] = 0.3
		expect(t, c, ask(asked), Miss, "") // nor what is hopeless
		j.p[wipe] = 0.9
		if len(a.asked) != before {
			t.Errorf("it was asked about %q", a.asked[before:])
		}
		a.p = 1
		a.err = errors.New("no power")
		expect(t, c, ask(asked), Miss, "")
		a.err, a.panics = nil, true
		expect(t, c, ask(asked), Miss, "")
		a.panics = false
		expect(t, c, ask(asked), Miss, "") // the minute's calls are used up
		time.Sleep(time.Minute)
		a.hangs = true
		start := time.Now()
		expect(t, c, ask(asked), Miss, "")
		if d := time.Since(start); d != DefaultOpinionTimeout {
			t.Errorf("it was waited for %v", d)
		}
		a.hangs, a.cost = false, 15.5
		expect(t, c, ask(asked), HitSemantic, "Erase it.")
		a.cost = 0
		expect(t, c, ask(asked), Miss, "") // the day's money is spent: 5 and 15.5
		s := c.Stats().Learning
		if s.Opinions != 6 || s.OpinionsYes != 2 || s.OpinionsNo != 1 || s.OpinionsFailed != 3 || s.OpinionsLimited != 2 || s.OpinionsSpent != 20.5 {
			t.Errorf("%+v", s)
		}
		if n := c.Stats().Stages["opinion"].Count; n == 0 {
			t.Error("its time is not counted")
		}
		time.Sleep(24 * time.Hour)
		expect(t, c, ask(asked), HitSemantic, "Erase it.")
		closeSound(t, c)
	})
}

// TestModeShadowMeasures: a cautious team that serves nothing learns for free how often it would have been wrong.
func TestModeShadowMeasures(t *testing.T) {
	c := open(t, Options{Embedder: newBag(), Threshold: 0.8})
	put(t, c, ask(enable), "press on")
	for i, answer := range []string{"Press on.", "press  on", `{"call":"off"}`} {
		q := ask([]string{turnOn, "how do I enable the two factor login today", disable}[i])
		q.Mode = ModeShadow
		l := c.Lookup(bg, q)
		if l.Status != Miss {
			t.Fatal(l.Status)
		}
		if l.WouldBe != HitSemantic {
			continue
		}
		if _, err := l.Fill(bg, Value{Body: []byte(answer)}); err != nil {
			t.Fatal(err)
		}
		flush(t, c)
	}
	f := c.FalseHits("")
	if s := c.Stats().Learning; s.Shadow.Same < 1 || s.Misses != (LabelStats{}) || f.Hits < 0.9 || f.Checked < 0.9 {
		t.Errorf("%+v, %+v", s, f)
	}
}

// slow is a verifier that takes its time.
type slow struct {
	judge
	takes time.Duration
}

func (s *slow) Verify(ctx context.Context, question string, candidates []string) ([]float64, error) {
	time.Sleep(s.takes)
	return s.judge.Verify(ctx, question, candidates)
}

// TestExpiryWhileItIsJudged: an entry that expires, or becomes too old, while models have their say is not served.
func TestExpiryWhileItIsJudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &slow{judge: judge{p: map[string]float64{wipe: 0.99}}}
		c := open(t, Options{Embedder: newBag(), Verifier: v, Threshold: 0.5, MaxError: 0.1, SweepInterval: -1})
		q := ask(wipe)
		q.TTL = 3 * time.Second
		put(t, c, q, "like this")
		expect(t, c, ask(asked), HitSemantic, "like this")
		v.takes = 2 * time.Second
		q = ask(asked)
		q.MaxAge = time.Second
		if l := expect(t, c, q, Miss, ""); l.Reason != ReasonAge {
			t.Errorf("reason %q", l.Reason)
		}
		if l := expect(t, c, ask(asked), Miss, ""); l.Reason != ReasonExpired {
			t.Errorf("reason %q", l.Reason)
		}
	})
}
