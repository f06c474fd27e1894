package wire

import (
	"math/rand/v2"
	"strings"
	"testing"
)

func TestCountable(t *testing.T) {
	data := strings.Repeat("iVBORw0KGgo/", 10_000)
	for name, c := range map[string]struct {
		v    string
		want int
	}{
		"nothing":               {``, 0},
		"words":                 {`"two words"`, 11},
		"not English":           {`"` + strings.Repeat("é", 10_000) + `"`, 20_002},
		"a long word":           {strings.Repeat("a", payload-1), payload - 1},
		"a picture":             {`"` + data + `=="`, payload + 4},
		"two":                   {`["` + data + `","` + data + `"]`, 2*payload + 7},
		"with escaped slashes":  {`"` + strings.ReplaceAll(data, "/", `\/`) + `"`, payload + 2},
		"a backslash at an end": {`\`, 1},
	} {
		if got := Countable([]byte(c.v)); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestCountableSeesEveryRun holds that looking at few bytes finds the same as looking at each, wherever runs begin and end.
func TestCountableSeesEveryRun(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 300 {
		var v []byte
		want := 0
		for range r.IntN(6) {
			run := r.IntN(3 * payload)
			if r.IntN(2) == 0 {
				run = payload - 2 + r.IntN(5)
			}
			run &^= 1 // a slash that is escaped is two bytes
			v = append(v, strings.Repeat([...]string{"Zz", `\/`, "/_"}[r.IntN(3)], run/2)...)
			gap := r.IntN(3) * r.IntN(payload)
			v = append(append(v, '"'), strings.Repeat(`= \"`, gap)...)
			want += min(run, payload) + 1 + 4*gap
		}
		if got := Countable(v); got != want {
			t.Fatalf("%d of %d bytes, want %d", got, len(v), want)
		}
	}
}

// TestLength holds that a question's length counts what a model reads, in every dialect and in whatever form it comes.
func TestLength(t *testing.T) {
	words := strings.Repeat("word ", 100)
	for name, c := range map[string]struct {
		dialect  *Dialect
		body     string
		from, to int
	}{
		"a message":         {Chat, `{"model":"m","messages":[{"role":"user","content":"` + words + `"}]}`, 500, 500},
		"parts":             {Chat, `{"messages":[{"role":"user","content":[{"type":"text","text":"` + words + `"},{"type":"text","text":"` + words + `"}]}]}`, 1001, 1001},
		"a picture's URL":   {Chat, `{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x.test/y"}}]}]}`, 50, 80},
		"a tool":            {Chat, `{"messages":[{"role":"user","content":"x"}],"tools":[{"function":{"description":"` + words + `"}}]}`, 500, 550},
		"who asks":          {Chat, `{"messages":[{"role":"user","content":"x"}],"metadata":{"a":"` + words + `"}}`, 1, 1},
		"a prompt":          {Completion, `{"prompt":"` + words + `"}`, 500, 500},
		"prompts":           {Completion, `{"prompt":["` + words + `","` + words + `"]}`, 1000, 1010},
		"a system prompt":   {Messages, `{"system":"` + words + `","messages":[{"role":"user","content":"x"}]}`, 501, 501},
		"in parts":          {Messages, `{"system":[{"type":"text","text":"` + words + `"}],"messages":[{"role":"user","content":"x"}]}`, 501, 501},
		"a tool's result":   {Messages, `{"messages":[{"role":"user","content":[{"type":"tool_result","content":"` + words + `"}]}]}`, 500, 550},
		"instructions":      {Responses, `{"instructions":"` + words + `","input":"x"}`, 501, 501},
		"a call's output":   {Responses, `{"input":[{"type":"function_call_output","output":"` + words + `"}]}`, 500, 550},
		"an item's message": {Responses, `{"input":[{"role":"user","content":[{"type":"input_text","text":"` + words + `"}]}]}`, 500, 500},
		"not cached":        {Responses, `{"previous_response_id":"x","input":"` + words + `"}`, 500, 560},
	} {
		q, err := c.dialect.Read([]byte(c.body))
		if err != nil || q.Length < c.from || q.Length > c.to {
			t.Errorf("%s: %d, want %d to %d: %v", name, q.Length, c.from, c.to, err)
		}
	}
	for body, want := range map[string]int{`{"input":"four"}`: 5, `{"input":["four",[1,2]]}`: 14, `{"input":["four",null]}`: 13} {
		if q, err := ReadInputs([]byte(body)); err != nil || q.Length != want {
			t.Errorf("%s: %d, want %d: %v", body, q.Length, want, err)
		}
	}
}
