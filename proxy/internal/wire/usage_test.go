package wire

import "testing"

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		name    string
		dialect *Dialect
		usage   string
		want    Usage
	}{
		{"OpenAI", Chat, `{"prompt_tokens":10,"completion_tokens":4,"total_tokens":14,"prompt_tokens_details":{"cached_tokens":8}}`, Usage{Input: 2, Cached: 8, Output: 4, Known: true}},
		{"OpenAI, no details", Completion, `{"prompt_tokens":10,"completion_tokens":4}`, Usage{Input: 10, Output: 4, Known: true}},
		{"DeepSeek", Chat, `{"prompt_tokens":10,"completion_tokens":4,"prompt_cache_hit_tokens":3,"prompt_cache_miss_tokens":7}`, Usage{Input: 7, Cached: 3, Output: 4, Known: true}},
		{"Responses", Responses, `{"input_tokens":10,"input_tokens_details":{"cached_tokens":1},"output_tokens":4}`, Usage{Input: 9, Cached: 1, Output: 4, Known: true}},
		{"embeddings", Embeddings, `{"prompt_tokens":10,"total_tokens":10}`, Usage{Input: 10, Known: true}},
		{"total only", Embeddings, `{"total_tokens":10}`, Usage{Input: 10, Known: true}},
		{"Anthropic", Messages, `{"input_tokens":10,"output_tokens":4,"cache_read_input_tokens":100,"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20}}`,
			Usage{Input: 10, Cached: 100, Written: 10, WrittenH: 20, Output: 4, Known: true}},
		{"Cohere", Chat, `{"billed_units":{"input_tokens":5,"output_tokens":6},"tokens":{"input_tokens":70,"output_tokens":6}}`, Usage{Input: 5, Output: 6, Known: true}},
		{"more cached than read", Chat, `{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":80}}`, Usage{Cached: 10, Known: true}},
		{"nothing", Chat, `{}`, Usage{}},
		{"null", Chat, `null`, Usage{}},
		{"no numbers", Chat, `{"prompt_tokens":"10","completion_tokens":-4}`, Usage{}},
		{"no object", Chat, `[1]`, Usage{}},
	} {
		if got := c.dialect.usageOf([]byte(c.usage)); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestMeter(t *testing.T) {
	for _, c := range []struct {
		name    string
		dialect *Dialect
		events  []string
		want    Usage
	}{
		{"OpenAI", Chat, []string{`{"model":"m","choices":[{"delta":{"content":"a"}}],"usage":null}`, `{"model":"m","choices":[{"delta":{"content":"\"usage\""}}]}`, `{"model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}`, Done},
			Usage{Input: 3, Output: 2, Known: true}},
		{"OpenAI without", Chat, []string{`{"model":"m","choices":[{"delta":{"content":"a"}}]}`, Done}, Usage{}},
		{"Anthropic", Messages, []string{`{"type":"message_start","message":{"model":"m","usage":{"input_tokens":3,"output_tokens":1,"cache_read_input_tokens":7}}}`, `{"type":"message_delta","usage":{"output_tokens":9}}`, `{"type":"message_stop"}`},
			Usage{Input: 3, Cached: 7, Output: 9, Known: true}},
		{"Responses", Responses, []string{`{"type":"response.created","response":{"model":"m","usage":null}}`, `{"type":"response.completed","response":{"model":"m","usage":{"input_tokens":3,"output_tokens":2}}}`},
			Usage{Input: 3, Output: 2, Known: true}},
	} {
		m := Meter{Dialect: c.dialect}
		for _, e := range c.events {
			m.Add([]byte(e))
		}
		if m.Usage != c.want || m.Model != "m" || m.Events != len(c.events) {
			t.Errorf("%s: %+v", c.name, m)
		}
	}
}

// TestTaken holds what of a stream is paid for that broke off: what it said of its usage, and what came after that.
func TestTaken(t *testing.T) {
	begin, delta := `{"type":"message_start","message":{"model":"m","usage":{"input_tokens":3,"output_tokens":1}}}`, `{"type":"content_block_delta"}`
	end := `{"type":"message_delta","usage":{"output_tokens":9}}`
	chat := `{"model":"m","choices":[{"delta":{"content":"a"}}]}`
	for name, c := range map[string]struct {
		dialect *Dialect
		events  []string
		want    Usage
		guessed bool
	}{
		"nothing":              {Messages, nil, Usage{}, false},
		"the beginning":        {Messages, []string{begin}, Usage{Input: 3, Output: 1, Known: true}, false},
		"some of it":           {Messages, []string{begin, delta, delta}, Usage{Input: 3, Output: 3, Known: true}, true},
		"all but the end":      {Messages, []string{begin, delta, delta, end}, Usage{Input: 3, Output: 9, Known: true}, false},
		"all":                  {Messages, []string{begin, delta, end, `{"type":"ping"}`, `{"type":"message_stop"}`}, Usage{Input: 3, Output: 9, Known: true}, false},
		"all, not said":        {Messages, []string{begin, delta, delta, `{"type":"message_stop"}`}, Usage{Input: 3, Output: 1, Known: true}, false},
		"OpenAI's":             {Chat, []string{chat, chat}, Usage{}, false},
		"one that keeps count": {Chat, []string{chat, `{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}`, chat}, Usage{Input: 3, Output: 3, Known: true}, true},
	} {
		m := Meter{Dialect: c.dialect}
		for _, e := range c.events {
			m.Add([]byte(e))
		}
		if u, guessed := m.Taken(); u != c.want || guessed != c.guessed {
			t.Errorf("%s: %+v, guessed: %v", name, u, guessed)
		}
	}
}

func FuzzMeter(f *testing.F) {
	f.Add([]byte(`{"model":"m","usage":{"prompt_tokens":3,"prompt_tokens_details":{"cached_tokens":5}},"message":{"usage":{"input_tokens":1}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, d := range append([]*Dialect{Embeddings}, Dialects...) {
			m := Meter{Dialect: d}
			m.Add(data)
			m.Add(data)
			if u := m.Usage; u.Input < 0 || u.Cached < 0 || u.Written < 0 || u.WrittenH < 0 || u.Output < 0 {
				t.Errorf("%s: %+v", d.Name, u)
			}
		}
	})
}
