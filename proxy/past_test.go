package proxy

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/reprise-cache/reprise/cache"
)

func noProvider(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }

// bring has the rig's cache take in a past request.
func (r *rig) bring(p Past) {
	r.t.Helper()
	if p.Created.IsZero() {
		p.Created = time.Now().Add(-time.Hour)
	}
	rec, err := r.s.Record(&p, false)
	if err != nil {
		r.t.Fatal(err)
	}
	if done, err := r.cache.Import(r.t.Context(), rec); err != nil || !done {
		r.t.Fatal(done, err)
	}
}

// TestPastRequestsAnswerLiveOnes imports requests of each endpoint and asks the same and others.
func TestPastRequestsAnswerLiveOnes(t *testing.T) {
	const key = "Bearer sk-test-of-a-caller"
	caller := http.Header{"Authorization": {key}, "X-Reprise-Cache-Namespace": {"shop"}}
	anthropic := caller.Clone()
	anthropic.Set("anthropic-version", "2023-06-01")
	anthropic.Set("x-reprise-provider", "claude")
	texts := [2]string{"how do I turn on two-factor login now", "now how do I turn on two-factor login"}
	for name, c := range map[string]struct {
		path, body, answer, want string // body with %s for the question
		url                      string // as the log has it, if it is not the path
		header                   http.Header
	}{
		"chat":        {path: chatPath, body: `{"messages":[{"role":"user","content":"%s"}],"temperature":0.5,"model":"m","stream":true}`, answer: bodyOf("A1"), want: "A1", header: caller},
		"chat stream": {path: chatPath, body: `{"messages":[{"role":"user","content":"%s"}],"model":"m"}`, answer: streamOf("A 2"), want: "A 2", url: "none", header: caller},
		"chat by URL": {path: chatPath, body: `{"messages":[{"role":"user","content":"%s"}],"model":"m"}`, answer: bodyOf("A3"), want: "A3", url: "https://x.example/openai/v1/chat/completions?api-version=1", header: caller},
		"completion":  {path: "/v1/completions", body: `{"prompt":"%s","model":"m"}`, answer: `{"object":"text_completion","choices":[{"index":0,"text":"A4","finish_reason":"stop"}]}`, want: "A4", url: "none", header: caller},
		"messages": {path: "/v1/messages", body: `{"messages":[{"role":"user","content":"%s"}],"max_tokens":9,"model":"m"}`, url: "none", header: anthropic, want: "A5",
			answer: `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"A5"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}`},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, noProvider, func(c *Config) {
				c.Providers = append(c.Providers, Provider{Name: "claude", Kind: Anthropic, BaseURL: c.Providers[0].BaseURL})
			})
			p := Past{Path: c.path, Header: c.header, Body: []byte(strings.Replace(c.body, "%s", texts[0], 1)), Answer: []byte(c.answer), Took: time.Second}
			switch c.url {
			case "none":
				p.Path = ""
			case "":
			default:
				p.Path = c.url
			}
			r.bring(p)
			var header []string
			for k := range c.header {
				header = append(header, k, c.header.Get(k))
			}
			ask := func(text string, replace ...string) reply {
				body := strings.NewReplacer(replace...).Replace(strings.Replace(c.body, "%s", text, 1))
				return r.do("POST", c.path, strings.Replace(body, `,"stream":true`, "", 1), header...)
			}
			if got := ask(texts[0]); got.cache() != "HIT" || !strings.Contains(got.body, c.want) || got.Header.Get("age") != "3600" {
				t.Errorf("the same: %s %v %s", got.cache(), got.Header["Age"], got.body)
			}
			if got := ask(texts[1]); got.cache() != "SEMANTIC HIT" || !strings.Contains(got.body, c.want) {
				t.Errorf("reworded: %s %s", got.cache(), got.body)
			}
			if got := ask(texts[0], `"model":"m"`, `"model":"m2"`); strings.HasSuffix(got.cache(), "HIT") {
				t.Errorf("another model: %s", got.cache())
			}
			for i := 0; i < len(header); i += 2 {
				others := append([]string{}, header...)
				others[i+1] = strings.Replace(others[i+1], "claude", "main", 1) + "9"
				if strings.EqualFold(others[i], "x-reprise-provider") {
					continue // there is no such provider
				}
				got := r.do("POST", c.path, strings.Replace(c.body, "%s", texts[0], 1), others...)
				if strings.HasSuffix(got.cache(), "HIT") {
					t.Errorf("another %s: %s", others[i], got.cache())
				}
			}
		})
	}
}

func TestPastRequestsThatMakeNoRecord(t *testing.T) {
	r := newRig(t, noProvider)
	q, a := question("hello there", ""), bodyOf("A")
	key := http.Header{"Authorization": {"Bearer sk-x"}}
	for name, c := range map[string]struct {
		p    Past
		want string
		is   error
	}{
		"no credential":   {Past{Body: []byte(q), Answer: []byte(a)}, "credential", ErrCredential},
		"no such path":    {Past{Path: "/v1/images", Header: key, Body: []byte(q), Answer: []byte(a)}, "/v1/images", ErrNotCached},
		"embeddings":      {Past{Path: "/v1/embeddings", Header: key, Body: []byte(q), Answer: []byte(a)}, "embeddings", ErrNotCached},
		"other's answer":  {Past{Path: "/v1/completions", Header: key, Body: []byte(q), Answer: []byte(a)}, "choices", ErrNotCached},
		"an error":        {Past{Header: key, Body: []byte(q), Answer: []byte(`{"error":{"message":"no"}}`)}, "answer", ErrNotCached},
		"broken stream":   {Past{Header: key, Body: []byte(q), Answer: []byte(strings.TrimSuffix(streamOf("A"), "data: [DONE]\n\n"))}, "whole", ErrNotCached},
		"no answer":       {Past{Header: key, Body: []byte(q)}, "whole", ErrNotCached},
		"cut short":       {Past{Header: key, Body: []byte(q), Answer: []byte(strings.Replace(a, `"stop"`, "null", 1))}, "whole", ErrNotCached},
		"no JSON":         {Past{Header: key, Body: []byte(`{"model`), Answer: []byte(a)}, "JSON", nil},
		"no messages":     {Past{Header: key, Body: []byte(`{"model":"m"}`), Answer: []byte(a)}, "messages", ErrNotCached},
		"kept by them":    {Past{Header: key, Body: []byte(question("x", `"store":true`)), Answer: []byte(a)}, "store", ErrNotCached},
		"bad header":      {Past{Header: http.Header{"Authorization": {"Bearer x"}, "X-Reprise-Cache": {"wrong"}}, Body: []byte(q), Answer: []byte(a)}, "x-reprise-cache", nil},
		"not to be kept":  {Past{Header: http.Header{"Authorization": {"Bearer x"}, "Cache-Control": {"no-store"}}, Body: []byte(q), Answer: []byte(a)}, "not cached", ErrNotCached},
		"unknown target":  {Past{Header: http.Header{"Authorization": {"Bearer x"}, "X-Reprise-Provider": {"who"}}, Body: []byte(q), Answer: []byte(a)}, "who", nil},
		"year that isn't": {Past{Header: key, Body: []byte(q), Answer: []byte(a), Created: time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)}, "9000", cache.ErrInvalid},
	} {
		rec, err := r.s.Record(&c.p, false)
		if rec != nil || err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v %v", name, rec, err)
		}
	}
	p := Past{Body: []byte(q), Answer: []byte(a), Created: time.Now()}
	rec, err := r.s.Record(&p, true)
	if err != nil {
		t.Fatal(err)
	}
	if done, err := r.cache.Import(t.Context(), rec); err != nil || !done {
		t.Fatal(done, err)
	}
	if got := r.ask("hello there", ""); got.cache() != "HIT" {
		t.Errorf("a caller without a key: %s", got.cache())
	}
	if got := r.ask("hello there", "", "Authorization", "Bearer sk-x"); got.cache() == "HIT" {
		t.Errorf("a caller with a key: %s", got.cache())
	}
	shared := newRig(t, noProvider, func(c *Config) { c.ShareAcrossKeys = true })
	shared.bring(p)
	if got := shared.ask("hello there", "", "Authorization", "Bearer sk-x"); got.cache() != "HIT" {
		t.Errorf("where keys share: %s", got.cache())
	}
	if n := r.s.Stats(); n.FillsWritten != 0 || r.log.String() != "" && strings.Contains(r.log.String(), "who") {
		t.Errorf("making records was counted or logged: %+v %s", n, r.log)
	}
}

// FuzzPast expects of any log an error, or a record under the key that a live request has.
func FuzzPast(f *testing.F) {
	f.Add("", question("a b c", ""), bodyOf("A"), "Bearer sk-x")
	f.Add("/v1/completions", `{"prompt":"a","model":"m"}`, `{"choices":[{"index":0,"text":"A","finish_reason":"stop"}]}`, "x")
	f.Add(chatPath+"?a=b", question("a b c", `"temperature":1`), streamOf("A B"), "\r\n")
	r := newRig(f, noProvider)
	f.Fuzz(func(t *testing.T, path, body, answer, key string) {
		p := Past{Path: path, Header: http.Header{"Authorization": {key}}, Body: []byte(body), Answer: []byte(answer), Created: time.Now()}
		rec, err := r.s.Record(&p, false)
		if (rec == nil) == (err == nil) {
			t.Fatalf("%v %v", rec, err)
		}
		if err == nil && (rec.Key == cache.Digest{} || len(rec.Body) == 0) {
			t.Fatalf("%+v", rec)
		}
	})
}
