package route

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

func readStrategy(r *reading, path string, v jsontext.Value) error {
	return object(path, v, func(name string, v jsontext.Value) (err error) {
		at := join(path, name)
		switch name {
		case "mode":
			return r.setMode(at, v, "strategy.mode")
		case "on_status_codes":
			r.t.Codes, err = codes(at, v)
		case "sticky_by":
			s, _ := str(at, v)
			switch s {
			case "trace":
				r.t.Sticky = StickyTrace
			case "user":
				r.t.Sticky = StickyUser
			default:
				return wrong(at, "is %.40s: give trace or user", v)
			}
		case "conditions":
			r.query, r.queryPath = v, at
		case "default":
			r.deflt, err = str(at, v)
			r.defltPath = at
		default:
			return unknown(at, name, []string{"mode", "on_status_codes", "sticky_by", "conditions", "default"})
		}
		return err
	})
}

func (r *reading) setMode(path string, v jsontext.Value, spelling string) error {
	s, err := str(path, v)
	if err != nil {
		return err
	}
	if r.modeBy != "" {
		return wrong(path, "give either %s or %s", r.modeBy, spelling)
	}
	m, ok := ParseMode(s)
	if !ok {
		return wrong(path, "is %.40q: give %s", s, strings.Join(modeNames[:], ", "))
	}
	r.t.Mode, r.modeBy = m, spelling
	return nil
}

// ParseMode reads the name of a mode, the old one of loadbalance included.
func ParseMode(s string) (Mode, bool) {
	if s == "ab_test" {
		return LoadBalance, true
	}
	i := slices.Index(modeNames[:], s)
	return Mode(max(i, 0)), i >= 0
}

// end holds the members of a target against each other.
func (r *reading) end() error {
	t := r.t
	if t.Targets == nil {
		if r.modeBy != "" && t.Mode != Single {
			return wrong(join(r.path, "targets"), "is missing: %s needs targets", t.Mode)
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
			return wrong(r.child(i, "name"), "the name %.60q is taken by another target of the group", k.Name)
		}
		names[k.Name] = k
	}
	if err := r.p.weights(t, join(r.path, r.targetsBy)); err != nil {
		return err
	}
	r.p.groupName = r.targetsBy // the root ends last
	return r.endConditions(names)
}

// child is the path of a member of the i-th target, in the spelling that was used.
func (r *reading) child(i int, name string) string {
	return join(join(r.path, r.targetsBy)+"["+itoa(i)+"]", name)
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
		return nil, wrong(path, "is %.60q, which no target of this group is called: the names are %s", name, strings.Join(have, ", "))
	}
	if r.deflt != "" {
		k, err := pick(r.defltPath, r.deflt)
		if err != nil {
			return err
		}
		t.other = k
	}
	if r.query == nil {
		return wrong(join(r.path, "strategy.conditions"), "is missing: give at least one condition")
	}
	err := array(r.queryPath, r.query, func(path string, v jsontext.Value) error {
		var c condition
		var then *Target
		err := object(path, v, func(name string, v jsontext.Value) (err error) {
			at := join(path, name)
			switch name {
			case "query":
				c, err = parseQuery(at, v, 0)
			case "then":
				var s string
				if s, err = str(at, v); err == nil {
					then, err = pick(at, s)
				}
			default:
				return unknown(at, name, []string{"query", "then"})
			}
			return err
		})
		switch {
		case err != nil:
			return err
		case c == nil:
			return wrong(join(path, "query"), "is missing")
		case then == nil:
			return wrong(join(path, "then"), "is missing")
		}
		t.rules = append(t.rules, rule{c, then})
		return nil
	})
	if err == nil && len(t.rules) == 0 {
		return wrong(r.queryPath, "is empty: give at least one condition")
	}
	return err
}
