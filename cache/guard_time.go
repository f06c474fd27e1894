package cache

// The time guard: clock times, dates, days of the week, today and tomorrow, in whatever form: 3pm is 15:00, the 12th of
// March is March 12. Spans of time are numbers with units, and the number guard's.

// timeClose is how close the rest of the texts must be for two moments of one kind to be conclusive.
const timeClose = 0.5

func timeGuard(p *pair, dst []finding) []finding {
	if len(p.a.moments) == 0 && len(p.b.moments) == 0 {
		return dst
	}
	for i := range p.a.moments {
		x := &p.a.moments[i]
		if matched(x, p.b.moments) {
			continue
		}
		for j := range p.b.moments[:min(len(p.b.moments), maxUnmatched)] {
			if y := &p.b.moments[j]; x.kind == y.kind && !matched(y, p.a.moments) && p.closeness(left{}) >= timeClose {
				return append(dst, finding{ReasonTime, x.token, true})
			}
		}
	}
	for _, v := range [2][2][]moment{{p.a.moments, p.b.moments}, {p.b.moments, p.a.moments}} {
		for i := range v[0] {
			if !matched(&v[0][i], v[1]) {
				return append(dst, finding{ReasonTime, v[0][i].token, false})
			}
		}
	}
	return dst
}

func matched(m *moment, in []moment) bool {
	for i := range in[:min(len(in), maxUnmatched)] {
		if m.same(&in[i]) {
			return true
		}
	}
	return false
}
