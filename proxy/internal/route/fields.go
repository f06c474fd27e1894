package route

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// field is one member of a target: the single place that says what it is called, takes and means. The schema is made from
// the same table, so that it cannot differ from what is read.
type field struct {
	Name   string
	Schema string // the JSON Schema of the value, without its description
	Doc    string
	set    func(r *reading, path string, v jsontext.Value) error
}

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
}

const (
	anyString  = `{"type":"string"}`
	codeList   = `{"type":"array","items":{"type":"integer","minimum":100,"maximum":599}}`
	targetList = `{"type":"array","minItems":1,"maxItems":64,"items":{"$ref":"#/$defs/target"}}`
)

var targetFields []field

func init() { // not a literal: reading a target reads targets
	targetFields = []field{
		{"name", anyString, "What conditions call this target.", text(func(t *Target) *string { return &t.Name })},
		{"provider", anyString, "A provider by its name; the gateway's default one without it.", func(r *reading, path string, v jsontext.Value) error {
			s, err := str(path, v)
			r.t.Provider = strings.ToLower(s)
			return firstOf(err, func() error { return at(path, r.p.checks.Provider, r.t.Provider) })
		}},
		{"virtual_key", anyString, "The name of a key that the gateway keeps.", func(r *reading, path string, v jsontext.Value) error {
			s, err := str(path, v)
			r.t.VirtualKey = s
			return firstOf(err, func() error { return at(path, r.p.checks.VirtualKey, s) })
		}},
		{"api_key", anyString, "The provider's key, sent in place of the caller's.", text(func(t *Target) *string { return &t.APIKey })},
		{"weight", `{"type":"number","minimum":0}`, "Share of the requests of a loadbalance group, in any unit; 1 without it.", func(r *reading, path string, v jsontext.Value) error {
			f, err := num(path, v)
			if err != nil || f < 0 {
				return wrong(path, "is %.20s: give a number, 0 or more", v)
			}
			r.t.weight = f
			return nil
		}},
		{"custom_host", `{"type":"string","format":"uri"}`, "Base URL to call in place of the provider's; the operator's allow-list must have its host.", func(r *reading, path string, v jsontext.Value) error {
			s, err := str(path, v)
			r.t.CustomHost = strings.TrimRight(s, "/")
			return firstOf(err, func() error { return at(path, r.p.checks.Host, r.t.CustomHost) })
		}},
		{"override_params", `{"type":"object"}`, "Members of the request body that are replaced.", readOverride},
		{"retry", `{"$ref":"#/$defs/retry"}`, "When a call is made again.", readRetry},
		{"cache", `{"anyOf":[{"$ref":"#/$defs/cache"},{"type":"boolean"},{"enum":["simple","semantic"]}]}`, "How the cache treats the request.", readCache},
		{"request_timeout", `{"type":"integer","minimum":1,"maximum":86400000}`, "Milliseconds until a call's response must have begun.", func(r *reading, path string, v jsontext.Value) (err error) {
			r.t.Timeout, err = milliseconds(path, v)
			return err
		}},
		{"forward_headers", `{"type":"array","items":{"type":"string"}}`, "Request headers to hand on even where they would not be.", func(r *reading, path string, v jsontext.Value) error {
			var names []string
			err := array(path, v, func(at string, v jsontext.Value) error {
				s, err := str(at, v)
				names = append(names, s)
				return err
			})
			if err != nil {
				return err
			}
			r.t.Forward, err = HeaderNames(path, names)
			return err
		}},
		{"strict_open_ai_compliance", `{"type":"boolean"}`, "false keeps what a translated answer has beyond OpenAI's form.", func(r *reading, path string, v jsontext.Value) error {
			b, err := boolean(path, v)
			r.t.Loose, r.t.set.loose = !b, true
			return err
		}},
		{"resource_name", anyString, "Azure OpenAI: the resource.", azure(func(t *Target) *string { return &t.ResourceName })},
		{"deployment_id", anyString, "Azure OpenAI: the deployment.", azure(func(t *Target) *string { return &t.DeploymentID })},
		{"api_version", anyString, "Azure OpenAI: the version of the API, as a date.", azure(func(t *Target) *string { return &t.APIVersion })},
		{"openai_organization", anyString, "OpenAI: the organisation that is asked.", text(func(t *Target) *string { return &t.Organization })},
		{"openai_project", anyString, "OpenAI: its project.", text(func(t *Target) *string { return &t.Project })},
		{"strategy", `{"$ref":"#/$defs/strategy"}`, "How to pick among the targets.", readStrategy},
		{"targets", targetList, "Providers, or groups of them.", readTargets},

		{"mode", `{"enum":["single","fallback","loadbalance","ab_test","conditional"],"deprecated":true}`, "Old spelling of strategy.mode.", func(r *reading, path string, v jsontext.Value) error {
			return r.setMode(path, v, "mode")
		}},
		{"options", `{"type":"array","minItems":1,"maxItems":64,"items":{"$ref":"#/$defs/target"},"deprecated":true}`, "Old spelling of targets.", readTargets},
		{"cache_status", `{"enum":["simple","semantic"],"deprecated":true}`, "Old spelling of cache.mode.", func(r *reading, path string, v jsontext.Value) error {
			s, err := str(path, v)
			if err != nil || s != "simple" && s != "semantic" {
				return wrong(path, "is %.40s: give simple or semantic", v)
			}
			return r.addOld("mode", v)
		}},
		{"cache_age", `{"type":["string","integer"],"deprecated":true}`, `Old spelling of cache.max_age: seconds, or "max-age=600".`, readCacheAge},
		{"cache_force_refresh", `{"type":["boolean","string"],"deprecated":true}`, "Old spelling of cache.force_refresh.", func(r *reading, path string, v jsontext.Value) error {
			b, err := looseBool(path, v)
			if err != nil || !b {
				return err
			}
			return r.addOld("force_refresh", jsontext.Value("true"))
		}},
		{"trace_id", `{"type":"string","deprecated":true}`, "The request's trace id, as the first SDK says it.", func(r *reading, path string, v jsontext.Value) error {
			s, err := str(path, v)
			if r.p.cfg.TraceID == "" {
				r.p.cfg.TraceID = s
			}
			return err
		}},
		{"metadata", `{"type":"object","additionalProperties":{"type":"string"},"deprecated":true}`, "The request's metadata, as the first SDK says it.", readMetadata},
	}
}

func fieldNames(fs []field) []string {
	var out []string
	for _, f := range fs {
		if !strings.Contains(f.Schema, `"deprecated"`) {
			out = append(out, f.Name)
		}
	}
	slices.Sort(out)
	return out
}

// at runs a check and puts the path on what it says.
func at(path string, check func(string) error, v string) error {
	if check == nil {
		return nil
	}
	err := check(v)
	if e, ok := err.(*Error); ok {
		c := *e
		c.Path = path
		return &c
	}
	return err
}

func firstOf(err error, then func() error) error {
	if err != nil {
		return err
	}
	return then()
}

func text(where func(*Target) *string) func(*reading, string, jsontext.Value) error {
	return func(r *reading, path string, v jsontext.Value) (err error) {
		s, err := str(path, v)
		if err == nil && (s == "" || len(s) > 4096) {
			return wrong(path, "give a string of 1 to 4096 bytes")
		}
		*where(r.t) = s
		return err
	}
}

// azure reads a word that becomes a part of a URL.
func azure(where func(*Target) *string) func(*reading, string, jsontext.Value) error {
	return func(r *reading, path string, v jsontext.Value) error {
		s, err := str(path, v)
		if err != nil {
			return err
		}
		if !URLWord(s) {
			return wrong(path, "give 1 to 64 letters, digits, \"-\", \"_\" and \".\"")
		}
		*where(r.t) = s
		return nil
	}
}

// URLWord reports whether s may stand in a host name or a path without changing where it leads.
func URLWord(s string) bool {
	if s == "" || len(s) > 64 || strings.Trim(s, ".") == "" {
		return false
	}
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

func readOverride(r *reading, path string, v jsontext.Value) error {
	r.t.Override = []Member{}
	err := object(path, v, func(name string, v jsontext.Value) error {
		if name == "stream" || name == "stream_options" {
			return wrong(clip(join(path, name)), "how an answer is delivered is the request's to say, not the config's")
		}
		r.t.Override = append(r.t.Override, Member{name, v})
		return nil
	})
	if err != nil || r.p.checks.Override == nil {
		return err
	}
	return r.p.checks.Override(path, r.t)
}

func readRetry(r *reading, path string, v jsontext.Value) error {
	r.t.set.retry = true
	return object(path, v, func(name string, v jsontext.Value) (err error) {
		at := join(path, name)
		switch name {
		case "attempts":
			r.t.Retry.Attempts, err = whole(at, v, 0, MaxAttempts)
		case "on_status_codes":
			r.t.Retry.Codes, err = codes(at, v)
		case "use_retry_after_header":
			var b bool
			b, err = boolean(at, v)
			r.t.Retry.Ignore = !b
		default:
			return unknown(at, name, []string{"attempts", "on_status_codes", "use_retry_after_header"})
		}
		return err
	})
}

// MaxMetadataChars is the longest value of a request's metadata.
const MaxMetadataChars = 128

func readMetadata(r *reading, path string, v jsontext.Value) error {
	m, err := Metadata(path, v)
	if r.p.cfg.Metadata == nil {
		r.p.cfg.Metadata = m
	}
	return err
}

// Metadata reads an object of strings. A number or a truth value says what it is.
func Metadata(path string, v jsontext.Value) (map[string]string, error) {
	m := map[string]string{}
	err := object(path, v, func(name string, v jsontext.Value) (err error) {
		at := clip(join(path, name))
		var s string
		switch v.Kind() {
		case jsontext.KindNull:
			return nil
		case jsontext.KindNumber, jsontext.KindTrue, jsontext.KindFalse:
			s = string(v)
		default:
			s, err = str(at, v)
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
	err := array(path, v, func(at string, v jsontext.Value) error {
		t, err := r.p.target(at, v, r.depth+1)
		r.t.Targets = append(r.t.Targets, t)
		return err
	})
	if err == nil && len(r.t.Targets) == 0 {
		return wrong(path, "is empty: give at least one target")
	}
	return err
}
