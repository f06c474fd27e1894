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

	stored, known, uncached, bad int
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

// skipped counts a line that no cache would have answered.
func (t *tally) skipped(line int, why string, size int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.uncached++
	t.tell(t.uncached, "line %d: not for the cache: %s", line, why)
	t.passed(size)
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
	if t.uncached > 0 {
		fmt.Fprintf(w, "%d not for the cache, as no live request like them would be\n", t.uncached)
	}
	if t.bad > 0 {
		fmt.Fprintf(w, "%d bad lines\n", t.bad)
	}
}

// any reports whether there is anything to say.
func (t *tally) any() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stored+t.known+t.uncached+t.bad > 0
}

// allBad reports whether there was nothing but bad lines.
func (t *tally) allBad() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bad > 0 && t.stored+t.known+t.uncached == 0
}
