package embed

import (
	"strings"
	"unicode"

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

// decorates reports whether an unread word is pictures before all that is written, or after it.
func decorates(text string, u *wordpiece.Unread) bool {
	written := func(r rune) bool { return unicode.In(r, unicode.Letter, unicode.Digit, unicode.Sm) }
	if strings.ContainsFunc(u.Text, written) {
		return false
	}
	return !strings.ContainsFunc(text[u.End:], written) || !strings.ContainsFunc(text[:u.End-len(u.Text)], written)
}
