package bench

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

func TestLoadCountsAnswers(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		ctx.Response.Header.Set("x-path", string(ctx.Path()))
		ctx.SetBody(ctx.PostBody())
	}}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()

	res, err := load{
		addr: ln.Addr().String(), conns: 3, duration: 200 * time.Millisecond,
		request: func(n int) []byte {
			if n%2 == 0 {
				return []byte("POST /even HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
			}
			return []byte("POST /odd HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
		},
		check: func(h []byte) error {
			if p := string(headerValue(h, []byte("X-Path: "))); p != "/even" && p != "/odd" {
				return errors.New("path " + p)
			}
			return nil
		},
	}.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(res.latencies) < 3 || res.rate() <= 0 {
		t.Errorf("%d answers, rate %v: want at least one a connection", len(res.latencies), res.rate())
	}
	if err := srv.Shutdown(); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestReadAnswerRefuses(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"a 500":               "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
		"no length":           "HTTP/1.1 200 OK\r\n\r\n",
		"a length not number": "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
	} {
		err := readAnswer(bufio.NewReader(strings.NewReader(in)), nil)
		if !errors.Is(err, errAnswer) {
			t.Errorf("%s: got %v, want errAnswer", name, err)
		}
	}
	err := readAnswer(bufio.NewReader(strings.NewReader("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort")), nil)
	if !errors.Is(err, io.EOF) {
		t.Errorf("a cut body: got %v, want io.EOF", err)
	}
}

func TestQuantileIsAMeasuredValue(t *testing.T) {
	t.Parallel()
	sample := []time.Duration{5, 1, 4, 2, 3, 10, 9, 8, 7, 6}
	for _, c := range []struct {
		q    float64
		want time.Duration
	}{{0, 1}, {0.5, 5}, {0.9, 9}, {0.99, 10}, {1, 10}} {
		if got := Quantile(sample, c.q); got != c.want {
			t.Errorf("quantile %v = %d, want %d", c.q, got, c.want)
		}
	}
	if Quantile(nil, 0.5) != 0 {
		t.Error("the quantile of nothing is not zero")
	}
	if got := median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("median = %v, want 2.5", got)
	}
}
