package proxy

import (
	"context"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/proxy/internal/keys"
	"github.com/reprise-cache/reprise/proxy/internal/requestlog"
)

// logRoutes are the rows of the admin API that read the request log.
func logRoutes() []adminRoute {
	return []adminRoute{
		{"GET", "logs", keys.Read, adminLogs},
		{"GET", "logs/export", keys.Read, adminLogsExport},
		{"GET", "traces/{id}", keys.Read, adminTrace},
		{"GET", "costs", keys.Read, adminCosts},
	}
}

// logPage is one page of records.
type logPage struct {
	Records []*requestlog.Record `json:"records"`
	Next    string               `json:"next_cursor,omitzero"` // "": there are no older ones
}

// freshWait is how long a reader waits for records that are on their way to the file.
const freshWait = 2 * time.Second

// reader returns what reads the log, in which all that was answered before is.
func (c *adminCall) reader() (*requestlog.Reader, *apiError) {
	l := c.x.s.requests
	if l == nil {
		return nil, &apiError{fasthttp.StatusNotFound, "invalid_request_error", "no_request_log", "",
			"this server keeps no request log: name a file for it with log.path"}
	}
	ctx, stop := context.WithTimeout(c.x.s.ctx, freshWait)
	defer stop()
	_ = l.Flush(ctx) // what is there is shown in any case
	return l.Reader(), nil
}

// query is the request's query string, which fasthttp's own arguments would show each name of once.
func (c *adminCall) query() (url.Values, *apiError) {
	q, err := url.ParseQuery(string(c.ctx.URI().QueryString()))
	if err != nil {
		return nil, badQuery()
	}
	return q, nil
}

func badQuery() *apiError {
	return badRequest("invalid_query", "", "the query string has an escape that is not valid")
}

// filter reads which records are wanted. Who may read at all may read all: no key with the scope is for certain namespaces only.
func (c *adminCall) filter() (requestlog.Filter, *apiError) {
	q, apiErr := c.query()
	if apiErr != nil {
		return requestlog.Filter{}, apiErr
	}
	f, err := requestlog.ParseFilter(q, time.Now())
	if err != nil {
		return f, queryError(err)
	}
	return f, nil
}

func queryError(err error) *apiError {
	var fe *requestlog.FilterError
	if errors.As(err, &fe) {
		return badRequest("invalid_parameter", fe.Param, "%s", fe.Error())
	}
	return internalError()
}

// logError is a failure of the log's own.
func (c *adminCall) logError(err error) *apiError {
	c.x.s.cfg.Logger.Error("the request log could not be read", "trace", c.x.d.trace, "error", err)
	return internalError()
}

func adminLogs(_ *Server, c *adminCall) *apiError {
	f, apiErr := c.filter()
	if apiErr != nil {
		return apiErr
	}
	r, apiErr := c.reader()
	if apiErr != nil {
		return apiErr
	}
	records, next, err := r.Page(f)
	if err != nil {
		return c.logError(err)
	}
	page := logPage{Records: records}
	if next != 0 {
		page.Next = next.String()
	}
	return c.reply(fasthttp.StatusOK, page)
}

// adminLogsExport streams all records that the filter wants, oldest first, a line of JSON each.
func adminLogsExport(_ *Server, c *adminCall) *apiError {
	f, apiErr := c.filter()
	if apiErr != nil {
		return apiErr
	}
	r, apiErr := c.reader()
	if apiErr != nil {
		return apiErr
	}
	c.stream("application/jsonl", func(w io.Writer) error { return writeRecords(w, r, f) })
	return nil
}

// writeRecords writes records as lines of JSON, oldest first.
func writeRecords(w io.Writer, r *requestlog.Reader, f requestlog.Filter) error {
	for rec, err := range r.All(f, false) {
		if err != nil {
			return err
		}
		line, err := json.Marshal(rec, json.Deterministic(true))
		if err == nil {
			_, err = w.Write(append(line, '\n'))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// maxTrace is how many records of one trace are shown.
const maxTrace = 1000

// traceView is what belongs to one trace, oldest first.
type traceView struct {
	TraceID string               `json:"trace_id"`
	Totals  requestlog.Totals    `json:"totals"`
	Records []*requestlog.Record `json:"records"`
	More    bool                 `json:"more,omitzero"` // there are later ones: ask /logs for them
}

func adminTrace(_ *Server, c *adminCall) *apiError {
	id := c.arg["id"]
	r, apiErr := c.reader()
	if apiErr != nil {
		return apiErr
	}
	v := traceView{TraceID: id}
	for rec, err := range r.All(requestlog.Filter{TraceID: id}, false) {
		if err != nil {
			return c.logError(err)
		}
		if len(v.Records) == maxTrace {
			v.More = true
			break
		}
		t := requestlog.Of(rec)
		v.Totals.Add(&t)
		v.Records = append(v.Records, rec)
	}
	if len(v.Records) == 0 {
		return &apiError{fasthttp.StatusNotFound, "invalid_request_error", "unknown_trace", "id", "no record is of that trace: it never was, or its records have made room for others"}
	}
	return c.reply(fasthttp.StatusOK, v)
}

// costView is what days cost, put together by one word.
type costView struct {
	GroupBy string            `json:"group_by"`
	Groups  []requestlog.Row  `json:"groups"`
	Totals  requestlog.Totals `json:"totals"`
}

func adminCosts(_ *Server, c *adminCall) *apiError {
	q, apiErr := c.query()
	if apiErr != nil {
		return apiErr
	}
	by, since, until, apiErr := costQuery(q, time.Now())
	if apiErr != nil {
		return apiErr
	}
	r, apiErr := c.reader()
	if apiErr != nil {
		return apiErr
	}
	rows, all, err := r.GroupCosts(by, since, until)
	if err != nil {
		return c.logError(err)
	}
	if rows == nil {
		rows = []requestlog.Row{}
	}
	return c.reply(fasthttp.StatusOK, costView{GroupBy: by, Groups: rows, Totals: all})
}

// costQuery reads group_by, since and until. Costs are kept by whole days (UTC): the first is that of since, the last one
// the day on which until falls, unless that is when it begins.
func costQuery(q url.Values, now time.Time) (by string, since, until time.Time, _ *apiError) {
	by = "namespace"
	rest := url.Values{}
	for name, v := range q {
		switch name {
		case "group_by":
			if len(v) != 1 || !slices.Contains(requestlog.Groups, v[0]) {
				return "", since, until, badRequest("invalid_parameter", name, "group_by is %q: use one of %s", shownWord(v[0]), strings.Join(requestlog.Groups, ", "))
			}
			by = v[0]
		case "since", "until":
			rest[name] = v
		default:
			return "", since, until, badRequest("invalid_parameter", "", "unknown parameter %q: use group_by, since, until", shown(name))
		}
	}
	f, err := requestlog.ParseFilter(rest, now)
	if err != nil {
		return "", since, until, queryError(err)
	}
	return by, f.Since, f.Until, nil
}
