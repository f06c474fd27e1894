package bench

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"
)

// writeCurves draws precision against recall for the decision, the verifier and the cosine.
func writeCurves(path string, pairs []Pair, all []judged) error {
	const (
		width, height = 640, 480
		left, top     = 60, 20
		w, h          = 560, 400
	)
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", width, height)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", width, height)
	for i := range 11 {
		x, y := left+i*w/10, top+h-i*h/10
		fmt.Fprintf(&b, `<path d="M%d %dV%dM%d %dH%d" stroke="#ddd"/>`+"\n", x, top, top+h, left, y, left+w)
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%.1f</text><text x="%d" y="%d" text-anchor="end">%.2f</text>`+"\n",
			x, top+h+16, float64(i)/10, left-6, y+4, 0.5+float64(i)/20)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">recall: share of the same-pairs served</text>`+"\n", left+w/2, top+h+36)
	fmt.Fprintf(&b, `<text transform="translate(14 %d) rotate(-90)" text-anchor="middle">precision: share of those served that are the same</text>`+"\n", top+h/2)
	for n, c := range []struct {
		name, colour string
		score        func(judged) float64
	}{
		{"decision", "#0b6e4f", func(j judged) float64 {
			if j.vetoed {
				return -1
			}
			return j.probability
		}},
		{"verifier", "#c8553d", func(j judged) float64 { return j.verifier }},
		{"cosine", "#2d5d9f", func(j judged) float64 { return j.similarity }},
	} {
		s := make([]scored, len(all))
		for i, j := range all {
			s[i] = scored{c.score(j), pairs[i].Same}
		}
		fmt.Fprintf(&b, `<path fill="none" stroke="%s" stroke-width="2" d="`, c.colour)
		for i, p := range precisionRecall(s) {
			op := 'L'
			if i == 0 {
				op = 'M'
			}
			fmt.Fprintf(&b, "%c%.1f %.1f", op, left+p[0]*w, top+h-max(0, p[1]-0.5)*2*h)
		}
		fmt.Fprintf(&b, "\"/>\n"+`<text x="%d" y="%d" fill="%s">%s</text>`+"\n", left+w-70, top+20+18*n, c.colour, c.name)
	}
	b.WriteString("</svg>\n")
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// precisionRecall lists recall and precision at every threshold, from the strictest down; those below a precision of a half are
// left out.
func precisionRecall(s []scored) (points [][2]float64) {
	slices.SortFunc(s, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	same := 0
	for _, p := range s {
		if p.same {
			same++
		}
	}
	right := 0
	for i, p := range s {
		if p.same {
			right++
		}
		if tie := i+1 < len(s) && s[i+1].score == p.score; tie {
			continue
		}
		if precision := float64(right) / float64(i+1); precision >= 0.5 {
			points = append(points, [2]float64{float64(right) / float64(max(1, same)), precision})
		}
	}
	return points
}
