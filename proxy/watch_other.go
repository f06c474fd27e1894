//go:build !unix

package proxy

import "net"

// watch does nothing where sockets cannot be peeked at: a client that left is noticed by the next write.
func watch(net.Conn) (gone <-chan struct{}, stop func()) { return nil, func() {} }
