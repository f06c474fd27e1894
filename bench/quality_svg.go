package bench

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"slices"

	"github.com/reprise-cache/reprise/cache"
)

// A panel is one square of the drawing, with axes from 0 to 1 and a grid of tenths.
type panel struct {
	b        *bytes.Buffer
	left     float64
	from     float64 // where the vertical axis begins
	colour   string  // of what is drawn next
	right    string  // what the horizontal axis says
	vertical string
}

const (
	panelTop    = 20.0
	panelWidth  = 540.0
	panelHeight = 400.0
)

func (p *panel) x(v float64) float64 { return p.left + v*panelWidth }

func (p *panel) y(v float64) float64 {
	return panelTop + panelHeight - max(0, v-p.from)/(1-p.from)*panelHeight
}

func (p *panel) axes() {
	for i := range 11 {
		v := float64(i) / 10
		up := p.from + v*(1-p.from)
		fmt.Fprintf(p.b, `<path d="M%.1f %.1fV%.1fM%.1f %.1fH%.1f" stroke="#ddd"/>`+"\n", p.x(v), p.y(p.from), p.y(1), p.x(0), p.y(up), p.x(1))
		fmt.Fprintf(p.b, `<text x="%.1f" y="%.1f" text-anchor="middle">%.1f</text><text x="%.1f" y="%.1f" text-anchor="end">%.2f</text>`+"\n",
			p.x(v), p.y(p.from)+16, v, p.x(0)-6, p.y(up)+4, up)
	}
	fmt.Fprintf(p.b, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n", p.x(0.5), p.y(p.from)+36, p.right)
	fmt.Fprintf(p.b, `<text transform="translate(%.1f %.1f) rotate(-90)" text-anchor="middle">%s</text>`+"\n", p.left-46, panelTop+panelHeight/2, p.vertical)
}

func (p *panel) line(points [][2]float64) {
	fmt.Fprintf(p.b, `<path fill="none" stroke="%s" stroke-width="2" d="`, p.colour)
	op := 'M'
	for _, at := range points {
		fmt.Fprintf(p.b, "%c%.1f %.1f", op, p.x(at[0]), p.y(at[1]))
		op = 'L'
	}
	fmt.Fprint(p.b, "\"/>\n")
}

// writeCurves draws precision against recall for the decision, the verifier and the cosine, and beside it how often each
// probability of the decision came true, with 95 % intervals.
func writeCurves(path string, pairs []Pair, all []judged, reliability []cache.ReliabilityBin) error {
	var b bytes.Buffer
	fmt.Fprintln(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1240 480" font-family="sans-serif" font-size="12">`)
	fmt.Fprintln(&b, `<rect width="1240" height="480" fill="white"/>`)
	curves := &panel{b: &b, left: 60, from: 0.5, right: "recall: share of the same-pairs served", vertical: "precision: share of those served that are the same"}
	curves.axes()
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
		curves.colour = c.colour
		curves.line(precisionRecall(s))
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" fill="%s">%s</text>`+"\n", curves.x(0.88), panelTop+20+18*float64(n), c.colour, c.name)
	}
	drawReliability(&panel{b: &b, left: 680, right: "probability that the decision gives", vertical: "share that is the same"}, reliability)
	b.WriteString("</svg>\n")
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// drawReliability marks each bin with its interval; a decision that keeps its word has them on the diagonal.
func drawReliability(p *panel, bins []cache.ReliabilityBin) {
	p.axes()
	p.colour = "#999"
	p.line([][2]float64{{0, 0}, {1, 1}})
	p.colour = "#0b6e4f"
	var points [][2]float64
	for _, bin := range bins {
		n := float64(bin.Pairs)
		low, high := Wilson(bin.Observed*n, n)
		fmt.Fprintf(p.b, `<path d="M%.1f %.1fV%.1f" stroke="%s"/>`, p.x(bin.Predicted), p.y(low), p.y(high), p.colour)
		fmt.Fprintf(p.b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"><title>%d pairs</title></circle>`+"\n", p.x(bin.Predicted), p.y(bin.Observed), p.colour, bin.Pairs)
		points = append(points, [2]float64{bin.Predicted, bin.Observed})
	}
	p.line(points)
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
