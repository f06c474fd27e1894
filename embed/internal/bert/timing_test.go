package bert

import (
	"fmt"
	"testing"

	"github.com/reprise-cache/reprise/embed/internal/kernel"
)

// BenchmarkEncode times one sequence on one goroutine, by kernel and by length: what embed/train/onnx_baseline.py times
// for onnxruntime, but for the mean.
func BenchmarkEncode(b *testing.B) {
	for _, name := range kernel.Names() {
		m := load(b, name)
		a := m.NewArena(128)
		for _, n := range []int{8, 16, 32, 128} {
			batch := []Sequence{sequence(n, 1)}
			b.Run(fmt.Sprintf("%s/tokens=%d", name, n), func(b *testing.B) {
				for b.Loop() {
					if _, err := m.Run(a, batch, never); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkThroughput encodes batches of 4 times 16 tokens on as many goroutines as -cpu says, each with its own arena: compare
// -cpu 1,2 for what a second core adds.
func BenchmarkThroughput(b *testing.B) {
	m := load(b, kernel.Names()[0])
	b.RunParallel(func(p *testing.PB) {
		a, batch := m.NewArena(64), []Sequence{sequence(16, 1), sequence(16, 2), sequence(16, 3), sequence(16, 4)}
		for p.Next() {
			if _, err := m.Run(a, batch, never); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
