package wordpiece

import "unicode/utf8"

// maxWord is the longest word, in code points after normalization, that the model cuts into pieces.
// A longer one is unknown as a whole.
const maxWord = 100

// word is the word that is being read, normalized. It lives on the stack of the reader.
type word struct {
	n     int // code points read; past maxWord they are only counted
	run   int // where the marks that may still be reordered begin
	runes [maxWord]rune
	ranks [maxWord]uint8
}

// add appends a letter. Marks that follow it are not ordered across it.
func (w *word) add(r rune) {
	if w.n < maxWord {
		w.runes[w.n] = r
	}
	w.n++
	w.run = w.n
}

// addMark inserts a mark in canonical order: behind the marks of its rank and below, in front of those above.
// A run of marks never spans words, and a word past maxWord needs no order, so the work is bounded whatever the
// length of the run.
func (w *word) addMark(r rune, rank uint8) {
	if w.n < maxWord {
		i := w.n
		for ; i > w.run && w.ranks[i-1] > rank; i-- {
			w.runes[i], w.ranks[i] = w.runes[i-1], w.ranks[i-1]
		}
		w.runes[i], w.ranks[i] = r, rank
	}
	w.n++
}

// addSpread appends the parts of a code point that is several.
func (w *word) addSpread(t *runeTable, r rune, sequence int32) {
	if sequence < 0 {
		s := r - hangulFirst
		w.add(leadFirst + s/vowelTails)
		w.add(vowelFirst + s%vowelTails/tails)
		if tail := s % tails; tail != 0 {
			w.add(tailBefore + tail)
		}
		return
	}
	for _, part := range t.sequences[sequence] {
		if rank, ok := t.rank[part]; ok {
			w.addMark(part, rank)
		} else {
			w.add(part)
		}
	}
}

// next reads text from position i to the end of a word or past a special token, and returns where to go on, and
// the id of the special token or -1. After the last word, w.n is 0 and the id is -1.
func (w *word) next(t *Tokenizer, text string, i int) (int, int32) {
	w.n, w.run = 0, 0
	for i < len(text) {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			// A broken sequence reads as U+FFFD byte by byte. The reference has fewer of them in its place, but as
			// all are dropped, their number leaves no trace.
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		a := t.runes.action(r)
		switch a.kind {
		case letter:
			w.add(r + a.delta)
		case mark:
			w.addMark(r, uint8(a.delta))
		case spread:
			w.addSpread(t.runes, r, a.delta)
		case fence:
			w.run = w.n
		case space:
			if w.n > 0 {
				return i + size, -1
			}
		case alone:
			if w.n > 0 {
				return i, -1 // the word before it ends here, and the next call begins with it
			}
			if r == '[' {
				if id, length := t.literalAt(text, i); id >= 0 {
					return i + length, id
				}
			}
			w.add(r + a.delta)
			return i + size, -1
		}
		i += size
	}
	return i, -1
}
