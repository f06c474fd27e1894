package wire

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/cache"
)

// Embeddings is OpenAI's POST /v1/embeddings. It is not among [Dialects]: its request asks for many answers at once,
// which [ReadInputs] and [SplitVectors] take apart.
var Embeddings = &Dialect{
	Name: "openai.embeddings", Path: "/v1/embeddings",
	asks: []string{"input"}, harmless: map[string]bool{"user": true},
	check: checkVectors,
}

// maxInputs is how many inputs of one request are known one by one, each of which takes a look-up: as many as OpenAI takes at once.
const maxInputs = 2048

// Inputs is a request for embeddings: one or more inputs, each a question of its own.
type Inputs struct {
	Model   string
	Texts   []cache.Message // what each input is, in order; empty if NoCache says why
	Weights []int           // about how much of the cost each one is
	Scope   cache.Digest    // every member of the body that may change an answer, but for the inputs
	NoCache string
	Length  int // about how many bytes of it a model reads

	body   []byte
	ms     []member
	inputs []jsontext.Value
}

// ReadInputs reads a request body, which must stay as it is while the result is in use. The error is a *SyntaxError.
func ReadInputs(body []byte) (*Inputs, error) {
	ms, err := object(body)
	if err != nil {
		return nil, syntaxError(err, len(body))
	}
	q := &Inputs{body: body, ms: ms}
	q.Model = modelName(find(ms, "model"))
	input := find(ms, "input")
	if elems, more, err := arrayUpTo(input, maxInputs); err != nil {
		q.inputs = []jsontext.Value{input}
	} else if len(elems) > 0 && elems[0].Kind() == jsontext.KindNumber { // the tokens of one input
		q.inputs = []jsontext.Value{input}
	} else if more {
		q.NoCache, q.Length = "more inputs than are known one by one", Countable(input)
		return q, nil
	} else {
		q.inputs = elems
	}
	for _, v := range q.inputs {
		m := cache.Message{Role: "input"} // a role that no other wording can share
		weight := 0
		switch v.Kind() {
		case jsontext.KindString:
			m.Text, _ = text(v)
			weight = len(m.Text)
		case jsontext.KindBeginArray, jsontext.KindBeginObject:
			weight = 4 * count(v) // a token is about four bytes
			if m.Rest, err = digest("reprise/wire/input/1", []member{{name: "input", value: v}}); err != nil {
				return nil, syntaxError(err, len(body))
			}
		default:
			q.NoCache = "input is neither text nor tokens"
		}
		q.Texts, q.Weights = append(q.Texts, m), append(q.Weights, weight+1)
	}
	if len(q.inputs) == 0 {
		q.NoCache = "input is empty"
	}
	if q.NoCache != "" {
		q.Texts, q.Length = nil, Countable(input)
		return q, nil
	}
	for _, w := range q.Weights {
		q.Length += w
	}
	if q.Scope, err = Embeddings.scope(ms); err != nil {
		return nil, syntaxError(err, len(body))
	}
	return q, nil
}

// Ask returns the request for some of the inputs, by their numbers: the body as it came where that is all of them.
func (q *Inputs) Ask(which []int) []byte {
	all := len(which) == len(q.inputs)
	some := make([]jsontext.Value, len(which))
	for i, n := range which {
		some[i] = q.inputs[n]
		all = all && i == n
	}
	if all {
		return append([]byte(nil), q.body...)
	}
	ms := append([]member(nil), q.ms...)
	for i := range ms {
		if ms[i].name == "input" {
			ms[i].value = arrayOf(some)
		}
	}
	return objectOf(ms)
}

func checkVectors(body []byte) error {
	_, _, err := vectors(body)
	return err
}

// vectors reads the members of an answer and its vectors, by their index.
func vectors(body []byte) (top []member, data []jsontext.Value, err error) {
	if top, err = object(body); err != nil {
		return nil, nil, formError("%w", err)
	}
	if e := find(top, "error"); e != nil && !isNull(e) {
		return nil, nil, formError("it holds an error")
	}
	elems, err := array(find(top, "data"))
	if err != nil || len(elems) == 0 {
		return nil, nil, formError("data is not an array with a vector in it")
	}
	data = make([]jsontext.Value, len(elems))
	for i, e := range elems {
		ms, err := object(e)
		if err != nil {
			return nil, nil, formError("data[%d]: %w", i, err)
		}
		index, ok := integer(find(ms, "index"))
		if !ok || index >= len(data) || data[index] != nil {
			return nil, nil, formError("data[%d].index is %.20s", i, find(ms, "index"))
		}
		switch v := find(ms, "embedding"); v.Kind() {
		case jsontext.KindString, jsontext.KindBeginArray:
			if len(v) <= len("[]") {
				return nil, nil, formError("data[%d].embedding is empty", i)
			}
		default:
			return nil, nil, formError("data[%d].embedding is missing or of another type", i)
		}
		data[index] = e
	}
	return top, data, nil
}

// SplitVectors takes an answer for as many inputs as there are weights apart: into one answer for each, as if it had
// been asked for alone. Of what all cost together each one gets its share by weight, which is an estimate, but adds up.
func SplitVectors(body []byte, weights []int) ([][]byte, error) {
	top, data, err := vectors(body)
	if err != nil {
		return nil, err
	}
	if len(data) != len(weights) {
		return nil, formError("it has %d vectors for %d inputs", len(data), len(weights))
	}
	if len(data) == 1 {
		return [][]byte{body}, nil
	}
	whole := 0
	for _, w := range weights {
		whole += w
	}
	out := make([][]byte, len(data))
	before := 0
	for i, d := range data {
		after := before + weights[i]
		ms := make([]member, 0, len(top))
		for _, m := range top {
			switch m.name {
			case "data":
				m.value = arrayOf([]jsontext.Value{withIndex(d, 0)})
			case "usage":
				m.value = mapUsage(m.value, func(n int) int { return n*after/whole - n*before/whole })
			}
			ms = append(ms, m)
		}
		out[i] = objectOf(ms)
		before = after
	}
	return out, nil
}

// JoinVectors puts answers that have one vector each together, in order; each must have passed SplitVectors.
func JoinVectors(parts [][]byte) ([]byte, error) {
	if len(parts) == 1 {
		return parts[0], nil
	}
	data := make([]jsontext.Value, len(parts))
	sums := map[string]int{}
	var first []member
	for i, p := range parts {
		top, vs, err := vectors(p)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			first = top
		}
		data[i] = withIndex(vs[0], i)
		us, _ := object(find(top, "usage"))
		for _, u := range us {
			n, _ := integer(u.value)
			sums[u.name] += n
		}
	}
	ms := make([]member, 0, len(first))
	for _, m := range first {
		switch m.name {
		case "data":
			m.value = arrayOf(data)
		case "usage":
			us, err := object(m.value)
			if err != nil {
				break
			}
			for i := range us {
				if us[i].value.Kind() == jsontext.KindNumber {
					us[i].value = number(sums[us[i].name])
				}
			}
			m.value = objectOf(us)
		}
		ms = append(ms, m)
	}
	return objectOf(ms), nil
}

// FreeVectors returns an answer with nothing in its usage.
func FreeVectors(body []byte) []byte {
	top, err := object(body)
	if err != nil {
		return body
	}
	for i := range top {
		if top[i].name == "usage" {
			top[i].value = ZeroUsage(top[i].value)
		}
	}
	return objectOf(top)
}

func withIndex(vector jsontext.Value, index int) jsontext.Value {
	ms, err := object(vector)
	if err != nil {
		return vector
	}
	for i := range ms {
		if ms[i].name == "index" {
			ms[i].value = jsontext.Value(strconv.Itoa(index))
		}
	}
	return objectOf(ms)
}

// mapUsage changes the counts of a usage.
func mapUsage(usage jsontext.Value, f func(int) int) jsontext.Value {
	us, err := object(usage)
	if err != nil {
		return usage
	}
	for i := range us {
		if n, ok := integer(us[i].value); ok {
			us[i].value = number(f(n))
		}
	}
	return objectOf(us)
}
