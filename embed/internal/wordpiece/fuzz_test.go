package wordpiece

import (
	"slices"
	"testing"
)

var fuzzSeeds = []string{
	"", "hello world", "[SEP][CLS]", "İstanbul", "a\u1b44\u08d4\u0cc6\u302e", "\xff\xf0\x9f", "각가", "\x00\u200b\ufffd", "漢字!", "[SE",
}

func FuzzEncode(f *testing.F) {
	for i, s := range fuzzSeeds {
		f.Add(s, 2+i*3)
	}
	tok := tokenizer(f)
	size := int32(len(vocabulary(f)))
	f.Fuzz(func(t *testing.T, text string, limit int) {
		got := tok.Encode(nil, text, limit)
		if limit < 2 {
			if len(got) > 0 {
				t.Fatalf("limit %d: %v", limit, got)
			}
			return
		}
		checkIDs(t, got, limit, size)
		// A cut is the head of the whole.
		whole := tok.Encode(nil, text, len(text)*3+2)
		head := whole[:min(len(whole), limit)-1]
		if !slices.Equal(got[:len(got)-1], head) {
			t.Fatalf("limit %d: %v is not the head of %v", limit, got, whole)
		}
		unread := 0
		for _, id := range tok.Plain().Encode(nil, text, len(text)*3+2) {
			if id == tok.unk {
				unread++
			}
		}
		if words := tok.Plain().Unread(text); len(words) != unread {
			t.Fatalf("%d unread words %+v, but %d ids of [UNK]", len(words), words, unread)
		}
	})
}

func FuzzEncodePair(f *testing.F) {
	for i, s := range fuzzSeeds {
		f.Add(s, fuzzSeeds[len(fuzzSeeds)-1-i], 3+i*3)
	}
	tok := tokenizer(f)
	size := int32(len(vocabulary(f)))
	f.Fuzz(func(t *testing.T, a, b string, limit int) {
		got, second := tok.EncodePair(nil, a, b, limit)
		if limit < 3 {
			if len(got) > 0 || second != 0 {
				t.Fatalf("limit %d: %v, %d", limit, got, second)
			}
			return
		}
		checkIDs(t, got, limit, size)
		if second < 2 || second >= len(got) || got[second-1] != tok.sep {
			t.Fatalf("second segment at %d of %v", second, got)
		}
		// Each segment is the head of what its text gives alone, and room is left only if both are whole.
		wholeA := tok.Encode(nil, a, len(a)*3+2)
		wholeB := tok.Encode(nil, b, len(b)*3+2)
		ka, kb := second-2, len(got)-second-1
		if !slices.Equal(got[1:1+ka], wholeA[1:1+ka]) || !slices.Equal(got[second:second+kb], wholeB[1:1+kb]) {
			t.Fatalf("%v is not made of the heads of %v and %v", got, wholeA, wholeB)
		}
		if len(got) != min(limit, len(wholeA)+len(wholeB)-1) {
			t.Fatalf("%d ids of %d and %d with limit %d", len(got), len(wholeA), len(wholeB), limit)
		}
	})
}

func checkIDs(t *testing.T, ids []int32, limit int, size int32) {
	t.Helper()
	if len(ids) > limit || ids[0] != 101 || ids[len(ids)-1] != 102 {
		t.Fatalf("%d ids with limit %d: %v", len(ids), limit, ids)
	}
	for _, id := range ids {
		if id < 0 || id >= size {
			t.Fatalf("id %d is not in the vocabulary", id)
		}
	}
}
