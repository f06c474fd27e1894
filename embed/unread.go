package embed

import (
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
// but for what decorates one of them.
func tellsUnread(t *wordpiece.Tokenizer, a, b string) bool {
	x, y := t.Unread(a), t.Unread(b)
	if len(x) > len(y) {
		x, y, b = y, x, a
	}
	for i := range x {
		if !strings.EqualFold(forms.Replace(x[i].Text), forms.Replace(y[i].Text)) {
			return false
		}
	}
	for i := range y[len(x):] {
		if !decorates(b, &y[len(x)+i]) {
			return false
		}
	}
	return true
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
