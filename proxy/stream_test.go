package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// sendEvents writes pieces of an event stream, each when step lets it.
func sendEvents(w http.ResponseWriter, r *http.Request, step <-chan struct{}, pieces ...string) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, p := range pieces {
		io.WriteString(w, p)
		w.(http.Flusher).Flush()
		select {
		case <-step:
		case <-r.Context().Done():
			return
		}
	}
}

// open starts a request and returns once its headers are there.
func (r *rig) open(ctx context.Context, body string, header ...string) *http.Response {
	r.t.Helper()
	resp, err := http.DefaultClient.Do(r.request(ctx, "POST", chatPath, body, header...))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// bounded is a context that ends with the test's patience.
func bounded(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// TestStreamAtOnce holds that every event reaches the client before the provider sends the next one, as the same bytes.
func TestStreamAtOnce(t *testing.T) {
	step := make(chan struct{})
	pieces := []string{": warming up\n\n", chunk(`"choices":[{"index":0,"delta":{"role":"assistant","content":"a"}}]`), "data: {\"cho", "ices\":[]}\r\n\r\n",
		chunk(`"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]`), "data: [DONE]\n\n"}
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) { sendEvents(w, req, step, pieces...) })
	resp := r.open(bounded(t), question("x", `"stream":true`))
	if ct := resp.Header.Get("Content-Type"); ct != "text/event-stream" {
		t.Errorf("content type %q", ct)
	}
	for i, p := range pieces {
		got := make([]byte, len(p))
		if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != p {
			t.Fatalf("piece %d: got %q, %v; want %q", i, got, err, p)
		}
		if i < len(pieces)-1 {
			step <- struct{}{}
		}
	}
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
		t.Errorf("after the end: %q, %v", rest, err)
	}
	close(step)
	if got := r.ask("x", ""); got.cache() != "HIT" || !strings.Contains(got.body, `"content":"a"`) {
		t.Errorf("the stream was not stored: %s, %s", got.cache(), got.body)
	}
}

// TestStreamBreaks holds that a stream which fails tells its client so, ends its connection, and leaves nothing behind.
func TestStreamBreaks(t *testing.T) {
	first := chunk(`"choices":[{"index":0,"delta":{"content":"a"}}]`)
	for _, tt := range []struct {
		name, code string
		give       http.HandlerFunc
		change     func(*Config)
	}{
		{"connection lost", "upstream_broken", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, first+"data: {\"half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, func(*Config) {}},
		{"stalled", "upstream_stalled", func(w http.ResponseWriter, r *http.Request) {
			sendEvents(w, r, nil, first)
		}, func(c *Config) { c.UpstreamIdle = 50 * time.Millisecond }},
		{"too long", "upstream_timeout", func(w http.ResponseWriter, r *http.Request) {
			sendEvents(w, r, nil, first)
		}, func(c *Config) { c.UpstreamTimeout = 100 * time.Millisecond }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, tt.give, tt.change)
			for range 2 {
				got := r.ask("x", `"stream":true`)
				if got.err == nil {
					t.Error("the body ends as if it were whole")
				}
				if !strings.HasPrefix(got.body, first) || !strings.Contains(got.body, "\n\ndata: {\"error\":{") || !strings.Contains(got.body, tt.code) {
					t.Errorf("got %q", got.body)
				}
				if got.cache() != "SEMANTIC MISS" {
					t.Errorf("got %s", got.cache())
				}
				r.flush()
			}
			r.wantCalls(2)
		})
	}
}

func TestRequestTimeout(t *testing.T) {
	left := make(chan struct{}, 2)
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		if strings.HasPrefix(req.Header.Get("X-Test"), "stream") {
			sendEvents(w, req, nil, chunk(`"choices":[]`))
		} else {
			io.Copy(io.Discard, req.Body)
			<-req.Context().Done()
		}
		left <- struct{}{}
	})
	got := r.ask("x", "", "x-portkey-request-timeout", "50")
	if got.StatusCode != 504 || wantError(t, got).Code != "request_timeout" || got.Header.Get("x-portkey-retry-attempt-count") != "-1" {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	recv(t, left, "the provider to be let go")
	got = r.ask("x", `"stream":true`, "x-reprise-request-timeout", "100", "x-test", "stream")
	if got.StatusCode != 200 || !strings.Contains(got.body, "request_timeout") || got.err == nil {
		t.Errorf("%d %v %s", got.StatusCode, got.err, got.body)
	}
	recv(t, left, "the provider to be let go")
}

// TestSharedCall holds that equal requests in flight make one call, whatever the moment at which they come, and that
// each gets the whole answer.
func TestSharedCall(t *testing.T) {
	for _, stream := range []bool{false, true} {
		t.Run(fmt.Sprintf("stream=%v", stream), func(t *testing.T) {
			const clients = 8
			called, step := make(chan struct{}, clients), make(chan struct{})
			want := bodyOf("a b c")
			if stream {
				want = streamOf("a b c")
			}
			r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
				called <- struct{}{}
				if stream {
					sendEvents(w, req, step, want[:300], want[300:])
					return
				}
				<-step
				w.Header().Set("Content-Type", "application/json")
				io.WriteString(w, want)
			})
			ask := func(out chan reply) {
				go func() { out <- r.ask("x", fmt.Sprintf(`"stream":%v`, stream)) }()
			}
			replies := make(chan reply, clients)
			ask(replies)
			recv(t, called, "the first call")
			for range clients - 1 {
				ask(replies)
			}
			r.waitShared(clients - 1)
			close(step)
			for range clients {
				got := recv(t, replies, "an answer")
				if got.err != nil || got.body != want || got.cache() != "SEMANTIC MISS" {
					t.Errorf("%v, %s: %s", got.err, got.cache(), got.body)
				}
			}
			r.wantCalls(1)
			if got := r.ask("x", ""); got.cache() != "HIT" {
				t.Errorf("afterwards: %s", got.cache())
			}
		})
	}
}

// waitShared returns once so many requests have joined another's call.
func (r *rig) waitShared(n uint64) {
	r.t.Helper()
	deadline := time.Now().Add(patience)
	for r.s.Stats().CallsShared < n {
		if time.Now().After(deadline) {
			r.t.Fatalf("%d requests share a call, want %d", r.s.Stats().CallsShared, n)
		}
		// The wait is for the server's own goroutines; nothing outside tells of it, and this yields to them.
		resp, err := http.Get(r.url + "/healthz")
		if err != nil {
			r.t.Fatal(err)
		}
		resp.Body.Close()
	}
}

// TestClientLeaves holds that a call goes on while a client listens, and is given up when the last one has left.
func TestClientLeaves(t *testing.T) {
	for _, stream := range []bool{false, true} {
		t.Run(fmt.Sprintf("stream=%v", stream), func(t *testing.T) {
			called, givenUp := make(chan struct{}, 1), make(chan struct{})
			r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
				io.Copy(io.Discard, req.Body)
				if stream {
					w.Header().Set("Content-Type", "text/event-stream")
					io.WriteString(w, chunk(`"choices":[]`))
					w.(http.Flusher).Flush()
				}
				called <- struct{}{}
				<-req.Context().Done()
				close(givenUp)
			})
			dial := func() (net.Conn, *bufio.Reader) {
				c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { c.Close() })
				c.SetDeadline(time.Now().Add(patience))
				body := question("x", fmt.Sprintf(`"stream":%v`, stream))
				fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", chatPath, len(body), body)
				return c, bufio.NewReader(c)
			}
			one, _ := dial()
			recv(t, called, "the call")
			two, r2 := dial()
			r.waitShared(1)
			one.Close()
			if stream { // the second client still reads what the flight has
				line, err := r2.ReadString('\n')
				if err != nil || !strings.HasPrefix(line, "HTTP/1.1 200") {
					t.Errorf("the one that stayed got %q, %v", line, err)
				}
			}
			select {
			case <-givenUp:
				t.Fatal("the call was given up while a client listened")
			default:
			}
			two.Close()
			recv(t, givenUp, "the call to be given up")
			r.wantCalls(1)
		})
	}
}

// TestHalfClosed holds that a client which closes its own side, and is taken to have left, is told so if it still reads.
func TestHalfClosed(t *testing.T) {
	r := newRig(t, func(_ http.ResponseWriter, req *http.Request) {
		io.Copy(io.Discard, req.Body)
		<-req.Context().Done()
	})
	for _, path := range []string{chatPath, "/v1/images/generations"} {
		c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(patience))
		body := question("x", "")
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != statusClientGone || !strings.Contains(string(said), `"code":"client_left"`) || !resp.Close {
			t.Errorf("%s: %d, %s, %v", path, resp.StatusCode, said, err)
		}
	}
}

// TestFollowersShareTheFailure holds that a call that fails fails for all, and that the next one is made anew.
func TestFollowersShareTheFailure(t *testing.T) {
	called, step := make(chan struct{}, 1), make(chan struct{})
	r := newRig(t, answerWith("fine"), func(c *Config) {
		c.Transport = roundTripper(func(req *http.Request) (*http.Response, error) {
			select {
			case called <- struct{}{}:
			default:
				return http.DefaultTransport.RoundTrip(req)
			}
			<-step
			panic("a fault of ours")
		})
	})
	replies := make(chan reply, 3)
	for range 3 {
		go func() { replies <- r.ask("x", "") }()
	}
	r.waitShared(2)
	close(step)
	for range 3 {
		if got := recv(t, replies, "an answer"); got.StatusCode != 500 || wantError(t, got).Code != "internal_error" || strings.Contains(got.body, "fault") {
			t.Errorf("%d: %s", got.StatusCode, got.body)
		}
	}
	if got := r.ask("x", ""); got.StatusCode != 200 {
		t.Errorf("afterwards: %d", got.StatusCode)
	}
	if !strings.Contains(r.log.String(), "a fault of ours") {
		t.Error("the panic is not in the log")
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestRefreshDoesNotJoin holds that who asks for a new answer gets one of his own.
func TestRefreshDoesNotJoin(t *testing.T) {
	called, step := make(chan struct{}, 3), make(chan struct{})
	r := newRig(t, func(w http.ResponseWriter, req *http.Request) {
		called <- struct{}{}
		<-step
		answerWith("y")(w, req)
	})
	replies := make(chan reply, 3)
	go func() { replies <- r.ask("x", "") }()
	recv(t, called, "the first call")
	for _, h := range []string{"no-cache", "no-store"} {
		go func() { replies <- r.ask("x", "", "cache-control", h) }()
		recv(t, called, "the call of "+h)
	}
	close(step)
	for range 3 {
		if got := recv(t, replies, "an answer"); got.StatusCode != 200 {
			t.Errorf("%d: %s", got.StatusCode, got.body)
		}
	}
}

// TestLongStream sends more than the flight keeps, to a client that reads slowly: it passes through whole, in bounded
// memory, and is not stored.
func TestLongStream(t *testing.T) {
	const limit = 64 << 10
	line := chunk(`"choices":[{"index":0,"delta":{"content":"` + strings.Repeat("x", 1000) + `"}}]`)
	r := newRig(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range 2000 {
			io.WriteString(w, line)
		}
		io.WriteString(w, chunk(`"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]`)+"data: [DONE]\n\n")
	}, func(c *Config) { c.MaxAnswerBytes = limit })
	got := r.ask("x", `"stream":true`)
	if got.err != nil || strings.Count(got.body, line) != 2000 || !strings.HasSuffix(got.body, "[DONE]\n\n") {
		t.Errorf("%v: %d bytes", got.err, len(got.body))
	}
	r.flush()
	if st := r.s.Stats(); st.FillsWritten+st.FillsFailed != 0 {
		t.Errorf("it was stored: %+v", st)
	}
}

// TestLooksAgain plays the interleaving that the second look-up is for: one request misses and is held up; an equal one
// comes, is answered and stored, and its call is over; then the first goes on. It must find the answer instead of
// calling.
func TestLooksAgain(t *testing.T) {
	r := newRig(t, answerWith("y"))
	hold, held := make(chan struct{}), make(chan struct{}, 1)
	var first atomic.Bool
	r.embedder.gate = func(texts []string) []string {
		if first.CompareAndSwap(false, true) {
			held <- struct{}{}
			<-hold
			return []string{"far off, or the semantic tier would find the answer first"}
		}
		return texts
	}
	late := make(chan reply, 1)
	go func() { late <- r.ask("x", "") }()
	recv(t, held, "the first request's embedding")
	if got := r.ask("x", ""); got.cache() != "SEMANTIC MISS" {
		t.Fatalf("the second request: %s", got.cache())
	}
	r.flush()
	close(hold)
	if got := recv(t, late, "the first request's answer"); got.cache() != "HIT" || got.StatusCode != 200 {
		t.Errorf("the first request: %d, %s", got.StatusCode, got.cache())
	}
	r.wantCalls(1)
}
