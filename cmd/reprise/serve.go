package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os/signal"
	"slices"
	"time"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/config"
	"github.com/reprise-cache/reprise/proxy"
)

type serveCmd struct {
	settingFlags
	listenFlag
	decidingFlags
}

// Run is called by kong. It serves until one of the endSignals, for the drain delay beyond that, then finishes what is under way; a
// second signal ends the process at once.
func (c *serveCmd) Run(h *host) (err error) {
	cfg, err := c.read(h, c.listenFlag, c.decidingFlags)
	if err != nil {
		return err
	}
	log := newLogger(cfg.Log, h.stderr)
	for _, w := range cfg.Warnings {
		log.Warn(w)
	}

	models, err := newModels(cfg)
	if err != nil {
		return err
	}
	opened, err := openCache(cfg, models, log, true)
	if err != nil {
		return err
	}
	// Closed last: the server writes its accepted answers while it shuts down.
	defer func() { err = errors.Join(err, opened.Close()) }()
	keys, err := serveKeys(cfg, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, keys.Close()) }()
	server, err := newServer(cfg, opened, keys, log)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return fmt.Errorf("%w (choose another address with --listen; port 0 picks a free one)", err)
	}

	// Caught before the address is announced, so that whoever reads it may already send one.
	stopping, release := signal.NotifyContext(context.Background(), endSignals()...)
	defer release()
	stats := opened.Stats()
	embedder, verifier := models.names()
	log.Info("serving", "address", ln.Addr().String(), "db", cfg.DB, "entries", stats.Load.Total,
		"model", embedder, "verifier", verifier, "mode", cfg.Cache.Mode, "version", buildVersion())
	announceProviders(cfg, log)
	go announceReady(stopping, opened, log)

	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	select {
	case err := <-served:
		return errors.Join(err, shutdown(server, cfg))
	case <-stopping.Done():
	}
	release() // from here on a signal ends the process
	if delay := cfg.Timeouts.DrainDelay; delay > 0 {
		server.Drain()
		log.Info("draining: /readyz says 503, requests are still answered; signal again to stop at once", "drain_delay", delay)
		select {
		case err := <-served:
			return errors.Join(err, shutdown(server, cfg))
		case <-time.After(delay):
		}
	}
	log.Info("stopping: finishing open requests; signal again to stop at once", "timeout", cfg.Timeouts.Shutdown)
	if err := shutdown(server, cfg); err != nil {
		return err
	}
	if err := <-served; err != nil {
		return err
	}
	log.Info("stopped")
	return nil
}

// announceReady says when the semantic tier knows every stored entry, or that it will not.
func announceReady(ctx context.Context, c *cache.Cache, log *slog.Logger) {
	err := c.WaitReady(ctx)
	s := c.Stats().Load
	switch {
	case ctx.Err() != nil:
	case err != nil:
		log.Error("the semantic tier does not know every stored answer; `reprise check` says what is wrong with the file", "error", err)
	default:
		log.Info("ready", "entries", s.Read, "took", s.Took, "snapshot", s.FromSnapshot)
	}
	if s.Refused != "" {
		log.Info("the index's snapshot was not used", "reason", s.Refused)
	}
}

// shutdown finishes what is under way, within the configured time.
func shutdown(s *proxy.Server, cfg *config.Config) error {
	ctx, cancel := context.WithTimeout(context.Background(), cfg.Timeouts.Shutdown)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		return fmt.Errorf("shutdown: %w (timeouts.shutdown is %v)", err, cfg.Timeouts.Shutdown)
	}
	return nil
}

// announceProviders says where questions go, and whose key they carry.
func announceProviders(cfg *config.Config, log *slog.Logger) {
	for _, name := range slices.Sorted(maps.Keys(cfg.Providers)) {
		p := cfg.Providers[name]
		base := cmp.Or(p.BaseURL, providerOf(name, p).DefaultBaseURL())
		key := "configured"
		if p.APIKey == "" {
			key = "none configured: the caller's own authorization is passed through"
		}
		log.Info("provider", "name", name, "base_url", base, "key", key, "default", name == cfg.DefaultProvider)
	}
}
