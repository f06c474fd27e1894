package cache

import (
	"math"
	"time"

	"github.com/reprise-cache/reprise/cache/internal/store"
)

// The live false-hit rate. Of the semantic hits a random part is checked against the provider (see ShadowOptions), and the
// share of wrong ones among them estimates that of all. A check stands for as many hits as the inverse of the chance that it
// was made (Horvitz and Thompson, 1952), so that hits checked at different rates may be added up. The interval is Wilson's
// (Probable inference, the law of succession, and statistical inference, 1927), for the number of equally weighted checks
// that would say as much (the effective sample size of Kish, Survey sampling, 1965, and of Korn and Graubard, Confidence intervals
// for proportions with small expected number of positive counts, 1998, whichever is smaller). Old checks fade: each counts as a fraction
// of one. Feedback is not part of the estimate, since those who complain are no sample; it only adds the share of hits that
// was reported wrong.

// FalseHits is what is known of a namespace's wrong answers among its semantic hits. The numbers of hits and checks fade: what is a
// quarter of Options.HalfLife old counts for half.
type FalseHits struct {
	Namespace string
	Budget    float64 // the error budget that the hits were served under, before it is tightened; 0: hits under any
	Hits      float64 // semantic hits
	Checked   float64 // effective number of checks
	Share     float64 // of wrong ones among the checked, 0..1; 0 where nothing was checked
	Low, High float64 // its 95 % interval; 0 and 1 where nothing was checked
	Reported  float64 // hits that feedback called wrong
	Tighten   float64 // the factor in force on that budget, or the smallest on any: 1, or down to 1/16 where answers were found to be wrong
}

// wilson is the 95 % interval of a share p seen among n. The number need not be whole.
func wilson(p, n float64) (low, high float64) {
	const z = 1.959963984540054
	if !(n > 0) {
		return 0, 1
	}
	scale := 1 / (1 + z*z/n)
	centre := (p + z*z/(2*n)) * scale
	half := z * scale * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(0, centre-half), min(1, centre+half)
}

// estimate is the share of wrong hits with its interval.
func estimate(r *store.Checks) (share, n, low, high float64) {
	if r.Sum > 0 && r.Square > 0 {
		share = min(1, r.Wrong/r.Sum)
		n = r.Sum * r.Sum / r.Square // Kish: if the wrong ones were spread evenly over the weights
		// The variance that the checks themselves show, by linearisation. It is larger where the heavy ones are wrong.
		if v := (r.WrongSq*(1-2*share) + share*share*r.Square) / (r.Sum * r.Sum); v > 0 && share > 0 {
			n = min(n, share*(1-share)/v)
		}
	}
	low, high = wilson(share, n)
	return share, n, low, high
}

// age brings a rate to a later moment. As with traits, what a clock that was ahead has noted fades from now on.
func age(r *store.Rate, now int64, halfLife time.Duration) {
	f := fading(now-r.At, halfLife)
	r.At = now
	if f == 1 {
		return
	}
	weaken(&r.Checks, f)
	for i := range r.Budgets {
		weaken(&r.Budgets[i].Checks, f)
	}
	fade(r.Sources, f)
}

func weaken(r *store.Checks, f float64) {
	for _, sum := range []*float64{&r.Sum, &r.Square, &r.Wrong, &r.WrongSq, &r.Hits, &r.Reported} {
		*sum *= f
	}
}

// checked adds a check that stands for weight hits.
func checked(r *store.Checks, weight float64, wrong bool) {
	r.Sum += weight
	r.Square += weight * weight
	if wrong {
		r.Wrong += weight
		r.WrongSq += weight * weight
	}
}
