package route

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"runtime"
	"strings"
	"testing"

	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// asking is a config with these queries as its conditions.
func asking(queries ...string) string {
	var b strings.Builder
	b.WriteString(`{"strategy":{"mode":"conditional","conditions":[`)
	for i, q := range queries {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"query":` + q + `,"then":"a"}`)
	}
	return b.String() + `],"default":"a"},"targets":[{"name":"a","provider":"openai"}]}`
}

// matching asks whether a field matches a pattern.
func matching(pattern string) string {
	return `{"metadata.x":{"$regex":"` + strings.ReplaceAll(pattern, `\`, `\\`) + `"}}`
}

func several(n int, one string) (out []string) {
	for range n {
		out = append(out, one)
	}
	return out
}

// TestConditionsAreBounded: what a config asks of a request is in proportion to its text, however short that is for what it asks.
func TestConditionsAreBounded(t *testing.T) {
	first := func(op string) string { return "strategy.conditions[0].query.metadata.x" + op }
	for name, c := range map[string]struct{ src, path, says string }{
		"a class, 50,000 times":     {asking(matching(strings.Repeat(`\pL{1000}`, 50))), first(".$regex"), "comes to 50100 instructions"},
		"twenty of these":           {asking(several(20, matching(strings.Repeat(`\pL{1000}`, 50)))...), first(".$regex"), "comes to 50100 instructions"},
		"a word, a thousand times":  {asking(matching(`(` + strings.Repeat("x", 400) + `){1000}`)), first(".$regex"), "at most 1000 are allowed"},
		"many large classes":        {asking(matching(strings.Repeat(`\pL`, 160))), first(".$regex"), "ranges of characters"},
		"patterns that are none":    {asking(several(40, matching(strings.Repeat(`\pL`, 160)+"("))...), first(".$regex"), "not a pattern"},
		"a long pattern":            {asking(matching(strings.Repeat("x", maxPattern+1))), first(".$regex"), "has 513 bytes"},
		"many comparisons":          {asking(several(MaxConditions+1, `{"metadata.x":"y"}`)...), fmt.Sprintf("strategy.conditions[%d].query.metadata.x", MaxConditions), "at most 256 comparisons"},
		"many in one query":         {asking(`{"$or":[` + strings.TrimSuffix(strings.Repeat(`{"metadata.x":{"$ne":"y"}},`, MaxConditions+1), ",") + `]}`), fmt.Sprintf("strategy.conditions[0].query.$or[%d].metadata.x.$ne", MaxConditions), "at most 256 comparisons"},
		"a long name, one too many": {asking(append(several(MaxConditions, `{"metadata.x":"y"}`), `{"metadata.x":{"`+strings.Repeat("x", 1<<16)+`":1}}`)...), fmt.Sprintf("strategy.conditions[%d].query.metadata.x.xxx…", MaxConditions), "at most 256 comparisons"},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := Parse([]byte(c.src), nil, testChecks)
			runtime.ReadMemStats(&after)
			var e *Error
			if all := strict.All(err); len(all) == 0 || !errors.As(all[0], &e) || e.Path != c.path || !strings.Contains(e.Message, c.says) {
				t.Errorf("got %v, want it at %s and to say %q", err, c.path, c.says)
			}
			if took := (after.TotalAlloc - before.TotalAlloc) >> 20; took > 16 {
				t.Errorf("reading %d bytes took %d MiB", len(c.src), took)
			}
		})
	}
	for name, src := range map[string]string{
		"as many comparisons as may be": asking(several(MaxConditions, `{"metadata.x":"y"}`)...),
		"patterns as people write them": asking(matching(`^gpt-4`), matching(`(?i)^(claude|gpt)-[a-z0-9.-]{1,64}$`), matching(`^\pL+ \pL+$`), matching(`^.{1,200}$`), matching(`\b\d{4}-\d\d-\d\d\b`)),
		"one in each condition":         asking(several(MaxConditions, matching(`^user-\d+$`))...),
	} {
		if c, err := Parse([]byte(src), nil, testChecks); err != nil || c.Patterns() > maxPatterns {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSize holds the size of patterns against what they are compiled to.
func TestSize(t *testing.T) {
	for _, s := range []string{``, `a`, `abc`, `^gpt-4`, `(a|b|cd)+x?`, `[a-z]{3,9}`, `(?:ab){20}`, `(a{2,5}){7}`, `\pL{30}`, `(?i)straße|k{4}`, `.*?\b\d{4}$`, `((a)(b)(c)){50}`, `(?:a|){40}`, `a{3,}`, `(?s).{99}`} {
		tree, err := syntax.Parse(s, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		steps, ranges := size(tree)
		made, err := syntax.Compile(tree.Simplify())
		if err != nil {
			t.Fatal(err)
		}
		held := 0
		for _, i := range made.Inst {
			held += len(i.Rune) / 2
		}
		if n := len(made.Inst); n > 2*steps+4 || steps > 2*n+4 || held > ranges+steps {
			t.Errorf("%q: %d instructions and %d ranges, taken to be %d and %d", s, n, held, steps, ranges)
		}
	}
}
