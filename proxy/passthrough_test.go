package proxy

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sashabaranov/go-openai"
)

// echo answers with what it was sent.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Seen", r.Method+" "+r.URL.RequestURI())
	var names []string
	for k := range r.Header {
		names = append(names, k)
	}
	slices.Sort(names)
	w.Header().Set("X-Names", strings.Join(names, ","))
	w.Header().Set("X-Auth", r.Header.Get("Authorization"))
	w.Header().Set("X-Trace", r.Header.Get("Traceparent"))
	w.Header().Set("Content-Type", r.Header.Get("Content-Type"))
	w.WriteHeader(201)
	w.Write(body)
}

func TestPassthrough(t *testing.T) {
	r := newRig(t, echo)
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	f, err := m.CreateFormFile("file", "a.bin")
	if err != nil {
		t.Fatal(err)
	}
	f.Write(bytes.Repeat([]byte{0, 255, '\r', '\n'}, 1<<20))
	m.Close()
	for _, tt := range []struct{ method, path, body, ctype string }{
		{"POST", "/v1/moderations", `{"input": "x",  "unknown":1e400}`, "application/json"},
		{"POST", "/v1/audio/transcriptions?x=%20y&z", form.String(), m.FormDataContentType()},
		{"DELETE", "/v1/files/file%2Fa", "", ""},
		{"GET", "/v1/models", "", ""},
		{"GET", chatPath + "?limit=2", "", ""},
		{"PUT", "/v1/x//y", "z", "text/plain"},
	} {
		got := r.do(tt.method, tt.path, tt.body, "content-type", tt.ctype)
		if got.StatusCode != 201 || got.body != tt.body || got.Header.Get("X-Seen") != tt.method+" "+tt.path || got.cache() != "DISABLED" {
			t.Errorf("%s %s: %d, %s, %s, %d bytes", tt.method, tt.path, got.StatusCode, got.Header.Get("X-Seen"), got.cache(), len(got.body))
		}
	}
	if got := r.do("HEAD", "/v1/models", ""); got.StatusCode != 201 || got.body != "" {
		t.Errorf("HEAD: %d %q", got.StatusCode, got.body)
	}
}

// TestForwardedRequest holds that the provider gets the client's bytes, and of its headers all but those that are for
// the gateway or the connection.
func TestForwardedRequest(t *testing.T) {
	const body = `{ "model":"m" , "messages":[{"role":"user","content":"\u0041"}], "x_unknown": 1.0 }`
	headers := []string{"x-portkey-trace-id", "t-1", "x-reprise-cache", "simple", "authorization", "Bearer sk-caller",
		"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "connection", "x-hop", "x-hop", "1", "x-other", "2", "x-api-key", "k", "user-agent", "me"}
	t.Run("the caller's credential", func(t *testing.T) {
		r := newRig(t, echo)
		got := r.do("POST", chatPath, body, headers...)
		if got.body != body || got.Header.Get("X-Auth") != "Bearer sk-caller" || !strings.HasPrefix(got.Header.Get("X-Trace"), "00-0af7651916cd43dd8448eb211c80319c-") || got.Header.Get("X-Portkey-Trace-Id") != "t-1" {
			t.Errorf("%s, %v", got.body, got.Header)
		}
		if names := got.Header.Get("X-Names"); names != "Authorization,Content-Length,Traceparent,User-Agent,X-Api-Key,X-Other" {
			t.Errorf("the provider saw %s", names)
		}
	})
	t.Run("the provider's key", func(t *testing.T) {
		r := newRig(t, echo, func(c *Config) {
			c.Providers[0].APIKey = "sk-own"
			c.Providers[0].Headers = map[string]string{"x-other": "3", "x-team": "a"}
		})
		got := r.do("POST", chatPath, body, headers...)
		if got.Header.Get("X-Auth") != "Bearer sk-own" {
			t.Errorf("authorization %q", got.Header.Get("X-Auth"))
		}
		if names := got.Header.Get("X-Names"); names != "Authorization,Content-Length,Traceparent,User-Agent,X-Other,X-Team" {
			t.Errorf("the provider saw %s", names)
		}
		if log := r.log.String(); strings.Contains(log, "sk-") {
			t.Errorf("a key is in the log: %s", log)
		}
	})
}

// TestOnlyIfCachedPassesNothingThrough holds that a request which is to cost nothing calls nobody, also where nothing is cached.
func TestOnlyIfCachedPassesNothingThrough(t *testing.T) {
	r := newRig(t, echo)
	for _, path := range []string{"/v1/images/generations", messagesPath + "/count_tokens"} {
		if got := r.do("POST", path, `{}`, "cache-control", "only-if-cached"); got.StatusCode != 504 || !strings.Contains(got.body, "only-if-cached") {
			t.Errorf("%s: %d, %s", path, got.StatusCode, got.body)
		}
	}
	r.wantCalls(0)
}

func TestProviderChoice(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Seen", r.URL.Path) }, func(c *Config) {
		c.Providers = append(c.Providers, Provider{Name: "second", BaseURL: c.Providers[0].BaseURL + "/deep/"})
	})
	for name, want := range map[string]string{"": "/v1/models", "main": "/v1/models", "second": "/v1/deep/models"} {
		got := r.do("GET", "/v1/models", "", "x-portkey-provider", name)
		if got.Header.Get("X-Seen") != want || name != "" && got.Header.Get("X-Portkey-Provider") != name {
			t.Errorf("%q: %s, %v", name, got.Header.Get("X-Seen"), got.Header)
		}
	}
}

// TestNoBody holds that an answer without a body has none, that the connection is good for the next request, and that nobody is said to
// have left.
func TestNoBody(t *testing.T) {
	status := 0
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }, withLog(t))
	for _, status = range []int{204, 304, 204} {
		if got := r.do("DELETE", "/v1/files/a", ""); got.StatusCode != status || got.body != "" || got.err != nil || got.Header.Get("Transfer-Encoding") != "" {
			t.Errorf("%d, %q, %v, %v", got.StatusCode, got.body, got.err, got.Header)
		}
		r.flush()
		if rec := r.last(); rec.Status != status || rec.Error != "" {
			t.Errorf("the log has %d, %q", rec.Status, rec.Error)
		}
	}
}

// TestLargeDownload passes an answer through that is larger than what the gateway keeps, with its length.
func TestLargeDownload(t *testing.T) {
	const size = 5 << 20
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(size))
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Write(bytes.Repeat([]byte("x"), size))
	})
	got := r.do("GET", "/v1/files/a/content", "")
	if got.err != nil || len(got.body) != size || got.ContentLength != size {
		t.Errorf("%v: %d bytes of %d", got.err, len(got.body), got.ContentLength)
	}
}

func TestPassthroughStream(t *testing.T) {
	step := make(chan struct{})
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { sendEvents(w, req, step, "data: a\n\n", "data: b\n\n") })
	req := r.request(bounded(t), "POST", "/v1/responses", `{}`)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	buf := make([]byte, 9)
	if _, err := io.ReadFull(resp.Body, buf); err != nil || string(buf) != "data: a\n\n" {
		t.Fatalf("%q, %v", buf, err)
	}
	close(step)
	if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != "data: b\n\n" {
		t.Errorf("%q, %v", rest, err)
	}
}

// TestThroughTheSDK lists models with a client that nobody here wrote.
func TestThroughTheSDK(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"object":"list","data":[{"id":"m","object":"model"}]}`)
	})
	models, err := r.client().ListModels(t.Context())
	if err != nil || len(models.Models) != 1 || models.Models[0].ID != "m" {
		t.Errorf("%v, %+v", err, models)
	}
	r2 := newRig(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	_, err = r2.client().CreateChatCompletion(t.Context(), openai.ChatCompletionRequest{Model: "m", Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "x"}}})
	if err == nil || !strings.Contains(err.Error(), "500") {
		t.Errorf("got %v", err)
	}
}
