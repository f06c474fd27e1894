package cache

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// The workload of these benchmarks: short questions, bodies of 1 KiB, an embedder that costs nothing, so that what
// is measured is the cache. The file lies where the tests' temporary folders do; a put waits for its fsync, so that
// its figure is the disk's.

func filled(b *testing.B, n int, o Options) (*Cache, string) {
	b.Helper()
	path := filepath.Join(b.TempDir(), "bench.db")
	c := open(b, o, path)
	body := strings.Repeat("x", 1024)
	work := make(chan int)
	done := make(chan struct{})
	for range 64 {
		go func() {
			for i := range work {
				put(b, c, ask(fmt.Sprintf("question number%d about thing%d", i, i*7)), body)
			}
			done <- struct{}{}
		}()
	}
	for i := range n {
		work <- i
	}
	close(work)
	for range 64 {
		<-done
	}
	return c, path
}

func BenchmarkLookupExact(b *testing.B) {
	for name, hot := range map[string]int64{"memory": 0, "file": -1} {
		b.Run(name, func(b *testing.B) {
			c, _ := filled(b, 2000, Options{Embedder: newBag(), HotBytes: hot})
			q := ask("question number77 about thing539")
			b.ReportAllocs()
			for b.Loop() {
				if l := c.Lookup(bg, q); l.Status != HitExact {
					b.Fatal(l.Status)
				}
			}
		})
	}
}

func BenchmarkLookupSemantic(b *testing.B) {
	c, _ := filled(b, 1000, Options{Embedder: newBag(), Threshold: 0.5})
	q := ask("question number77 about thing539 please")
	for b.Loop() {
		if l := c.Lookup(bg, q); len(l.Candidates) == 0 {
			b.Fatal(l.Status)
		}
	}
}

func BenchmarkScreen(b *testing.B) {
	d := newDecider(Options{Embedder: newBag()})
	text := "how do I turn on two-factor authentication for my account"
	asked := analyse("how do I enable two-factor authentication for the account")
	for b.Loop() {
		cand, e := []Candidate{{Text: text, Similarity: 1}}, make([]evidence, 1)
		d.screen(PolicyGuards, 0.5, false, asked, &cand[0], &e[0])
		d.weigh(PolicyGuards, cand, e)
	}
}

// denseTexts are five candidates for denseQuestion, of some sixteen words each, at which the guards have much to look.
var denseTexts = [DefaultK]string{
	"how do I turn on two-factor authentication for the second user of my account on Android",
	"how do I turn off two-factor authentication for the second user of my account on Android",
	"what does it cost to add 3 more users to my account before 12 March this year",
	"can I move my account from the old server to the new one in less than 2 weeks",
	"why is my account still locked after I have reset the password twice since Monday at 3pm",
}

const denseQuestion = "how do I enable two-factor authentication for the first user of the account on an iPhone"

// decideDense does all that is done between the vectors and the verdict but for the verifier and the file.
func decideDense(d *Decider, ls *ledgers, cands []Candidate, found []evidence) {
	asked := analyse(denseQuestion)
	for i, text := range denseTexts {
		cands[i] = Candidate{Text: text, Similarity: 0.9}
		found[i] = evidence{found: found[i].found[:0]}
		d.screen(PolicyGuards, 0.5, false, asked, &cands[i], &found[i])
	}
	d.weigh(PolicyGuards, cands, found)
	if at := best(cands); at >= 0 {
		ls.take(&account{maxError: 0.01, prior: d.prior(PolicyGuards)}, cands[at].Probability, false)
	}
}

// BenchmarkDecide is everything between the vectors and the verdict for five candidates, without verifier and file.
func BenchmarkDecide(b *testing.B) {
	d, ls := newDecider(Options{Embedder: newBag()}), newLedgers()
	cands, found := make([]Candidate, DefaultK), make([]evidence, DefaultK)
	b.ReportAllocs()
	for b.Loop() {
		decideDense(d, ls, cands, found)
	}
}

// BenchmarkGuards is what the guards take of a look-up: the question taken apart, and five candidates of some sixteen words
// taken apart and compared with it.
func BenchmarkGuards(b *testing.B) {
	var room [16]finding
	b.ReportAllocs()
	for b.Loop() {
		asked := analyse(denseQuestion)
		for _, text := range denseTexts {
			inspect(asked, analyse(text), room[:0])
		}
	}
}

func BenchmarkPut(b *testing.B) {
	for _, writers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			c := open(b, Options{Embedder: newBag()})
			body := strings.Repeat("x", 1024)
			b.SetParallelism(writers / 2)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					n := c.Stats().Fills
					put(b, c, ask(fmt.Sprint("question ", n, b.Name())), body)
				}
			})
		})
	}
}

func BenchmarkOpen10k(b *testing.B) {
	c, path := filled(b, 10_000, Options{Embedder: newBag()})
	if err := c.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		c, err := Open(path, Options{Embedder: newBag()})
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
