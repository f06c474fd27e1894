package wordpiece

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

//go:embed runes.txt
var runesText string

// table returns what runes.txt says, read once. It fails only if the file in the source tree was damaged.
var table = sync.OnceValues(func() (*runeTable, error) { return parseRunes(runesText) })

// kind says what a code point does to the word that is being read. It is as wide as an action's delta: without padding between
// them, blocks of actions are compared and hashed as plain memory.
type kind int32

const (
	letter kind = iota // part of a word, after delta is added; the zero value keeps the code point as it is
	mark               // part of a word, moved in front of the marks of a higher rank that it follows
	alone              // a word of its own, after delta is added
	space              // ends a word
	drop               // leaves nothing
	fence              // leaves nothing, but no mark moves across it: a starter that the normalizer strips
	spread             // part of a word, as several code points
)

var verbs = map[string]kind{"word": letter, "mark": mark, "alone": alone, "space": space, "drop": drop, "break": fence, "seq": spread}

// action is one entry of the table.
type action struct {
	delta int32 // letter, alone: added to the code point; mark: its rank; spread: which sequence
	kind  kind
}

const (
	blockBits = 7
	blockSize = 1 << blockBits
	maxRune   = 0x10FFFF
)

// runeTable maps each code point to its action in two steps, as most blocks are equal to another.
type runeTable struct {
	block     [(maxRune + 1) / blockSize]uint16
	actions   []action
	sequences [][]rune
	rank      map[rune]uint8 // of the marks, for those that stand in a sequence
}

func (t *runeTable) action(r rune) action {
	return t.actions[int(t.block[r>>blockBits])<<blockBits|int(r&(blockSize-1))]
}

// parseRunes reads the format that the head of runes.txt describes.
func parseRunes(text string) (*runeTable, error) {
	var d draft
	t := &runeTable{rank: map[rune]uint8{}}
	n := 0
	for line := range strings.Lines(text) {
		n++
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		if err := t.parseLine(&d, strings.Fields(line)); err != nil {
			return nil, fmt.Errorf("wordpiece: runes.txt, line %d: %w", n, err)
		}
	}
	d.fill(hangulFirst, hangulLast, 1, action{kind: spread, delta: -1})
	t.compress(&d)
	return t, nil
}

func (t *runeTable) parseLine(d *draft, f []string) error {
	k, known := verbs[f[0]]
	if !known {
		return fmt.Errorf("unknown verb %q", f[0])
	}
	a := action{kind: k}
	args := f[1:]
	switch k {
	case mark:
		if len(args) != 2 {
			return fmt.Errorf("%q wants a rank and a range", f[0])
		}
		rank, err := strconv.ParseUint(args[0], 10, 8)
		if err != nil {
			return fmt.Errorf("rank: %w", err)
		}
		a.delta, args = int32(rank), args[1:]
	case spread:
		if len(args) < 2 {
			return fmt.Errorf("%q wants a code point and what it becomes", f[0])
		}
		var seq []rune
		for _, s := range args[1:] {
			r, err := parseRune(s)
			if err != nil {
				return err
			}
			seq = append(seq, r)
		}
		a.delta, args = int32(len(t.sequences)), args[:1]
		t.sequences = append(t.sequences, seq)
	case letter, alone:
		if len(args) == 2 {
			delta, err := strconv.ParseInt(args[1], 16, 32)
			if err != nil {
				return fmt.Errorf("delta: %w", err)
			}
			a.delta, args = int32(delta), args[:1]
		}
	}
	if len(args) != 1 {
		return fmt.Errorf("%q wants one range", f[0])
	}
	return t.set(d, args[0], a)
}

func (t *runeTable) set(d *draft, span string, a action) error {
	step := rune(1)
	span, every, stepped := strings.Cut(span, "/")
	if stepped {
		if every != "2" {
			return fmt.Errorf("step %q is not 2", every)
		}
		step = 2
	}
	first, last, ranged := strings.Cut(span, "-")
	if !ranged {
		last = first
	}
	low, err := parseRune(first)
	if err != nil {
		return err
	}
	high, err := parseRune(last)
	if err != nil {
		return err
	}
	if a.kind == letter || a.kind == alone {
		for _, r := range [...]rune{low, high} {
			if to := r + a.delta; to < 0 || to > maxRune {
				return fmt.Errorf("delta takes %X out of Unicode", r)
			}
		}
	}
	if a.kind == mark {
		for r := low; r <= high; r += step {
			t.rank[r] = uint8(a.delta)
		}
	}
	d.fill(low, high, step, a)
	return nil
}

func parseRune(s string) (rune, error) {
	v, err := strconv.ParseUint(s, 16, 32)
	if err != nil || v > maxRune {
		return 0, fmt.Errorf("%q is not a code point", s)
	}
	return rune(v), nil
}

// draft is the table while it is read. A block that no line touches is nil: most of Unicode is. Those that one line fills are
// one, not to be written to: most others are.
type draft struct {
	blocks [(maxRune + 1) / blockSize]*[blockSize]action
	whole  map[action]*[blockSize]action
	shared [(maxRune + 1) / blockSize]bool // says which are of whole
}

// fill sets every step'th code point from low to high.
func (d *draft) fill(low, high, step rune, a action) {
	for r := low; r <= high; {
		i, at := r>>blockBits, r&(blockSize-1)
		if at == 0 && step == 1 && high-r >= blockSize-1 {
			d.blocks[i], d.shared[i] = d.uniform(a), true
			r += blockSize
			continue
		}
		if b := d.blocks[i]; b == nil || d.shared[i] {
			d.blocks[i], d.shared[i] = new([blockSize]action), false
			if b != nil {
				*d.blocks[i] = *b
			}
		}
		d.blocks[i][at] = a
		r += step
	}
}

// uniform is the one block whose code points all have the action a.
func (d *draft) uniform(a action) *[blockSize]action {
	b, ok := d.whole[a]
	if !ok {
		b = new([blockSize]action)
		for i := range b {
			b[i] = a
		}
		if d.whole == nil {
			d.whole = map[action]*[blockSize]action{}
		}
		d.whole[a] = b
	}
	return b
}

// compress stores each distinct block once, the untouched one first.
func (t *runeTable) compress(d *draft) {
	distinct := []*[blockSize]action{{}}
	seen := map[[blockSize]action]uint16{{}: 0}
	for i, b := range d.blocks {
		if b == nil {
			continue
		}
		at, ok := seen[*b]
		if !ok {
			at = uint16(len(seen))
			seen[*b] = at
			distinct = append(distinct, b)
		}
		t.block[i] = at
	}
	t.actions = make([]action, 0, len(distinct)*blockSize)
	for _, b := range distinct {
		t.actions = append(t.actions, b[:]...)
	}
}

// Hangul syllables and their parts, by the arithmetic of the Unicode standard, section 3.12.
const (
	hangulFirst rune = 0xAC00
	hangulLast  rune = 0xD7A3
	leadFirst   rune = 0x1100
	vowelFirst  rune = 0x1161
	tailBefore  rune = 0x11A7
	tails       rune = 28
	vowelTails  rune = 21 * tails
)
