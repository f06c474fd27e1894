package embed

import (
	"testing"

	"github.com/reprise-cache/reprise/embed/internal/pages"
	"github.com/reprise-cache/reprise/embed/internal/weights"
)

// TestReleaseLosesNothing holds the embedded files to have the bytes that they were built with after their pages were given up.
func TestReleaseLosesNothing(t *testing.T) {
	pages.Release(minilmFile)
	pages.Release(verifierFile)
	pages.Release("")
	pages.Release(minilmFile[:1])
	if got := weights.Digest(minilmFile); got != minilmDigest {
		t.Errorf("the encoder's file has digest %s after release, want %s", got, minilmDigest)
	}
	if got := weights.Digest(verifierFile); got != verifierDigest {
		t.Errorf("the verifier's file has digest %s after release, want %s", got, verifierDigest)
	}
}
