package proxy

import (
	"strings"
	"testing"
)

// conditional is a config with so many conditions that a field matches a pattern.
func conditional(n int, pattern string) string {
	one := `{"query":{"metadata.x":{"$regex":"` + strings.ReplaceAll(pattern, `\`, `\\`) + `"}},"then":"a"},`
	return `{"strategy":{"mode":"conditional","conditions":[` + strings.TrimSuffix(strings.Repeat(one, n), ",") + `],"default":"a"},"targets":[{"name":"a","provider":"main"}]}`
}

// TestLargePatterns: a short config cannot have the server keep a large program, and who sends one is told where it is.
func TestLargePatterns(t *testing.T) {
	r := newRig(t, answerWith("x"))
	kept := r.s.configs.Len()
	bomb := conditional(20, strings.Repeat(`\pL{1000}`, 50))
	if a := r.ask("q", "", "x-portkey-config", bomb); a.StatusCode != 400 || wantError(t, a).Param == nil || *wantError(t, a).Param != "strategy.conditions[0].query.metadata.x.$regex" ||
		!strings.Contains(a.body, "50100 instructions") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := r.do("POST", "/v1/chatComplete", `{"config":`+bomb+`,"params":{`+firstChat+`}}`); a.StatusCode != 400 || !strings.Contains(a.body, "50100 instructions") {
		t.Errorf("in the body: %d %s", a.StatusCode, a.body)
	}
	large := conditional(3, `^\pL{3}$`) // may be asked, but is not what a memory of many configs is for
	if a := r.ask("q", "", "x-portkey-config", large); a.StatusCode != 200 {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if n := r.s.configs.Len(); n != kept {
		t.Errorf("%d configs are remembered, %d before", n, kept)
	}
	r.ask("q", "", "x-portkey-config", conditional(3, `^user-\d+$`))
	if n := r.s.configs.Len(); n != kept+1 {
		t.Errorf("a usual config is not remembered: %d, %d before", n, kept)
	}
}
