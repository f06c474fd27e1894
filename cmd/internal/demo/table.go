package demo

import (
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// table prints a line per answer as it comes in. On a terminal it colours the status, keeps lines within the width and
// has a progress bar below them; elsewhere it prints plain lines.
type table struct {
	w     io.Writer
	width int  // columns of the terminal; 0: plain lines, of any length
	color bool // whether escape sequences may be used for colour
	total int
	done  int
	hits  int
}

// newTable looks at what it writes to. noColor is the user's wish, by the NO_COLOR convention (no-color.org).
func newTable(w io.Writer, total int, noColor bool) *table {
	t := &table{w: w, total: total}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		t.width, t.color = 100, !noColor
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			t.width = width
		}
	}
	return t
}

const (
	clearLine = "\r\x1b[K"
	bold      = "1"
	green     = "32"
	cyan      = "36"
	dim       = "2"
	red       = "1;31"
)

func (t *table) paint(code, s string) string {
	if !t.color {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (t *table) header() {
	fmt.Fprintln(t.w, t.paint(bold, fmt.Sprintf("%-*s  %-13s  %6s  %9s  %s", t.counterWidth(), "", "status", "cosine", "time", "question")))
}

func (t *table) counterWidth() int { return 2*len(fmt.Sprint(t.total)) + 1 }

func (t *table) add(o *outcome) {
	t.done++
	if o.served() {
		t.hits++
	}
	similarity := "-"
	if !math.IsNaN(o.similarity) {
		similarity = fmt.Sprintf("%.2f", o.similarity)
	}
	status, color := o.status, dim
	switch {
	case o.wrong():
		color = red
	case o.status == statusHit:
		color = green
	case o.status == statusSemanticHit:
		color = cyan
	}
	counter := fmt.Sprintf("%d/%d", t.done, t.total)
	left := fmt.Sprintf("%*s  ", t.counterWidth(), counter)
	right := fmt.Sprintf("  %6s  %9s  %s", similarity, millis(o.elapsed), o.ask.Text+t.remark(o))
	status = fmt.Sprintf("%-13s", status)
	if t.width > 0 {
		right = cut(right, t.width-len(left)-len(status)-1)
		fmt.Fprint(t.w, clearLine)
	}
	fmt.Fprintln(t.w, left+t.paint(color, status)+right)
	t.progress()
}

// remark says after the question what is worth knowing about its answer.
func (t *table) remark(o *outcome) string {
	switch {
	case o.wrong():
		return fmt.Sprintf("   WRONG: served %s, should be %s", orNone(o.faq), orNone(o.ask.FAQ))
	case o.refused.guard && o.refused.token != "":
		return fmt.Sprintf("   refused by %s: %s", o.refused.reason, o.refused.token)
	case o.refused.reason == reasonThreshold:
		return "   not similar enough"
	case o.refused.reason == reasonVerifier:
		return "   refused by the verifier"
	case o.refused.reason == reasonBudget:
		return "   refused by the error budget"
	case o.refused.reason != "":
		return "   refused: " + o.refused.reason
	}
	return ""
}

func orNone(id string) string {
	if id == "" {
		return "none"
	}
	return id
}

// progress redraws the bar. The bar is no line of its own: the next line begins by clearing it.
func (t *table) progress() {
	if t.width == 0 {
		return
	}
	const cells = 30
	full := cells * t.done / max(t.total, 1)
	bar := strings.Repeat("█", full) + strings.Repeat("░", cells-full)
	fmt.Fprintf(t.w, "%s%s", clearLine, cut(fmt.Sprintf("%s %d of %d asked, %d from the cache", bar, t.done, t.total, t.hits), t.width-1))
}

// finish takes the bar away.
func (t *table) finish() {
	if t.width > 0 {
		fmt.Fprint(t.w, clearLine)
	}
}

// cut shortens a line to so many characters. All of the demo's text is one column a character.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n || n < 1 {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}
