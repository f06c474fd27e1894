package monotone

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestLogisticFindsSigns(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var rows []Row
	for range 4000 {
		x := []float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}
		rows = append(rows, Row{X: x, Y: rng.Float64() < Sigmoid(0.5+2*x[0]-x[1]+0.7*x[2]), Weight: 1})
	}
	bias, w := Logistic(rows, []int8{1, 0, -1}, 1)
	for i, want := range []float64{2, -1, 0} { // the last one would be 0.7, were it allowed
		if math.Abs(w[i]-want) > 0.25 {
			t.Errorf("weight %d: %.3f, want about %v", i, w[i], want)
		}
	}
	if math.Abs(bias-0.5) > 0.2 {
		t.Errorf("bias %.3f", bias)
	}
	bias2, w2 := Logistic(rows, []int8{1, 0, -1}, 1)
	if bias != bias2 || !slices.Equal(w, w2) {
		t.Error("the same rows gave other weights")
	}
	if _, w := Logistic(nil, []int8{1}, 0); w[0] != 0 {
		t.Errorf("no rows: weight %v", w[0])
	}
}

func TestCalibrate(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	draw := func(n int) (points []Point) {
		for range n {
			z := 6 * rng.NormFloat64()
			points = append(points, Point{z, rng.Float64() < Sigmoid(z/2-1)}) // its log-odds are half of the score, less 1
		}
		return points
	}
	for _, n := range []int{1, 2, 50, 3000} {
		knots := Calibrate(draw(n))
		for i, k := range knots {
			if !(k.P > 0 && k.P < 1) || i > 0 && (k.Score <= knots[i-1].Score || k.P < knots[i-1].P) {
				t.Fatalf("%d points: knot %d of %v does not rise within 0 and 1", n, i, knots)
			}
		}
		if n < 3000 {
			continue
		}
		for _, z := range []float64{-4, 0, 2, 6} {
			if p, want := At(knots, z), Sigmoid(z/2-1); math.Abs(p-want) > 0.08 {
				t.Errorf("at %v: %.3f, want %.3f", z, p, want)
			}
		}
	}
	if At(nil, 1) != 0 || Calibrate(nil) != nil {
		t.Error("nothing gives something")
	}
}

// A run of successes is worth about what Jeffreys' prior expects, and never certainty.
func TestCalibrateIsNeverSure(t *testing.T) {
	var points []Point
	for i := range 100 {
		points = append(points, Point{Score: float64(i), Y: i >= 50})
	}
	p := At(Calibrate(points), 1e9)
	if math.Abs(p-(1-0.5/51)) > 0.002 || p >= 1 {
		t.Errorf("50 successes in a row are worth %v", p)
	}
}
