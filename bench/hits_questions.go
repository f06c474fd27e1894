package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// hitsQuestions are what [Hits] stores, what it asks, and what is known of both.
type hitsQuestions struct {
	stored, asked []string
	skipped       int // held-out questions that are stored already
	judgements    int // that were read
	labels        hitsLabels
	subject       map[string]string // of what is asked, what it is about
}

// hitsLabels says of two questions, in either order, whether one answer serves both.
type hitsLabels map[[2]string]bool

// add keeps what it has; false: it has the other label.
func (l hitsLabels) add(p Pair) bool {
	for _, key := range [][2]string{{p.A, p.B}, {p.B, p.A}} {
		if same, known := l[key]; known {
			return same == p.Same
		}
		l[key] = p.Same
	}
	return true
}

// hitsSeed fixes the order of questions. What a budget allows depends on what was asked before, and the questions of one subject in a
// row are no traffic.
const hitsSeed = 13

// readHitsQuestions reads pairs and judgements, and picks what is stored and what is asked.
func readHitsQuestions(o *HitsOptions) (*hitsQuestions, error) {
	pairs, err := ReadPairs(o.Pairs)
	if err != nil {
		return nil, err
	}
	heldOut := slices.DeleteFunc(slices.Clone(pairs), func(p Pair) bool { return p.Domain != "" && !p.HeldOut() })
	if len(heldOut) == 0 {
		return nil, fmt.Errorf("bench: hits: %s has no held-out pairs, whose questions are what is asked: give pairs that name no domain, or one whose number leaves 2 when divided by 5", o.Pairs)
	}
	rng := rand.New(rand.NewPCG(hitsSeed, hitsSeed))
	q := &hitsQuestions{labels: hitsLabels{}, subject: map[string]string{}}

	for _, p := range trainingPart(pairs) {
		if !p.of(foundSets) { // what was found is among the others' questions; what it was found for is one of them with a slip of the pen
			q.stored = append(q.stored, p.A, p.B)
		}
	}
	q.stored = drawn(rng, distinct(q.stored, verbatim), o.Stored)
	of := subjects(heldOut)
	for i, p := range heldOut {
		q.stored = append(q.stored, p.A)
		q.asked = append(q.asked, p.B)
		q.labels.add(p)
		if _, known := q.subject[p.B]; !known {
			q.subject[p.B] = of[i]
		}
	}
	q.stored = distinct(q.stored, verbatim)

	stands := map[string]bool{}
	for _, text := range q.stored {
		stands[strings.ToLower(text)] = true
	}
	q.asked = distinct(q.asked, strings.ToLower)
	before := len(q.asked)
	q.asked = slices.DeleteFunc(q.asked, func(text string) bool { return stands[strings.ToLower(text)] })
	q.skipped = before - len(q.asked)
	q.asked = drawn(rng, q.asked, o.Queries)
	return q, q.readJudgements(o)
}

// subjectsAsked counts the subjects of what is asked.
func (q *hitsQuestions) subjectsAsked() int {
	var of []string
	for _, text := range q.asked {
		of = append(of, q.subject[text])
	}
	return distinctCount(of)
}

func verbatim(text string) string { return text }

// distinct returns the first text of each key.
func distinct(texts []string, key func(string) string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(texts, func(text string) bool {
		k := key(text)
		known := seen[k]
		seen[k] = true
		return known
	})
}

// drawn shuffles, and keeps so many; 0: all.
func drawn(rng *rand.Rand, texts []string, most int) []string {
	rng.Shuffle(len(texts), func(i, j int) { texts[i], texts[j] = texts[j], texts[i] })
	if most > 0 && most < len(texts) {
		texts = texts[:most]
	}
	return texts
}

// judgementsName is the file of judgements that is looked for beside pairs.
const judgementsName = "authored_judgements.jsonl"

// readJudgements adds what was judged since to the labels that the pairs came with.
func (q *hitsQuestions) readJudgements(o *HitsOptions) error {
	path := o.Judgements
	if path == "" {
		path = filepath.Dir(o.Pairs)
		if info, err := os.Stat(o.Pairs); err == nil && info.IsDir() {
			path = o.Pairs
		}
		path = filepath.Join(path, judgementsName)
	}
	judged, err := readPairFile(path)
	if o.Judgements == "" && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("bench: hits: judgements: %w", err)
	}
	q.judgements = len(judged)
	own := hitsLabels{}
	for _, p := range judged {
		if !own.add(p) {
			return fmt.Errorf("bench: hits: judgements: %s judges %q and %q both ways: keep one", path, p.A, p.B)
		}
		q.labels.add(p) // the pair's own label stands
	}
	return nil
}

// findable counts the asked questions of which something stored is known to be the same.
func (q *hitsQuestions) findable() int {
	stored, asked, found := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, text := range q.stored {
		stored[text] = true
	}
	for _, text := range q.asked {
		asked[text] = true
	}
	for pair, same := range q.labels {
		if same && stored[pair[0]] && asked[pair[1]] {
			found[pair[1]] = true
		}
	}
	return len(found)
}
