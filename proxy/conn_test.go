package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestTooManyConnections holds that a connection beyond the limit is told so in the API's own words, and that those within it go on.
func TestTooManyConnections(t *testing.T) {
	r := newRig(t, answerWith("y"), func(c *Config) { c.MaxConns = 2 })
	type client struct {
		net.Conn
		r *bufio.Reader
	}
	dial := func() client {
		t.Helper()
		c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(patience))
		return client{c, bufio.NewReader(c)}
	}
	ask := func(c client) reply {
		t.Helper()
		if _, err := io.WriteString(c, post("", question("x", ""))); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(c.r, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		return reply{resp, string(b), err}
	}
	first, second := dial(), dial()
	for _, c := range []client{first, second} {
		if got := ask(c); got.StatusCode != 200 {
			t.Fatalf("within the limit: %d, %s", got.StatusCode, got.body)
		}
	}
	got := ask(dial())
	if e := wantError(t, got); got.StatusCode != 503 || e.Code != "too_many_connections" || !strings.Contains(e.Message, "limits.max_connections") || got.Header.Get("Retry-After") != "1" || !got.Close {
		t.Errorf("beyond it: %d, %v, %s", got.StatusCode, got.Header, got.body)
	}
	if got := r.raw("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); got.StatusCode != 200 {
		t.Errorf("whether it lives: %d", got.StatusCode)
	}
	if got := r.raw(strings.Replace(post("", messagesBody), chatPath, messagesPath, 1)); got.StatusCode != 503 || !strings.HasPrefix(got.body, `{"type":"error"`) {
		t.Errorf("in Anthropic's words: %d, %s", got.StatusCode, got.body)
	}
	if got := ask(first); got.StatusCode != 200 {
		t.Errorf("within the limit, afterwards: %d", got.StatusCode)
	}
	second.Close()
	for begin := time.Now(); ; { // until the server has noticed
		c := dial()
		got := ask(c)
		c.Close()
		if got.StatusCode == 200 {
			break
		}
		if time.Since(begin) > patience {
			t.Fatal("a connection that was closed is counted for good")
		}
	}
}
