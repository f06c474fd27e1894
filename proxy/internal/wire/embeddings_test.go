package wire

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestReadInputs(t *testing.T) {
	for name, tt := range map[string]struct {
		body string
		n    int // 0: not cached
	}{
		"a string":          {`{"input":"a"}`, 1},
		"strings":           {`{"input":["a","b","a"]}`, 3},
		"tokens":            {`{"input":[1,2,3]}`, 1},
		"arrays of tokens":  {`{"input":[[1,2],[3]]}`, 2},
		"objects":           {`{"input":[{"text":"a"},{"image":"b"}]}`, 2},
		"nothing":           {`{"input":[]}`, 0},
		"no input":          {`{"model":"m"}`, 0},
		"a null":            {`{"input":["a",null]}`, 0},
		"as many as may be": {`{"input":["a"` + strings.Repeat(`,"a"`, maxInputs-1) + `]}`, maxInputs},
		"one more":          {`{"input":["a"` + strings.Repeat(`,"a"`, maxInputs) + `]}`, 0},
		"one of as many":    {`{"input":[1` + strings.Repeat(`,1`, 5*maxInputs) + `]}`, 1},
	} {
		q, err := ReadInputs([]byte(tt.body))
		if err != nil || len(q.Texts) != tt.n || (q.NoCache == "") != (tt.n > 0) {
			t.Errorf("%s: got %+v, %v", name, q, err)
		}
	}
	if _, err := ReadInputs([]byte(`{"input":`)); !errors.As(err, new(*SyntaxError)) {
		t.Errorf("got %v", err)
	}
	if q, _ := ReadInputs([]byte(`{"input":[[1,2],[3],"four"]}`)); !slices.Equal(q.Weights, []int{9, 5, 5}) {
		t.Errorf("weights %v", q.Weights)
	}
	seen := map[string]bool{}
	for _, input := range []string{`"1"`, `[1]`, `[[1]]`, `[{"a":1}]`, `"[1]"`} {
		q, _ := ReadInputs([]byte(`{"input":` + input + `}`))
		seen[q.Texts[0].Text+"\x00"+string(q.Texts[0].Rest[:])] = true
	}
	if len(seen) != 4 { // [1] and [[1]] ask for the same
		t.Errorf("got %d different inputs", len(seen))
	}
	q, _ := ReadInputs([]byte(`{"model":"m", "input":["a","b","c"],"dimensions":3}`))
	if got := string(q.Ask([]int{0, 2})); got != `{"model":"m","input":["a","c"],"dimensions":3}` {
		t.Errorf("got %s", got)
	}
	if got := string(q.Ask([]int{0, 1, 2})); got != `{"model":"m", "input":["a","b","c"],"dimensions":3}` {
		t.Errorf("got %s", got)
	}
}

const vectorsBody = `{"object":"list","data":[{"object":"embedding","index":1,"embedding":"AAA="},{"object":"embedding","index":0,"embedding":[0.1,-2e-05]},{"object":"embedding","index":2,"embedding":[3]}],"model":"m","usage":{"prompt_tokens":11,"total_tokens":11}}`

func TestSplitVectors(t *testing.T) {
	parts, err := SplitVectors([]byte(vectorsBody), []int{5, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		`{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,-2e-05]}],"model":"m","usage":{"prompt_tokens":7,"total_tokens":7}}`,
		`{"object":"list","data":[{"object":"embedding","index":0,"embedding":"AAA="}],"model":"m","usage":{"prompt_tokens":2,"total_tokens":2}}`,
		`{"object":"list","data":[{"object":"embedding","index":0,"embedding":[3]}],"model":"m","usage":{"prompt_tokens":2,"total_tokens":2}}`,
	} {
		sameJSON(t, parts[i], []byte(want))
	}
	whole, err := JoinVectors(parts)
	if err != nil {
		t.Fatal(err)
	}
	again, err := SplitVectors(whole, []int{5, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range parts {
		sameJSON(t, again[i], parts[i])
	}
	if got := string(FreeVectors(parts[0])); got != `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,-2e-05]}],"model":"m","usage":{"prompt_tokens":0,"total_tokens":0}}` {
		t.Errorf("got %s", got)
	}
	for name, body := range map[string]string{
		"too few":       `{"data":[{"index":0,"embedding":[1]}]}`,
		"none":          `{"data":[]}`,
		"an error":      `{"error":{"message":"x"},"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1]}]}`,
		"one twice":     `{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}`,
		"out of range":  `{"data":[{"index":0,"embedding":[1]},{"index":2,"embedding":[1]}]}`,
		"no vector":     `{"data":[{"index":0,"embedding":[1]},{"index":1}]}`,
		"empty vector":  `{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[]}]}`,
		"no JSON":       `{"data":`,
		"not an object": `[]`,
	} {
		if _, err := SplitVectors([]byte(body), []int{1, 1}); !errors.Is(err, ErrForm) {
			t.Errorf("%s: got %v, want ErrForm", name, err)
		}
	}
}

func FuzzInputs(f *testing.F) {
	f.Add([]byte(`{"model":"m","input":["a",[1,2],{"b":1}],"user":"u"}`))
	f.Add([]byte(`{"input":[1,2,3]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := ReadInputs(body)
		if err != nil {
			if !errors.As(err, new(*SyntaxError)) {
				t.Fatal(err)
			}
			return
		}
		if (q.NoCache == "") != (len(q.Texts) > 0) || len(q.Texts) > 0 && len(q.Texts) != len(q.Weights) {
			t.Fatalf("got %+v", q)
		}
		if len(q.Texts) == 0 {
			return
		}
		last := len(q.Texts) - 1
		one, err := ReadInputs(q.Ask([]int{last}))
		if err != nil || len(one.Texts) != 1 || one.Texts[0] != q.Texts[last] || one.Scope != q.Scope {
			t.Fatalf("asked for one: %v\n%s\n%+v\n%+v", err, q.Ask([]int{last}), one, q)
		}
	})
}

// FuzzVectors holds that an answer that is taken apart and put together again says the same.
func FuzzVectors(f *testing.F) {
	f.Add([]byte(vectorsBody))
	f.Fuzz(func(t *testing.T, body []byte) {
		top, data, err := vectors(body)
		if err != nil {
			return
		}
		weights := make([]int, len(data))
		for i := range weights {
			weights[i] = i + 1
		}
		parts, err := SplitVectors(body, weights)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := JoinVectors(parts)
		if err != nil {
			t.Fatal(err)
		}
		again, joined, err := vectors(whole)
		if err != nil || len(again) != len(top) {
			t.Fatalf("%v\n%s\n%s", err, body, whole)
		}
		for i := range data {
			sameJSON(t, joined[i], data[i])
		}
	})
}
