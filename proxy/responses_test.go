package proxy

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestResponsesKept holds that a response that the provider keeps is served under its own id, so that a caller can go on
// from it, and that what it repeats of a request is this request's.
func TestResponsesKept(t *testing.T) {
	r := newRig(t, dialectProvider(t))
	ask := func(members string) map[string]any {
		t.Helper()
		got := r.do("POST", "/v1/responses", `{"model":"m","input":"what is this?"`+members+`}`)
		r.flush()
		var v map[string]any
		if err := json.Unmarshal([]byte(got.body), &v); err != nil {
			t.Fatalf("%v: %s", err, got.body)
		}
		return v
	}
	ask(`,"metadata":{"who":"first"},"user":"first"`)
	v := ask(`,"metadata":{"who":"second"}`)
	if m, _ := json.Marshal(v["metadata"]); string(m) != `{"who":"second"}` || v["user"] != nil {
		t.Errorf("got %v", v)
	}
	if v["id"] != "resp_up" || v["created_at"] == 1.0 {
		t.Errorf("got %v", v)
	}
	r.wantCalls(1)
	ask(`,"store":false`)
	if v := ask(`,"store":false`); v["id"] == "resp_up" || !strings.HasPrefix(v["id"].(string), "resp_") {
		t.Errorf("got %v", v)
	}
	r.wantCalls(2)
	for _, members := range []string{`,"previous_response_id":"resp_up"`, `,"store":true`, `,"background":true`} {
		for range 2 {
			ask(members)
		}
	}
	r.wantCalls(8)
}
