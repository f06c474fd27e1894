package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPairFiles reads files as people's editors and tools leave them, and expects of a bad one its line.
func TestPairFiles(t *testing.T) {
	const good = `{"a":"x","b":"y","same":true}`
	for name, c := range map[string]struct {
		text  string
		pairs int
		err   string
	}{
		"byte order mark, CRLF, blank lines": {"\xef\xbb\xbf" + good + "\r\n\r\n" + good + "\r\n\n", 2, ""},
		"no end of line":                     {good, 1, ""},
		"nothing":                            {"", 0, ""},
		"no label":                           {good + "\n" + `{"a":"x","b":"y"}`, 0, "line 2: a, b and same"},
		"null label":                         {`{"a":"x","b":"y","same":null}`, 0, "line 1: a, b and same"},
		"no JSON":                            {"a,b\n", 0, "line 1: "},
		"a huge line":                        {good + "\n" + strings.Repeat("x", maxLine+1), 0, "line 2: longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "pairs.jsonl")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			pairs, err := ReadPairs(path)
			if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) || c.err == "" && (err != nil || len(pairs) != c.pairs) {
				t.Errorf("%d pairs, %v", len(pairs), err)
			}
		})
	}
}
