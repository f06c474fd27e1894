package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
)

// explained runs `reprise explain` on lines and returns exit code, verdicts and standard error.
func explained(t *testing.T, in string, args ...string) (code int, verdicts []map[string]any, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(append([]string{"explain", "--jsonl"}, args...), &host{stdin: strings.NewReader(in), stdout: &out, stderr: &errs})
	for line := range strings.Lines(out.String()) {
		v := map[string]any{}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		verdicts = append(verdicts, v)
	}
	return code, verdicts, errs.String()
}

func TestExplainLines(t *testing.T) {
	huge := strings.Repeat("a very long question ", 20000)
	in := `{"id":"same","a":"How do I reset my password?","b":"how do i reset my password","extra":1}
{"id":{"n":[1, 2]},"a":"Can I return an item within 30 days?","b":"Can I return an item within 60 days?"}

{"id":1e3,"a":"","b":""}
{"a":"one","b":""}
{"id":true,"a":"hello there","b":[{"role":"user","content":"hello there"}]}
{"id":null,"a":[{"role":"system","content":"be kind"},{"role":"user","content":"hello there"}],"b":"hello there"}
{"id":"huge","a":"` + huge + `","b":"` + huge + `?"}
{"id":"other","a":"What is the capital of France?","b":"How tall is Mont Blanc?"}`
	code, got, stderr := explained(t, in)
	if code != 0 || stderr != "" || len(got) != 8 {
		t.Fatalf("exit code %d, %d verdicts, %s", code, len(got), stderr)
	}
	fields := []string{"id", "served", "status", "probability", "similarity", "verifier", "guard", "token", "micros"}
	for i, want := range []struct {
		id, status, guard string
		served            bool
	}{
		{`"same"`, "semantic", "", true},
		{`{"n":[1,2]}`, "miss", "number", false},
		{`1000`, "exact", "", true},
		{`null`, "miss", "", false},
		{`true`, "exact", "", true},
		{`null`, "miss", "", false},
		{`"huge"`, "miss", "", false},
		{`"other"`, "miss", "", false},
	} {
		v := got[i]
		id, err := json.Marshal(v["id"])
		if err != nil || string(id) != want.id || v["status"] != want.status || v["guard"] != want.guard || v["served"] != want.served {
			t.Errorf("line %d: got %v, want %+v", i+1, v, want)
		}
		if len(v) != len(fields) {
			t.Errorf("line %d has the fields %v", i+1, v)
		}
		for _, f := range fields[3:6] {
			if n, ok := v[f].(float64); !ok || n < -1 || n > 1 {
				t.Errorf("line %d: %s is %v", i+1, f, v[f])
			}
		}
	}
	if p := got[1]["probability"].(float64); p <= 0 || got[1]["verifier"].(float64) <= 0 {
		t.Errorf("a pair that a guard refuses has no probability: %v", got[1])
	}
}

func TestExplainPolicies(t *testing.T) {
	in := `{"id":1,"a":"How do I turn on two-factor login for my account?","b":"How do I turn off two-factor login for my account?"}`
	for policy, served := range map[string]bool{"semantic": false, "guards": false, "threshold": true} {
		if code, got, stderr := explained(t, in, "--policy", policy, "--max-error", "1", "--threshold", "0.8"); code != 0 || got[0]["served"] != served {
			t.Errorf("%s: exit code %d, %v %s", policy, code, got, stderr)
		}
	}
	var last float64
	for _, budget := range []string{"0.001", "0.01", "0.1", "1"} {
		_, got, _ := explained(t, `{"id":1,"a":"How do I enable 2FA?","b":"How can I enable 2FA please?"}`, "--max-error", budget)
		p := got[0]["probability"].(float64)
		if last != 0 && p != last {
			t.Errorf("the budget moves the probability: %v, %v", last, p)
		}
		last = p
	}
}

func TestExplainSaysWhatIsWrong(t *testing.T) {
	good := `{"id":1,"a":"x","b":"x"}` + "\n"
	for name, c := range map[string]struct {
		in   string
		args []string
		want string
	}{
		"no object":     {good + "[1]\n", nil, "line 2"},
		"no JSON":       {good + good + "{\n" + good, nil, "line 3"},
		"b missing":     {`{"id":1,"a":"x"}`, nil, `line 1: "b": is missing`},
		"a a number":    {`{"id":1,"a":7,"b":"x"}`, nil, `"a": is 7: give a text or a list of messages`},
		"no messages":   {`{"id":1,"a":[],"b":"x"}`, nil, `"a"`},
		"no role":       {`{"id":1,"a":[{"content":"x"}],"b":"x"}`, nil, "role"},
		"budget":        {good, []string{"--max-error", "1.5"}, "--max-error 1.5"},
		"no budget":     {good, []string{"--max-error", "0"}, "--max-error 0"},
		"policy":        {good, []string{"--policy", "best"}, "policy"},
		"text and pipe": {good, []string{"a", "b"}, "two questions"},
	} {
		code, got, stderr := explained(t, c.in, c.args...)
		if code != exitUsage || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: exit code %d, standard error %q, want %q in it", name, code, stderr, c.want)
		}
		if name == "no JSON" && len(got) != 2 {
			t.Errorf("%s: %d verdicts of the lines before", name, len(got))
		}
	}
}

func TestExplainKeepsTheOrder(t *testing.T) {
	var in strings.Builder
	for i := range 300 {
		fmt.Fprintf(&in, `{"id":%d,"a":"%s","b":"x"}`+"\n", i, strings.Repeat("word ", (i*37)%40))
	}
	_, got, stderr := explained(t, in.String())
	if len(got) != 300 {
		t.Fatalf("%d verdicts: %s", len(got), stderr)
	}
	for i, v := range got {
		if v["id"] != float64(i) {
			t.Fatalf("line %d is %v", i, v["id"])
		}
	}
}

func TestExplainForPeople(t *testing.T) {
	var out, errs bytes.Buffer
	code := run([]string{"explain", "Can I return an item within 30 days?", "Can I return an item within 60 days?"}, &host{stdout: &out, stderr: &errs})
	for _, want := range []string{"not served: number", "similarity", "veto: number", "verifier", "probability", "budget"} {
		if code != 0 || !strings.Contains(out.String(), want) {
			t.Errorf("exit code %d, %s%s lacks %q", code, out.String(), errs.String(), want)
		}
	}
}

func FuzzExplainLine(f *testing.F) {
	for _, s := range []string{
		`{"id":1,"a":"x","b":"y"}`, `{"id":{"a":[null]},"a":[{"role":"user","content":[{"type":"text","text":"x"}]}],"b":""}`,
		`{"a":"\ud800","b":"\u0000"}`, `{"id":1,"id":2,"a":"x","a":[],"b":{}}`, "{}\n\n[", "\xff", `{"a":"x","b":[{"role":"user","content":null,"tool_calls":[{}]}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := newExplainReader(bytes.NewReader(in))
		for {
			line, err := r.next()
			if err == io.EOF {
				return
			}
			if err != nil {
				if !strings.Contains(err.Error(), "line ") {
					t.Errorf("%v names no line", err)
				}
				return
			}
			if !json.Valid(line.id) || len(line.a.Messages) == 0 || len(line.b.Messages) == 0 {
				t.Errorf("read %+v from %q", line, in)
			}
		}
	})
}
