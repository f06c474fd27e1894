package wire

import (
	"strings"
	"testing"
)

// TestEnding holds that the last event is seen as soon as its mark is whole, wherever the pieces of a stream cut it, and not before.
func TestEnding(t *testing.T) {
	for _, d := range Dialects {
		for _, mark := range d.marks {
			if len(mark) > maxMark {
				t.Errorf("%s: the mark %s is longer than %d", d.Name, mark, maxMark)
			}
			stream := []byte(strings.Repeat("data: {}\n\n", 5) + "data: " + mark + "\n\n")
			end := len(stream) - len("\n\n")
			for i := range len(stream) + 1 {
				for j := i; j <= len(stream); j++ {
					e, at := Ending{Dialect: d}, 0
					for _, cut := range []int{i, j, len(stream)} {
						near := e.Near(stream[at:cut])
						if at = cut; near != (at >= end) {
							t.Fatalf("%s, cut at %d and %d: %v after %d bytes of %d", d.Name, i, j, near, at, end)
						}
					}
				}
			}
			e := Ending{Dialect: d}
			for i := range stream {
				if near := e.Near(stream[i : i+1]); near != (i+1 >= end) {
					t.Fatalf("%s, byte by byte: %v after %d of %d", d.Name, near, i+1, end)
				}
			}
		}
	}
}
