package cache

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// lacking compares how many entries have a vector, and how many will.
func lacking(t *testing.T, c *Cache, vectors int, want int64) {
	t.Helper()
	if s := c.Stats(); s.Vectors != vectors || s.Lacking != want {
		t.Errorf("%d vectors, %d lacking: want %d, %d", s.Vectors, s.Lacking, vectors, want)
	}
}

// TestVectorsAreMadeLater: what was stored while the embedder failed is found by other wordings once it works, without a restart.
func TestVectorsAreMadeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "cache.db")
		bag := newBag()
		c := open(t, Options{Embedder: bag}, path)
		bag.fail(errors.New("model server is down"))
		var ids []ID
		for i := range 50 {
			ids = append(ids, put(t, c, ask(fmt.Sprintf("how many legs has animal number%d got in all", i)), "four"))
		}
		simple := ask("what is asked for word by word")
		simple.Mode = ModeSimple
		put(t, c, simple, "simple")
		lacking(t, c, 0, 50)
		time.Sleep(10 * DefaultSweepInterval)
		synctest.Wait()
		lacking(t, c, 0, 50)
		if err := c.Delete(bg, ids[49]); err != nil {
			t.Fatal(err)
		}
		lacking(t, c, 0, 49)

		bag.fail(nil)
		time.Sleep(2 * DefaultSweepInterval)
		synctest.Wait()
		lacking(t, c, 49, 0)
		expect(t, c, ask("how many legs has animal number7 got in all please"), HitSemantic, "four")
		expect(t, c, ask("how many legs has animal number49 got in all"), Miss, "")
		expect(t, c, ask("what is asked for word by word please"), Miss, "") // nobody wanted more
		calls := bag.calls.Load()
		time.Sleep(10 * DefaultSweepInterval)
		synctest.Wait()
		if n := bag.calls.Load(); n != calls {
			t.Errorf("%d calls of the embedder that had nothing to do", n-calls)
		}
		closeSound(t, c)

		c = open(t, Options{Embedder: newBag()}, path)
		lacking(t, c, 49, 0)
		expect(t, c, ask("how many legs has animal number7 got in all please"), HitSemantic, "four")
		closeSound(t, c)
	})
}

// TestATextThatIsRefusedKeepsNoOther: one text that the embedder never takes costs no other its vector.
func TestATextThatIsRefusedKeepsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bag := newBag()
		bag.fail(errors.New("down"))
		c := open(t, Options{Embedder: bag})
		for i := range 40 {
			put(t, c, ask(fmt.Sprintf("what may be said of number%d", i)), "much")
		}
		bag.make = func(text string) []float32 {
			switch text {
			case "what may be said of number0", "what may be said of number21":
				panic("never")
			case "what may be said of number39":
				runtime.Goexit()
			}
			v := make([]float32, bag.dim)
			v[len(text)] = 1
			return v
		}
		bag.fail(nil)
		time.Sleep(40 * DefaultSweepInterval)
		synctest.Wait()
		lacking(t, c, 37, 3)
		closeSound(t, c)
	})
}

// TestNoVectorsForSimpleMode: who has the whole cache answer equal questions only waits for no vectors, and gets none later.
func TestNoVectorsForSimpleMode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "cache.db")
		c := open(t, Options{Mode: ModeSimple}, path)
		put(t, c, ask("what is asked for word by word"), "simple")
		other := ask("what somebody would have had compared by meaning")
		other.Mode = ModeSemantic
		put(t, c, other, "other")
		lacking(t, c, 0, 1)
		closeSound(t, c)

		c = open(t, Options{Embedder: newBag()}, path)
		synctest.Wait()
		lacking(t, c, 1, 0)
		expect(t, c, ask("what is asked for word by word please"), Miss, "")
		expect(t, c, ask("what is asked for word by word"), HitExact, "simple")
		expect(t, c, ask("what somebody would have had compared by meaning please"), HitSemantic, "other")
		closeSound(t, c)
	})
}

// TestVectorsOfAFileThatHadNone: entries of a cache without an embedder get theirs when it has one, and the check says how many lack it.
func TestVectorsOfAFileThatHadNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "cache.db")
		c := open(t, Options{}, path)
		put(t, c, ask("stored before there was any model at all"), "old")
		put(t, c, Query{Messages: []Message{{Role: "tool", Text: "not for the semantic tier"}}}, "tool")
		simple := ask("what is asked for word by word")
		simple.Mode = ModeSimple
		put(t, c, simple, "simple")
		lacking(t, c, 0, 1)
		if r, err := c.Check(bg); err != nil || r.Lacking != 1 || r.Vectors != 0 || !r.OK() {
			t.Errorf("check: %+v, %v", r, err)
		}
		closeSound(t, c)

		bag := newBag()
		bag.fail(errors.New("down"))
		c = open(t, Options{Embedder: bag, OpenEarly: true}, path)
		synctest.Wait()
		lacking(t, c, 0, 1)
		bag.fail(nil)
		time.Sleep(DefaultSweepInterval)
		synctest.Wait()
		lacking(t, c, 1, 0)
		expect(t, c, ask("stored before there was any model at all please"), HitSemantic, "old")
		if r, err := c.Check(bg); err != nil || r.Lacking != 0 || r.Vectors != 1 || !r.OK() {
			t.Errorf("check: %+v, %v", r, err)
		}
		closeSound(t, c)
	})
}

// TestANewModelThatRefusesATextOpensTheFile: what one text is refused for is not the others' fault, nor the cache's.
func TestANewModelThatRefusesATextOpensTheFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "cache.db")
		c := open(t, Options{Embedder: newBag()}, path)
		for i := range 70 {
			put(t, c, ask(fmt.Sprintf("what may be said of number%d", i)), "much")
		}
		closeSound(t, c)

		bag := newBag()
		bag.id = "bag/2"
		var learned atomic.Bool
		bag.make = func(text string) []float32 {
			v := make([]float32, bag.dim)
			if refused := text == "what may be said of number0" || text == "what may be said of number69"; !refused || learned.Load() {
				v[len(text)] = 1
			}
			return v
		}
		c = open(t, Options{Embedder: bag, OnModelChange: Reembed}, path)
		synctest.Wait()
		lacking(t, c, 68, 2)
		expect(t, c, ask("what may be said of number69"), HitExact, "much")
		if r, err := c.Check(bg); err != nil || !r.OK() {
			t.Errorf("check: %+v, %v", r, err)
		}
		learned.Store(true)
		time.Sleep(2 * DefaultSweepInterval)
		synctest.Wait()
		lacking(t, c, 70, 0)
		closeSound(t, c)
	})
}
