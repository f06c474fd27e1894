package cache

import "strings"

// leaningGuard looks at two conversations, each rendered as one text, beside what the other guards find in them. Two
// conversations have more small talk in which a number or a name stands on one side only than two questions have, so that as
// much is left to the verifier; but a verifier that reads so much at once misses the small difference that matters. Hence:
//
//   - names that each has and the other lacks are two things talked about;
//   - of the last turns, which are short, whatever a guard doubts refuses.
func leaningGuard(asked, stored *analysed, dst []finding) []finding {
	var mine, theirs [maxMissing]int
	if m := missing(asked, stored, mine[:0]); len(m) > 0 && len(missing(stored, asked, theirs[:0])) > 0 {
		dst = append(dst, finding{ReasonIdentifier, asked.words[m[0]].raw, true})
	}
	here, _, _ := strings.Cut(asked.text, renderSeparator)
	there, _, _ := strings.Cut(stored.text, renderSeparator)
	from := len(dst)
	dst = inspect(analyse(here), analyse(there), dst)
	for i := range dst[from:] {
		dst[from+i].veto = true
	}
	return dst
}
