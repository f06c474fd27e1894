package cache

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// answer is a load that counts its calls and gives the body.
func answer(calls *atomic.Int64, body string) LoadFunc {
	return func(context.Context) (Value, error) {
		calls.Add(1)
		return Value{Body: []byte(body)}, nil
	}
}

func do(t *testing.T, c *Cache, q Query, load LoadFunc) *Result {
	t.Helper()
	r, err := c.Do(bg, q, load)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDo(t *testing.T) {
	c := open(t, Options{Embedder: newBag()})
	var calls atomic.Int64
	q := ask("what are the opening hours in town")
	r := do(t, c, q, answer(&calls, "nine to five"))
	if r.Status != Miss || string(r.Value.Body) != "nine to five" || r.ID == 0 || r.FillErr != nil || r.Shared || r.Entry != nil {
		t.Errorf("miss: %+v", r)
	}
	first := r.ID
	if r = do(t, c, q, answer(&calls, "no")); r.Status != HitExact || r.ID != first || string(r.Value.Body) != "nine to five" {
		t.Errorf("exact: %+v", r)
	}
	if r = do(t, c, ask("what are the opening hours in town please"), answer(&calls, "no")); r.Status != HitSemantic || r.ID != first {
		t.Errorf("semantic: %+v", r)
	}
	if calls.Load() != 1 {
		t.Errorf("%d loads", calls.Load())
	}
	q.ForceRefresh = true
	if r = do(t, c, q, answer(&calls, "ten to six")); r.Status != Refresh || r.ID == first || string(r.Value.Body) != "ten to six" {
		t.Errorf("refresh: %+v", r)
	}
	q.ForceRefresh, q.NoStore = false, true
	if r = do(t, c, q, answer(&calls, "secret")); r.Status != Bypass || r.ID != 0 || string(r.Value.Body) != "secret" {
		t.Errorf("no-store: %+v", r)
	}
	expect(t, c, ask("what are the opening hours in town"), HitExact, "ten to six")

	broken := errors.New("provider is down")
	_, err := c.Do(bg, ask("a"), func(context.Context) (Value, error) { return Value{}, broken })
	if !errors.Is(err, broken) {
		t.Errorf("failing load: %v", err)
	}
	expect(t, c, ask("a"), Miss, "")
	_, err = c.Do(bg, ask("a"), func(context.Context) (Value, error) { panic("slip") })
	if err == nil || !strings.Contains(err.Error(), "slip") {
		t.Errorf("panicking load: %v", err)
	}
	if _, err := c.Do(bg, Query{}, answer(&calls, "")); !errors.Is(err, ErrInvalid) {
		t.Errorf("invalid query: %v", err)
	}
}

func TestDoKeepsTheValueThatCannotBeStored(t *testing.T) {
	c := open(t, Options{MaxValueBytes: 3})
	var calls atomic.Int64
	if r := do(t, c, ask("x"), answer(&calls, "long")); string(r.Value.Body) != "long" || !errors.Is(r.FillErr, ErrTooLarge) || r.ID != 0 {
		t.Errorf("too large: %+v", r)
	}
	closeSound(t, c)
	if r := do(t, c, ask("x"), answer(&calls, "abc")); string(r.Value.Body) != "abc" || !errors.Is(r.FillErr, ErrClosed) || r.Status != Degraded {
		t.Errorf("closed: %+v", r)
	}
}

// TestDoShares holds one load until everybody waits for it.
func TestDoShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, Options{})
		var calls, shared atomic.Int64
		gate := make(chan struct{})
		load := func(context.Context) (Value, error) {
			calls.Add(1)
			<-gate
			return Value{Body: []byte("one")}, nil
		}
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				r := do(t, c, ask("same"), load)
				if string(r.Value.Body) != "one" || r.Status != Miss {
					t.Errorf("%+v", r)
				}
				if r.Shared {
					shared.Add(1)
				}
			})
		}
		synctest.Wait()
		close(gate)
		wg.Wait()
		if calls.Load() != 1 || shared.Load() != 9 {
			t.Errorf("%d loads, %d shared", calls.Load(), shared.Load())
		}
		closeSound(t, c)
	})
}

// TestDoOutlivesItsCaller: whoever leaves, the load goes on, and its answer is stored.
func TestDoOutlivesItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, Options{})
		type key struct{}
		ctx, cancel := context.WithTimeout(context.WithValue(bg, key{}, "trace"), time.Second)
		defer cancel()
		landed := make(chan struct{})
		_, err := c.Do(ctx, ask("slow"), func(ctx context.Context) (Value, error) {
			defer close(landed)
			time.Sleep(time.Minute) // the bubble's clock
			if ctx.Err() != nil || ctx.Value(key{}) != "trace" {
				t.Errorf("the load's context: %v, value %v", ctx.Err(), ctx.Value(key{}))
			}
			return Value{Body: []byte("late")}, nil
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("caller: %v", err)
		}
		<-landed
		r := do(t, c, ask("slow"), func(context.Context) (Value, error) { return Value{}, errors.New("loaded twice") })
		if string(r.Value.Body) != "late" {
			t.Errorf("%+v", r)
		}
		closeSound(t, c)
	})
}

// TestDoKeepsToTheMessagesItWasCalledWith: once Do has returned, its messages are the caller's again, whatever is still being stored.
func TestDoKeepsToTheMessagesItWasCalledWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, Options{Embedder: newBag(), Verifier: &yes{}, Conversation: ConversationJudged})
		said := chat("A room in Ghent.", "Great!", "Is it free?")
		q := Query{Messages: said, ForceRefresh: true}
		ctx, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		_, err := c.Do(ctx, q, func(context.Context) (Value, error) {
			time.Sleep(time.Minute)
			return Value{Body: []byte("Ghent is free")}, nil
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("caller: %v", err)
		}
		copy(said, chat("A room in Paris.", "Lovely!", "Is it quiet?"))
		time.Sleep(time.Hour)
		e, err := c.Get(bg, 1)
		if err != nil || e.Text != "Is it free? | A room in Ghent." {
			t.Errorf("stored under %+v, %v", e, err)
		}
		closeSound(t, c)
	})
}

// TestDoLoadsAlthoughTheCacheIsClosedMeanwhile: between the look-up and the load, too, a closed cache is not the caller's failure.
func TestDoLoadsAlthoughTheCacheIsClosedMeanwhile(t *testing.T) {
	bag := newBag()
	c := open(t, Options{Embedder: bag})
	bag.make = func(string) []float32 {
		closeSound(t, c)
		return append(make([]float32, bag.dim-1), 1)
	}
	var calls atomic.Int64
	r := do(t, c, ask("a question"), answer(&calls, "an answer"))
	if string(r.Value.Body) != "an answer" || !errors.Is(r.FillErr, ErrClosed) || r.ID != 0 || calls.Load() != 1 {
		t.Errorf("%+v", r)
	}
	c = open(t, Options{Embedder: bag})
	slip := errors.New("slip")
	if _, err := c.Do(bg, ask("a question"), func(context.Context) (Value, error) { return Value{}, slip }); !errors.Is(err, slip) {
		t.Errorf("the load's error: %v", err)
	}
}

// TestCloseWaitsForClose: who closes a cache that is being closed may touch its file afterwards, too.
func TestCloseWaitsForClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, Options{})
		over := false
		go func() {
			_, _ = c.Do(bg, ask("slow"), func(context.Context) (Value, error) {
				time.Sleep(time.Minute)
				over = true
				return Value{}, errors.New("too late")
			})
		}()
		synctest.Wait()
		go c.Close()
		synctest.Wait()
		if err := c.Close(); err != nil || !over {
			t.Errorf("%v, and the load is over: %v", err, over)
		}
		closeSound(t, c)
	})
}

func TestCloseEndsLoads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, Options{})
		failed := make(chan error)
		go func() {
			_, err := c.Do(bg, ask("endless"), func(ctx context.Context) (Value, error) {
				<-ctx.Done()
				return Value{}, ctx.Err()
			})
			failed <- err
		}()
		synctest.Wait()
		go c.Close()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("load: %v", err)
		}
		synctest.Wait()
	})
}

// TestDoLooksAgain plays the interleaving that fly guards against: a caller who missed before another's flight
// landed must find what it stored.
func TestDoLooksAgain(t *testing.T) {
	c := open(t, Options{})
	var calls atomic.Int64
	late := c.Lookup(bg, ask("same"))
	do(t, c, ask("same"), answer(&calls, "stored"))
	got, err := c.fly(bg, late, answer(&calls, "again"))
	if err != nil || string(got.(loaded).value.Body) != "stored" || calls.Load() != 1 {
		t.Errorf("%+v, %v, %d loads", got, err, calls.Load())
	}
}

// TestDoDropsTheWriteAndKeepsTheAnswer stops the file's writer, has more writes wait than may, and asks.
func TestDoDropsTheWriteAndKeepsTheAnswer(t *testing.T) {
	c := open(t, Options{})
	stopped, goOn := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := c.store.Between(bg, func() { close(stopped); <-goOn }); err != nil {
			t.Error(err)
		}
	})
	<-stopped
	limit := dropAbove * c.store.Load().Room
	for i := range limit {
		wg.Go(func() {
			if _, err := c.Put(bg, ask(fmt.Sprint("waiting ", i)), Value{Body: []byte("x")}); err != nil {
				t.Error(err)
			}
		})
	}
	for c.Stats().Writer.Waiting < int64(limit) {
		runtime.Gosched()
	}
	res, err := c.Do(bg, ask("now"), func(context.Context) (Value, error) { return Value{Body: []byte("answer")}, nil })
	if err != nil || string(res.Value.Body) != "answer" || !errors.Is(res.FillErr, ErrOverloaded) || c.Stats().FillsDropped != 1 {
		t.Errorf("%+v %v", res, err)
	}
	close(goOn)
	wg.Wait()
	if s := c.Stats(); s.Writer.Waiting != 0 || s.Entries != int64(limit) {
		t.Errorf("%d wait, %d entries", s.Writer.Waiting, s.Entries)
	}
}

// TestDoSurvivesAPanicOfWhatItStoresWith: a flight runs on a goroutine of its own, where a panic of the embedder that a refresh is stored with
// would end the process. It costs the storing; the answer has been paid for.
func TestDoSurvivesAPanicOfWhatItStoresWith(t *testing.T) {
	bag := newBag()
	bag.make = func(string) []float32 { panic("slip") }
	c := open(t, Options{Embedder: bag})
	q := ask("a question")
	q.ForceRefresh = true
	r, err := c.Do(bg, q, func(context.Context) (Value, error) { return Value{Body: []byte("an answer")}, nil })
	if err != nil || string(r.Value.Body) != "an answer" {
		t.Fatalf("%+v, %v", r, err)
	}
	if r.FillErr == nil || !strings.Contains(r.FillErr.Error(), "slip") {
		t.Errorf("the panic is not told: %v", r.FillErr)
	}
	bag.make = nil
	expect(t, c, ask("a question"), Miss, "")
}

// TestDoLoadsForNobody: a caller that is gone before the load begins has nothing paid for.
func TestDoLoadsForNobody(t *testing.T) {
	c := open(t, Options{})
	ctx, cancel := context.WithCancel(bg)
	cancel()
	loaded := false
	_, err := c.Do(ctx, ask("a question"), func(context.Context) (Value, error) {
		loaded = true
		return Value{}, nil
	})
	if err := c.Close(); err != nil { // waits for a load
		t.Fatal(err)
	}
	if !errors.Is(err, context.Canceled) || loaded {
		t.Errorf("%v, loaded: %v", err, loaded)
	}
}

// TestDoSurvivesTheEndOfItsGoroutine: a load that ends its goroutine is an error to all who wait, and leaves the question free to be
// asked again, and the cache to be closed.
func TestDoSurvivesTheEndOfItsGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := open(t, Options{})
		gate := make(chan struct{})
		failed := make(chan error, 3)
		for range cap(failed) {
			go func() {
				_, err := c.Do(bg, ask("same"), func(context.Context) (Value, error) {
					<-gate
					runtime.Goexit()
					return Value{}, nil
				})
				failed <- err
			}()
		}
		synctest.Wait()
		close(gate)
		for range cap(failed) {
			if err := <-failed; !errors.Is(err, ErrExited) {
				t.Errorf("%v", err)
			}
		}
		var calls atomic.Int64
		if r := do(t, c, ask("same"), answer(&calls, "one")); string(r.Value.Body) != "one" {
			t.Errorf("%+v", r)
		}
		closeSound(t, c)
	})
}

// TestDoKeepsTheAnswerOfAnEmbedderThatExits: an answer that has been paid for is handed out, whatever becomes of storing it.
func TestDoKeepsTheAnswerOfAnEmbedderThatExits(t *testing.T) {
	bag := newBag()
	bag.make = func(string) []float32 { runtime.Goexit(); return nil }
	c := open(t, Options{Embedder: bag})
	q := ask("a question")
	q.ForceRefresh = true
	var calls atomic.Int64
	if r := do(t, c, q, answer(&calls, "one")); string(r.Value.Body) != "one" || !errors.Is(r.FillErr, ErrExited) {
		t.Errorf("%+v", r)
	}
}

// TestEveryCallerOfALoadMaySayWhatItWasWorth: those who shared another's, and who found what had been stored since they looked, too.
func TestEveryCallerOfALoadMaySayWhatItWasWorth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bag := newBag()
		c := open(t, Options{Embedder: bag, Threshold: 0.8, SweepInterval: -1})
		const question = "how long is the night in winter"
		gate := make(chan struct{})
		callers := []Query{near(question, "one", alice), near(question, "two", alice), near(question, "two", bob)}
		var wg sync.WaitGroup
		for _, q := range callers {
			wg.Go(func() {
				do(t, c, q, func(context.Context) (Value, error) { <-gate; return Value{Body: []byte("too long")}, nil })
			})
			synctest.Wait()
		}
		close(gate)
		wg.Wait()
		for _, q := range callers {
			reword := near(question+" please", "", bob)
			expect(t, c, reword, HitSemantic, "too long")
			say(t, c, q.Source, q.TraceID, -10, 1)
			expect(t, c, reword, Miss, "") // as of the partition of the entry
			say(t, c, q.Source, q.TraceID, 10, 1)
		}

		late := near("when does the sun rise", "late", alice)
		bag.make = func(string) []float32 { // between the look-up and the load
			if simple := late; bag.make != nil {
				bag.make, simple.Mode, simple.TraceID = nil, ModeSimple, ""
				put(t, c, simple, "at seven")
			}
			v := make([]float32, bag.dim)
			v[1] = 1
			return v
		}
		r := do(t, c, late, func(context.Context) (Value, error) { return Value{}, errors.New("loaded") })
		if string(r.Value.Body) != "at seven" {
			t.Errorf("%+v", r)
		}
		say(t, c, alice, "late", -10, 1)
		closeSound(t, c)
	})
}
