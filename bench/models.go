package bench

import "github.com/reprise-cache/reprise/embed"

// models loads both models of the binary.
func models() (*embed.MiniLM, *embed.Verifier, error) {
	embedder, err := embed.NewMiniLM()
	if err != nil {
		return nil, nil, err
	}
	verifier, err := embed.NewVerifier(embedder)
	return embedder, verifier, err
}
