package proxy

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy/internal/requestlog"
)

// shownEntry is a stored answer as an operator sees it.
type shownEntry struct {
	Entry     string     `json:"entry"`
	Namespace string     `json:"namespace"`
	Question  string     `json:"question"`
	Answer    string     `json:"answer"` // the body
	Created   time.Time  `json:"created"`
	Expires   *time.Time `json:"expires,omitzero"`
}

// adminEntry shows an entry. It is a POST, for the scope admin: it hands out what was answered.
func adminEntry(s *Server, c *adminCall) *apiError {
	return s.withEntry(c, func(ctx context.Context, id cache.ID) (any, error) {
		e, err := s.cfg.Cache.Get(ctx, id)
		if err != nil {
			return nil, err
		}
		out := &shownEntry{id.String(), e.Namespace, e.Text, strings.ToValidUTF8(string(e.Value.Body), "\uFFFD"), e.Created.UTC(), nil}
		if !e.Expires.IsZero() {
			at := e.Expires.UTC()
			out.Expires = &at
		}
		return out, nil
	})
}

// adminDeleteEntry forgets an answer: whoever asks next pays for another.
func adminDeleteEntry(s *Server, c *adminCall) *apiError {
	return s.withEntry(c, func(ctx context.Context, id cache.ID) (any, error) { return nil, s.cfg.Cache.Delete(ctx, id) })
}

// judgements are the operator's verdicts by name.
var judgements = map[string]cache.Judgement{"right": cache.JudgedRight, "wrong": cache.JudgedWrong, "none": cache.NoJudgement}

// adminJudgeEntry takes an operator's verdict on an entry.
func adminJudgeEntry(s *Server, c *adminCall) *apiError {
	var in struct {
		Verdict string `json:"verdict"`
	}
	if err := c.read(&in); err != nil {
		return err
	}
	v, ok := judgements[in.Verdict]
	if !ok {
		return badRequest("invalid_value", "verdict", "verdict is %q: give right, wrong or none", shownWord(in.Verdict))
	}
	c.x.change = []requestlog.Change{did("verdict", in.Verdict)}
	return s.withEntry(c, func(ctx context.Context, id cache.ID) (any, error) { return nil, s.cfg.Cache.Judge(ctx, id, v) })
}

// adminPurge removes all entries of a namespace. Which one must be said, also where it is that without a name.
func adminPurge(s *Server, c *adminCall) *apiError {
	var in struct {
		Namespace *string `json:"namespace"`
	}
	if err := c.read(&in); err != nil {
		return err
	}
	switch {
	case s.cfg.Cache == nil:
		return noCacheHere()
	case in.Namespace == nil:
		return badRequest("missing_field", "namespace", `namespace is missing: name one, "" for requests that name none`)
	}
	n, err := s.cfg.Cache.Purge(s.ctx, *in.Namespace)
	switch {
	case errors.Is(err, cache.ErrInvalid):
		return badRequest("invalid_value", "namespace", "%v", err)
	case err != nil:
		s.cfg.Logger.Warn("a purge failed", "trace", c.x.d.trace, "error", err)
		return internalError()
	}
	c.x.change = []requestlog.Change{did("purged", *in.Namespace), did("removed", n)}
	return c.reply(fasthttp.StatusOK, struct {
		Removed int `json:"removed"`
	}{n})
}

// withEntry does something with the entry that the path names, and answers with what do returns; nil: with nothing.
func (s *Server) withEntry(c *adminCall, do func(context.Context, cache.ID) (any, error)) *apiError {
	if s.cfg.Cache == nil {
		return noCacheHere()
	}
	id, err := cache.ParseID(c.arg["id"])
	if err != nil {
		return badRequest("invalid_value", "id", "the id %q is not what x-reprise-entry says: 16 hex digits", shownWord(c.arg["id"]))
	}
	answer, err := do(s.ctx, id)
	switch {
	case errors.Is(err, cache.ErrNotFound):
		return &apiError{fasthttp.StatusNotFound, "invalid_request_error", "no_such_entry", "id", "there is no entry " + id.String() + ": it was replaced, has expired or made room"}
	case err != nil:
		s.cfg.Logger.Warn("an entry could not be worked on", "trace", c.x.d.trace, "error", err)
		return internalError()
	case answer == nil:
		return c.reply(fasthttp.StatusNoContent, nil)
	}
	return c.reply(fasthttp.StatusOK, answer)
}
