package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy"
)

// shutdownTime bounds how long the end of the demo waits for what is under way.
const shutdownTime = 10 * time.Second

// serveProvider starts the offline provider on a free loopback port.
func serveProvider(p *provider) (baseURL string, stop func() error, err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("demo: provider: %w", err)
	}
	s := &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	return "http://" + ln.Addr().String() + "/v1", func() error {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
		defer cancel()
		err := s.Shutdown(ctx)
		if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
			err = errors.Join(err, serveErr)
		}
		return err
	}, nil
}

// stack is the real thing under show: the proxy before a cache file.
type stack struct {
	cache  *cache.Cache
	server *proxy.Server
	addr   string
	served chan error
}

// startStack opens the file and serves it on listen, with the provider as the only one.
func startStack(path, listen, providerURL string, o cache.Options) (*stack, error) {
	c, err := cache.Open(path, o)
	if err != nil {
		return nil, err
	}
	// The provider wants no key; a configured one lets every caller share the answers, as in a team behind one key.
	server, err := proxy.New(proxy.Config{Cache: c, Providers: []proxy.Provider{{Name: "demo", BaseURL: providerURL, APIKey: "demo"}}})
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("demo: %w (choose another address with --listen; port 0 picks a free one)", err), c.Close())
	}
	s := &stack{cache: c, server: server, addr: ln.Addr().String(), served: make(chan error, 1)}
	go func() { s.served <- server.Serve(ln) }()
	return s, nil
}

// url is where clients are pointed.
func (s *stack) url() string { return "http://" + s.addr + "/v1" }

// stop ends the server, which writes what it accepted, then closes the file. It must be called once.
func (s *stack) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	err := s.server.Shutdown(ctx)
	return errors.Join(err, <-s.served, s.cache.Close())
}

// waitStored waits until the answers under way are in the cache. They are stored off the client's path; a person asks the
// next question seconds later, the demo's client within a millisecond.
func (s *stack) waitStored(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, shutdownTime)
	defer cancel()
	return s.server.Flush(ctx)
}
