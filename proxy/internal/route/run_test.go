package route

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// reply is an answer of a test's target.
type reply struct {
	status int
	header http.Header
	closed *int
}

func (r *reply) Status() int         { return r.status }
func (r *reply) Header() http.Header { return r.header }
func (r *reply) Close() error        { *r.closed++; return nil }

// stage is a set of targets that say what they are told to, by name: statuses, 0 for no answer; the last one is repeated.
type stage struct {
	says   map[string][]int
	header http.Header
	calls  []string
	times  []time.Time
	made   int
	closed int
}

var errDown = errors.New("down")

func (s *stage) call(_ context.Context, t *Target) (*reply, error) {
	s.calls = append(s.calls, t.Name)
	s.times = append(s.times, time.Now())
	list := s.says[t.Name]
	status := list[0]
	if len(list) > 1 {
		s.says[t.Name] = list[1:]
	}
	switch status {
	case 0:
		return nil, errDown
	case -1:
		return nil, ErrUnfit
	}
	s.made++
	return &reply{status, s.header, &s.closed}, nil
}

func (s *stage) run(t *testing.T, r *Router, src string, deadline time.Time) Result[*reply] {
	t.Helper()
	c := mustParse(t, src)
	p, err := c.Resolve(&Facts{}, r.Healthy)
	if err != nil {
		t.Fatal(err)
	}
	made, closed := s.made, s.closed
	res := Run(t.Context(), r, p, deadline, s.call)
	open := (s.made - made) - (s.closed - closed)
	if want := map[bool]int{true: 1}[res.Err == nil]; open != want {
		t.Errorf("%d answers are left open, want %d", open, want)
	}
	return res
}

func TestFallback(t *testing.T) {
	for _, tt := range []struct {
		name, config string
		says         map[string][]int
		calls        string
		status       int
		place        string
	}{
		{"the first serves", `{"strategy":{"mode":"fallback"},"targets":[{"name":"a"},{"name":"b","override_params":{"x":1}}]}`,
			map[string][]int{"a": {200}, "b": {200}}, "a", 200, "config.targets[0]"},
		{"any failure goes on", `{"strategy":{"mode":"fallback"},"targets":[{"name":"a"},{"name":"b","override_params":{"x":1}}]}`,
			map[string][]int{"a": {400}, "b": {200}}, "a b", 200, "config.targets[1]"},
		{"only listed statuses", `{"strategy":{"mode":"fallback","on_status_codes":[429]},"targets":[{"name":"a"},{"name":"b","override_params":{"x":1}}]}`,
			map[string][]int{"a": {500}, "b": {200}}, "a", 500, "config.targets[0]"},
		{"no answer always goes on", `{"strategy":{"mode":"fallback","on_status_codes":[429]},"targets":[{"name":"a"},{"name":"b","override_params":{"x":1}}]}`,
			map[string][]int{"a": {0}, "b": {200}}, "a b", 200, "config.targets[1]"},
		{"unfit is not retried", `{"retry":{"attempts":3},"strategy":{"mode":"fallback"},"targets":[{"name":"a"},{"name":"b","override_params":{"x":1}}]}`,
			map[string][]int{"a": {-1}, "b": {200}}, "a b", 200, "config.targets[1]"},
		{"all fail", `{"strategy":{"mode":"fallback"},"targets":[{"name":"a"},{"name":"b","override_params":{"x":1}}]}`,
			map[string][]int{"a": {500}, "b": {503}}, "a b", 503, "config.targets[1]"},
		{"a group within", `{"strategy":{"mode":"fallback","on_status_codes":[500]},"targets":[
			{"strategy":{"mode":"fallback","on_status_codes":[429]},"targets":[{"name":"a"},{"name":"b","override_params":{"x":1}}]},{"name":"c","override_params":{"x":2}}]}`,
			map[string][]int{"a": {429}, "b": {500}, "c": {200}}, "a b c", 200, "config.targets[1]"},
		{"a group within serves", `{"strategy":{"mode":"fallback"},"targets":[{"name":"c","override_params":{"x":2}},
			{"strategy":{"mode":"fallback","on_status_codes":[429]},"targets":[{"name":"a"},{"name":"b","override_params":{"x":1}}]}]}`,
			map[string][]int{"a": {429}, "b": {200}, "c": {500}}, "c a b", 200, "config.targets[1].targets[1]"},
		{"single calls the first only", `{"targets":[{"name":"a"},{"name":"b"}]}`, map[string][]int{"a": {500}}, "a", 500, "config.targets[0]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := &stage{says: tt.says}
			res := s.run(t, New(kindless), tt.config, time.Time{})
			if got := strings.Join(s.calls, " "); got != tt.calls {
				t.Errorf("called %q, want %q", got, tt.calls)
			}
			if res.Err != nil || res.Answer.status != tt.status || res.Target.Place() != tt.place {
				t.Errorf("got %v, status %d of %s, want %d of %s", res.Err, res.Answer.status, res.Target.Place(), tt.status, tt.place)
			}
		})
	}
}

func TestRetries(t *testing.T) {
	const three = `{"name":"a","retry":{"attempts":3}}`
	for _, tt := range []struct {
		name, config string
		says         []int
		header       http.Header
		deadline     time.Duration
		calls        int
		retries      int
		failed       bool
		least        time.Duration // spent
	}{
		{"none without asking", `{"name":"a"}`, []int{500}, nil, 0, 1, 0, false, 0},
		{"until it serves", three, []int{500, 429, 200}, nil, 0, 3, 2, false, 0},
		{"in vain", three, []int{503}, nil, 0, 4, 3, true, 0},
		{"failed", three, []int{0, 0, 200}, nil, 0, 3, 2, false, 0},
		{"not what is the caller's fault", three, []int{400}, nil, 0, 1, 0, false, 0},
		{"chosen codes", `{"name":"a","retry":{"attempts":3,"on_status_codes":[418]}}`, []int{418, 500}, nil, 0, 2, 1, false, 0},
		{"retry-after in seconds", three, []int{429, 200}, http.Header{"Retry-After": {"20"}}, 0, 2, 1, false, 20 * time.Second},
		{"in milliseconds", three, []int{429, 200}, http.Header{"Retry-After-Ms": {"1500"}}, 0, 2, 1, false, 1500 * time.Millisecond},
		{"as a date", three, []int{429, 200}, http.Header{"Retry-After": {"Sat, 01 Jan 2000 00:00:30 GMT"}}, 0, 2, 1, false, 30 * time.Second},
		{"past the deadline", three, []int{429, 200}, http.Header{"Retry-After": {"20"}}, 10 * time.Second, 1, 0, true, 0},
		{"longer than anyone waits", three, []int{429, 200}, http.Header{"Retry-After": {"3600"}}, 0, 1, 0, true, 0},
		{"not to be honoured", `{"name":"a","retry":{"attempts":1,"use_retry_after_header":false}}`, []int{429, 200}, http.Header{"Retry-After": {"3600"}}, 0, 2, 1, false, 0},
		{"unreadable", three, []int{429, 200}, http.Header{"Retry-After": {"soon"}}, 0, 2, 1, false, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // its clock begins on 1 January 2000
				s := &stage{says: map[string][]int{"a": tt.says}, header: tt.header}
				start := time.Now()
				var deadline time.Time
				if tt.deadline > 0 {
					deadline = start.Add(tt.deadline)
				}
				res := s.run(t, New(kindless), tt.config, deadline)
				if len(s.calls) != tt.calls || res.Retries != tt.retries || res.Failed != tt.failed {
					t.Errorf("%d calls, %d retries, failed %v; want %d, %d, %v", len(s.calls), res.Retries, res.Failed, tt.calls, tt.retries, tt.failed)
				}
				if took := time.Since(start); took < tt.least || took > tt.least+15*time.Second {
					t.Errorf("took %v, want %v and the pauses", took, tt.least)
				}
			})
		})
	}
}

func TestRetriesAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first []time.Duration
		for range 200 {
			s := &stage{says: map[string][]int{"a": {429, 200}}}
			s.run(t, New(kindless), `{"name":"a","retry":{"attempts":1}}`, time.Time{})
			first = append(first, s.times[1].Sub(s.times[0]))
		}
		slices.Sort(first)
		if low, high := first[20], first[180]; low > 100*time.Millisecond || high < 400*time.Millisecond || first[199] > 501*time.Millisecond {
			t.Errorf("first pauses from %v (10%%) to %v (90%%), longest %v: not spread over 0 to 500 ms", low, high, first[199])
		}
	})
}

func TestGivenUpWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		s := &stage{says: map[string][]int{"a": {429}}, header: http.Header{"Retry-After": {"30"}}}
		p := resolve(t, mustParse(t, `{"strategy":{"mode":"fallback"},"targets":[{"name":"a","retry":{"attempts":5}},{"name":"b"}]}`), &Facts{})
		res := Run(ctx, New(kindless), p, time.Time{}, s.call)
		if len(s.calls) != 1 || res.Err != nil || res.Answer.status != 429 {
			t.Errorf("called %v, got %+v", s.calls, res)
		}
	})
}

func TestBreaker(t *testing.T) {
	const two = `{"strategy":{"mode":"fallback"},"targets":[{"name":"a","provider":"openai"},{"name":"b","provider":"anthropic"}]}`
	synctest.Test(t, func(t *testing.T) {
		r := New(kindless)
		s := &stage{says: map[string][]int{"a": {0}, "b": {200}}}
		for range tripInARow {
			s.run(t, r, two, time.Time{})
		}
		s.calls = nil
		if s.run(t, r, two, time.Time{}); strings.Join(s.calls, " ") != "b" {
			t.Errorf("called %v while the breaker is open", s.calls)
		}
		h := r.Health()
		if i := slices.IndexFunc(h, func(h Health) bool { return h.Target == "openai" }); i < 0 || h[i].State != "open" || h[i].Failures != tripInARow || h[i].Reason != "failed" {
			t.Errorf("health %+v", h)
		}
		// Where there is no other, it is tried all the same.
		s.calls = nil
		if s.run(t, r, `{"name":"a","provider":"openai"}`, time.Time{}); strings.Join(s.calls, " ") != "a" {
			t.Errorf("called %v where a is the last resort", s.calls)
		}
		// After a while one request looks whether it is back.
		time.Sleep(openFor + time.Second)
		s.says["a"], s.calls = []int{200}, nil
		s.run(t, r, two, time.Time{})
		s.run(t, r, two, time.Time{})
		if strings.Join(s.calls, " ") != "a a" {
			t.Errorf("called %v after it recovered", s.calls)
		}
	})
}

// TestBreakerIgnoresCallers has one caller run into its limits and its mistakes: others must not be cut off by it.
func TestBreakerIgnoresCallers(t *testing.T) {
	r := New(kindless)
	s := &stage{says: map[string][]int{"a": {429}}}
	for _, status := range []int{429, 400, 401, 404, -1} {
		s.says["a"] = []int{status}
		for range 3 * tripRequests {
			s.run(t, r, `{"name":"a","provider":"openai"}`, time.Time{})
		}
	}
	if h := r.Health(); len(h) != 1 || h[0].State != "closed" || h[0].Failures != 0 {
		t.Errorf("health %+v", h)
	}
}

// TestBreakerIsOfThoseWhoWaitAsLong has one caller wait for a millisecond only, five times: who waits longer is not led elsewhere.
func TestBreakerIsOfThoseWhoWaitAsLong(t *testing.T) {
	r := New(kindless)
	s := &stage{says: map[string][]int{"a": {0}, "b": {200}}}
	for range tripInARow {
		s.run(t, r, `{"name":"a","provider":"openai","request_timeout":1}`, time.Time{})
	}
	s.says["a"], s.calls = []int{200}, nil
	s.run(t, r, `{"strategy":{"mode":"fallback"},"targets":[{"name":"a","provider":"openai"},{"name":"b","provider":"anthropic"}]}`, time.Time{})
	s.run(t, r, `{"strategy":{"mode":"fallback"},"targets":[{"name":"a","provider":"openai","request_timeout":1},{"name":"b","provider":"anthropic"}]}`, time.Time{})
	if got := strings.Join(s.calls, " "); got != "a b" {
		t.Errorf("called %s, want a of who waits, and b of who does not", got)
	}
}

// TestBroughtTargetsPushOutNobody has requests name more models than there is room for: what is known of the operator's targets
// stays, and the totals have no name more.
func TestBroughtTargetsPushOutNobody(t *testing.T) {
	checks := testChecks
	checks.Saved = func(name string) (Saved, error) {
		return Saved{ID: name + "@1", Text: []byte(`{"provider":"anthropic","override_params":{"model":"claude"}}`)}, nil
	}
	r := New(kindless)
	run := func(src string, status int) *Target {
		t.Helper()
		c, err := Parse([]byte(src), nil, checks)
		if err != nil {
			t.Fatal(err)
		}
		p := resolve(t, c, &Facts{})
		closed := 0
		Run(t.Context(), r, p, time.Time{}, func(context.Context, *Target) (*reply, error) { return &reply{status: status, closed: &closed}, nil })
		return p.First
	}
	const plain, saved, brought = `{"provider":"openai"}`, `{"config":"pc-x"}`, `{"provider":"openai","override_params":{"model":"m-%d"}}`
	for range tripInARow {
		run(plain, 500)
		run(saved, 500)
	}
	const others = maxOwn + maxBrought
	for i := range others {
		run(fmt.Sprintf(brought, i), 200)
	}
	for _, src := range []string{plain, saved, `{"provider":"anthropic","override_params":{"model":"claude"}}`} {
		if first := run(src, 500); r.Healthy(first) {
			t.Errorf("%s is well again, for the many others", src)
		}
	}
	if n := len(r.Health()); n != maxBrought+2 {
		t.Errorf("the health of %d targets is kept, want %d", n, maxBrought+2)
	}
	want := []Total{
		{"anthropic", map[string]uint64{"open": 1}, tripInARow + 2, tripInARow + 2},
		{"openai", map[string]uint64{"open": 1, "closed": maxBrought}, tripInARow + 1 + others, tripInARow + 1},
	}
	if got := r.Totals(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestWhoseWordsNameATarget holds that a word counts as the operator's only where a saved config has it.
func TestWhoseWordsNameATarget(t *testing.T) {
	checks := testChecks
	checks.Saved = func(name string) (Saved, error) {
		return Saved{ID: name + "@1", Text: []byte(`{"targets":[{"provider":"openai","request_timeout":9},{"override_params":{"model":"m"}}],"retry":{"attempts":1}}`)}, nil
	}
	self := checks
	self.Self = "pc-y@1"
	for _, tt := range []struct {
		src    string
		outer  Target
		checks Checks
		want   []bool // of the leaves
	}{
		{`{"provider":"openai","virtual_key":"team"}`, Target{}, checks, []bool{false}},
		{`{"provider":"openai","request_timeout":9}`, Target{}, checks, []bool{true}},
		{`{"provider":"openai","request_timeout":9}`, Target{}, self, []bool{false}},
		{`{"virtual_key":"team"}`, Target{DeploymentID: "d"}, checks, []bool{false}}, // which is not given another's deployment
		{`{}`, Target{Provider: "openai", DeploymentID: "d"}, checks, []bool{true}},
		{`{"provider":"openai","request_timeout":9}`, Target{DeploymentID: "d"}, self, []bool{false}},
		{`{"request_timeout":9}`, Target{DeploymentID: "d"}, self, []bool{true}},
		{`{"request_timeout":9}`, Target{Provider: "openai", VirtualKey: "team"}, self, []bool{false}},
		{`{"config":"pc-x"}`, Target{Provider: "openai"}, checks, []bool{false, false}},
		{`{"config":"pc-x","request_timeout":8}`, Target{}, checks, []bool{false, true}},
		{`{"config":"pc-x","override_params":{"model":"n"}}`, Target{}, checks, []bool{true, false}},
		{`{"config":"pc-x","override_params":{"seed":1},"retry":{"attempts":2}}`, Target{}, checks, []bool{false, false}},
	} {
		c, err := Parse([]byte(tt.src), &tt.outer, tt.checks)
		if err != nil {
			t.Errorf("%s: %v", tt.src, err)
			continue
		}
		var got []bool
		var leaves func(*Target)
		leaves = func(k *Target) {
			if k.Targets == nil {
				got = append(got, k.brought)
			}
			for _, k := range k.Targets {
				leaves(k)
			}
		}
		if leaves(c.Root); !slices.Equal(got, tt.want) {
			t.Errorf("%s in %+v: brought by the request: %v, want %v", tt.src, tt.outer, got, tt.want)
		}
	}
}

func TestBreakerLeavesBalancing(t *testing.T) {
	r := New(kindless)
	s := &stage{says: map[string][]int{"a": {500}, "b": {200}}}
	const src = `{"strategy":{"mode":"loadbalance"},"targets":[{"name":"a","provider":"openai","weight":99},{"name":"b","provider":"anthropic"}]}`
	for range 200 {
		s.run(t, r, src, time.Time{})
	}
	s.calls = nil
	for range 50 {
		s.run(t, r, src, time.Time{})
	}
	if slices.Contains(s.calls, "a") {
		t.Error("a target whose breaker is open was drawn")
	}
}

// BenchmarkFallbackOpen measures what a dead first target costs once its breaker is open.
func BenchmarkFallbackOpen(b *testing.B) {
	r := New(kindless)
	closed := 0
	alive := &reply{status: 200, closed: &closed}
	call := func(_ context.Context, t *Target) (*reply, error) {
		if t.Name == "a" {
			return nil, errDown
		}
		return alive, nil
	}
	c, err := Parse([]byte(`{"strategy":{"mode":"fallback"},"targets":[{"name":"a","provider":"openai"},{"name":"b","provider":"anthropic"}]}`), nil, testChecks)
	if err != nil {
		b.Fatal(err)
	}
	once := func() Result[*reply] {
		p, err := c.Resolve(&Facts{}, r.Healthy)
		if err != nil {
			b.Fatal(err)
		}
		return Run(context.Background(), r, p, time.Time{}, call)
	}
	for range tripInARow {
		once()
	}
	for b.Loop() {
		if res := once(); res.Target.Name != "b" {
			b.Fatal("the dead target was called")
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, "0.5": 500 * time.Millisecond, "-3": 0, "NaN": 0, "x": 0, "1e300": 1e9 * time.Second,
		"Fri, 02 Jan 2026 03:04:15 GMT": 10 * time.Second, "Fri, 02 Jan 2026 03:04:00 GMT": 0,
	} {
		if got := RetryAfter(http.Header{"Retry-After": {v}}, now); got != want {
			t.Errorf("%q: got %v, want %v", v, got, want)
		}
	}
	if got := RetryAfter(http.Header{"Retry-After-Ms": {strconv.Itoa(7)}, "Retry-After": {"9"}}, now); got != 7*time.Millisecond {
		t.Errorf("milliseconds: got %v", got)
	}
}

// kindless names every error alike.
func kindless(error) string { return "failed" }
