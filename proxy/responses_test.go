package proxy

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
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

// TestInstructionsAreNotAnothers: elsewhere a hit repeats the instructions that the provider said, whoever they are from. Who has the system prompt left out of what must be equal is served an answer that repeats his own,
// or none if he has none: from the cache, in either form, and beside another who asks at the same time.
func TestInstructionsAreNotAnothers(t *testing.T) {
	called, step := make(chan struct{}, 16), make(chan struct{})
	provider := dialectProvider(t)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		var asked struct{ Instructions, Prompt json.RawMessage }
		body, _ := io.ReadAll(req.Body)
		if err := json.Unmarshal(body, &asked); err != nil {
			t.Error(err)
		}
		switch {
		case asked.Prompt != nil:
			asked.Instructions = json.RawMessage(`"From the template"`)
		case asked.Instructions == nil:
			asked.Instructions = json.RawMessage("null")
		}
		called <- struct{}{}
		<-step
		rec := httptest.NewRecorder()
		req.Body = io.NopCloser(strings.NewReader(strings.Replace(string(body), `"stream":true`, `"stream":false`, 1)))
		provider(rec, req)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, strings.Replace(rec.Body.String(), `"metadata":`, `"instructions":`+string(asked.Instructions)+`,"metadata":`, 1))
	})
	release := sync.OnceFunc(func() { close(step) })
	t.Cleanup(release)
	ask := func(members string) reply {
		return r.do("POST", "/v1/responses", `{"model":"m","input":"what is this?"`+members+`}`, "x-portkey-cache", `{"ignore_system":true}`)
	}
	a, b := make(chan reply, 1), make(chan reply, 1)
	go func() { a <- ask(`,"instructions":"SECRET OF A"`) }()
	recv(t, called, "the call of A")
	go func() { b <- ask(`,"instructions":"I AM B"`) }()
	recv(t, called, "the call of B, who does not share A's")
	release()
	if got := recv(t, a, "A's answer"); !strings.Contains(got.body, `"instructions":"SECRET OF A"`) {
		t.Errorf("A got %s", got.body)
	}
	if got := recv(t, b, "B's answer"); !strings.Contains(got.body, `"instructions":"I AM B"`) {
		t.Errorf("B got %s", got.body)
	}
	r.flush()
	r.wantCalls(2)
	for members, want := range map[string]string{
		`,"instructions":"SECRET OF A"`:          `"instructions":"SECRET OF A"`,
		`,"instructions":"I AM B"`:               `"instructions":"I AM B"`,
		``:                                       `"instructions":null`,
		`,"instructions":"I AM B","stream":true`: `"instructions":"I AM B"`,
		`,"instructions":"I AM C","stream":true`: `"instructions":"I AM C"`,
		`,"stream":true`:                         `"instructions":null`,
	} {
		got := ask(members)
		if got.cache() != "HIT" || strings.Count(got.body, `"instructions":`) == 0 || strings.Count(got.body, `"instructions":`) != strings.Count(got.body, want) {
			t.Errorf("%s: %s %s", members, got.cache(), got.body)
		}
	}
	r.wantCalls(2)
	const terse = `{"strategy":{"mode":"fallback"},"targets":[{"provider":"main","override_params":{"instructions":"Be terse"}},{"provider":"main","override_params":{"instructions":"Be terse","temperature":0}}]}`
	for i, c := range []struct {
		body, want string
		headers    []string
	}{
		{`{"model":"m","input":"x"}`, `"instructions":"Be terse"`, []string{"x-portkey-config", terse}},
		{`{"prompt":{"id":"pmpt_1"},"input":"x"}`, `"instructions":"From the template"`, nil},
		{`{"model":"m","input":"x","instructions":"Mine"}`, `"instructions":"Mine"`, nil},
	} {
		for _, stream := range []string{"", "", `"stream":true,`} {
			got := r.do("POST", "/v1/responses", "{"+stream+c.body[1:], c.headers...)
			r.flush()
			if n := strings.Count(got.body, `"instructions":`); n == 0 || n != strings.Count(got.body, c.want) {
				t.Errorf("%s, %s: %s", c.body, got.cache(), got.body)
			}
		}
		r.wantCalls(3 + int64(i))
	}
}
