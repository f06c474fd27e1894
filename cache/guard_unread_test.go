package cache

import (
	"strings"
	"testing"
)

// TestSameVector: where an embedder sees no difference, what is neither Latin, Greek nor Cyrillic must be the same to the letter, and
// so must be words beyond all lengths.
func TestSameVector(t *testing.T) {
	long := strings.Repeat("acgt", 26)
	for _, c := range []struct {
		a, b  string
		apart bool
	}{
		{"እንዴት ማብራት እችላለሁ?", "እንዴት ማጥፋት እችላለሁ?", true},
		{"फूल", "फल", true},
		{"かき", "がき", true},
		{"which gene is " + long + "a", "which gene is " + long + "c", true},
		{"እንዴት ማብራት እችላለሁ?", "እንዴት ማብራት እችላለሁ", false},
		{"the résumé of José", "the resume of Jose", false},
		{"ещё", "еще", false},
		{"WHICH gene is " + long, "which GENE is " + long, false},
	} {
		for _, texts := range [2][2]string{{c.a, c.b}, {c.b, c.a}} {
			x, y := analyse(texts[0]), analyse(texts[1])
			found := unreadFinding(x, y, 1, nil)
			if (len(found) > 0) != c.apart || c.apart && (!found[0].veto || found[0].token == "") {
				t.Errorf("%q, %q: %+v, want a veto: %v", texts[0], texts[1], found, c.apart)
			}
			if found := unreadFinding(x, y, 0.999, nil); len(found) > 0 {
				t.Errorf("%q, %q: %+v, though the embedder saw a difference", texts[0], texts[1], found)
			}
		}
	}
}

func TestTextsThatTheEmbedderCannotTellApart(t *testing.T) {
	c := open(t, Options{Embedder: alike()})
	put(t, c, ask("እንዴት ማብራት እችላለሁ?"), "on")
	if l := expect(t, c, ask("እንዴት ማጥፋት እችላለሁ?"), Miss, ""); l.Reason != ReasonIdentifier || l.Candidates[0].Token == "" {
		t.Errorf("reason %q, %+v", l.Reason, l.Candidates)
	}
	expect(t, c, ask("እንዴት ማብራት እችላለሁ"), HitSemantic, "on")
}
