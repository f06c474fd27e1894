package cache

import (
	"strings"
)

// The guards know that 3pm is 15:00, £50 is 50 pounds and SSO is single sign-on. A verifier that was trained on words knows some of
// that and takes the rest for differences. Where two texts hold two forms of one thing it is given them in one form, that of the
// question asked: then it reads equal words where equal things are meant, and judges the rest.

// maxApart is how many content words the texts may not share, other forms of one thing counted as shared, for that to be done. Where
// they share most, the other form is all that is left to mislead the verifier. Where they do not, it has more to go by, and words
// that do not suit the sentence they are put into mislead it more.
const maxApart = 2

// span is a part of a text, by its words.
type span struct{ first, last int }

// swap is a part of the stored text and the one of the question that says the same.
type swap struct{ stored, asked span }

// inOneForm returns the stored text with the question's forms in place of its own; unchanged where there is nothing to replace.
func inOneForm(asked, stored *analysed) string {
	var room [8]swap
	swaps := asked.otherForms(stored, room[:0])
	if len(swaps) == 0 {
		return stored.text
	}
	for i := range swaps { // few, and in order but for their kinds
		for j := i; j > 0 && swaps[j].stored.first < swaps[j-1].stored.first; j-- {
			swaps[j], swaps[j-1] = swaps[j-1], swaps[j]
		}
	}
	var out strings.Builder
	at := 0
	for _, s := range swaps {
		from, to := stored.edges(s.stored)
		if from < at {
			continue // two things in one place
		}
		out.WriteString(stored.text[at:from])
		out.WriteString(asked.surface(s.asked))
		at = to
	}
	out.WriteString(stored.text[at:])
	return out.String()
}

// otherForms appends what of the stored text the question says in another form.
func (a *analysed) otherForms(stored *analysed, dst []swap) []swap {
	for i := range stored.moments {
		m := &stored.moments[i]
		at := -1
		for j := range a.moments {
			if n := &a.moments[j]; m.equals(n) && a.prefers(stored, span{m.first, m.last}, span{n.first, n.last}, &at, j) {
				break
			}
		}
		if at >= 0 && len(dst) < cap(dst) {
			dst = append(dst, swap{span{m.first, m.last}, span{a.moments[at].first, a.moments[at].last}})
		}
	}
	for i := range stored.numbers {
		m := &stored.numbers[i]
		at := -1
		for j := range a.numbers {
			if n := &a.numbers[j]; m.equals(n) && a.prefers(stored, span{m.first, m.last}, span{n.first, n.last}, &at, j) {
				break
			}
		}
		if at >= 0 && len(dst) < cap(dst) {
			dst = append(dst, swap{span{m.first, m.last}, span{a.numbers[at].first, a.numbers[at].last}})
		}
	}
	if len(stored.groups) == 0 || len(a.groups) == 0 {
		return dst
	}
	for i := 0; i < len(stored.words); i++ {
		theirs, at := span{i, stored.end(i)}, -1
		for j := 0; j < len(a.words) && stored.words[i].group != 0; j++ {
			own := span{j, a.end(j)}
			if a.words[j].group == stored.words[i].group && a.prefers(stored, theirs, own, &at, j) {
				break
			}
			j = own.last
		}
		if at >= 0 && len(dst) < cap(dst) {
			dst = append(dst, swap{theirs, span{at, a.end(at)}})
		}
		i = theirs.last
	}
	return dst
}

// prefers notes in at the first form of the question's that is not written like the stored one, and reports whether there is one
// that is, so that nothing need be replaced.
func (a *analysed) prefers(stored *analysed, theirs, own span, at *int, j int) bool {
	x, y := stored.surface(theirs), a.surface(own)
	if strings.EqualFold(x, y) || theirs.first == theirs.last && own.first == own.last && stored.words[theirs.first].stem == a.words[own.first].stem {
		*at = -1
		return true
	}
	if *at < 0 && !isCompound(x) && !isCompound(y) {
		*at = j
	}
	return false
}

// isCompound reports whether a written form may say more than the one thing read in it: 4-digit, 2015-16, 70-534, 4000/month.
func isCompound(surface string) bool {
	return hasDigit(surface) && strings.ContainsAny(surface, "-–/")
}

// edges are the bytes at which a span begins and ends.
func (a *analysed) edges(s span) (from, to int) {
	last := &a.words[s.last]
	return a.words[s.first].at, last.at + len(last.raw)
}

// surface is what is written in a span.
func (a *analysed) surface(s span) string {
	from, to := a.edges(s)
	return a.text[from:to]
}

// equals is stricter than same: all that one says of the moment the other does.
func (m *moment) equals(n *moment) bool {
	switch {
	case m.kind != n.kind:
		return false
	case m.kind == calendarDate:
		return m.day == n.day && m.month == n.month && m.year == n.year && !m.swap && !n.swap
	case m.kind == clockTime:
		return m.minutes == n.minutes && m.half == n.half
	}
	return m.offset == n.offset
}

// equals is stricter than same: both count, and have a unit or have none.
func (n *number) equals(m *number) bool {
	return !n.weak && !m.weak && (n.unit == nil) == (m.unit == nil) && n.same(m)
}
