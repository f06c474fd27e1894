package proxy

import (
	"encoding/json"
	"io"
	"net/http"
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

// TestResponsesEndAfterTheyBegin: a hit is no response that was whole before it was begun.
func TestResponsesEndAfterTheyBegin(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"id":"resp_up","object":"response","created_at":100,"status":"completed","completed_at":101,"model":"m","output":[{"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[{"type":"output_text","text":"y","annotations":[]}]}]}`)
	})
	for range 2 {
		got := r.do("POST", "/v1/responses", `{"model":"m","input":"x","store":false}`)
		r.flush()
		var v struct {
			Created   int64 `json:"created_at"`
			Completed int64 `json:"completed_at"`
		}
		if err := json.Unmarshal([]byte(got.body), &v); err != nil || v.Created < 100 || v.Completed < v.Created || (got.cache() == "HIT") != (v.Created > 100) {
			t.Errorf("%v: %s %s", err, got.cache(), got.body)
		}
	}
	r.wantCalls(1)
}
