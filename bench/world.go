package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy"
)

// proxyWorld is the proxy with a cache that holds the questions, a provider behind
// it, and the bare handler beside it, all on loopback.
type proxyWorld struct {
	questions    []string
	exact        []byte // the request that is always an exact hit
	providerAddr string
	proxyAddr    string
	bareAddr     string
	bodyBytes    int

	closers []func() error // run last to first
}

// closeTime bounds how long a world takes to close.
const closeTime = 10 * time.Second

func newProxyWorld(ctx context.Context) (_ *proxyWorld, err error) {
	w := &proxyWorld{questions: questions()}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()

	// The budget is wide, because time is what is measured: every rewording goes all the way.
	server, err := w.start(answerChat, cache.Options{MaxError: 1})
	if err != nil {
		return nil, err
	}
	w.exact = chatRequest(w.proxyAddr, w.questions[0])
	if err := w.warm(ctx, server); err != nil {
		return nil, err
	}
	return w, w.serveBare()
}

// start starts a provider that answers, and the proxy before it with a cache that has the models in it and o's other
// settings. Requests that name no provider go to it; others are known by their names.
func (w *proxyWorld) start(answer http.HandlerFunc, o cache.Options, others ...proxy.Provider) (*proxy.Server, error) {
	provider, err := w.listen()
	if err != nil {
		return nil, err
	}
	w.providerAddr = provider.Addr().String()
	upstream := &http.Server{Handler: answer, ReadHeaderTimeout: closeTime}
	w.serve(func() error { return upstream.Serve(provider) }, upstream.Close)

	model, verifier, err := models()
	if err != nil {
		return nil, err
	}
	o.Embedder, o.Verifier = model, verifier
	store, done, err := openScratch(o)
	if err != nil {
		return nil, err
	}
	w.closers = append(w.closers, done)

	server, err := proxy.New(proxy.Config{
		Cache: store, Default: "bench",
		Providers: append([]proxy.Provider{{Name: "bench", BaseURL: "http://" + w.providerAddr + "/v1", APIKey: "bench"}}, others...),
	})
	if err != nil {
		return nil, err
	}
	front, err := w.listen()
	if err != nil {
		return nil, err
	}
	w.proxyAddr = front.Addr().String()
	w.serve(func() error { return server.Serve(front) }, func() error {
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		return server.Shutdown(ctx)
	})
	return server, nil
}

// reworded is the n-th request that only the semantic tier can answer.
func (w *proxyWorld) reworded(n int) []byte {
	return chatRequest(w.proxyAddr, rewording(w.questions, n))
}

// warm asks every question once and waits until the answers are stored.
func (w *proxyWorld) warm(ctx context.Context, server *proxy.Server) error {
	var next int
	var mu sync.Mutex // guards next
	warming, cancel := context.WithCancel(ctx)
	defer cancel()
	_, err := load{
		addr: w.proxyAddr, conns: 4, duration: time.Hour,
		request: func(int) []byte {
			mu.Lock()
			defer mu.Unlock()
			q := w.questions[min(next, len(w.questions)-1)]
			if next++; next == len(w.questions) {
				cancel() // the loop ends when this answer and those under way are in
			}
			return chatRequest(w.proxyAddr, q)
		},
	}.run(warming)
	if err != nil {
		return fmt.Errorf("bench: filling the cache: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return server.Flush(ctx)
}

// serveBare starts the handler that the ratios are taken against. It returns the
// body of a hit, and so exactly the bytes that the proxy does.
func (w *proxyWorld) serveBare() error {
	_, raw, _ := bytes.Cut(w.exact, headerEnd)
	resp, err := http.Post("http://"+w.proxyAddr+"/v1/chat/completions", "application/json", bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("bench: fetching a hit: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("bench: fetching a hit: %w", err)
	}
	if got := resp.Header.Get("X-Portkey-Cache-Status"); got != "HIT" {
		return fmt.Errorf("bench: a stored question has cache status %q, want HIT", got)
	}
	w.bodyBytes = len(body)

	ln, err := w.listen()
	if err != nil {
		return err
	}
	w.bareAddr = ln.Addr().String()
	bare := &fasthttp.Server{Handler: func(ctx *fasthttp.RequestCtx) {
		ctx.SetContentType("application/json")
		ctx.SetBody(body)
	}}
	w.serve(func() error { return bare.Serve(ln) }, bare.Shutdown)
	return nil
}

func (w *proxyWorld) listen() (net.Listener, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	return ln, nil
}

// serve runs a server until close stops it.
func (w *proxyWorld) serve(run, stop func() error) {
	served := make(chan error, 1)
	go func() { served <- run() }()
	w.closers = append(w.closers, func() error {
		err := stop()
		if e := <-served; e != nil && !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
		return err
	})
}

func (w *proxyWorld) close() error {
	var errs []error
	for i := len(w.closers) - 1; i >= 0; i-- {
		errs = append(errs, w.closers[i]())
	}
	w.closers = nil
	return errors.Join(errs...)
}

// answerChat is the provider: it answers any chat request at once, with as much
// text as a short answer has.
func answerChat(rw http.ResponseWriter, r *http.Request) {
	var req struct {
		Model    string `json:"model"`
		Messages []struct {
			Content string `json:"content"`
		} `json:"messages"`
	}
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil || len(req.Messages) == 0 {
		http.Error(rw, "not a chat request", http.StatusBadRequest)
		return
	}
	question := req.Messages[len(req.Messages)-1].Content
	rw.Header().Set("Content-Type", "application/json")
	json.NewEncoder(rw).Encode(map[string]any{ // a client that left is no concern here
		"id": "chatcmpl-bench", "object": "chat.completion", "created": 1700000000, "model": req.Model,
		"choices": []any{map[string]any{
			"index": 0, "finish_reason": "stop",
			"message": map[string]string{
				"role":    "assistant",
				"content": "You asked: " + question + " " + strings.Repeat("This is a sentence of an answer as long as answers are. ", 12),
			},
		}},
		"usage": map[string]int{"prompt_tokens": 40, "completion_tokens": 160, "total_tokens": 200},
	})
}
