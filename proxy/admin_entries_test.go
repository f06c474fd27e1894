package proxy

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
)

// TestAdminEntries copies what a cache has while it is served from, in both ways, and makes its file small.
func TestAdminEntries(t *testing.T) {
	r := newRig(t, answerWith("an answer"), withOperator)
	r.ask("a question", "")
	r.flush()
	admin := func(path, body string, want int, part string) reply {
		t.Helper()
		a := r.do("POST", "/admin/v1/"+path, body, bearerOf(operator)...)
		if a.StatusCode != want || a.err != nil || !strings.Contains(a.body, part) {
			t.Fatalf("%s: %d %s, %v", path, a.StatusCode, a.body, a.err)
		}
		return a
	}
	lines := admin("entries/export", "", 200, "a question").body
	if strings.Count(lines, "\n") != 1 {
		t.Errorf("exported %s", lines)
	}
	admin("entries", lines+"\n"+lines, 200, `"stored":0`)
	admin("entries", lines+"{}\n", 400, "line 2")
	admin("entries?bad=stop", lines+"{}\n", 400, "line 2")
	admin("entries?bad=none", lines, 400, `"param":"bad"`)
	other := strings.Replace(lines, `"key":"`, `"key":"0123`, 1)
	other = other[:len(`{"key":"`)+64] + other[len(`{"key":"`)+68:] // another question's
	if a := admin("entries?bad=skip", lines+"\n{}\n"+other+"nonsense\n", 200, `"stored":1,"skipped":1`); !strings.Contains(a.body, `"line":3,`) || !strings.Contains(a.body, `"line":5,`) || strings.Count(a.body, `"message":`) != 2 {
		t.Errorf("bad lines are passed over: %s", a.body)
	}
	admin("entries?bad=skip", strings.Repeat("x\n", mostBadLines+1), 400, "line 10001")
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(path, []byte(admin("backup", "", 200, "").body), 0o600); err != nil {
		t.Fatal(err)
	}
	admin("compact", "", 200, `"after":`)
	c, err := cache.Open(path, cache.Options{Embedder: &words{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	again := newRig(t, answerWith("another"), withOperator, func(cfg *Config) { cfg.Cache = c })
	if a := again.do("POST", "/admin/v1/entries", lines, bearerOf(operator)...); a.StatusCode != 200 || !strings.Contains(a.body, `"skipped":1`) {
		t.Errorf("what the copy has already: %d %s", a.StatusCode, a.body)
	}
	bare := newRig(t, answerWith("x"), withOperator, func(cfg *Config) { cfg.Cache = nil })
	for _, path := range []string{"entries", "entries/export", "backup", "compact"} {
		if a := bare.do("POST", "/admin/v1/"+path, "", bearerOf(operator)...); a.StatusCode != 400 || !strings.Contains(a.body, "no_cache") {
			t.Errorf("%s without a cache: %d %s", path, a.StatusCode, a.body)
		}
	}
}

// TestStreamPanics holds that a fault of ours in what streams an answer breaks that answer off, and costs the process nothing.
func TestStreamPanics(t *testing.T) {
	r := newRig(t, answerWith("x"))
	ctx := &fasthttp.RequestCtx{}
	c := &adminCall{ctx: ctx, x: &exchange{s: r.s}}
	c.stream("text/plain", func(w io.Writer) error { panic("a fault") })
	if _, err := io.ReadAll(ctx.Response.BodyStream()); !errors.Is(err, errPanic) {
		t.Errorf("the answer ends with %v", err)
	}
	if log := r.log.String(); !strings.Contains(log, "a fault") {
		t.Errorf("the log has nothing of it: %s", log)
	}
}

// TestImportIntoAStoppingServer holds that lines which a server has no time for are not told of as left out for being known already.
func TestImportIntoAStoppingServer(t *testing.T) {
	r := newRig(t, answerWith("x"))
	r.ask("how do I reset the old phone", "")
	r.flush()
	var line []byte
	if err := r.cache.Export(t.Context(), func(rec *cache.Record) (err error) {
		line, err = rec.MarshalJSON()
		return err
	}); err != nil || line == nil {
		t.Fatal(string(line), err)
	}
	if err := r.s.Shutdown(bounded(t)); err != nil {
		t.Fatal(err)
	}
	ctx := &fasthttp.RequestCtx{}
	ctx.Request.SetBody(append(append(line, '\n'), line...))
	err := adminImport(r.s, &adminCall{ctx: ctx, x: &exchange{s: r.s}})
	if err == nil || err.status != fasthttp.StatusServiceUnavailable || !strings.Contains(err.message, "0 lines before line 1") {
		t.Errorf("got %+v, answered %s", err, ctx.Response.Body())
	}
}
