package traffic

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// readAll reads to the end and describes each pair, or what is wrong with a line.
func readAll(t testing.TB, r Reader, size int64) (got []string) {
	t.Helper()
	line := 0
	for {
		p, err := r.Next()
		var bad *LineError
		switch {
		case errors.Is(err, io.EOF):
			return got
		case errors.As(err, &bad):
			p = &Pair{Line: bad.Line, Size: bad.Size}
			got = append(got, "! "+err.Error())
		case err != nil:
			return append(got, "!! "+err.Error())
		default:
			s := fmt.Sprintf("%d %s %s > %s", p.Line, p.Path, p.Request, p.Answer)
			if !p.Created.IsZero() {
				s += " @" + p.Created.Format(time.RFC3339)
			}
			for _, v := range []string{p.Namespace, p.Skip} {
				if v != "" {
					s += " (" + v + ")"
				}
			}
			got = append(got, s)
		}
		if p.Line <= line || p.Size <= 0 {
			t.Fatalf("line %d of %d bytes after line %d", p.Line, p.Size, line)
		}
		if line, size = p.Line, size-p.Size; size < 0 {
			t.Fatalf("more than the file has: %d", size)
		}
	}
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		var g, w string
		if i < len(got) {
			g = got[i]
		}
		if i < len(want) {
			w = want[i]
		}
		if g != w && (!strings.HasPrefix(w, "!") || !strings.HasPrefix(g, "!") || !strings.Contains(g, strings.TrimLeft(w, "! "))) {
			t.Errorf("%d: %s\nwant %s", i, g, w)
		}
	}
}

func TestLog(t *testing.T) {
	text := "\xef\xbb\xbf" + `{"request":{"m":1},"response":{"a":1},"path":"/v1/x","created_at":"2026-01-02T03:04:05Z","other":[]}

{"request":"{\"m\":2}","response":"data: x\n\n","time":1767323045000,"namespace":"shop"}
{"request":{"url":"https://h/v1/x","body":{"m":3}},"response":{"status_code":200,"body":"{\"created\":1767323045}"}}
{"request_body":"{}","response_body":"{}","status":429}
{"request":{}}
{"request":{},"response":{},"cache_status":"SEMANTIC HIT"}
{"request":{},"response":{},"bodies_cut":true}
{"response":{}}
no JSON
{"request":1,"response":{}}
{"request":{},"response":{},"created":"yesterday"}
{"request":{},"response":{},"latency_ms":-1}
null
{"request":{},"response":{},"status":"ok"}`
	want := []string{
		`1 /v1/x {"m":1} > {"a":1} @2026-01-02T03:04:05Z`,
		"3  {\"m\":2} > data: x\n\n @2026-01-02T03:04:05Z (shop)",
		`4 https://h/v1/x {"m":3} > {"created":1767323045} @2026-01-02T03:04:05Z`,
		`5  {} > {} (its status is 429)`,
		`6  {} >  (it has no response)`,
		`7  {} >  (it was answered from a cache)`,
		`8  {} >  (the log has only the beginning of it)`,
		`! line 9: request is missing`, `! line 10: no JSON`, `! line 11: request: neither`, `! line 12: created: "yesterday" is no time`,
		`! line 13: latency_ms`, `! line 14: no JSON`,
		`15  {} > {}`,
	}
	expect(t, readAll(t, NewLog(strings.NewReader(text)), int64(len(text))), want...)
	expect(t, readAll(t, NewLog(iotest.OneByteReader(strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n")))), 1<<20), want...)
	broken := io.MultiReader(strings.NewReader(text[:len(text)-5]), iotest.ErrReader(errors.New("the disk is gone")))
	expect(t, readAll(t, NewLog(broken), 1<<20), append(want[:len(want)-1:len(want)-1], "!! the disk is gone")...)
}

// TestOthersLogs reads lines as Helicone's requests and LangSmith's runs of OpenAI calls are exported.
func TestOthersLogs(t *testing.T) {
	for name, c := range map[string]struct{ line, want string }{
		"helicone": {`{"request_created_at":"2026-01-02T03:04:04Z","request_body":{"m":1},"request_path":"https://h/v1/messages","response_created_at":"2026-01-02T03:04:05Z","response_body":{"a":1},"response_status":200,"delay_ms":12}`,
			`1 https://h/v1/messages {"m":1} > {"a":1} @2026-01-02T03:04:05Z`},
		"helicone's error": {`{"request_body":{"m":1},"response_body":{"error":{}},"response_status":429}`, `1  {"m":1} > {"error":{}} (its status is 429)`},
		"langsmith": {`{"run_type":"llm","start_time":"2026-01-02T03:04:04","end_time":"2026-01-02T03:04:05","inputs":{"m":1},"outputs":{"a":1},"status":"success"}`,
			`1  {"m":1} > {"a":1} @2026-01-02T03:04:05Z`},
	} {
		t.Run(name, func(t *testing.T) {
			format, whole, err := Detect(strings.NewReader(c.line))
			if err != nil || format != Log {
				t.Fatalf("%s, %v", format, err)
			}
			expect(t, readAll(t, NewLog(whole), int64(len(c.line))), c.want)
		})
	}
}

// TestBodyInABody holds that of bodies within bodies the outermost counts, so that a line is not read once for each.
func TestBodyInABody(t *testing.T) {
	deep := strings.Repeat(`{"body":`, 3000) + `"` + strings.Repeat("x", 1<<20) + `"` + strings.Repeat("}", 3000)
	text := `{"request":{"body":{"body":{"m":1}}},"response":{}}` + "\n" + `{"request":` + deep + `,"response":{}}`
	expect(t, readAll(t, NewLog(strings.NewReader(text)), int64(len(text))),
		`1  {"body":{"m":1}} > {}`, "2  "+deep[len(`{"body":`):len(deep)-1]+" > {}")
}

func TestQuestions(t *testing.T) {
	ask := Asking{Model: "m", System: "be brief", Params: map[string]json.RawMessage{"temperature": json.RawMessage("0")}}
	const created = `2026-01-02 03:04:05`
	chat := func(line int, model, system, question, answer string, at int64) string {
		when := ""
		if at > 0 {
			when = " @" + time.Unix(at, 0).UTC().Format(time.RFC3339)
		}
		return fmt.Sprintf(`%d /v1/chat/completions {"messages":[{"role":"system","content":"%s"},{"role":"user","content":"%s"}],"model":"%s","temperature":0} > `+
			`{"id":"chatcmpl-imported","object":"chat.completion","created":%d,"model":"%[4]s","choices":[{"index":0,"message":{"role":"assistant","content":"%[6]s"},"finish_reason":"stop"}]}%[7]s`,
			line, system, question, model, at, answer, when)
	}
	want := []string{
		chat(2, "m", "be brief", "why", "<b>so</b>", 0), chat(3, "own", "be long", `a \"b\"`, `x\ny`, 1767323045),
		"! line 5: the question is empty", "! line 6: the answer is empty", "! line 7: ", chat(8, "m", "be brief", "last", "one", 0),
	}
	lines := "\n" + `{"question":"why","answer":"<b>so</b>"}
{"prompt":"a \"b\"","response":"x\ny","model":"own","system":"be long","created":"` + created + `"}

{"question":" ","answer":"x"}
{"question":"x"}
{"question":["x"],"answer":"y"}
{"query":"last","completion":"one","more":null}
`
	expect(t, readAll(t, NewQuestions(strings.NewReader(lines), ask), int64(len(lines))), want...)

	for _, comma := range []string{",", ";", "\t"} {
		rows := strings.ReplaceAll("\xef\xbb\xbfQuestion ,answer,MODEL,system,created\nwhy,<b>so</b>,,,\n"+`"a ""b""","x
y",own,be long,`+created+"\n ,x,,,\nx,,,,\nonly,two\nlast,one,,,\n", ",", comma)
		r, err := NewCSV(strings.NewReader(rows), ask)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, readAll(t, r, int64(len(rows))), want...)
	}
	if _, err := NewQuestions(strings.NewReader(lines), Asking{}).Next(); !errors.Is(err, ErrModel) {
		t.Error(err)
	}
	for _, head := range []string{"", "\n\n", "a,b\n", "question\n", `"question`, "answer,answer\n"} {
		if _, err := NewCSV(strings.NewReader(head), ask); !errors.Is(err, ErrFormat) {
			t.Errorf("%q: %v", head, err)
		}
	}
	r, err := NewCSV(io.MultiReader(strings.NewReader("question,answer\na,\"b"), endless{}), ask)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err == nil || !strings.Contains(err.Error(), "quote") {
		t.Error(err)
	}
}

// endless is a file that does not end, and has no second quote.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestBatch(t *testing.T) {
	in := `{"custom_id":"a","method":"POST","url":"/v1/x","body":{"m":1}}
{"custom_id":"b","url":"/v1/x","body":{"m":2}}
{"custom_id":"c","url":"/v1/x","body":{"m":3}}
{"custom_id":"d","url":"/v1/x","body":{"m":4}}
{"custom_id":"e","url":"/v1/x","body":{"m":5}}
{"url":"/v1/x"}
`
	out := `
{"custom_id":"c","response":{"status_code":200,"body":{"created":1767323045}},"error":null}
{"custom_id":"b","response":{"status_code":500,"body":{}}}

{"custom_id":"d","response":null,"error":{"code":"expired"}}
{"custom_id":"e","response":7}
{"custom_id":"a","response":{"status_code":200,"body":{"a":1}}}`
	r, err := NewBatch(strings.NewReader(in), strings.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, readAll(t, r, int64(len(in))),
		`1 /v1/x {"m":1} > {"a":1}`, `2 /v1/x {"m":2} > {} (its status is 500)`, `3 /v1/x {"m":3} > {"created":1767323045} @2026-01-02T03:04:05Z`,
		`4 /v1/x {"m":4} >  (it has an error for an answer)`, `! line 5: its answer, line 6 of the answers' file: response`, `! line 6: custom_id or body`)
	if _, err := NewBatch(strings.NewReader(in), strings.NewReader(out+"\n{}")); err == nil || !strings.Contains(err.Error(), "line 8: custom_id") {
		t.Error(err)
	}
}

func TestDetect(t *testing.T) {
	for text, want := range map[string]string{
		"": Entries, " \n\n": Entries,
		`{"key":"a","partition":"b"`:                                             Entries,
		"\xef\xbb\xbf\n" + `{"request":{},"response":{}}` + "\n":                 Log,
		`{"request_body":"` + strings.Repeat("x", 10000) + `","answer_body":""}`: Log,
		`{"custom_id":"a","body":{}}`:                                            Batch,
		`{"prompt":"a","response":"b"}`:                                          Questions,
		"question,answer\n":                                                      CSV,
		`"a {","b"`:                                                              CSV,
		`{"custom_id":"a","response":0`:                                          "!--answers",
		`[{"question":"a"`:                                                       "!jq",
		`{"a":1,"b":2}`:                                                          "!a, b",
		`{"question":"` + strings.Repeat("x", 2<<20) + `","answer":""}`:          "!first line",
	} {
		format, whole, err := Detect(iotest.HalfReader(strings.NewReader(text)))
		if why, bad := strings.CutPrefix(want, "!"); bad {
			if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), why) {
				t.Errorf("%.50s: %s %v", text, format, err)
			}
			continue
		}
		if err != nil || format != want {
			t.Errorf("%.50s: %s %v, want %s", text, format, err, want)
			continue
		}
		if all, err := io.ReadAll(whole); err != nil || string(all) != text {
			t.Errorf("%.50s: %d bytes are left, %v", text, len(all), err)
		}
	}
	if _, _, err := Detect(iotest.ErrReader(errors.New("no disk"))); err == nil {
		t.Error("an unreadable file has a format")
	}
}

func TestTimes(t *testing.T) {
	want := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, s := range []string{"2026-01-02T03:04:05Z", "2026-01-02T04:04:05+01:00", "2026-01-02 03:04:05", "1767323045", "1767323045.0", "1767323045000", "1767323045000000"} {
		if got, err := parseTime(s); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v %v", s, got, err)
		}
	}
	for _, s := range []string{"", "NaN", "-1", "1e300", "Inf", "noon"} {
		if got, err := parseTime(s); err == nil {
			t.Errorf("%s: %v", s, got)
		}
	}
}

// fuzz reads anything to its end, twice, with the same outcome.
func fuzz(f *testing.F, open func(text string) (Reader, error), seeds ...string) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		read := func() []string {
			r, err := open(text)
			if err != nil {
				return []string{err.Error()}
			}
			return readAll(t, r, int64(len(text)))
		}
		if a, b := read(), read(); !reflect.DeepEqual(a, b) {
			t.Fatalf("%q and then %q", a, b)
		}
	})
}

func FuzzLog(f *testing.F) {
	fuzz(f, func(text string) (Reader, error) { return NewLog(strings.NewReader(text)), nil },
		`{"request":{"body":"{}"},"response":"data: a","created":1,"latency_ms":3}`+"\nx\n", `{"request":{"body":{"body":1}},"response":{}}`)
}

func FuzzQuestions(f *testing.F) {
	fuzz(f, func(text string) (Reader, error) {
		return NewQuestions(strings.NewReader(text), Asking{Model: "m"}), nil
	},
		`{"question":"a","answer":"b","time":"1"}`)
}

func FuzzCSV(f *testing.F) {
	fuzz(f, func(text string) (Reader, error) { return NewCSV(strings.NewReader(text), Asking{Model: "m"}) },
		"question,answer\na,b\n", "answer;question;time\n\"a\nb\";c;1\n;", "question\tanswer\n\"")
}

func FuzzBatch(f *testing.F) {
	const in = `{"custom_id":"a","body":{}}` + "\n"
	fuzz(f, func(text string) (Reader, error) { return NewBatch(strings.NewReader(text), strings.NewReader(in)) }, in, in+in)
}

func FuzzBatchAnswers(f *testing.F) {
	const in = `{"custom_id":"a","body":{}}` + "\n"
	f.Add(`{"custom_id":"a","response":{"status_code":200,"body":{}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := NewBatch(strings.NewReader(in), strings.NewReader(text)); err == nil {
			readAll(t, r, int64(len(in)))
		}
	})
}

func FuzzDetect(f *testing.F) {
	f.Add(`{"request":{},"response":{}}`)
	f.Add("question,answer")
	f.Fuzz(func(t *testing.T, text string) {
		_, whole, err := Detect(strings.NewReader(text))
		if err != nil {
			return
		}
		if all, err := io.ReadAll(whole); err != nil || string(all) != text {
			t.Fatalf("%q became %q", text, all)
		}
	})
}
