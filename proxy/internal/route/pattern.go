package route

import (
	"regexp"
	"regexp/syntax"
)

// Limits of what a config's conditions ask. A short text may be a large program: \pL{1000} is nine bytes, a thousand
// instructions and hundreds of ranges of characters in each.
const (
	MaxConditions = 256    // comparisons in a config
	maxPattern    = 512    // bytes of a pattern
	maxSteps      = 1000   // instructions of one
	maxPatterns   = 20_000 // instructions and ranges of characters of all in a config
)

// effort is what a config's conditions ask for so far.
type effort struct {
	comparisons int
	patterns    int
}

// compare counts one more comparison.
func (e *effort) compare(path string) error {
	if e.comparisons++; e.comparisons > MaxConditions {
		return wrong(path, "is one too many: a config has at most %d comparisons in its conditions; ask for several values at once, by $in", MaxConditions)
	}
	return nil
}

// pattern reads a pattern. How large a program it is gets known before it is made one.
func (e *effort) pattern(path, s string) (*regexp.Regexp, error) {
	if len(s) > maxPattern {
		return nil, wrong(path, "the pattern has %d bytes: give at most %d", len(s), maxPattern)
	}
	if e.patterns > maxPatterns {
		return nil, wrong(path, "is not looked at, as the patterns before it are more than a config may have: have fewer of them, or smaller ones")
	}
	tree, err := syntax.Parse(s, syntax.Perl)
	if err != nil {
		e.patterns += maxPatterns / 4 // it took its time all the same
		return nil, wrong(path, "is not a pattern of RE2's syntax")
	}
	steps, ranges := size(tree)
	e.patterns += steps + ranges
	switch {
	case steps > maxSteps:
		return nil, wrong(path, "the pattern comes to %d instructions: at most %d are allowed; repeat less, or without a number, as in a+", steps, maxSteps)
	case e.patterns > maxPatterns:
		return nil, wrong(path, "with this pattern, of %d instructions and %d ranges of characters, those of the config come to %d: at most %d are allowed; repeat classes as \\pL without a number, or have fewer of them",
			steps, ranges, e.patterns, maxPatterns)
	}
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, wrong(path, "is not a pattern of RE2's syntax")
	}
	return re, nil
}

// size is about how many instructions a pattern comes to, and how many ranges of characters they hold: a number of repeats
// multiplies what is repeated.
func size(re *syntax.Regexp) (steps, ranges int) {
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune), 0
	case syntax.OpCharClass:
		return 1, len(re.Rune) / 2
	}
	for _, sub := range re.Sub {
		s, r := size(sub)
		steps, ranges = steps+s, ranges+r
	}
	if re.Op == syntax.OpRepeat {
		times := max(re.Min, re.Max, 1)
		return steps*times + times - re.Min + 1, ranges * times // each that may be left out is one more
	}
	return steps + max(1, len(re.Sub)), ranges
}
