package cache

import "slices"

// The number guard: the numbers of both questions must agree as multisets, in whatever form and unit they are written:
// "5k" is 5000, "£50" is 50 pounds, "twenty-five" is 25, "2 weeks" are 14 days. Versions and long numbers agree only
// when they are written alike.

// A question is about other numbers if each text has one that the other lacks, of one kind, and the rest of the texts
// is as close, and as alike in its wording, as the first two say; of whatever kind if it is so as the others say.
const (
	numberClose, numberWording  = 0.4, 0.7
	numberCloser, numberClosest = 0.6, 0.8
)

func numberGuard(p *pair, dst []finding) []finding {
	if len(p.a.numbers) == 0 && len(p.b.numbers) == 0 {
		return dst
	}
	var roomA, roomB [8]*number
	a, b := unmatched(p.a.numbers, p.b.numbers, roomA[:0], roomB[:0])
	if token := numberVeto(p, a, b); token != "" {
		return append(dst, finding{ReasonNumber, token, true})
	}
	for _, list := range [2][]*number{a, b} {
		for _, n := range list {
			if !n.weak || len(a) > 0 && len(b) > 0 {
				return append(dst, finding{ReasonNumber, n.token, false})
			}
		}
	}
	return dst
}

// numberVeto returns a number of a that is another in b.
func numberVeto(p *pair, a, b []*number) string {
	if len(a) == 0 || len(b) == 0 {
		return ""
	}
	var l left // the numbers themselves
	for _, n := range a {
		l = l.and(p.a.apart(p.b, n.first, n.last))
	}
	for _, n := range b {
		l = l.and(p.b.apart(p.a, n.first, n.last))
	}
	close, wording := p.closeness(l), p.wording(l)
	if close < numberClose || wording < numberWording {
		return ""
	}
	for _, x := range a {
		for _, y := range b {
			if x.alike(y) && !(x.weak && y.weak) || close >= numberCloser && wording >= numberClosest {
				return x.token
			}
		}
	}
	return ""
}

// maxUnmatched bounds what is compared each with each.
const maxUnmatched = 64

// unmatched appends what each side has that the other lacks, strong ones first. Numbers that are alike to the letter
// are matched before those that may be the same, so that "5 GB for 5 pounds" finds its pairs.
func unmatched(a, b []number, dstA, dstB []*number) (restA, restB []*number) {
	restA, restB = withoutAlike(a, b, dstA), withoutAlike(b, a, dstB)
	restA, restB = restA[:min(len(restA), maxUnmatched)], restB[:min(len(restB), maxUnmatched)]
	for i := 0; i < len(restA); {
		j := slices.IndexFunc(restB, restA[i].same)
		if j < 0 {
			i++
			continue
		}
		restA, restB = slices.Delete(restA, i, i+1), slices.Delete(restB, j, j+1)
	}
	return restA, restB
}

// withoutAlike appends the numbers of list but for those that the other list has alike, unit and all, as often.
func withoutAlike(list, other []number, dst []*number) []*number {
	type key struct {
		value    float64
		text     string
		unit     *measure
		places   int
		unitCase string
	}
	keyOf := func(n *number) key { return key{n.value, n.text, n.unit, n.places, n.unitCase} }
	if len(list)*len(other) <= 64 { // nearly always
		var taken uint64
	next:
		for i := range list {
			n := &list[i]
			for j := range other {
				if taken&(1<<j) == 0 && keyOf(n) == keyOf(&other[j]) {
					taken |= 1 << j
					continue next
				}
			}
			dst = append(dst, n)
		}
		return dst
	}
	have := make(map[key]int, len(other))
	for i := range other {
		have[keyOf(&other[i])]++
	}
	for i := range list {
		k := keyOf(&list[i])
		if have[k] == 0 {
			dst = append(dst, &list[i])
			continue
		}
		have[k]--
	}
	return dst
}
