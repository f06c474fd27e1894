package cache

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

func TestWithCell(t *testing.T) {
	for _, x := range []struct{ shift, cell, want float64 }{
		{0, 0, 0},     // nothing known
		{0.5, 0, 0.5}, // of the cell
		{0, 3, 3},     //
		{1, 3, 3},     // the stronger of the two, not both
		{1, 0.5, 1},   //
		{-2, 3, 1},    // what is held against the question counts all the same
		{0.5, -3, 0},  // a cell that is worse
		{-5, -3, -5},  //
	} {
		if got := withCell(x.shift, x.cell); got != x.want {
			t.Errorf("shift %v with a cell of %v: %v, want %v", x.shift, x.cell, got, x.want)
		}
	}
}

// TestVotes: near candidates count more than far ones, and what was not looked at counts against what is as far away.
func TestVotes(t *testing.T) {
	for _, x := range []struct {
		name  string
		cos   []float32
		class []uint64
		want  company // of the first candidate with class 1
	}{
		{"one answer, near", []float32{0.9, 0.8, 0.75, 0.7, 0.6}, []uint64{1, 1, 1, 1, 1}, 4},
		{"one answer, all as far as the rest", []float32{0.52, 0.52, 0.51, 0.51, 0.51}, []uint64{1, 1, 1, 1, 1}, 2},
		{"the last has another", []float32{0.8, 0.78, 0.75, 0.7, 0.5}, []uint64{1, 1, 1, 1, 2}, 4},
		{"the nearest has another", []float32{0.8, 0.6, 0.59, 0.58, 0.57}, []uint64{2, 1, 1, 1, 1}, 0},
		{"unknown answers", []float32{0.9, 0.8, 0.75, 0.7, 0.6}, []uint64{1, 0, 0, 0, 0}, 0},
		{"too few", []float32{0.9, 0.6, 0.5}, []uint64{1, 1, 1}, 0},
	} {
		candidates, at := make([]Candidate, len(x.cos)), -1
		for i := range candidates {
			candidates[i] = Candidate{Text: "there", Similarity: x.cos[i]}
			if at < 0 && x.class[i] == 1 {
				at = i
			}
		}
		if got, _ := votes(candidates, x.class, at); got != x.want {
			t.Errorf("%s: company %d, want %d", x.name, got, x.want)
		}
		gone := append(candidates, Candidate{Similarity: 0.4})
		if got, _ := votes(gone, append(x.class, 0), at); got != x.want {
			t.Errorf("%s, with one that is gone: company %d, want %d", x.name, got, x.want)
		}
	}
}

// TestConsensusUnlocks: a question all of whose neighbours have one answer is served once that has proved right often enough;
// one among whose neighbours there are several answers is not.
func TestConsensusUnlocks(t *testing.T) {
	const wordings = 6
	first := map[bool]int{}
	for _, off := range []bool{false, true} {
		j := &judge{p: map[string]float64{}}
		c := open(t, Options{Embedder: newBag(), Verifier: j, Threshold: 0.5, MaxError: 0.035, NoLearning: off})
		first[off] = -1
		ask := func(text, answer string, may bool) bool {
			l := c.Lookup(bg, ask(text))
			if l.Status == HitSemantic {
				if !may {
					t.Fatalf("%q is served %q: %+v", text, l.Entry.Value.Body, l.Candidates)
				}
				return true
			}
			if _, err := l.Fill(bg, Value{Body: []byte(answer)}); err != nil {
				t.Fatal(err)
			}
			flush(t, c)
			return false
		}
		for wish := range 80 {
			name := strings.Map(func(r rune) rune { return r - '0' + 'g' }, fmt.Sprintf("%03d", wish))
			stem := fmt.Sprintf("show %[1]sone %[1]stwo %[1]sthree %[1]sfour %[1]sfive ", name)
			for n := range wordings {
				text := stem + "please " + string(rune('p'+n))
				j.p[text] = 0.75
				if ask(text, fmt.Sprintf(`{"answer":%d}`, wish), n > 2) && first[off] < 0 {
					first[off] = wish
				}
			}
			// Rewordings half of which are answered otherwise.
			for n := range wordings {
				if wish%4 > 0 {
					break
				}
				text := strings.ReplaceAll(stem, name, name+"q") + "please " + string(rune('p'+n))
				j.p[text] = 0.75
				ask(text, fmt.Sprintf(`{"answer":[%d,%d]}`, wish, n%2), false)
			}
		}
	}
	t.Logf("first served after %d wishes; without learning: %d", first[false], first[true])
	if first[true] >= 0 || first[false] < 10 {
		t.Errorf("served after %v wishes", first)
	}
}

// TestAnotherAnswerLeavesTheConsensus: a question whose answer is bought anew agrees with those that it agrees with now.
func TestAnotherAnswerLeavesTheConsensus(t *testing.T) {
	j := &judge{p: map[string]float64{}}
	c := open(t, Options{Embedder: newBag(), Verifier: j, Threshold: 0.5, MaxError: 0.01})
	texts := []string{"how do we fold paper boats nicely", "how do we fold paper boats well", "how do we fold paper boats neatly"}
	for _, text := range texts {
		j.p[text] = 0.6
		l := c.Lookup(bg, ask(text))
		if _, err := l.Fill(bg, Value{Body: []byte("answer")}); err != nil {
			t.Fatal(err)
		}
		flush(t, c)
	}
	alike := func() (n int) {
		for _, cand := range c.Lookup(bg, ask("how do we fold paper boats")).Candidates {
			n += cand.Alike
		}
		return n
	}
	before := alike()
	q := ask(texts[0])
	q.ForceRefresh = true
	if _, err := c.Lookup(bg, q).Fill(bg, Value{Body: []byte("another")}); err != nil {
		t.Fatal(err)
	}
	if after := alike(); before != 6 || after != 2 {
		t.Errorf("%d agreements, then %d: %+v", before, after, c.Lookup(bg, ask("how do we fold paper boats")).Candidates)
	}
}

// TestConsensusOutlivesTheProcess: which stored questions have one answer is read from the file again, as look-ups come near them.
func TestConsensusOutlivesTheProcess(t *testing.T) {
	j := &judge{p: map[string]float64{}}
	o := Options{Embedder: newBag(), Verifier: j, Threshold: 0.5, MaxError: 0.01}
	path := filepath.Join(t.TempDir(), "cache.db")
	c := open(t, o, path)
	for i, text := range []string{
		"how do we fold paper boats nicely", "how do we fold paper boats well", "how do we fold paper boats neatly", "how do we fold paper boats badly",
	} {
		j.p[text] = 0.6
		if _, err := c.Lookup(bg, ask(text)).Fill(bg, Value{Body: fmt.Appendf(nil, "answer %d", i/3)}); err != nil {
			t.Fatal(err)
		}
		flush(t, c)
	}
	alike := func() (n int) {
		for _, cand := range c.Lookup(bg, ask("how do we fold paper boats")).Candidates {
			n += cand.Alike
		}
		flush(t, c)
		return n
	}
	before := alike()
	closeSound(t, c)
	c = open(t, o, path)
	explained := c.Explain(bg, ask("how do we fold paper boats"))
	flush(t, c)
	if first := alike(); first != 0 || len(explained.Candidates) != 4 {
		t.Errorf("%d agreements at once, of %d candidates: explaining is not to read answers", first, len(explained.Candidates))
	}
	if after := alike(); before != 6 || after != before {
		t.Errorf("%d agreements, after a restart %d", before, after)
	}
}

// TestUnreadableAnswersAgreeWithNobody: they are read once, and not by every look-up.
func TestUnreadableAnswersAgreeWithNobody(t *testing.T) {
	j := &judge{p: map[string]float64{}}
	var reads atomic.Int64
	c := open(t, Options{
		Embedder: newBag(), Verifier: j, Threshold: 0.5, MaxError: 0.01,
		ReadAnswer: func([]byte) (Answer, bool) { reads.Add(1); return Answer{}, false },
	})
	for i, text := range []string{"how do we fold paper boats nicely", "how do we fold paper boats well"} {
		j.p[text] = 0.6
		put(t, c, ask(text), fmt.Sprint("answer ", i))
	}
	for range 5 {
		for _, cand := range c.Lookup(bg, ask("how do we fold paper boats")).Candidates {
			if cand.Alike != 0 {
				t.Errorf("agrees with %d", cand.Alike)
			}
		}
		flush(t, c)
	}
	if n := reads.Load(); n != 2 {
		t.Errorf("two answers were read %d times", n)
	}
}
