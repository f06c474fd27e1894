package cache

import (
	_ "embed"
	"slices"
	"sort"
	"strings"
)

// The lexicon: what the guards know of English words. Its files are meant to be added to by anyone; each says at its
// top how.

//go:embed lexicon/antonyms.txt
var antonymFile string

//go:embed lexicon/equivalents.txt
var equivalentFile string

//go:embed lexicon/function_words.txt
var functionWordFile string

// lexeme is what the lexicon has under one stem: phrases that begin with it.
type lexeme struct {
	opposites   []opposite
	equivalents []equivalent // longest first
}

// opposite is a phrase of one side of an opposition.
type opposite struct {
	opposition int32
	side       uint8
	rest       []string // stems of the phrase's other words
	adverb     bool     // it must end in -ly: monthly, not months
}

// equivalent is one of the forms of a group, which all stand for one thing.
type equivalent struct {
	group    int32
	rest     []string // stems of the phrase's other words, which must follow at once
	capitals string   // the form, if it counts only where its capitals are written: US, not us
}

var (
	vocabulary  = map[string]*lexeme{}
	oppositions = readAntonyms(antonymFile)
	groups      = readEquivalents(equivalentFile)
	littleWords = readLittleWords(functionWordFile)
)

// entries yields the lines of a lexicon file without comments.
func entries(file string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for line := range strings.Lines(file) {
			line, _, _ = strings.Cut(line, "#")
			if line = strings.TrimSpace(line); line != "" && !yield(line) {
				return
			}
		}
	}
}

func at(stem string) *lexeme {
	l := vocabulary[stem]
	if l == nil {
		l = &lexeme{}
		vocabulary[stem] = l
	}
	return l
}

func stems(phrase string) (out []string) {
	for _, w := range strings.Fields(phrase) {
		out = append(out, stem(strings.ToLower(w)))
	}
	return out
}

// readAntonyms reads lines of the form "a, b c | d, e f" and returns how many there are. "~" at the head of a line says
// that its words are opposites only now and then.
func readAntonyms(file string) (loose []bool) {
	for line := range entries(file) {
		line, now := strings.CutPrefix(line, "~")
		left, right, ok := strings.Cut(line, "|")
		if !ok {
			continue
		}
		for side, text := range [2]string{left, right} {
			for p := range strings.SplitSeq(text, ",") {
				if s := stems(p); len(s) > 0 {
					l := at(s[0])
					adverb := len(s) == 1 && strings.HasSuffix(strings.TrimSpace(p), "ly")
					l.opposites = append(l.opposites, opposite{int32(len(loose)), uint8(side), s[1:], adverb})
				}
			}
		}
		loose = append(loose, now)
	}
	return loose
}

// readEquivalents reads lines of the form "SSO | single sign-on". A hyphen may be written as a space, or left out. "^"
// before a form says that it counts only with its capitals.
func readEquivalents(file string) (groups int32) {
	for line := range entries(file) {
		groups++
		for form := range strings.SplitSeq(line, "|") {
			form, capitals := strings.CutPrefix(strings.TrimSpace(form), "^")
			variants := []string{form, strings.ReplaceAll(form, "-", " "), strings.ReplaceAll(form, "-", "")}
			slices.Sort(variants)
			for _, v := range slices.Compact(variants) {
				if s := stems(v); len(s) > 0 {
					l := at(s[0])
					e := equivalent{group: groups, rest: s[1:]}
					if capitals {
						e.capitals, _, _ = strings.Cut(v, " ")
					}
					l.equivalents = append(l.equivalents, e)
				}
			}
		}
	}
	for _, l := range vocabulary {
		sort.SliceStable(l.equivalents, func(i, j int) bool { return len(l.equivalents[i].rest) > len(l.equivalents[j].rest) })
	}
	return groups
}

func readLittleWords(file string) map[string]bool {
	m := map[string]bool{}
	for line := range entries(file) {
		for _, w := range strings.Fields(line) {
			m[w] = true
		}
	}
	return m
}
