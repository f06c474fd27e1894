package proxy

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// vectorProvider gives each text a vector of its own, and says what it was asked.
func vectorProvider(asked chan<- []string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var q struct{ Input json.RawMessage }
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			panic(err)
		}
		var texts []string
		if json.Unmarshal(q.Input, &texts) != nil {
			texts = []string{strings.Trim(string(q.Input), `"`)}
		}
		asked <- texts
		w.Header().Set("Content-Type", "application/json")
		if slices.Contains(texts, "bad") {
			w.WriteHeader(400)
			io.WriteString(w, `{"error":{"message":"no"}}`)
			return
		}
		var data []string
		for i, s := range texts {
			data = append(data, fmt.Sprintf(`{"object":"embedding","index":%d,"embedding":[%d,0.50]}`, i, vectorOf(s)))
		}
		fmt.Fprintf(w, `{"object":"list","data":[%s],"model":"m","usage":{"prompt_tokens":%d,"total_tokens":%d}}`, strings.Join(data, ","), len(texts), len(texts))
	}
}

func vectorOf(s string) int {
	n := 0
	for _, c := range s {
		n = n*31 + int(c)
	}
	return n
}

func TestEmbeddings(t *testing.T) {
	asked := make(chan []string, 1)
	r := newRig(t, vectorProvider(asked))
	ask := func(input, status string, want ...string) {
		t.Helper()
		got := r.do("POST", "/v1/embeddings", `{"model":"m","input":`+input+`}`)
		r.flush()
		var sent []string
		select {
		case sent = <-asked:
		default:
		}
		if !slices.Equal(sent, want) || got.cache() != status {
			t.Errorf("%s: %s, the provider was asked for %q; want %s, %q", input, got.cache(), sent, status, want)
		}
		var v struct {
			Object string
			Model  string
			Data   []struct {
				Index     int
				Embedding []float64
			}
			Usage struct {
				Prompt int `json:"prompt_tokens"`
			}
		}
		if err := json.Unmarshal([]byte(got.body), &v); err != nil {
			t.Fatalf("%s: %v: %s", input, err, got.body)
		}
		var texts []string
		if json.Unmarshal([]byte(input), &texts) != nil {
			texts = []string{strings.Trim(input, `"`)}
		}
		if len(v.Data) != len(texts) || v.Object != "list" || v.Model != "m" || v.Usage.Prompt != len(texts) {
			t.Errorf("%s: got %s", input, got.body)
		}
		for i, d := range v.Data {
			if d.Index != i || int(d.Embedding[0]) != vectorOf(texts[i]) {
				t.Errorf("%s: vector %d is %v", input, i, d)
			}
		}
		if got.StatusCode != 200 {
			t.Errorf("%s: got %d", input, got.StatusCode)
		}
	}
	ask(`"alpha"`, "MISS", "alpha")
	ask(`"alpha"`, "HIT")
	ask(`["alpha"]`, "HIT")
	ask(`["one","alpha","two"]`, "MISS", "one", "two")
	ask(`["two","one","two","alpha"]`, "HIT")
	ask(`["three","three","one"]`, "MISS", "three")
	ask(`[5,6,7]`, "MISS", "[5,6,7]")
	ask(`[5,6,7]`, "HIT")
	ask(`[5,6]`, "MISS", "[5,6]")

	for _, members := range []string{`"dimensions":8`, `"encoding_format":"base64"`, `"x_unknown":1`} {
		if got := r.do("POST", "/v1/embeddings", `{"model":"m","input":"alpha",`+members+`}`); got.cache() != "MISS" {
			t.Errorf("%s: got %s", members, got.cache())
		}
		recv(t, asked, "the call")
	}
	if got := r.do("POST", "/v1/embeddings", `{"model":"m","input":"alpha","user":"u"}`); got.cache() != "HIT" {
		t.Errorf("user: got %s", got.cache())
	}
	if got := r.do("POST", "/v1/embeddings", `{"model":"m","input":["alpha","bad"]}`); got.StatusCode != 400 || !strings.Contains(got.body, `"no"`) {
		t.Errorf("got %d %s", got.StatusCode, got.body)
	}
	recv(t, asked, "the call")
	if got := r.do("POST", "/v1/embeddings", `{"model":"m","input":["alpha","other"]}`, "cache-control", "only-if-cached"); got.StatusCode != 504 {
		t.Errorf("got %d %s", got.StatusCode, got.body)
	}
	if got := r.do("POST", "/v1/embeddings", `{"model":"m","input":["alpha","one"]}`, "cache-control", "no-store"); got.cache() != "DISABLED" {
		t.Errorf("got %s", got.cache())
	}
	if got := recv(t, asked, "the call"); len(got) != 2 {
		t.Errorf("asked for %q", got)
	}
	if got := r.do("POST", "/v1/embeddings", `{"model":"m","input":["alpha","one"]}`, "x-portkey-cache-force-refresh", "true"); got.cache() != "REFRESH" {
		t.Errorf("got %s", got.cache())
	}
	if got := recv(t, asked, "the call"); len(got) != 2 {
		t.Errorf("asked for %q", got)
	}
	if got := r.do("POST", "/v1/embeddings", `{"model":"m","input":`); got.StatusCode != 400 {
		t.Errorf("got %d %s", got.StatusCode, got.body)
	}
	for _, path := range []string{"/v1/models", "/v1/models/m"} {
		if got := r.do("GET", path, ""); got.cache() != "DISABLED" {
			t.Errorf("%s: got %s", path, got.cache())
		}
		r.flush()
	}
}

// TestEmbeddingsAtOnce holds that a repeat right after the answer finds it, and that the usage of a hit is as configured.
func TestEmbeddingsAtOnce(t *testing.T) {
	asked := make(chan []string, 100)
	r := newRig(t, vectorProvider(asked), func(c *Config) { c.Usage = ZeroUsage })
	for i := range 20 {
		body := fmt.Sprintf(`{"model":"m","input":["a%d","b%d"]}`, i, i)
		r.do("POST", "/v1/embeddings", body)
		if got := r.do("POST", "/v1/embeddings", body); got.cache() != "HIT" || !strings.Contains(got.body, `"prompt_tokens":0`) {
			t.Fatalf("got %s %s", got.cache(), got.body)
		}
	}
	r.wantCalls(20)
	for i := range 20 {
		r.do("POST", "/v1/embeddings", fmt.Sprintf(`{"model":"m","input":["c%d","d%d","e%d"]}`, i, i, i))
		for len(asked) > 0 {
			<-asked
		}
		r.do("POST", "/v1/embeddings", fmt.Sprintf(`{"model":"m","input":["f%d","d%d"]}`, i, i))
		if got := recv(t, asked, "the call"); !slices.Equal(got, []string{fmt.Sprintf("f%d", i)}) {
			t.Fatalf("asked for %q", got)
		}
	}
}

// TestManyEmbeddings holds that a request for more inputs than may be looked up one by one goes to the provider as it is, each time.
func TestManyEmbeddings(t *testing.T) {
	asked := make(chan []string, 1)
	r := newRig(t, vectorProvider(asked))
	input := `["a"` + strings.Repeat(`,"a"`, 2048) + `]`
	for range 2 {
		got := r.do("POST", "/v1/embeddings", `{"model":"m","input":`+input+`}`)
		if sent := recv(t, asked, "the call"); len(sent) != 2049 || got.StatusCode != 200 || got.cache() != "DISABLED" || strings.Count(got.body, `"index"`) != 2049 {
			t.Errorf("%d inputs were sent, %d, %s", len(sent), got.StatusCode, got.cache())
		}
		r.flush()
	}
	if st := r.s.Stats(); st.FillsWritten != 0 {
		t.Errorf("%+v", st)
	}
	if !strings.Contains(r.log.String(), `"not_cached":"more inputs than are known one by one"`) {
		t.Error("the log does not say why")
	}
}

// TestEmbeddingsAreNamedAnew: of a provider that names and dates such answers a hit has another name and a new date, whether of one
// input or of several, and so has what is put together of old and new.
func TestEmbeddingsAreNamedAnew(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		var q struct{ Input []string }
		if err := json.NewDecoder(req.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		var data []string
		for i, s := range q.Input {
			data = append(data, fmt.Sprintf(`{"object":"embedding","index":%d,"embedding":[%d,0.50]}`, i, vectorOf(s)))
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"embd-up","object":"list","created":17,"model":"m","data":[%s],"usage":{"prompt_tokens":%d,"total_tokens":%[2]d}}`, strings.Join(data, ","), len(q.Input))
	})
	for _, tt := range []struct {
		input string
		old   bool // all that is answered comes from the provider, as it is
		calls int64
	}{{`["a"]`, true, 1}, {`["a"]`, false, 1}, {`["b","c"]`, true, 2}, {`["c","b"]`, false, 2}, {`["a","d"]`, false, 3}} {
		got := r.do("POST", "/v1/embeddings", `{"model":"m","input":`+tt.input+`}`)
		r.flush()
		var v struct {
			ID      string
			Created int64
			Usage   map[string]int
		}
		if err := json.Unmarshal([]byte(got.body), &v); err != nil {
			t.Fatalf("%v: %s", err, got.body)
		}
		if !strings.HasPrefix(v.ID, "embd-") || (v.ID == "embd-up") != tt.old || (v.Created == 17) != tt.old || v.Usage["total_tokens"] != strings.Count(tt.input, ",")+1 {
			t.Errorf("%s: %s", tt.input, got.body)
		}
		r.wantCalls(tt.calls)
	}
}
