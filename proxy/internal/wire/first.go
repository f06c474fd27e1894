package wire

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// First is a request of the first Portkey SDK (portkey-ai 0.1), which has its configuration in the body.
type First struct {
	Mode    string // single, fallback, loadbalance
	Options []FirstOption

	params []member
}

// FirstOption is one of the targets of such a request. Its zero members were not given.
type FirstOption struct {
	Provider, APIKey, VirtualKey     string
	Deployment, Resource, APIVersion string
	Cache                            *bool  // false: neither read nor write
	CacheStatus                      string // simple, semantic
	MaxAge                           *float64
	ForceRefresh                     bool
	TraceID                          string
	Metadata                         map[string]string
	Weight                           *float64
	Retry                            *FirstRetry
	Organization                     string   // of override_params
	RequestTimeout                   float64  // seconds, of override_params
	override                         []member // what is put over the parameters
}

// FirstRetry says how often a call is made again, and on which answers.
type FirstRetry struct {
	Attempts      int
	OnStatusCodes []int
}

// FieldError is a member of a request that cannot be what it is.
type FieldError struct {
	Path    string // as config.options[1].weight
	Message string // what is wrong, and what to write instead
}

// Error names the member.
func (e *FieldError) Error() string { return e.Path + " " + e.Message }

// Limits of a request's configuration.
const (
	MaxRetries       = 5
	MaxMetadataChars = 128
)

// ReadFirst reads a request body. The error is a *SyntaxError or a *FieldError. Nothing in the result but the members of
// the call that Body returns points into body.
func ReadFirst(body []byte) (*First, error) {
	ms, err := object(body)
	if err != nil {
		return nil, syntaxError(err, len(body))
	}
	f := &First{}
	p := fieldReader{}
	for _, m := range ms {
		switch m.name {
		case "config":
			f.readConfig(&p, m.value)
		case "params":
			f.params = p.object("params", m.value)
		default:
			p.unknown("", m.name, "config, params")
		}
	}
	for _, name := range []string{"config", "params"} {
		if find(ms, name) == nil {
			p.fail(name, "is missing: the body is {\"config\": {…}, \"params\": {…}}")
		}
	}
	if p.err != nil {
		return nil, p.err
	}
	return f, nil
}

// Body returns the request that one of the options makes of the parameters, as OpenAI's API takes it.
func (f *First) Body(option int) []byte {
	merged := newTree()
	for _, list := range [][]member{f.params, f.Options[option].override} {
		for _, m := range list {
			if !isNull(m.value) {
				merged.set(m.name, m.value)
			}
		}
	}
	// What the SDK calls otherwise, and what is for the gateway.
	if stop := merged.raw("stop_sequences"); stop != nil {
		if merged.raw("stop") == nil {
			merged.set("stop", stop)
		}
		merged.drop("stop_sequences")
	}
	for _, name := range []string{"timeout", "retry_settings", "organization"} {
		merged.drop(name)
	}
	if strings.HasSuffix(f.Options[option].Provider, "openai") { // which refuses it; others know it
		merged.drop("top_k")
	}
	return merged.append(nil)
}

func (f *First) readConfig(p *fieldReader, v jsontext.Value) {
	for _, m := range p.object("config", v) {
		switch m.name {
		case "mode":
			f.Mode = p.word("config.mode", m.value, "single", "fallback", "loadbalance", "ab_test")
			if f.Mode == "ab_test" {
				f.Mode = "loadbalance"
			}
		case "options":
			elems, err := array(m.value)
			if err != nil || len(elems) == 0 {
				p.fail("config.options", "is not an array with an option in it")
			}
			for i, e := range elems {
				f.Options = append(f.Options, readOption(p, "config.options["+strconv.Itoa(i)+"]", e))
			}
		default:
			p.unknown("config", m.name, "mode, options")
		}
	}
	if f.Mode == "" {
		p.fail("config.mode", "is missing: use single, fallback or loadbalance")
	}
	if len(f.Options) == 0 {
		p.fail("config.options", "is missing: give at least one")
	}
	sum := 0.0
	for i := range f.Options {
		w := 1.0
		if f.Options[i].Weight != nil {
			w = *f.Options[i].Weight
		}
		sum += w
	}
	if len(f.Options) > 0 && sum == 0 {
		p.fail("config.options[0].weight", "is 0, as all the others are: one must be more")
	}
}

const firstOptionNames = "provider, api_key, virtual_key, cache, cache_age, cache_status, cache_force_refresh, trace_id, metadata, weight, retry, deployment_id, resource_name, api_version, override_params"

func readOption(p *fieldReader, path string, v jsontext.Value) (o FirstOption) {
	for _, m := range p.object(path, v) {
		at := path + "." + m.name
		if isNull(m.value) {
			continue
		}
		switch m.name {
		case "provider":
			o.Provider = p.text(at, m.value)
		case "api_key":
			o.APIKey = p.text(at, m.value)
		case "virtual_key":
			o.VirtualKey = p.text(at, m.value)
		case "deployment_id":
			o.Deployment = p.text(at, m.value)
		case "resource_name":
			o.Resource = p.text(at, m.value)
		case "api_version":
			o.APIVersion = p.text(at, m.value)
		case "trace_id":
			o.TraceID = p.text(at, m.value)
		case "cache":
			b := p.boolean(at, m.value)
			o.Cache = &b
		case "cache_status":
			o.CacheStatus = p.word(at, m.value, "simple", "semantic")
		case "cache_force_refresh":
			o.ForceRefresh = p.boolean(at, m.value)
		case "cache_age":
			n := p.age(at, m.value)
			o.MaxAge = &n
		case "weight":
			n := p.number(at, m.value, 0, math.MaxFloat64)
			o.Weight = &n
		case "metadata":
			o.Metadata = p.metadata(at, m.value)
		case "retry":
			o.Retry = p.retry(at, m.value)
		case "override_params":
			o.override = p.object(at, m.value)
			for _, f := range o.override {
				switch {
				case isNull(f.value):
				case f.name == "organization":
					o.Organization = p.text(at+".organization", f.value)
				case f.name == "timeout":
					o.RequestTimeout = p.number(at+".timeout", f.value, 0, 86400)
				}
			}
		default:
			p.unknown(path, m.name, firstOptionNames)
		}
	}
	if o.Provider == "" {
		p.fail(path+".provider", "is missing: name one, as openai")
	}
	return o
}

// fieldReader reads the members of a configuration and keeps the first thing that is wrong with one.
type fieldReader struct{ err *FieldError }

func (p *fieldReader) fail(path, format string, args ...any) {
	if p.err == nil {
		p.err = &FieldError{path, fmt.Sprintf(format, args...)}
	}
}

func (p *fieldReader) unknown(path, name, known string) {
	if path != "" {
		path += "."
	}
	p.fail(fmt.Sprintf("%s%.60s", path, name), "is not a known field: the known ones are %s", known)
}

func (p *fieldReader) object(path string, v jsontext.Value) []member {
	ms, err := object(v)
	if err != nil {
		p.fail(path, "is not an object")
	}
	return ms
}

func (p *fieldReader) text(path string, v jsontext.Value) string {
	s, ok := text(v)
	if !ok {
		p.fail(path, "is not a string")
	}
	return s
}

func (p *fieldReader) boolean(path string, v jsontext.Value) bool {
	if k := v.Kind(); k != jsontext.KindTrue && k != jsontext.KindFalse {
		p.fail(path, "is %.40s: use true or false", v)
	}
	return v.Kind() == jsontext.KindTrue
}

func (p *fieldReader) word(path string, v jsontext.Value, known ...string) string {
	s, _ := text(v)
	for _, k := range known {
		if s == k {
			return s
		}
	}
	p.fail(path, "is %.40s: use %s", v, strings.Join(known, ", "))
	return ""
}

func (p *fieldReader) number(path string, v jsontext.Value, low, high float64) float64 {
	n, err := strconv.ParseFloat(string(v), 64)
	if v.Kind() != jsontext.KindNumber || err != nil || n < low || n > high {
		if high == math.MaxFloat64 {
			p.fail(path, "is %.40s: give a number of %v or more", v, low)
		} else {
			p.fail(path, "is %.40s: give a number from %v to %v", v, low, high)
		}
	}
	return n
}

// age reads seconds, as a number or as the SDK writes them: "max-age=600".
func (p *fieldReader) age(path string, v jsontext.Value) float64 {
	if s, ok := text(v); ok {
		digits := strings.TrimPrefix(strings.TrimSpace(s), "max-age=")
		n, err := strconv.ParseUint(digits, 10, 63)
		if err != nil {
			p.fail(path, "is %.40s: give whole seconds, as 600 or \"max-age=600\"", v)
		}
		return float64(n)
	}
	return p.number(path, v, 0, math.MaxFloat64)
}

func (p *fieldReader) metadata(path string, v jsontext.Value) map[string]string {
	out := map[string]string{}
	for _, m := range p.object(path, v) {
		s, ok := text(m.value)
		if !ok {
			// The SDK lets any value through, and numbers and booleans say what they are.
			if k := m.value.Kind(); k == jsontext.KindBeginObject || k == jsontext.KindBeginArray {
				p.fail(path+"."+m.name, "is not a string")
			}
			s = string(m.value)
		}
		if n := len([]rune(s)); n > MaxMetadataChars {
			p.fail(path+"."+m.name, "has %d characters: at most %d are allowed", n, MaxMetadataChars)
		}
		out[m.name] = s
	}
	return out
}

func (p *fieldReader) retry(path string, v jsontext.Value) *FirstRetry {
	r := &FirstRetry{}
	for _, m := range p.object(path, v) {
		at := path + "." + m.name
		switch m.name {
		case "attempts":
			n, ok := integer(m.value)
			if !ok || n > MaxRetries {
				p.fail(at, "is %.40s: give 0 to %d", m.value, MaxRetries)
			}
			r.Attempts = n
		case "on_status_codes":
			codes, err := array(m.value)
			if err != nil {
				p.fail(at, "is not an array")
			}
			for i, c := range codes {
				n, ok := integer(c)
				if !ok || n < 400 || n > 599 {
					p.fail(at+"["+strconv.Itoa(i)+"]", "is %.40s: give a status from 400 to 599", c)
				}
				r.OnStatusCodes = append(r.OnStatusCodes, n)
			}
		default:
			p.unknown(path, m.name, "attempts, on_status_codes")
		}
	}
	return r
}
