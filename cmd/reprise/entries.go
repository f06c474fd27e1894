package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/config"
)

// entriesCmd is what an operator does about single answers.
type entriesCmd struct {
	Show   entriesShowCmd   `cmd:"" help:"Show a stored question and its answer."`
	Judge  entriesJudgeCmd  `cmd:"" help:"Say whether an answer may be served to other questions than its own, whatever users said."`
	Delete entriesDeleteCmd `cmd:"" help:"Forget an answer: it is bought anew when it is asked for."`
	Purge  entriesPurgeCmd  `cmd:"" help:"Forget all answers of a namespace."`
}

// entryFlags name an entry, in a file or of a server.
type entryFlags struct {
	remoteFlags
	ID string `arg:"" name:"id" help:"What x-reprise-entry, and entry in the request log, call it: 16 hex digits."`
}

// with does something about the entry, through the server or else in the file.
func (f *entryFlags) with(h *host, there func(*remote, string) error, here func(*cache.Cache, cache.ID) error) error {
	id, err := cache.ParseID(f.ID)
	if err != nil {
		return fmt.Errorf("%w: %w", config.ErrInvalid, err)
	}
	return f.either(h, func(r *remote) error { return there(r, "entries/"+id.String()) }, func(c *cache.Cache) error { return here(c, id) })
}

// either works through the server that --url names, or on the file.
func (f *remoteFlags) either(h *host, there func(*remote) error, here func(*cache.Cache) error) error {
	cfg, err := f.load(h)
	if err != nil {
		return err
	}
	server, err := f.server(cfg)
	if err != nil {
		return err
	}
	if server != nil {
		return there(server)
	}
	opened, err := openPlain(cfg.DB)
	if err != nil {
		return err
	}
	return errors.Join(here(opened), opened.Close())
}

type entriesShowCmd struct{ entryFlags }

// Run is called by kong.
func (c *entriesShowCmd) Run(ctx context.Context, h *host) error {
	show := func(namespace, question, answer string, created time.Time) error {
		_, err := fmt.Fprintf(h.stdout, "entry      %s\nnamespace  %q\ncreated    %s\nquestion   %s\nanswer     %s\n",
			c.ID, namespace, created.Local().Format(time.DateTime), excerptOf(question, 2000), excerptOf(answer, 4000))
		return err
	}
	return c.with(h, func(r *remote, path string) error {
		var e struct {
			Namespace, Question, Answer string
			Created                     time.Time
		}
		if err := r.post(ctx, path+"/show", nil, &e); err != nil {
			return err
		}
		return show(e.Namespace, e.Question, answerText([]byte(e.Answer)), e.Created)
	}, func(opened *cache.Cache, id cache.ID) error {
		e, err := opened.Get(ctx, id)
		if err != nil {
			return err
		}
		return show(e.Namespace, e.Text, answerText(e.Value.Body), e.Created)
	})
}

type entriesJudgeCmd struct {
	entryFlags
	Verdict string `arg:"" enum:"right,wrong,none" help:"right: it serves rewordings, and feedback cannot demote it. wrong: only the very same question gets it. none: take the verdict back."`
}

// Run is called by kong.
func (c *entriesJudgeCmd) Run(ctx context.Context, h *host) error {
	return c.with(h, func(r *remote, path string) error {
		body, err := json.Marshal(map[string]string{"verdict": c.Verdict})
		if err != nil {
			return err
		}
		return r.tell(ctx, http.MethodPost, path+"/judge", body)
	}, func(opened *cache.Cache, id cache.ID) error {
		return opened.Judge(ctx, id, map[string]cache.Judgement{"right": cache.JudgedRight, "wrong": cache.JudgedWrong}[c.Verdict])
	})
}

type entriesDeleteCmd struct{ entryFlags }

// Run is called by kong.
func (c *entriesDeleteCmd) Run(ctx context.Context, h *host) error {
	return c.with(h, func(r *remote, path string) error { return r.tell(ctx, http.MethodDelete, path, nil) },
		func(opened *cache.Cache, id cache.ID) error { return opened.Delete(ctx, id) })
}

type entriesPurgeCmd struct {
	remoteFlags
	Namespace string `arg:"" help:"Whose; \"\" is that of requests which name none."`
}

// Run is called by kong.
func (c *entriesPurgeCmd) Run(ctx context.Context, h *host) error {
	var said struct{ Removed int }
	err := c.either(h, func(r *remote) error {
		body, err := json.Marshal(map[string]string{"namespace": c.Namespace})
		if err != nil {
			return err
		}
		return r.post(ctx, "purge", body, &said)
	}, func(opened *cache.Cache) (err error) {
		said.Removed, err = opened.Purge(ctx, c.Namespace)
		return err
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(h.stdout, "%d removed\n", said.Removed)
	return err
}

// tell calls and expects nothing back.
func (r *remote) tell(ctx context.Context, method, path string, body []byte) error {
	resp, err := r.do(ctx, method, path, body)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return errors.Join(err, resp.Body.Close())
}
