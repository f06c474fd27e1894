package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/reprise-cache/reprise/cmd/internal/config"
	"github.com/reprise-cache/reprise/proxy"
)

type logsCmd struct {
	remoteFlags
	Filter []string `short:"f" sep:"none" placeholder:"NAME=VALUE" help:"Only records of which this holds: trace_id, user, status (404 or 5xx), cache_status, model, namespace, key, path, metadata.NAME, since, until (24h ago, or a time); changes=true for what the admin API changed; limit and cursor say which page. Repeatable."`
	Export bool     `help:"All of them, oldest first, as lines of JSON."`
}

// Run is called by kong. It reads the file that log.path names, or asks the server that has it open.
func (c *logsCmd) Run(ctx context.Context, h *host) error {
	query := url.Values{}
	for _, f := range c.Filter {
		name, value, ok := strings.Cut(f, "=")
		if !ok {
			return fmt.Errorf("%w: --filter %q: write NAME=VALUE, as status=5xx", config.ErrInvalid, f)
		}
		query.Add(name, value)
	}
	cfg, err := c.load(h)
	if err != nil {
		return err
	}
	server, err := c.server(cfg)
	if err != nil {
		return err
	}
	path := cfg.RequestLogPath()
	if server == nil && path == "" {
		return fmt.Errorf("%w: log.path is none: there is no request log to read", config.ErrInvalid)
	}
	if c.Export {
		return withLogRemedy(c.export(ctx, server, path, query, h.stdout))
	}
	var b bytes.Buffer
	if server == nil {
		err = proxy.ReadRequestLog(path, query, &b)
	} else {
		err = server.fetch(ctx, "logs?"+query.Encode(), &b)
	}
	if err != nil {
		return withLogRemedy(err)
	}
	return printLogs(h.stdout, b.Bytes())
}

func (c *logsCmd) export(ctx context.Context, server *remote, path string, query url.Values, w io.Writer) error {
	if server != nil {
		return server.fetch(ctx, "logs/export?"+query.Encode(), w)
	}
	return buffered(w, func(w io.Writer) error { return proxy.ExportRequestLog(path, query, w) })
}

// withLogRemedy adds the way out, in this program's own flags.
func withLogRemedy(err error) error {
	if errors.Is(err, proxy.ErrRequestLogBusy) {
		return fmt.Errorf("%w (ask the server that has it with --url)", err)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w (a server makes it, beside its cache's file: name that by --db, or the log by --set log.path=FILE)", err)
	}
	return err
}

// logLine is what the table shows of a record.
type logLine struct {
	Time     time.Time   `json:"time"`
	TraceID  string      `json:"trace_id"`
	Status   int         `json:"status"`
	Cache    string      `json:"cache_status"`
	Model    string      `json:"model"`
	Path     string      `json:"path"`
	Reason   string      `json:"reason"`
	Entry    string      `json:"entry"`
	Error    string      `json:"error"`
	Latency  float64     `json:"latency_ms"`
	Cost     json.Number `json:"cost_usd"`
	Saved    json.Number `json:"saved_usd"`
	Feedback []struct {
		Value int `json:"value"`
	} `json:"feedback"`

	Method string `json:"method"` // of what the admin API changed
	Key    string `json:"key"`
	Change []struct {
		Field string          `json:"field"`
		From  json.RawMessage `json:"from"`
		To    json.RawMessage `json:"to"`
	} `json:"change"`
}

// printLogs writes a page as a table, newest first.
func printLogs(w io.Writer, page []byte) error {
	var p struct {
		Records []logLine `json:"records"`
		Next    string    `json:"next_cursor"`
	}
	if err := json.Unmarshal(page, &p); err != nil {
		return fmt.Errorf("the page of records is no JSON: %w", err)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "TIME\tSTATUS\tCACHE\tMS\tCOST\tSAVED\tMODEL\tTRACE\tNOTE")
	for _, r := range p.Records {
		notes := []string{r.Error, r.Reason}
		if r.Entry != "" {
			notes = append(notes, "entry "+r.Entry)
		}
		for _, f := range r.Feedback {
			notes = append(notes, fmt.Sprintf("feedback %+d", f.Value))
		}
		if strings.HasPrefix(r.Path, "/admin/") {
			notes = append(notes, r.Method+" by "+printable(r.Key))
		}
		for _, c := range r.Change {
			notes = append(notes, printable(fmt.Sprintf("%s %s -> %s", c.Field, cmp.Or(string(c.From), "none"), cmp.Or(string(c.To), "none"))))
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.Time.Local().Format(time.DateTime), r.Status, cmp.Or(r.Cache, "-"), strconv.FormatFloat(r.Latency, 'f', 1, 64),
			dollars(r.Cost), dollars(r.Saved), printable(cmp.Or(r.Model, r.Path)), printable(r.TraceID), strings.TrimSpace(strings.Join(notes, " ")))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if p.Next != "" {
		_, err := fmt.Fprintf(w, "older ones: --filter cursor=%s\n", p.Next)
		return err
	}
	return nil
}

func dollars(n json.Number) string {
	if n == "" {
		return "-"
	}
	return "$" + n.String()
}

// printable keeps what callers wrote from steering a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
