package store

import (
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Within a bubble time only passes while everybody waits, so that what passes is what the writer waits for. The bodies are too short
// to be compressed: the encoders are not of the bubble.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var commits []time.Time
		s, err := Open(filepath.Join(t.TempDir(), "c.db"), Options{LockTimeout: testTimeout, OnCommit: func(Change) {
			if now := time.Now(); len(commits) == 0 || !commits[len(commits)-1].Equal(now) {
				commits = append(commits, now)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		put := func(n int) {
			if _, err := s.Put(bg, headOf(n, "text"), []byte{byte(n)}, nil); err != nil {
				t.Error(err)
			}
		}
		began := time.Now()
		for n := range 20 {
			put(n)
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("20 writes, one after the other, waited %v: a lone writer is not paced", waited)
		}

		commits = nil
		const writers, each = 16, 10
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for i := range each {
					put(100 + w*each + i)
				}
			})
		}
		wg.Wait()
		if most := writers * each / 2; len(commits) > most {
			t.Errorf("%d writes of %d writers took %d commits, want at most %d", writers*each, writers, len(commits), most)
		}
		waited := 0
		for i := 1; i < len(commits); i++ {
			if gap := commits[i].Sub(commits[i-1]); gap == pace {
				waited++
			} else if gap > pace {
				t.Errorf("commits %v apart, want at most %v", gap, pace)
			}
		}
		if waited == 0 {
			t.Errorf("none of %d commits waited for company", len(commits))
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}
