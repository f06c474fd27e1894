package route

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// Facts are what conditions and sticky draws may ask of a request.
type Facts struct {
	Trace    string
	Metadata map[string]string
	Body     []byte // the request's JSON; read when first asked for

	params map[string]any
	read   bool
}

// user is who asks, as the metadata or the body says.
func (f *Facts) user() string {
	if u := f.Metadata["_user"]; u != "" {
		return u
	}
	u, _ := f.param("user").(string)
	return u
}

// param returns the value at a dotted path in the body; nil if there is none.
func (f *Facts) param(path string) any {
	if !f.read {
		f.read = true
		if json.Unmarshal(f.Body, &f.params) != nil {
			f.params = nil // the question's reader will say what is wrong with it
		}
	}
	var at any = f.params
	for part := range strings.SplitSeq(path, ".") {
		m, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = m[part]
	}
	return at
}

// field returns a value and whether it is there.
func (f *Facts) field(name string) (any, bool) {
	if key, ok := strings.CutPrefix(name, "metadata."); ok {
		v, ok := f.Metadata[key]
		return v, ok
	}
	v := f.param(strings.TrimPrefix(name, "params."))
	return v, v != nil
}

type condition interface{ holds(f *Facts) bool }

type rule struct {
	when condition
	then *Target
}

type (
	all  []condition
	some []condition
	test struct {
		field string
		op    string
		want  any
		list  []any
		re    *regexp.Regexp
	}
)

func (c all) holds(f *Facts) bool {
	for _, x := range c {
		if !x.holds(f) {
			return false
		}
	}
	return true
}

func (c some) holds(f *Facts) bool {
	for _, x := range c {
		if x.holds(f) {
			return true
		}
	}
	return false
}

// holds: of a field that is not there, only that it differs is true.
func (c *test) holds(f *Facts) bool {
	got, there := f.field(c.field)
	switch c.op {
	case "$eq":
		return there && same(got, c.want)
	case "$ne":
		return !there || !same(got, c.want)
	case "$in", "$nin":
		found := false
		for _, w := range c.list {
			found = found || there && same(got, w)
		}
		return found == (c.op == "$in")
	case "$regex":
		s, ok := got.(string)
		return there && ok && c.re.MatchString(s)
	}
	a, b, ok := numbers(got, c.want)
	if !ok {
		x, isText := got.(string)
		y, wantText := c.want.(string)
		if !there || !isText || !wantText {
			return false
		}
		a, b = float64(strings.Compare(x, y)), 0
	}
	switch c.op {
	case "$gt":
		return a > b
	case "$gte":
		return a >= b
	case "$lt":
		return a < b
	}
	return a <= b
}

// same compares a request's value with a config's. Metadata are strings, so a number or a truth value is also found in
// its text.
func same(got, want any) bool {
	if s, ok := got.(string); ok {
		switch w := want.(type) {
		case float64:
			n, err := strconv.ParseFloat(s, 64)
			return err == nil && n == w
		case bool:
			return s == strconv.FormatBool(w)
		}
	}
	switch got.(type) {
	case string, float64, bool:
		return got == want
	}
	return false
}

func numbers(got, want any) (a, b float64, ok bool) {
	b, ok = want.(float64)
	if !ok {
		return 0, 0, false
	}
	switch g := got.(type) {
	case float64:
		return g, b, true
	case string:
		n, err := strconv.ParseFloat(g, 64)
		return n, b, err == nil
	}
	return 0, 0, false
}

// scalar is what a field is compared with.
var scalar = strict.Kind[any]{Schema: strict.Schema{"type": []string{"string", "number", "boolean"}, "pattern": strict.PlainText}, Read: func(path string, v jsontext.Value) (any, error) {
	switch v.Kind() {
	case jsontext.KindString:
		return strict.ReadText(path, v)
	case jsontext.KindNumber:
		return strict.ReadNumber(path, v)
	case jsontext.KindTrue, jsontext.KindFalse:
		return strict.Bool.Read(path, v)
	}
	return nil, wrong(path, "give a string, a number, true or false")
}}

// ordered is what a field can be before or after.
var ordered = strict.Kind[any]{Schema: strict.Schema{"type": []string{"string", "number"}, "pattern": strict.PlainText}, Read: func(path string, v jsontext.Value) (any, error) {
	x, err := scalar.Read(path, v)
	if _, isBool := x.(bool); err == nil && isBool {
		return nil, wrong(path, "give a number or a string")
	}
	return x, err
}}

// operand is what a field is compared with, under way.
type operand struct {
	*test
	effort *effort // of the config
}

// operators are the members of what a field is asked.
var operators = strict.Table[*operand]{
	operator("$eq", "The field is equal.", scalar), operator("$ne", "It differs, or is not there.", scalar),
	operator("$gt", "It is greater.", ordered), operator("$gte", "It is greater or equal.", ordered),
	operator("$lt", "It is less.", ordered), operator("$lte", "It is less or equal.", ordered),
	membership("$in", "It is one of these."), membership("$nin", "It is none of these."),
	strict.In("$regex", "It matches a pattern, in RE2's syntax, of a thousand instructions at most.", strict.Kind[string]{
		Schema: strict.Schema{"type": "string", "maxLength": maxPattern, "format": "regex", "pattern": strict.PlainText}, Read: strict.ReadText,
	}, func(t *operand, path, s string) (err error) {
		t.re, err = t.effort.pattern(path, s)
		return err
	}),
}

func operator(name, doc string, k strict.Kind[any]) strict.Member[*operand] {
	return strict.In(name, doc, k, func(t *operand, _ string, v any) error {
		t.want = v
		return nil
	})
}

func membership(name, doc string) strict.Member[*operand] {
	return strict.In(name, doc, strict.List(scalar, 0, 0), func(t *operand, _ string, list []any) error {
		t.list = list
		return nil
	})
}

// The names that a query may have beside fields.
const (
	both   = "$and"
	either = "$or"
)

// asked is the pattern of the fields that may be asked for.
const asked = `^(metadata|params)\.[\s\S]+$`

// querySchema is that of what parseQuery reads.
func querySchema() strict.Schema {
	several := strict.Schema{"type": "array", "minItems": 1, "items": strict.Ref("query")}
	ask := operators.Schema()
	ask["minProperties"] = 1
	return strict.Schema{"type": "object", "minProperties": 1, "additionalProperties": false,
		"properties":        strict.Schema{both: several, either: several},
		"patternProperties": strict.Schema{asked: strict.AnyOf(scalar.Schema, ask)}}
}

// parseQuery reads {"field": {"$op": value}}, of which all must hold, and $and and $or of such.
func parseQuery(path string, v jsontext.Value, depth int, e *effort) (condition, error) {
	if depth > MaxDepth {
		return nil, wrong(path, "conditions are nested more than %d deep", MaxDepth)
	}
	out := all{}
	err := strict.Object(path, v, func(name string, v jsontext.Value) error {
		at := strict.Under(path, name)
		switch {
		case name == both || name == either:
			var list []condition
			err := strict.Array(at, v, func(at string, v jsontext.Value) error {
				c, err := parseQuery(at, v, depth+1, e)
				list = append(list, c)
				return err
			})
			if err == nil && len(list) == 0 {
				return wrong(at, "is empty: give at least one condition")
			}
			if name == both {
				out = append(out, all(list))
			} else {
				out = append(out, some(list))
			}
			return err
		case strings.HasPrefix(name, "metadata.") && len(name) > len("metadata."), strings.HasPrefix(name, "params.") && len(name) > len("params."):
		default:
			return wrong(at, "is not something to ask for: give metadata.NAME, params.NAME, $and or $or")
		}
		if v.Kind() != jsontext.KindBeginObject {
			if err := e.compare(at); err != nil {
				return err
			}
			want, err := scalar.Read(at, v)
			out = append(out, &test{field: name, op: "$eq", want: want})
			return err
		}
		n := len(out)
		err := strict.Object(at, v, func(op string, v jsontext.Value) error {
			t := &test{field: name, op: op}
			out = append(out, t)
			if err := e.compare(strict.Under(at, op)); err != nil {
				return err
			}
			return operators.Set(&operand{t, e}, at, op, v)
		})
		if err == nil && len(out) == n {
			return wrong(at, "is empty: give an operator, as {\"$eq\": \"x\"}")
		}
		return err
	})
	if err == nil && len(out) == 0 {
		return nil, wrong(path, "is empty: give at least one condition")
	}
	return out, err
}
