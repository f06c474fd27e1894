package monotone

import "math"

// Row is one labelled example.
type Row struct {
	X      []float64
	Y      bool
	Weight float64 // how many examples it counts for
}

// Logistic fits log-odds = bias + weights·x by maximum likelihood under a ridge penalty, with each weight on the side of
// zero that signs names: +1 not negative, -1 not positive, 0 free.
//
// It goes round the coordinates, one Newton step each, cut off at the sign's bound (the one-dimensional steps of Genkin,
// Lewis and Madigan, 2007, with a box in place of their prior). The objective is convex and the box is a product, so that
// this finds the one optimum. Rows are taken in order and nothing is drawn: equal input gives equal weights.
func Logistic(rows []Row, signs []int8, ridge float64) (bias float64, weights []float64) {
	weights = make([]float64, len(signs))
	score := make([]float64, len(rows))
	const rounds, enough = 300, 1e-4
	for range rounds {
		moved := step(rows, score, &bias, -1, 0, 0)
		for j, sign := range signs {
			moved = math.Max(moved, step(rows, score, &weights[j], j, sign, ridge))
		}
		if moved < enough {
			break
		}
	}
	return bias, weights
}

// step moves the weight of one column, or the bias for column -1, and returns how far.
func step(rows []Row, score []float64, w *float64, column int, sign int8, ridge float64) float64 {
	gradient, curvature := -ridge**w, ridge
	for i := range rows {
		x := 1.0
		if column >= 0 {
			if x = rows[i].X[column]; x == 0 {
				continue
			}
		}
		p := Sigmoid(score[i])
		y := 0.0
		if rows[i].Y {
			y = 1
		}
		gradient += rows[i].Weight * x * (y - p)
		// The curvature of a step of up to a whole unit can be more than that at its start; the floor keeps steps short
		// enough to go downhill where an example is already certain.
		curvature += rows[i].Weight * x * x * math.Max(p*(1-p), 0.02)
	}
	if curvature == 0 {
		return 0
	}
	to := *w + math.Max(-1, math.Min(1, gradient/curvature))
	if float64(sign)*to < 0 {
		to = 0
	}
	by := to - *w
	if by == 0 {
		return 0
	}
	*w = to
	for i := range rows {
		if column < 0 {
			score[i] += by
		} else if x := rows[i].X[column]; x != 0 {
			score[i] += by * x
		}
	}
	return math.Abs(by)
}

// Sigmoid is the probability of log-odds.
func Sigmoid(z float64) float64 { return 1 / (1 + math.Exp(-z)) }

// Logit is the log-odds of a probability.
func Logit(p float64) float64 { return math.Log(p / (1 - p)) }
