package prices

import (
	"errors"
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// Money is an amount in nanodollars: 1e-9 US dollars. The cheapest token of the table costs some five of them, and an
// int64 holds nine thousand million dollars.
type Money int64

const nanos = 1_000_000_000

// ErrMoney: the text is not an amount.
var ErrMoney = errors.New("prices: not an amount of dollars with up to 9 decimals, 0 to 1000000")

// ParseMoney reads a decimal amount of dollars, as "0.15". Nothing is rounded.
func ParseMoney(s string) (Money, error) {
	whole, fraction, dot := strings.Cut(s, ".")
	if whole == "" || len(whole) > 7 || len(fraction) > 9 || dot && fraction == "" || !digits(whole) || !digits(fraction) {
		return 0, ErrMoney
	}
	d, _ := strconv.ParseInt(whole, 10, 64)
	n, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	m := Money(d*nanos + n)
	if m > 1_000_000*nanos {
		return 0, ErrMoney
	}
	return m, nil
}

func digits(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// String writes the amount in dollars, exactly and without needless zeros: 0.00015.
func (m Money) String() string { return string(m.append(nil)) }

func (m Money) append(b []byte) []byte {
	u := uint64(m)
	if m < 0 {
		b, u = append(b, '-'), -u
	}
	b = strconv.AppendUint(b, u/nanos, 10)
	if f := u % nanos; f != 0 {
		text := strconv.FormatUint(nanos+f, 10)[1:]
		b = append(append(b, '.'), strings.TrimRight(text, "0")...)
	}
	return b
}

// MarshalJSON writes a JSON number of dollars.
func (m Money) MarshalJSON() ([]byte, error) { return m.append(nil), nil }

// UnmarshalJSON reads what MarshalJSON wrote.
func (m *Money) UnmarshalJSON(b []byte) error {
	s, negative := strings.CutPrefix(string(b), "-")
	whole, fraction, _ := strings.Cut(s, ".")
	if whole == "" || len(fraction) > 9 || !digits(whole) || !digits(fraction) {
		return ErrMoney
	}
	d, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || d > math.MaxInt64/nanos {
		return ErrMoney
	}
	n, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
	u := uint64(d)*nanos + uint64(n)
	switch {
	case negative && u <= 1<<63:
		*m = Money(-u)
	case !negative && u <= math.MaxInt64:
		*m = Money(u)
	default:
		return ErrMoney
	}
	return nil
}

// Add returns the sum, or the largest amount there is if that is less.
func (m Money) Add(n Money) Money {
	switch s := m + n; {
	case n > 0 && s < m:
		return math.MaxInt64
	case n < 0 && s > m:
		return math.MinInt64
	default:
		return s
	}
}

// Dollars returns the amount as a float, for those who do not add it up.
func (m Money) Dollars() float64 { return float64(m) / nanos }

// product sums tokens times prices per million before it divides, so that a call is rounded once.
type product struct{ hi, lo uint64 }

func (p *product) add(tokens int64, perMillion Money) {
	if tokens <= 0 || perMillion <= 0 {
		return
	}
	hi, lo := bits.Mul64(uint64(tokens), uint64(perMillion))
	var carry uint64
	p.lo, carry = bits.Add64(p.lo, lo, 0)
	p.hi, _ = bits.Add64(p.hi, hi, carry)
}

// perMillion divides by a million and rounds half up.
func (p product) perMillion() Money {
	const million = 1_000_000
	lo, carry := bits.Add64(p.lo, million/2, 0)
	hi := p.hi + carry
	if hi >= million {
		return math.MaxInt64
	}
	q, _ := bits.Div64(hi, lo, million)
	return Money(min(q, math.MaxInt64))
}
