package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"

	"github.com/reprise-cache/reprise/proxy"
)

// Setting is one key that a command-line flag sets.
type Setting struct {
	Key, Value string
	Flag       string // the flag as the user knows it, such as "--listen"
}

// Sources is where a configuration comes from.
type Sources struct {
	File  string    // path of the YAML file; "" is what REPRISE_CONFIG names, else none
	Env   []string  // the environment, as os.Environ returns it
	Flags []Setting // later ones win
}

// ErrInvalid is what every error of this package wraps: the input must change before another try can succeed.
var ErrInvalid = errors.New("invalid configuration")

// problem is one complaint. It matches ErrInvalid and prints as one line.
type problem struct{ text string }

func (p problem) Error() string        { return "config: " + p.text }
func (p problem) Is(target error) bool { return target == ErrInvalid }

// layer is what one source says: raw values by dotted path, and where each was written.
type layer struct {
	values map[string]any    // as decoded: text from environment and flags, anything from YAML
	origin map[string]string // by path; a complaint and the printed configuration show it
}

// loader gathers the layers and every complaint about them.
type loader struct {
	env      map[string]string
	merged   *koanf.Koanf
	values   map[string]any
	origins  map[string]string
	warnings []string
	problems []error
}

func (l *loader) complain(format string, args ...any) {
	l.problems = append(l.problems, problem{fmt.Sprintf(format, args...)})
}

// Load reads all sources and returns the effective configuration. An error joins every complaint; what could be read is returned
// beside it, for more checks and for nothing else.
func Load(src Sources) (*Config, error) {
	l := &loader{merged: koanf.New("."), values: map[string]any{}, origins: map[string]string{}, env: map[string]string{}}
	for _, kv := range src.Env {
		if name, value, ok := strings.Cut(kv, "="); ok && value != "" { // an empty variable counts as unset
			l.env[name] = value
		}
	}
	path := src.File
	if path == "" {
		path = l.env[configVariable]
	}

	l.add(defaultLayer())
	if path != "" {
		if file, err := readUpTo(path, maxFileBytes); err != nil {
			l.complain("%v; name an existing file with --config or %s", err, configVariable)
		} else {
			l.add(l.fileLayer(path, file))
		}
	}
	l.add(l.envLayer())
	l.add(flagLayer(src.Flags))

	var c Config
	if err := l.merged.UnmarshalWithConf("", &c, koanf.UnmarshalConf{
		DecoderConfig: &mapstructure.DecoderConfig{Result: &c, TagName: "koanf", ErrorUnused: true},
	}); err != nil {
		// Every value was checked against its key, so only a key without a field gets here.
		l.complain("%v", err)
	}
	c.values, c.origins, c.Warnings = l.values, l.origins, l.warnings
	l.resolve(&c)
	l.crossCheck(&c)
	if len(l.problems) > 0 {
		return &c, errors.Join(l.problems...)
	}
	return &c, nil
}

func defaultLayer() layer {
	values := map[string]any{
		"providers." + defaultProvider + ".base_url":   "https://api.openai.com/v1",
		"providers." + anthropicProvider + ".base_url": "https://api.anthropic.com/v1",
		"providers." + anthropicProvider + ".kind":     "anthropic",
	}
	for _, k := range keys {
		if k.Default != "" {
			values[k.Path] = k.Default
		}
	}
	return layer{values: values}
}

func flagLayer(flags []Setting) layer {
	values, origin := map[string]any{}, map[string]string{}
	for _, s := range flags {
		values[s.Key], origin[s.Key] = s.Value, "flag "+s.Flag
	}
	return layer{values: values, origin: origin}
}

// add checks a layer's values and puts the good ones over what earlier layers said.
func (l *loader) add(in layer) {
	checked := map[string]any{}
	for _, path := range slices.Sorted(maps.Keys(in.values)) {
		raw := in.values[path]
		where := ""
		if o := in.origin[path]; o != "" {
			where = " (" + o + ")"
		}
		k, ok := lookup(path)
		switch {
		case raw == nil && (ok || isSection(path)):
			continue // written without a value: as good as absent
		case !ok && isSection(path):
			if m, isMap := raw.(map[string]any); !isMap || len(m) > 0 {
				l.complain("%s%s is a section; indent its keys below it", path, where)
			}
			continue
		case !ok:
			l.complain("unknown key %q%s%s", path, where, l.remedyForUnknown(path))
			continue
		}
		value, bad := k.parse(raw)
		if bad != nil {
			shown := ""
			if bad.value != "" {
				shown = " cannot be " + bad.value
			}
			l.complain("%s%s%s: %s", path, where, shown, bad.remedy)
			continue
		}
		checked[path], l.values[path] = value, value
		delete(l.origins, path)
		if o := in.origin[path]; o != "" {
			l.origins[path] = o
		}
	}
	if err := l.merged.Load(confmap.Provider(checked, "."), nil); err != nil {
		l.complain("%v", err)
	}
}

func (l *loader) remedyForUnknown(path string) string {
	if path == "cache.min_probability" {
		return ": it is gone; write cache.max_error, the share of wrong answers that semantic hits may have"
	}
	if n, ok := splitNamed(path); ok && !n.valid() {
		return ": " + fmt.Sprintf(sections[n.section].is, n.name)
	}
	if s := nearestKey(path); s != "" {
		return suggestion(s)
	}
	return "; `reprise config keys` lists every key"
}

// resolve replaces api_key_env by the key that it names, finds the file of keys, and picks the default provider.
//
// The variable is part of the environment's layer, hence over an api_key from the file, and under one from a flag or
// from REPRISE_PROVIDERS_NAME_API_KEY, which name the same key more directly.
func (l *loader) resolve(c *Config) {
	for _, name := range slices.Sorted(maps.Keys(c.Providers)) {
		p := c.Providers[name]
		p.APIKey = l.resolveKey("providers."+name, p.APIKey, p.APIKeyEnv)
		c.Providers[name] = p
	}
	c.Embedder.APIKey = l.resolveKey("embedder", c.Embedder.APIKey, c.Embedder.APIKeyEnv)
	c.Admin.Token = l.resolveFile("admin.token", c.Admin.Token, c.Admin.TokenFile)
	if c.Keys.Path == "" {
		c.Keys.Path = filepath.Join(filepath.Dir(c.DB), "keys.db")
	}
	c.Keys.SealKey = l.resolveFile("keys.seal_key", c.Keys.SealKey, c.Keys.SealKeyFile)
	c.Keys.Passphrase = l.resolveFile("keys.passphrase", c.Keys.Passphrase, c.Keys.PassphraseFile)

	configured := l.configured(c)
	if c.DefaultProvider == "" {
		c.DefaultProvider = defaultProvider
		if len(configured) > 0 && !slices.Contains(configured, defaultProvider) {
			if len(configured) > 1 {
				l.complain("default_provider is missing; write one of %s", strings.Join(configured, ", "))
			}
			c.DefaultProvider = configured[0]
		}
	}
	if c.Anthropic == "" {
		c.Anthropic = c.DefaultProvider
		if len(configured) == 0 {
			c.Anthropic = anthropicProvider
		} else if i := slices.IndexFunc(configured, func(name string) bool { return c.Providers[name].Kind == "anthropic" }); i >= 0 {
			c.Anthropic = configured[i]
		}
	}
}

func (l *loader) resolveKey(section, key, variable string) string {
	from := l.origins[section+".api_key"]
	if variable == "" || strings.HasPrefix(from, "flag ") || strings.HasPrefix(from, "environment "+envPrefix) {
		return key
	}
	k, _ := lookup(section + ".api_key")
	value := k.trim(l.env[variable])
	if value == "" {
		l.complain("%s.api_key_env names %s, which is not set; export it, or remove the key from the configuration", section, variable)
		return key
	}
	l.values[section+".api_key"] = value
	l.origins[section+".api_key"] = "environment " + variable
	return value
}

// configured lists the providers that somebody named, in order. OPENAI_API_KEY and its like alone name nobody: they are
// often in the environment for another program.
func (l *loader) configured(c *Config) []string {
	var names []string
	for name := range c.Providers {
		for path, from := range l.origins {
			if strings.HasPrefix(path, "providers."+name+".") && !strings.HasPrefix(from, "environment OPENAI_") && !strings.HasPrefix(from, "environment ANTHROPIC_") {
				names = append(names, name)
				break
			}
		}
	}
	slices.Sort(names)
	return names
}

// crossCheck holds the rules that need more than one key.
func (l *loader) crossCheck(c *Config) {
	if c.DB == "" {
		l.complain("db is empty; write the path of the cache's file, as reprise.db")
	}
	if _, ok := c.Providers[c.DefaultProvider]; !ok {
		names := slices.Sorted(maps.Keys(c.Providers))
		l.complain("default_provider %q is not under providers%s; write one of %s",
			c.DefaultProvider, suggestion(nearest(c.DefaultProvider, names, ".")), strings.Join(names, ", "))
	}
	if _, ok := c.Providers[c.Anthropic]; !ok {
		names := slices.Sorted(maps.Keys(c.Providers))
		l.complain("default_anthropic_provider %q is not under providers%s; write one of %s",
			c.Anthropic, suggestion(nearest(c.Anthropic, names, ".")), strings.Join(names, ", "))
	}
	l.checkLearning(c)
	l.checkNamespaces(c)
	if err := (proxy.KeysOptions{SealKey: c.Keys.SealKey, Passphrase: c.Keys.Passphrase}).Check(); err != nil {
		l.complain("%s", strings.TrimPrefix(err.Error(), "proxy: "))
	}
	if n := len(c.Admin.Token); n > 0 && n < proxy.MinAdminToken {
		l.complain("admin.token has %d bytes; write %d or more, drawn at random, as `openssl rand -hex 32` prints", n, proxy.MinAdminToken)
	}
	if c.Cache.Conversation == "judged" && (!c.Cache.Verifier || c.Cache.Mode == "threshold") {
		l.complain("cache.conversation is judged, which needs the verifier; write cache.verifier: true and cache.mode: semantic, or cache.conversation: strict")
	}
	for _, name := range slices.Sorted(maps.Keys(c.Providers)) {
		p := c.Providers[name]
		switch {
		case p.BaseURL == "" && (proxy.Provider{Name: name, Kind: proxy.Kind(p.Kind)}).DefaultBaseURL() == "":
			l.complain("providers.%s.base_url is missing; write the root of its API, as https://api.example.com/v1, or its kind if the provider table knows it (%s)",
				name, strings.Join(proxy.Kinds(), ", "))
		case p.BaseURL == "":
		case sameEndpoint(p.BaseURL, c.Listen):
			// Easy to do: the shell whose clients were pointed here by OPENAI_BASE_URL also starts the server.
			l.complain("providers.%s.base_url %s is this server's own address, so that a miss would call itself; "+
				"unset OPENAI_BASE_URL or name the provider with --provider %s=URL", name, p.BaseURL, name)
		}
	}
	switch e := c.Embedder; e.Kind {
	case "openai":
		if e.Model == "" {
			l.complain("embedder.model is missing; kind openai needs it, as text-embedding-3-small")
		}
	case "minilm":
		for _, field := range []string{"base_url", "model", "dim", "api_key", "api_key_env"} {
			if from := l.origins["embedder."+field]; from != "" {
				l.complain("embedder.%s (%s) has no effect with kind minilm; remove it or write embedder.kind: openai", field, from)
			}
		}
	}
}

// sameEndpoint reports whether a URL leads to the address that we listen on, as far as the two texts show.
func sameEndpoint(base, listen string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil || port == "0" {
		return false
	}
	urlPort := u.Port()
	if urlPort == "" {
		urlPort = strconv.Itoa(map[string]int{"http": 80, "https": 443}[u.Scheme])
	}
	local := func(h string) bool {
		ip := net.ParseIP(h)
		return h == "" || h == "localhost" || ip != nil && (ip.IsLoopback() || ip.IsUnspecified())
	}
	return urlPort == port && (u.Hostname() == host || local(u.Hostname()) && local(host))
}

// checkLearning holds the rules of the calls that the cache makes on its own account.
func (l *loader) checkLearning(c *Config) {
	if c.Cache.ShadowPerDay > 0 && c.Cache.ShadowPrice == 0 {
		l.complain("cache.shadow_per_day is %v, which is counted by cache.shadow_price; write what one call costs there", c.Cache.ShadowPerDay)
	}
	o := &c.Opinion
	if o.PerDay > 0 && o.Price == 0 {
		l.complain("opinion.per_day is %v, which is counted by opinion.price; write what one call costs there", o.PerDay)
	}
	if o.Model == "" {
		return
	}
	if o.Provider == "" {
		o.Provider = c.DefaultProvider
	}
	p, ok := c.Providers[o.Provider]
	switch {
	case !ok:
		l.complain("opinion.provider %q is not under providers; write one of %s", o.Provider, strings.Join(slices.Sorted(maps.Keys(c.Providers)), ", "))
	case p.APIKey == "":
		l.complain("opinion.provider %q has no key of its own; set providers.%s.api_key", o.Provider, o.Provider)
	case p.Kind == "anthropic":
		l.complain("opinion.provider %q speaks Anthropic's dialect; write one that speaks OpenAI's", o.Provider)
	}
}
