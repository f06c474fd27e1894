package cache

import "context"

// Embedder turns texts into unit vectors. Vectors of one ID are comparable; those of two are not, and the cache
// never mixes them. It must be safe for concurrent use.
type Embedder interface {
	// ID names the model and the revision of its weights; it is stored with the vectors.
	ID() string
	// Dim is the length of every vector.
	Dim() int
	// Embed returns one vector for each text, in order. The cache does not write to them.
	Embed(ctx context.Context, texts []string) ([][]float32, error)
}

// Verifier reads two questions together and says how likely one answer serves both, which no comparison of their
// vectors can. It must be safe for concurrent use.
type Verifier interface {
	// ID names the model and the revision of its weights.
	ID() string
	// Verify returns for each candidate the probability, in 0..1, that its answer serves the question.
	Verify(ctx context.Context, question string, candidates []string) ([]float64, error)
}
