//go:build unix

package proxy

import (
	"net"
	"syscall"
	"time"
)

// watch closes the channel that it returns when the client at the other end of conn leaves, while nobody reads from
// conn. fasthttp itself only learns of that by a failed write, which a stalled or a plain call does not come to. The
// caller must call stop before conn is read again; after it, conn has no read deadline.
//
// It waits in the network poller for conn to become readable and then peeks: end of file or an error means gone, a byte
// means that the next request has come early. A connection that is no socket is not watched: the channel is nil.
func watch(conn net.Conn) (gone <-chan struct{}, stop func()) {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return nil, func() {}
	}
	raw, err := sc.SyscallConn()
	if err != nil || conn.SetReadDeadline(time.Time{}) != nil {
		return nil, func() {}
	}
	left, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		var one [1]byte
		err := raw.Read(func(fd uintptr) bool {
			n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK)
			if err == syscall.EAGAIN || err == syscall.EINTR {
				return false // wait until it is readable
			}
			if n <= 0 || err != nil {
				close(left)
			}
			return true
		})
		_ = err // the deadline by which stop ends the wait
	}()
	return left, func() {
		// A deadline in the past wakes the poller; the next request sets its own.
		if conn.SetReadDeadline(time.Unix(1, 0)) == nil {
			<-over
		}
		_ = conn.SetReadDeadline(time.Time{})
	}
}
