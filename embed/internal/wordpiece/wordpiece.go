package wordpiece

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// special names the tokens that the model gives a meaning to.
var special = [...]string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}

// Tokenizer cuts text into the ids of one vocabulary. It is safe for concurrent use.
type Tokenizer struct {
	runes         *runeTable
	pieces        *trie
	unk, cls, sep int32
	literals      []literal // special tokens that are recognised in the text
}

type literal struct {
	text string
	id   int32
}

// New builds a tokenizer from a vocabulary in the order of its ids, as in BERT's vocab.txt: a token that begins
// with ## continues a word. An empty, repeated or invalid token, or a missing special one, is an error that names it.
func New(vocab []string) (*Tokenizer, error) {
	runes, err := table()
	if err != nil {
		return nil, err
	}
	total := 0
	for _, v := range vocab {
		total += utf8.RuneCountInString(v)
	}
	if total > maxNodes-firstFree {
		return nil, fmt.Errorf("wordpiece: vocabulary has %d characters; at most %d are supported", total, maxNodes-firstFree)
	}
	t := &Tokenizer{runes: runes, pieces: newTrie(len(vocab))}
	ids := map[string]int32{}
	for i, v := range vocab {
		if v == "" || !utf8.ValidString(v) {
			return nil, fmt.Errorf("wordpiece: vocabulary entry %d is %q, not a token: the list must hold one valid token an id", i, v)
		}
		root, rest := int32(rootStart), v
		if inside, ok := strings.CutPrefix(v, "##"); ok && inside != "" {
			root, rest = rootInside, inside
		}
		if !t.pieces.insert(root, rest, int32(i)) {
			return nil, fmt.Errorf("wordpiece: vocabulary entry %d, %q, is there twice", i, v)
		}
		if v[0] == '[' {
			ids[v] = int32(i)
		}
	}
	for _, s := range special {
		id, ok := ids[s]
		if !ok {
			return nil, fmt.Errorf("wordpiece: vocabulary has no %s: this is not the vocabulary of a BERT model", s)
		}
		t.literals = append(t.literals, literal{s, id})
	}
	t.unk, t.cls, t.sep = ids["[UNK]"], ids["[CLS]"], ids["[SEP]"]
	return t, nil
}

// Plain returns a tokenizer that reads special tokens in the text as the characters they are written with.
//
// The reference, and so [Tokenizer.Encode], takes "[SEP]" in a text for the separator itself, with the meaning it
// has to the model. For a vector of one text that is harmless. Where two texts are judged together it is
// not: a text that holds "[SEP]" can end its own segment and pretend to be the other one, so whoever judges pairs
// written by users encodes them with Plain. The ids are those of the reference with encode_special_tokens set.
func (t *Tokenizer) Plain() *Tokenizer {
	p := *t
	p.literals = nil
	return &p
}

// Encode appends [CLS], the ids of text and [SEP] to dst: at most limit ids in all, cut at the end of the text.
// With a limit below 2 there is no room for any text, and nothing is appended. It stops reading at the cut.
func (t *Tokenizer) Encode(dst []int32, text string, limit int) []int32 {
	if limit < 2 {
		return dst
	}
	dst = append(dst, t.cls)
	dst, _ = t.read(dst, text, limit-2, limit-2)
	return append(dst, t.sep)
}

// EncodePair appends [CLS] a [SEP] b [SEP] to dst, at most limit ids in all, and returns as second the index in ids
// of the first id of the second segment, the one that follows the first [SEP]. Both texts are cut to half of the
// room, or the longer one to what the shorter one leaves. With a limit below 3 nothing is appended, and second is
// len(dst).
func (t *Tokenizer) EncodePair(dst []int32, a, b string, limit int) (ids []int32, second int) {
	if limit < 3 {
		return dst, len(dst)
	}
	room := limit - 3
	dst = append(dst, t.cls)
	first := len(dst)
	// The longer text gets the odd place, so a is counted to its end, and b until it is known which is longer.
	dst, na := t.read(dst, a, room, math.MaxInt)
	dst = append(dst, t.sep)
	mid := len(dst)
	dst, nb := t.read(dst, b, room, na+1)
	ka, kb := share(na, nb, room)
	second = first + ka + 1
	dst[second-1] = t.sep
	copy(dst[second:], dst[mid:mid+kb])
	return append(dst[:second+kb], t.sep), second
}

// share says how many of na and nb ids are kept where there is room for so many in all: the reference's "longest
// first". The shorter text stays whole if it can, and where both are cut the longer one has the odd place.
func share(na, nb, room int) (ka, kb int) {
	if na+nb <= room {
		return na, nb
	}
	short, long := min(na, nb), room-min(na, nb)
	if short > long {
		short, long = room/2, room-room/2
	}
	if na > nb {
		return long, short
	}
	return short, long
}

// read appends the ids of text, at most keep of them, and returns their number as far as it was counted: to the
// end of the text, or until there are count.
func (t *Tokenizer) read(dst []int32, text string, keep, count int) ([]int32, int) {
	start, n := len(dst), 0
	var w word
	for i := 0; n < max(keep, count); {
		var id int32
		i, id = w.next(t, text, i)
		before := len(dst)
		switch {
		case id >= 0:
			dst = append(dst, id)
		case w.n == 0:
			return dst, n
		default:
			dst = t.appendPieces(dst, &w)
		}
		n += len(dst) - before
		if len(dst)-start > keep {
			dst = dst[:start+keep]
		}
	}
	return dst, n
}

// appendPieces appends the ids of one word: the longest piece that the vocabulary has, again and again. A word
// that cannot be covered is unknown as a whole.
func (t *Tokenizer) appendPieces(dst []int32, w *word) []int32 {
	if w.n > maxWord {
		return append(dst, t.unk)
	}
	before := len(dst)
	root := int32(rootStart)
	for rest := w.runes[:w.n]; len(rest) > 0; {
		id, length := t.pieces.longest(root, rest)
		if id < 0 {
			return append(dst[:before], t.unk)
		}
		dst = append(dst, id)
		rest, root = rest[length:], rootInside
	}
	return dst
}

// literalAt returns the id and the length of the special token that begins at position i, if one does.
func (t *Tokenizer) literalAt(text string, i int) (id int32, length int) {
	for _, l := range t.literals {
		if strings.HasPrefix(text[i:], l.text) {
			return l.id, len(l.text)
		}
	}
	return -1, 0
}
