package proxy

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reprise-cache/reprise/cache"
)

// agrees is a verifier that finds everything the same.
type agrees struct{}

func (agrees) ID() string { return "agrees/1" }

func (agrees) Verify(_ context.Context, _ string, candidates []string) ([]float64, error) {
	out := make([]float64, len(candidates))
	for i := range out {
		out[i] = 1
	}
	return out, nil
}

// chatOf is a request of turns that the user begins, after a system prompt, and with a tool's result before the last.
func chatOf(system, result string, said ...string) string {
	turn := func(role, text string) string {
		return `{"role":"` + role + `","content":` + string(appendJSONString(nil, text)) + `}`
	}
	turns := []string{turn("system", system)}
	for i, s := range said {
		if i == len(said)-1 && result != "" {
			turns = append(turns, `{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]}`,
				`{"role":"tool","tool_call_id":"c1","content":`+string(appendJSONString(nil, result))+`}`)
		}
		turns = append(turns, turn([...]string{"user", "assistant"}[i%2], s))
	}
	return `{"model":"m","messages":[` + strings.Join(turns, ",") + `]}`
}

func TestConversationControls(t *testing.T) {
	r := newRig(t, answerWith("an answer"), func(cfg *Config) {
		c, err := cache.Open(filepath.Join(t.TempDir(), "judged.db"), cache.Options{Embedder: &words{}, Verifier: agrees{}, Threshold: 0.4, MaxError: 1})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		cfg.Cache = c
	})
	first := []string{"a curry for four people please", "Fry an onion.", "can it be frozen"}
	chatty := []string{"Hello! a curry for four people please", "Fry one onion.", "can it be frozen"}
	other := []string{"a bicycle for my daughter please", "How tall is she?", "can it be frozen"}
	const none, judged, lastTurn = `{"namespace":"a"}`, `{"namespace":"b","conversation":"judged"}`, `{"namespace":"c","semantic_last_turn_only":true}`
	for i, c := range []struct{ control, body, want, turns string }{
		{none, chatOf("s", "", first...), "SEMANTIC MISS", ""},
		{none, chatOf("s", "", chatty...), "SEMANTIC MISS", ""},
		{judged, chatOf("s", "", first...), "SEMANTIC MISS", "judged"},
		{judged, chatOf("s", "", chatty...), "SEMANTIC HIT", "judged"},
		{judged, chatOf("another", "", chatty...), "SEMANTIC MISS", "judged"},
		{judged, chatOf("s", "in transit", chatty...), "SEMANTIC MISS", "judged"},
		{judged, chatOf("s", "delivered", chatty...), "SEMANTIC MISS", "judged"},
		{lastTurn, chatOf("s", "", first...), "SEMANTIC MISS", "last_turn"},
		{lastTurn, chatOf("s", "", other...), "SEMANTIC HIT", "last_turn"},
		{lastTurn, chatOf("s", "in transit", first...), "SEMANTIC MISS", "last_turn"},
		{lastTurn, chatOf("s", "delivered", other...), "SEMANTIC MISS", "last_turn"},
		{`{"namespace":"d","ignore_system":true}`, chatOf("s", "", first...), "SEMANTIC MISS", ""},
		{`{"namespace":"d","ignore_system":true}`, chatOf("another", "", first...), "HIT", ""},
		{`{"namespace":"d"}`, chatOf("s", "", first...), "SEMANTIC MISS", ""},
	} {
		got := r.do("POST", chatPath, c.body, "x-reprise-cache", c.control)
		r.flush()
		if got.cache() != c.want || got.Header.Get("x-reprise-conversation") != c.turns {
			t.Errorf("%d: %s, turns %q, reason %q; want %s, %q", i, got.cache(), got.Header.Get("x-reprise-conversation"), got.Header.Get("x-reprise-reason"), c.want, c.turns)
		}
		if warned := got.Header.Get("x-reprise-warning") != ""; warned != (c.turns == "last_turn") {
			t.Errorf("%d: warned: %v", i, warned)
		}
	}
	if log := r.log.String(); !strings.Contains(log, `"conversation":"last_turn"`) {
		t.Error("the log does not tell of it")
	}
	for control, names := range map[string]string{
		`{"conversation":"all"}`:           "judged",
		`{"conversation":1}`:               "judged",
		`{"semantic_last_turn_only":"on"}`: "true or false",
		`{"ignore_system":0}`:              "true or false",
		`{"turns":1}`:                      "conversation",
	} {
		if got := r.do("POST", chatPath, chatOf("s", "", first...), "x-reprise-cache", control); got.StatusCode != 400 || !strings.Contains(got.body, names) {
			t.Errorf("%s: %d %s", control, got.StatusCode, got.body)
		}
	}
}
