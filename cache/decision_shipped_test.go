package cache_test

import (
	"testing"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/embed"
)

// The decision in the binary must be of the models in the binary: another verifier needs another fit, by
//
//	go run ./cmd/reprise bench fit --pairs embed/train/data --out cache/decision.json
func TestDecisionIsOfTheShippedModels(t *testing.T) {
	embedder, err := embed.NewMiniLM()
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := embed.NewVerifier(embedder)
	if err != nil {
		t.Fatal(err)
	}
	d, err := cache.NewDecider(cache.Options{Embedder: embedder, Verifier: verifier})
	if err != nil {
		t.Fatal(err)
	}
	if !d.Fitted() {
		t.Errorf("cache/decision.json is not fitted for %s and %s: fit it anew", embedder.ID(), verifier.ID())
	}
}
