package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/config"
	"github.com/reprise-cache/reprise/embed"
	"github.com/reprise-cache/reprise/proxy"
)

// newLogger makes the process's logger.
func newLogger(c config.Log, w io.Writer) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.SlogLevel()}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// models are what the configuration has judge questions; nil where none is needed.
type models struct {
	embedder cache.Embedder
	verifier cache.Verifier
}

// newModels loads what the configuration names.
func newModels(c *config.Config) (m models, err error) {
	if !comparesMeaning(c) {
		return m, nil
	}
	var mini *embed.MiniLM
	if c.Embedder.Kind == "minilm" || c.Cache.Verifier {
		if mini, err = embed.NewMiniLM(); err != nil {
			return m, err
		}
		m.embedder = mini
	}
	if c.Embedder.Kind == "openai" {
		if m.embedder, err = openAIEmbedder(c); err != nil {
			return m, err
		}
	}
	if c.Cache.Verifier {
		// It reads with the word embeddings of the model in the process, whoever makes the vectors.
		m.verifier, err = embed.NewVerifier(mini)
	}
	return m, err
}

// comparesMeaning reports whether a mode that the configuration names needs models.
func comparesMeaning(c *config.Config) bool {
	return slices.ContainsFunc(c.Cache.Modes(), func(mode string) bool { return mode != "simple" && mode != "off" })
}

// openAIEmbedder makes the embedder of kind openai. It calls nobody, so that a check of the configuration can make one, too.
func openAIEmbedder(c *config.Config) (cache.Embedder, error) {
	e, err := embed.NewOpenAI(embed.OpenAIOptions{
		BaseURL: c.Embedder.BaseURL, APIKey: c.Embedder.APIKey, Model: c.Embedder.Model, Dim: c.Embedder.Dim, Timeout: c.Embedder.Timeout,
	})
	if err != nil {
		return nil, inKeys(err, embed.ErrOptions.Error()+": ", map[string]string{
			"BaseURL": "embedder.base_url", "APIKey": "embedder.api_key", "Model": "embedder.model", "Dim": "embedder.dim", "Timeout": "embedder.timeout",
		})
	}
	return e, nil
}

// limit is a limit as the cache takes it, for which zero is not none.
func limit(n int64) int64 {
	if n == 0 {
		return cache.NoLimit
	}
	return n
}

// openCache opens the configured file; early: before its index is filled. The caller closes the cache.
func openCache(c *config.Config, m models, log *slog.Logger, early bool) (*cache.Cache, error) {
	o, err := cacheOptions(c, m, log)
	if err != nil {
		return nil, err
	}
	o.OpenEarly = early
	return openFile(c.DB, o)
}

func openFile(path string, o cache.Options) (*cache.Cache, error) {
	opened, err := cache.Open(path, o)
	if err != nil {
		return nil, withRemedy(err, path)
	}
	return opened, nil
}

// cacheOptions is the configuration as the cache takes it.
func cacheOptions(c *config.Config, m models, log *slog.Logger) (o cache.Options, err error) {
	mode, err := cache.ParseMode(c.Cache.Mode)
	if err != nil {
		return o, err
	}
	conversation, err := cache.ParseConversation(c.Cache.Conversation)
	if err != nil {
		return o, err
	}
	if m.verifier == nil && conversation == cache.ConversationJudged {
		conversation = cache.ConversationStrict // of a mode that compares nothing by meaning
	}
	if conversation == cache.ConversationLastTurn {
		log.Warn("earlier turns are not looked at (cache.conversation: last_turn): an answer that depends on them may be wrong")
	}
	o = cache.Options{
		Embedder: m.embedder, Verifier: m.verifier, Mode: mode, Conversation: conversation, K: c.Cache.K, TTL: c.Cache.TTL,
		Threshold: float32(c.Cache.Threshold), MaxError: c.Cache.MaxError,
		MaxValueBytes: c.Cache.MaxValueBytes, MaxTextBytes: c.Cache.MaxTextBytes, HotBytes: c.Cache.MemoryBytes,
		MaxEntries: limit(c.Cache.MaxEntries), MaxBytes: limit(c.Cache.MaxBytes),
		NoLearning: !c.Cache.Learn, HalfLife: c.Cache.HalfLife, ReadAnswer: proxy.ReadAnswer, OnTighten: tellBudget(log),
		Shadow: cache.ShadowOptions{
			Rate: c.Cache.ShadowRate, PerMinute: c.Cache.ShadowPerMinute, PerDay: c.Cache.ShadowPerDay, Price: c.Cache.ShadowPrice,
		},
		OnReembed: func(done, total int) { log.Info("embedding stored questions anew", "done", done, "of", total) },
	}
	if c.Cache.TTL == config.Never {
		o.TTL = cache.NoExpiry
	}
	if o.Volatile, err = cache.ParseVolatile(c.Cache.Volatile); err != nil {
		return o, err
	}
	o.VolatileTTL = c.Cache.VolatileTTL
	if o.Namespaces, err = namespaces(c, m, log); err != nil {
		return o, err
	}
	if c.Cache.OnModelChange == "reembed" {
		o.OnModelChange = cache.Reembed
	}
	o.Opinion, err = newOpinion(c)
	return o, err
}

// newOpinion makes the second judge that the configuration names, if it does.
func newOpinion(c *config.Config) (o cache.OpinionOptions, err error) {
	s := &c.Opinion
	if s.Model == "" {
		return o, nil
	}
	judge, err := proxy.NewChatOpinion(providerOf(s.Provider, c.Providers[s.Provider]), s.Model, nil)
	if err != nil {
		return o, inProxyKeys(err)
	}
	return cache.OpinionOptions{
		Judge: judge, Least: s.Least, Timeout: s.Timeout, PerMinute: s.PerMinute, PerDay: s.PerDay, Price: s.Price,
	}, nil
}

// tellBudget logs how the measured share of wrong answers among the hits under an error budget changes that budget in a namespace.
func tellBudget(log *slog.Logger) func(cache.FalseHits) {
	return func(f cache.FalseHits) {
		what := "the error budget is tightened: more wrong answers were found than it allows"
		if f.Tighten == 1 {
			what = "the error budget is what it was set to again"
		}
		log.Warn(what, "namespace", f.Namespace, "budget", f.Budget, "factor", f.Tighten, "hits", f.Hits, "checked", f.Checked,
			"wrong_share", f.Share, "low", f.Low, "high", f.High, "reported", f.Reported)
	}
}

// newServer joins the cache to the configured providers.
func newServer(c *config.Config, opened *cache.Cache, keys *proxy.Keys, log *slog.Logger) (*proxy.Server, error) {
	saved, err := openConfigs(c)
	if err != nil {
		return nil, err
	}
	p := routing(c)
	p.SavedConfigs, p.Cache, p.Logger = saved, opened, log
	p.MaxBodyBytes, p.MaxHeaderBytes, p.MaxAnswerBytes = c.Limits.MaxBodyBytes, c.Limits.MaxHeaderBytes, c.Cache.MaxValueBytes
	p.MaxConns, p.FillQueue = c.Limits.MaxConnections, c.Limits.FillQueue
	p.ReadTimeout, p.WriteTimeout, p.KeepAlive = c.Timeouts.Read, c.Timeouts.Write, c.Timeouts.KeepAlive
	p.UpstreamTimeout, p.UpstreamIdle = c.Timeouts.Upstream, c.Timeouts.UpstreamIdle
	if c.Cache.HitUsage == "zero" {
		p.Usage = proxy.ZeroUsage
	}
	p.ShareAcrossKeys = c.Cache.ShareAcrossKeys
	p.StricterOnly, p.StricterIn = c.Cache.RequestSettings == "stricter", stricterIn(c)
	p.Keys, p.KeysRequired = keys, c.Keys.Required
	p.AdminToken, p.ConfigSchema = c.Admin.Token, config.Schema()
	p.RequestLog = proxy.RequestLog{Path: c.RequestLogPath(), MaxBytes: c.Log.MaxBytes, MaxAge: c.Log.MaxAge, Queue: c.Log.Queue, Bodies: c.Log.Bodies}
	p.PricesFile, p.OpenMetrics = c.Prices.Path, c.Metrics.Open
	return newProxy(p)
}

// newProxy is proxy.New, with its complaints in the configuration's words.
func newProxy(p proxy.Config) (*proxy.Server, error) {
	s, err := proxy.New(p)
	return s, inProxyKeys(err)
}

// routing is what the configuration says of where requests go.
func routing(c *config.Config) proxy.Config {
	out := proxy.Config{Default: c.DefaultProvider, Anthropic: c.Anthropic}
	for _, name := range slices.Sorted(maps.Keys(c.Providers)) {
		out.Providers = append(out.Providers, providerOf(name, c.Providers[name]))
	}
	out.AllowedHosts, out.AllowedOrigins = listOf(c.AllowedHosts), listOf(c.AllowedOrigins)
	return out
}

// listOf is what stands between commas.
func listOf(s string) (out []string) {
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// anyKeys takes every name for that of a virtual key: for commands that do not have the server's file of them.
type anyKeys struct{}

func (anyKeys) Provider(string) (string, bool) { return "", true }

func (anyKeys) Secret(context.Context, string) (string, error) {
	return "", errors.New("this command makes no calls")
}

func (anyKeys) Answered(string, string, int, time.Duration) bool { return false }

func (anyKeys) Used(string, int, float64) {}

// providerOf is a configured provider as the proxy takes it.
func providerOf(name string, p config.Provider) proxy.Provider {
	return proxy.Provider{Name: name, Kind: proxy.Kind(p.Kind), BaseURL: p.BaseURL, APIKey: p.APIKey,
		ResourceName: p.ResourceName, DeploymentID: p.DeploymentID, APIVersion: p.APIVersion}
}

// names is how the log calls the models.
func (m models) names() (embedder, verifier string) {
	embedder, verifier = "none", "none"
	if m.embedder != nil {
		embedder = m.embedder.ID()
	}
	if m.verifier != nil {
		verifier = m.verifier.ID()
	}
	return embedder, verifier
}
