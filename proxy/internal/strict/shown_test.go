package strict

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestShown(t *testing.T) {
	for _, name := range []string{"", "my-key", "gpt-4o", "open-ai", "team.prod_2", strings.Repeat("x", 64), "deadbeef", "web_search_20250305", "claude-sonnet-4-5-20250929", "0b9a6c1e-3d5f-4a7b-8c9d-0e1f2a3b4c5d"} {
		if got := Shown(name); got != name {
			t.Errorf("%q is shown as %q", name, got)
		}
	}
	for _, key := range []string{
		"sk-abc", `"sk-abc"`, "SK-abc", "rpk_abc", "AIzaabc", "bearer abc", strings.Repeat("x", 65), strings.Repeat("0123456789abcdef", 2), strings.Repeat("AB", 16), "aB3dE5gH7jK9mN1pQ3sT5vW7xY9zA1cD",
		"aB3dE5gH7jK9mN1pQ3sT5vW7xY9zA1cD5eF7gH9k", "metadata.sk-abc", "my aB3dE5gH7jK9mN1pQ3sT5vW7xY9zA1cD",
	} {
		if got := Shown(key); strings.Contains(got, key[3:]) {
			t.Errorf("%q is shown as %q", key, got)
		}
	}
	if got := ShownWord("fallback"); got != "fallback" {
		t.Errorf("a word is shown as %q", got)
	}
	if got := ShownWord("a-word-that-no-mode-is-called"); len(got) > 8 {
		t.Errorf("no word is shown as %q", got)
	}
	for v, want := range map[string]string{`7`: "7", `"sk-abc"`: "a string", `["sk-abc"]`: "an array", `{}`: "an object", `null`: "null"} {
		if got := ShownValue([]byte(v)); got != want {
			t.Errorf("%s is shown as %q", v, got)
		}
	}
}

// TestUnder: a path that a client chose a name of is short, of one line, and without a key.
func TestUnder(t *testing.T) {
	for name, want := range map[string]string{
		"weight": "a[1].weight", "sk-abcdef": "a[1].sk-…", strings.Repeat("x", 1<<20): "a[1].xxx…", "ü\n": "a[1].??",
	} {
		if got := Under("a[1]", name); got != want {
			t.Errorf("%.40q is at %q, want %q", name, got, want)
		}
	}
	if got := Under("a.sk-…", "$eq"); got != "a.sk-….$eq" {
		t.Errorf("got %q", got)
	}
	for n := 190; n < 210; n++ {
		if got := Under(strings.Repeat("x", n), "sk-abcdef"); !utf8.ValidString(got) || len(got) > 210 {
			t.Errorf("%q", got)
		}
	}
}
