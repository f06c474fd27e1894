package bench

import (
	"context"
	"sync"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/embed"
)

// memo is both models, each of which works on a text or pair once, however many policies ask.
type memo struct {
	*embed.MiniLM
	judge *embed.Verifier

	mu      sync.Mutex // guards vectors and pairs; not held while a model works
	vectors map[string][]float32
	pairs   map[[2]string]float64
}

func newMemo() (*memo, error) {
	embedder, verifier, err := models()
	return &memo{MiniLM: embedder, judge: verifier, vectors: map[string][]float32{}, pairs: map[[2]string]float64{}}, err
}

// Embed remembers.
func (m *memo) Embed(ctx context.Context, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i, t := range texts {
		m.mu.Lock()
		out[i] = m.vectors[t]
		m.mu.Unlock()
		if out[i] != nil {
			continue
		}
		vecs, err := m.MiniLM.Embed(ctx, []string{t})
		if err != nil {
			return nil, err
		}
		out[i] = vecs[0]
		m.mu.Lock()
		m.vectors[t] = vecs[0]
		m.mu.Unlock()
	}
	return out, nil
}

// verifier is the memo as a verifier; the embedder has an ID, too.
func (m *memo) verifier() cache.Verifier { return memoVerifier{m} }

type memoVerifier struct{ *memo }

func (m memoVerifier) ID() string { return m.judge.ID() }

func (m memoVerifier) Verify(ctx context.Context, q string, candidates []string) ([]float64, error) {
	out := make([]float64, len(candidates))
	for i, c := range candidates {
		m.mu.Lock()
		p, known := m.pairs[[2]string{q, c}]
		m.mu.Unlock()
		if !known {
			ps, err := m.judge.Verify(ctx, q, []string{c})
			if err != nil {
				return nil, err
			}
			p = ps[0]
			m.mu.Lock()
			m.pairs[[2]string{q, c}] = p
			m.mu.Unlock()
		}
		out[i] = p
	}
	return out, nil
}
