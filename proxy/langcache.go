package proxy

import (
	"bytes"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/keys"
	"github.com/reprise-cache/reprise/proxy/internal/wire"
)

// cachesPath is what Redis LangCache's REST API is below: a cache for callers that ask their provider themselves. A cache
// id is a namespace; its entries are seen by those who bring the credential that they were stored with.
const cachesPath = "/v1/caches/"

// langScope is the scope of entries that were set, in which no answer of a provider's can be.
var langScope = []byte("reprise/langcache/1")

// langcache serves what is below cachesPath.
func (s *Server) langcache(ctx *fasthttp.RequestCtx, x *exchange) {
	err := x.open(ctx, keys.Call)
	if err == nil {
		err = x.d.parse()
	}
	var rest string
	if err == nil {
		rest, err = x.cacheID(ctx)
	}
	if err == nil {
		err = x.place()
	}
	if err == nil && s.cfg.Cache == nil {
		err = &apiError{fasthttp.StatusNotFound, "invalid_request_error", "no_cache", "", "this gateway has no cache"}
	}
	if err != nil {
		x.fail(ctx, err)
		return
	}
	id, isEntry := strings.CutPrefix(rest, "entries/")
	switch method := string(ctx.Method()); {
	case method == "POST" && rest == "entries/search":
		err = x.langSearch(ctx, false)
	case method == "POST" && rest == "conversations/search":
		err = x.langSearch(ctx, true)
	case method == "POST" && rest == "entries":
		err = x.langSet(ctx)
	case method == "DELETE" && rest == "entries":
		err = x.langDelete(ctx)
	case method == "DELETE" && isEntry && !strings.Contains(id, "/"):
		err = x.langDeleteID(ctx, id)
	case method == "POST" && rest == "flush":
		err = x.langFlush(ctx)
	default:
		err = notFound(method, x.path)
	}
	if err != nil {
		x.fail(ctx, err)
		return
	}
	x.writeHeaders(&ctx.Response.Header)
	x.log()
}

// cacheID takes the namespace from the path and returns what follows it.
func (x *exchange) cacheID(ctx *fasthttp.RequestCtx) (rest string, _ *apiError) {
	escaped, rest, _ := strings.Cut(strings.TrimPrefix(string(ctx.URI().PathOriginal()), cachesPath), "/")
	id, err := url.PathUnescape(escaped)
	if err != nil {
		return "", badPath(ctx.URI().PathOriginal())
	}
	if id == "" {
		return "", badRequest("invalid_path", "cacheId", "the path names no cache: give its id after %s", cachesPath)
	}
	return rest, x.d.setNamespace("cacheId", id)
}

// langQuery is the question that a prompt is. Whoever brings another credential asks another one; a gateway key is one, since
// there is no provider's here.
func (x *exchange) langQuery(prompt string) cache.Query {
	d := &x.d
	var credential cache.Digest
	if !x.s.cfg.ShareAcrossKeys {
		std := &d.fields.std
		credential = cache.Hash(std[stdAuthorization], std[stdAPIKey])
		switch key, cookie := std[stdAzureKey], std[stdCookie]; { // each by itself, so that entries that were set without it are found as before
		case len(cookie) > 0:
			credential = cache.Hash(std[stdAuthorization], std[stdAPIKey], key, cookie)
		case len(key) > 0:
			credential = cache.Hash(std[stdAuthorization], std[stdAPIKey], key)
		}
		credential = d.fields.withFurther(credential)
	}
	if k := x.who.key; k != nil && (!x.s.cfg.ShareAcrossKeys || k.Private()) {
		credential = x.who.digest()
	}
	q := cache.Query{
		Namespace: d.namespace, Scope: cache.Hash(langScope, credential[:]), Messages: []cache.Message{{Role: "user", Text: prompt}},
		Mode: d.mode, Threshold: d.threshold, MaxError: d.maxError, MaxAge: d.maxAge, TTL: d.ttl, NoStore: d.noStore,
	}
	x.s.restrict(&q)
	return q
}

func langEntryOf(e *cache.Entry) (*wire.LangEntry, bool) {
	entry, err := wire.ReadLangEntry(e.Value.Body)
	return entry, err == nil
}

// langSearch finds entries that may be served. In a conversation, what is searched for is the prompt with the questions
// before it: a prompt that leans on them is then only answered where they were asked, too.
func (x *exchange) langSearch(ctx *fasthttp.RequestCtx, conversation bool) *apiError {
	q, err := wire.ReadLangSearch(ctx.PostBody(), conversation)
	if err != nil {
		return bodyError(err)
	}
	prompt := strings.Join(append(q.Context, q.Prompt), "\n")
	query := x.langQuery(prompt)
	query.Threshold = max(query.Threshold, float32(q.Threshold))
	query.ForceRefresh = x.d.refreshes() // finds nothing: whoever searches then asks their provider
	began := time.Now()
	found, err := x.s.cfg.Cache.Search(x.s.ctx, query, cache.Search{
		// An equal text is the best semantic match there is.
		Limit: q.MaxResults, Exact: true, Semantic: q.Semantic,
		Filter: func(e *cache.Entry) bool {
			entry, ok := langEntryOf(e)
			return ok && entry.Matches(q.Attributes)
		},
	})
	x.keyTime = time.Since(began)
	if err != nil {
		return langError(err)
	}
	b := []byte{'{'}
	if conversation {
		b = append(appendJSONString(append(b, `"actualPrompt":`...), prompt), ',')
	}
	b = append(b, `"data":[`...)
	for i, m := range found {
		entry, ok := langEntryOf(m.Entry)
		if !ok {
			continue
		}
		if i > 0 {
			b = append(b, ',')
		}
		strategy := "semantic"
		if m.Exact && q.Exact && !q.SemanticFirst {
			strategy = "exact"
		}
		b = append(b, `{"id":"`...)
		b = append(appendID(b, m.Entry.ID), `",`...)
		b = append(append(b, entry.Members()...), `,"similarity":`...)
		b = strconv.AppendFloat(b, float64(m.Similarity), 'g', 6, 32)
		b = append(b, `,"searchStrategy":"`+strategy+`"}`...)
	}
	x.langReply(ctx, fasthttp.StatusOK, append(b, "]}"...))
	return nil
}

// langSet stores an entry, and answers when it is on disk.
func (x *exchange) langSet(ctx *fasthttp.RequestCtx) *apiError {
	e, err := wire.ReadLangEntry(ctx.PostBody())
	if err != nil {
		return bodyError(err)
	}
	query := x.langQuery(e.Prompt)
	if e.TTL > 0 {
		query.TTL = e.TTL
	}
	id, err := x.s.cfg.Cache.PutVariant(x.s.ctx, query, e.Variant(), cache.Value{Body: e.Body()})
	if err != nil {
		return langError(err)
	}
	if id == 0 {
		return x.notStored()
	}
	b := append([]byte(`{"entryId":"`), appendID(nil, id)...)
	x.langReply(ctx, fasthttp.StatusCreated, append(b, `"}`...))
	return nil
}

// notStored is why an entry that was set is not there, which its caller has to know: here nobody else has it.
func (x *exchange) notStored() *apiError {
	switch {
	case x.d.noStore:
		return badRequest("not_stored", "cache-control", "the entry was not stored, because cache-control says no-store: leave that out")
	case x.d.mode == cache.ModeOff:
		_, name := x.d.fields.get(ownCache)
		return badRequest("not_stored", name, "the entry was not stored, because %s turns the cache off: leave that out", name)
	}
	return &apiError{fasthttp.StatusNotFound, "invalid_request_error", "no_cache", "", "the entry was not stored, because the cache is off here: the operator can turn it on (cache.mode, cache.namespaces)"}
}

// langDelete deletes the entries that have all the attributes given.
func (x *exchange) langDelete(ctx *fasthttp.RequestCtx) *apiError {
	attributes, err := wire.ReadLangAttributes(ctx.PostBody())
	if err != nil {
		return bodyError(err)
	}
	n, err := x.s.cfg.Cache.DeleteMatching(x.s.ctx, x.langQuery("x"), func(e *cache.Entry) bool {
		entry, ok := langEntryOf(e)
		return ok && entry.Matches(attributes)
	})
	if err != nil {
		return langError(err)
	}
	x.langReply(ctx, fasthttp.StatusOK, []byte(`{"deletedEntriesCount":`+strconv.Itoa(n)+`}`))
	return nil
}

func (x *exchange) langDeleteID(ctx *fasthttp.RequestCtx, escaped string) *apiError {
	text, err := url.PathUnescape(escaped)
	if err != nil {
		return badPath(ctx.URI().PathOriginal())
	}
	id, err := cache.ParseID(text)
	if err == nil {
		err = x.s.cfg.Cache.DeleteFrom(x.s.ctx, x.langQuery("x"), id)
	}
	if errors.Is(err, cache.ErrInvalid) || errors.Is(err, cache.ErrNotFound) {
		return &apiError{fasthttp.StatusNotFound, "invalid_request_error", "unknown_entry", "entryId", "there is no entry " + strconv.Quote(shownWord(text))}
	}
	if err != nil {
		return langError(err)
	}
	x.langReply(ctx, fasthttp.StatusNoContent, nil)
	return nil
}

func (x *exchange) langFlush(ctx *fasthttp.RequestCtx) *apiError {
	if _, err := x.s.cfg.Cache.DeleteMatching(x.s.ctx, x.langQuery("x"), func(*cache.Entry) bool { return true }); err != nil {
		return langError(err)
	}
	x.langReply(ctx, fasthttp.StatusNoContent, nil)
	return nil
}

func (x *exchange) langReply(ctx *fasthttp.RequestCtx, status int, body []byte) {
	x.status = status
	ctx.SetStatusCode(status)
	if body != nil {
		ctx.SetContentType("application/json")
		ctx.SetBody(body)
	}
}

// langError is a failure of the cache's, which here is the caller's: there is nothing else to ask.
func langError(err error) *apiError {
	switch {
	case errors.Is(err, cache.ErrTooLarge):
		return &apiError{fasthttp.StatusRequestEntityTooLarge, "invalid_request_error", "entry_too_large", "response", "the entry is larger than the cache keeps"}
	case errors.Is(err, cache.ErrInvalid):
		return badRequest("invalid_request", "", "%s", strings.TrimPrefix(err.Error(), "cache: "))
	}
	return internalError()
}

// langBody is an error as LangCache's clients expect it, which is that of RFC 7807.
func (e *apiError) langBody(path, trace string) []byte {
	kind, title := "/errors/unexpected-error", "Unexpected error"
	switch e.status {
	case fasthttp.StatusBadRequest:
		kind, title = "/errors/invalid-data", "Invalid data"
	case fasthttp.StatusUnauthorized:
		kind, title = "/errors/authentication-failed", "Authentication failed"
	case fasthttp.StatusForbidden:
		kind, title = "/errors/insufficient-permissions", "Insufficient permissions"
	case fasthttp.StatusNotFound:
		kind, title = "/errors/resource-not-found", "Resource not found"
	case fasthttp.StatusRequestEntityTooLarge:
		kind, title = "/errors/payload-too-large", "Payload too large"
	case fasthttp.StatusTooManyRequests:
		kind, title = "/errors/too-many-requests", "Too many requests"
	}
	var b bytes.Buffer
	b.WriteString(`{"title":"` + title + `","type":"` + kind + `","status":` + strconv.Itoa(e.status) + `,"detail":`)
	b.Write(appendJSONString(nil, e.message))
	b.WriteString(`,"instance":`)
	b.Write(appendJSONString(nil, shownPath(path)+"#"+trace))
	if e.status == fasthttp.StatusBadRequest && e.param != "" {
		b.WriteString(`,"fields":[{"field":`)
		b.Write(appendJSONString(nil, e.param))
		b.WriteString(`,"rule":`)
		b.Write(appendJSONString(nil, e.code))
		b.WriteString(`,"message":`)
		b.Write(appendJSONString(nil, e.message))
		b.WriteString(`}]`)
	}
	b.WriteByte('}')
	return b.Bytes()
}
