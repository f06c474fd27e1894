package cache

import (
	"encoding/binary"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// The simulations below are of the memory alone: a candidate is served if its probability, moved by what was learnt, is at
// least this.
const simulatedCutoff = 0.97

// TestWrongEntryIsFoundOut simulates an entry whose answer is wrong for the questions that come near it, though the decision is
// sure of it. Some of its hits are checked, by structure or by models, and some are complained of. It counts labels, and
// wrong answers, until it is served no more.
func TestWrongEntryIsFoundOut(t *testing.T) {
	const seed, runs = 7, 500
	r := seeded(seed)
	var labels, wrong []int
	for range runs {
		m := newMemory(DefaultHalfLife, constant(DefaultMaxError), nil)
		entry, partition := Hash([]byte("e")), Hash([]byte("p"))
		at := time.Now().UnixNano()
		n, served := 0, 0
		for served < 2000 {
			p := 0.97 + 0.029*r.Float64()
			shift, gone := m.recall(entry, partition, at)
			if gone || shifted(p, shift) < simulatedCutoff {
				break
			}
			served++
			l := label{entry: entry, partition: partition, probability: p, served: true}
			switch x := r.Float64(); {
			case x < 0.05:
				l.from, l.weight = fromShadow, 1
			case x < 0.10:
				l.from, l.weight = fromShadow, judgedWeight
			case x < 0.15:
				l.from, l.weight, l.by = fromFeedback, 1, Hash([]byte{byte(served), byte(served >> 8)})
			default:
				at += int64(time.Hour)
				continue
			}
			m.mu.Lock()
			m.teach(&l, at)
			m.mu.Unlock()
			n++
			at += int64(time.Hour)
		}
		labels, wrong = append(labels, n), append(wrong, served)
	}
	slices.Sort(labels)
	slices.Sort(wrong)
	t.Logf("seed %d, %d runs: labels until it is served no more: median %d, most %d; wrong answers until then: median %d, 95 %% of runs at most %d (without learning: all of 2000)",
		seed, runs, labels[runs/2], labels[runs-1], wrong[runs/2], wrong[runs*95/100])
	if labels[runs-1] > 2 {
		t.Errorf("a run needed %d labels", labels[runs-1])
	}
}

// TestLearningServesMore simulates a partition about which the decision is too careful, then one about which it is too
// bold. Near misses are labelled by what they buy; a tenth of the hits is checked. It compares the last quarter with the
// first, with and without learning.
func TestLearningServesMore(t *testing.T) {
	const seed, runs, asks = 11, 40, 2000
	for _, c := range []struct {
		what string
		bias float64 // of the truth, in log-odds
		more bool    // learning has to serve more
	}{{"too careful", 1.5, true}, {"too bold", -1.5, false}} {
		r := seeded(seed)
		var first, last, wrongLearnt, hitsLearnt, wrongPlain, hitsPlain float64
		for range runs {
			m := newMemory(DefaultHalfLife, constant(DefaultMaxError), nil)
			partition, at := Hash([]byte("p")), time.Now().UnixNano()
			for i := range asks {
				entry := Hash([]byte{byte(r.IntN(200))})
				p := sigmoid(logit(0.95) + 2*(r.Float64()-0.5)*2)
				right := r.Float64() < sigmoid(logit(p)+c.bias)
				if p >= simulatedCutoff {
					hitsPlain++
					if !right {
						wrongPlain++
					}
				}
				shift, gone := m.recall(entry, partition, at)
				hit := !gone && shifted(p, shift) >= simulatedCutoff
				l := label{entry: entry, partition: partition, probability: p, right: right, weight: 1, from: fromMiss}
				if hit {
					hitsLearnt++
					if !right {
						wrongLearnt++
					}
					if i < asks/4 {
						first++
					} else if i >= asks*3/4 {
						last++
					}
					l.from, l.served = fromShadow, true
				}
				if !hit && !gone || hit && r.Float64() < 0.1 {
					m.mu.Lock()
					m.teach(&l, at)
					m.mu.Unlock()
				}
				at += int64(time.Minute)
			}
		}
		quarter := float64(runs * asks / 4)
		t.Logf("%s (seed %d, %d runs of %d): hit share of the first quarter %.1f %%, of the last %.1f %%, without learning %.1f %%; wrong of the hits %.2f %%, without learning %.2f %%",
			c.what, seed, runs, asks, 100*first/quarter, 100*last/quarter, 100*hitsPlain/4/quarter, 100*wrongLearnt/hitsLearnt, 100*wrongPlain/hitsPlain)
		if c.more && !(last > first && hitsLearnt > hitsPlain && wrongLearnt/hitsLearnt < 1-simulatedCutoff) {
			t.Errorf("%s: learning does not serve more within the bounds", c.what)
		}
		if !c.more && !(wrongLearnt/hitsLearnt < wrongPlain/hitsPlain) {
			t.Errorf("%s: learning does not make fewer mistakes", c.what)
		}
	}
}

// TestPrune: what has faded is forgotten, what must not come back is not, and the file follows.
func TestPrune(t *testing.T) {
	m := newMemory(time.Hour, constant(DefaultMaxError), nil)
	at := time.Now().UnixNano()
	faded, bad := Hash([]byte("faded")), Hash([]byte("bad"))
	m.mu.Lock()
	m.teach(&label{entry: faded, partition: alice, namespace: "n", probability: 0.5, right: true, weight: 1, from: fromMiss}, at)
	m.teach(&label{entry: bad, partition: alice, namespace: "n", probability: 0.9, weight: 1, from: fromFeedback, by: bob, served: true}, at)
	m.mu.Unlock()
	if l := m.collect(); len(l.Traits) != 3 || len(l.Rates) != 1 {
		t.Errorf("%d traits and %d rates to write", len(l.Traits), len(l.Rates))
	}
	m.prune(at + int64(1000*time.Hour))
	l := m.collect()
	if len(l.Forget) != 3 || len(m.traits) != 1 || len(m.rates) != 0 {
		t.Errorf("%d rows to forget, %d traits and %d rates left", len(l.Forget), len(m.traits), len(m.rates))
	}
	if _, gone := m.recall(bad, alice, at+int64(2000*time.Hour)); !gone {
		t.Error("the demotion was forgotten")
	}
	if k := (traitKey{store.EntryTrait, bad}); m.traits[k] == nil {
		t.Error("the trait is gone")
	}
}

// constant is a budget that is the same everywhere.
func constant(budget float64) func(string) float64 { return func(string) float64 { return budget } }

// TestWhatCouldNotBeWrittenIsWrittenLater: what was learnt and refused by the store reaches the file with the next write that it takes, and
// nobody is told before that it has.
func TestWhatCouldNotBeWrittenIsWrittenLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache.db")
	c := open(t, Options{}, path)
	id := put(t, c, ask("a question"), "an answer")
	m, at := c.memory, time.Now().UnixNano()
	unwritable := strings.Repeat("n", 1<<16) // longer than a key may be
	m.mu.Lock()
	m.rate(unwritable, at)
	m.mu.Unlock()
	for range 2 {
		if err := c.Judge(bg, id, JudgedWrong); err == nil {
			t.Fatal("a row that cannot be written was")
		}
		if err := c.writeLearned(bg); err == nil {
			t.Error("the verdict is said to be on disk, and is not")
		}
	}
	m.mu.Lock()
	delete(m.rates, unwritable)
	delete(m.dirtyRates, unwritable)
	m.mu.Unlock()
	if err := c.writeLearned(bg); err != nil {
		t.Fatal(err)
	}
	closeSound(t, c)
	c = open(t, Options{}, path)
	if s := c.Stats().Learning; s.Demoted != 1 {
		t.Errorf("the verdict is lost: %+v", s)
	}
}

// TestRowsToForgetAreForgottenLater: the same of rows that were to be removed.
func TestRowsToForgetAreForgottenLater(t *testing.T) {
	c := open(t, Options{})
	m, at := c.memory, time.Now().UnixNano()
	key := Hash([]byte("k"))
	m.mu.Lock()
	for _, kind := range []store.TraitKind{store.EntryTrait, store.PartitionTrait} {
		m.trait(kind, key, at).Bad = 1
	}
	m.rate("ns", at)
	m.mu.Unlock()
	m.trace(&Query{TraceID: "t"}, at, store.Outcome{})
	taken := m.collect()
	m.again(taken)
	if got := m.collect(); len(got.Traits) != 2 || len(got.Rates) != 1 || len(got.Traces) != 1 {
		t.Errorf("%+v, then %+v", taken, got)
	}
	clear(m.traits)
	clear(m.rates)
	clear(m.traces.byKey)
	m.again(taken)
	gone := m.collect()
	m.again(gone)
	if got := m.collect(); len(gone.Forget) != 3 || len(got.Forget) != 3 || len(got.Expired) != 1 {
		t.Errorf("%+v, then %+v", gone, got)
	}
}

// TestEvidenceIsBounded: of more questions than that the oldest are forgotten, but for what must never be.
func TestEvidenceIsBounded(t *testing.T) {
	const half = maxQuestions/2 + 1000
	at := time.Now().UnixNano()
	m := newMemory(DefaultHalfLife, constant(DefaultMaxError), nil)
	var key Digest
	for i := range 2 * half {
		binary.BigEndian.PutUint64(key[:], uint64(i))
		m.trait(store.EntryTrait, key, at+int64(i)).Shift = 1
	}
	binary.BigEndian.PutUint64(key[:], 0)
	m.traits[traitKey{store.EntryTrait, key}].Verdict = uint8(JudgedWrong)
	m.collect()
	m.prune(at + 2*half)
	if n := len(m.traits); n > maxQuestions || n < maxQuestions*7/8 {
		t.Errorf("%d are remembered", n)
	}
	if _, gone := m.recall(key, Digest{}, at); !gone {
		t.Error("a verdict is forgotten")
	}
	if n := len(m.collect().Forget); n != 2*half-len(m.traits) {
		t.Errorf("%d rows are removed", n)
	}
}

// TestUnteachGivesBackWhatWasTaken: a claim that the partition's allowance cut short takes no more of the entry's than counted.
func TestUnteachGivesBackWhatWasTaken(t *testing.T) {
	m, at := newMemory(DefaultHalfLife, constant(DefaultMaxError), nil), time.Now().UnixNano()
	claim := func(entry string, weight float64) *label {
		return &label{entry: Hash([]byte(entry)), partition: alice, probability: 0.9, weight: weight, from: fromFeedback, by: bob, served: true}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, entry := range []string{"a", "b"} {
		m.teach(claim(entry, 1), at)
	}
	m.teach(claim("c", 0.5), at)
	l := claim("d", 1)
	applied := m.teach(l, at)
	if applied[4] != 0.5 {
		t.Fatalf("%v of the claim counted, want the half that the partition had left", applied[4])
	}
	m.unteach(l, applied, at, at)
	for _, s := range m.traits[traitKey{store.EntryTrait, l.entry}].Sources {
		if s.ID == l.claim() && s.Weight != 0 {
			t.Errorf("%v of the caller's allowance is gone, though nothing is left of the claim", s.Weight)
		}
	}
}
