package wordpiece

import (
	"slices"
	"strings"
	"testing"
)

func TestUnread(t *testing.T) {
	tok := tokenizer(t).Plain()
	long := strings.Repeat("acgt", 26)
	for _, c := range []struct {
		text string
		want []string
	}{
		{"How do I reset my pässwörd? [UNK] [SEP]", nil},
		{"", nil},
		{" \t\n", nil},
		{"thanks 🙏, bye", []string{"🙏"}},
		{"thanks🙏", []string{"thanks🙏"}},
		{"\n ≪ or ≫?", []string{"≪", "≫"}},
		{"What does 憂鬱 mean", []string{"憂", "鬱"}},
		{"ክፍያ እንዴት", []string{"ክፍያ", "እንዴት"}},
		{"which gene is " + long + "?", []string{long}},
	} {
		var got []string
		for _, u := range tok.Unread(c.text) {
			got = append(got, u.Text)
			if !strings.HasSuffix(c.text[:u.End], u.Text) {
				t.Errorf("%q: %q does not end at %d", c.text, u.Text, u.End)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
		if ids := tok.Encode(nil, c.text, 512); tok.HasUnread(ids) != (got != nil) {
			t.Errorf("%q: %q, but the ids are %v", c.text, got, ids)
		}
	}
}
