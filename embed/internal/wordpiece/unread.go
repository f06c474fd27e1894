package wordpiece

import "strings"

// Unread is a word that the vocabulary cannot cover, so that the model reads [UNK] whatever it is.
type Unread struct {
	Text string // as it is written, without white space about it
	End  int    // where in the text it ends
}

// HasUnread reports whether one of ids, which Encode or EncodePair gave, stands for a word that is unread.
func (t *Tokenizer) HasUnread(ids []int32) bool {
	for _, id := range ids {
		if id == t.unk {
			return true
		}
	}
	return false
}

// Unread returns the words of text that are unread, in order. It reads all of the text.
func (t *Tokenizer) Unread(text string) (out []Unread) {
	var w word
	var room [maxWord]int32
	for i := 0; ; {
		end, id := w.next(t, text, i)
		switch {
		case id >= 0:
		case w.n == 0:
			return out
		default:
			if ids := t.appendPieces(room[:0], &w); len(ids) == 1 && ids[0] == t.unk {
				written := strings.TrimSpace(text[i:end])
				out = append(out, Unread{written, i + strings.Index(text[i:end], written) + len(written)})
			}
		}
		i = end
	}
}
