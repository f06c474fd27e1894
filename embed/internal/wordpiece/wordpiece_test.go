package wordpiece

import (
	"os"
	"slices"
	"strings"
	"testing"
)

func vocabulary(t testing.TB) []string {
	t.Helper()
	b, err := os.ReadFile("../../model/vocab.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
}

func tokenizer(t testing.TB) *Tokenizer {
	t.Helper()
	tok, err := New(vocabulary(t))
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestEncodeAppends(t *testing.T) {
	got := tokenizer(t).Encode([]int32{-7}, "Hello, Wörld!", 512)
	want := []int32{-7, 101, 7592, 1010, 2088, 999, 102}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
