package main

import (
	"fmt"
	"io"
	"sync"

	"github.com/schollz/progressbar/v3"
)

// tally is what became of the items. The bar shows what is done with: what it has passed is in the file.
type tally struct {
	mu  sync.Mutex // guards all below
	bar *progressbar.ProgressBar
	w   io.Writer // complaints

	stored, known int
	leftOut       int // no request that a cache answers, or no whole answer
	cached        int // answered from a cache then
	bad           int
}

// toldLines is how many lines that were not imported are named, of each kind.
const toldLines = 20

func (t *tally) did(stored bool, size int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if stored {
		t.stored++
	} else {
		t.known++
	}
	t.passed(size)
}

// skipped counts a line without an answer of its own to store. One that was answered from a cache lacks nothing, and is not named.
func (t *tally) skipped(it item) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if it.cached {
		t.cached++
	} else {
		t.leftOut++
		t.tell(t.leftOut, "line %d: left out: %s", it.line, it.skip)
	}
	t.passed(it.size)
}

func (t *tally) failed(err error, size int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bad++
	t.tell(t.bad, "%v", err)
	t.passed(size)
}

// sent counts what a server has done.
func (t *tally) sent(stored, known int, size int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stored += stored
	t.known += known
	t.passed(size)
}

func (t *tally) passed(size int64) { _ = t.bar.Add64(size) } // it is only shown

func (t *tally) tell(n int, format string, args ...any) {
	if n <= toldLines {
		fmt.Fprintf(t.w, "reprise: "+format+"\n", args...)
	}
	if n == toldLines {
		fmt.Fprintln(t.w, "reprise: further lines like it are only counted")
	}
}

// write says what became of all.
func (t *tally) write(w io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(w, "%d stored, %d left out (expired, or the cache has an answer that is as new)\n", t.stored, t.known)
	t.writeOthers(w)
}

// writeOthers says how many lines nothing was done about, if there are any. The caller holds mu, or is alone.
func (t *tally) writeOthers(w io.Writer) {
	if t.leftOut+t.cached+t.bad > 0 {
		fmt.Fprintf(w, "beside %d not for a cache or without a whole answer, %d answered from a cache then, and %d bad lines\n", t.leftOut, t.cached, t.bad)
	}
}

// any reports whether there is anything to say.
func (t *tally) any() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stored+t.known+t.leftOut+t.cached+t.bad > 0
}

// allBad reports whether there was nothing but bad lines.
func (t *tally) allBad() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bad > 0 && t.stored+t.known+t.leftOut+t.cached == 0
}
