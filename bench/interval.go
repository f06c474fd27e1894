package bench

import "math"

// student is the 97.5 % quantile of Student's t, by degrees of freedom from one on; beyond, 1.96 is near enough.
var student = [...]float64{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131}

// meanInterval is the mean of a sample, and half of its 95 % interval: infinite for a sample of one, of which nothing can be told.
func meanInterval(sample []float64) (mean, half float64) {
	n := float64(len(sample))
	for _, x := range sample {
		mean += x / n
	}
	if len(sample) < 2 {
		return mean, math.Inf(1)
	}
	var squares float64
	for _, x := range sample {
		squares += (x - mean) * (x - mean)
	}
	t := 1.96
	if df := len(sample) - 1; df <= len(student) {
		t = student[df-1]
	}
	return mean, t * math.Sqrt(squares/(n-1)/n)
}
