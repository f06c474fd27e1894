package cache

import (
	"slices"
	"testing"
)

func TestLexicon(t *testing.T) {
	phrases := 0
	for stem, l := range vocabulary {
		for _, o := range l.opposites {
			phrases++
			for _, q := range l.opposites {
				if o.opposition == q.opposition && o.side != q.side && slices.Equal(o.rest, q.rest) {
					t.Errorf("%s %v is its own opposite", stem, o.rest)
				}
			}
		}
	}
	if phrases < 500 || groups < 1 {
		t.Errorf("%d phrases, %d groups", phrases, groups)
	}
	t.Logf("%d oppositions, %d phrases; %d groups of equivalents", len(oppositions), phrases, groups)
}
