package proxy

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// raw sends bytes as they are and returns the whole response.
func (r *rig) raw(request string) reply {
	r.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, request); err != nil {
		r.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return reply{resp, string(b), err}
}

func post(headers, body string) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: %d\r\n\r\n%s", chatPath, headers, len(body), body)
}

// TestBadInput holds that what cannot be a request is refused in the caller's dialect, never reaches a provider, and
// leaves the server up.
func TestBadInput(t *testing.T) {
	r := newRig(t, answerWith("y"), func(c *Config) {
		c.MaxBodyBytes = 4096
		c.MaxHeaderBytes = 2048
		c.ReadTimeout = 200 * time.Millisecond
	})
	for _, tt := range []struct {
		name, request string
		status        int
		code, message string
	}{
		{"malformed JSON", post("", `{"messages":[}`), 400, "invalid_json", "byte 13"},
		{"a name twice", post("", `{"model":"a","model":"b"}`), 400, "invalid_json", "duplicate"},
		{"invalid UTF-8", post("", "{\"model\":\"\xff\"}"), 400, "invalid_json", "UTF-8"},
		{"no object", post("", `[1]`), 400, "invalid_json", ""},
		{"nothing", post("", ``), 400, "invalid_json", ""},
		{"too large", post("", question(strings.Repeat("x", 5000), "")), 413, "body_too_large", "4096"},
		{"too large in chunks", "POST " + chatPath + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2000\r\n" + strings.Repeat("x", 0x2000) + "\r\n0\r\n\r\n", 413, "body_too_large", ""},
		{"large headers", "POST " + chatPath + " HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("x", 4000) + "\r\n\r\n", 431, "headers_too_large", "2048"},
		{"a slow body", "POST " + chatPath + " HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{", 408, "request_timeout", "200ms"},
		{"no HTTP", "hello\r\n\r\n", 400, "invalid_http", ""},
		{"two lengths", "POST " + chatPath + " HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", 400, "invalid_http", ""},
		{"a header twice", post("X-Portkey-Cache: simple\r\nX-Portkey-Cache: off\r\n", question("x", "")), 400, "duplicate_header", "x-portkey-cache"},
		{"two credentials", post("Authorization: Bearer a\r\nAuthorization: Bearer b\r\n", question("x", "")), 400, "duplicate_header", "authorization"},
		{"unknown provider", post("X-Portkey-Provider: nobody\r\n", question("x", "")), 400, "unknown_provider", `x-portkey-provider: unknown provider "nobody": the known ones are `},
		{"dot segments", "GET /v1/a/../../admin HTTP/1.1\r\nHost: x\r\n\r\n", 404, "unknown_url", ""},
		{"dot segments within", "GET /v1/a/../b HTTP/1.1\r\nHost: x\r\n\r\n", 400, "invalid_path", ""},
		{"escaped dot segments", "GET /v1/a/b%2f..%2fc HTTP/1.1\r\nHost: x\r\n\r\n", 400, "invalid_path", ""},
		{"unknown path", "GET /v2/models HTTP/1.1\r\nHost: x\r\n\r\n", 404, "unknown_url", "/v2/models"},
		{"root", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 404, "unknown_url", ""},
		{"wrong method", "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405, "method_not_allowed", "POST"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := r.raw(tt.request)
			if got.StatusCode != tt.status {
				t.Fatalf("got %d, want %d: %s", got.StatusCode, tt.status, got.body)
			}
			if e := wantError(t, got); e.Code != tt.code || !strings.Contains(e.Message, tt.message) {
				t.Errorf("got %v: %s", e.Code, e.Message)
			}
		})
	}
	r.wantCalls(0)
	if got := r.ask("x", ""); got.StatusCode != 200 {
		t.Errorf("afterwards: %d", got.StatusCode)
	}
}

func TestHugeAndEmptyPrompts(t *testing.T) {
	r := newRig(t, answerWith("y"))
	for name, text := range map[string]string{"empty": "", "blank": " \n", "huge": strings.Repeat("word ", 1<<20)} {
		for _, want := range []string{"MISS", "HIT"} {
			if got := r.ask(text, ""); got.StatusCode != 200 || got.cache() != want {
				t.Errorf("%s: got %d, %s, want %s", name, got.StatusCode, got.cache(), want)
			}
		}
	}
}

// TestUpstreamFailures holds that a provider that fails is an error of the gateway's, and that nothing of it is cached.
func TestUpstreamFailures(t *testing.T) {
	hijack := func(answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			// What is unread would reset the connection, and the answer with it. A whole answer must say that it is the
			// last, or the next call may be sent on a connection that is about to close.
			io.Copy(io.Discard, r.Body)
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				panic(err)
			}
			io.WriteString(c, answer)
			c.Close()
		}
	}
	hang := func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}
	for _, tt := range []struct {
		name   string
		give   http.HandlerFunc
		change func(*Config)
		status int
		code   string
	}{
		{"unreachable", nil, func(c *Config) { c.Providers[0].BaseURL = "http://127.0.0.1:1/v1" }, 502, "upstream_unreachable"},
		{"no such host", nil, func(c *Config) {
			c.Transport = roundTripper(func(*http.Request) (*http.Response, error) {
				return nil, &net.DNSError{Err: "no such host", Name: "secret.example", IsNotFound: true}
			})
		}, 502, "upstream_unreachable"},
		{"no HTTP", hijack("SSH-2.0-OpenSSH\r\n"), nil, 502, "upstream_broken"},
		{"hangs up", hijack(""), nil, 502, "upstream_broken"},
		{"less than it said", hijack("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n" + bodyOf("a")), nil, 502, "upstream_broken"},
		{"two lengths", hijack("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"), nil, 502, "upstream_broken"},
		{"garbage", hijack("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"), nil, 502, "upstream_invalid_response"},
		{"nothing", hijack("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"), nil, 502, "upstream_invalid_response"},
		{"never begins", hang, func(c *Config) { c.UpstreamFirstByte = 50 * time.Millisecond }, 504, "upstream_timeout"},
		{"never ends", hang, func(c *Config) { c.UpstreamTimeout = 50 * time.Millisecond }, 504, "upstream_timeout"},
		{"stalls", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"id":`)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, func(c *Config) { c.UpstreamIdle = 50 * time.Millisecond }, 504, "upstream_stalled"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.change == nil {
				tt.change = func(*Config) {}
			}
			r := newRig(t, tt.give, tt.change)
			for range 2 {
				got := r.ask("x", "")
				if got.StatusCode != tt.status || got.cache() != "SEMANTIC MISS" || got.Header.Get("x-portkey-retry-attempt-count") != "-1" {
					t.Fatalf("got %d, %s: %s", got.StatusCode, got.cache(), got.body)
				}
				if e := wantError(t, got); e.Code != tt.code || !strings.Contains(e.Message, `"main"`) || strings.Contains(e.Message, "127.0.0.1") || strings.Contains(e.Message, "secret") {
					t.Errorf("got %v: %s", e.Code, e.Message)
				}
				r.flush()
			}
		})
	}
}

// TestProviderErrorsPass holds that a provider's own error comes through as it is.
func TestProviderErrorsPass(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		w.Header().Set("X-Request-Id", "req_1")
		w.Header().Set("Set-Cookie", "a=b")
		w.Header().Set("X-Portkey-Cache-Status", "HIT")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(429)
		io.WriteString(w, `{"error":{"message":"slow down","type":"rate_limit"}}`)
	})
	got := r.ask("x", "")
	if got.StatusCode != 429 || got.body != `{"error":{"message":"slow down","type":"rate_limit"}}` || got.cache() != "SEMANTIC MISS" {
		t.Errorf("%d, %s, %s", got.StatusCode, got.cache(), got.body)
	}
	if got.Header.Get("Retry-After") != "7" || got.Header.Get("X-Request-Id") != "req_1" || got.Header.Get("Set-Cookie") != "" {
		t.Errorf("headers %v", got.Header)
	}
}

func TestCompressedAnswer(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if enc := req.Header.Get("Accept-Encoding"); enc != "" {
			t.Errorf("the provider was asked for %q", enc)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, bodyOf("y"))
		z.Close()
	})
	for range 2 { // it passes, so that the client can read it, and is not stored
		got := r.ask("x", "", "accept-encoding", "gzip")
		z, err := gzip.NewReader(strings.NewReader(got.body))
		if err != nil {
			t.Fatalf("%v: %q", err, got.body)
		}
		if b, err := io.ReadAll(z); err != nil || string(b) != bodyOf("y") {
			t.Errorf("%v: %s", err, b)
		}
	}
	r.wantCalls(2)
}

// TestSlowReader holds that a client which does not take its answer is dropped, and the call with it.
func TestSlowReader(t *testing.T) {
	givenUp := make(chan struct{})
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for req.Context().Err() == nil {
			if _, err := io.WriteString(w, chunk(`"choices":[],"x":"`+strings.Repeat("x", 1<<16)+`"`)); err != nil {
				break
			}
		}
		close(givenUp)
	}, func(c *Config) { c.WriteTimeout = 200 * time.Millisecond; c.MaxAnswerBytes = 1 << 20 })
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, post("", question("x", `"stream":true`)))
	recv(t, givenUp, "the call to be given up")
}

// TestRefusedWhileSending holds that a client which is refused in the middle of a large body gets to read why.
func TestRefusedWhileSending(t *testing.T) {
	r := newRig(t, answerWith("y"), func(c *Config) { c.MaxBodyBytes = 1 << 20 })
	for range 5 {
		c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(patience))
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", chatPath, 16<<20)
		for range 16 {
			if _, err := c.Write(make([]byte, 1<<20)); err != nil {
				t.Fatalf("the connection was reset: %v", err)
			}
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || resp.StatusCode != 413 {
			t.Fatalf("got %v, %+v", err, resp)
		}
		resp.Body.Close()
		c.Close()
	}
}

// TestErrorsRepeatNoKey puts a key into every place where a caller may put one by mistake: the error names the place, and not the key.
func TestErrorsRepeatNoKey(t *testing.T) {
	r := newRig(t, answerWith("y"), func(c *Config) {
		c.Providers = append(c.Providers, Provider{Name: "claude", Kind: Anthropic, BaseURL: c.Providers[0].BaseURL})
	}, withLog(t))
	check := func(what string, got reply, key string) {
		t.Helper()
		if got.StatusCode < 400 || got.StatusCode > 404 || strings.Contains(got.body, key[:12]) {
			t.Errorf("%s: %d %s", what, got.StatusCode, got.body)
		}
	}
	for _, key := range []string{"sk-0123456789abcdef0123456789abcd", "0123456789abcdef0123456789abcdef", "rpk_0123456789abcdef", "aB3dE5gH7jK9mN1pQ3sT5vW7xY9zA1cD"} {
		for _, name := range []string{
			"x-portkey-cache", "x-portkey-mode", "x-portkey-retry-count", "x-portkey-request-timeout", "x-portkey-cache-force-refresh", "x-portkey-max-error", "x-portkey-explain", "x-portkey-provider",
			"x-portkey-virtual-key", "x-portkey-config", "x-portkey-strict-open-ai-compliance", "x-portkey-metadata",
		} {
			check(name, r.ask("x", "", name, key), key)
		}
		quoted := `"` + key + `"`
		asked := func(query string) string {
			return `{"strategy":{"mode":"conditional","conditions":[{"query":{` + query + `},"then":"a"}],"default":"a"},"targets":[{"name":"a"}]}`
		}
		check("forwarded", r.ask("x", "", "x-portkey-forward-headers", "Bearer "+key), key)
		check("max-age", r.ask("x", "", "cache-control", "max-age="+key), key)
		for _, config := range []string{
			`{"cache":{"mode":` + quoted + `}}`, `{"cache":{"vary_by":[` + quoted + `]}}`, `{"targets":[{"config":` + quoted + `}]}`, `{"virtual_key":` + quoted + `}`, `{"provider":` + quoted + `}`,
			`{"strategy":{"mode":"conditional","conditions":[{"query":{"metadata.a":"b"},"then":` + quoted + `}]},"targets":[{"name":"a"}]}`, `{"targets":[{"name":` + quoted + `},{"name":` + quoted + `}]}`,
			`{` + quoted + `:"openai"}`, `{"targets":[{` + quoted + `:1}]}`, asked(quoted + `:1`), asked(quoted + `:{"$eq":1}`), asked(`"metadata.a":{` + quoted + `:1}`), asked(`"metadata.` + key + `":[]`), asked(`"metadata.` + key + `":{"$gt":true}`),
			`{"metadata":{` + quoted + `:"` + strings.Repeat("x", 129) + `"}}`,
		} {
			check(config, r.ask("x", "", "x-portkey-config", config), key)
		}
		for _, value := range []string{`{` + quoted + `:1}`, `{"mode":"semantic","query":{` + quoted + `:1}}`} {
			check("x-portkey-cache "+value, r.ask("x", "", "x-portkey-cache", value), key)
		}
		check("metadata", r.ask("x", "", "x-portkey-metadata", `{`+quoted+`:"`+strings.Repeat("x", 129)+`"}`), key)
		check("an entry", r.do("DELETE", cachesPath+"shop/entries/"+key, ""), key)
		for _, path := range []string{"/" + key, "/admin/v1/" + key, cachesPath + "shop/" + key, "/v1/../" + key} {
			check(path, r.do("POST", path, ""), key)
		}
		for _, list := range []string{"keys", "logs"} {
			for _, query := range []string{key + "=1", key + "=1&" + key + "=2"} {
				check(list+" by an unknown parameter", r.do("GET", "/admin/v1/"+list+"?"+query, "", bearerOf(operator)...), key)
			}
		}
		for _, body := range []string{`{"prompt":"x","similarityThreshold":` + quoted + `}`, `{"prompt":"x","searchStrategies":[` + quoted + `]}`, `{"prompt":"x","maxResults":` + quoted + `}`, `{` + quoted + `:1}`} {
			check(body, r.do("POST", cachesPath+"shop/entries/search", body), key)
		}
		for _, members := range []string{`"value":` + quoted, `"value":1,"weight":` + quoted, `"value":1,"metadata":[` + quoted + `]`, `"value":1,` + quoted + `:1`} {
			check(members, r.do("POST", feedbackPath, `{"trace_id":"t",`+members+`}`), key)
		}
		check("a trace", r.do("POST", feedbackPath, `{"value":1,"trace_id":[`+quoted+`]}`), key)
		check("untranslatable", r.ask("x", `"tools":[{"type":`+quoted+`}]`, "x-portkey-provider", "claude"), key)
	}
	r.wantCalls(0)
}
