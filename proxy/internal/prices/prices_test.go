package prices

import (
	"encoding/json"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var today = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func money(t *testing.T, s string) Money {
	t.Helper()
	m, err := ParseMoney(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return m
}

func TestMoneyText(t *testing.T) {
	for in, want := range map[string]string{"0": "0", "0.15": "0.15", "2.50": "2.5", "0.000000001": "0.000000001", "1000000": "1000000", "12.000000010": "12.00000001"} {
		if got := money(t, in).String(); got != want {
			t.Errorf("%s is written %s, want %s", in, got, want)
		}
	}
	for _, bad := range []string{"", ".5", "1.", "-1", "1e3", "0.0000000001", "1000000.1", "99999999", "1,5", " 1", "0x1"} {
		if m, err := ParseMoney(bad); err == nil {
			t.Errorf("%q is read as %v", bad, m)
		}
	}
	for _, m := range []Money{0, 1, -1, 150, math.MaxInt64, math.MinInt64} {
		b, err := json.Marshal(m)
		var back Money
		if err == nil {
			err = json.Unmarshal(b, &back)
		}
		if err != nil || back != m {
			t.Errorf("%d comes back from %s as %d: %v", m, b, back, err)
		}
	}
	if got := Money(math.MaxInt64).Add(1); got != math.MaxInt64 {
		t.Errorf("the largest amount and 1 make %d", got)
	}
}

func FuzzMoney(f *testing.F) {
	f.Add([]byte("0.15"))
	f.Add([]byte("-9223372036.854775808"))
	f.Add([]byte("9223372036.9"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m Money
		if m.UnmarshalJSON(b) != nil {
			return
		}
		var again Money
		if err := again.UnmarshalJSON([]byte(m.String())); err != nil || again != m {
			t.Errorf("%q is %v, which reads as %v: %v", b, m, again, err)
		}
	})
}

// TestCostIsExact compares with sums of fractions, to which nothing is lost.
func TestCostIsExact(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	for range 2000 {
		p := Price{In: Money(rng.Int64N(600 * nanos)), Out: Money(rng.Int64N(600 * nanos)), Cached: Money(rng.Int64N(nanos)), Written: Money(rng.Int64N(nanos)), WrittenH: Money(rng.Int64N(nanos))}
		tokens := Tokens{Input: rng.Int64N(1e6), Output: rng.Int64N(1e6), Cached: rng.Int64N(1e6), Written: rng.Int64N(1e6), WrittenH: rng.Int64N(1e6)}
		sum := new(big.Int)
		for _, f := range [][2]int64{{tokens.Input, int64(p.In)}, {tokens.Output, int64(p.Out)}, {tokens.Cached, int64(p.Cached)}, {tokens.Written, int64(p.Written)}, {tokens.WrittenH, int64(p.WrittenH)}} {
			sum.Add(sum, new(big.Int).Mul(big.NewInt(f[0]), big.NewInt(f[1])))
		}
		sum.Add(sum, big.NewInt(500_000)).Div(sum, big.NewInt(1_000_000))
		if got := p.Cost(tokens); int64(got) != sum.Int64() {
			t.Fatalf("%+v at %+v costs %d, want %d", tokens, p, got, sum)
		}
	}
	huge := Price{In: math.MaxInt64, Out: math.MaxInt64}
	if got := huge.Cost(Tokens{Input: math.MaxInt64, Output: math.MaxInt64}); got != math.MaxInt64 {
		t.Errorf("the dearest call costs %d", got)
	}
}

func TestTableOfTheBinary(t *testing.T) {
	var f file
	if err := json.Unmarshal(tableJSON, &f); err != nil {
		t.Fatal(err)
	}
	for _, p := range f.Providers {
		if _, err := time.Parse(time.DateOnly, p.Date); err != nil || !strings.HasPrefix(p.Source, "https://") {
			t.Errorf("%s: date %q, source %q", p.Provider, p.Date, p.Source)
		}
		for _, m := range p.Models {
			row := Default().Find(p.Provider, m.Model, today)
			if row == nil {
				t.Errorf("%s/%s is not found", p.Provider, m.Model)
			} else if row.In <= 0 || row.In > 1000*nanos || row.Out > 1000*nanos || row.Cached > row.In || row.Written < row.In || row.WrittenH < row.Written {
				t.Errorf("%s/%s: %+v", p.Provider, m.Model, row)
			}
		}
	}
}

func TestFind(t *testing.T) {
	for _, c := range []struct{ provider, model, in string }{
		{"openai", "gpt-4o-mini", "0.15"},
		{"openai", "gpt-4o-mini-2024-07-18", "0.15"},
		{"openai", "gpt-4o-2024-05-13", "5"}, // a snapshot with a price of its own
		{"openai", "gpt-4o-2024-08-06", "2.5"},
		{"OpenAI", "GPT-4o", "2.5"},
		{"anthropic", "claude-haiku-4-5-20251001", "1"},
		{"anthropic", "claude-3-5-haiku-latest", "0.8"},
		{"openai", "text-embedding-3-small", "0.02"},
		{"openai", "gpt-4o-mini-tuned", ""}, // a beginning is not enough
		{"openai", "gpt-4o-2024-99", ""},
		{"mistral", "gpt-4o", ""},
		{"", "", ""},
		{"openai", "", ""},
		{"openai", "-latest", ""},
		{"openai", "2024-05-13", ""},
	} {
		p := Default().Find(c.provider, c.model, today)
		switch {
		case c.in == "" && p != nil:
			t.Errorf("%s/%s costs %v, want nothing known", c.provider, c.model, p.In)
		case c.in != "" && (p == nil || p.In != money(t, c.in)):
			t.Errorf("%s/%s: %+v, want %s", c.provider, c.model, p, c.in)
		}
	}
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateTime, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if p := Default().Find("gemini", "gemini-3.8-flash", day("2026-12-31 23:59:59")); p == nil {
		t.Error("a price is not known on its last day")
	}
	if p := Default().Find("gemini", "gemini-3.8-flash", day("2027-01-01 00:00:00")); p != nil {
		t.Errorf("a price that ended is still %v", p.In)
	}
}

// TestFindAllocatesNothing holds the look-up of a model that has a row, with a date or without, to what a hit can pay for.
func TestFindAllocatesNothing(t *testing.T) {
	table := Default()
	for _, model := range []string{"gpt-4o-mini", "gpt-4o-mini-2024-07-18"} {
		if n := testing.AllocsPerRun(100, func() {
			if table.Find("openai", model, today) == nil {
				t.Fatalf("%s has no price", model)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", model, n)
		}
	}
}

func TestCostOfLongPrompts(t *testing.T) {
	p := Default().Find("gemini", "gemini-2.5-pro", today)
	if got, want := p.Cost(Tokens{Input: 150_000, Cached: 50_000, Output: 1000}), money(t, "0.20375"); got != want {
		t.Errorf("at the limit: %v, want %v", got, want)
	}
	if got, want := p.Cost(Tokens{Input: 150_001, Cached: 50_000, Output: 1000}), money(t, "0.4025025"); got != want {
		t.Errorf("above: %v, want %v", got, want)
	}
}

func write(t *testing.T, s string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "prices.json")
	if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFileGoesFirst(t *testing.T) {
	if _, err := Load(write(t, `{"providers": [{"provider": "local", "models": [{"model": "*", "in": "0", "out": "0"}]}]}`)); err == nil || !strings.Contains(err.Error(), `models[0].model is "*"`) {
		t.Errorf("a row for everything: %v", err)
	}
	table, err := Load(write(t, `{"providers": [
		{"provider": "openai", "source": "contract", "date": "2026-01-01", "models": [{"model": "gpt-4o", "in": "1", "out": "2"}, {"model": "ft:*", "in": "3", "out": "4"}, {"model": "ft:gpt-4o*", "in": "5", "out": "6"}]},
		{"provider": "local", "models": [{"model": "llama*", "in": "0", "out": "0"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for model, in := range map[string]string{"gpt-4o": "1", "gpt-4o-2024-08-06": "1", "ft:gpt-4.1:acme": "3", "ft:gpt-4o-mini:acme": "5", "gpt-4o-mini": "0.15"} {
		if p := table.Find("openai", model, today); p == nil || p.In != money(t, in) {
			t.Errorf("%s: %+v, want %s", model, p, in)
		}
	}
	if p := table.Find("local", "llama3", today); p == nil || p.Cost(Tokens{Input: 1000}) != 0 {
		t.Errorf("a model that costs nothing: %+v", p)
	}
	if p := table.Find("openai", "gpt-4o", today); p.Cached != p.In || p.Source != "contract" {
		t.Errorf("%+v", p)
	}
}

func TestBadFiles(t *testing.T) {
	for src, want := range map[string]string{
		`{`: "unexpected EOF",
		`{"providers": [{"provider": "x", "modles": []}]}`:                                                     "modles",
		`{"providers": [{"models": []}]}`:                                                                      "providers[0].provider is missing",
		`{"providers": [{"provider": "x", "models": [{"model": "a"}]}]}`:                                       "providers[0].models[0].in is missing",
		`{"providers": [{"provider": "x", "models": [{"model": "a", "in": "1e-3"}]}]}`:                         `in is "1e-3"`,
		`{"providers": [{"provider": "x", "models": [{"model": "a", "in": "-1"}]}]}`:                           `in is "-1"`,
		`{"providers": [{"provider": "x", "models": [{"model": "a", "in": "1"}, {"model": "A", "in": "1"}]}]}`: "there twice",
		`{"providers": [{"provider": "x", "models": [{"model": "a", "in": "1", "until": "soon"}]}]}`:           `until is "soon"`,
		`{"providers": [{"provider": "x", "models": [{"model": "a", "in": "1", "above": {"in": "1"}}]}]}`:      "above.tokens is 0",
		`{"providers": [{"provider": "x", "models": [{"model": "a", "in": "1", "above": {"tokens": 5}}]}]}`:    "above.in is missing",
		`{"providers": [{"provider": "x", "models": [{"model": "a", "in": "1", "out": "x"}, {"model": ""}]}]}`: "models[1].in is missing",
		`{"providers": [{"provider": "x", "models": [{"model": "a", "in": 1}]}]}`:                              "in",
		strings.Repeat(" ", maxFile+1):                                                                         "at most",
	} {
		if _, err := Load(write(t, src)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %q", src, err, want)
		}
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none.json")); err == nil {
		t.Error("a file that is not there is read")
	}
}

func FuzzTable(f *testing.F) {
	f.Add(tableJSON[:400], "openai", "gpt-4o")
	f.Add([]byte(`{"providers": [{"provider": "x", "models": [{"model": "a*", "in": "1", "above": {"tokens": 5, "in": "2"}}]}]}`), "x", "abc-2024-05-13")
	f.Fuzz(func(t *testing.T, src []byte, provider, model string) {
		var table Table
		if table.read(src) != nil {
			return
		}
		if p := table.Find(provider, model, today); p != nil && p.Cost(Tokens{Input: 1e9, Output: 1e9, Cached: 1e9}) < 0 {
			t.Errorf("%q/%q costs less than nothing", provider, model)
		}
	})
}
