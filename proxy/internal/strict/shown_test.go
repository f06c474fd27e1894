package strict

import (
	"strings"
	"testing"
)

func TestShown(t *testing.T) {
	for _, name := range []string{"", "my-key", "gpt-4o", "open-ai", "team.prod_2", strings.Repeat("x", 64), "deadbeef", "web_search_20250305"} {
		if got := Shown(name); got != name {
			t.Errorf("%q is shown as %q", name, got)
		}
	}
	for _, key := range []string{
		"sk-abc", `"sk-abc"`, "SK-abc", "rpk_abc", "AIzaabc", "bearer abc", strings.Repeat("x", 65), strings.Repeat("0123456789abcdef", 2), strings.Repeat("AB", 16),
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
