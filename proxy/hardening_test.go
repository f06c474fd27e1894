package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// smuggled is a request of its own, hidden where a server that reads a message wrongly would find one.
const smuggled = "GET /v1/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

// converse writes bytes to a connection and reads what comes back: n responses where the connection stays open after them,
// which a further request shows, or with n < 0 all there are until the server closes it. more is written when the server has
// answered nothing for a moment; it is the body of a request that the server is not to wait for.
func (r *rig) converse(t *testing.T, sent string, n int) []reply {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, sent); err != nil {
		t.Fatal(err)
	}
	br := bufio.NewReader(c)
	read := func() (reply, error) {
		resp, err := http.ReadResponse(br, nil)
		if err != nil {
			return reply{}, err
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		return reply{resp, string(b), err}, err
	}
	var out []reply
	for n < 0 || len(out) < n {
		if _, err := br.Peek(1); err == io.EOF && n < 0 {
			return out
		}
		got, err := read()
		if err != nil {
			t.Fatalf("after %d responses: %v", len(out), err)
		}
		out = append(out, got)
	}
	if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatalf("the connection did not stay open: %v", err)
	}
	if got, err := read(); err != nil || got.StatusCode != 200 || got.body != `{"status":"ok"}` {
		t.Fatalf("the next request on the connection: %v, %+v", err, got)
	}
	return out
}

// TestHTTPHardening sends what a client that means no harm would not, byte by byte: each has one status, whether the connection
// may be used again is settled, and no part of a body is ever taken for a request.
func TestHTTPHardening(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		mu.Lock()
		seen = append(seen, req.Method+" "+req.URL.Path)
		mu.Unlock()
		if req.URL.Path == chatPath {
			answerWith("y")(w, req)
			return
		}
		w.Header().Set("X-Host", req.Host)
		w.Write(body)
	}, func(c *Config) {
		c.MaxBodyBytes = 4096
		c.MaxHeaderBytes = 2048
		c.ReadTimeout = 300 * time.Millisecond
	})
	head := "POST /v1/echo HTTP/1.1\r\nHost: x\r\n"
	chunked := head + "Transfer-Encoding: chunked\r\n\r\n"
	length := func(v string) string { return head + "Content-Length: " + v + "\r\n\r\nab" + smuggled }
	coding := func(v string) string { return head + "Transfer-Encoding:" + v + "\r\n\r\n0\r\n\r\n" + smuggled }
	field := func(line string) string { return "GET /v1/echo HTTP/1.1\r\nHost: x\r\n" + line + "\r\n\r\n" + smuggled }
	for _, tt := range []struct {
		name, sent string
		statuses   []int // of the responses on a connection that stays open; nil: as closed says
		closed     []int // of those on one that is closed
	}{
		{"two equal lengths", head + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab" + smuggled, nil, []int{400}},
		{"two lengths", head + "Content-Length: 2\r\nContent-Length: 40\r\n\r\nab" + smuggled, nil, []int{400}},
		{"lengths in a list", length("2, 2"), nil, []int{400}},
		{"a length with a sign", length("+2"), nil, []int{400}},
		{"a negative length", length("-1"), nil, []int{400}},
		{"a hexadecimal length", length("0x2"), nil, []int{400}},
		{"a length in words", length("two"), nil, []int{400}},
		{"no length", length(""), nil, []int{400}},
		{"a length beyond any number", length("99999999999999999999"), nil, []int{400}},
		{"length and chunks", head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, nil, []int{200}}, // RFC 9112, 6.1: the chunks count, and the connection ends
		{"chunks and length", head + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + smuggled, nil, []int{200}},
		{"chunked twice", head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, nil, []int{400}},
		{"chunked and not", coding(" chunked, identity"), nil, []int{400}},
		{"compressed chunks", coding(" gzip, chunked"), nil, []int{400}},
		{"nearly chunked", coding(" xchunked"), nil, []int{400}},
		{"chunked after a vertical tab", coding("\x0bchunked"), nil, []int{400}},
		{"a space before the colon", head + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + smuggled, nil, []int{400}},
		{"chunks to HTTP/1.0", "POST /v1/echo HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, nil, []int{400}},
		{"a chunk size that is none", chunked + "zz\r\nab\r\n0\r\n\r\n" + smuggled, nil, []int{400}},
		{"a negative chunk size", chunked + "-2\r\nab\r\n0\r\n\r\n" + smuggled, nil, []int{400}},
		{"a chunk size with a sign", chunked + "+2\r\nab\r\n0\r\n\r\n" + smuggled, nil, []int{400}},
		{"a chunk size with a prefix", chunked + "0x2\r\nab\r\n0\r\n\r\n" + smuggled, nil, []int{400}},
		{"an empty chunk size", chunked + "\r\nab\r\n0\r\n\r\n" + smuggled, nil, []int{400}},
		{"a chunk size beyond any number", chunked + "fffffffffffffffff\r\nab\r\n0\r\n\r\n" + smuggled, nil, []int{400}},
		{"a chunk longer than it says", chunked + "1\r\nab\r\n0\r\n\r\n" + smuggled, nil, []int{400}},
		{"a chunk shorter than it says", chunked + "3\r\nab\r\n0\r\n\r\n" + smuggled, nil, []int{400}},
		{"a bare line feed after the size", chunked + "2\nab\r\n0\r\n\r\n" + smuggled, nil, []int{400}},
		{"a chunk extension", chunked + "2;x=y\r\nab\r\n0\r\n\r\n", []int{200}, nil},
		{"a trailer", chunked + "2\r\nab\r\n0\r\nX-Portkey-Provider: nobody\r\n\r\n", []int{200}, nil},
		{"a trailer that is a length", chunked + "2\r\nab\r\n0\r\nContent-Length: 50\r\n\r\n", nil, []int{400}},
		{"a folded header", field("X-A: b\r\n c: d"), nil, []int{400}},
		{"a folded length", head + "Content-Length:\r\n 2\r\n\r\nab" + smuggled, nil, []int{400}},
		{"a bare carriage return in a value", field("X-A: b\rX-Portkey-Provider: nobody"), nil, []int{400}},
		{"a NUL in a value", field("X-A: b\x00c"), nil, []int{400}},
		{"a NUL in a name", field("X-\x00A: b"), nil, []int{400}},
		{"a space in a name", field("X A: b"), nil, []int{400}},
		{"no name", field(": b"), nil, []int{400}},
		{"no colon", field("X-A"), nil, []int{400}},
		{"a NUL in the target", "GET /v1/ec\x00ho HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, nil, []int{400}},
		{"a space in the target", "GET /v1/ec ho HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, nil, []int{400}},
		{"no host", "GET /v1/echo HTTP/1.1\r\n\r\n" + smuggled, nil, []int{400}},
		{"two hosts", "GET /v1/echo HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + smuggled, nil, []int{400}},
		{"a host with a path", "GET /v1/echo HTTP/1.1\r\nHost: x/y\r\n\r\n" + smuggled, nil, []int{400}},
		{"no host in HTTP/1.0", "GET /healthz HTTP/1.0\r\n\r\n" + smuggled, nil, []int{200}},
		{"an absolute target", "GET http://elsewhere.example/v1/echo HTTP/1.1\r\nHost: x\r\n\r\n", []int{200}, nil},
		{"an absolute target that is not ours", "GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: x\r\n\r\n", []int{404}, nil},
		{"a tunnel", "CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n" + smuggled, nil, []int{400}},
		{"options of the whole server", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", []int{404}, nil},
		{"garbage after a request", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n\x16\x03\x01\x02garbage\r\n\r\n" + smuggled, nil, []int{200, 400}},
		{"more body than was said", head + "Content-Length: 2\r\n\r\nabXYZ / HTTP/1.1\r\n\r\n" + smuggled, nil, []int{200, 400}},
		{"the beginning of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + smuggled, nil, []int{400}},
		{"another version", "GET /v1/echo HTTP/9.9\r\nHost: x\r\n\r\n" + smuggled, nil, []int{400}},
		{"no version", "GET /v1/echo\r\n\r\n" + smuggled, nil, []int{400}},
		{"a body of GET", "GET /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Length: " + fmt.Sprint(len(smuggled)) + "\r\n\r\n" + smuggled, []int{200}, nil},
		{"another expectation", head + "Expect: the-unexpected\r\nContent-Length: 2\r\n\r\nab", []int{200}, nil},
		{"headers over the limit", field("X-A: " + strings.Repeat("a", 4096)), nil, []int{431}},
		{"many headers over the limit", field(strings.Repeat("A: b\r\n", 1000) + "A: b"), nil, []int{431}},
		{"a target over the limit", "GET /v1/" + strings.Repeat("a", 4096) + " HTTP/1.1\r\nHost: x\r\n\r\n" + smuggled, nil, []int{431}},
		{"a body over the limit", head + "Content-Length: 5000\r\n\r\n" + strings.Repeat("a", 5000) + smuggled, nil, []int{413}},
		{"chunks over the limit", chunked + "2000\r\n" + strings.Repeat("a", 0x2000) + "\r\n0\r\n\r\n" + smuggled, nil, []int{413}},
		{"a slow body", head + "Content-Length: 50\r\n\r\na", nil, []int{408}},
		{"slow headers", "GET /v1/echo HTTP/1.1\r\nHost: x\r\nX-A", nil, []int{408}},
		{"a slow chunk", chunked + "5\r\na", nil, []int{408}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := len(tt.statuses)
			if tt.statuses == nil {
				n = -1
			}
			var got []int
			for _, a := range r.converse(t, tt.sent, n) {
				got = append(got, a.StatusCode)
				if a.StatusCode >= 400 && a.StatusCode != 404 && wantError(t, a).Message == "" {
					t.Errorf("%d without a message", a.StatusCode)
				}
				if host := a.Header.Get("X-Host"); host != "" && host != strings.TrimPrefix(r.upstream.URL, "http://") {
					t.Errorf("the provider was asked as %q", host)
				}
			}
			if want := append(slices.Clone(tt.statuses), tt.closed...); !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
	mu.Lock()
	reached := slices.Contains(seen, "GET /v1/smuggled")
	mu.Unlock()
	if reached {
		t.Errorf("a smuggled request reached the provider: %q", seen)
	}
	if log := r.log.String(); strings.Contains(log, "panic") {
		t.Errorf("something panicked:\n%s", log)
	}
	if got := r.ask("x", ""); got.StatusCode != 200 {
		t.Errorf("afterwards: %d", got.StatusCode)
	}
}

// TestKeysInPlaceOfNames: a provider's key that is given where a name belongs is not repeated.
func TestKeysInPlaceOfNames(t *testing.T) {
	r := newRig(t, answerWith("y"))
	for _, key := range []string{"sk-proj-aB3dE5fG7hJ9", "gsk_aB3dE5fG7hJ9", strings.Repeat("aB3dE5", 20)} {
		for _, header := range [][]string{
			{"x-portkey-virtual-key", key}, {"x-portkey-config", key}, {"x-portkey-config", `{"virtual_key":"` + key + `"}`},
		} {
			got := r.ask("x", "", header...)
			if got.StatusCode < 400 || strings.Contains(got.body, key[3:]) {
				t.Errorf("%s: %d %s", header, got.StatusCode, got.body)
			}
		}
	}
	for _, header := range []string{"x-portkey-virtual-key", "x-portkey-config"} {
		if got := r.ask("x", "", header, "teem"); !strings.Contains(got.body, "teem") {
			t.Errorf("%s: a name is not told: %s", header, got.body)
		}
	}
}

// TestHeaderInjection puts line ends where a header is made of what a caller says: in the config, the first SDK's body, metadata,
// names and questions. Each is refused by its place, or leaves no trace in what the provider and the client get.
func TestHeaderInjection(t *testing.T) {
	var mu sync.Mutex
	var bad []string
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		mu.Lock()
		for k, vs := range req.Header {
			if k == "X-Evil" || strings.ContainsFunc(strings.Join(vs, ""), func(c rune) bool { return c < ' ' }) {
				bad = append(bad, fmt.Sprintf("%s: %q", k, vs))
			}
		}
		mu.Unlock()
		answerWith("y")(w, req)
	})
	const evil = `a\r\nX-Evil: 1`
	config := func(members string) []string { return []string{"x-portkey-config", `{` + members + `}`} }
	first := func(option string) string {
		return `{"config":{"mode":"single","options":[{"provider":"main",` + option + `}]},"params":{"model":"m","messages":[{"role":"user","content":"x"}]}}`
	}
	for _, tt := range []struct {
		name, path, body string
		header           []string
		param            string // "": answered
	}{
		{"a key", chatPath, question("x", ""), config(`"provider":"main","api_key":"` + evil + `"`), "api_key"},
		{"a key of a target", chatPath, question("x", ""), config(`"targets":[{"provider":"main","api_key":"` + evil + `"}]`), "targets[0].api_key"},
		{"a host", chatPath, question("x", ""), config(`"provider":"main","custom_host":"https://` + evil + `"`), "custom_host"},
		{"a header to forward", chatPath, question("x", ""), config(`"provider":"main","forward_headers":["` + evil + `"]`), "forward_headers[0]"},
		{"a provider", chatPath, question("x", ""), config(`"provider":"` + evil + `"`), "provider"},
		{"a virtual key", chatPath, question("x", ""), config(`"virtual_key":"` + evil + `"`), "virtual_key"},
		{"a deployment", chatPath, question("x", ""), config(`"provider":"azure-openai","resource_name":"r","deployment_id":"` + evil + `"`), "deployment_id"},
		{"a namespace", chatPath, question("x", ""), config(`"provider":"main","cache":{"namespace":"` + evil + `"}`), "cache.namespace"},
		{"a namespace of the header", chatPath, question("x", ""), []string{"x-portkey-cache", `{"namespace":"` + evil + `"}`}, "x-portkey-cache.namespace"},
		{"a name of what an answer varies by", chatPath, question("x", ""), config(`"provider":"main","cache":{"vary_by":["header.` + evil + `"]}`), "cache.vary_by[0]"},
		{"metadata", chatPath, question("x", ""), []string{"x-portkey-metadata", `{"_user":"` + evil + `"}`}, ""},
		{"a target's name", chatPath, question("x", ""), config(`"targets":[{"provider":"main","name":"` + evil + `"}]`), ""},
		{"a model", chatPath, `{"model":"` + evil + `","messages":[{"role":"user","content":"x"}]}`, nil, ""},
		{"a question", chatPath, question("Is it\r\nX-Evil: 1 on in Zürich?", ""), []string{"x-portkey-cache", "semantic", "x-reprise-explain", "1"}, ""},
		{"its opposite", chatPath, question("Is it\r\nX-Evil: 1 not on in Zürich?", ""), []string{"x-portkey-cache", "semantic", "x-reprise-explain", "1"}, ""},
		{"the first SDK's trace id", "/v1/chatComplete", first(`"trace_id":"` + evil + `"`), nil, "config.options[0].trace_id"},
		{"the first SDK's metadata", "/v1/chatComplete", first(`"metadata":{"_user":"` + evil + `"}`), nil, ""},
		{"the first SDK's key", "/v1/chatComplete", first(`"api_key":"` + evil + `"`), nil, "config.options[0].api_key"},
		{"feedback's trace id", "/v1/feedback", `{"trace_id":"` + evil + `","value":1}`, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := r.do("POST", tt.path, tt.body, tt.header...)
			r.flush()
			if tt.param != "" {
				if e := wantError(t, got); got.StatusCode != 400 && got.StatusCode != 403 || e.Param == nil || *e.Param != tt.param {
					t.Errorf("got %d: %s", got.StatusCode, got.body)
				}
			} else if got.StatusCode >= 500 {
				t.Errorf("got %d: %s", got.StatusCode, got.body)
			}
			for k, vs := range got.Header {
				if k == "X-Evil" || strings.ContainsFunc(strings.Join(vs, ""), func(c rune) bool { return c < ' ' || c > '~' }) {
					t.Errorf("the answer has the header %s: %q", k, vs)
				}
			}
		})
	}
	mu.Lock()
	defer mu.Unlock()
	if len(bad) > 0 {
		t.Errorf("the provider saw %q", bad)
	}
}
