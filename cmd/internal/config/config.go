package config

import (
	"log/slog"
	"time"
)

// Config is the effective configuration. Each field is the key of the same name in keys.go, which documents it.
type Config struct {
	Listen          string              `koanf:"listen"`
	DB              string              `koanf:"db"`
	DefaultProvider string              `koanf:"default_provider"`
	Anthropic       string              `koanf:"default_anthropic_provider"`
	Providers       map[string]Provider `koanf:"providers"`
	AllowedHosts    string              `koanf:"allowed_hosts"`
	AllowedOrigins  string              `koanf:"allowed_origins"`
	ConfigsDir      string              `koanf:"configs_dir"`
	Cache           Cache               `koanf:"cache"`
	Opinion         Opinion             `koanf:"opinion"`
	Embedder        Embedder            `koanf:"embedder"`
	Limits          Limits              `koanf:"limits"`
	Timeouts        Timeouts            `koanf:"timeouts"`
	Admin           Admin               `koanf:"admin"`
	Keys            KeyFile             `koanf:"keys"`
	Log             Log                 `koanf:"log"`
	Prices          Prices              `koanf:"prices"`
	Metrics         Metrics             `koanf:"metrics"`

	// Warnings are things that were ignored and that the operator should know of, a line each.
	Warnings []string `koanf:"-"`

	values  map[string]any    // checked value by path
	origins map[string]string // where each value came from, by path; absent: the default
}

// Provider is one upstream API.
type Provider struct {
	BaseURL   string `koanf:"base_url"`
	Kind      string `koanf:"kind"`
	APIKey    string `koanf:"api_key"` // resolved: api_key, or what the variable named by api_key_env holds; "" passes the caller's own through
	APIKeyEnv string `koanf:"api_key_env"`

	ResourceName string `koanf:"resource_name"`
	DeploymentID string `koanf:"deployment_id"`
	APIVersion   string `koanf:"api_version"`
}

// Cache holds what the cache is opened with.
type Cache struct {
	Mode            string        `koanf:"mode"`
	Conversation    string        `koanf:"conversation"`
	Threshold       float64       `koanf:"threshold"`
	Verifier        bool          `koanf:"verifier"`
	MaxError        float64       `koanf:"max_error"`
	Learn           bool          `koanf:"learn"`
	HalfLife        time.Duration `koanf:"half_life"`
	ShadowRate      float64       `koanf:"shadow_rate"`
	ShadowPerMinute int           `koanf:"shadow_per_minute"`
	ShadowPerDay    float64       `koanf:"shadow_per_day"`
	ShadowPrice     float64       `koanf:"shadow_price"`
	K               int           `koanf:"k"`
	TTL             time.Duration `koanf:"ttl"`
	MaxValueBytes   int           `koanf:"max_value_bytes"`
	MaxTextBytes    int           `koanf:"max_text_bytes"`
	MaxEntries      int64         `koanf:"max_entries"`
	MaxBytes        int64         `koanf:"max_bytes"`
	MemoryBytes     int64         `koanf:"memory_bytes"`
	HitUsage        string        `koanf:"hit_usage"`
	ShareAcrossKeys bool          `koanf:"share_across_keys"`
	OnModelChange   string        `koanf:"on_model_change"`
	Volatile        string        `koanf:"volatile"`
	VolatileTTL     time.Duration `koanf:"volatile_ttl"`
	RequestSettings string        `koanf:"request_settings"`

	Namespaces map[string]Namespace `koanf:"namespaces"`
}

// Namespace holds what is set for one namespace; a zero field is as Cache says.
type Namespace struct {
	Mode            string        `koanf:"mode"`
	Conversation    string        `koanf:"conversation"`
	Threshold       float64       `koanf:"threshold"`
	MaxError        float64       `koanf:"max_error"`
	TTL             time.Duration `koanf:"ttl"`
	MaxAge          time.Duration `koanf:"max_age"`
	Volatile        string        `koanf:"volatile"`
	ShadowRate      *float64      `koanf:"shadow_rate"` // 0 is none
	MaxEntries      int64         `koanf:"max_entries"`
	MaxBytes        int64         `koanf:"max_bytes"`
	RequestSettings string        `koanf:"request_settings"`
}

// Opinion says who is asked about pairs that the decision is not sure of.
type Opinion struct {
	Model     string        `koanf:"model"`
	Provider  string        `koanf:"provider"`
	Least     float64       `koanf:"least"`
	Timeout   time.Duration `koanf:"timeout"`
	PerMinute int           `koanf:"per_minute"`
	PerDay    float64       `koanf:"per_day"`
	Price     float64       `koanf:"price"`
}

// Embedder says what turns text into vectors.
type Embedder struct {
	Kind      string        `koanf:"kind"`
	BaseURL   string        `koanf:"base_url"`
	Model     string        `koanf:"model"`
	Dim       int           `koanf:"dim"`
	APIKey    string        `koanf:"api_key"` // resolved, as Provider.APIKey
	APIKeyEnv string        `koanf:"api_key_env"`
	Timeout   time.Duration `koanf:"timeout"`
}

// Limits bounds what one request may use.
type Limits struct {
	MaxBodyBytes   int `koanf:"max_body_bytes"`
	MaxHeaderBytes int `koanf:"max_header_bytes"`
	MaxConnections int `koanf:"max_connections"`
	FillQueue      int `koanf:"fill_queue"`
}

// Timeouts bounds how long one step may last.
type Timeouts struct {
	Read         time.Duration `koanf:"read"`
	Write        time.Duration `koanf:"write"`
	KeepAlive    time.Duration `koanf:"keep_alive"`
	Upstream     time.Duration `koanf:"upstream"`
	UpstreamIdle time.Duration `koanf:"upstream_idle"`
	DrainDelay   time.Duration `koanf:"drain_delay"`
	Shutdown     time.Duration `koanf:"shutdown"`
}

// Admin says who the operator is.
type Admin struct {
	Token     string `koanf:"token"` // resolved: token, or what token_file holds
	TokenFile string `koanf:"token_file"`
}

// KeyFile says where the gateway's keys are, and how those of providers are sealed there.
type KeyFile struct {
	Path           string `koanf:"path"` // resolved: of the key, or beside DB
	Required       bool   `koanf:"required"`
	SealKey        string `koanf:"seal_key"` // resolved, as Admin.Token
	SealKeyFile    string `koanf:"seal_key_file"`
	Passphrase     string `koanf:"passphrase"` // resolved, too
	PassphraseFile string `koanf:"passphrase_file"`
}

// Log says what is logged, and how.
type Log struct {
	Level  string `koanf:"level"`
	Format string `koanf:"format"`

	Path     string        `koanf:"path"`
	MaxBytes int64         `koanf:"max_bytes"`
	MaxAge   time.Duration `koanf:"max_age"`
	Queue    int           `koanf:"queue"`
	Bodies   bool          `koanf:"bodies"`
}

// RequestLogPath is the file of the request log; "": none is kept.
func (c *Config) RequestLogPath() string {
	switch c.Log.Path {
	case "auto":
		return c.DB + ".requests"
	case "none":
		return ""
	}
	return c.Log.Path
}

// Prices says what models cost.
type Prices struct {
	Path string `koanf:"path"`
}

// Metrics says who may read the counters.
type Metrics struct {
	Open bool `koanf:"open"`
}

// SlogLevel is the level as the standard library's logger takes it.
func (l Log) SlogLevel() slog.Level {
	var v slog.Level
	// Load accepts only the four names that UnmarshalText knows.
	_ = v.UnmarshalText([]byte(l.Level))
	return v
}
