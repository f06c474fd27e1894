package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/config"
	"github.com/reprise-cache/reprise/cmd/internal/traffic"
	"github.com/reprise-cache/reprise/proxy"
)

// pastFlags say how past traffic was asked, as far as its file does not: all that tells one request from another is part of where
// its answer is looked for.
type pastFlags struct {
	Answers   string   `placeholder:"FILE" help:"The output of the batch whose input is imported."`
	From      string   `placeholder:"NAME" help:"Provider that answered, as x-reprise-provider names it; by default default_provider."`
	Namespace string   `placeholder:"NAME" help:"Namespace for requests of which the file says none."`
	Model     string   `placeholder:"NAME" help:"Model that questions are put to, for lists of questions and answers."`
	System    string   `placeholder:"TEXT" help:"System prompt before them."`
	Params    string   `placeholder:"JSON" help:"An object of what else requests have, as {\"temperature\":0}."`
	Header    []string `sep:"none" placeholder:"NAME=VALUE" help:"A header that callers send, as anthropic-version=2023-06-01 or x-portkey-virtual-key=NAME. Repeatable."`
	KeyEnv    string   `name:"key-env" placeholder:"VARIABLE" help:"Environment variable with the key that callers send, where the provider has none configured and cache.share_across_keys is off: their answers are theirs."`
	NoKey     bool     `name:"no-key" help:"Callers send no key at all."`
}

func (f *pastFlags) none() bool { return reflect.ValueOf(*f).IsZero() }

func (f *pastFlags) header(h *host) (http.Header, error) {
	header := http.Header{}
	for _, s := range f.Header {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("%w: --header %.40q: give NAME=VALUE", config.ErrInvalid, s)
		}
		header.Add(name, value)
	}
	if f.From != "" {
		header.Set("X-Reprise-Provider", f.From)
	}
	if f.KeyEnv == "" {
		return header, nil
	}
	key, ok := h.variable(f.KeyEnv)
	if !ok {
		return nil, fmt.Errorf("%w: --key-env %s: the variable is not set", config.ErrInvalid, f.KeyEnv)
	}
	if header.Get("Anthropic-Version") != "" {
		header.Set("X-Api-Key", key)
	} else {
		header.Set("Authorization", "Bearer "+key)
	}
	return header, nil
}

func (f *pastFlags) asking() (traffic.Asking, error) {
	a := traffic.Asking{Model: f.Model, System: f.System}
	if f.Params == "" {
		return a, nil
	}
	if err := json.Unmarshal([]byte(f.Params), &a.Params); err != nil {
		return a, fmt.Errorf("%w: --params: give a JSON object, as {\"temperature\":0}: %w", config.ErrInvalid, err)
	}
	return a, nil
}

// reader reads past traffic.
func (f *pastFlags) reader(format string, r io.Reader) (traffic.Reader, func(), error) {
	ask, err := f.asking()
	if err != nil {
		return nil, nil, err
	}
	done := func() {}
	switch {
	case format != traffic.Batch && f.Answers != "":
		return nil, nil, fmt.Errorf("%w: --answers is for --format batch, not for %s", config.ErrInvalid, format)
	case format == traffic.Log:
		return traffic.NewLog(r), done, nil
	case format == traffic.Questions:
		return traffic.NewQuestions(r, ask), done, nil
	case format == traffic.CSV:
		in, err := traffic.NewCSV(r, ask)
		return in, done, err
	case f.Answers == "":
		return nil, nil, fmt.Errorf("%w: this is a batch's input: name its output by --answers", config.ErrInvalid)
	}
	answers, err := os.Open(f.Answers)
	if err != nil {
		return nil, nil, err
	}
	in, err := traffic.NewBatch(r, answers)
	if err != nil {
		_ = answers.Close() // read only: nothing to lose
		return nil, nil, err
	}
	return in, func() { _ = answers.Close() }, nil
}

// errWhose is told where nothing says whose answers a file has.
var errWhose = fmt.Errorf("%w: whose answers these are is not said, and each caller is served only what was answered to their own key: "+
	"give --key-env VARIABLE, an environment variable with the key that callers send, or --no-key if they send none, "+
	"or configure what lets all of them share, which is the provider's key (api_key_env) or cache.share_across_keys", config.ErrInvalid)

// pastSource makes records of past traffic, in the way in which the server would read the same requests now.
type pastSource struct {
	in        traffic.Reader
	server    *proxy.Server
	names     *virtualNames
	header    http.Header
	namespace string
	anonymous bool
	undated   time.Time // when answers were given of which the file does not say it
}

func (s *pastSource) next() (item, error) {
	p, err := s.in.Next()
	if errors.Is(err, traffic.ErrModel) {
		return item{}, fmt.Errorf("%w: %w: give --model, which requests to come name", config.ErrInvalid, err)
	}
	if err != nil {
		return item{}, err
	}
	it := itemOf(p)
	if it.skip != "" {
		return it, nil
	}
	it.record, err = s.server.Record(s.of(p), s.anonymous)
	switch unknown := s.names.failed(); {
	case unknown != nil: // which is not the line's fault
		return item{}, unknown
	case errors.Is(err, proxy.ErrCredential):
		return item{}, errWhose
	case errors.Is(err, proxy.ErrNotCached):
		it.skip = notCached(err)
		return it, nil
	case err != nil:
		return item{}, &traffic.LineError{Line: p.Line, Size: p.Size, Err: err}
	}
	if p.Created.IsZero() {
		it.record.Created = s.undated // what it lives for counts from now
	}
	return it, nil
}

// itemOf is a pair without its record.
func itemOf(p *traffic.Pair) item {
	return item{line: p.Line, size: p.Size, skip: p.Skip, cached: p.Cached}
}

// of is a pair as the server takes it.
func (s *pastSource) of(p *traffic.Pair) *proxy.Past {
	header := s.header
	if p.Namespace == "" {
		p.Namespace = s.namespace
	}
	if p.Namespace != "" {
		header = header.Clone()
		header.Set("X-Reprise-Cache-Namespace", p.Namespace)
	}
	past := &proxy.Past{Path: p.Path, Header: header, Body: p.Request, Answer: p.Answer, Created: p.Created, Took: p.Took}
	if p.Created.IsZero() {
		past.Created = time.Now()
	}
	return past
}

// notCached is why a request is not for the cache.
func notCached(err error) string {
	return strings.TrimPrefix(err.Error(), proxy.ErrNotCached.Error()+": ")
}

// newRecorder is a server that reads requests as the configured one would, and serves none.
func newRecorder(c *config.Config, opened *cache.Cache, names *virtualNames) (*proxy.Server, error) {
	saved, err := openConfigs(c)
	if err != nil {
		return nil, err
	}
	p := routing(c)
	p.SavedConfigs, p.VirtualKeys, p.Cache, p.Logger = saved, names, opened, slog.New(slog.DiscardHandler)
	p.MaxAnswerBytes, p.PricesFile, p.ShareAcrossKeys = c.Cache.MaxValueBytes, c.Prices.Path, c.Cache.ShareAcrossKeys
	p.StricterOnly, p.StricterIn = c.Cache.RequestSettings == "stricter", stricterIn(c)
	return newProxy(p)
}

// past opens a file of past traffic as a source for a cache. It closes the virtual keys; why they cannot be asked for ends the source.
func (f *pastFlags) past(names *virtualNames, h *host, cfg *config.Config, in *lines, opened *cache.Cache) (_ *pastSource, _ func(), err error) {
	defer func() {
		if err != nil {
			names.close()
		}
	}()
	header, err := f.header(h)
	if err != nil {
		return nil, nil, err
	}
	if err := names.check(header); err != nil {
		return nil, nil, err
	}
	pairs, closeIn, err := f.reader(in.format, in.text)
	if err != nil {
		return nil, nil, err
	}
	server, err := newRecorder(cfg, opened, names)
	if err != nil {
		closeIn()
		return nil, nil, err
	}
	s := &pastSource{in: pairs, server: server, names: names, header: header, namespace: f.Namespace, anonymous: f.NoKey, undated: in.dated}
	return s, func() {
		closeIn()
		names.close()
		_ = server.Shutdown(context.Background()) // nothing was asked of it
	}, nil
}
