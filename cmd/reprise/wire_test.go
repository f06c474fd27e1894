package main

import (
	"strings"
	"testing"

	"github.com/reprise-cache/reprise/cache"
	"github.com/reprise-cache/reprise/cmd/internal/config"
)

// TestTightenedBudgetIsNamed: the log says which budget it was, whose hits the figures are of.
func TestTightenedBudgetIsNamed(t *testing.T) {
	var out strings.Builder
	tell := tellBudget(newLogger(config.Log{Level: "info", Format: "text"}, &out))
	tell(cache.FalseHits{Namespace: "shop", Budget: 0.03, Hits: 400, Checked: 100, Share: 0.2, Low: 0.13, High: 0.29, Tighten: 0.0625})
	tell(cache.FalseHits{Namespace: "shop", Budget: 0.03, Tighten: 1})
	tightened, relaxed, _ := strings.Cut(out.String(), "\n")
	for _, want := range []string{"is tightened", "namespace=shop budget=0.03 factor=0.0625 hits=400", "wrong_share=0.2 low=0.13"} {
		if !strings.Contains(tightened, want) {
			t.Errorf("no %q in %s", want, tightened)
		}
	}
	if !strings.Contains(relaxed, "what it was set to again") || !strings.Contains(relaxed, "budget=0.03 factor=1") {
		t.Errorf("relaxed: %s", relaxed)
	}
}
