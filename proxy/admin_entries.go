package proxy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/requestlog"
)

// adminExport streams every entry as a line of JSON. It is a POST, for the scope admin: it hands out all that was ever answered.
func adminExport(s *Server, c *adminCall) *apiError {
	if s.cfg.Cache == nil {
		return noCacheHere()
	}
	c.stream("application/jsonl", func(w io.Writer) error {
		return s.cfg.Cache.Export(s.ctx, func(r *cache.Record) error {
			line, err := r.MarshalJSON()
			if err == nil {
				_, err = w.Write(append(line, '\n'))
			}
			return err
		})
	})
	return nil
}

// adminBackup streams a copy of the cache's file as of one moment.
func adminBackup(s *Server, c *adminCall) *apiError {
	if s.cfg.Cache == nil {
		return noCacheHere()
	}
	c.stream("application/octet-stream", func(w io.Writer) error {
		_, err := s.cfg.Cache.Backup(s.ctx, w)
		return err
	})
	return nil
}

// adminCompact makes the cache's file small, and answers when that is done.
func adminCompact(s *Server, c *adminCall) *apiError {
	if s.cfg.Cache == nil {
		return noCacheHere()
	}
	before, after, err := s.cfg.Cache.Compact(s.ctx, nil)
	if err != nil {
		s.cfg.Logger.Warn("a compaction failed", "trace", c.x.d.trace, "error", err)
		return compactError(err)
	}
	return c.reply(fasthttp.StatusOK, struct {
		Before int64 `json:"before"`
		After  int64 `json:"after"`
	}{before, after})
}

// compactError is why a compaction failed, as the operator is told it.
func compactError(err error) *apiError {
	switch {
	case errors.Is(err, cache.ErrBusy):
		return &apiError{fasthttp.StatusConflict, "invalid_request_error", "busy", "", "a compaction is under way already: wait for its end"}
	case errors.Is(err, cache.ErrFull):
		return &apiError{fasthttp.StatusInsufficientStorage, "server_error", "no_room", "", "the disk has no room for the new file beside the old one"}
	case errors.Is(err, errors.ErrUnsupported):
		return unsupported(err)
	}
	return internalError()
}

// unsupported is what the server's system cannot do.
func unsupported(err error) *apiError {
	return &apiError{fasthttp.StatusNotImplemented, "server_error", "unsupported", "", err.Error()}
}

// stream answers with what write writes, as it comes. Where write fails, the connection ends before the answer does, so that no
// half one is taken for a whole.
func (c *adminCall) stream(contentType string, write func(io.Writer) error) {
	r, w := io.Pipe()
	log, trace := c.x.s.cfg.Logger, c.x.d.trace
	go func() {
		b := bufio.NewWriterSize(w, 64<<10)
		err := guarded(log, trace, func() error { return write(b) })
		if err == nil {
			err = b.Flush()
		}
		if err != nil {
			log.Warn("an answer of the admin API broke off", "trace", trace, "error", err)
		}
		_ = w.CloseWithError(err) // never fails
	}()
	c.ctx.SetContentType(contentType)
	c.ctx.SetBodyStream(r, -1) // closes r when the client is gone, and with it the writing
}

// guarded runs what is on a goroutine of its own, where a panic would end the process.
func guarded(log *slog.Logger, trace string, do func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			log.Error("panic", "trace", trace, "value", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	return do()
}

func noCacheHere() *apiError {
	return badRequest("no_cache", "", "this server runs without a cache")
}

// importSaid is what became of the lines of an import.
type importSaid struct {
	Stored  int       `json:"stored"`
	Skipped int       `json:"skipped"`
	Bad     []badLine `json:"bad,omitzero"`
}

// badLine is a line that cannot be stored as it is.
type badLine struct {
	Line    int    `json:"line"` // of the body, from 1
	Message string `json:"message"`
}

// mostBadLines bounds how many are listed: a body with so many is none of entries.
const mostBadLines = 10_000

// adminImport stores the entries that the body's lines hold. Those before a bad one are stored; with bad=skip those after it are, too,
// and the answer lists the bad ones.
func adminImport(s *Server, c *adminCall) *apiError {
	if s.cfg.Cache == nil {
		return noCacheHere()
	}
	skip := false
	switch v := string(c.ctx.QueryArgs().Peek("bad")); v {
	case "", "stop":
	case "skip":
		skip = true
	default:
		return badRequest("invalid_value", "bad", "bad is %q: write stop or skip, or leave it out", shown(v))
	}
	var said importSaid
	defer func() { c.x.change = []requestlog.Change{did("stored", said.Stored)} }() // also of one that breaks off
	at := 0
	for line := range bytes.Lines(c.ctx.PostBody()) {
		at++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		var r cache.Record
		err := r.UnmarshalJSON(line)
		var done bool
		if err == nil {
			done, err = s.cfg.Cache.Import(s.ctx, &r)
		}
		isBad := errors.Is(err, cache.ErrInvalid) || errors.Is(err, cache.ErrTooLarge)
		switch {
		case isBad && skip && len(said.Bad) < mostBadLines:
			said.Bad = append(said.Bad, badLine{at, err.Error()})
		case isBad:
			return badRequest("invalid_entry", "", "line %d: %v (%d lines before it are stored)", at, err, said.Stored)
		case errors.Is(err, context.Canceled) && s.ctx.Err() != nil:
			return &apiError{fasthttp.StatusServiceUnavailable, "server_error", "shutting_down", "",
				fmt.Sprintf("the gateway is shutting down: %d lines before line %d are stored, and none from there on; send them again", said.Stored, at)}
		case err != nil:
			s.cfg.Logger.Warn("an import failed", "trace", c.x.d.trace, "error", err)
			return internalError()
		case done:
			said.Stored++
		default:
			said.Skipped++
		}
	}
	return c.reply(fasthttp.StatusOK, said)
}
