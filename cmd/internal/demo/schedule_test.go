package demo

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
)

func TestInOrderKeepsPrerequisites(t *testing.T) {
	asks := mustData(t).asks
	before := prerequisites(asks)
	if chained := slices.ContainsFunc(before, func(b []int) bool { return len(b) > 1 }); !chained {
		t.Error("no ask waits for two: traps must come after what they resemble")
	}
	for _, limit := range []int{1, 7, len(asks)} {
		var mu sync.Mutex // guards finished
		finished := make([]bool, len(asks))
		err := inOrder(t.Context(), asks, limit, func(_ context.Context, i int) error {
			mu.Lock()
			defer mu.Unlock()
			for _, j := range before[i] {
				if !finished[j] {
					t.Errorf("ask %d ran before %d", i, j)
				}
			}
			finished[i] = true
			return nil
		})
		if err != nil || slices.Contains(finished, false) {
			t.Errorf("limit %d: %v, or not all ran", limit, err)
		}
	}
}

func TestInOrderEndsOnErrors(t *testing.T) {
	asks := mustData(t).asks
	boom := errors.New("boom")
	if err := inOrder(t.Context(), asks, 4, func(_ context.Context, i int) error {
		if i == 20 {
			return boom
		}
		return nil
	}); !errors.Is(err, boom) {
		t.Errorf("error = %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := inOrder(ctx, asks, 4, func(_ context.Context, i int) error {
		if i == 20 {
			cancel()
		}
		return nil
	}); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
}
