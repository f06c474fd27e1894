package proxy

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/keys"
	"github.com/reprise-cache/reprise/proxy/internal/requestlog"
	"github.com/reprise-cache/reprise/proxy/internal/strict"
)

const (
	feedbackPath = "/v1/feedback"
	maxFeedback  = 100 // in one request
)

// feedback takes in what users thought of answers: POST /v1/feedback with one or a list, PUT /v1/feedback/{id} with one
// that is to take an earlier one's place.
func (s *Server) feedback(ctx *fasthttp.RequestCtx, x *exchange) {
	if !x.accept(ctx, keys.Feedback) {
		return
	}
	id, amend := strings.CutPrefix(x.path, feedbackPath+"/")
	switch {
	case !amend && !ctx.IsPost():
		x.notAllowed(ctx, fasthttp.MethodPost)
	case amend && !ctx.IsPut():
		x.notAllowed(ctx, fasthttp.MethodPut)
	case s.cfg.Cache == nil:
		x.fail(ctx, unknownTrace())
	case amend:
		x.amendFeedback(ctx, id)
	default:
		x.giveFeedback(ctx)
	}
}

func (x *exchange) notAllowed(ctx *fasthttp.RequestCtx, method string) {
	ctx.Response.Header.Set("Allow", method)
	x.fail(ctx, notAllowed(string(ctx.Method()), x.path, method))
}

func unknownTrace() *apiError {
	return &apiError{fasthttp.StatusNotFound, "invalid_request_error", "unknown_trace", "trace_id",
		"no answer to this key is known by that name: feedback may come for a week, or until some ten thousand later answers"}
}

// speakers are as whom the request may give feedback: as its gateway key, if it has one; else with its own credential, or as
// anybody, where answers were made with the provider's key or are shared across keys.
func (x *exchange) speakers() []cache.Digest {
	if x.who.id != "" {
		return []cache.Digest{x.who.digest()}
	}
	return []cache.Digest{x.d.fields.credential(), {}}
}

func (x *exchange) giveFeedback(ctx *fasthttp.RequestCtx) {
	given, apiErr := parseFeedback(ctx.PostBody())
	if apiErr != nil {
		x.fail(ctx, apiErr)
		return
	}
	plain := make([]cache.Feedback, len(given))
	for i := range given {
		plain[i] = given[i].Feedback
	}
	var ids []cache.FeedbackID
	var err error
	var by cache.Digest
	for _, by = range x.speakers() {
		if ids, err = x.s.cfg.Cache.Feedback(x.s.ctx, by, plain...); !errors.Is(err, cache.ErrNotFound) {
			break
		}
	}
	if err == nil && x.s.requests != nil {
		caller := []requestlog.Caller{x.s.requests.CallerOf(by)}
		for i, id := range ids {
			x.s.requests.AddFeedback(given[i].TraceID, caller, given[i].entry(id))
		}
	}
	x.saidFeedback(ctx, ids, err)
}

func (x *exchange) amendFeedback(ctx *fasthttp.RequestCtx, name string) {
	id, err := cache.ParseFeedbackID(name)
	if err != nil {
		x.fail(ctx, unknownFeedback())
		return
	}
	f, apiErr := parseOneFeedback(ctx.PostBody(), "", false)
	if apiErr != nil {
		x.fail(ctx, apiErr)
		return
	}
	var by cache.Digest
	for _, by = range x.speakers() {
		if err = x.s.cfg.Cache.AmendFeedback(x.s.ctx, by, id, f.Value, f.Weight); !errors.Is(err, cache.ErrNotFound) {
			break
		}
	}
	if errors.Is(err, cache.ErrNotFound) {
		x.fail(ctx, unknownFeedback())
		return
	}
	if err == nil && x.s.requests != nil {
		x.s.requests.AmendFeedback([]requestlog.Caller{x.s.requests.CallerOf(by)}, f.entry(id))
	}
	x.saidFeedback(ctx, []cache.FeedbackID{id}, err)
}

// givenFeedback is one feedback as it came.
type givenFeedback struct {
	cache.Feedback
	metadata map[string]string // for the request log, the cache learns nothing from it
}

// entry is the feedback as the request log has it.
func (f *givenFeedback) entry(id cache.FeedbackID) requestlog.Feedback {
	return requestlog.Feedback{ID: id.String(), Value: f.Value, Weight: f.Weight, Time: time.Now(), Metadata: f.metadata}
}

const (
	maxFeedbackMetadata = 32 // names
	maxFeedbackValue    = 128
)

// feedbackMetadata reads what strings an object has. All else in it is nobody's business.
func feedbackMetadata(v jsontext.Value) map[string]string {
	var all map[string]any
	if json.Unmarshal(v, &all) != nil {
		return nil
	}
	out := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if s, ok := all[name].(string); ok && len(out) < maxFeedbackMetadata && len(name) <= maxFeedbackValue && len(s) <= maxFeedbackValue {
			out[name] = s
		}
	}
	return out
}

func unknownFeedback() *apiError {
	return &apiError{fasthttp.StatusNotFound, "invalid_request_error", "unknown_feedback", "id",
		"no feedback of this key has that id: use one of the feedback_ids that POST /v1/feedback answered with"}
}

func (x *exchange) saidFeedback(ctx *fasthttp.RequestCtx, ids []cache.FeedbackID, err error) {
	switch {
	case errors.Is(err, cache.ErrNotFound):
		x.fail(ctx, unknownTrace())
		return
	case err != nil: // what the client could have got wrong was checked before
		x.s.cfg.Logger.Error("feedback was not taken in", "trace", x.d.trace, "error", err)
		x.fail(ctx, internalError())
		return
	}
	x.status = fasthttp.StatusOK
	ctx.SetContentType("application/json")
	b := []byte(`{"status":"success","message":"feedback saved","feedback_ids":[`)
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendJSONString(b, id.String())
	}
	ctx.SetBody(append(b, "]}"...))
	ctx.Response.Header.SetCanonical(hTraceID, []byte(x.d.trace))
	x.log()
}

// parseFeedback reads the body of POST /v1/feedback: one object, or an array of them.
func parseFeedback(body []byte) ([]givenFeedback, *apiError) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || body[0] != '[' {
		f, err := parseOneFeedback(body, "", true)
		if err != nil {
			return nil, err
		}
		return []givenFeedback{f}, nil
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(body))
	var out []givenFeedback
	if _, err := d.ReadToken(); err != nil {
		return nil, feedbackSyntax(err)
	}
	for d.PeekKind() != jsontext.KindEndArray {
		v, err := d.ReadValue()
		if err != nil {
			return nil, feedbackSyntax(err)
		}
		if len(out) == maxFeedback {
			return nil, badRequest("too_many", "", "the list is longer than %d", maxFeedback)
		}
		f, apiErr := parseOneFeedback(v, "["+strconv.Itoa(len(out))+"].", true)
		if apiErr != nil {
			return nil, apiErr
		}
		out = append(out, f)
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, feedbackSyntax(err)
	}
	if len(bytes.TrimSpace(body[d.InputOffset():])) > 0 {
		return nil, badRequest("invalid_json", "", "something follows the JSON array")
	}
	if len(out) == 0 {
		return nil, badRequest("missing_field", "", "the list is empty: give at least one feedback")
	}
	return out, nil
}

func feedbackSyntax(err error) *apiError {
	return badRequest("invalid_json", "", "the body is not a JSON object or an array of them: %.200s", err)
}

// parseOneFeedback reads {trace_id, value, weight, metadata}. at is where it stands, for error messages.
func parseOneFeedback(body []byte, at string, traced bool) (f givenFeedback, apiErr *apiError) {
	f.Weight = 1
	d := jsontext.NewDecoder(bytes.NewBuffer(body))
	if t, err := d.ReadToken(); err != nil || t.Kind() != jsontext.KindBeginObject {
		return f, badRequest("invalid_json", strings.TrimSuffix(at, "."), "a feedback is a JSON object with trace_id, value and, if need be, weight and metadata")
	}
	var valued bool
	for d.PeekKind() != jsontext.KindEndObject {
		t, err := d.ReadToken()
		if err != nil {
			return f, feedbackSyntax(err)
		}
		name := t.String()
		v, err := d.ReadValue()
		if err != nil {
			return f, feedbackSyntax(err)
		}
		if v.Kind() == jsontext.KindNull {
			continue
		}
		switch name {
		case "trace_id", "traceID": // the second is what the JavaScript SDK calls it
			if f.TraceID, apiErr = feedbackTrace(v, at+name); apiErr != nil {
				return f, apiErr
			}
		case "value":
			n, err := strconv.ParseFloat(string(v), 64)
			if v.Kind() != jsontext.KindNumber || err != nil || n != float64(int(n)) || n < -10 || n > 10 {
				return f, badRequest("invalid_value", at+name, "%s%s is %s: give a whole number from -10 to 10", at, name, strict.ShownValue(v))
			}
			f.Value, valued = int(n), true
		case "weight":
			n, err := strconv.ParseFloat(string(v), 64)
			if v.Kind() != jsontext.KindNumber || err != nil || !(n >= 0 && n <= 1) {
				return f, badRequest("invalid_value", at+name, "%s%s is %s: give a number from 0 to 1", at, name, strict.ShownValue(v))
			}
			f.Weight = n
		case "metadata":
			if k := v.Kind(); k != jsontext.KindBeginObject && k != jsontext.KindString {
				return f, badRequest("invalid_value", at+name, "%s%s is %s: give an object", at, name, strict.ShownValue(v))
			}
			f.metadata = feedbackMetadata(v)
		default:
			return f, badRequest("unknown_field", at+shown(name), "unknown field %s%q: a feedback has trace_id, value, weight and metadata", at, shown(name))
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return f, feedbackSyntax(err)
	}
	if len(bytes.TrimSpace(body[d.InputOffset():])) > 0 {
		return f, badRequest("invalid_json", "", "something follows the JSON object")
	}
	if traced && f.TraceID == "" {
		return f, badRequest("missing_field", at+"trace_id", "%strace_id is missing: give the x-portkey-trace-id of the answer", at)
	}
	if !valued {
		return f, badRequest("missing_field", at+"value", "%svalue is missing: give a whole number from -10 to 10", at)
	}
	return f, nil
}

func feedbackTrace(v jsontext.Value, name string) (string, *apiError) {
	if v.Kind() == jsontext.KindString {
		if b, err := jsontext.AppendUnquote(nil, []byte(v)); err == nil && len(b) > 0 && len(b) <= maxTraceBytes {
			return string(b), nil
		}
	}
	return "", badRequest("invalid_value", name, "%s is %s: give a string of 1 to %d bytes", name, strict.ShownValue(v), maxTraceBytes)
}
