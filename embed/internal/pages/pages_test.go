package pages

import "testing"

// TestHugeChangesNothing holds memory of any length and place to keep its bytes.
func TestHugeChangesNothing(t *testing.T) {
	b := make([]int8, 3*hugePage)
	for i := range b {
		b[i] = int8(i % 251)
	}
	for _, part := range [][]int8{nil, b[:0], b[:1], b[1:], b[hugePage-1 : 2*hugePage+1], b} {
		Huge(part)
	}
	for i := range b {
		if b[i] != int8(i%251) {
			t.Fatalf("byte %d is %d, want %d", i, b[i], int8(i%251))
		}
	}
}
