package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"
)

// load is a closed loop: each connection sends its next request when the answer
// to the last one is in. The requests are ready-made bytes and the answers are
// read but hardly parsed, because the driver shares the cores with the server
// under test: what the driver spends is added to both sides of a ratio and would
// flatter the slower one.
type load struct {
	addr     string
	conns    int
	duration time.Duration
	// request returns the n-th request of the run, complete with header. It is
	// called from several goroutines; no two calls of a run share an n.
	request func(n int) []byte
	// check looks at the header block of each answer; nil accepts a 200.
	check func(header []byte) error
}

// loadResult holds what a run measured. Latencies are in the order in which the
// connections finished them, not sorted.
type loadResult struct {
	elapsed   time.Duration
	latencies []time.Duration
}

// rate is the number of answers a second.
func (r loadResult) rate() float64 {
	if r.elapsed <= 0 {
		return 0
	}
	return float64(len(r.latencies)) / r.elapsed.Seconds()
}

// run drives the endpoint until the duration is over, ctx ends or a connection
// fails; the first failure ends the run and is returned.
func (l load) run(ctx context.Context) (loadResult, error) {
	ctx, cancel := context.WithTimeout(ctx, l.duration)
	defer cancel()

	var (
		wg    sync.WaitGroup
		mu    sync.Mutex // guards next, all and first
		next  int
		all   []time.Duration
		first error
	)
	take := func() int {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1
	}
	start := time.Now()
	for range l.conns {
		wg.Go(func() {
			lat, err := l.connection(ctx, take)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, lat...)
			if err != nil && first == nil {
				first = err
				cancel()
			}
		})
	}
	wg.Wait()
	return loadResult{elapsed: time.Since(start), latencies: all}, first
}

// connection is the loop of one connection.
func (l load) connection(ctx context.Context, take func() int) ([]time.Duration, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", l.addr)
	if err != nil {
		if ctx.Err() != nil {
			return nil, nil
		}
		return nil, fmt.Errorf("bench: connect to %s: %w", l.addr, err)
	}
	defer conn.Close()

	var (
		r   = bufio.NewReaderSize(conn, 64<<10)
		lat []time.Duration
	)
	for ctx.Err() == nil {
		begin := time.Now()
		if _, err := conn.Write(l.request(take())); err != nil {
			return lat, fmt.Errorf("bench: send to %s: %w", l.addr, err)
		}
		if err := readAnswer(r, l.check); err != nil {
			return lat, fmt.Errorf("bench: answer of %s: %w", l.addr, err)
		}
		lat = append(lat, time.Since(begin))
	}
	return lat, nil
}

var (
	headerEnd     = []byte("\r\n\r\n")
	statusOK      = []byte("HTTP/1.1 200")
	contentLength = []byte("Content-Length: ")
)

// errAnswer is an answer that the driver cannot use.
var errAnswer = errors.New("unusable answer")

// readAnswer reads one answer of known length and shows its header block to
// check, which must not keep it.
func readAnswer(r *bufio.Reader, check func(header []byte) error) error {
	end := -1
	var head []byte
	for n := 1; end < 0; n = len(head) + 1 {
		if _, err := r.Peek(n); err != nil {
			return err
		}
		head, _ = r.Peek(r.Buffered())
		end = bytes.Index(head, headerEnd)
	}
	head = head[:end+len(headerEnd)]
	if !bytes.HasPrefix(head, statusOK) {
		line, _, _ := bytes.Cut(head, []byte("\r\n"))
		return fmt.Errorf("%w: %s", errAnswer, line)
	}
	length := headerValue(head, contentLength)
	size, err := strconv.Atoi(string(length))
	if err != nil {
		return fmt.Errorf("%w: content length %q", errAnswer, length)
	}
	if check != nil {
		if err := check(head); err != nil {
			return err
		}
	}
	_, err = r.Discard(len(head) + size)
	return err
}

// headerValue returns the value of the header line that begins with name, which
// carries the colon and the space; nil if there is none. Header names compare
// without case, as on the wire.
func headerValue(header, name []byte) []byte {
	for len(header) > 0 {
		line, rest, _ := bytes.Cut(header, []byte("\r\n"))
		if len(line) >= len(name) && bytes.EqualFold(line[:len(name)], name) {
			return line[len(name):]
		}
		header = rest
	}
	return nil
}
