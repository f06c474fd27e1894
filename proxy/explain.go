package proxy

import (
	"strconv"

	"github.com/reprise-cache/reprise/cache"
)

// maxExplained bounds the candidates that a header tells of, and so its length.
const maxExplained = 5

// appendVerdict says why a question was answered as it was, for a response header:
//
//	semantic; policy=semantic probability=0.9912 budget=0.01 from=0.9844, 1=00000000000000a1 similarity=0.9512 …
//
// The questions themselves are not repeated, but for the words that a guard goes by.
func appendVerdict(b []byte, v *cache.Verdict) []byte {
	field := func(name string, f float64) {
		b = append(b, ' ')
		b = append(b, name...)
		b = append(b, '=')
		b = strconv.AppendFloat(b, f, 'g', 4, 64)
	}
	b = append(b, v.Status.String()...)
	if v.Reason != cache.ReasonNone {
		b = append(b, " reason="...)
		b = append(b, v.Reason...)
	}
	if v.Policy == "" {
		return b
	}
	b = append(b, "; policy="...)
	b = append(b, v.Policy...)
	if v.Budget.MaxError > 0 {
		field("probability", v.Probability)
		field("budget", v.Budget.MaxError)
		field("from", v.Budget.Least())
		field("hits", v.Budget.Hits)
		field("expected-wrong", v.Budget.Wrong)
	}
	for i := range v.Candidates {
		if i == maxExplained {
			break
		}
		cand := &v.Candidates[i]
		b = append(b, ", "...)
		b = strconv.AppendInt(b, int64(i+1), 10)
		b = append(b, '=')
		b = appendID(b, cand.ID)
		field("similarity", float64(cand.Similarity))
		if cand.Verifier > 0 {
			field("verifier", cand.Verifier)
		}
		if cand.Probability > 0 {
			field("probability", cand.Probability)
		}
		if cand.Reason != cache.ReasonNone {
			b = append(b, " reason="...)
			b = append(b, cand.Reason...)
		}
		if cand.Token != "" {
			b = append(b, " token="...)
			b = appendWords(b, cand.Token)
		}
	}
	return b
}
