package route

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// oldLoadBalance is what the first SDK calls the mode loadbalance.
const oldLoadBalance = "ab_test"

// strategyFields are the members of a strategy.
var strategyFields = strict.Table[*reading]{
	strict.In("mode", "How to pick: the first target; one after the other until one answers; by weight; by conditions.",
		strict.OneOf(append(modeNames[:], oldLoadBalance)...), func(r *reading, path, s string) error { return r.setMode(path, s, "strategy.mode") }),
	strict.In("on_status_codes", "Statuses on which a fallback goes on; without it 400 and above.", statusCodes, func(r *reading, _ string, codes []int) error {
		r.t.Codes = codes
		return nil
	}),
	strict.In("sticky_by", "What a draw by weight is tied to.", strict.OneOf("trace", "user"), func(r *reading, _, s string) error {
		r.t.Sticky = map[string]Sticky{"trace": StickyTrace, "user": StickyUser}[s]
		return nil
	}),
	strict.In("conditions", "The first whose query holds says which target it is.",
		strict.Raw(strict.Schema{"type": "array", "minItems": 1, "maxItems": MaxConditions, "items": strict.Ref("condition")}), func(r *reading, path string, v jsontext.Value) error {
			r.query, r.queryPath = v, path // read when the targets' names are known
			return nil
		}),
	strict.In("default", "The target where none holds.", strict.Text, func(r *reading, path, s string) error {
		r.deflt, r.defltPath = s, path
		return nil
	}),
}

func (r *reading) setMode(path, s, spelling string) error {
	if r.modeBy != "" {
		return wrong(path, "give either %s or %s", r.modeBy, spelling)
	}
	r.t.Mode, _ = ParseMode(s)
	r.modeBy = spelling
	return nil
}

// ParseMode reads the name of a mode, the old one of loadbalance included.
func ParseMode(s string) (Mode, bool) {
	if s == oldLoadBalance {
		return LoadBalance, true
	}
	i := slices.Index(modeNames[:], s)
	return Mode(max(i, 0)), i >= 0
}

// end holds the members of a target against each other.
func (r *reading) end() error {
	t := r.t
	if r.ref != "" {
		if t.Targets != nil || r.modeBy != "" || r.query != nil || t.VirtualKey != "" || t.CustomHost != "" {
			return wrong(r.refPath, "says where to go: leave out targets, strategy, virtual_key and custom_host beside it, or leave out config")
		}
		if err := r.saved(r.refPath, r.ref); err != nil {
			return err
		}
		return r.endCache()
	}
	if t.Targets == nil {
		if r.modeBy != "" && t.Mode != Single {
			return wrong(strict.Join(r.path, "targets"), "is missing: %s needs targets", t.Mode)
		}
		if r.query != nil {
			return wrong(r.queryPath, "conditions need targets to choose among")
		}
	}
	if err := r.endCache(); err != nil {
		return err
	}
	names := map[string]*Target{}
	for i, k := range t.Targets {
		if k.Name == "" {
			continue
		}
		if names[k.Name] != nil {
			return wrong(r.child(i, "name"), "the name %q is taken by another target of the group", strict.Shown(k.Name))
		}
		names[k.Name] = k
	}
	if err := r.p.weights(t, strict.Join(r.path, r.targetsBy)); err != nil {
		return err
	}
	r.p.groupName = r.targetsBy // the root ends last
	return r.endConditions(names)
}

// child is the path of a member of the i-th target, in the spelling that was used.
func (r *reading) child(i int, name string) string {
	return strict.Join(strict.Join(r.path, r.targetsBy)+"["+itoa(i)+"]", name)
}

func (r *reading) endConditions(names map[string]*Target) error {
	t := r.t
	if t.Mode != Conditional {
		if r.query != nil || r.deflt != "" {
			p := r.queryPath
			if r.query == nil {
				p = r.defltPath
			}
			return wrong(p, "has a meaning only in the mode conditional")
		}
		return nil
	}
	pick := func(path, name string) (*Target, error) {
		if k := names[name]; k != nil {
			return k, nil
		}
		if name == t.Name && name != "" {
			return nil, wrong(path, "names the group itself, which would be a cycle: name one of its targets")
		}
		var have []string
		for n := range names {
			have = append(have, n)
		}
		slices.Sort(have)
		return nil, wrong(path, "is %q, which no target of this group is called: the names are %s", strict.Shown(name), strings.Join(have, ", "))
	}
	if r.deflt != "" {
		k, err := pick(r.defltPath, r.deflt)
		if err != nil {
			return err
		}
		t.other = k
	}
	if r.query == nil {
		return wrong(strict.Join(r.path, "strategy.conditions"), "is missing: give at least one condition")
	}
	err := strict.Array(r.queryPath, r.query, func(path string, v jsontext.Value) error {
		c := conditionReading{effort: &r.p.effort}
		if err := conditionFields.Read(&c, path, v); err != nil {
			return err
		}
		switch {
		case c.query == nil:
			return wrong(strict.Join(path, "query"), "is missing")
		case c.then == "":
			return wrong(strict.Join(path, "then"), "is missing")
		}
		then, err := pick(strict.Join(path, "then"), c.then)
		if err != nil {
			return err
		}
		t.rules = append(t.rules, rule{c.query, then})
		return nil
	})
	if err == nil && len(t.rules) == 0 {
		return wrong(r.queryPath, "is empty: give at least one condition")
	}
	return err
}

// conditionReading is a condition under way.
type conditionReading struct {
	query  condition
	then   string
	effort *effort
}

// conditionFields are the members of a condition; it must have both.
var conditionFields = strict.Table[*conditionReading]{
	strict.In("query", "What has to hold.", strict.Raw(strict.Ref("query")), func(c *conditionReading, path string, v jsontext.Value) (err error) {
		c.query, err = parseQuery(path, v, 0, c.effort)
		return err
	}),
	strict.In("then", "The name of the target, of this group, that is chosen.", strict.Filled(4096), func(c *conditionReading, _, s string) error {
		c.then = s
		return nil
	}),
}
