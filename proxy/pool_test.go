package proxy

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestRepeats has a provider answer the first request of each connection, and break off the second after it has thought for a while.
// Two connections are idle when a request comes.
func TestRepeats(t *testing.T) {
	for _, tt := range []struct {
		name     string
		method   string
		header   http.Header
		repeats  bool
		foreign  bool          // the transport is somebody else's
		idle     time.Duration // of the connections
		think    time.Duration
		received int64 // by the provider, beside the two that opened the connections
		sends    int
		ok       bool
	}{
		{name: "given up while idle", method: "POST", repeats: true, received: 2, sends: 2, ok: true},
		{name: "given up while idle for a minute", method: "POST", repeats: true, idle: time.Minute, received: 2, sends: 2, ok: true},
		{name: "given up while idle, all that somebody else's transport has", method: "POST", repeats: true, foreign: true, received: 3, sends: 3, ok: true},
		{name: "broken off at work", method: "POST", repeats: true, think: time.Minute, received: 1, sends: 1},
		{name: "broken off at work, and the caller says that it may be repeated", method: "POST", header: http.Header{"Idempotency-Key": {"a"}}, repeats: true, think: time.Minute, received: 1, sends: 1},
		{name: "not to be repeated", method: "POST", received: 1, sends: 1},
		{name: "not to be repeated, over a connection that was idle", method: "POST", idle: 3 * time.Second, received: 1, sends: 1, ok: true},
		{name: "given up while idle, and net/http repeats it", method: "GET", repeats: true, received: 3, sends: 1, ok: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var received atomic.Int64
				dial := func(context.Context, string, string) (net.Conn, error) {
					client, provider := net.Pipe()
					go func() {
						defer provider.Close()
						in := bufio.NewReader(provider)
						for n := 0; ; n++ {
							req, err := http.ReadRequest(in)
							if err != nil {
								return
							}
							io.Copy(io.Discard, req.Body)
							received.Add(1)
							if n == 1 {
								time.Sleep(tt.think)
								return
							}
							io.WriteString(provider, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
						}
					}()
					return client, nil
				}
				u := upstream{transport: newPool(plainDialer()), idle: time.Minute}
				if tt.foreign {
					u.transport = poolOf(newTransport(plainDialer()))
				}
				defer u.transport.closeIdle()
				for _, rt := range []http.RoundTripper{u.transport.kept, u.transport.fresh} {
					rt.(*http.Transport).DialContext = dial
				}
				sends := 0
				do := func() (*answer, error) {
					r := &request{method: tt.method, url: "http://provider.test", header: tt.header.Clone(), repeats: tt.repeats, sends: &sends}
					if r.header == nil {
						r.header = http.Header{}
					}
					if tt.method == "POST" {
						r.body = []byte("{}")
					}
					return u.do(t.Context(), r)
				}
				end := func(a *answer) {
					t.Helper()
					if b, err := io.ReadAll(a); err != nil || string(b) != "{}" {
						t.Errorf("%q, %v", b, err)
					}
					a.Close()
				}
				var open [2]*answer
				for i := range open {
					var err error
					if open[i], err = do(); err != nil {
						t.Fatal(err)
					}
				}
				for _, a := range open {
					end(a)
				}
				synctest.Wait()
				time.Sleep(tt.idle)
				received.Store(0)
				sends = 0
				a, err := do()
				if ok := err == nil; ok != tt.ok || received.Load() != tt.received || sends != tt.sends {
					t.Errorf("%v after %d sends, of which the provider received %d; want an answer: %v, %d, %d", err, sends, received.Load(), tt.ok, tt.sends, tt.received)
				}
				if err == nil {
					end(a)
				}
				synctest.Wait()
			})
		})
	}
}
