package config

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy"
)

// Key describes one configuration key: the single place that says what it is called, takes, means and defaults to.
type Key struct {
	Path    string   // dotted; the segment NAME stands for a provider's or a namespace's name
	Kind    Kind     // what values it takes
	Default string   // as it would be written in the file; "" is the zero of the kind, or none
	Unit    string   // unit of a bare number, or the form of the text
	Enum    []string // the allowed words of KindEnum
	Min     float64  // smallest allowed number (bytes, or seconds for a duration)
	Max     float64  // largest allowed number; 0 is no limit
	Words   []string // words allowed beside a number, such as "never"
	Secret  bool     // never printed
	Blanks  bool     // those around the text are part of it; of all other texts they are left out
	Doc     string   // one sentence
}

// anyName is the segment of a path that stands for a name that the operator gives.
const anyName = "NAME"

// sections are those whose keys have such a name in them, with the rule that it follows. A provider's also has to be usable,
// upper-cased, in a variable's name.
var sections = map[string]struct {
	rule *regexp.Regexp
	is   string
}{
	"providers":        {regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`), "the provider name %q must be lower-case letters, digits and single hyphens"},
	"cache.namespaces": {regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`), "the namespace %q cannot be written here: only such of letters, digits, \"-\" and \"_\" have settings of their own"},
}

// defaultProvider exists without being configured, so that a bare `reprise serve` has somewhere to send a miss.
const defaultProvider = "openai"

// anthropicProvider is the same for requests on Anthropic's paths.
const anthropicProvider = "anthropic"

// keys in the order in which they are printed. Where a library has a default, it is taken from there, so that the two
// cannot differ.
var keys = []Key{
	{Path: "listen", Kind: KindAddress, Default: "127.0.0.1:8080", Unit: "host:port",
		Doc: "Where to serve. Port 0 picks a free one. Loopback by default, because whoever reaches it may spend the configured keys."},
	{Path: "db", Kind: KindString, Default: "reprise.db", Unit: "path",
		Doc: "The cache's file. It is created if absent; its folder is not."},
	{Path: "default_provider", Kind: KindString, Unit: "a name under providers",
		Doc: "Who answers a request that names no provider. Empty: the only configured one, else openai."},
	{Path: "default_anthropic_provider", Kind: KindString, Unit: "a name under providers",
		Doc: "The same for /v1/messages. Empty: a configured one of kind anthropic; without any, anthropic if none is configured at all, else default_provider."},
	{Path: "providers.NAME.base_url", Kind: KindURL, Unit: "URL, usually ending in /v1",
		Doc: "Root of the provider's API. Empty: the address that the provider table has for its kind or name. OPENAI_BASE_URL sets openai's too."},
	{Path: "providers.NAME.kind", Kind: KindEnum, Enum: proxy.Kinds(),
		Doc: "Which API it has, as the provider table knows it. Empty: that of the provider's own name; where the table has none, what comes is sent on as it is."},
	{Path: "providers.NAME.resource_name", Kind: KindString, Doc: "Azure OpenAI: the resource, where base_url does not say it."},
	{Path: "providers.NAME.deployment_id", Kind: KindString, Doc: "Azure OpenAI: the deployment of requests that name none."},
	{Path: "providers.NAME.api_version", Kind: KindString, Unit: "date", Doc: "Azure OpenAI: the version of the API."},
	{Path: "providers.NAME.api_key", Kind: KindString, Secret: true,
		Doc: "The provider's key. Empty: the caller's own authorization is passed through. OPENAI_API_KEY sets openai's, ANTHROPIC_API_KEY anthropic's."},
	{Path: "providers.NAME.api_key_env", Kind: KindString, Unit: "variable name",
		Doc: "The environment variable that holds the key, in place of api_key."},
	{Path: "allowed_hosts", Kind: KindString, Unit: "hosts, with commas between",
		Doc: "Hosts that requests may choose by x-portkey-custom-host, as api.example.com or *.example.com. Empty: none. Addresses that are not public are refused all the same."},
	{Path: "allowed_origins", Kind: KindString, Unit: "origins, with commas between",
		Doc: "Web pages that browsers let call this server, as https://app.example.com; * for all, which is for a server that holds no key of its own. Empty: none."},
	{Path: "configs_dir", Kind: KindString, Unit: "path",
		Doc: "Folder of saved request configs, which x-portkey-config names: pc-x is the newest of pc-x@1.json, pc-x@2.json and so on, pc-x@2 the second. Files that are put there count within a second. Empty: none."},
	{Path: "cache.mode", Kind: KindEnum, Default: "semantic", Enum: []string{"semantic", "simple", "threshold", "shadow", "off"},
		Doc: "semantic: exact, then similar with guards and verifier. simple: exact only. threshold: exact, then plain cosine (for comparison). shadow: decide as semantic does and say what would have been served, but serve nothing. off: pass everything on. No request can have anything served where the mode is shadow or off."},
	{Path: "cache.conversation", Kind: KindEnum, Default: "strict", Enum: []string{"strict", "judged", "last_turn"},
		Doc: "How the turns before the last count. strict: they must be equal. judged: they may be worded otherwise or hold small talk, and the verifier judges the whole. last_turn: they are not looked at, which serves wrong answers where the question leans on them. System prompts, tool results and attachments must be equal in each."},
	{Path: "cache.threshold", Kind: KindFloat, Default: "0", Unit: "cosine, 0..1", Min: 0, Max: 1,
		Doc: fmt.Sprintf("Least similarity at which an entry may be served. 0: %v where the verifier judges, else %v.", cache.DefaultVerifiedThreshold, cache.DefaultThreshold)},
	{Path: "cache.verifier", Kind: KindBool, Default: "true",
		Doc: "Whether the model inside the binary that reads both questions has the last word, for mode semantic."},
	{Path: "cache.max_error", Kind: KindFloat, Default: strconv.FormatFloat(cache.DefaultMaxError, 'f', -1, 64), Unit: "share, 0..1", Min: 0.0001, Max: 1,
		Doc: "Error budget: the expected share of wrong answers among semantic hits. 1 serves whatever threshold and guards let through."},
	{Path: "cache.learn", Kind: KindBool, Default: "true",
		Doc: "Whether what use shows moves the probabilities. Off: only bad verdicts are remembered."},
	{Path: "cache.half_life", Kind: KindDuration, Default: formatDuration(cache.DefaultHalfLife), Unit: `duration, as "30d"`, Min: 60, Max: 10 * 365 * 86400,
		Doc: "How long until what was learnt counts for half."},
	{Path: "cache.shadow_rate", Kind: KindFloat, Default: "0", Unit: "share, 0..1", Min: 0, Max: 1,
		Doc: "Share of the semantic hits that are checked against the provider in the background, by which the live false-hit rate is measured. The key of the request pays."},
	{Path: "cache.shadow_per_minute", Kind: KindInt, Default: strconv.Itoa(cache.DefaultShadowPerMinute), Unit: "calls", Min: 1, Max: 1 << 20,
		Doc: "Most of these checks a minute."},
	{Path: "cache.shadow_per_day", Kind: KindFloat, Default: "0", Unit: "money", Min: 0, Max: 1e9,
		Doc: "Most money for these checks a day (UTC), counted by cache.shadow_price. 0: no limit."},
	{Path: "cache.shadow_price", Kind: KindFloat, Default: "0", Unit: "money a call", Min: 0, Max: 1e6,
		Doc: "What one check is taken to cost."},
	{Path: "cache.request_settings", Kind: KindEnum, Default: "any", Enum: []string{"any", "stricter"},
		Doc: "What requests may say of mode, threshold, max_error, conversation, ages and ignore_system. any: what they like, but for a mode that serves where the configuration's is shadow or off. stricter: only what has the cache serve less than the configuration would; the rest of what they say has no effect."},
	{Path: "cache.namespaces.NAME.mode", Kind: KindEnum, Enum: []string{"semantic", "simple", "threshold", "shadow", "off"},
		Doc: "cache.mode of the requests in the namespace NAME. Empty: cache.mode; and so for all that follow."},
	{Path: "cache.namespaces.NAME.conversation", Kind: KindEnum, Enum: []string{"strict", "judged", "last_turn"},
		Doc: "cache.conversation there."},
	{Path: "cache.namespaces.NAME.threshold", Kind: KindFloat, Unit: "cosine, 0..1", Min: 0.0001, Max: 1, Doc: "cache.threshold there."},
	{Path: "cache.namespaces.NAME.max_error", Kind: KindFloat, Unit: "share, 0..1", Min: 0.0001, Max: 1, Doc: "cache.max_error there."},
	{Path: "cache.namespaces.NAME.ttl", Kind: KindDuration, Unit: `duration, as "10m" or "7d"`, Min: 0.001, Words: []string{"never"}, Doc: "cache.ttl there."},
	{Path: "cache.namespaces.NAME.max_age", Kind: KindDuration, Unit: "duration", Min: 0.001, Max: 10 * 365 * 86400,
		Doc: "Serve nothing older there. Empty: whatever has not expired."},
	{Path: "cache.namespaces.NAME.volatile", Kind: KindEnum, Enum: []string{"exact", "short", "cache"}, Doc: "cache.volatile there."},
	{Path: "cache.namespaces.NAME.shadow_rate", Kind: KindFloat, Unit: "share, 0..1", Min: 0, Max: 1, Doc: "cache.shadow_rate there."},
	{Path: "cache.namespaces.NAME.max_entries", Kind: KindInt, Unit: "entries", Min: 0, Max: 1 << 40,
		Doc: "Most entries that the namespace keeps, beside cache.max_entries; it makes room among its own. 0: no limit of its own."},
	{Path: "cache.namespaces.NAME.max_bytes", Kind: KindSize, Unit: "bytes", Min: 0, Max: 1 << 50, Doc: "The same in bytes, beside cache.max_bytes."},
	{Path: "cache.namespaces.NAME.request_settings", Kind: KindEnum, Enum: []string{"any", "stricter"}, Doc: "cache.request_settings there."},
	{Path: "opinion.model", Kind: KindString,
		Doc: "A chat model that is asked for a yes or no about the candidates that the decision is not sure of. Empty: none."},
	{Path: "opinion.provider", Kind: KindString, Unit: "a name under providers",
		Doc: "Whose model it is; the provider needs a key of its own and has to speak OpenAI's dialect. Empty: default_provider."},
	{Path: "opinion.least", Kind: KindFloat, Default: strconv.FormatFloat(cache.DefaultOpinionLeast, 'f', -1, 64), Unit: "probability, 0..1", Min: 0.01, Max: 1,
		Doc: "Probability from which on a candidate that is not served is asked about."},
	{Path: "opinion.timeout", Kind: KindDuration, Default: formatDuration(cache.DefaultOpinionTimeout), Unit: "duration", Min: 0.001, Max: 60,
		Doc: "Longest wait for it; then the question is a miss."},
	{Path: "opinion.per_minute", Kind: KindInt, Default: strconv.Itoa(cache.DefaultOpinionPerMinute), Unit: "calls", Min: 1, Max: 1 << 20,
		Doc: "Most calls a minute."},
	{Path: "opinion.per_day", Kind: KindFloat, Default: "0", Unit: "money", Min: 0, Max: 1e9,
		Doc: "Most money a day (UTC), counted by opinion.price. 0: no limit."},
	{Path: "opinion.price", Kind: KindFloat, Default: "0", Unit: "money a call", Min: 0, Max: 1e6,
		Doc: "What one call is taken to cost."},
	{Path: "cache.max_entries", Kind: KindInt, Default: "0", Unit: "entries", Min: 0, Max: 1 << 40,
		Doc: "Most entries that are kept. What saves least for its room makes way: by what the answer cost and took, how often it is asked for, and its size. 0: no limit."},
	{Path: "cache.max_bytes", Kind: KindSize, Default: formatSize(cache.DefaultMaxBytes), Unit: "bytes", Min: 0, Max: 1 << 50,
		Doc: "Most bytes that are kept: of questions, answers before compression, vectors, and 256 for each entry. 0: no limit."},
	{Path: "cache.k", Kind: KindInt, Default: strconv.Itoa(cache.DefaultK), Unit: "entries", Min: 1, Max: 100,
		Doc: "How many nearest entries are considered."},
	{Path: "cache.ttl", Kind: KindDuration, Default: "never", Unit: `duration, as "10m" or "7d"`, Min: 0.001, Words: []string{"never"},
		Doc: "How long an answer lives."},
	{Path: "cache.volatile", Kind: KindEnum, Default: "exact", Enum: []string{"exact", "short", "cache"},
		Doc: "What becomes of questions that ask for what changes by itself (today, the latest, the current price). exact: only the very same question gets the answer. short: the answer lives for cache.volatile_ttl at most. cache: as any other."},
	{Path: "cache.volatile_ttl", Kind: KindDuration, Default: formatDuration(cache.DefaultVolatileTTL), Unit: "duration", Min: 0.001, Max: 86400,
		Doc: "Longest life of such an answer, for volatile short."},
	{Path: "cache.max_value_bytes", Kind: KindSize, Default: formatSize(cache.DefaultMaxValueBytes), Unit: "bytes", Min: 1, Max: 1 << 30,
		Doc: "Largest answer that is kept; a larger one is passed on and not cached."},
	{Path: "cache.max_text_bytes", Kind: KindSize, Default: formatSize(cache.DefaultMaxTextBytes), Unit: "bytes", Min: 1, Max: 1 << 20,
		Doc: "Longest question that is compared by meaning; a longer one is only ever matched exactly."},
	{Path: "cache.memory_bytes", Kind: KindSize, Default: formatSize(cache.DefaultHotBytes), Unit: "bytes", Min: 1, Max: 1 << 40,
		Doc: "Memory for answers that exact hits take without reading the file."},
	{Path: "cache.hit_usage", Kind: KindEnum, Default: "stored", Enum: []string{"stored", "zero"},
		Doc: "Token usage that a hit reports: the stored answer's, or zeros."},
	{Path: "cache.share_across_keys", Kind: KindBool, Default: "false",
		Doc: "Whether callers with different API keys may be served each other's answers."},
	{Path: "cache.on_model_change", Kind: KindEnum, Default: "refuse", Enum: []string{"refuse", "reembed"},
		Doc: "What to do with a file whose vectors another embedding model made: refuse to open it, or embed its texts again."},
	{Path: "embedder.kind", Kind: KindEnum, Default: "minilm", Enum: []string{"minilm", "openai"},
		Doc: "minilm: the model inside the binary. openai: any OpenAI-compatible embeddings endpoint."},
	{Path: "embedder.base_url", Kind: KindURL, Unit: "URL, usually ending in /v1",
		Doc: "Root of the embeddings API, for kind openai. Empty: OpenAI's own."},
	{Path: "embedder.model", Kind: KindString, Doc: "Name of the embeddings model, for kind openai."},
	{Path: "embedder.dim", Kind: KindInt, Unit: "numbers a vector", Min: 0, Max: 65536,
		Doc: "Length of its vectors, for kind openai. 0: what OpenAI publishes for its own models; others must say it."},
	{Path: "embedder.api_key", Kind: KindString, Secret: true, Doc: "Key of the embeddings API, for kind openai."},
	{Path: "embedder.api_key_env", Kind: KindString, Unit: "variable name",
		Doc: "The environment variable that holds the key, in place of api_key, as OPENAI_API_KEY."},
	{Path: "embedder.timeout", Kind: KindDuration, Default: "10s", Unit: "duration", Min: 0.001, Max: 3600,
		Doc: "Longest wait for one embeddings call, for kind openai."},
	{Path: "limits.max_body_bytes", Kind: KindSize, Default: formatSize(proxy.DefaultMaxBodyBytes), Unit: "bytes", Min: 1, Max: 1 << 30,
		Doc: "Largest request body; a larger one is answered 413."},
	{Path: "limits.max_header_bytes", Kind: KindSize, Default: formatSize(proxy.DefaultMaxHeaderBytes), Unit: "bytes", Min: 1024, Max: 1 << 20,
		Doc: "Largest request line and headers together."},
	{Path: "limits.max_connections", Kind: KindInt, Default: strconv.Itoa(proxy.DefaultMaxConns), Unit: "connections", Min: 1, Max: 1 << 20,
		Doc: "Most client connections at a time."},
	{Path: "limits.fill_queue", Kind: KindInt, Default: strconv.Itoa(proxy.DefaultFillQueue), Unit: "answers", Min: 1, Max: 1 << 20,
		Doc: "Most answers that wait to be written; a killed process loses them, and up to " + strconv.Itoa(proxy.DefaultFillWorkers) + " that are being written."},
	{Path: "timeouts.read", Kind: KindDuration, Default: formatDuration(proxy.DefaultReadTimeout), Unit: "duration", Min: 0.001, Max: 86400,
		Doc: "Longest wait for a whole request; a slower one is answered 408."},
	{Path: "timeouts.write", Kind: KindDuration, Default: formatDuration(proxy.DefaultWriteTimeout), Unit: "duration", Min: 0.001, Max: 86400,
		Doc: "Longest wait for a client that takes nothing of its answer."},
	{Path: "timeouts.keep_alive", Kind: KindDuration, Default: formatDuration(proxy.DefaultKeepAlive), Unit: "duration", Min: 0.001, Max: 86400,
		Doc: "How long a quiet connection is kept open."},
	{Path: "timeouts.upstream", Kind: KindDuration, Default: formatDuration(proxy.DefaultUpstreamTimeout), Unit: "duration", Min: 0.001, Max: 86400,
		Doc: "Longest call to a provider, its whole stream included."},
	{Path: "timeouts.upstream_idle", Kind: KindDuration, Default: formatDuration(proxy.DefaultUpstreamIdle), Unit: "duration", Min: 0.001, Max: 86400,
		Doc: "Longest pause between two pieces of a provider's answer."},
	{Path: "timeouts.drain_delay", Kind: KindDuration, Default: "0s", Unit: "duration", Min: 0, Max: 3600,
		Doc: "How long a stop goes on serving while /readyz says 503, so that a load balancer sends elsewhere first. In Kubernetes 10s is usual, with terminationGracePeriodSeconds above this and timeouts.shutdown together."},
	{Path: "timeouts.shutdown", Kind: KindDuration, Default: "30s", Unit: "duration", Min: 0.001, Max: 86400,
		Doc: "How long a stop then waits for open requests and streams."},
	{Path: "admin.token", Kind: KindString, Secret: true,
		Doc: fmt.Sprintf("The operator's key, with which the admin API may be used and everything else; %d bytes or more, drawn at random. Empty: only gateway keys with the scope may. Best set by the variable.", proxy.MinAdminToken)},
	{Path: "admin.token_file", Kind: KindString, Unit: "path",
		Doc: "The file that holds it, in place of admin.token, as a mounted secret does."},
	{Path: "keys.path", Kind: KindString, Unit: "path",
		Doc: "The file of gateway keys and virtual keys, made if absent. Empty: keys.db beside db."},
	{Path: "keys.required", Kind: KindBool, Default: "false",
		Doc: "Whether calls need a gateway key even before one was made; once one was, they do in any case."},
	{Path: "keys.seal_key", Kind: KindString, Secret: true,
		Doc: "32 bytes as 64 hex digits or in base64, with which providers' keys are sealed in keys.path. Best set by the variable. Empty, and without a passphrase: there are no virtual keys."},
	{Path: "keys.seal_key_file", Kind: KindString, Unit: "path", Doc: "The file that holds it, in place of keys.seal_key."},
	{Path: "keys.passphrase", Kind: KindString, Secret: true, Blanks: true,
		Doc: fmt.Sprintf("A passphrase of %d bytes or more, without blanks around it, of which argon2id makes such a key, in its place.", proxy.MinPassphrase)},
	{Path: "keys.passphrase_file", Kind: KindString, Unit: "path", Doc: "The file that holds it, in place of keys.passphrase."},
	{Path: "log.level", Kind: KindEnum, Default: "info", Enum: []string{"debug", "info", "warn", "error"},
		Doc: "Least severity that is logged, to standard error."},
	{Path: "log.format", Kind: KindEnum, Default: "text", Enum: []string{"text", "json"},
		Doc: "One key=value line a record, or one JSON object."},
	{Path: "log.path", Kind: KindString, Default: "auto", Unit: "path, auto or none",
		Doc: "File of the request log: one record a request, without headers, keys, configs or anything that was asked or answered. auto: beside the cache's file, with .requests after its name. none: no request log, and no totals of costs."},
	{Path: "log.max_bytes", Kind: KindSize, Default: formatSize(proxy.DefaultRequestLogBytes), Unit: "bytes", Min: 1 << 20, Max: 1 << 40,
		Doc: "Size of the request log, from which on the oldest records make room."},
	{Path: "log.max_age", Kind: KindDuration, Default: formatDuration(proxy.DefaultRequestLogAge), Unit: `duration, as "30d"`, Min: 60, Max: 10 * 365 * 86400,
		Doc: "How long a record is kept."},
	{Path: "log.queue", Kind: KindInt, Default: strconv.Itoa(proxy.DefaultRequestLogQueue), Unit: "records", Min: 1, Max: 1 << 20,
		Doc: "Most records that wait to be written; more are dropped and counted."},
	{Path: "log.bodies", Kind: KindBool, Default: "false",
		Doc: "Whether records have what was asked and answered, the first 64 KiB of each."},
	{Path: "prices.path", Kind: KindString, Unit: "path",
		Doc: "JSON file of what models cost, in the form of proxy/internal/prices/table.json; its rows go before the binary's. Empty: only those."},
	{Path: "metrics.open", Kind: KindBool, Default: "false",
		Doc: "Whether /metrics answers to everybody. Off: to the operator's token and to gateway keys with the scope read."},
}

// Env is the environment variable that sets the key: REPRISE_ and the path in upper case, its dots as underscores.
// NAME stays, and stands for the name with its hyphens as underscores.
func (k Key) Env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(k.Path, ".", "_"))
}

// lookup finds the key of a path as a layer wrote it. ok is false for a path that no key has.
func lookup(path string) (k Key, ok bool) {
	for _, k := range keys {
		if k.Path == path && !strings.Contains(k.Path, anyName) {
			return k, true
		}
	}
	if n, ok := splitNamed(path); ok && n.valid() {
		for _, k := range keys {
			if k.Path == n.section+"."+anyName+"."+n.field {
				return k, true
			}
		}
	}
	return Key{}, false
}

// named is a path with a name in it, taken apart.
type named struct{ section, name, field string }

func (n named) valid() bool { return sections[n.section].rule.MatchString(n.name) }

// splitNamed takes providers.NAME.field, and its like, apart. field is "" for the section of one name.
func splitNamed(path string) (n named, ok bool) {
	for section := range sections {
		if rest, ok := strings.CutPrefix(path, section+"."); ok {
			name, field, _ := strings.Cut(rest, ".")
			return named{section, name, field}, name != ""
		}
	}
	return named{}, false
}

// isSection reports whether a path has keys below it, as "cache" or "providers.openai".
func isSection(path string) bool {
	if n, ok := splitNamed(path); ok {
		return n.field == "" && n.valid()
	}
	for _, k := range keys {
		if strings.HasPrefix(k.Path, path+".") {
			return true
		}
	}
	return false
}
