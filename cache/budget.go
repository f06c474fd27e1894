package cache

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// The budget. MaxError bounds the expected share of wrong answers among the semantic hits. That is not a bound on each
// answer: one that is wrong with 3 % may well be served among many that are wrong with 0.1 %, and serving it is what makes
// the difference between a cache that is safe and one that is safe and useful.
//
// # The rule
//
// A candidate of probability p is served for a request with the budget B if
//
//  1. p is at least the floor, 1 - 10 B: no single answer may be more than ten times as likely to be wrong as the
//     budget says, whatever the others are like;
//  2. p is at least the cut-off: the lowest probability such that candidates at it and above are wrong with 0.9 B on
//     average, by the mix of candidates of late; and
//  3. the running expectation allows it: with E the sum of 1 - p over the hits so far and N their number,
//     E + (1 - p) <= B (N + 1 + 20), for the partition and for its namespace.
//
// The cut-off makes the most of the budget: of all rules with an expected share of B, the one that serves from the top of
// the probabilities down serves the most. A tenth is kept back, because what comes true scatters about what is expected. Spending what the third line leaves on whatever comes first would buy single
// bad answers with it. The third line makes the promise: it holds whatever the mix does.
//
// The mix is that of the best candidate of each look-up, whether served or not. A partition begins with its namespace's,
// which begins with that of the calibration pairs, each counting for 100 candidates; two thirds of those pairs are not the same, written
// to look as if they were or found beside a question as its best candidate, so that a young cache is careful. Both sums forget: a candidate counts for its last 500 successors or
// so, a hit for 1,000, so that a quiet year does not pay for a bad day. The 20 in the third line is the credit that lets the
// first hit happen; it is lent once a partition, but a namespace has it once for all of its partitions.
//
// # What it assumes
//
// That the probabilities are calibrated for this traffic: then, by linearity, the expected number of wrong answers among N hits is E, and
// E <= B (N + 20), however the traffic was picked and ordered, drift and feedback loops included, because each term is
// settled before its answer is known. The share of wrong answers comes near its expectation as hits add up. Where
// probabilities are not calibrated, what is learnt from use corrects them; see memory.
//
// Each budget that requests name has sums of its own: who asks for 5 % must not spend what those with 1 % leave. The sums
// are kept in memory only. A restart begins again from the calibration pairs, at the price of one credit more.
const (
	keptBack      = 0.1  // of the budget, by the cut-off
	floorBudgets  = 10   // floor: this many times the budget
	creditHits    = 20   // hits without error that a ledger begins with
	priorWeight   = 100  // candidates that a mix counts for in the one that begins with it
	candidateSpan = 500  // candidates, until an old one counts for 1/e
	hitSpan       = 1000 // hits, likewise
	maxLedgers    = 8192 // kept
)

// DefaultMaxError is the budget where nothing else is said: one in a hundred.
const DefaultMaxError = 0.01

// Standing is what a budget had to say about a candidate.
type Standing struct {
	MaxError float64 // the budget
	Floor    float64 // no candidate below this is served
	Cutoff   float64 // nor one below this, by the mix of candidates
	Hits     float64 // semantic hits of the partition under this budget; old ones count less
	Wrong    float64 // the expected number of wrong answers among them
	Allowed  bool
}

// A mix is kept in so many bins for each halving of the risk, down to 1 in 4096.
const (
	binsPerHalving = 4
	mixBins        = 12 * binsPerHalving
)

// mix is a distribution of probabilities: how many candidates, and how much risk they carry together, by risk.
type mix struct {
	Count [mixBins]float64 `json:"count"`
	Risk  [mixBins]float64 `json:"risk"`
}

func mixBin(risk float64) int {
	if !(risk > 0) {
		return mixBins - 1
	}
	return max(0, min(mixBins-1, int(-binsPerHalving*math.Log2(risk))))
}

// add counts a candidate of probability p, after the others have faded.
func (m *mix) add(p, fade float64) {
	if fade != 1 {
		for i := range m.Count {
			m.Count[i] *= fade
			m.Risk[i] *= fade
		}
	}
	i := mixBin(1 - p)
	m.Count[i]++
	m.Risk[i] += 1 - p
}

// blend returns the mix with another one added that counts for weight candidates.
func (m *mix) blend(prior *mix, weight float64) mix {
	out := *m
	var n float64
	for _, c := range prior.Count {
		n += c
	}
	if n == 0 {
		return out
	}
	for i := range out.Count {
		out.Count[i] += prior.Count[i] * weight / n
		out.Risk[i] += prior.Risk[i] * weight / n
	}
	return out
}

// cutoff returns the lowest probability from which upwards the mean risk is within the budget. Risks within the budget always are.
func (m *mix) cutoff(maxError float64) float64 {
	var n, risk float64
	widest := 0.0
	for i := mixBins - 1; i >= 0; i-- {
		n += m.Count[i]
		risk += m.Risk[i]
		if risk > maxError*n {
			break
		}
		if m.Count[i] > 0 {
			widest = math.Exp2(-float64(i) / binsPerHalving)
		}
	}
	return 1 - math.Max(widest, maxError)
}

// floor is the first line of the rule.
func floor(maxError float64) float64 { return math.Max(0, 1-floorBudgets*maxError) }

// standing is what a budget comes to without a ledger: by the calibration pairs alone.
func standing(prior *mix, maxError float64) Standing {
	return Standing{MaxError: maxError, Floor: floor(maxError), Cutoff: prior.cutoff(maxError * (1 - keptBack))}
}

// Least is the lowest probability that passes floor and cut-off.
func (s Standing) Least() float64 { return math.Max(s.Floor, s.Cutoff) }

// ledger keeps the sums of one partition or namespace under one budget.
type ledger struct {
	hits, wrong float64
	mix         mix
}

// allows is the third line of the rule.
func (l *ledger) allows(risk, maxError float64) bool {
	return l.wrong+risk <= maxError*(l.hits+1+creditHits)
}

func (l *ledger) charge(risk float64) {
	const fade = 1 - 1.0/hitSpan
	l.hits, l.wrong = l.hits*fade+1, l.wrong*fade+risk
}

// refund takes a charge back whose answer was not served after all.
func (l *ledger) refund(risk float64) {
	const fade = 1 - 1.0/hitSpan
	l.hits, l.wrong = math.Max(0, l.hits-1)/fade, math.Max(0, l.wrong-risk)/fade
}

type ledgerKey struct {
	of       Digest // of the partition, or of the namespace's name
	maxError float64
}

// ledgers are those in use lately; the least recently used ones are forgotten.
type ledgers struct {
	mu   sync.Mutex // guards kept and the ledgers in it; a leaf
	kept *simplelru.LRU[ledgerKey, *ledger]
}

func newLedgers() *ledgers {
	kept, err := simplelru.NewLRU[ledgerKey, *ledger](maxLedgers, nil)
	if err != nil {
		panic(err) // only a size below 1 is an error
	}
	return &ledgers{kept: kept}
}

// get returns the ledger, made if need be. The caller holds mu.
func (ls *ledgers) get(key ledgerKey) *ledger {
	l, ok := ls.kept.Get(key)
	if !ok {
		l = new(ledger)
		ls.kept.Add(key, l)
	}
	return l
}

// peek returns the ledger as it is, a blank one if there is none. The caller holds mu and does not write.
func (ls *ledgers) peek(key ledgerKey) *ledger {
	if l, ok := ls.kept.Peek(key); ok {
		return l
	}
	return new(ledger)
}

// account is where a look-up's budget is kept.
type account struct {
	namespace, partition Digest
	maxError             float64
	prior                *mix
}

// take notes the best candidate of a look-up and, if the budget allows it, charges it. With dry nothing is noted or charged.
func (ls *ledgers) take(a *account, p float64, dry bool) Standing {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	find := ls.get
	if dry {
		find = ls.peek
	}
	space, part := find(ledgerKey{a.namespace, a.maxError}), find(ledgerKey{a.partition, a.maxError})
	if !dry {
		const fade = 1 - 1.0/candidateSpan
		space.mix.add(p, fade)
		part.mix.add(p, fade)
	}
	around := space.mix.blend(a.prior, priorWeight)
	own := part.mix.blend(&around, priorWeight)
	s := standing(&own, a.maxError)
	s.Hits, s.Wrong = part.hits, part.wrong
	risk := 1 - p
	s.Allowed = p >= s.Least() && part.allows(risk, a.maxError) && space.allows(risk, a.maxError)
	if s.Allowed && !dry {
		part.charge(risk)
		space.charge(risk)
	}
	return s
}

// refund takes back the charge of a candidate that could not be served.
func (ls *ledgers) refund(a *account, p float64) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, of := range [2]Digest{a.namespace, a.partition} {
		if l, ok := ls.kept.Peek(ledgerKey{of, a.maxError}); ok {
			l.refund(1 - p)
		}
	}
}
