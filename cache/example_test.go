package cache_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/embed"
)

// tempCache opens a cache in a folder of its own, for the examples.
func tempCache() (c *cache.Cache, done func()) {
	dir, err := os.MkdirTemp("", "reprise")
	if err != nil {
		log.Fatal(err)
	}
	model, err := embed.NewMiniLM()
	if err != nil {
		log.Fatal(err)
	}
	c, err = cache.Open(filepath.Join(dir, "answers.db"), cache.Options{Embedder: model})
	if err != nil {
		log.Fatal(err)
	}
	return c, func() {
		if err := c.Close(); err != nil {
			log.Fatal(err)
		}
		os.RemoveAll(dir)
	}
}

func question(text string) cache.Query {
	return cache.Query{Messages: []cache.Message{{Role: "user", Text: text}}}
}

// Do is all that most programs need: it looks, loads on a miss, and stores.
func ExampleCache_Do() {
	c, done := tempCache()
	defer done()
	load := func(ctx context.Context) (cache.Value, error) {
		fmt.Println("(asking the provider)")
		return cache.Value{Body: []byte("Yes, with the receipt.")}, nil
	}
	for _, text := range []string{
		"Can I return an item within 30 days?",
		"can i return an item within 30 days",
		"Can I return an item within 60 days?",
	} {
		r, err := c.Do(context.Background(), question(text), load)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%v, refused by: %q\n", r.Status, r.Lookup.Reason)
	}
	// Output:
	// (asking the provider)
	// miss, refused by: "empty"
	// semantic, refused by: ""
	// (asking the provider)
	// miss, refused by: "number"
}

// Lookup and Fill are for callers that stream: they decide in between when an answer is whole.
func ExampleLookup_Fill() {
	c, done := tempCache()
	defer done()
	ctx := context.Background()
	l := c.Lookup(ctx, question("What are your opening hours?"))
	fmt.Println(l.Status)
	// … the answer streams to the client, and has ended well:
	id, err := l.Fill(ctx, cache.Value{Body: []byte("Nine to five.")})
	if err != nil {
		log.Fatal(err)
	}
	e, err := c.Get(ctx, id)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(e.Text, string(e.Value.Body))
	// Output:
	// miss
	// What are your opening hours? Nine to five.
}

// The scope keeps answers apart that differ in anything outside the messages.
func ExampleHash() {
	c, done := tempCache()
	defer done()
	q := question("Tell me a joke")
	q.Scope = cache.Hash([]byte("model"), []byte("small"))
	if _, err := c.Put(context.Background(), q, cache.Value{Body: []byte("a small one")}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Lookup(context.Background(), q).Status)
	q.Scope = cache.Hash([]byte("model"), []byte("large"))
	fmt.Println(c.Lookup(context.Background(), q).Status)
	// Output:
	// exact
	// miss
}

// A chat may be worded otherwise, or hold small talk, and still be answered from the cache; what its last turn leans on must agree.
func ExampleConversation() {
	dir, err := os.MkdirTemp("", "reprise")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	model, err := embed.NewMiniLM()
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := embed.NewVerifier(model)
	if err != nil {
		log.Fatal(err)
	}
	c, err := cache.Open(filepath.Join(dir, "answers.db"), cache.Options{
		Embedder: model, Verifier: verifier, Conversation: cache.ConversationJudged,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	ctx := context.Background()
	chat := func(first string) cache.Query {
		return cache.Query{Messages: []cache.Message{
			{Role: "user", Text: first},
			{Role: "assistant", Text: "Yes, it keeps for three months."},
			{Role: "user", Text: "How do I thaw it?"},
		}}
	}
	if _, err := c.Put(ctx, chat("Can I freeze lentil soup?"), cache.Value{Body: []byte("Overnight in the fridge.")}); err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.Lookup(ctx, chat("Hi there! Can I freeze lentil soup? Thanks!")).Status)
	fmt.Println(c.Lookup(ctx, chat("Can I freeze the Berlin cake? Thanks!")).Status)
	// Output:
	// semantic
	// miss
}
