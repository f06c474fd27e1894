package proxy

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/reprise-cache/reprise/proxy/internal/requestlog"
)

// ErrRequestLogBusy: a server, whose admin API shows it, or a Transport has the request log open.
var ErrRequestLogBusy = requestlog.ErrBusy

// openRequestLog opens what RequestLog names; nil: nothing.
func (c *Config) openRequestLog() (*requestlog.Log, error) {
	l := c.RequestLog
	if l.Path == "" {
		return nil, nil
	}
	opened, err := requestlog.Open(l.Path, requestlog.Options{MaxBytes: l.MaxBytes, MaxAge: l.MaxAge, Queue: l.Queue, Logger: c.Logger})
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	return opened, nil
}

// ReadRequestLog writes what GET /admin/v1/logs answers, from the file of a request log that no server and no Transport has
// open. query has the same parameters.
func ReadRequestLog(path string, query url.Values, w io.Writer) error {
	return withRequestLog(path, query, func(r *requestlog.Reader, f requestlog.Filter) error {
		records, next, err := r.Page(f)
		if err != nil {
			return err
		}
		page := logPage{Records: records}
		if next != 0 {
			page.Next = next.String()
		}
		b, err := json.Marshal(page, json.Deterministic(true))
		if err == nil {
			_, err = w.Write(append(b, '\n'))
		}
		return err
	})
}

// ExportRequestLog writes what GET /admin/v1/logs/export answers, as ReadRequestLog does.
func ExportRequestLog(path string, query url.Values, w io.Writer) error {
	return withRequestLog(path, query, func(r *requestlog.Reader, f requestlog.Filter) error { return writeRecords(w, r, f) })
}

func withRequestLog(path string, query url.Values, use func(*requestlog.Reader, requestlog.Filter) error) error {
	f, err := requestlog.ParseFilter(query, time.Now())
	if err != nil {
		return err
	}
	r, err := requestlog.OpenReader(path)
	if err != nil {
		return err
	}
	return errors.Join(use(r, f), r.Close())
}
