package route

import (
	"math"
	"strconv"
	"testing"
)

func resolve(t testing.TB, c *Config, f *Facts) *Plan {
	t.Helper()
	p, err := c.Resolve(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestWeightsHold(t *testing.T) {
	const draws = 100_000
	c := mustParse(t, `{"strategy":{"mode":"loadbalance"},"targets":[{"name":"a","weight":0.7},{"name":"b","weight":0.2},{"name":"c","weight":0.1},{"name":"never","weight":0}]}`)
	got := map[string]int{}
	for range draws {
		got[resolve(t, c, &Facts{}).First.Name]++
	}
	for name, want := range map[string]float64{"a": 0.7, "b": 0.2, "c": 0.1, "never": 0} {
		if share := float64(got[name]) / draws; math.Abs(share-want) > 0.01 {
			t.Errorf("%s: a share of %.4f, want %.2f within 0.01", name, share, want)
		}
	}
	t.Logf("of %d draws: %v", draws, got)
}

func TestStickyDraws(t *testing.T) {
	const users = 20_000
	c := mustParse(t, `{"strategy":{"mode":"loadbalance","sticky_by":"user"},"targets":[{"name":"a","weight":3},{"name":"b"}]}`)
	n := 0
	for i := range users {
		byMeta := resolve(t, c, &Facts{Metadata: map[string]string{"_user": strconv.Itoa(i)}}).First
		byBody := resolve(t, c, &Facts{Body: []byte(`{"user":"` + strconv.Itoa(i) + `"}`)}).First
		if byMeta != byBody {
			t.Fatalf("user %d has two targets", i)
		}
		if byMeta.Name == "a" {
			n++
		}
	}
	if share := float64(n) / users; math.Abs(share-0.75) > 0.015 {
		t.Errorf("a has a share of %.3f of the users, want 0.75", share)
	}
	c = mustParse(t, `{"strategy":{"mode":"loadbalance","sticky_by":"trace"},"targets":[{"name":"a"},{"name":"b"}]}`)
	first := resolve(t, c, &Facts{Trace: "t"}).First
	down := func(k *Target) bool { return k != first }
	for range 100 {
		if resolve(t, c, &Facts{Trace: "t"}).First != first {
			t.Fatal("one trace has two targets")
		}
		if p, err := c.Resolve(&Facts{Trace: "t"}, down); err != nil || p.First == first {
			t.Fatal("a trace is kept on a target that is down")
		}
	}
}

// TestDrawWhileTargetsFail has targets fail between the looks that a draw takes at them.
func TestDrawWhileTargetsFail(t *testing.T) {
	c := mustParse(t, `{"strategy":{"mode":"loadbalance"},"targets":[{"name":"a"},{"name":"b"},{"name":"c"}]}`)
	for good := range 8 { // looks that find a target well
		for range 50 {
			left := good
			p, err := c.Resolve(&Facts{}, func(*Target) bool {
				left--
				return left >= 0
			})
			if err != nil || p.First == nil {
				t.Fatalf("after %d good looks: %v, %v", good, p, err)
			}
		}
	}
}

func TestConditions(t *testing.T) {
	for query, want := range map[string]bool{
		`{"metadata._user":"ann"}`:                                      true,
		`{"metadata._user":{"$eq":"bob"}}`:                              false,
		`{"metadata._user":{"$ne":"bob"}}`:                              true,
		`{"metadata.none":{"$ne":"x"}}`:                                 true,
		`{"metadata.none":{"$eq":"x"}}`:                                 false,
		`{"metadata.none":{"$lt":"x"}}`:                                 false,
		`{"metadata.none":{"$nin":["x"]}}`:                              true,
		`{"metadata.tier":{"$gt":2}}`:                                   true,
		`{"metadata.tier":{"$gte":3,"$lt":4}}`:                          true,
		`{"metadata.tier":{"$lte":2}}`:                                  false,
		`{"metadata.tier":3}`:                                           true,
		`{"metadata.day":{"$gt":"2026-01-01"}}`:                         true,
		`{"metadata._user":{"$in":["bob","ann"]}}`:                      true,
		`{"metadata._user":{"$nin":["bob","ann"]}}`:                     false,
		`{"params.model":{"$regex":"^gpt-4"}}`:                          true,
		`{"params.model":{"$regex":"^claude"}}`:                         false,
		`{"params.max_tokens":{"$gt":100}}`:                             true,
		`{"params.logprobs":true}`:                                      true,
		`{"params.response_format.type":"json_object"}`:                 true,
		`{"params.response_format.none.deeper":"x"}`:                    false,
		`{"$and":[{"metadata._user":"ann"},{"params.model":"gpt-4o"}]}`: true,
		`{"$and":[{"metadata._user":"ann"},{"params.model":"other"}]}`:  false,
		`{"$or":[{"metadata._user":"bob"},{"params.model":"gpt-4o"}]}`:  true,
		`{"$or":[{"metadata._user":"bob"},{"params.model":"x"}]}`:       false,
		`{"metadata._user":"ann","params.model":"x"}`:                   false,
	} {
		c := mustParse(t, `{"strategy":{"mode":"conditional","conditions":[{"query":`+query+`,"then":"yes"}],"default":"no"},"targets":[{"name":"yes"},{"name":"no"}]}`)
		f := &Facts{Metadata: map[string]string{"_user": "ann", "tier": "3", "day": "2026-05-01"},
			Body: []byte(`{"model":"gpt-4o","max_tokens":200,"logprobs":true,"response_format":{"type":"json_object"}}`)}
		if got := resolve(t, c, f).First.Name == "yes"; got != want {
			t.Errorf("%s: got %v", query, got)
		}
	}
	c := mustParse(t, `{"strategy":{"mode":"conditional","conditions":[{"query":{"metadata.x":1},"then":"a"}]},"targets":[{"name":"a"}]}`)
	if _, err := c.Resolve(&Facts{}, nil); err == nil {
		t.Error("nothing holds and there is no default, yet a target was chosen")
	}
}

func TestScope(t *testing.T) {
	scope := func(src string, f *Facts) string {
		s := resolve(t, mustParse(t, src), f).Scope
		return string(s[:])
	}
	one := scope(`{"provider":"openai"}`, &Facts{})
	for _, same := range []string{
		`{"provider":"openai","retry":{"attempts":3},"request_timeout":9,"cache":{"mode":"simple"}}`,
		`{"targets":[{"provider":"openai","weight":4}]}`,
		`{"strategy":{"mode":"loadbalance"},"targets":[{"provider":"openai"},{"provider":"openai","retry":{"attempts":1}}]}`,
	} {
		if scope(same, &Facts{}) != one {
			t.Errorf("%s has a scope of its own", same)
		}
	}
	for _, other := range []string{
		`{"provider":"anthropic"}`, `{"provider":"openai","virtual_key":"team"}`,
		`{"provider":"openai","custom_host":"https://h"}`, `{"provider":"openai","deployment_id":"d"}`, `{"provider":"openai","resource_name":"d"}`,
		`{"provider":"openai","api_version":"d"}`, `{"provider":"openai","override_params":{"model":"x"}}`,
		`{"provider":"openai","strict_open_ai_compliance":false}`, `{"targets":[{"provider":"openai"},{"provider":"anthropic"}],"strategy":{"mode":"fallback"}}`,
	} {
		if scope(other, &Facts{}) == one {
			t.Errorf("%s shares the scope of openai alone", other)
		}
	}
	pair := scope(`{"strategy":{"mode":"fallback"},"targets":[{"provider":"openai"},{"provider":"anthropic"}]}`, &Facts{})
	for _, same := range []string{
		`{"strategy":{"mode":"loadbalance"},"targets":[{"provider":"anthropic","weight":9},{"provider":"openai"}]}`,
		`{"strategy":{"mode":"fallback"},"targets":[{"targets":[{"provider":"openai"}]},{"provider":"anthropic"}]}`,
	} {
		if scope(same, &Facts{}) != pair {
			t.Errorf("%s does not share the scope of its set", same)
		}
	}
	cond := `{"strategy":{"mode":"conditional","conditions":[{"query":{"metadata.x":"1"},"then":"a"}],"default":"b"},"targets":[{"name":"a","provider":"openai"},{"name":"b","provider":"anthropic"}]}`
	if scope(cond, &Facts{Metadata: map[string]string{"x": "1"}}) != one || scope(cond, &Facts{}) == one {
		t.Error("the scope of a conditional group is not that of the target chosen")
	}
	over := scope(`{"override_params":{"a":1,"b":{"x":1,"y":2}}}`, &Facts{})
	if scope(`{"override_params":{"b":{"y":2,"x":1.0},"a":1}}`, &Facts{}) != over {
		t.Error("the order of overriding members changes the scope")
	}
}

// TestScopeOfLargeNumbers holds that two seeds are told apart which are one as 64-bit floats.
func TestScopeOfLargeNumbers(t *testing.T) {
	scope := func(seed string) any {
		return resolve(t, mustParse(t, `{"strategy":{"mode":"fallback"},"targets":[{"name":"a","override_params":{"seed":`+seed+`}},{"name":"b"}]}`), &Facts{}).Scope
	}
	if scope("9007199254740993") == scope("9007199254740992") {
		t.Error("two seeds have one scope")
	}
	if scope("7") != scope(" 7 ") {
		t.Error("one seed has two scopes")
	}
}

// TestConduct: configs of the same targets that go on in the same way after a failure are carried out alike, others are not.
func TestConduct(t *testing.T) {
	conduct := func(src string) string {
		p := resolve(t, mustParse(t, src), &Facts{Metadata: map[string]string{"x": "1"}})
		d := p.Conduct()
		return string(d[:])
	}
	none := string(make([]byte, 32))
	for _, plain := range []string{`{}`, `{"provider":"openai"}`, `{"targets":[{"provider":"openai","weight":4}]}`, `{"provider":"openai","cache":"simple","override_params":{"n":1}}`,
		`{"strategy":{"mode":"fallback"},"targets":[{"provider":"openai"}]}`} {
		if conduct(plain) != none {
			t.Errorf("%s is not plain", plain)
		}
	}
	for _, same := range [][2]string{
		{`{"strategy":{"mode":"fallback"},"targets":[{},{"provider":"openai"}]}`, `{"mode":"fallback","options":[{"name":"a"},{"provider":"openai"}]}`},
		{`{"retry":{"attempts":2},"targets":[{}]}`, `{"retry":{"attempts":2}}`},
		{`{"strategy":{"mode":"loadbalance"},"targets":[{},{"provider":"openai"}]}`, `{"strategy":{"mode":"loadbalance"},"targets":[{"weight":1},{"provider":"openai"}]}`},
	} {
		for range 20 { // whatever is drawn
			if conduct(same[0]) != conduct(same[1]) {
				t.Errorf("%s and %s are carried out alike", same[0], same[1])
			}
		}
	}
	seen := map[string]string{none: "a plain one"}
	for _, src := range []string{
		`{"strategy":{"mode":"fallback"},"targets":[{},{"provider":"openai"}]}`,
		`{"strategy":{"mode":"fallback"},"targets":[{"provider":"openai"},{}]}`,
		`{"strategy":{"mode":"fallback","on_status_codes":[429]},"targets":[{},{"provider":"openai"}]}`,
		`{"strategy":{"mode":"fallback","on_status_codes":[]},"targets":[{},{"provider":"openai"}]}`,
		`{"strategy":{"mode":"fallback"},"targets":[{"retry":{"attempts":1}},{"provider":"openai"}]}`,
		`{"strategy":{"mode":"fallback"},"targets":[{},{"provider":"openai","retry":{"attempts":1}}]}`,
		`{"strategy":{"mode":"fallback"},"targets":[{"targets":[{}]},{"provider":"openai"}]}`,
		`{"strategy":{"mode":"fallback"},"targets":[{},{},{"provider":"openai"}]}`,
		`{"strategy":{"mode":"loadbalance"},"targets":[{},{"provider":"openai"}]}`,
		`{"strategy":{"mode":"loadbalance"},"targets":[{},{"provider":"openai","weight":2}]}`,
		`{"strategy":{"mode":"loadbalance","sticky_by":"user"},"targets":[{},{"provider":"openai"}]}`,
		`{"retry":{"attempts":1}}`, `{"retry":{"attempts":2}}`, `{"retry":{"attempts":1,"on_status_codes":[500]}}`, `{"retry":{"attempts":1,"use_retry_after_header":false}}`,
		`{"request_timeout":50}`, `{"request_timeout":51}`,
		`{"strategy":{"mode":"conditional","conditions":[{"query":{"metadata.x":"1"},"then":"b"}]},"targets":[{"name":"a"},{"name":"b"}]}`,
	} {
		d := conduct(src)
		if other, ok := seen[d]; ok {
			t.Errorf("%s is taken to be carried out as %s", src, other)
		}
		seen[d] = src
	}
}
