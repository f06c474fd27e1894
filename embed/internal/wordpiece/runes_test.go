package wordpiece

import (
	"math/rand/v2"
	"testing"
)

// TestDraft holds the table of many spans that lie over each other, of all lengths, to what setting one code point after
// the other gives.
func TestDraft(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var d draft
	want := make([]action, maxRune+1)
	for range 400 {
		low := rune(r.IntN(maxRune + 1))
		high := min(low+rune(r.IntN(1<<r.IntN(16))), maxRune)
		step, a := rune(1+r.IntN(2)), action{kind: drop, delta: int32(r.IntN(3))}
		if r.IntN(2) == 0 { // from the start of one block to the end of another
			low, high = low&^(blockSize-1), high|(blockSize-1)
		}
		d.fill(low, high, step, a)
		for i := low; i <= high; i += step {
			want[i] = a
		}
	}
	var table runeTable
	table.compress(&d)
	for i, a := range want {
		if got := table.action(rune(i)); got != a {
			t.Fatalf("code point %X: %v, want %v", i, got, a)
		}
	}
}
