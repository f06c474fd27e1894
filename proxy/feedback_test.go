package proxy

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/reprise-cache/reprise/cache"
)

const (
	storedText = "how do I enable the two factor login for my account here"
	askedText  = "how do I enable the two factor login for my account now"
)

// plain asks by cosine, so that what is served hangs on nothing but what was learnt.
var plain = []string{"x-reprise-cache", "threshold"}

func (r *rig) askPlain(text string, header ...string) reply {
	r.t.Helper()
	return r.ask(text, "", append(append([]string(nil), plain...), header...)...)
}

func (r *rig) wantStatus(got reply, status int, code string) {
	r.t.Helper()
	if got.StatusCode != status || code != "" && !strings.Contains(got.body, `"code":"`+code+`"`) {
		r.t.Errorf("status %d, body %s; want %d %s", got.StatusCode, got.body, status, code)
	}
}

// saved returns the ids in the answer to a feedback.
func (r *rig) saved(got reply) []string {
	r.t.Helper()
	var out struct {
		Status string
		IDs    []string `json:"feedback_ids"`
	}
	if err := json.Unmarshal([]byte(got.body), &out); err != nil || got.StatusCode != 200 || out.Status != "success" {
		r.t.Fatalf("%d %s: %v", got.StatusCode, got.body, err)
	}
	return out.IDs
}

func TestFeedback(t *testing.T) {
	r := newRig(t, answerWith("press on"))
	r.askPlain(storedText)
	r.flush()
	first := r.askPlain(askedText)
	if first.cache() != "SEMANTIC HIT" {
		t.Fatal(first.cache(), first.body)
	}
	trace := first.Header.Get("x-portkey-trace-id")
	ids := r.saved(r.do("POST", feedbackPath, `{"trace_id":"`+trace+`","value":-10,"weight":1.0,"metadata":{"_user":"u"}}`))
	if len(ids) != 1 {
		t.Fatal(ids)
	}
	if got := r.askPlain(askedText); got.cache() != "SEMANTIC MISS" || got.Header.Get("x-reprise-reason") != "demoted" {
		t.Errorf("after bad feedback: %s %s", got.cache(), got.Header.Get("x-reprise-reason"))
	}
	r.flush()
	// The same answer came back for the question that it was wrong for. It does not spread.
	if got := r.askPlain(askedText + " please"); got.cache() != "SEMANTIC MISS" {
		t.Errorf("the answer that was found wrong is back: %s", got.cache())
	}
	r.flush()
	if got := r.askPlain(askedText); got.cache() != "HIT" {
		t.Errorf("its own question: %s", got.cache())
	}
	if again := r.saved(r.do("PUT", feedbackPath+"/"+ids[0], `{"value":10}`)); again[0] != ids[0] {
		t.Errorf("the id changed from %s to %s", ids[0], again[0])
	}
	if s := r.cache.Stats().Learning; s.Feedback.Same != 1 || s.Feedback.Different != 1 {
		t.Errorf("%+v", s)
	}

	// A list, with traces that the client named itself.
	r.askPlain(storedText, "x-portkey-trace-id", "mine-1")
	r.askPlain(storedText, "x-portkey-trace-id", "mine-2")
	list := r.saved(r.do("POST", feedbackPath, `[{"trace_id":"mine-1","value":5},{"traceID":"mine-2","value":1,"weight":null}]`))
	if len(list) != 2 || list[0] == list[1] {
		t.Errorf("ids of a list: %v", list)
	}
}

func TestFeedbackIsRefused(t *testing.T) {
	r := newRig(t, answerWith("press on"))
	r.askPlain(storedText, "x-portkey-trace-id", "known")
	r.flush()
	before := r.cache.Stats().Learning
	for _, c := range []struct {
		method, path, body string
		status             int
		code, param        string
	}{
		{"POST", "", `{"trace_id":"never","value":1}`, 404, "unknown_trace", ""},
		{"POST", "", `[{"trace_id":"known","value":1},{"trace_id":"never","value":1}]`, 404, "unknown_trace", ""},
		{"POST", "", `{"value":1}`, 400, "missing_field", "trace_id"},
		{"POST", "", `{"trace_id":"known"}`, 400, "missing_field", "value"},
		{"POST", "", `{"trace_id":"known","value":11}`, 400, "invalid_value", "value"},
		{"POST", "", `{"trace_id":"known","value":-11}`, 400, "invalid_value", "value"},
		{"POST", "", `{"trace_id":"known","value":1.5}`, 400, "invalid_value", "value"},
		{"POST", "", `{"trace_id":"known","value":"1"}`, 400, "invalid_value", "value"},
		{"POST", "", `{"trace_id":"known","value":1e400}`, 400, "invalid_value", "value"},
		{"POST", "", `{"trace_id":"known","value":1,"weight":1.01}`, 400, "invalid_value", "weight"},
		{"POST", "", `{"trace_id":"known","value":1,"weight":-1}`, 400, "invalid_value", "weight"},
		{"POST", "", `{"trace_id":"` + strings.Repeat("x", 129) + `","value":1}`, 400, "invalid_value", "trace_id"},
		{"POST", "", `{"trace_id":7,"value":1}`, 400, "invalid_value", "trace_id"},
		{"POST", "", `{"trace_id":"known","value":1,"metadata":3}`, 400, "invalid_value", "metadata"},
		{"POST", "", `[{"trace_id":"known","value":1},{"trace_id":"known","value":12}]`, 400, "invalid_value", "[1].value"},
		{"POST", "", `{"trace_id":"known","value":1,"colour":"red"}`, 400, "unknown_field", "colour"},
		{"POST", "", `[]`, 400, "missing_field", ""},
		{"POST", "", `[` + strings.Repeat(`{"trace_id":"known","value":1},`, maxFeedback) + `{"trace_id":"known","value":1}]`, 400, "too_many", ""},
		{"POST", "", ``, 400, "invalid_json", ""},
		{"POST", "", `{"trace_id":"known","value":1}x`, 400, "invalid_json", ""},
		{"POST", "", `[{"trace_id":"known","value":1}]x`, 400, "invalid_json", ""},
		{"POST", "", `[{"trace_id":"known","value":1}`, 400, "invalid_json", ""},
		{"POST", "", `7`, 400, "invalid_json", ""},
		{"PUT", "/00000000-0000-0000-0000-000000000000", `{"value":1}`, 404, "unknown_feedback", ""},
		{"PUT", "/x", `{"value":1}`, 404, "unknown_feedback", ""},
		{"PUT", "", `{"value":1}`, 405, "method_not_allowed", ""},
		{"GET", "", ``, 405, "method_not_allowed", ""},
		{"DELETE", "/00000000-0000-0000-0000-000000000000", ``, 405, "method_not_allowed", ""},
	} {
		got := r.do(c.method, feedbackPath+c.path, c.body)
		r.wantStatus(got, c.status, c.code)
		if c.param != "" && !strings.Contains(got.body, `"param":"`+c.param+`"`) {
			t.Errorf("%s: no param %s in %s", c.body, c.param, got.body)
		}
		if got.Header.Get("x-portkey-trace-id") == "" {
			t.Errorf("%s: no trace id", c.body)
		}
	}
	after := r.cache.Stats().Learning
	if after.Traces != before.Traces || after.Entries != before.Entries || after.Feedback != before.Feedback {
		t.Errorf("something is remembered: %+v, before %+v", after, before)
	}
	r.wantCalls(1)
}

// TestFeedbackOfAnotherKey: nobody can speak of what another key was answered, nor learn that it was.
func TestFeedbackOfAnotherKey(t *testing.T) {
	r := newRig(t, answerWith("press on"))
	mine, theirs := []string{"authorization", "Bearer mine"}, []string{"authorization", "Bearer theirs"}
	r.askPlain(storedText, mine...)
	r.flush()
	hit := r.askPlain(askedText, mine...)
	trace := hit.Header.Get("x-portkey-trace-id")
	body := `{"trace_id":"` + trace + `","value":-10}`
	r.wantStatus(r.do("POST", feedbackPath, body, theirs...), 404, "unknown_trace")
	r.wantStatus(r.do("POST", feedbackPath, body), 404, "unknown_trace")
	if got := r.askPlain(askedText, mine...); got.cache() != "SEMANTIC HIT" {
		t.Errorf("another's feedback counted: %s", got.cache())
	}
	id := r.saved(r.do("POST", feedbackPath, body, mine...))[0]
	r.wantStatus(r.do("PUT", feedbackPath+"/"+id, `{"value":10}`, theirs...), 404, "unknown_feedback")
	if got := r.askPlain(askedText, mine...); got.cache() == "SEMANTIC HIT" {
		t.Error("its own feedback did not count")
	}
}

// TestFeedbackWithoutACache: there is nothing to speak of.
func TestFeedbackWithoutACache(t *testing.T) {
	r := newRig(t, answerWith("x"), func(c *Config) { c.Cache = nil })
	r.wantStatus(r.do("POST", feedbackPath, `{"trace_id":"t","value":1}`), 404, "unknown_trace")
}

// TestShadowChecks: hits are checked with the client's own call, streamed or not, and a wrong one is not served again.
func TestShadowChecks(t *testing.T) {
	for _, members := range []string{"", `"stream":true`} {
		var answer atomic.Value
		answer.Store(`{"steps":["on"]}`)
		var seen atomic.Value
		provider := func(w http.ResponseWriter, req *http.Request) {
			seen.Store(req.Header.Get("Authorization"))
			answerWith(answer.Load().(string))(w, req)
		}
		var c *cache.Cache
		r := newRig(t, provider, func(cfg *Config) {
			var err error
			c, err = cache.Open(filepath.Join(t.TempDir(), "shadow.db"), cache.Options{
				Embedder: &words{}, MaxError: 1, Threshold: 0.8, ReadAnswer: ReadAnswer, Shadow: cache.ShadowOptions{Rate: 1},
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			cfg.Cache = c
		})
		flush := func() {
			t.Helper()
			r.flush()
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := c.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
		askAs := func(text string) reply {
			got := r.ask(text, members, append([]string{"authorization", "Bearer k"}, plain...)...)
			flush()
			return got
		}
		askAs(storedText)
		answer.Store(`{ "steps": [ "on" ] }`)
		if got := askAs(askedText); got.cache() != "SEMANTIC HIT" {
			t.Fatal(got.cache(), got.body)
		}
		r.wantCalls(2)
		if seen.Load() != "Bearer k" {
			t.Errorf("the check was made with %v", seen.Load())
		}
		if s := c.Stats().Learning; s.Shadow.Same != 1 || s.ShadowDrawn != 1 || c.FalseHits("").Checked != 1 {
			t.Errorf("%s: %+v", members, s)
		}
		answer.Store(`{"steps":["another"]}`)
		askAs(askedText)
		r.wantCalls(3)
		if got := askAs(askedText + " please"); got.cache() != "SEMANTIC MISS" {
			t.Errorf("%s: after a wrong hit was found: %s", members, got.cache())
		}
		if s := c.Stats().Learning; s.Shadow.Different != 1 || s.Demoted != 1 {
			t.Errorf("%s: %+v", members, s)
		}
	}
}

// FuzzFeedback: whatever comes is refused with a word on what is wrong, or in range.
func FuzzFeedback(f *testing.F) {
	for _, s := range []string{
		`{"trace_id":"t","value":-10,"weight":0.5,"metadata":{"_user":"u"}}`, `[{"trace_id":"t","value":1},{"traceID":"u","value":0}]`,
		`[]`, `{}`, `{"value":1e3}`, `{"trace_id":"\ud800","value":1}`, `{"trace_id":"t","value":1,"value":2}`, `[[`, `{"value":-0}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		given, err := parseFeedback(body)
		if err != nil {
			if err.status != 400 || err.message == "" || !json.Valid(err.openaiBody()) {
				t.Errorf("%q: %+v", body, err)
			}
			return
		}
		if len(given) == 0 || len(given) > maxFeedback {
			t.Errorf("%q: %d feedbacks", body, len(given))
		}
		for _, g := range given {
			if g.Value < -10 || g.Value > 10 || !(g.Weight >= 0 && g.Weight <= 1) || g.TraceID == "" || len(g.TraceID) > maxTraceBytes {
				t.Errorf("%q: %+v", body, g)
			}
		}
	})
}
