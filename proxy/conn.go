package proxy

import (
	"io"
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// timedListener makes every connection's writes time out one by one. fasthttp's own WriteTimeout is one deadline for a
// whole response, and would cut off a stream that goes on for longer than a slow client may stall it.
type timedListener struct {
	net.Listener
	timeout time.Duration
	limit   int64 // connections; one beyond them is told so once it has asked something
	open    atomic.Int64
}

// spareConns are connections beyond the limit that are told of it. To those beyond these fasthttp says so, in its own words.
const spareConns = 256

// Accept waits for the next connection.
func (l *timedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &timedConn{Conn: c, timeout: l.timeout, from: l, over: l.open.Add(1) > l.limit}, nil
}

// timedConn is used by one writer at a time.
type timedConn struct {
	net.Conn
	timeout time.Duration
	armed   time.Time // when the deadline was last set
	linger  bool      // the client may still be sending when the connection is closed
	over    bool      // there were as many as may be when it came
	from    *timedListener
	closed  atomic.Bool
}

// What a client is given to finish sending a request that was refused before its end.
const (
	lingerBytes = 64 << 20
	lingerTime  = 10 * time.Second
	lingerIdle  = 2 * time.Second
)

// Close closes the connection. Where the client may still be sending it first says that nothing more will come, and
// takes in the rest: closing a socket with bytes unread resets it, and a client that is reset while it sends never gets
// to read why it was refused.
func (c *timedConn) Close() error {
	if c.closed.CompareAndSwap(false, true) {
		defer c.from.open.Add(-1)
	}
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !c.linger || !ok || half.CloseWrite() != nil {
		return c.Conn.Close()
	}
	end := time.Now().Add(lingerTime)
	for left := int64(lingerBytes); left > 0; {
		now := time.Now()
		if now.After(end) || c.SetReadDeadline(now.Add(lingerIdle)) != nil {
			break
		}
		n, err := io.CopyN(io.Discard, c.Conn, min(left, 1<<20))
		left -= n
		if err != nil {
			break
		}
	}
	return c.Conn.Close()
}

// Write fails when it makes no progress for the time allowed. Setting a deadline costs as much as a small write, so one
// that is younger than an eighth of the time is left to serve again.
func (c *timedConn) Write(p []byte) (int, error) {
	if now := time.Now(); now.Sub(c.armed) > c.timeout/8 {
		if err := c.SetWriteDeadline(now.Add(c.timeout)); err != nil {
			return 0, err
		}
		c.armed = now
	}
	return c.Conn.Write(p)
}

// SyscallConn gives the socket beneath, for watch; an error if there is none.
func (c *timedConn) SyscallConn() (syscall.RawConn, error) {
	if sc, ok := c.Conn.(syscall.Conn); ok {
		return sc.SyscallConn()
	}
	return nil, syscall.ENOTSOCK
}
