package embed

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/reprise-cache/reprise/embed/internal/wordpiece"
)

// What the tokenizer cannot cut into pieces is one [UNK] to the models, so that texts which differ in nothing else are one text
// to them.

// forms choose how a character before them is drawn.
var forms = strings.NewReplacer("\ufe0e", "", "\ufe0f", "")

// tellsUnread reports whether the model may judge two texts though there are words that it cannot read: they are the same in both,
// but for what decorates one of them. What differs in both decorates them only after their last sentences.
func tellsUnread(t *wordpiece.Tokenizer, a, b string) bool {
	x, y := t.Unread(a), t.Unread(b)
	var left, right []wordpiece.Unread // what each has that the other has not
	for len(x) > 0 || len(y) > 0 {
		switch {
		case len(x) > 0 && len(y) > 0 && sameUnread(x[0], y[0]):
			x, y = x[1:], y[1:]
		case len(x) > 0 && decorates(a, &x[0]) && !slices.ContainsFunc(y, func(u wordpiece.Unread) bool { return sameUnread(u, x[0]) }):
			left, x = append(left, x[0]), x[1:]
		case len(y) > 0 && decorates(b, &y[0]):
			right, y = append(right, y[0]), y[1:]
		case len(x) > 0 && decorates(a, &x[0]):
			left, x = append(left, x[0]), x[1:]
		default:
			return false
		}
	}
	return len(left) == 0 || len(right) == 0 || closes(a, left) && closes(b, right)
}

func sameUnread(u, v wordpiece.Unread) bool {
	return strings.EqualFold(forms.Replace(u.Text), forms.Replace(v.Text))
}

// pointing are words by which a text may speak of a picture that stands after it: what does this mean? 🍑.
var pointing = []string{"this", "these", "that", "following", "mean", "meaning", "emoji", "emojis", "emoticon", "symbol", "symbols", "sign", "icon", "character", "picture", "flag"}

// closes reports whether pictures stand after the last sentence of a text, which does not speak of them.
func closes(text string, pictures []wordpiece.Unread) bool {
	end := strings.LastIndexAny(text, ".?!")
	for _, u := range pictures {
		if end < 0 || u.End-len(u.Text) < end || strings.ContainsFunc(text[end:], isWritten) {
			return false
		}
	}
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) })
	return !slices.ContainsFunc(words, func(w string) bool { return slices.Contains(pointing, w) })
}

// decorates reports whether an unread word is pictures that stand in no sentence: before or after all that is written, or between
// two sentences or lines.
func decorates(text string, u *wordpiece.Unread) bool {
	if strings.ContainsFunc(u.Text, isWritten) {
		return false
	}
	before := strings.TrimRightFunc(text[:u.End-len(u.Text)], func(r rune) bool { return unicode.IsSymbol(r) || unicode.IsSpace(r) && r != '\n' })
	next := strings.IndexFunc(text[u.End:], isWritten)
	if next < 0 || !strings.ContainsFunc(before, isWritten) || strings.ContainsAny(before[len(before)-1:], ".!?\n") {
		return true
	}
	gap, rest := text[u.End:u.End+next], text[u.End+next:]
	first, _ := utf8.DecodeRuneInString(rest)
	return unicode.IsUpper(first) || strings.Contains(gap, "\n")
}

func isWritten(r rune) bool { return unicode.In(r, unicode.Letter, unicode.Digit, unicode.Sm) }
