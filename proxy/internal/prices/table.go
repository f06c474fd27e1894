package prices

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

// Tokens are what one call is billed for.
type Tokens struct {
	Input     int64 // read anew, at the full price
	Cached    int64 // read from the provider's own prompt cache
	Written   int64 // read and written to that cache, where it costs extra
	WrittenH  int64 // the same, to be kept for an hour
	Output    int64
	Estimated bool // nobody counted: they are what the texts' lengths suggest
}

// Prompt is all that was read.
func (t Tokens) Prompt() int64 { return t.Input + t.Cached + t.Written + t.WrittenH }

// Zero reports whether nothing is known of any token.
func (t Tokens) Zero() bool { return t.Prompt() == 0 && t.Output == 0 }

// Price is what a model costs, per million tokens.
type Price struct {
	In, Out, Cached, Written, WrittenH Money

	above *above
	until time.Time // the day after the last on which it holds; zero: nobody said

	Source string // where it was read
	Date   string // and when: 2026-11-27
}

// above is what a call costs as a whole whose prompt is longer than tokens.
type above struct {
	tokens int64
	price  Price
}

// Cost returns what a call costs.
func (p *Price) Cost(t Tokens) Money {
	if p.above != nil && t.Prompt() > p.above.tokens {
		p = &p.above.price
	}
	var sum product
	sum.add(t.Input, p.In)
	sum.add(t.Cached, p.Cached)
	sum.add(t.Written, p.Written)
	sum.add(t.WrittenH, p.WrittenH)
	sum.add(t.Output, p.Out)
	return sum.perMillion()
}

// Table is prices by provider and model. It does not change; its methods are safe for concurrent use.
type Table struct {
	rows  map[string]*Price // by provider, NUL and model
	stems []stem            // rows whose model ends in *
}

// stem is a row that is for every model whose name begins so.
type stem struct {
	key   string
	price *Price
}

// The form of the file.
type file struct {
	Note      string         `json:"note"`
	Providers []fileProvider `json:"providers"`
}

type fileProvider struct {
	Provider string      `json:"provider"`
	Source   string      `json:"source"`
	Date     string      `json:"date"`
	Models   []fileModel `json:"models"`
}

type fileModel struct {
	Model string `json:"model"`
	fileRates
	Above *struct {
		Tokens int64 `json:"tokens"`
		fileRates
	} `json:"above"`
	Until  string `json:"until"`
	Source string `json:"source"`
	Date   string `json:"date"`
}

type fileRates struct {
	In       string `json:"in"`
	Out      string `json:"out"`
	Cached   string `json:"cached_in"`
	Written  string `json:"cache_write"`
	WrittenH string `json:"cache_write_1h"`
}

//go:embed table.json
var tableJSON []byte

var builtIn = func() *Table {
	t := &Table{}
	if err := t.read(tableJSON); err != nil {
		panic(fmt.Sprintf("prices: table.json: %v", err)) // it is part of the binary, and a test reads it
	}
	return t
}()

// Default returns the table of the binary.
func Default() *Table { return builtIn }

// maxFile is how large a file of prices may be.
const maxFile = 8 << 20

// Load returns the table of a file, with the rows of the binary's that it does not have.
func Load(path string) (*Table, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > maxFile {
		err = fmt.Errorf("%s has %d bytes: at most %d are read", path, info.Size(), maxFile)
	}
	var src []byte
	if err == nil {
		src, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("prices: %w", err)
	}
	t := &Table{}
	if err := t.read(src); err != nil {
		return nil, fmt.Errorf("prices: %s: %w", path, err)
	}
	for k, p := range builtIn.rows {
		if t.rows[k] == nil {
			t.rows[k] = p
		}
	}
	t.stems = append(t.stems, builtIn.stems...) // of two alike the first is found
	return t, nil
}

func (t *Table) read(src []byte) error {
	var f file
	if err := json.Unmarshal(src, &f, json.RejectUnknownMembers(true)); err != nil {
		return err
	}
	t.rows = map[string]*Price{}
	var errs []error
	for i := range f.Providers {
		p := &f.Providers[i]
		at := fmt.Sprintf("providers[%d]", i)
		if p.Provider == "" {
			errs = append(errs, fmt.Errorf("%s.provider is missing: write a provider's name", at))
		}
		for j := range p.Models {
			if err := t.add(p, &p.Models[j], fmt.Sprintf("%s.models[%d]", at, j)); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

func (t *Table) add(p *fileProvider, m *fileModel, at string) error {
	price := Price{Source: p.Source, Date: p.Date}
	if m.Source != "" {
		price.Source = m.Source
	}
	if m.Date != "" {
		price.Date = m.Date
	}
	errs := price.set(&m.fileRates, at)
	if m.Above != nil {
		a := &above{tokens: m.Above.Tokens}
		errs = append(errs, a.price.set(&m.Above.fileRates, at+".above")...)
		if a.tokens <= 0 {
			errs = append(errs, fmt.Errorf("%s.above.tokens is %d: write the length of a prompt", at, a.tokens))
		}
		price.above = a
	}
	if m.Until != "" {
		day, err := time.Parse(time.DateOnly, m.Until)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s.until is %.40q: write a day, as 2026-12-31", at, m.Until))
		}
		price.until = day.AddDate(0, 0, 1)
	}
	name, isStem := strings.CutSuffix(m.Model, "*")
	key := keyOf(p.Provider, name)
	switch {
	case name == "":
		errs = append(errs, fmt.Errorf("%s.model is %.40q: write a model's name, or the beginning of one and *", at, m.Model))
	case isStem:
		t.stems = append(t.stems, stem{key, &price})
	case t.rows[key] != nil:
		errs = append(errs, fmt.Errorf("%s.model: %.64q is there twice", at, m.Model))
	default:
		t.rows[key] = &price
	}
	return errors.Join(errs...)
}

// set reads the rates. What the provider's prompt cache saves or adds is what all input costs where nobody says otherwise.
func (p *Price) set(r *fileRates, at string) (errs []error) {
	read := func(field, text string, to *Money, otherwise Money) {
		*to = otherwise
		if text == "" {
			return
		}
		m, err := ParseMoney(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s.%s is %.40q: write dollars per million tokens as a string, with up to 9 decimals", at, field, text))
		}
		*to = m
	}
	if r.In == "" {
		errs = append(errs, fmt.Errorf("%s.in is missing: write dollars per million tokens as a string", at))
	}
	read("in", r.In, &p.In, 0)
	read("out", r.Out, &p.Out, 0)
	read("cached_in", r.Cached, &p.Cached, p.In)
	read("cache_write", r.Written, &p.Written, p.In)
	read("cache_write_1h", r.WrittenH, &p.WrittenH, p.Written)
	return errs
}

func keyOf(provider, model string) string { return string(appendKey(nil, provider, model)) }

func appendKey(b []byte, provider, model string) []byte {
	b = append(append(b, strings.ToLower(provider)...), 0)
	return append(b, strings.ToLower(model)...)
}

// Find returns the price of a model at a time; nil if it is not known. The row of the very name goes first, then that of
// the name without its date, then the longest row that ends in *.
func (t *Table) Find(provider, model string, now time.Time) *Price {
	var room [96]byte // every hit asks: a name that has its row is looked up without a string of its own
	b := appendKey(room[:0], provider, model)
	p := t.rows[string(b)]
	if p == nil {
		p = t.rows[string(undated(b))]
	}
	if p == nil {
		p = t.longest(string(b))
	}
	if p == nil || !p.until.IsZero() && !now.Before(p.until) {
		return nil
	}
	return p
}

// longest is the longest row that ends in * and begins a key.
func (t *Table) longest(key string) (p *Price) {
	best := -1
	for i := range t.stems {
		s := &t.stems[i]
		if strings.HasPrefix(key, s.key) && len(s.key) > best {
			best, p = len(s.key), s.price
		}
	}
	return p
}

// undated takes the day of a snapshot off a model's name: -2024-08-06, -20241022, -latest.
func undated(name []byte) []byte {
	if base, ok := bytes.CutSuffix(name, []byte("-latest")); ok {
		return base
	}
	for _, form := range [...]string{"-0000-00-00", "-00000000"} {
		at := len(name) - len(form)
		if at > 0 && fits(name[at:], form) {
			return name[:at]
		}
	}
	return name
}

// fits reports whether s is as long as form and has a digit wherever that has a 0.
func fits(s []byte, form string) bool {
	for i := range len(form) {
		if digit := '0' <= s[i] && s[i] <= '9'; form[i] == '0' != digit || form[i] != '0' && s[i] != form[i] {
			return false
		}
	}
	return true
}

// Size is the number of rows.
func (t *Table) Size() int { return len(t.rows) + len(t.stems) }
