package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Pair is two questions and whether one answer serves both, as a labelled set has
// them.
type Pair struct {
	A      string `json:"a"`
	B      string `json:"b"`
	Same   bool   `json:"same"`
	Kind   string `json:"kind"`   // paraphrase, near; negation, number, entity, scope, aspect, direction
	Domain string `json:"domain"` // letters and a number; pairs of one domain share a subject
}

// Sets that serve one purpose whatever the number of their domains; embed/train/verifier/authored.py has the same rule.
const (
	trainingSets    = "ruypwt"
	calibrationSets = "svzqx"
)

// foundSets were found by a search: b is a question of the set's part, a is a neighbour from wherever it was found.
const foundSets = "wx"

// of reports whether the pair's domain belongs to one of the sets.
func (p Pair) of(sets string) bool { return p.Domain != "" && strings.Contains(sets, p.Domain[:1]) }

// numbered returns the number of the pair's domain; ok is false where there is none, or where its set serves one purpose.
func (p Pair) numbered() (n int, ok bool) {
	if p.of(trainingSets) || p.of(calibrationSets) {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimLeft(p.Domain, "abcdefghijklmnopqrstuvwxyz"))
	return n, err == nil
}

// HeldOut reports whether the pair's domain is one of those that training never
// sees: every fifth, by embed/train/verifier/authored.py's rule.
func (p Pair) HeldOut() bool {
	n, ok := p.numbered()
	return ok && n%5 == 2
}

// Calibration reports whether the pair's domain is one of those that settings are chosen and decisions fitted on: neither
// trained on nor held out.
func (p Pair) Calibration() bool {
	n, ok := p.numbered()
	return ok && n%16 == 9 && !p.HeldOut() || p.of(calibrationSets)
}

// trainingPart returns the pairs that models are trained on, by the rule of embed/train/verifier/authored.py: those that share a question
// with a held-out domain or a calibration set are not among them.
func trainingPart(pairs []Pair) []Pair {
	apart := map[string]bool{}
	for _, p := range pairs {
		if p.Domain == "" || p.HeldOut() || p.of(calibrationSets) && !p.of(foundSets) {
			apart[strings.ToLower(p.A)], apart[strings.ToLower(p.B)] = true, true
		}
	}
	return slices.DeleteFunc(slices.Clone(pairs), func(p Pair) bool {
		return p.Domain == "" || p.HeldOut() || p.Calibration() || apart[strings.ToLower(p.A)] || apart[strings.ToLower(p.B)]
	})
}

// ReadPairs reads labelled pairs, a JSON object a line, from a file, or from all
// files of a folder whose names hold "pairs" and end in .jsonl.
func ReadPairs(path string) ([]Pair, error) {
	files, err := filesOf(path, "*pairs*.jsonl")
	if err != nil {
		return nil, fmt.Errorf("bench: pairs: %w", err)
	}
	var pairs []Pair
	for _, f := range files {
		more, err := readPairFile(f)
		if err != nil {
			return nil, fmt.Errorf("bench: pairs: %w", err)
		}
		pairs = append(pairs, more...)
	}
	return pairs, nil
}

// filesOf returns the path itself, or, of a folder, its files that match the pattern; none is an error.
func filesOf(path, pattern string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	files, err := filepath.Glob(filepath.Join(path, pattern))
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("no %s in %s", pattern, path)
	}
	return files, err
}

// maxLine bounds a line of a file of pairs.
const maxLine = 1 << 20

// eachLine calls do with the lines of a file that are not blank, and names the one that it fails on.
func eachLine(path string, do func(line []byte) error) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := linesOf(f, do); err != nil {
		return fmt.Errorf("%s %w", path, err)
	}
	return nil
}

// linesOf is eachLine of what has no name.
func linesOf(r io.Reader, do func(line []byte) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxLine)
	n := 0
	for s.Scan() {
		n++
		line := bytes.TrimSpace(bytes.TrimPrefix(s.Bytes(), []byte("\xef\xbb\xbf"))) // as editors on Windows begin a file
		if len(line) == 0 {
			continue
		}
		if err := do(line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("line %d: longer than %d bytes", n+1, maxLine)
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("line %d: %w", n+1, err)
	}
	return nil
}

func readPairFile(path string) (pairs []Pair, err error) {
	err = eachLine(path, pairLine(&pairs))
	return pairs, err
}

// pairLine reads a line of labelled pairs.
func pairLine(pairs *[]Pair) func(line []byte) error {
	return func(line []byte) error {
		row := struct {
			Pair
			Same *bool `json:"same"` // so that a label that is missing is not one that is false
		}{}
		if err := json.Unmarshal(line, &row); err != nil {
			return err
		}
		if row.A == "" || row.B == "" || row.Same == nil {
			return errors.New("a, b and same must be there")
		}
		row.Pair.Same = *row.Same
		*pairs = append(*pairs, row.Pair)
		return nil
	}
}

// labels counts the pairs by label.
func labels(pairs []Pair) (same, traps int) {
	for _, p := range pairs {
		if p.Same {
			same++
		}
	}
	return same, len(pairs) - same
}

// byKind orders the kinds of a table: those that are the same first, then by their number of pairs, most first.
func byKind(aSame, bSame bool, aPairs, bPairs int) int {
	if aSame != bSame {
		if aSame {
			return -1
		}
		return 1
	}
	return bPairs - aPairs
}
