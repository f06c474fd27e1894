package kernel

import "math"

// geluBound is where the polynomial below ends; beyond it the normal distribution function is 0 or 1 to 3e-7.
const geluBound = 5

// geluPoly holds, from degree 0 up, the minimax polynomial in u = 2x²/geluBound² - 1 of (Φ(x) - 1/2) / x, for |x| up to geluBound,
// with errors weighted as they count in the GELU. Fitted for this package (Lawson's iteration on a Chebyshev basis); the
// GELU's absolute error is at most 1e-5.
var geluPoly = [11]float32{0.14136430621147156, -0.07030051946640015, 0.051488012075424194, -0.04031916707754135, 0.03174414858222008, -0.02421516552567482, 0.015547910705208778, -0.00832982175052166, 0.007021251600235701, -0.006278015673160553, 0.0022772913798689842}

// geluScalar is x Φ(x), the exact GELU (not its tanh form).
func geluScalar(x float32) float32 {
	c := min(max(x, -geluBound), geluBound)
	u := c*c*(2.0/(geluBound*geluBound)) - 1
	p := geluPoly[len(geluPoly)-1]
	for i := len(geluPoly) - 2; i >= 0; i-- {
		p = p*u + geluPoly[i]
	}
	return x * (0.5 + c*p)
}

const (
	log2e = 1.4426950408889634
	// expFloor is the least exponent, base 2, that expScalar computes: below it the result is 2^-126, which no softmax can see.
	expFloor = -126
)

// expPoly holds, from degree 0 up, a Chebyshev fit of 2^f for f in -1/2..1/2; its relative error is at most 2.2e-7.
var expPoly = [6]float32{1.0000001192092896, 0.6931469440460205, 0.24022121727466583, 0.05550742521882057, 0.009675459936261177, 0.0013266970636323094}

// expScalar is e^x for x of at most 0, and 2^-126 where that is smaller.
func expScalar(x float32) float32 {
	t := max(x*log2e, expFloor)
	n := (t + roundMagic) - roundMagic
	f := t - n
	p := expPoly[len(expPoly)-1]
	for i := len(expPoly) - 2; i >= 0; i-- {
		p = p*f + expPoly[i]
	}
	return p * math.Float32frombits(uint32(int32(n)+127)<<23)
}
