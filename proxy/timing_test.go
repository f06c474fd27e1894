package proxy

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/fasthttputil"
)

// The benchmarks send one request after another over as many connections as there are processors, by a client that does
// nothing but write the same bytes and skip the answer's, so that what is compared is the servers. Both listen in memory
// or on the loopback alike.
//
//	go test -bench Exact -benchtime 3s ./proxy

const benchAnswer = "You can change the address on the settings page: open your profile, choose Addresses, and press Edit beside the one that you want to replace."

func benchRequest(stream bool) []byte {
	body := question("How do I change the address that my orders are sent to?", fmt.Sprintf(`"temperature":0.2,"stream":%v`, stream))
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer sk-caller\r\n"+
		"User-Agent: OpenAI/Python 1.99.0\r\nAccept: application/json\r\nX-Stainless-Lang: python\r\nX-Stainless-Os: Linux\r\nContent-Length: %d\r\n\r\n%s", chatPath, len(body), body)
}

// load runs b.N requests against what dial reaches.
func load(b *testing.B, dial func() (net.Conn, error), request []byte) {
	b.Helper()
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		c, err := dial()
		if err != nil {
			b.Error(err)
			return
		}
		defer c.Close()
		r := bufio.NewReaderSize(c, 16<<10)
		var resp fasthttp.Response
		for pb.Next() {
			if _, err := c.Write(request); err != nil {
				b.Error(err)
				return
			}
			if err := resp.Read(r); err != nil || resp.StatusCode() != http.StatusOK {
				b.Errorf("%v, %d: %s", err, resp.StatusCode(), resp.Body())
				return
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "req/s")
}

// listeners are the two ways to reach a server.
var listeners = map[string]func(b *testing.B) (net.Listener, func() (net.Conn, error)){
	"memory": func(*testing.B) (net.Listener, func() (net.Conn, error)) {
		ln := fasthttputil.NewInmemoryListener()
		return ln, ln.Dial
	},
	"loopback": func(b *testing.B) (net.Listener, func() (net.Conn, error)) {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		return ln, func() (net.Conn, error) { return net.Dial("tcp", ln.Addr().String()) }
	},
}

// BenchmarkExactHit is the proxy answering a request that it has answered before.
func BenchmarkExactHit(b *testing.B) {
	for _, stream := range []bool{false, true} {
		for _, by := range []string{"memory", "loopback"} {
			b.Run(fmt.Sprintf("%s/stream=%v", by, stream), func(b *testing.B) {
				r := newRig(b, answerWith(benchAnswer), func(c *Config) { c.Logger = slog.New(slog.DiscardHandler) })
				ln, dial := listeners[by](b)
				go func() { _ = r.s.Serve(ln) }()
				request := benchRequest(stream)
				warm(b, dial, request, "SEMANTIC MISS")
				r.flush()
				warm(b, dial, request, "HIT")
				load(b, dial, request)
			})
		}
	}
}

// warm sends the request once and checks what the cache made of it.
func warm(b *testing.B, dial func() (net.Conn, error), request []byte, want string) {
	b.Helper()
	c, err := dial()
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write(request); err != nil {
		b.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	if got := resp.Header.Get("x-portkey-cache-status"); got != want && want != "" {
		b.Fatalf("got %s, want %s", got, want)
	}
}

// BenchmarkBare is the yardstick: a fasthttp handler that returns the same bytes for the same request, with nothing but
// its content type.
func BenchmarkBare(b *testing.B) {
	for _, by := range []string{"memory", "loopback"} {
		b.Run(by, func(b *testing.B) {
			body := []byte(bodyOf(benchAnswer))
			ln, dial := listeners[by](b)
			srv := &fasthttp.Server{NoDefaultServerHeader: true, Handler: func(ctx *fasthttp.RequestCtx) {
				ctx.SetContentType("application/json")
				ctx.Response.SetBodyRaw(body)
			}}
			go func() { _ = srv.Serve(ln) }()
			defer srv.Shutdown()
			request := benchRequest(false)
			warm(b, dial, request, "")
			load(b, dial, request)
		})
	}
}

// BenchmarkRead is reading a long conversation, which a memo of bodies does not help with.
func BenchmarkRead(b *testing.B) {
	body := []byte(question(strings.Repeat("What is the meaning of this? ", 1000), `"tools":[{"type":"function","function":{"name":"f"}}]`))
	m := newRig(b, answerWith("")).s.endpoints[chatPath]
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.read(body); err != nil {
			b.Fatal(err)
		}
	}
}
