package proxy_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/sashabaranov/go-openai"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/proxy"
)

// A client of another library answers from the cache what it may. With an Embedder in the options, questions in other words
// are answered, too.
func ExampleNewTransport() {
	calls := 0
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hold the button for ten seconds."},"finish_reason":"stop"}]}`)
	}))
	defer provider.Close()

	dir, err := os.MkdirTemp("", "reprise")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	c, err := cache.Open(filepath.Join(dir, "answers.db"), cache.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	ctx := context.Background()
	t, err := proxy.NewTransport(c, nil, proxy.TransportOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer t.Close(ctx)

	config := openai.DefaultConfig("key")
	config.BaseURL = provider.URL + "/v1"
	config.HTTPClient = &http.Client{Transport: t}
	client := openai.NewClientWithConfig(config)
	for range 2 {
		resp, err := client.CreateChatCompletion(ctx, openai.ChatCompletionRequest{
			Model:    "m",
			Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "How do I reset my router?"}},
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s\n", resp.Header().Get("x-portkey-cache-status"), resp.Choices[0].Message.Content)
	}
	fmt.Println("calls:", calls)
	// Output:
	// MISS: Hold the button for ten seconds.
	// HIT: Hold the button for ten seconds.
	// calls: 1
}
