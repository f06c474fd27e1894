package embed

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/reprise-cache/reprise/embed/internal/kernel"
)

// BenchmarkNewMiniLM is the cold start: digest, tokenizer, weights.
func BenchmarkNewMiniLM(b *testing.B) {
	for _, name := range kernel.Names() {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				load(b, name)
			}
		})
	}
}

// BenchmarkEmbed is a question of 16 tokens that the memo has not seen, by itself and from many callers at once.
func BenchmarkEmbed(b *testing.B) {
	m := load(b, kernel.Names()[0])
	var n atomic.Int64
	question := func() []string {
		return []string{fmt.Sprintf("how do i reset the password of account %s", strings.Join(strings.Split(fmt.Sprintf("%06d", n.Add(1)), ""), " "))}
	}
	if ids := m.cut(question()[0])[0]; len(ids) != 16 {
		b.Fatalf("%d tokens, want 16", len(ids))
	}
	b.Run("one", func(b *testing.B) {
		for b.Loop() {
			if _, err := m.Embed(context.Background(), question()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("many", func(b *testing.B) {
		b.SetParallelism(8)
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if _, err := m.Embed(context.Background(), question()); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}
