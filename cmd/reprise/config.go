package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/reprise-cache/reprise/cmd/internal/config"
	"github.com/reprise-cache/reprise/proxy"
)

// fileFlag is the flag of every command that reads a configuration.
type fileFlag struct {
	Config string `placeholder:"FILE" help:"Configuration file (YAML). REPRISE_CONFIG names it too."`
}

// settingFlags are those of commands that work on what the configuration names: the file by name, every key by --set.
type settingFlags struct {
	fileFlag
	DB  *string  `name:"db" placeholder:"PATH" help:"The cache's file (key db)."`
	Set []string `sep:"none" placeholder:"KEY=VALUE" help:"Any other key, as cache.ttl=10m. Repeatable."`
}

// decidingFlags are those of commands to which it matters where a question goes, and what may be served.
type decidingFlags struct {
	Provider  []string `sep:"none" placeholder:"NAME=URL" help:"An OpenAI-compatible API, as local=http://127.0.0.1:11434/v1. Repeatable (key providers.NAME.base_url)."`
	Mode      *string  `placeholder:"MODE" help:"semantic, simple, shadow, threshold or off (key cache.mode). Requests cannot turn on what shadow or off holds back."`
	Threshold *string  `placeholder:"COSINE" help:"Least similarity of a semantic hit (key cache.threshold)."`
}

// listenFlag is that of the commands that serve, or say what would be served.
type listenFlag struct {
	Listen *string `placeholder:"ADDR" help:"Address to serve on; port 0 picks a free one (key listen)."`
}

// setter is a group of flags that sets keys.
type setter interface {
	settings() ([]config.Setting, error)
}

// set is the setting of a flag, if that is given.
func set(key, flag string, value *string) []config.Setting {
	if value == nil {
		return nil
	}
	return []config.Setting{{Key: key, Value: *value, Flag: flag}}
}

func (f listenFlag) settings() ([]config.Setting, error) {
	return set("listen", "--listen", f.Listen), nil
}

func (f decidingFlags) settings() ([]config.Setting, error) {
	out := append(set("cache.mode", "--mode", f.Mode), set("cache.threshold", "--threshold", f.Threshold)...)
	for _, p := range f.Provider {
		name, url, ok := strings.Cut(p, "=")
		if !ok {
			return nil, fmt.Errorf("%w: --provider needs NAME=URL, as local=http://127.0.0.1:11434/v1", config.ErrInvalid)
		}
		out = append(out, config.Setting{Key: "providers." + name + ".base_url", Value: url, Flag: "--provider"})
	}
	return out, nil
}

// load is read, for commands that have no log to warn in.
func (f settingFlags) load(h *host, more ...setter) (*config.Config, error) {
	cfg, err := f.read(h, more...)
	if err == nil {
		for _, w := range cfg.Warnings {
			complain(h.stderr, errors.New("warning: "+w))
		}
	}
	return cfg, err
}

// read reads every source, the flags over the rest, and --set over the others.
func (f settingFlags) read(h *host, more ...setter) (*config.Config, error) {
	src := config.Sources{File: f.Config, Env: h.env, Flags: set("db", "--db", f.DB)}
	for _, m := range more {
		these, err := m.settings()
		if err != nil {
			return nil, err
		}
		src.Flags = append(src.Flags, these...)
	}
	for _, s := range f.Set {
		key, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fmt.Errorf("%w: --set needs KEY=VALUE, as cache.ttl=10m", config.ErrInvalid)
		}
		src.Flags = append(src.Flags, config.Setting{Key: key, Value: value, Flag: "--set"})
	}
	return config.Load(src)
}

type configCmd struct {
	Print  configPrintCmd  `cmd:"" help:"Print the effective configuration as YAML, secrets masked, with where each value came from."`
	Check  configCheckCmd  `cmd:"" help:"Check a configuration file, and the saved configs that it leads to, and list everything that is wrong."`
	Schema configSchemaCmd `cmd:"" help:"Print the JSON Schema of the configuration file, or with --request of a request config."`
	Keys   configKeysCmd   `cmd:"" help:"List every key with type, default, environment variable and meaning."`

	Put      configPutCmd      `cmd:"" help:"Save a request config as the next version of an id."`
	Get      configGetCmd      `cmd:"" help:"Print a saved config."`
	List     configListCmd     `cmd:"" help:"List the saved configs."`
	History  configHistoryCmd  `cmd:"" help:"List the versions of a saved config."`
	Rollback configRollbackCmd `cmd:"" help:"Save what an older version says as the next one."`
	Delete   configDeleteCmd   `cmd:"" help:"Delete a saved config with all its versions."`
}

type configPrintCmd struct {
	settingFlags
	listenFlag
	decidingFlags
}

// Run is called by kong.
func (c *configPrintCmd) Run(h *host) error {
	cfg, err := c.load(h, c.listenFlag, c.decidingFlags)
	if err != nil {
		return err
	}
	return cfg.Print(h.stdout)
}

type configCheckCmd struct {
	File    string `arg:"" placeholder:"FILE" help:"Configuration file (YAML), or with --request a request config (JSON)."`
	Request bool   `help:"FILE is a request config, as x-portkey-config brings it."`
}

// Run is called by kong. The environment takes part, as it will when the file is served.
func (c *configCheckCmd) Run(ctx context.Context, h *host) error {
	check := c.whole
	if c.Request {
		check = c.request
	}
	if err := check(ctx, h); err != nil {
		return err
	}
	fmt.Fprintf(h.stdout, "%s: good\n", c.File)
	return nil
}

// request checks a request config.
func (c *configCheckCmd) request(ctx context.Context, h *host) error {
	text, err := readFile(ctx, h, c.File)
	if err != nil {
		return err
	}
	return complaints(c.File, proxy.CheckRequestConfig(text))
}

// whole checks the configuration, and what it leads to as far as it can be known.
func (c *configCheckCmd) whole(_ context.Context, h *host) error {
	cfg, err := config.Load(config.Sources{File: c.File, Env: h.env})
	errs := []error{err}
	saved, err := openConfigs(cfg)
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return err
	}
	_, err = newOpinion(cfg)
	errs = []error{err}
	if cfg.Embedder.Kind == "openai" && comparesMeaning(cfg) {
		_, err = openAIEmbedder(cfg)
		errs = append(errs, err)
	}
	p := routing(cfg)
	p.SavedConfigs, p.VirtualKeys, p.PricesFile, p.AdminToken = saved, anyKeys{}, cfg.Prices.Path, cfg.Admin.Token
	s, err := newProxy(p)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	return errors.Join(append(errs, complaints("configs_dir", s.CheckConfigs()))...)
}

// complaints makes every line of an error one about something.
func complaints(of string, err error) error {
	if err == nil {
		return nil
	}
	var errs []error
	for line := range strings.Lines(err.Error()) {
		errs = append(errs, fmt.Errorf("%w: %s: %s", config.ErrInvalid, of, strings.TrimSpace(line)))
	}
	return errors.Join(errs...)
}

type configSchemaCmd struct {
	Request bool `help:"That of a request config, as x-portkey-config brings it."`
}

// Run is called by kong.
func (c *configSchemaCmd) Run(h *host) error {
	schema := config.Schema()
	if c.Request {
		schema = proxy.RequestConfigSchema()
	}
	_, err := fmt.Fprintf(h.stdout, "%s\n", schema)
	return err
}

type configKeysCmd struct{}

// Run is called by kong.
func (c *configKeysCmd) Run(h *host) error { return config.PrintKeys(h.stdout) }
