package bench

import "math"

// normal is the 97.5 % quantile of the normal distribution.
const normal = 1.959964

// students is the 97.5 % quantile of Student's t, by degrees of freedom from one on.
var students = [...]float64{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131}

// student is the 97.5 % quantile of Student's t: of the table, and beyond it by the expansion in powers of 1/df (Abramowitz and Stegun,
// 1964, 26.7.5), whose three terms are right to the table's last digit from there on.
func student(df int) float64 {
	if df <= len(students) {
		return students[df-1]
	}
	z, n := normal, float64(df)
	return z + (math.Pow(z, 3)+z)/(4*n) + (5*math.Pow(z, 5)+16*math.Pow(z, 3)+3*z)/(96*n*n) +
		(3*math.Pow(z, 7)+19*math.Pow(z, 5)+17*math.Pow(z, 3)-15*z)/(384*n*n*n)
}

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
	return mean, student(len(sample)-1) * math.Sqrt(squares/(n-1)/n)
}
