package cache

import (
	"strings"
	"testing"
	"unsafe"
)

// TestCutTextStandsAlone: what is kept of a huge prompt does not keep the prompt.
func TestCutTextStandsAlone(t *testing.T) {
	whole := strings.Repeat("é", 1000)
	got := cut(whole, 11)
	if got != whole[:10] || unsafe.StringData(got) == unsafe.StringData(whole) {
		t.Errorf("%q, within the whole: %v", got, unsafe.StringData(got) == unsafe.StringData(whole))
	}
	if got = cut(whole, len(whole)); got != whole {
		t.Error("cut though there is room")
	}
}

// TestCutRenderingIsNotCompared: a conversation may be longer as one text than each of its halves, and what is cut of it could differ.
func TestCutRenderingIsNotCompared(t *testing.T) {
	c := open(t, Options{Embedder: alike(), Verifier: &yes{}, Conversation: ConversationJudged, MaxTextBytes: 100})
	const question = "could you please tell me whether breakfast is part of the price, and whether dogs may come along too"
	said := func(view string) Query {
		return talk(0, chat("I want the smaller room, the one with a window towards the "+view+".", "Gladly.", question)...)
	}
	put(t, c, said("garden"), "A")
	expect(t, c, said("garden"), HitExact, "A")
	if l := expect(t, c, said("street"), Miss, ""); l.Conversation != ConversationJudged || !l.leans || len(l.text) <= 100 {
		t.Errorf("%v of %q: the test shows nothing", l.Conversation, l.text)
	}
	err := c.Export(bg, func(r *Record) error {
		if r.Semantic || len(r.Text) > 100 {
			t.Errorf("%q is compared", r.Text)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
