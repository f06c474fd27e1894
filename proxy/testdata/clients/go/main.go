// Command go drives a running gateway through the Go clients of OpenAI's and Anthropic's APIs. It prints "ok NAME" or
// "FAIL NAME: why" for each case, as the other drivers do. The environment names the black-box provider's address
// (BLACKBOX_CONTROL).
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

const (
	prompt  = "What does the warranty cover?"
	patient = 30 * time.Second
)

// client is a row of the run's closing table.
type client struct {
	module string // of its package, for the version
	what   string // after the version: which of its APIs
	// ask returns the pieces of an answer's text, one where it is not streamed, and its tool calls.
	ask func(ctx context.Context, model string, stream, tools bool) ([]string, []toolCall, error)
	// status is what the client's own error says; 0 of an error that is not its own.
	status func(error) int
}

type toolCall struct {
	name, arguments string
}

var toolNames = []string{"get_weather", "get_time"}

func main() {
	failed := false
	for _, c := range []client{goOpenAI, openaiChat, openaiResponses, anthropicMessages} {
		for _, column := range []struct {
			name string
			run  func(context.Context) error
		}{{"plain", c.plain}, {"stream", c.stream}, {"tools", c.tools}, {"errors", c.errors}, {"hit", c.hit}} {
			name := fmt.Sprintf("table: %s: %s", c.name(), column.name)
			if words := os.Args[1:]; len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return strings.Contains(name, w) }) {
				continue
			}
			ctx, cancel := context.WithTimeout(context.Background(), patient)
			if err := column.run(ctx); err != nil {
				failed = true
				fmt.Printf("FAIL %s: %.600s\n", name, strings.ReplaceAll(err.Error(), "\n", " "))
			} else {
				fmt.Printf("ok %s\n", name)
			}
			cancel()
		}
	}
	if failed {
		os.Exit(1)
	}
}

func (c client) name() string {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if m.Path == c.module {
			path := strings.Split(strings.TrimPrefix(m.Path, "github.com/"), "/")
			return fmt.Sprintf("%s %s (Go)%s", path[1], strings.TrimPrefix(m.Version, "v"), c.what)
		}
	}
	return c.module + c.what
}

func (c client) text(ctx context.Context, model string, stream bool) (string, error) {
	pieces, _, err := c.ask(ctx, model, stream, false)
	return strings.Join(pieces, ""), err
}

func (c client) plain(ctx context.Context) error {
	pieces, called, err := c.ask(ctx, fresh("plain"), false, false)
	if err != nil {
		return err
	}
	if len(pieces) != 1 || !strings.HasPrefix(pieces[0], "Call 1") || len(called) > 0 {
		return fmt.Errorf("answer %q, calls %v", pieces, called)
	}
	return nil
}

func (c client) stream(ctx context.Context) error {
	model := fresh("plain")
	pieces, _, err := c.ask(ctx, model, true, false)
	if err != nil {
		return err
	}
	if len(pieces) < 2 || !strings.HasPrefix(strings.Join(pieces, ""), "Call 1") {
		return fmt.Errorf("pieces %q", pieces)
	}
	seen, err := state(ctx, model)
	if err == nil && seen.Finished != 1 {
		err = fmt.Errorf("the provider finished %d streams, want 1", seen.Finished)
	}
	return err
}

func (c client) tools(ctx context.Context) error {
	for _, stream := range []bool{false, true} {
		_, called, err := c.ask(ctx, fresh("plain"), stream, true)
		if err != nil {
			return err
		}
		var names []string
		for _, call := range called {
			names = append(names, call.name)
		}
		if !slices.Equal(names, toolNames) {
			return fmt.Errorf("stream=%v: calls of %v, want %v", stream, names, toolNames)
		}
		var arguments map[string]string
		if err := json.Unmarshal([]byte(called[0].arguments), &arguments); err != nil {
			return fmt.Errorf("stream=%v: arguments %q: %w", stream, called[0].arguments, err)
		}
		if want := map[string]string{"city": "Zürich", "unit": "celsius"}; !reflect.DeepEqual(arguments, want) {
			return fmt.Errorf("stream=%v: arguments %v, want %v", stream, arguments, want)
		}
	}
	return nil
}

func (c client) errors(ctx context.Context) error {
	for kind, want := range map[string]int{"e429": 429, "e500": 500, "e400": 400} {
		for _, stream := range []bool{false, true} {
			_, _, err := c.ask(ctx, fresh(kind), stream, false)
			if err == nil {
				return fmt.Errorf("%s, stream=%v: no error", kind, stream)
			}
			if got := c.status(err); got != want {
				return fmt.Errorf("%s, stream=%v: the client's own error has status %d, want %d: %w", kind, stream, got, want, err)
			}
		}
	}
	return nil
}

func (c client) hit(ctx context.Context) error {
	for _, stored := range []bool{false, true} {
		model := fresh("plain")
		first, err := c.text(ctx, model, stored)
		if err != nil {
			return err
		}
		for _, stream := range []bool{stored, !stored} {
			again, err := c.text(ctx, model, stream)
			if err != nil {
				return err
			}
			if again != first {
				return fmt.Errorf("stored with stream=%v, asked with stream=%v: got %q, want %q", stored, stream, again, first)
			}
		}
		seen, err := state(ctx, model)
		if err != nil {
			return err
		}
		if seen.Calls != 1 {
			return fmt.Errorf("stored with stream=%v: %d calls, want 1", stored, seen.Calls)
		}
	}
	return nil
}

var made int

func fresh(kind string) string {
	made++
	return fmt.Sprintf("%s--go-%d", kind, made)
}

// seen is what the provider knows of one model.
type seen struct {
	Calls    int    `json:"calls"`
	Finished int    `json:"finished"`
	URL      string `json:"url"` // of the gateway, where that was asked for
}

func state(ctx context.Context, model string) (seen, error) { return control(ctx, "state", model) }

func control(ctx context.Context, path, model string) (s seen, err error) {
	at := os.Getenv("BLACKBOX_CONTROL") + "/control/" + path + "?" + url.Values{"model": {model}}.Encode()
	req, err := http.NewRequestWithContext(ctx, "GET", at, nil)
	if err != nil {
		return s, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return s, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return s, fmt.Errorf("control %s: %s", path, resp.Status)
	}
	return s, json.NewDecoder(resp.Body).Decode(&s)
}

// gateway is its base URL, without the version.
func gateway(ctx context.Context) (string, error) {
	s, err := control(ctx, "gateway/url", "")
	if err == nil && s.URL == "" {
		err = errors.New("control: the gateway has no address")
	}
	return s.URL, err
}

// simple asks for the exact tier.
type simple struct{ next http.RoundTripper }

// RoundTrip adds the header.
func (s simple) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("x-portkey-cache", "simple")
	return s.next.RoundTrip(r)
}

var httpClient = &http.Client{Transport: simple{http.DefaultTransport}}
