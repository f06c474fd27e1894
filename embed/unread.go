package embed

import (
	"regexp"
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
	var skipped, open [2]bool // of a and of b: a word that the other has not, one of these before the last sentence's end
	for len(x) > 0 || len(y) > 0 {
		if len(x) > 0 && len(y) > 0 && sameUnread(&x[0], &y[0]) {
			x, y = x[1:], y[1:]
			continue
		}
		first, second := len(x) > 0 && decorates(a, &x[0]), len(y) > 0 && decorates(b, &y[0])
		switch {
		case first && !(second && amongUnread(&x[0], y)):
			skipped[0], open[0] = true, open[0] || !closes(a, &x[0])
			x = x[1:]
		case second:
			skipped[1], open[1] = true, open[1] || !closes(b, &y[0])
			y = y[1:]
		default:
			return false
		}
	}
	return !skipped[0] || !skipped[1] || !open[0] && !open[1] && !pointing.MatchString(a) && !pointing.MatchString(b)
}

func sameUnread(u, v *wordpiece.Unread) bool {
	return strings.EqualFold(forms.Replace(u.Text), forms.Replace(v.Text))
}

func amongUnread(u *wordpiece.Unread, list []wordpiece.Unread) bool {
	for i := range list {
		if sameUnread(u, &list[i]) {
			return true
		}
	}
	return false
}

// pointing are words by which a text may speak of a picture that stands after it: what does this mean? 🍑.
var pointing = regexp.MustCompile(`(?i)\b(?:this|these|that|following|mean(?:ing)?|emojis?|emoticons?|smileys?|symbols?|signs?|icons?|characters?|pictures?|flags?)\b`)

// closes reports whether an unread word is a mood, a face, heart, gesture or cheer, after the last sentence of a text. A flag, a thing or
// a key may be what is asked about, in whatever words, also after the question mark.
func closes(text string, u *wordpiece.Unread) bool {
	end := strings.LastIndexAny(text, ".?!")
	return end >= 0 && !strings.ContainsFunc(u.Text, notMood) && end <= u.End-len(u.Text) && !strings.ContainsFunc(text[end:], isWritten)
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

func notMood(r rune) bool {
	return !(r >= 0x1F600 && r <= 0x1F64F || r >= 0x1F3FB && r <= 0x1F3FF) && !strings.ContainsRune("❤👋👍✨🎉\ufe0f\u200d", r)
}

func isWritten(r rune) bool { return unicode.In(r, unicode.Letter, unicode.Digit, unicode.Sm) }
