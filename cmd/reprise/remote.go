package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/reprise-cache/reprise/cmd/internal/config"
)

// remoteFlags are those of commands that work on a file or, with --url, through the server that has it open.
type remoteFlags struct {
	settingFlags
	urlFlag
}

// urlFlag names a server whose admin API does what the command is about.
type urlFlag struct {
	URL string `name:"url" placeholder:"URL" help:"A running server, which has the file open, as http://127.0.0.1:8080. Its admin API is used, with admin.token from the environment (REPRISE_ADMIN_TOKEN) or the configuration."`
}

// remote is a server's admin API.
type remote struct {
	base, token string
}

// server is the server that --url names; nil: none.
func (f *urlFlag) server(cfg *config.Config) (*remote, error) {
	if f.URL == "" {
		return nil, nil
	}
	u, err := url.Parse(f.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%w: --url %q: give the server's address, as http://127.0.0.1:8080", config.ErrInvalid, f.URL)
	}
	if cfg.Admin.Token == "" {
		return nil, fmt.Errorf("%w: --url needs the operator's token: set REPRISE_ADMIN_TOKEN to what the server has as admin.token", config.ErrInvalid)
	}
	// What clients are given ends in /v1, below which all that is not the server's own goes to a provider.
	u.Path = strings.TrimSuffix(strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/v1"), "/admin")
	return &remote{base: u.JoinPath("admin", "v1").String() + "/", token: cfg.Admin.Token}, nil
}

// adminClient follows nobody elsewhere: the API never redirects, and a page to log in on is no answer.
var adminClient = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// answerMark is a header that each answer of the server has.
const answerMark = "X-Portkey-Trace-Id"

// refusal is an answer of the server's that is not a good one.
type refusal struct {
	status int
	text   string
}

func (e *refusal) Error() string { return e.text }

// call posts to the admin API. The caller closes the answer's body, which is a good one.
func (r *remote) call(ctx context.Context, path string, body []byte) (*http.Response, error) {
	return r.do(ctx, http.MethodPost, path, body)
}

// fetch copies what a GET answers.
func (r *remote) fetch(ctx context.Context, path string, w io.Writer) error {
	resp, err := r.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(w, resp.Body)
	return err
}

// staysPut reports whether a server that resolves the path comes to no other endpoint than the one that it is of: what was
// escaped has no slash, and no segment leads up.
func staysPut(path string) bool {
	path, _, _ = strings.Cut(path, "?")
	plain, err := url.PathUnescape(path)
	if err != nil || strings.Count(plain, "/") != strings.Count(path, "/") {
		return false
	}
	for segment := range strings.SplitSeq(plain, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

// do is call with any method. A server's refusal is a *refusal.
func (r *remote) do(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	if !staysPut(path) {
		return nil, fmt.Errorf("%w: an id or a name is no path: it has no slash, and is not a dot or two", config.ErrInvalid)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	resp, err := adminClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w (is a server running there? it says when it starts which address it is serving)", err)
	}
	ours := resp.Header.Get(answerMark) != ""
	if ours && resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close()
	if !ours {
		return nil, fmt.Errorf("%s: what answers there, with %s, is not Reprise: give --url the address that the server says it is serving", r.base, resp.Status)
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // what there is of it is told
	var said struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	message := excerptOf(string(text), 200)
	if json.Unmarshal(text, &said) == nil && said.Error.Message != "" {
		message = said.Error.Message
	}
	return nil, &refusal{resp.StatusCode, fmt.Sprintf("%s: %s: %s", r.base, resp.Status, message)}
}

// post calls and decodes the JSON that comes back.
func (r *remote) post(ctx context.Context, path string, body []byte, into any) error {
	resp, err := r.call(ctx, path, body)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		return fmt.Errorf("%s%s: the answer is no JSON: %w", r.base, path, err)
	}
	return nil
}
