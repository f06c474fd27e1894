package cache

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Answer is what two stored bodies are compared by, to learn whether one would have done in place of the other.
type Answer struct {
	Text string // what is said
	Data []byte // JSON that has to agree as a structure, such as tool calls; nil: none
}

// ReadAnswersBy has answers read by a function where Options.ReadAnswer says nothing: whoever knows the form of the bodies that are
// stored tells it to the cache. Of bodies that the function cannot read, JSON and text count as a whole. It may be called at any
// time; the last call counts.
func (c *Cache) ReadAnswersBy(read func(body []byte) (Answer, bool)) { c.answers.Store(&read) }

// readAnswer says what a body is compared by.
func (c *Cache) readAnswer(body []byte) (Answer, bool) {
	if c.opts.ReadAnswer != nil {
		return c.opts.ReadAnswer(body)
	}
	if read := c.answers.Load(); read != nil {
		if a, ok := (*read)(body); ok {
			return a, true
		}
	}
	return readAnswer(body)
}

// readAnswer is what a body is taken for by itself: JSON, or text.
func readAnswer(body []byte) (Answer, bool) {
	switch {
	case isStructure(body):
		return Answer{Data: body}, true
	case utf8.Valid(body):
		return Answer{Text: string(body)}, true
	}
	return Answer{}, false
}

// Agreement is the outcome of comparing two answers to the same question.
type Agreement uint8

const (
	Unsure    Agreement = iota // nothing can be said, and nothing is learnt
	Same                       // either answer does
	Different                  // one of the two is wrong for the question, or both are
	numAgreements
)

var agreementNames = [...]string{"unsure", "same", "different"}

// String returns the agreement in one word.
func (a Agreement) String() string {
	if int(a) < len(agreementNames) {
		return agreementNames[a]
	}
	return "agreement(" + strconv.Itoa(int(a)) + ")"
}

// What a label counts for that was not read off the bytes or the structure but judged by models.
const judgedWeight = 0.6

// longestAnswer bounds the texts that models are asked to compare, in bytes.
const longestAnswer = 1200

// sureAnswer is how sure the models must be, at even odds, for a comparison to say anything.
const sureAnswer = 0.75

// comparison is what came of comparing two answers.
type comparison struct {
	what   Agreement
	weight float64 // how much it is to count; 0: Unsure
	doubt  float64 // probability that it is mistaken, at even odds
}

// Agree compares two answers as the cache compares those that it learns from: by their bytes, by what Options.ReadAnswer finds in
// them, and then, if there is a verifier, by what they mean.
func (c *Cache) Agree(ctx context.Context, a, b []byte) Agreement { return c.compare(ctx, a, b).what }

// compare says whether two answers agree: by exact bytes first, then by structure, then by words.
func (c *Cache) compare(ctx context.Context, a, b []byte) comparison {
	same, different := comparison{what: Same, weight: 1}, comparison{what: Different, weight: 1}
	if bytes.Equal(a, b) {
		return same
	}
	x, ok := c.readAnswer(a)
	y, ok2 := c.readAnswer(b)
	if !ok || !ok2 {
		return comparison{}
	}
	var open []textPair
	if (x.Data == nil) != (y.Data == nil) {
		return different // one of them calls a tool
	}
	if x.Data != nil {
		switch compareData(x.Data, y.Data, &open) {
		case Different:
			return different
		case Unsure:
			return comparison{}
		}
	}
	switch compareTexts(x.Text, y.Text, &open) {
	case Different:
		return different
	case Unsure:
		return comparison{}
	}
	if len(open) == 0 {
		return same
	}
	if len(open) > 8 {
		return comparison{}
	}
	least := 1.0
	for _, p := range open {
		even, ok := c.judgeTexts(ctx, p.a, p.b)
		if !ok {
			return comparison{}
		}
		least = min(least, even)
	}
	switch {
	case least >= sureAnswer:
		return comparison{Same, judgedWeight, 1 - least}
	case least <= 1-sureAnswer:
		return comparison{Different, judgedWeight, least}
	}
	return comparison{}
}

// textPair is two texts that are not equal and may mean the same.
type textPair struct{ a, b string }

// compareTexts compares what was said. Texts that differ in letter case, space and closing marks alone are the same; what
// else differs is left to be judged.
func compareTexts(a, b string, open *[]textPair) Agreement {
	if isStructure([]byte(a)) && isStructure([]byte(b)) {
		return compareData([]byte(a), []byte(b), open)
	}
	x, y := essence(a), essence(b)
	switch {
	case x == y:
		return Same
	case x == "" || y == "":
		return Different
	}
	*open = append(*open, textPair{a, b})
	return Same
}

// judgeTexts has models and guards say whether two texts mean the same: the probability, at even odds. ok is false if nothing
// can be said.
func (c *Cache) judgeTexts(ctx context.Context, a, b string) (even float64, ok bool) {
	if c.opts.Verifier == nil || len(a) > longestAnswer || len(b) > longestAnswer {
		return 0, false
	}
	e, err := c.decider.observeAnswers(ctx, a, b)
	if err != nil || !(e.verifier > 0) { // 0: the verifier could not read it
		return 0, false
	}
	if fit := c.decider.decision.file.Answers; fit != nil && c.decider.known && c.decider.policy == PolicySemantic {
		return fit.even(&e), true
	}
	// Models that nothing was fitted for are believed only at both ends of the scale, and only if guards agree.
	_, vetoed := refusal(e.found, true)
	switch {
	case e.verifier >= 0.9 && len(e.found) == 0:
		return 0.9, true
	case e.verifier <= 0.05 && vetoed:
		return 0.1, true
	}
	return 0, false
}

// essence is a text without what does not change what it says.
func essence(s string) string {
	s = strings.Join(strings.Fields(strings.ToLower(s)), " ")
	return strings.TrimRightFunc(s, func(r rune) bool { return r == ' ' || r == '.' || r == '!' })
}

// isStructure reports whether a text is a JSON object or array, and nothing else.
func isStructure(b []byte) bool {
	b = bytes.TrimSpace(b)
	return len(b) > 1 && (b[0] == '{' || b[0] == '[') && json.Valid(b)
}

func compareData(a, b []byte, open *[]textPair) Agreement {
	x, err := decodeData(a)
	if err != nil {
		return Unsure
	}
	y, err := decodeData(b)
	if err != nil {
		return Unsure
	}
	return compareValues(x, y, open)
}

func decodeData(b []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err = d.Decode(&v); err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = io.ErrUnexpectedEOF
		}
	}
	return v, err
}

// prose is how many words a string inside a structure must have on both sides for it to be one that may be said in other
// words. A shorter one is a name, a key, a value.
const prose = 5

func compareValues(a, b any, open *[]textPair) Agreement {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return Different
		}
		for k, v := range x {
			w, ok := y[k]
			if !ok {
				return Different
			}
			if agreed := compareValues(v, w, open); agreed != Same {
				return agreed
			}
		}
		return Same
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return Different
		}
		for i := range x {
			if agreed := compareValues(x[i], y[i], open); agreed != Same {
				return agreed
			}
		}
		return Same
	case string:
		y, ok := b.(string)
		switch {
		case !ok:
			return Different
		case x == y:
			return Same
		case isStructure([]byte(x)) && isStructure([]byte(y)), min(wordsIn(x), wordsIn(y)) >= prose:
			return compareTexts(x, y, open)
		case essence(x) == essence(y):
			return Same
		}
		return Different
	case json.Number:
		y, ok := b.(json.Number)
		if !ok || !equalNumbers(x, y) {
			return Different
		}
		return Same
	}
	if a != b { // true, false, null
		return Different
	}
	return Same
}

// equalNumbers: 1, 1.0 and 1e0 are one number. Past the digits that a float keeps, only the same digits are.
func equalNumbers(a, b json.Number) bool {
	if a == b {
		return true
	}
	const kept = 15
	digits := func(n json.Number) int {
		mantissa, _, _ := strings.Cut(strings.ToLower(string(n)), "e")
		return len(strings.TrimLeft(strings.ReplaceAll(mantissa, ".", ""), "-0"))
	}
	x, err := a.Float64()
	y, err2 := b.Float64()
	return err == nil && err2 == nil && x == y && digits(a) <= kept && digits(b) <= kept
}

func wordsIn(s string) int {
	return len(slices.Collect(strings.FieldsFuncSeq(s, func(r rune) bool { return unicode.IsSpace(r) })))
}

// answerDigest names what an answer says, whatever its bytes. ok is false if it cannot be read.
func (c *Cache) answerDigest(body []byte) (d [16]byte, ok bool) {
	a, ok := c.readAnswer(body)
	if !ok {
		return d, false
	}
	data := a.Data
	if data == nil && isStructure([]byte(a.Text)) {
		data, a.Text = []byte(a.Text), ""
	}
	if data != nil {
		v, err := decodeData(data)
		if err != nil {
			return d, false
		}
		if data, err = json.Marshal(v); err != nil { // sorts the keys
			return d, false
		}
	}
	h := Hash([]byte(essence(a.Text)), data)
	copy(d[:], h[:])
	return d, true
}
