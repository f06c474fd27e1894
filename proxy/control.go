package proxy

import (
	"bytes"
	"math"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/cache"
)

// parseCache reads the cache header: the name of a mode, or a JSON object with any of mode, max_age, force_refresh,
// namespace, threshold, max_error, vary_by, ttl (ages in seconds), conversation (strict, judged or last_turn), semantic_last_turn_only, which is
// the last of these by another name, and ignore_system. An unknown member is an error that names it.
func (d *directives) parseCache(name string, v []byte) *apiError {
	v = bytes.TrimSpace(v)
	if len(v) == 0 || v[0] != '{' {
		return d.setMode(name, string(v))
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(v))
	if _, err := dec.ReadToken(); err != nil {
		return controlSyntax(name, err)
	}
	for dec.PeekKind() != jsontext.KindEndObject {
		t, err := dec.ReadToken()
		if err != nil {
			return controlSyntax(name, err)
		}
		key := t.String()
		value, err := dec.ReadValue()
		if err != nil {
			return controlSyntax(name, err)
		}
		if err := d.setControl(name, key, value); err != nil {
			return err
		}
	}
	if _, err := dec.ReadToken(); err != nil {
		return controlSyntax(name, err)
	}
	if rest := bytes.TrimSpace(v[dec.InputOffset():]); len(rest) > 0 {
		return badRequest("invalid_header", name, "%s: something follows the JSON object", name)
	}
	return nil
}

func controlSyntax(name string, err error) *apiError {
	return badRequest("invalid_header", name, "%s is not a valid JSON object: %v", name, err)
}

func (d *directives) setMode(name, v string) *apiError {
	m, err := cache.ParseMode(v)
	if err != nil {
		return badRequest("invalid_header", name, "%s is %.40q: use simple, semantic, threshold, shadow or off, or a JSON object", name, v)
	}
	d.mode = m
	return nil
}

func (d *directives) setControl(header, key string, v jsontext.Value) *apiError {
	path := header + "." + key
	str := func() (string, *apiError) {
		if v.Kind() != jsontext.KindString {
			return "", badRequest("invalid_header", path, "%s is %.40s: give a string", path, v)
		}
		b, err := jsontext.AppendUnquote(nil, []byte(v))
		if err != nil {
			return "", controlSyntax(header, err)
		}
		return string(b), nil
	}
	num := func(what string, ok func(float64) bool) (float64, *apiError) {
		n, err := strconv.ParseFloat(string(v), 64)
		if v.Kind() != jsontext.KindNumber || err != nil || !ok(n) {
			return 0, badRequest("invalid_header", path, "%s is %.40s: give %s", path, v, what)
		}
		return n, nil
	}
	switch key {
	case "mode":
		s, err := str()
		if err != nil {
			return err
		}
		return d.setMode(path, s)
	case "namespace":
		s, err := str()
		if err != nil {
			return err
		}
		return d.setNamespace(path, s)
	case "force_refresh", "semantic_last_turn_only", "ignore_system":
		if k := v.Kind(); k != jsontext.KindTrue && k != jsontext.KindFalse {
			return badRequest("invalid_header", path, "%s is %.40s: give true or false", path, v)
		}
		switch yes := v.Kind() == jsontext.KindTrue; {
		case key == "force_refresh":
			d.forceRefresh = d.forceRefresh || yes
		case key == "ignore_system":
			d.ignoreSystem = yes
		case yes:
			d.conversation = cache.ConversationLastTurn
		}
		return nil
	case "conversation":
		s, err := str()
		if err != nil {
			return err
		}
		c, perr := cache.ParseConversation(s)
		if perr != nil {
			return badRequest("invalid_header", path, "%s is %.40q: use strict, judged or last_turn", path, s)
		}
		d.conversation = c
		return nil
	case "vary_by":
		return d.setVaryBy(path, v)
	case "max_age":
		n, err := num("seconds, 0 or more", func(n float64) bool { return n >= 0 && !math.IsInf(n, 0) })
		if err == nil {
			d.setMaxAge(n)
		}
		return err
	case "ttl":
		n, err := num("seconds, more than 0", func(n float64) bool { return n > 0 && !math.IsInf(n, 0) })
		if err == nil {
			d.ttl = seconds(n)
		}
		return err
	case "threshold":
		n, err := num("a cosine above 0 and up to 1", func(n float64) bool { return n > 0 && n <= 1 })
		if err == nil {
			d.threshold = float32(n)
		}
		return err
	case "max_error":
		n, err := num(maxErrorForm, validMaxError)
		if err == nil {
			d.maxError = n
		}
		return err
	}
	return badRequest("unknown_field", path, "%.60s has an unknown field %.60q: the known ones are mode, max_age, force_refresh, namespace, threshold, max_error, vary_by, ttl, conversation, semantic_last_turn_only and ignore_system", header, key)
}
