package demo

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

//go:embed faq.jsonl
var faqJSONL []byte

//go:embed asks.jsonl
var asksJSONL []byte

//go:embed price.json
var priceJSON []byte

// faqEntry is one question that the demo's provider can answer.
type faqEntry struct {
	ID       string `json:"id"`
	Topic    string `json:"topic"`
	Question string `json:"question"`
	Answer   string `json:"answer"`
}

// ask is one question of the run, with the label by which its answer is judged.
type ask struct {
	Text   string `json:"text"`
	FAQ    string `json:"faq"`     // id of the entry that answers it; "" if none does
	Kind   string `json:"kind"`    // first, repeat, near, paraphrase or trap
	TrapOf string `json:"trap_of"` // of a trap: the entry that it resembles and that does not answer it
}

const kindTrap = "trap"

// price is what a million tokens of a named model cost, with the day and the source of the figure.
type price struct {
	Model            string  `json:"model"`
	Currency         string  `json:"currency"`
	InputPerMillion  float64 `json:"input_per_million"`
	OutputPerMillion float64 `json:"output_per_million"`
	Date             string  `json:"date"`
	Source           string  `json:"source"`
}

// cost of so many tokens, in the price's currency.
func (p price) cost(prompt, completion int) float64 {
	return (float64(prompt)*p.InputPerMillion + float64(completion)*p.OutputPerMillion) / 1e6
}

// decodeAll reads JSON values until the end, refusing fields that T does not have.
func decodeAll[T any](name string, data []byte) ([]T, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var out []T
	for {
		var v T
		if err := dec.Decode(&v); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, fmt.Errorf("demo: %s, record %d: %w", name, len(out)+1, err)
		}
		out = append(out, v)
	}
}

// dataset is everything that ships with the demo.
type dataset struct {
	faq   []faqEntry
	asks  []ask
	price price
}

func loadData() (*dataset, error) {
	faq, err := decodeAll[faqEntry]("faq.jsonl", faqJSONL)
	if err != nil {
		return nil, err
	}
	asks, err := decodeAll[ask]("asks.jsonl", asksJSONL)
	if err != nil {
		return nil, err
	}
	prices, err := decodeAll[price]("price.json", priceJSON)
	if err != nil {
		return nil, err
	}
	if len(prices) != 1 {
		return nil, fmt.Errorf("demo: price.json holds %d prices, want 1", len(prices))
	}
	return &dataset{faq: faq, asks: asks, price: prices[0]}, nil
}
