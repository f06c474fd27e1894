package wordpiece

import (
	"strings"
	"testing"
)

func BenchmarkEncode(b *testing.B) {
	tok := tokenizer(b)
	for _, c := range []struct{ name, text string }{
		{"16tokens", "How can I change the email address that is linked to my account?"},
		{"english4KB", strings.Repeat("Please explain the difference between a semantic cache and an exact one. ", 56)},
		{"mixed4KB", strings.Repeat("Größe, пароль, 비밀번호, 東京, كلمة, मैं अपना! ", 64)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			dst := make([]int32, 0, 8192)
			for b.Loop() {
				dst = tok.Encode(dst[:0], c.text, 8192)
			}
			b.ReportMetric(float64(len(dst)), "ids")
		})
	}
}

func BenchmarkNew(b *testing.B) {
	vocab := vocabulary(b)
	for b.Loop() {
		if _, err := New(vocab); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseRunes(b *testing.B) {
	for b.Loop() {
		if _, err := parseRunes(runesText); err != nil {
			b.Fatal(err)
		}
	}
}
