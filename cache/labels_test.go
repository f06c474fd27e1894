package cache

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func flush(t testing.TB, c *Cache) {
	t.Helper()
	if err := c.Flush(bg); err != nil {
		t.Fatal(err)
	}
}

// miss asks, expects a miss, fills it, and waits until it has been learnt from.
func miss(t testing.TB, c *Cache, q Query, body string) *Lookup {
	t.Helper()
	l := expect(t, c, q, Miss, "")
	if _, err := l.Fill(bg, Value{Body: []byte(body)}); err != nil {
		t.Fatal(err)
	}
	flush(t, c)
	return l
}

// TestMissLabels: what a near miss buys tells whether the near candidate would have done.
func TestMissLabels(t *testing.T) {
	j := &judge{p: map[string]float64{wipe: 0.6}}
	c := open(t, Options{Embedder: newBag(), Verifier: j, Threshold: 0.7, MaxError: 0.01})
	put(t, c, ask(wipe), "Erase it in the settings.")
	key := c.Lookup(bg, ask(wipe)).exact
	partition := c.Lookup(bg, ask(wipe)).partition
	shifts := func() (entry, part float64) {
		entry, _ = c.memory.recall(key, Digest{}, time.Now().UnixNano())
		part, _ = c.memory.recall(Digest{}, partition, time.Now().UnixNano())
		return entry, part
	}
	miss(t, c, ask(asked), "erase it in the settings")
	up, partUp := shifts()
	if up <= 0 || partUp <= 0 || partUp >= up {
		t.Errorf("after an equal answer the shifts are %v and %v", up, partUp)
	}
	if got := c.Stats().Learning.Misses; got != (LabelStats{Same: 1}) {
		t.Errorf("labels: %+v", got)
	}
	miss(t, c, ask("how do I wipe the phone before you sell it"), `{"tool":"erase"}`)
	if down, part := shifts(); down >= up || part >= partUp {
		t.Errorf("after another answer the shifts are %v and %v, before %v and %v", down, part, up, partUp)
	}
	miss(t, c, ask("how do I wipe the phone before one sells it"), "Hold both buttons for a while until the screen goes dark.")
	if got := c.Stats().Learning.Misses; got != (LabelStats{Same: 1, Different: 1, Unsure: 1}) {
		t.Errorf("labels: %+v", got)
	}
	before := c.Stats().Learning
	miss(t, c, ask("how do I wipe the phone after I sell it"), "Too late.") // a guard vetoes: nothing to learn
	j.p[wipe] = 0.01
	miss(t, c, ask("how do I wipe the phone before it sells"), "Erase it in the settings.") // not near
	refresh := ask(asked)
	refresh.ForceRefresh = true
	if l := c.Lookup(bg, refresh); l.Status != Refresh {
		t.Fatal(l.Status)
	} else if _, err := l.Fill(bg, Value{Body: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	flush(t, c)
	if got := c.Stats().Learning; got.Misses != before.Misses {
		t.Errorf("labels: %+v, before %+v", got.Misses, before.Misses)
	}
}

// TestComparisonPanics holds that a panic of what a caller brought, on a goroutine that he cannot guard, costs one comparison and
// not the process, nor those that follow; nor does what ends the goroutine.
func TestComparisonPanics(t *testing.T) {
	for name, end := range map[string]func(){"panic": func() { panic("a slip") }, "exit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) { testComparisonEnds(t, end) })
	}
}

func testComparisonEnds(t *testing.T, end func()) {
	var slip atomic.Bool
	c := open(t, Options{
		Embedder: newBag(), Verifier: &judge{p: map[string]float64{wipe: 0.6}}, Threshold: 0.7, MaxError: 0.01,
		ReadAnswer: func(body []byte) (Answer, bool) {
			if slip.Load() {
				end()
			}
			return readAnswer(body)
		},
	})
	put(t, c, ask(wipe), "Erase it in the settings.")
	l := expect(t, c, ask(asked), Miss, "")
	flush(t, c) // has read the answers that it came near
	slip.Store(true)
	if _, err := l.Fill(bg, Value{Body: []byte("erase it in the settings")}); err != nil {
		t.Fatal(err)
	}
	flush(t, c)
	if got := c.Stats().Learning; got.Panicked != 1 || got.Misses != (LabelStats{}) {
		t.Errorf("%+v", got)
	}
	slip.Store(false)
	miss(t, c, ask("how do I wipe the phone before you sell it"), `{"tool":"erase"}`)
	if got := c.Stats().Learning; got.Panicked != 1 || got.Misses.Different == 0 {
		t.Errorf("afterwards: %+v", got)
	}
}

// TestMissLabelsUnlock: rewordings that keep being right are served in the end, and a look-alike is not.
func TestMissLabelsUnlock(t *testing.T) {
	for _, off := range []bool{false, true} {
		j := &judge{p: map[string]float64{}}
		c := open(t, Options{Embedder: newBag(), Verifier: j, Threshold: 0.7, MaxError: 0.08, NoLearning: off})
		served := -1
		for i := range 60 {
			question := fmt.Sprintf("a%[1]d b%[1]d c%[1]d d%[1]d e%[1]d f%[1]d", i)
			j.p[question] = 0.85 // what the decision thinks of every rewording in this partition
			put(t, c, ask(question), fmt.Sprint("answer ", i))
			l := c.Lookup(bg, ask(question+" please"))
			if l.Status == HitSemantic {
				served = i
				break
			}
			if _, err := l.Fill(bg, Value{Body: fmt.Append(nil, "answer ", i)}); err != nil {
				t.Fatal(err)
			}
			flush(t, c)
		}
		t.Logf("learning off %v: first served after %d labels", off, served)
		if off != (served < 0) {
			t.Errorf("learning off %v: served after %d labels", off, served)
		}
	}
}

// TestOneKeyCannotMisteachAPartition: labels come from the provider, but the questions are the caller's.
func TestOneKeyCannotMisteachAPartition(t *testing.T) {
	m := newMemory(time.Hour, constant(0.01), nil)
	partition := Hash([]byte("p"))
	at := time.Now().UnixNano()
	m.mu.Lock()
	for i := range 500 {
		m.teach(&label{entry: Hash([]byte{byte(i), byte(i >> 8)}), partition: partition, probability: 0.5, right: true, weight: 1, from: fromMiss, by: alice}, at)
	}
	m.mu.Unlock()
	shift, _ := m.recall(Digest{}, partition, at)
	tr := m.traits[traitKey{'p', partition}]
	if tr.Certain > measurementsPerPartition*0.25+1e-6 {
		t.Errorf("500 labels of one key have a certainty of %v: as of more than %d", tr.Certain, measurementsPerPartition)
	}
	t.Logf("500 labels of one key: shift %.2f", shift)
	if shift > mostRaise {
		t.Errorf("shift %v is above %v", shift, mostRaise)
	}
}

// TestShadowChecks: drawn hits are checked, the rate is known, the budget tightens, says so, and relaxes.
func TestShadowChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told []FalseHits
		c := open(t, Options{
			Embedder: newBag(), Verifier: &judge{p: map[string]float64{wipe: 0.999}}, Threshold: 0.7, MaxError: 0.2, NoLearning: true,
			SweepInterval: time.Hour, HalfLife: 4 * 24 * time.Hour,
			Shadow: ShadowOptions{Rate: 0.5, PerMinute: 1000}, OnTighten: func(f FalseHits) { told = append(told, f) },
		})
		put(t, c, ask(wipe), "erase it")
		draws := 0
		c.shadow.draw = func() float64 { draws++; return float64(draws%2) * 0.9 } // every other hit
		var calls atomic.Int64
		check := func(answer string) {
			res, err := c.Do(bg, ask(asked), func(context.Context) (Value, error) {
				calls.Add(1)
				return Value{Body: []byte(answer)}, nil
			})
			if err != nil || res.Status != HitSemantic {
				t.Fatal(res, err)
			}
			flush(t, c)
		}
		for range 40 {
			check("Erase it.")
		}
		f := c.FalseHits("")
		if calls.Load() != 20 || f.Hits < 39.9 || f.Checked < 19.9 || f.Share != 0 || f.Tighten != 1 || len(told) != 0 {
			t.Errorf("%d calls, %+v, told %v", calls.Load(), f, told)
		}
		id := c.Lookup(bg, ask(wipe)).Entry.ID
		if err := c.Judge(bg, id, JudgedRight); err != nil { // or its demotion would end the test
			t.Fatal(err)
		}
		for range 20 {
			check(`{"call":"another"}`)
		}
		f = c.FalseHits("")
		if f.Share < 0.3 || f.Tighten > 0.5 || len(told) == 0 || told[len(told)-1].Tighten != f.Tighten {
			t.Errorf("after wrong ones: %+v, told %+v", f, told)
		}
		if s := c.Stats().Learning; s.Shadow != (LabelStats{Same: 20, Different: 10}) || s.ShadowDrawn != 30 || len(s.Namespaces) != 1 {
			t.Errorf("%+v", s)
		}
		if l := c.Lookup(bg, ask(asked)); l.Budget.MaxError != 0.2*f.Tighten {
			t.Errorf("a budget of %v is in force", l.Budget.MaxError)
		}
		time.Sleep(30 * 24 * time.Hour)
		synctest.Wait()
		if f = c.FalseHits(""); f.Tighten != 1 || told[len(told)-1].Tighten != 1 {
			t.Errorf("a month later: %+v, told %+v", f, told)
		}
		closeSound(t, c)
	})
}

// TestShadowCheckThatEndsItsGoroutine: as many of them as there are workers keep none from being made after them.
func TestShadowCheckThatEndsItsGoroutine(t *testing.T) {
	c := open(t, Options{Embedder: newBag(), Shadow: ShadowOptions{Rate: 1, PerMinute: 1000}})
	put(t, c, ask(enable), "press on")
	c.shadow.draw = func() float64 { return 0 }
	q := near(turnOn, "", alice)
	q.Namespace = ""
	for i := range 3 * shadowWorkers {
		res, err := c.Do(bg, q, func(context.Context) (Value, error) {
			if i < 2*shadowWorkers {
				runtime.Goexit()
			}
			return Value{Body: []byte("Press on.")}, nil
		})
		if err != nil || res.Status != HitSemantic {
			t.Fatal(res, err)
		}
		flush(t, c)
	}
	if s := c.Stats().Learning; s.ShadowFailed != 2*shadowWorkers || s.Shadow.Same != shadowWorkers {
		t.Errorf("%+v", s)
	}
	closeSound(t, c)
}

// TestShadowDemotes: a hit that a check finds wrong is not served again.
func TestShadowDemotes(t *testing.T) {
	c := open(t, Options{Embedder: newBag(), Shadow: ShadowOptions{Rate: 1}})
	put(t, c, ask(enable), "press on")
	l := expect(t, c, near(disable, "", alice), HitSemantic, "press on")
	if !l.ShadowDue() || !l.ShadowCheck(answering(`{"call":"off"}`)) || l.ShadowDue() {
		t.Error("the check was not made")
	}
	if l.ShadowCheck(answering("x")) {
		t.Error("a hit is checked twice")
	}
	flush(t, c)
	if l = expect(t, c, near(turnOn, "", alice), Miss, ""); l.Reason != ReasonDemoted || l.ShadowDue() {
		t.Errorf("reason %q", l.Reason)
	}
	if l = expect(t, c, ask(enable), HitExact, "press on"); l.ShadowDue() {
		t.Error("an exact hit is to be checked")
	}
}

func answering(body string) CallFunc {
	return func(context.Context) (Value, float64, error) { return Value{Body: []byte(body)}, 0, nil }
}

// TestShadowLimits: calls a minute and money a day bound the checks, and those that were left out make the others count more.
func TestShadowLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, Options{
			Embedder: newBag(), SweepInterval: -1,
			Shadow: ShadowOptions{Rate: 1, PerMinute: 3, PerDay: 10, Price: 1},
		})
		put(t, c, ask(enable), "press on")
		check := func(cost float64) bool {
			l := expect(t, c, near(turnOn, "", alice), HitSemantic, "press on")
			made := l.ShadowCheck(func(context.Context) (Value, float64, error) {
				return Value{Body: []byte("press on")}, cost, nil
			})
			flush(t, c)
			return made
		}
		var made []int
		for range 6 {
			n := 0
			for range 5 {
				if check(0) {
					n++
				}
			}
			made = append(made, n)
			time.Sleep(time.Minute)
		}
		if fmt.Sprint(made) != "[3 3 3 1 0 0]" {
			t.Errorf("checks in each minute: %v, want 3 at most, and 10 in all", made)
		}
		s := c.Stats().Learning
		if s.ShadowDrawn != 30 || s.ShadowDropped != 20 || s.ShadowSpent != 10 {
			t.Errorf("%+v", s)
		}
		c.memory.mu.Lock() // the upkeep is due now as well
		sum := c.memory.rates[""].Sum
		c.memory.mu.Unlock()
		if sum <= 10 {
			t.Errorf("10 checks of 30 hits stand for %v", sum)
		}
		time.Sleep(24 * time.Hour)
		if !check(8.5) || check(0) == false || check(0) {
			t.Error("the next day has not 10 to spend")
		}
		closeSound(t, c)
	})
}

// TestShadowEndsWithTheCache: a call under way is cancelled, those that wait are not made, and a failure or a panic is counted.
func TestShadowEndsWithTheCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, Options{Embedder: newBag(), SweepInterval: -1, Shadow: ShadowOptions{Rate: 1, PerMinute: 1000, Timeout: time.Minute}})
		put(t, c, ask(enable), "press on")
		check := func(call CallFunc) bool {
			return expect(t, c, near(turnOn, "", alice), HitSemantic, "press on").ShadowCheck(call)
		}
		check(func(context.Context) (Value, float64, error) { panic("boo") })
		check(func(context.Context) (Value, float64, error) { return Value{}, 0, errors.New("no") })
		check(func(ctx context.Context) (Value, float64, error) { <-ctx.Done(); return Value{}, 0, ctx.Err() }) // its time ends
		flush(t, c)
		if s := c.Stats().Learning; s.ShadowFailed != 3 || s.Shadow != (LabelStats{}) {
			t.Errorf("%+v", s)
		}
		var begun, ended atomic.Int64
		queued := 0
		for range shadowWorkers + shadowQueue + 10 {
			if check(func(ctx context.Context) (Value, float64, error) {
				begun.Add(1)
				<-ctx.Done()
				ended.Add(1)
				return Value{}, 0, ctx.Err()
			}) {
				queued++
			}
			synctest.Wait()
		}
		if queued != shadowWorkers+shadowQueue {
			t.Errorf("%d checks wait or run, want %d", queued, shadowWorkers+shadowQueue)
		}
		closeSound(t, c)
		if begun.Load() != shadowWorkers || ended.Load() != shadowWorkers {
			t.Errorf("%d calls began, %d ended", begun.Load(), ended.Load())
		}
	})
}

// TestShadowCheckWithoutRoomCostsNothing: one that is not made because too many wait is not paid for, takes none of the calls of its
// minute, and makes those that are made count for more.
func TestShadowCheckWithoutRoomCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const fit, more = shadowWorkers + shadowQueue, 10
		c := open(t, Options{
			Embedder: newBag(), SweepInterval: -1, Shadow: ShadowOptions{Rate: 1, PerMinute: fit + 1, PerDay: fit + 1, Price: 1},
		})
		put(t, c, ask(enable), "press on")
		end := make(chan struct{})
		check := func() bool {
			return expect(t, c, near(turnOn, "", alice), HitSemantic, "press on").ShadowCheck(func(context.Context) (Value, float64, error) {
				<-end
				return Value{Body: []byte("press on")}, 0, nil
			})
		}
		for i := range fit + more {
			if made := check(); made != (i < fit) {
				t.Errorf("check %d is made: %v", i, made)
			}
			synctest.Wait()
		}
		if s := c.Stats().Learning; s.ShadowSpent != fit || s.ShadowDropped != more {
			t.Errorf("%+v", s)
		}
		sum := func() float64 {
			flush(t, c)
			c.memory.mu.Lock()
			defer c.memory.mu.Unlock()
			return c.memory.rates[""].Sum
		}
		close(end)
		before := sum()
		if !check() || check() {
			t.Error("one more was to be made")
		}
		if last := sum() - before; before < fit || before > fit+0.01 || last < 1.15 {
			t.Errorf("%d checks stand for %v, one after %d were dropped for %v", fit, before, more, last)
		}
		closeSound(t, c)
	})
}

func TestLearningOptions(t *testing.T) {
	for _, o := range []Options{
		{HalfLife: -1}, {Shadow: ShadowOptions{Rate: 2}}, {Shadow: ShadowOptions{PerMinute: -1}}, {Shadow: ShadowOptions{PerDay: 1}},
		{Shadow: ShadowOptions{PerDay: -1}}, {Shadow: ShadowOptions{Timeout: -1}}, {Opinion: OpinionOptions{Least: 2}},
		{Opinion: OpinionOptions{PerDay: 1}}, {Opinion: OpinionOptions{Timeout: -1}},
	} {
		if _, err := Open(t.TempDir()+"/x.db", o); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
