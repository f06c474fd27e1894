package room

import "math"

// scales is how many half-lives are kept count of.
const scales = 4

// halfLives are in turnovers, from almost "least recently used" to almost "least frequently used".
var halfLives = [scales]float64{0.5, 2, 10, 50}

// learned stands for the odds, instead of a half-life.
const learned = -1

// way is by which victims are found.
type way struct {
	scale int     // index of the half-life, or learned
	youth float64 // for how many turnovers a new entry is no victim: whoever has just stored an answer finds it
}

// ways are those that the simulations try: the odds; almost "least recently used"; almost "least frequently used", which runs of what is
// asked once leave as it is.
var ways = [...]way{{learned, 0.1}, {learned, 0.01}, {0, 0.01}, {3, 0.01}, {3, 0.4}}

// startWay is followed until the simulations know better.
const startWay = 0

// counts is how often something was used, by each half-life, as of a moment.
type counts struct {
	at  float64 // turnovers
	sum [scales]float32
}

// use counts one more.
func (c *counts) use(now float64) {
	age := now - c.at
	for i := range c.sum {
		c.sum[i] = 1 + c.sum[i]*float32(fading(age/halfLives[i]))
	}
	c.at = now
}

// fading is 2^-x, which for the short times between the uses of what is used much need not be exact.
func fading(x float64) float64 {
	if x < 0.25 {
		return 1 + x*(-0.69315+x*(0.24023-x*0.0555))
	}
	return math.Exp2(-x)
}

// log2 is the logarithm of the count by one half-life, as of now.
func (c *counts) log2(scale int, now float64) float64 {
	return math.Log2(float64(c.sum[scale])) - (now-c.at)/halfLives[scale]
}
