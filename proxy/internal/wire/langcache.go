package wire

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

// The bodies of Redis LangCache's REST API, as its Python SDK (langcache 0.14) has them. An entry is stored as the JSON of
// a LangEntry.

// LangSearch asks for entries.
type LangSearch struct {
	Prompt          string
	Threshold       float64
	Exact, Semantic bool
	SemanticFirst   bool
	Attributes      map[string]string
	MaxResults      int
	Context         []string // earlier questions of a conversation
}

// LangEntry is a prompt and its response.
type LangEntry struct {
	Prompt, Response string
	Attributes       map[string]string
	TTL              time.Duration // zero: not given; not stored
}

// maxResults bounds how many entries a search may ask for.
const maxResults = 100

// maxTTLMillis is 285 years, about the longest time that a time.Duration can hold.
const maxTTLMillis = 9e12

// ReadLangSearch reads the body of a search, or of one within a conversation. The error is a *SyntaxError or a *FieldError.
func ReadLangSearch(body []byte, conversation bool) (*LangSearch, error) {
	ms, err := object(body)
	if err != nil {
		return nil, syntaxError(err, len(body))
	}
	s, p := &LangSearch{Semantic: true, MaxResults: 1}, fieldReader{}
	for _, m := range ms {
		if isNull(m.value) {
			continue
		}
		switch m.name {
		case "prompt":
			s.Prompt = p.text("prompt", m.value)
		case "similarityThreshold":
			s.Threshold = p.number("similarityThreshold", m.value, 0, 1)
		case "attributes":
			s.Attributes = p.attributes(m.value)
		case "maxResults":
			n, ok := integer(m.value)
			if !ok || n < 1 || n > maxResults {
				p.fail("maxResults", "is %s: give 1 to %d", strict.ShownValue(m.value), maxResults)
			}
			s.MaxResults = n
		case "searchStrategies":
			s.readStrategies(&p, m.value)
		case "context":
			elems, err := array(m.value)
			if err != nil || !conversation {
				p.fail("context", "is not an array of questions, or not one of a conversation")
			}
			for i, e := range elems {
				s.Context = append(s.Context, p.text("context["+strconv.Itoa(i)+"]", e))
			}
		default:
			p.unknown("", m.name, "prompt, similarityThreshold, searchStrategies, attributes, maxResults, context")
		}
	}
	if s.Prompt == "" {
		p.fail("prompt", "is missing or empty")
	}
	if p.err != nil {
		return nil, p.err
	}
	return s, nil
}

func (s *LangSearch) readStrategies(p *fieldReader, v jsontext.Value) {
	elems, err := array(v)
	if err != nil || len(elems) == 0 {
		p.fail("searchStrategies", "is not an array with \"exact\" or \"semantic\" in it")
		return
	}
	s.Semantic = false
	for i, e := range elems {
		switch p.word("searchStrategies["+strconv.Itoa(i)+"]", e, "exact", "semantic") {
		case "exact":
			s.Exact = true
		case "semantic":
			s.Semantic = true
			s.SemanticFirst = i == 0
		}
	}
}

// ReadLangEntry reads the body that sets an entry. The error is a *SyntaxError or a *FieldError.
func ReadLangEntry(body []byte) (*LangEntry, error) {
	ms, err := object(body)
	if err != nil {
		return nil, syntaxError(err, len(body))
	}
	e, p := &LangEntry{}, fieldReader{}
	responded := false
	for _, m := range ms {
		if isNull(m.value) {
			continue
		}
		switch m.name {
		case "prompt":
			e.Prompt = p.text("prompt", m.value)
		case "response":
			e.Response, responded = p.text("response", m.value), true
		case "attributes":
			e.Attributes = p.attributes(m.value)
		case "ttlMillis":
			n := p.number("ttlMillis", m.value, 1, math.MaxFloat64)
			e.TTL = time.Duration(min(n, maxTTLMillis)) * time.Millisecond
		default:
			p.unknown("", m.name, "prompt, response, attributes, ttlMillis")
		}
	}
	if e.Prompt == "" {
		p.fail("prompt", "is missing or empty")
	}
	if !responded {
		p.fail("response", "is missing")
	}
	if p.err != nil {
		return nil, p.err
	}
	return e, nil
}

// ReadLangAttributes reads the body that deletes by attributes, of which there must be one. The error is a *SyntaxError or
// a *FieldError.
func ReadLangAttributes(body []byte) (map[string]string, error) {
	ms, err := object(body)
	if err != nil {
		return nil, syntaxError(err, len(body))
	}
	p := fieldReader{}
	var out map[string]string
	for _, m := range ms {
		if m.name != "attributes" {
			p.unknown("", m.name, "attributes")
			continue
		}
		out = p.attributes(m.value)
	}
	if len(out) == 0 {
		p.fail("attributes", "is missing or empty: flush deletes all entries")
	}
	if p.err != nil {
		return nil, p.err
	}
	return out, nil
}

func (p *fieldReader) attributes(v jsontext.Value) map[string]string {
	out := map[string]string{}
	for _, m := range p.object("attributes", v) {
		if m.name == "" {
			p.fail("attributes", "has an empty name")
		}
		out[m.name] = p.text("attributes."+strict.Shown(m.name), m.value)
	}
	return out
}

// Variant digests the attributes: entries of one prompt with other attributes stand beside each other.
func (e *LangEntry) Variant() cache.Digest {
	if len(e.Attributes) == 0 {
		return cache.Digest{}
	}
	parts := [][]byte{[]byte("reprise/langcache/attributes/1")}
	for _, k := range slices.Sorted(maps.Keys(e.Attributes)) {
		parts = append(parts, []byte(k), []byte(e.Attributes[k]))
	}
	return cache.Hash(parts...)
}

// Matches reports whether the entry has all these attributes, and perhaps others.
func (e *LangEntry) Matches(attributes map[string]string) bool {
	for k, v := range attributes {
		if have, ok := e.Attributes[k]; !ok || have != v {
			return false
		}
	}
	return true
}

// Members returns the entry as the members of a JSON object, without its braces.
func (e *LangEntry) Members() []byte {
	attributes := make([]member, 0, len(e.Attributes))
	for _, k := range slices.Sorted(maps.Keys(e.Attributes)) {
		attributes = append(attributes, field(k, quote(e.Attributes[k])))
	}
	b := objectOf([]member{field("prompt", quote(e.Prompt)), field("response", quote(e.Response)), field("attributes", objectOf(attributes))})
	return b[1 : len(b)-1]
}

// Body is what is stored of the entry.
func (e *LangEntry) Body() []byte { return append(append([]byte{'{'}, e.Members()...), '}') }
