package embed_test

import (
	"context"
	"fmt"

	"github.com/reprise-cache/reprise/embed"
)

func ExampleMiniLM() {
	m, err := embed.NewMiniLM()
	if err != nil {
		panic(err)
	}
	v, err := m.Embed(context.Background(), []string{
		"How do I reset my password?",
		"I forgot my password, how can I get a new one?",
		"How do I boil an egg?",
	})
	if err != nil {
		panic(err)
	}
	// The vectors have length 1, so their cosine is their dot product.
	cosine := func(a, b []float32) (sum float32) {
		for i := range a {
			sum += a[i] * b[i]
		}
		return sum
	}
	fmt.Println(m.Dim(), "dimensions")
	fmt.Println("in other words:", cosine(v[0], v[1]) > 0.7)
	fmt.Println("another matter:", cosine(v[0], v[2]) > 0.7)
	// Output:
	// 384 dimensions
	// in other words: true
	// another matter: false
}
