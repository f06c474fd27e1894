package proxy

import (
	"bytes"
	"errors"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// cacheModes are the modes that a request may name.
var cacheModes = []string{"simple", "semantic", "threshold", "shadow", "off"}

// controls are the members of a cache object, as a header or a config brings it: the single place that says how each is
// called, read and described.
var controls = strict.Table[*directives]{
	strict.In("mode", "What may be served: the same question's answer, a similar one's, what plain cosine finds, nothing but a note of it, or nothing at all.",
		strict.OneOf(cacheModes...), func(d *directives, _, s string) (err error) {
			d.mode, err = cache.ParseMode(s)
			return err
		}),
	strict.In("namespace", "The tenant whose answers these are.", strict.Kind[string]{
		Schema: strict.Schema{"type": "string", "maxLength": cache.MaxNamespaceBytes}, Read: strict.ReadText,
	}, func(d *directives, path, s string) error {
		if err := d.setNamespace(path, s); err != nil {
			return &strict.Error{Path: path, Code: err.code, Message: "must be valid UTF-8 without control characters, of at most 128 bytes"}
		}
		return nil
	}),
	strict.In("max_age", "Serve nothing older than these seconds; 0 serves nothing that is stored.", strict.Number(atLeast(0), "seconds, 0 or more"),
		func(d *directives, _ string, n float64) error { d.setMaxAge(n); return nil }),
	strict.In("ttl", "How many seconds the answer lives.", strict.Number(above(0), "seconds, more than 0"),
		func(d *directives, _ string, n float64) error { d.ttl = seconds(n); return nil }),
	strict.In("force_refresh", "Whether to ask the provider in any case, and store what it says.", strict.Bool,
		func(d *directives, _ string, yes bool) error { d.forceRefresh = yes; return nil }),
	strict.In("threshold", "The cosine that a similar question needs.", strict.Number(upTo(1), "a cosine above 0 and up to 1"),
		func(d *directives, _ string, n float64) error { d.threshold = float32(n); return nil }),
	strict.In("max_error", "The share of wrong answers that semantic hits may have.", strict.Number(upTo(1), maxErrorForm),
		func(d *directives, _ string, n float64) error { d.maxError = n; return nil }),
	strict.In("conversation", "How the turns before the last count.", strict.OneOf("strict", "judged", "last_turn"),
		func(d *directives, _, s string) (err error) {
			d.conversation, err = cache.ParseConversation(s)
			return err
		}),
	strict.In("semantic_last_turn_only", "true looks at the last turn alone, which is wrong where the question leans on others.", strict.Bool,
		func(d *directives, _ string, yes bool) error {
			if yes {
				d.conversation = cache.ConversationLastTurn
			}
			return nil
		}),
	strict.In("ignore_system", "Whether the system prompt is left out of what must be equal.", strict.Bool,
		func(d *directives, _ string, yes bool) error { d.ignoreSystem = yes; return nil }),
	strict.In("vary_by", "What else an answer depends on.", strict.List(strict.Kind[string]{
		Schema: strict.Schema{"type": "string", "pattern": `^(metadata\.[\s\S]+|header\.[A-Za-z0-9._-]{1,64})$`}, Read: strict.ReadText,
	}, 0, maxVaryBy), func(d *directives, path string, names []string) error { return d.setVaryBy(path, names) }),
}

func atLeast(n float64) strict.Range { return strict.Range{Min: &n} }
func above(n float64) strict.Range   { return strict.Range{Above: &n} }

// upTo is above nothing, and at most n.
func upTo(n float64) strict.Range { return strict.Range{Above: new(float64), Max: &n} }

// parseCache reads the cache header: the name of a mode, or a JSON object of controls. An unknown member is an error that
// names it.
func (d *directives) parseCache(name string, v []byte) *apiError {
	v = bytes.TrimSpace(v)
	if len(v) == 0 || v[0] != '{' {
		return d.setMode(name, string(v))
	}
	err := controls.Read(d, name, v)
	if err == nil {
		return nil
	}
	var e *strict.Error
	if !errors.As(err, &e) {
		return internalError()
	}
	code := e.Code
	if code == "invalid_config" {
		code = "invalid_header"
	}
	return badRequest(code, e.Path, "%s", e.Error())
}

func (d *directives) setMode(name, v string) *apiError {
	m, err := cache.ParseMode(v)
	if err != nil {
		return badRequest("invalid_header", name, "%s is %q: use %s, or a JSON object", name, shownWord(v), strict.Or(cacheModes))
	}
	d.mode = m
	return nil
}

// checkCache is what is wrong with a config's cache object.
func checkCache(path string, v jsontext.Value) error { return controls.Read(&directives{}, path, v) }
