package route

import (
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// reading is a target under way.
type reading struct {
	p     *parser
	t     *Target
	path  string
	depth int

	modeBy, targetsBy string           // the spelling by which each came
	old               []jsontext.Value // cache members in the old spelling
	query             jsontext.Value
	queryPath         string
	deflt             string
	defltPath         string
	ref, refPath      string // the saved config that the target names
}

type field = strict.Member[*reading]

// targetFields are the members of a target: the single place that says how each is called, read and described.
var targetFields strict.Table[*reading]

func init() { // not a literal: reading a target reads targets
	old := strict.Older[*reading]
	mode := strict.OneOf(append(modeNames[:], oldLoadBalance)...)
	targets := strict.Raw(strict.Schema{"type": "array", "minItems": 1, "maxItems": MaxTargets, "items": strict.Ref("target")})
	targetFields = strict.Table[*reading]{
		text("name", "What conditions call this target.", func(t *Target) *string { return &t.Name }),
		strict.In("provider", "A provider by its name; the gateway's default one without it.", strict.Text, func(r *reading, path, s string) error {
			r.t.Provider = strings.ToLower(s)
			return strict.At(path, r.p.checks.Provider, r.t.Provider)
		}),
		strict.In("virtual_key", "The name of a key that the gateway keeps.", strict.Text, func(r *reading, path, s string) error {
			r.t.VirtualKey = s
			return strict.At(path, r.p.checks.VirtualKey, s)
		}),
		strict.In("api_key", "The provider's key, sent in place of the caller's. A saved config has none.", strict.Filled(4096), func(r *reading, path, s string) error {
			if r.p.checks.NoKeys {
				return wrong(path, "a saved config holds no key: keep the key as a virtual key, and name it by virtual_key")
			}
			r.t.APIKey = s
			return nil
		}),
		strict.In("config", "A saved config by its id, as pc-x or pc-x@3, that says where to go; what it leaves open is as said here.", strict.Filled(80), func(r *reading, path, s string) error {
			r.ref, r.refPath = s, path
			return nil
		}),
		strict.In("weight", "Share of the requests of a loadbalance group, in any unit; 1 without it.", share, func(r *reading, _ string, f float64) error {
			r.t.weight = f
			return nil
		}),
		strict.In("custom_host", "Base URL to call in place of the provider's; the operator's allow-list must have its host.", hostURL, func(r *reading, path, s string) error {
			r.t.CustomHost = strings.TrimRight(s, "/")
			return strict.At(path, r.p.checks.Host, r.t.CustomHost)
		}),
		strict.In("override_params", "Members of the request body that are replaced.", strict.Raw(overrideSchema), readOverride),
		strict.In("retry", "When a call is made again.", strict.Raw(strict.Ref("retry")), func(r *reading, path string, v jsontext.Value) error {
			r.t.set.retry = true
			return retryFields.Read(&r.t.Retry, path, v)
		}),
		strict.In("cache", "How the cache treats the request.", strict.Raw(strict.AnyOf(strict.Ref("cache"), strict.Bool.Schema, shortMode.Schema)), readCache),
		strict.In("request_timeout", "Milliseconds until a call's response must have begun.", milliseconds, func(r *reading, _ string, d time.Duration) error {
			r.t.Timeout = d
			return nil
		}),
		strict.In("forward_headers", "Request headers to hand on even where they would not be.", strict.List(headerName, 0, 0), func(r *reading, path string, names []string) (err error) {
			r.t.Forward, err = HeaderNames(path, names)
			return err
		}),
		strict.In("strict_open_ai_compliance", "false keeps what a translated answer has beyond OpenAI's form.", strict.Bool, func(r *reading, _ string, b bool) error {
			r.t.SetLoose(!b)
			return nil
		}),
		azure("resource_name", "Azure OpenAI: the resource.", func(t *Target) *string { return &t.ResourceName }),
		azure("deployment_id", "Azure OpenAI: the deployment.", func(t *Target) *string { return &t.DeploymentID }),
		azure("api_version", "Azure OpenAI: the version of the API, as a date.", func(t *Target) *string { return &t.APIVersion }),
		text("openai_organization", "OpenAI: the organisation that is asked.", func(t *Target) *string { return &t.Organization }),
		text("openai_project", "OpenAI: its project.", func(t *Target) *string { return &t.Project }),
		strict.In("strategy", "How to pick among the targets.", strict.Raw(strict.Ref("strategy")), func(r *reading, path string, v jsontext.Value) error {
			return strategyFields.Read(r, path, v)
		}),
		strict.In("targets", "Providers, or groups of them.", targets, readTargets),

		old(strict.In("mode", "Old spelling of strategy.mode.", mode, func(r *reading, path, s string) error { return r.setMode(path, s, "mode") })),
		old(strict.In("options", "Old spelling of targets.", targets, readTargets)),
		old(strict.In("cache_status", "Old spelling of cache.mode.", shortMode, func(r *reading, _, s string) error {
			return r.addOld("mode", jsontext.Value(`"`+s+`"`))
		})),
		old(strict.In("cache_age", `Old spelling of cache.max_age: seconds, or "max-age=600".`, strict.Raw(cacheAgeSchema), readCacheAge)),
		old(strict.In("cache_force_refresh", "Old spelling of cache.force_refresh.", looseBool, func(r *reading, _ string, b bool) error {
			if !b {
				return nil
			}
			return r.addOld("force_refresh", jsontext.Value("true"))
		})),
		old(strict.In("trace_id", "The request's trace id, as the first SDK says it; taken from every config, and a header goes before it.", traceID, func(r *reading, _, s string) error {
			if r.p.cfg.TraceID == "" {
				r.p.cfg.TraceID = s
			}
			return nil
		})),
		old(strict.In("metadata", "The request's metadata, as the first SDK says it; taken from every config, and a header goes before it.", strict.Raw(metadataSchema), readMetadata)),
	}
}

// MaxTraceBytes is the longest trace id.
const MaxTraceBytes = 128

// traceID is one that a header can carry; "" is none.
var traceID = strict.Kind[string]{
	Schema: strict.Schema{"type": "string", "maxLength": MaxTraceBytes, "pattern": "^[ -~]*$"},
	Read: func(path string, v jsontext.Value) (string, error) {
		s, err := strict.ReadText(path, v)
		if err == nil && (len(s) > MaxTraceBytes || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })) {
			return "", wrong(path, "give at most %d printable ASCII characters", MaxTraceBytes)
		}
		return s, err
	},
}

// text is a member that is kept as it is.
func text(name, doc string, where func(*Target) *string) field {
	return strict.In(name, doc, strict.Filled(4096), func(r *reading, _, s string) error {
		*where(r.t) = s
		return nil
	})
}

// azure is a member that becomes a part of a URL.
func azure(name, doc string, where func(*Target) *string) field {
	return strict.In(name, doc, urlWord, func(r *reading, _, s string) error {
		*where(r.t) = s
		return nil
	})
}

// hostURL is a base URL, of which the check of hosts has the last word. It holds no password: a config may be shown.
var hostURL = strict.Kind[string]{
	Schema: strict.Schema{"type": "string", "pattern": `^[Hh][Tt][Tt][Pp][Ss]?://[^/?#@\s]+(/[^?#\s]*)?$`},
	Read: func(path string, v jsontext.Value) (string, error) {
		s, err := strict.ReadText(path, v)
		if err != nil {
			return "", err
		}
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || strings.ContainsAny(s, "?# ") {
			return "", wrong(path, "give an absolute URL with http or https, without credentials, query or fragment")
		}
		return s, nil
	},
}

// deliveredBy are the members of a request that say how its answer is delivered, which is not for a config to say.
var deliveredBy = []string{"stream", "stream_options"}

var overrideSchema = strict.Schema{"type": "object", "propertyNames": strict.Schema{"not": strict.Schema{"enum": deliveredBy}}}

func readOverride(r *reading, path string, v jsontext.Value) error {
	r.t.Override = []Member{}
	err := strict.Object(path, v, func(name string, v jsontext.Value) error {
		for _, d := range deliveredBy {
			if name == d {
				return wrong(strict.Join(path, name), "how an answer is delivered is the request's to say, not the config's")
			}
		}
		r.t.Override = append(r.t.Override, Member{name, v})
		return nil
	})
	if err != nil || r.p.checks.Override == nil {
		return err
	}
	return r.p.checks.Override(path, r.t)
}

// retryFields are the members of a retry.
var retryFields = strict.Table[*Retry]{
	strict.In("attempts", "How many further calls are made.", strict.Whole(0, MaxAttempts), func(r *Retry, _ string, n int) error {
		r.Attempts = n
		return nil
	}),
	strict.In("on_status_codes", "Statuses on which another call is made; without it 429, 500, 502, 503 and 504.", statusCodes, func(r *Retry, _ string, codes []int) error {
		r.Codes = codes
		return nil
	}),
	strict.In("use_retry_after_header", "Whether the provider's retry-after is waited for; true without it.", strict.Bool, func(r *Retry, _ string, b bool) error {
		r.Ignore = !b
		return nil
	}),
}

// MaxMetadataChars is the longest name and the longest value of a request's metadata, of which it has at most MaxMetadata.
const (
	MaxMetadataChars = 128
	MaxMetadata      = 128
)

var metadataSchema = strict.Schema{"type": "object", "maxProperties": MaxMetadata, "propertyNames": strict.Schema{"maxLength": MaxMetadataChars}, "additionalProperties": strict.AnyOf(
	strict.Schema{"type": "string", "maxLength": MaxMetadataChars, "pattern": strict.PlainText}, strict.Schema{"type": []string{"number", "boolean", "null"}})}

func readMetadata(r *reading, path string, v jsontext.Value) error {
	m, err := Metadata(path, v)
	if r.p.cfg.Metadata == nil {
		r.p.cfg.Metadata = m
	}
	return err
}

// Metadata reads an object of strings. A number or a truth value says what it is.
func Metadata(path string, v jsontext.Value) (map[string]string, error) {
	m, n := map[string]string{}, 0
	err := strict.Object(path, v, func(name string, v jsontext.Value) (err error) {
		at := strict.Under(path, name)
		switch n++; {
		case n == MaxMetadata+1:
			return wrong(path, "has more than %d names", MaxMetadata)
		case n > MaxMetadata:
			return nil
		}
		if n := utf8.RuneCountInString(name); n > MaxMetadataChars {
			return wrong(at, "has a name of %d characters: at most %d are allowed", n, MaxMetadataChars)
		}
		var s string
		switch v.Kind() {
		case jsontext.KindNull:
			return nil
		case jsontext.KindNumber, jsontext.KindTrue, jsontext.KindFalse:
			s = string(v)
		default:
			s, err = strict.ReadText(at, v)
		}
		if n := utf8.RuneCountInString(s); n > MaxMetadataChars {
			return wrong(at, "has %d characters: at most %d are allowed", n, MaxMetadataChars)
		}
		m[name] = s
		return err
	})
	return m, err
}

func readTargets(r *reading, path string, v jsontext.Value) error {
	spelling := path[strings.LastIndexByte(path, '.')+1:]
	if r.targetsBy != "" {
		return wrong(path, "give either %s or %s", r.targetsBy, spelling)
	}
	r.targetsBy = spelling
	r.t.Targets = []*Target{}
	err := strict.Array(path, v, func(at string, v jsontext.Value) error {
		t, err := r.p.target(at, v, r.depth+1)
		r.t.Targets = append(r.t.Targets, t)
		return err
	})
	if err == nil && len(r.t.Targets) == 0 {
		return wrong(path, "is empty: give at least one target")
	}
	return err
}
