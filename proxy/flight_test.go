package proxy

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// TestUnlikePlansAreNotShared: of two equal questions in flight each is carried out as its own config says, though their targets are
// the same, unless both configs say the same.
func TestUnlikePlansAreNotShared(t *testing.T) {
	const fallback = `{"strategy":{"mode":"fallback"},"targets":[{"provider":"main"},{"provider":"second"}]}`
	for name, c := range map[string]struct {
		leader, follower []string
		place            string // where the follower's answer is from
	}{
		"other statuses": {[]string{"x-portkey-config", `{"strategy":{"mode":"fallback","on_status_codes":[429]},"targets":[{"provider":"main"},{"provider":"second"}]}`},
			[]string{"x-portkey-config", fallback}, "config.targets[1]"},
		"retries":             {nil, []string{"x-portkey-retry-count", "1"}, "config.targets[0]"},
		"retries to a moment": {[]string{"x-portkey-retry-count", "1", "x-portkey-request-timeout", "9000"}, []string{"x-portkey-retry-count", "1"}, "config.targets[0]"},
		"another place":       {nil, []string{"x-portkey-config", `{"strategy":{"mode":"conditional","conditions":[{"query":{"params.model":"m"},"then":"b"}]},"targets":[{"name":"a"},{"name":"b","retry":{"attempts":1}}]}`}, "config.targets[1]"},
	} {
		t.Run(name, func(t *testing.T) {
			second := newStop(t, answerWith("from the second"))
			called, step := make(chan struct{}, 4), make(chan struct{})
			var mu sync.Mutex
			failed := map[string]bool{}
			r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
				io.Copy(io.Discard, req.Body)
				called <- struct{}{}
				<-step
				who := req.Header.Get("X-Test")
				mu.Lock()
				again := failed[who]
				failed[who] = true
				mu.Unlock()
				if again && who == "follower" {
					answerWith("the second time")(w, req)
					return
				}
				status(500)(w, req)
			}, func(c *Config) {
				c.Providers = append(c.Providers, Provider{Name: "second", BaseURL: second.URL + "/v1", APIKey: "k"})
			})
			release := sync.OnceFunc(func() { close(step) })
			t.Cleanup(release) // also where the test fails, or the providers could not be closed
			replies := map[string]chan reply{"leader": make(chan reply, 1), "follower": make(chan reply, 1)}
			for _, who := range []string{"leader", "follower"} {
				h := append([]string{"x-test", who}, map[string][]string{"leader": c.leader, "follower": c.follower}[who]...)
				go func() { replies[who] <- r.ask("x", "", h...) }()
				recv(t, called, "the call of the "+who)
			}
			release()
			got := recv(t, replies["follower"], "the follower's answer")
			if got.StatusCode != 200 || !strings.Contains(got.body, "second") || got.Header.Get("x-portkey-last-used-option-index") != c.place {
				t.Errorf("the follower got %d %s from %s", got.StatusCode, got.body, got.Header.Get("x-portkey-last-used-option-index"))
			}
			if got := recv(t, replies["leader"], "the leader's answer"); got.StatusCode != 500 {
				t.Errorf("the leader got %d %s", got.StatusCode, got.body)
			}
		})
	}
}

// TestLikePlansAreShared: configs that say the same are one call's, whatever is drawn and whichever way they are written.
func TestLikePlansAreShared(t *testing.T) {
	for name, configs := range map[string][2]string{
		"a fallback": {`{"strategy":{"mode":"fallback"},"retry":{"attempts":1},"targets":[{"provider":"main"},{"provider":"second"}]}`,
			`{"mode":"fallback","options":[{"provider":"main","retry":{"attempts":1}},{"provider":"second","retry":{"attempts":1}}]}`},
		"a draw": {`{"strategy":{"mode":"loadbalance"},"targets":[{"provider":"main"},{"provider":"second"}]}`,
			`{"strategy":{"mode":"loadbalance"},"targets":[{"provider":"main"},{"provider":"second"}]}`},
		"none, and one that says no more": {`{}`, `{"targets":[{"provider":"main"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			called, step := make(chan struct{}, 8), make(chan struct{})
			answer := func(w http.ResponseWriter, req *http.Request) {
				io.Copy(io.Discard, req.Body)
				called <- struct{}{}
				<-step
				answerWith("y")(w, req)
			}
			second := newStop(t, answer)
			r := newRig(t, answer, func(c *Config) {
				c.Providers = append(c.Providers, Provider{Name: "second", BaseURL: second.URL + "/v1"})
			})
			release := sync.OnceFunc(func() { close(step) })
			t.Cleanup(release)
			replies := make(chan reply, 8)
			go func() { replies <- r.ask("x", "", "x-portkey-config", configs[0]) }()
			recv(t, called, "the call")
			for range 7 { // one in 128 would be drawn as the first by chance alone
				go func() { replies <- r.ask("x", "", "x-portkey-config", configs[1]) }()
			}
			r.waitShared(7)
			release()
			for range 8 {
				if got := recv(t, replies, "an answer"); got.StatusCode != 200 {
					t.Errorf("%d %s", got.StatusCode, got.body)
				}
			}
			if n := r.calls.Load() + second.calls.Load(); n != 1 {
				t.Errorf("%d calls, want 1", n)
			}
		})
	}
}

// TestReadYourWritesInAnotherWay holds that who asks in another way than the one whose call has just ended finds the answer, though
// the two could not have shared the call.
func TestReadYourWritesInAnotherWay(t *testing.T) {
	r := newRig(t, answerWith("y"))
	ways := [][]string{nil, {"x-portkey-retry-count", "1"}, {"x-portkey-config", `{"request_timeout":60000}`}}
	for i := range 30 {
		text := strings.Repeat("again and ", i) + "once"
		first, next := ways[i%3], ways[(i+1+i/3%2)%3]
		if got := r.ask(text, "", append([]string{"x-portkey-cache", "simple"}, first...)...); got.cache() != "MISS" {
			t.Fatalf("%d: %s", i, got.cache())
		}
		if got := r.ask(text, "", append([]string{"x-portkey-cache", "simple", "cache-control", "only-if-cached"}, next...)...); got.cache() != "HIT" {
			t.Errorf("%d: %q after %q: %s", i, next, first, got.cache())
		}
	}
}

// TestFeedbackOnASharedCall: whoever was given an answer may say what it was worth, also where another's call brought it, but not
// where nothing was stored.
func TestFeedbackOnASharedCall(t *testing.T) {
	called, step := make(chan struct{}, 2), make(chan struct{})
	vectors := vectorProvider(make(chan []string, 8))
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		called <- struct{}{}
		<-step
		switch {
		case req.URL.Path == "/v1/embeddings":
			vectors(w, req)
		case req.Header.Get("X-Test") == "fails":
			status(500)(w, req)
		default:
			answerWith("y")(w, req)
		}
	})
	t.Cleanup(func() { close(step) })
	for i, c := range []struct {
		path, body, test string
		want             int
	}{
		{chatPath, question("a question", ""), "", 200},
		{chatPath, question("a stream", `"stream":true`), "", 200},
		{"/v1/embeddings", `{"model":"e","input":["one","two"]}`, "", 200},
		{chatPath, question("a failure", ""), "fails", 404},
	} {
		replies := make(chan reply, 2)
		ask := func(trace string) {
			replies <- r.do("POST", c.path, c.body, "x-portkey-trace-id", trace+c.body, "x-test", c.test)
		}
		go ask("lead")
		recv(t, called, "the call")
		go ask("follow")
		r.waitShared(uint64(i + 1))
		step <- struct{}{}
		recv(t, replies, "an answer")
		recv(t, replies, "the other answer")
		r.flush()
		for _, who := range []string{"lead", "follow"} {
			body := `{"trace_id":` + string(appendJSONString(nil, who+c.body)) + `,"value":-5}`
			if got := r.do("POST", feedbackPath, body); got.StatusCode != c.want {
				t.Errorf("%s, who did %s: %d %s", c.body, who, got.StatusCode, got.body)
			}
		}
		if got := r.do("POST", feedbackPath, `{"trace_id":`+string(appendJSONString(nil, "follow"+c.body))+`,"value":1}`, bearerOf("sk-another")...); got.StatusCode != 404 {
			t.Errorf("%s: another key is heard: %d", c.body, got.StatusCode)
		}
	}
}
