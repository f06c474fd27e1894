package proxy

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/reprise-cache/reprise/proxy/internal/route"
)

// conditional is a config with so many conditions that a field matches a pattern.
func conditional(n int, pattern string) string {
	one := `{"query":{"metadata.x":{"$regex":"` + strings.ReplaceAll(pattern, `\`, `\\`) + `"}},"then":"a"},`
	return `{"strategy":{"mode":"conditional","conditions":[` + strings.TrimSuffix(strings.Repeat(one, n), ",") + `],"default":"a"},"targets":[{"name":"a","provider":"main"}]}`
}

// TestLargePatterns: a short config cannot have the server keep a large program, and who sends one is told where it is.
func TestLargePatterns(t *testing.T) {
	r := newRig(t, answerWith("x"))
	kept := r.s.configs.seen.Len()
	bomb := conditional(20, strings.Repeat(`\pL{1000}`, 50))
	if a := r.ask("q", "", "x-portkey-config", bomb); a.StatusCode != 400 || wantError(t, a).Param == nil || *wantError(t, a).Param != "strategy.conditions[0].query.metadata.x.$regex" ||
		!strings.Contains(a.body, "50100 instructions") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	if a := r.do("POST", "/v1/chatComplete", `{"config":`+bomb+`,"params":{`+firstChat+`}}`); a.StatusCode != 400 || !strings.Contains(a.body, "50100 instructions") {
		t.Errorf("in the body: %d %s", a.StatusCode, a.body)
	}
	if n := r.s.configs.seen.Len(); n != kept {
		t.Errorf("%d configs are remembered, %d before", n, kept)
	}
	for i, config := range []string{conditional(3, `^user-\d+$`), conditional(8, `^\pL{3}$`)} {
		for range 2 {
			if a := r.ask("q", "", "x-portkey-config", config); a.StatusCode != 200 {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		}
		if n := r.s.configs.seen.Len(); n != kept+1+i {
			t.Errorf("%.80s is not remembered: %d, %d before", config, n, kept)
		}
	}
}

// TestConfigsAreForgotten: however large the patterns of configs are, what is remembered of them together is not.
func TestConfigsAreForgotten(t *testing.T) {
	r := newRig(t, answerWith("x"))
	large, err := route.Parse([]byte(conditional(8, `^\pL{3}$`)), nil, r.s.checks())
	if err != nil || large.Patterns() < memoPatterns/configMemo {
		t.Fatalf("%v, %d", err, large.Patterns())
	}
	small, err := route.Parse([]byte(conditional(1, `^a$`)), nil, r.s.checks())
	if err != nil {
		t.Fatal(err)
	}
	m, err := newConfigs()
	if err != nil {
		t.Fatal(err)
	}
	key := func(i int) (k [sha256.Size]byte) {
		binary.BigEndian.PutUint32(k[:], uint32(i))
		return k
	}
	fit := memoPatterns / large.Patterns()
	for i := range 2 * fit {
		m.add(key(i), large)
		m.add(key(i), large)
	}
	if n := m.seen.Len(); n != fit || m.patterns != fit*large.Patterns() || m.get(key(fit-1)) != nil || m.get(key(fit)) != large {
		t.Errorf("%d of %d are remembered, of size %d", n, fit, m.patterns)
	}
	for i := range configMemo {
		m.add(key(2*fit+i), small)
	}
	if n := m.seen.Len(); n != configMemo || m.patterns != n*small.Patterns() || m.get(key(2*fit-1)) != nil {
		t.Errorf("%d are remembered, of size %d", n, m.patterns)
	}
}
