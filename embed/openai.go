package embed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/cenkalti/backoff/v5"
	openai "github.com/sashabaranov/go-openai"
)

// Defaults of OpenAIOptions.
const (
	defaultBaseURL    = "https://api.openai.com/v1"
	defaultBatchSize  = 128
	defaultMaxRetries = 2
	defaultTimeout    = 30 * time.Second
	maxBatchSize      = 2048 // the most inputs that OpenAI takes in a request
)

// The sizes that OpenAI publishes in its embeddings guide, and whether the model takes a smaller one.
var published = map[string]struct {
	dim     int
	shrinks bool
}{
	string(openai.SmallEmbedding3): {1536, true},
	string(openai.LargeEmbedding3): {3072, true},
	string(openai.AdaEmbeddingV2):  {1536, false},
}

// OpenAIOptions says where the endpoint is and what is asked of it.
type OpenAIOptions struct {
	// BaseURL is what stands before /embeddings, as in "http://localhost:11434/v1". Empty: OpenAI's own.
	BaseURL string
	// APIKey is sent as a bearer token. Empty: none is sent, which OpenAI itself refuses.
	APIKey string `json:"-"`
	// Model is the endpoint's name of the model. It must be given.
	Model string
	// Dim is the length of the vectors. Zero: the size that OpenAI publishes for Model; for any other model it must
	// be given, as a cache records it before the first vector is made.
	Dim int
	// Shorten asks the endpoint for vectors of Dim, for models that can be cut to any length. Most endpoints
	// refuse the parameter for models that cannot, so it is off; for OpenAI's own models it follows from Dim.
	Shorten bool
	// BatchSize is the most texts in a request. Zero: 128. At most 2048.
	BatchSize int
	// MaxRetries is how often a request is sent again after a status of 408, 429 or 5xx or a network error. Zero: 2.
	// Negative: never.
	MaxRetries int
	// Timeout is for one request and its answer; a retry has its own. A server that asks to wait longer than this
	// before a retry is not asked again. Zero: 30 s.
	Timeout time.Duration
	// HTTPClient sends the requests. Nil: one with the standard library's defaults.
	HTTPClient *http.Client
}

// String leaves out the key, and a password that someone wrote into BaseURL.
func (o OpenAIOptions) String() string {
	key := "none"
	if o.APIKey != "" {
		key = "set"
	}
	base := "invalid"
	if u, err := url.Parse(o.BaseURL); err == nil {
		base = u.Redacted()
	}
	return fmt.Sprintf("openai embeddings: base URL %q, key %s, model %q, dim %d, batch %d, retries %d, timeout %v",
		base, key, o.Model, o.Dim, o.BatchSize, o.MaxRetries, o.Timeout)
}

// GoString is String, so that %#v does not show the key either.
func (o OpenAIOptions) GoString() string { return o.String() }

// OpenAI embeds through an endpoint that speaks OpenAI's POST /embeddings: OpenAI itself, or any of the servers and
// gateways that follow it. It is safe for concurrent use.
type OpenAI struct {
	client  *openai.Client
	model   string
	baseURL string
	dim     int
	askDim  int // the dimensions parameter; 0 is not sent
	batch   int
	retries int
	timeout time.Duration
	redact  func(string) string // a closure, so that no formatting of the struct reaches the key
	wait    func(context.Context, time.Duration) error
}

// NewOpenAI checks the options; it calls nobody. The error is ErrOptions.
func NewOpenAI(o OpenAIOptions) (*OpenAI, error) {
	if err := o.resolve(); err != nil {
		return nil, err
	}
	config := openai.DefaultConfig(o.APIKey)
	config.BaseURL = o.BaseURL
	config.HTTPClient = &recorder{client: o.HTTPClient}
	e := &OpenAI{
		client:  openai.NewClientWithConfig(config),
		model:   o.Model,
		baseURL: o.BaseURL,
		dim:     o.Dim,
		batch:   o.BatchSize,
		retries: o.MaxRetries,
		timeout: o.Timeout,
		redact:  func(s string) string { return s },
		wait:    wait,
	}
	if p, known := published[o.Model]; o.Shorten || known && p.dim != o.Dim {
		e.askDim = o.Dim
	}
	if key := o.APIKey; key != "" {
		e.redact = func(s string) string { return strings.ReplaceAll(s, key, "[key]") }
	}
	return e, nil
}

// resolve puts the defaults in place of zeros, and refuses what cannot work.
func (o *OpenAIOptions) resolve() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: "+format, append([]any{ErrOptions}, args...)...)
	}
	if o.BaseURL == "" {
		if o.APIKey == "" {
			return fail("APIKey is empty, and OpenAI's own endpoint needs one: set it, or set BaseURL to another endpoint")
		}
		o.BaseURL = defaultBaseURL
	}
	u, err := url.Parse(o.BaseURL)
	switch {
	case err != nil:
		return fail("BaseURL is not a URL: write it as https://host/v1") // the parser's error would repeat it, keys and all
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return fail("BaseURL %q has no http or https scheme and host: write it as https://host/v1", u.Redacted())
	case u.User != nil, u.RawQuery != "", u.Fragment != "":
		return fail("BaseURL of host %q has a user, a query or a fragment: keep to https://host/v1 and give the key as APIKey", u.Host)
	}
	if strings.ContainsFunc(o.APIKey, func(r rune) bool { return r <= ' ' || r >= 0x7F }) {
		return fail("APIKey has a space, a line end or another character that a header cannot carry: check where it is read from")
	}
	if o.Model == "" {
		return fail("Model is empty: set it to the endpoint's name of the model, such as %q", openai.SmallEmbedding3)
	}
	p, known := published[o.Model]
	switch {
	case o.Dim == 0 && known:
		o.Dim = p.dim
	case o.Dim == 0:
		return fail("Dim is 0, and the size of model %q is not known: set Dim to the length of its vectors", o.Model)
	case o.Dim < 0:
		return fail("Dim is %d: it must be positive", o.Dim)
	case known && o.Dim > p.dim, known && o.Dim != p.dim && !p.shrinks:
		return fail("Dim is %d, but model %q has vectors of %d: leave Dim at 0", o.Dim, o.Model, p.dim)
	}
	switch {
	case o.BatchSize < 0 || o.BatchSize > maxBatchSize:
		return fail("BatchSize is %d: it must be within 1 and %d, or 0 for %d", o.BatchSize, maxBatchSize, defaultBatchSize)
	case o.BatchSize == 0:
		o.BatchSize = defaultBatchSize
	}
	if o.MaxRetries == 0 {
		o.MaxRetries = defaultMaxRetries
	}
	switch {
	case o.Timeout < 0:
		return fail("Timeout is %v: it must be positive, or 0 for %v", o.Timeout, defaultTimeout)
	case o.Timeout == 0:
		o.Timeout = defaultTimeout
	}
	if o.HTTPClient == nil {
		o.HTTPClient = &http.Client{}
	}
	return nil
}

// ID is "openai:MODEL@DIM", whatever the host: the same model behind another gateway gives the same vectors.
func (o *OpenAI) ID() string { return fmt.Sprintf("openai:%s@%d", o.model, o.dim) }

// Dim is the length of the vectors.
func (o *OpenAI) Dim() int { return o.dim }

// String names the model and the endpoint, never the key.
func (o *OpenAI) String() string { return fmt.Sprintf("%s at %s", o.ID(), o.baseURL) }

// Embed returns one unit vector a text, in the order of the texts. It sends as many requests as the batch size
// makes necessary, one after the other; if one fails for good, there is no result.
//
// Errors: the context's; *StatusError for a refusal; ErrAnswer and ErrDimension for an answer that cannot be used,
// which is not asked for again; or the network's.
func (o *OpenAI) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, 0, len(texts))
	for from := 0; from < len(texts); from += o.batch {
		batch, err := o.embedBatch(ctx, texts[from:min(from+o.batch, len(texts))], from)
		if err != nil {
			return nil, err
		}
		vectors = append(vectors, batch...)
	}
	return vectors, nil
}

// embedBatch sends one request until it is answered or the retries are spent. In errors the texts are counted on from first.
func (o *OpenAI) embedBatch(ctx context.Context, texts []string, first int) ([][]float32, error) {
	// A factor of 1 spreads each pause over zero to twice the interval: full jitter, so that clients which failed
	// together do not come back together.
	pause := backoff.ExponentialBackOff{InitialInterval: 250 * time.Millisecond, RandomizationFactor: 1, Multiplier: 2, MaxInterval: 4 * time.Second}
	for tries := 0; ; tries++ {
		vectors, err := o.request(ctx, texts, first)
		if err == nil {
			return vectors, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("embed: %w", ctx.Err())
		}
		if tries >= o.retries || !o.retryable(err) {
			return nil, err
		}
		next := pause.NextBackOff()
		if s := (*StatusError)(nil); errors.As(err, &s) {
			next += s.RetryAfter
		}
		if o.wait(ctx, next) != nil {
			return nil, fmt.Errorf("embed: %w while waiting to retry after: %w", ctx.Err(), err)
		}
	}
}

func (o *OpenAI) retryable(err error) bool {
	if s := (*StatusError)(nil); errors.As(err, &s) {
		passing := s.Status == http.StatusRequestTimeout || s.Status == http.StatusTooManyRequests || s.Status >= 500
		return passing && !s.final && s.RetryAfter <= o.timeout
	}
	return !errors.Is(err, ErrAnswer) && !errors.Is(err, ErrDimension)
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// request sends texts once and checks the answer.
func (o *OpenAI) request(ctx context.Context, texts []string, first int) ([][]float32, error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	// A number takes some 12 bytes of JSON and at most 25; what is far above is not an answer to this request.
	x := &exchange{limit: 1<<20 + 32*int64(o.dim)*int64(len(texts))}
	// No encoding_format: left out, every endpoint sends floats, while some refuse the field or do not know base64.
	answer, err := o.client.CreateEmbeddings(context.WithValue(ctx, exchangeKey{}, x), openai.EmbeddingRequestStrings{
		Input:      texts,
		Model:      openai.EmbeddingModel(o.model),
		Dimensions: o.askDim,
	})
	if err != nil {
		return nil, o.explain(err, x, texts)
	}
	return o.arrange(answer.Data, len(texts), first)
}

// explain turns an error of the client into ours. That of a status is not wrapped, as it holds the whole body,
// which may repeat the key. Endpoints that check what they are sent quote what they refuse, and an error ends up in a log:
// words that repeat a text are left out.
func (o *OpenAI) explain(err error, x *exchange, texts []string) error {
	said := func(s string) string {
		if s = excerpt(o.redact(s)); repeats(s, texts) {
			return "(its words are left out: they repeat a text)"
		}
		return s
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("embed: no whole answer within the Timeout of %v: %w", o.timeout, err)
	case x.status == 0:
		return fmt.Errorf("embed: request failed: %w", err)
	case x.broken != nil:
		return fmt.Errorf("embed: answer broke off: %w", x.broken)
	case x.status < 400:
		return fmt.Errorf("%w: status %d, and not JSON of embeddings: %s", ErrAnswer, x.status, said(err.Error()))
	}
	s := &StatusError{Status: x.status, RetryAfter: x.retryAfter}
	if api := (*openai.APIError)(nil); errors.As(err, &api) {
		s.Message = api.Message
		s.final = api.Code == "insufficient_quota" // a 429 that only a payment ends
	} else if raw := (*openai.RequestError)(nil); errors.As(err, &raw) {
		s.Message = string(raw.Body)
	}
	s.Message = said(s.Message)
	return s
}

// repeats reports whether a message has several words of a text in a row, or all words of a short one.
func repeats(message string, texts []string) bool {
	const run = 4
	words := func(s string) []string {
		return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	}
	in := " " + strings.Join(words(message), " ") + " "
	for _, t := range texts {
		ws := words(t)
		for n := min(run, len(ws)); n > 0 && len(ws) >= n; ws = ws[1:] {
			if strings.Contains(in, " "+strings.Join(ws[:n], " ")+" ") {
				return true
			}
		}
	}
	return false
}

// excerpt makes a stranger's text fit for an error: one line, printable, and short.
func excerpt(s string) string {
	const most = 300
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " ")
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, s)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// arrange puts the vectors in the order of the texts and makes them unit vectors. Endpoints may answer in any order
// and say so by index; two for one text, or none, would put an answer beside the wrong question.
func (o *OpenAI) arrange(data []openai.Embedding, n, first int) ([][]float32, error) {
	if len(data) != n {
		return nil, fmt.Errorf("%w: %d vectors for %d texts", ErrAnswer, len(data), n)
	}
	vectors := make([][]float32, n)
	for _, d := range data {
		switch {
		case d.Index < 0 || d.Index >= n:
			return nil, fmt.Errorf("%w: index %d for %d texts", ErrAnswer, d.Index, n)
		case vectors[d.Index] != nil:
			return nil, fmt.Errorf("%w: index %d is there twice", ErrAnswer, d.Index)
		case len(d.Embedding) != o.dim:
			return nil, fmt.Errorf("%w: model %q answered with %d, Dim is %d: correct Dim, and embed again what is stored", ErrDimension, o.model, len(d.Embedding), o.dim)
		}
		if err := scaleToUnit(d.Embedding); err != nil {
			return nil, fmt.Errorf("text %d: %w", first+d.Index, err)
		}
		vectors[d.Index] = d.Embedding
	}
	return vectors, nil
}

// scaleToUnit divides v by its length, which must be a positive number: a zero vector is near to nothing, and one
// NaN makes every comparison false.
func scaleToUnit(v []float32) error {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if !(sum > 0) || math.IsInf(sum, 1) {
		return fmt.Errorf("%w: a vector of length %v", ErrAnswer, math.Sqrt(sum))
	}
	scale := 1 / math.Sqrt(sum)
	for i, x := range v {
		v[i] = float32(float64(x) * scale)
	}
	return nil
}
